//! Jobs that take too long, or too much.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    thread,
    time::{Duration, Instant},
};

use support::{LONG, alone, until};
use sysv_primitives::{Cause, workers::JobError};

use crate::jobs::{Act, act, options, serve_if_worker, start};

/// A job that takes too long is ended, and its submitter learns the cause. Its worker is replaced.
#[test]
fn job_timeout() {
    let limit = Duration::from_millis(400);
    let pool = start(options(job_timeout).attempts(2).job_timeout(limit));
    let begun = Instant::now();
    let mut late = pool.submit(&Act::Sleep(LONG)).unwrap();
    // Others are not affected, however late they begin.
    for done in pool.map((0..30).map(|_| Act::Sleep(Duration::from_millis(50)))) {
        assert_eq!(done.result.unwrap().unwrap().attempt, 1);
    }
    let error = late.wait_timeout(LONG).unwrap_err();
    assert!(begun.elapsed() >= 2 * limit, "{:?}", begun.elapsed());
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    let text = error.to_string();
    assert!(text.contains("took too long"), "{text}");
    let JobError::SetAside { attempts, .. } = error else { panic!("{error:?}") };
    let causes: Vec<_> = attempts.iter().map(|attempt| (attempt.cause, attempt.status)).collect();
    assert_eq!(causes, [(Cause::TimedOut, Some(ExitStatus::from_raw(9))); 2]);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.timed_out, report.killed, report.crashed, report.set_aside), (2, 2, 0, 1), "{report}");
}

/// A job that is cancelled, or is to be begun once, is limited as well: it would keep its worker for ever.
#[test]
fn job_timeout_of_any_job() {
    let limit = Duration::from_millis(300);
    let pool = start(options(job_timeout_of_any_job).workers(1).attempts(1).job_timeout(limit));
    let once = pool.submit(&Act::Sleep(LONG)).unwrap().wait_timeout(LONG / 2);
    assert!(matches!(once, Err(JobError::SetAside { .. })), "{once:?}");
    let cancelled = pool.submit(&Act::Sleep(LONG)).unwrap();
    until(|| pool.channel().depth().unwrap().routes.is_empty());
    cancelled.cancel();
    assert!(matches!(pool.submit(&Act::Nothing).unwrap().wait_timeout(LONG / 2), Ok(Ok(_))));
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.timed_out, report.killed), (2, 2), "{report}");
}

/// There is no other limit: a long job is done once, while its worker lives.
#[test]
fn long_jobs_run_once() {
    let pool = start(options(long_jobs_run_once));
    let done = act(&pool, Act::Sleep(Duration::from_secs(3))).unwrap();
    assert_eq!(done.attempt, 1);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.done, report.retried), (1, 0), "{report}");
}

/// A job that takes too much memory ends its worker, and no other process.
#[test]
fn memory_limit() {
    let pool = start(options(memory_limit).attempts(2).memory_limit(400 << 20));
    act(&pool, Act::Allocate(10 << 20)).unwrap();
    let error = pool.submit(&Act::Allocate(1 << 30)).unwrap().wait_timeout(LONG).unwrap_err();
    assert!(error.to_string().contains("no memory"), "{error}");
    let JobError::SetAside { attempts, .. } = error else { panic!("{error:?}") };
    assert!(attempts.iter().all(|attempt| attempt.cause == Cause::OutOfMemory), "{attempts:?}");
    act(&pool, Act::Nothing).unwrap();
    until(|| pool.report().unwrap().workers == 2);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.out_of_memory, report.crashed, report.done), (2, 2, 2), "{report}");
}

/// The threads of an idle pool do not wake up.
#[test]
fn idle() {
    serve_if_worker();
    // In a process of its own there are no threads of other tests.
    alone(|| {
        let pool = start(options(idle).job_timeout(LONG));
        act(&pool, Act::Nothing).unwrap();
        until(|| pool.report().unwrap().workers == 2);
        until(|| {
            let before = wakes();
            thread::sleep(Duration::from_millis(500));
            wakes() == before
        });
    });
}

/// Returns how often the threads of this process's pool went to sleep.
fn wakes() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_pool = tasks.filter(|task| {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        ["supervisor", "worker's end", "worker stderr"].contains(&name.trim())
    });
    let counts: Vec<u64> = of_pool
        .map(|task| {
            let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
        })
        .collect();
    // The supervisor, and two threads for each worker.
    assert_eq!(counts.len(), 5);
    counts.iter().sum()
}
