//! Workers that die, at any moment and for any reason.

use std::{
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use support::{LONG, say, until};
use sysv_primitives::{
    Cause,
    workers::{JobError, Stream, WorkersError},
};

use crate::jobs::{Act, Square, act, options, serve_if_worker, start};

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).expect("it is our worker");
}

/// A worker that is killed takes no job with it, and disturbs no other one.
#[test]
fn killed_at_random() {
    let pool = start(options(killed_at_random).workers(3).attempts(20));
    let jobs = (0..300).map(Act::from_number);
    let mut kills = 0;
    let mut left = vec![1_u8; 300];
    for (taken, done) in pool.map(jobs).enumerate() {
        left[done.index] -= 1;
        done.result.unwrap().unwrap();
        if taken % 10 == 5
            && let Some(&victim) = fastrand::choice(&pool.worker_ids())
        {
            // It may have ended already, and is not reaped before the pool has forgotten it.
            let _ = kill(Pid::from_raw(victim.cast_signed()), Signal::SIGKILL);
            kills += 1;
        }
    }
    assert_eq!((left.iter().sum::<u8>(), kills), (0, 30), "each comes back once");
    let report = pool.drain(LONG).unwrap();
    assert!(report.crashed >= 20 && report.failed_starts + report.crashed <= 60, "{report}");
    assert_eq!(report.depth() + report.set_aside, 0, "{report}");
}

impl Act {
    fn from_number(number: u64) -> Self {
        Self::Sleep(Duration::from_millis(number % 7))
    }
}

/// The job of a dead worker comes back at once, and other jobs are not affected.
#[test]
fn redelivered_at_once() {
    let pool = start(options(redelivered_at_once));
    act(&pool, Act::Nothing).unwrap();
    let mut other = pool.submit(&Act::Sleep(Duration::from_millis(200))).unwrap();
    let begun = Instant::now();
    let done = act(&pool, Act::KillUpTo(1)).unwrap();
    assert_eq!(done.attempt, 2);
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    assert_eq!(other.wait_timeout(LONG).unwrap().unwrap().attempt, 1);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.retried, report.crashed, report.started), (1, 1, 3), "{report}");
}

/// A job that kills each worker is set aside, and says how each attempt ended. The others are done.
#[test]
fn poison_is_set_aside() {
    let pool = start(options(poison_is_set_aside).attempts(3));
    let causes = [(Act::KillUpTo(9), 9), (Act::Abort, 6), (Act::Exit(7), 7 << 8)];
    let mut poison: Vec<_> = causes.iter().map(|(act, _)| pool.submit(act).unwrap()).collect();
    for done in pool.map((0..100).map(Square)) {
        done.result.unwrap();
    }
    for (job, (act, status)) in poison.iter_mut().zip(&causes) {
        let Err(JobError::SetAside { attempts, .. }) = job.wait_timeout(LONG) else {
            panic!("{act:?} is to be set aside")
        };
        assert_eq!(attempts.len(), 3, "{attempts:?}");
        for attempt in attempts {
            assert_eq!(attempt.cause, Cause::Died);
            // Whether it writes a core is the system's business.
            assert_eq!(attempt.status.map(|status| status.into_raw() & !0x80), Some(*status), "{act:?}");
        }
    }
    let report = pool.report().unwrap();
    assert_eq!((report.set_aside, report.crashed, report.retried), (3, 9, 6), "{report}");
    let aside = pool.channel().set_aside().unwrap();
    assert_eq!(aside.len(), 3);
}

#[test]
fn once_and_no_more() {
    let pool = start(options(once_and_no_more).attempts(1));
    let lost = pool.submit(&Act::Exit(3)).unwrap().wait_timeout(LONG);
    assert!(matches!(lost, Err(JobError::SetAside { .. })), "{lost:?}");
    act(&pool, Act::Nothing).unwrap();
    assert_eq!(pool.drain(LONG).unwrap().retried, 0);
}

#[test]
fn panics_are_retried_if_asked_for() {
    let pool = start(options(panics_are_retried_if_asked_for).attempts(3).retry_panics(true));
    assert_eq!(act(&pool, Act::PanicUpTo(2)).unwrap().attempt, 3);
    match pool.submit(&Act::PanicUpTo(3)).unwrap().wait_timeout(LONG) {
        Err(JobError::Panicked { message }) => assert_eq!(message, "not yet"),
        other => panic!("{other:?}"),
    }
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.panicked, report.retried, report.crashed, report.started), (1, 4, 0, 2), "{report}");
}

/// Workers that end as they start are started again later and later, and then the pool ends, with their last words. Every wait
/// returns that.
#[test]
fn a_crash_loop_ends() {
    if sysv_primitives::WorkerPool::name_in_worker().is_some() {
        say("line 1\nthe configuration is missing\n");
        std::process::exit(17);
    }
    let pool = start(options(a_crash_loop_ends).most_failed_starts(6));
    let begun = Instant::now();
    let mut jobs: Vec<_> = (0..3).map(|number| pool.submit(&Square(number)).unwrap()).collect();
    for job in &mut jobs {
        let text = match job.wait_timeout(LONG) {
            Err(JobError::Ended(error @ WorkersError::CrashLoop { starts: 6, .. })) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(text.contains("the configuration is missing") && text.contains("17"), "{text}");
    }
    // 20, 40, 80, 160 and 320 milliseconds.
    assert!(begun.elapsed() > Duration::from_millis(600), "{:?}", begun.elapsed());
    assert!(matches!(pool.submit(&Square(1)), Err(JobError::Ended(WorkersError::CrashLoop { .. }))));
    assert!(pool.map((0..10).map(Square)).next().is_none());
    assert!(matches!(pool.drain(LONG), Err(WorkersError::CrashLoop { .. })));
    // They stay, for a pool with workers that start.
    assert_eq!(pool.report().unwrap().depth(), 3);
}

/// What the system says of a program that can't be started is in the error.
#[test]
fn a_program_that_is_not_there() {
    let pool = start(options(a_program_that_is_not_there).program("/no/such/program").most_failed_starts(2));
    let error = pool.submit(&Square(1)).unwrap().wait_timeout(LONG).unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
}

/// Some starts fail: the pool goes on, with the pauses that are due, and is complete in the end.
#[test]
fn some_starts_fail() {
    let file = std::env::temp_dir();
    let name = sysv_primitives::WorkerPool::name_in_worker();
    if let Some(name) = name {
        use std::io::Write;
        let path = file.join(format!("starts-of-{name}"));
        let mut log = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        log.write_all(b".").unwrap();
        if log.metadata().unwrap().len() <= 4 {
            std::process::exit(1);
        }
    }
    serve_if_worker();
    let pool = start(options(some_starts_fail));
    act(&pool, Act::Nothing).unwrap();
    until(|| pool.report().unwrap().workers == 2);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.failed_starts, report.started), (4, 6), "{report}");
    let path = file.join(format!("starts-of-{}", pool.channel().status().unwrap().name));
    std::fs::remove_file(path).unwrap();
}

/// A stopped worker holds up its own job alone, and goes on with it.
#[test]
fn stopped() {
    let pool = start(options(stopped));
    let mut held = pool.submit(&Act::Sleep(Duration::from_millis(100))).unwrap();
    until(|| pool.report().unwrap().running == 1);
    let working = pool.channel().claims().unwrap()[0].member.pid;
    signal(working, Signal::SIGSTOP);
    for done in pool.map((0..100).map(Square)) {
        done.result.unwrap();
    }
    assert!(!held.is_done());
    signal(working, Signal::SIGCONT);
    let done = held.wait_timeout(LONG).unwrap().unwrap();
    assert_eq!((done.pid, done.attempt), (working, 1));
}

/// What a worker writes to standard error never holds it up.
#[test]
fn long_outputs() {
    let pool = start(options(long_outputs).stderr(Stream::Null));
    act(&pool, Act::PrintAfter(Duration::ZERO, 5_000)).unwrap();
}
