//! Jobs that are awaited.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use support::{LONG, until};
use sysv_primitives::{
    Channel,
    workers::{JobError, WorkersError},
};

use crate::jobs::{Act, Square, options, start};

/// A job that is lost would be awaited for ever.
fn within<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, future).await }).expect("it ends")
}

/// Two workers do four jobs that one thread awaits, while other threads wait for jobs of the same pool.
#[test]
fn awaited_beside_threads() {
    let pool = start(options(awaited_beside_threads));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            for number in 0..200 {
                assert_eq!(pool.submit(&Square(number)).unwrap().wait().unwrap(), number * number);
            }
        });
        for number in 0..100 {
            let [a, b, c, d] = [0, 1, 2, 3].map(|more| pool.submit(&Square(number + more)).unwrap());
            let results = within(async { (a.await.unwrap(), d.await.unwrap(), b.await.unwrap(), c.await.unwrap()) });
            let squares = [0, 3, 1, 2].map(|more| (number + more) * (number + more));
            assert_eq!(<[u64; 4]>::from(results), squares);
        }
        waiting.join().unwrap();
    });
}

/// What ends a job otherwise: a panic, the death of each worker, and of the first one alone.
#[test]
fn awaited_beside_deaths() {
    let pool = start(options(awaited_beside_deaths).attempts(2));
    let panics = within(pool.submit(&Act::Panic("no".to_owned())).unwrap());
    assert!(matches!(&panics, Err(JobError::Panicked { message }) if message == "no"), "{panics:?}");
    let kills = within(pool.submit(&Act::KillUpTo(9)).unwrap());
    assert!(matches!(&kills, Err(JobError::SetAside { attempts, .. }) if attempts.len() == 2), "{kills:?}");
    let second = within(pool.submit(&Act::KillUpTo(1)).unwrap()).unwrap().unwrap();
    assert_eq!(second.attempt, 2);
}

/// The end of the pool ends the future of a job that was not begun, which sleeps.
#[test]
fn awaited_when_the_pool_ends() {
    let pool = start(options(awaited_when_the_pool_ends).workers(1));
    let running = pool.submit(&Act::Sleep(Duration::from_millis(300))).unwrap();
    until(|| pool.report().unwrap().running == 1);
    let behind = pool.submit(&Act::Nothing).unwrap();
    std::thread::scope(|scope| {
        let ends = scope.spawn(move || within(async { (running.await, behind.await) }));
        std::thread::sleep(Duration::from_millis(50));
        pool.drain(LONG).unwrap();
        let (running, behind) = ends.join().unwrap();
        assert!(running.unwrap().is_ok(), "it was done");
        assert!(matches!(behind, Err(JobError::Ended(WorkersError::Drained { .. }))), "{behind:?}");
    });
}

struct NoTask;

impl Wake for NoTask {
    fn wake(self: Arc<Self>) {}
}

/// A future that is dropped leaves its job to the workers. One that was borrowed goes on, and gives its result once.
#[test]
fn dropped_futures() {
    let pool = start(options(dropped_futures).workers(1));
    let waker = Waker::from(Arc::new(NoTask));
    let context = &mut Context::from_waker(&waker);
    let mut kept = pool.submit(&Act::Sleep(Duration::from_millis(100))).unwrap();
    {
        let mut dropped = pin!(pool.submit(&Act::Nothing).unwrap());
        for _ in 0..3 {
            assert!(dropped.as_mut().poll(context).is_pending());
            assert!(pin!(&mut kept).poll(context).is_pending());
        }
    }
    kept.wait_timeout(LONG).unwrap().unwrap();
    assert!(matches!(pin!(&mut kept).poll(context), Poll::Ready(Err(JobError::Lost { .. }))));
    until(|| pool.report().unwrap().done == 2);
}

/// Jobs wait for room in a full channel: they are submitted when others are taken, or fail when the pool is drained.
#[test]
fn submitted_by_futures() {
    let channel = Channel::options().capacity(1);
    let pool = start(options(submitted_by_futures).workers(1).channel(channel));
    let done = within(async {
        let mut done = 0;
        for number in 0..50 {
            let (one, other) = (pool.submit_async(&Square(number)).await, pool.submit_async(&Square(3)).await);
            done += u64::from(one.unwrap().await.unwrap() == number * number);
            done += u64::from(other.unwrap().await.unwrap() == 9);
        }
        done
    });
    assert_eq!(done, 100);
    let mut running = pool.submit(&Act::Sleep(Duration::from_millis(300))).unwrap();
    until(|| pool.report().unwrap().running == 1);
    while let Ok(job) = pool.try_submit(&Act::Nothing) {
        job.detach();
    }
    std::thread::scope(|scope| {
        let submits = scope.spawn(|| within(pool.submit_async(&Act::Nothing)).map(drop));
        std::thread::sleep(Duration::from_millis(50));
        pool.drain(LONG).unwrap();
        let refused = submits.join().unwrap();
        assert!(matches!(refused, Err(JobError::Ended(_))), "{refused:?}");
    });
    running.wait_timeout(LONG).unwrap().unwrap();
}
