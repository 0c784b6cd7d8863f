//! A pool of workers over a server: the same program, with another address.

use std::{process, time::Duration};

use serde::{Deserialize, Serialize};
use support::{LONG, until};
use sysv_primitives::{
    Channel, Request, Router, WorkerPool, messages,
    workers::{self, JobError, WorkerPoolOptions},
};

use crate::server::{Server, is_installed};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Act {
    Square(u64),
    Panic,
    /// Kills its process up to this attempt.
    KillUpTo(u32),
    Sleep(Duration),
}
messages! { 1 => Act }

impl Request for Act {
    type Response = (u64, u32);
}

fn router() -> Router<'static> {
    let mut router = Router::new();
    let handled = router.respond(|act: Act| {
        match act {
            Act::Square(number) => return (number * number, workers::attempt()),
            Act::Panic => panic!("on purpose"),
            Act::KillUpTo(attempt) if workers::attempt() <= attempt => {
                let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
            }
            Act::KillUpTo(_) => {}
            Act::Sleep(time) => std::thread::sleep(time),
        }
        (u64::from(process::id()), workers::attempt())
    });
    handled.expect("it is the only one");
    router
}

/// Starts a pool. In a worker this does not return. The pool is to be dropped first, and so comes last.
fn start(
    test: &str,
    server: impl FnOnce() -> Server,
    with: impl FnOnce(WorkerPoolOptions) -> WorkerPoolOptions,
) -> (Server, WorkerPool) {
    if let Some(pool) = WorkerPool::name_in_worker() {
        let _ = WorkerPool::options().start(pool, router());
        unreachable!("a worker ends there");
    }
    let server = server();
    let options = with(WorkerPool::options().workers(2).rerun_test(&format!("pool::{test}")));
    let pool = options.start(&server.address("pool"), router()).unwrap();
    (server, pool)
}

#[test]
fn jobs_are_done() {
    if !is_installed() {
        return;
    }
    let (_server, pool) = start("jobs_are_done", Server::start, |options| options.in_flight(8));
    let mut squares: Vec<u64> = pool.map((0..60).map(Act::Square)).map(|done| done.result.unwrap().0).collect();
    squares.sort_unstable();
    assert_eq!(squares, (0..60).map(|number| number * number).collect::<Vec<_>>());
    let ordered: Vec<u64> = pool.map_ordered((0..20).map(Act::Square)).map(|done| done.result.unwrap().0).collect();
    assert_eq!(ordered, (0..20).map(|number| number * number).collect::<Vec<_>>());
    assert!(
        matches!(pool.submit(&Act::Panic).unwrap().wait(), Err(JobError::Panicked { message }) if message == "on purpose")
    );
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.done, report.panicked, report.crashed, report.running), (80, 1, 0, 0), "{report}");
}

/// The supervisor has seen the death, so the job comes back at once, and not after a lease.
#[test]
fn a_killed_worker_costs_its_job_one_attempt() {
    if !is_installed() {
        return;
    }
    let start = start("a_killed_worker_costs_its_job_one_attempt", Server::start, |options| options.attempts(2));
    let (_server, pool) = start;
    let (_, attempt) = pool.submit(&Act::KillUpTo(1)).unwrap().wait().unwrap();
    assert_eq!(attempt, 2);
    let Err(JobError::SetAside { attempts, .. }) = pool.submit(&Act::KillUpTo(9)).unwrap().wait() else {
        panic!("it is set aside")
    };
    assert_eq!(attempts.len(), 2);
    assert!(attempts.iter().all(|attempt| attempt.to_string().contains("signal: 9")), "{attempts:?}");
    assert_eq!(pool.submit(&Act::Square(3)).unwrap().wait().unwrap().0, 9);
    assert_eq!(pool.report().unwrap().set_aside, 1);
}

#[test]
fn a_job_that_takes_too_long() {
    if !is_installed() {
        return;
    }
    let with = |options: WorkerPoolOptions| options.attempts(1).job_timeout(Duration::from_secs(1));
    let (_server, pool) = start("a_job_that_takes_too_long", Server::start, with);
    let Err(JobError::SetAside { attempts, .. }) = pool.submit(&Act::Sleep(LONG)).unwrap().wait() else {
        panic!("it is set aside")
    };
    assert_eq!(attempts[0].cause, sysv_primitives::Cause::TimedOut);
}

#[cfg(feature = "async")]
#[test]
fn jobs_as_futures() {
    use std::{
        future::poll_fn,
        pin::Pin,
        sync::Arc,
        task::{Context, Wake},
    };

    use futures_core::Stream;

    struct Ignores;

    impl Wake for Ignores {
        fn wake(self: Arc<Self>) {}
    }

    if !is_installed() {
        return;
    }
    let (_server, pool) = start("jobs_as_futures", Server::start, |options| options.in_flight(4));
    pollster::block_on(async {
        let job = pool.submit_async(&Act::Square(3)).await.unwrap();
        assert_eq!(job.await.unwrap().0, 9);
        let mut squares = pool.map((0..40).map(Act::Square)).into_stream();
        let mut found = Vec::new();
        while let Some(done) = poll_fn(|context| Pin::new(&mut squares).poll_next(context)).await {
            found.push(done.result.unwrap().0);
        }
        found.sort_unstable();
        assert_eq!(found, (0..40).map(|number| number * number).collect::<Vec<_>>());
    });
    // A stream that is dropped while its jobs run leaves no waker behind.
    let waker = Arc::new(Ignores);
    let mut sleeps = pool.map((0..2).map(|_| Act::Sleep(Duration::from_millis(300)))).into_stream();
    for _ in 0..9 {
        let waker = Arc::clone(&waker).into();
        assert!(Pin::new(&mut sleeps).poll_next(&mut Context::from_waker(&waker)).is_pending());
    }
    assert!(Arc::strong_count(&waker) > 1, "it waits");
    drop(sleeps);
    assert_eq!(Arc::strong_count(&waker), 1);
    pool.drain(LONG).unwrap();
}

/// Jobs that run go on, and others wait for the server.
#[test]
fn the_server_is_restarted_under_running_jobs() {
    if !is_installed() {
        return;
    }
    // With a lease that the server's absence does not end, however slow this machine is.
    let with = |options: WorkerPoolOptions| options.channel(Channel::options().lease(LONG));
    let (mut server, pool) = start("the_server_is_restarted_under_running_jobs", Server::start, with);
    let mut jobs: Vec<_> = (0..6).map(|_| pool.submit(&Act::Sleep(Duration::from_millis(300))).unwrap()).collect();
    until(|| pool.report().unwrap().running > 0);
    server.kill();
    server.restart();
    for job in &mut jobs {
        job.wait_timeout(LONG).unwrap();
    }
    assert_eq!(pool.submit(&Act::Square(4)).unwrap().wait().unwrap().0, 16);
    assert_eq!(pool.drain(LONG).unwrap().retried, 0, "no job was begun twice");
}

/// Jobs are submitted as their results are taken, and wait for the server as well.
#[test]
fn the_server_is_restarted_under_a_map() {
    if !is_installed() {
        return;
    }
    let with = |options: WorkerPoolOptions| options.channel(Channel::options().lease(LONG)).in_flight(4);
    let (mut server, pool) = start("the_server_is_restarted_under_a_map", Server::start, with);
    let mut squares = pool.map((0..200).map(Act::Square));
    let mut take = |count: usize| (0..count).all(|_| squares.next().is_some_and(|done| done.result.is_ok()));
    assert!(take(50));
    server.kill();
    std::thread::scope(|scope| {
        let (is_done, done) = std::sync::mpsc::channel::<()>();
        // It comes back when a job was refused, or waits. It ends with the thread that has started it.
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            server.restart();
            let _ = done.recv();
        });
        assert!(take(150));
        drop(is_done);
    });
    assert!(squares.next().is_none());
}
