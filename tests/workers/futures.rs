//! Jobs that are awaited.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_core::Stream;
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

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Streams of two threads, one of them in the order of the jobs, and a thread that waits for single jobs beside them.
#[test]
fn streamed_results() {
    let channel = Channel::options().capacity(4);
    let pool = start(options(streamed_results).in_flight(16).channel(channel));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            within(async {
                let mut squares = pool.map_ordered((0..300).map(Square)).into_stream();
                for number in 0..300 {
                    assert_eq!(next(&mut squares).await.unwrap().result.unwrap(), number * number);
                }
                assert!(next(&mut squares).await.is_none());
            });
        });
        scope.spawn(|| {
            for number in 0..100 {
                assert_eq!(pool.submit(&Square(number)).unwrap().wait().unwrap(), number * number);
            }
        });
        within(async {
            let mut squares = pool.map((0..300).map(Square)).into_stream();
            let mut is_done = [false; 300];
            while let Some(done) = next(&mut squares).await {
                assert_eq!(done.result.unwrap(), done.job.0 * done.job.0);
                assert!(!std::mem::replace(&mut is_done[done.index], true), "once");
            }
            assert_eq!(is_done, [true; 300]);
        });
    });
}

/// Each job comes back once, whichever worker dies.
#[test]
fn streamed_beside_deaths() {
    let pool = start(options(streamed_beside_deaths).attempts(2));
    let jobs = (0..40).map(|number| match number % 10 {
        0 => Act::KillUpTo(1),
        5 => Act::Panic("no".to_owned()),
        _ => Act::Nothing,
    });
    let (mut done, mut panicked) = (0, 0);
    within(async {
        let mut results = pool.map(jobs).into_stream();
        while let Some(finished) = next(&mut results).await {
            match finished.result {
                Ok(_) => done += 1,
                Err(JobError::Panicked { .. }) => panicked += 1,
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!((done, panicked), (36, 4));
}

/// The jobs that were not begun end with the pool, and so does the stream.
#[test]
fn streamed_when_the_pool_ends() {
    let pool = start(options(streamed_when_the_pool_ends).workers(1).in_flight(3));
    let jobs = (0..9).map(|_| Act::Sleep(Duration::from_millis(300)));
    std::thread::scope(|scope| {
        let results = scope.spawn(|| {
            within(async {
                let mut results = pool.map_ordered(jobs).into_stream();
                let mut ends = Vec::new();
                while let Some(finished) = next(&mut results).await {
                    ends.push(finished.result.is_ok());
                }
                ends
            })
        });
        until(|| pool.report().unwrap().running == 1);
        pool.drain(LONG).unwrap();
        let ends = results.join().unwrap();
        assert!(ends.len() <= 5 && ends[0] && ends.last() == Some(&false), "{ends:?}");
    });
}

/// It waits for its jobs, and is dropped: what was not begun is cancelled.
#[test]
fn dropped_streams() {
    let pool = start(options(dropped_streams).workers(1).in_flight(5));
    let waker = Waker::from(Arc::new(NoTask));
    let context = &mut Context::from_waker(&waker);
    let mut results = pool.map((0..9).map(|_| Act::Sleep(Duration::from_millis(200)))).into_stream();
    for _ in 0..3 {
        assert!(Pin::new(&mut results).poll_next(context).is_pending());
    }
    until(|| pool.report().unwrap().running == 1);
    drop(results);
    assert!(pool.submit(&Act::Nothing).unwrap().wait().unwrap().is_ok());
    assert!(pool.report().unwrap().done <= 3, "four of five were not begun");
}
