//! How workers are started, scaled and recycled.

use std::{collections::BTreeSet, time::Duration};

use support::{LONG, until};
use sysv_primitives::workers::WorkersError;

use crate::jobs::{Act, Square, act, options, start};

#[test]
fn surroundings() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let given = options(surroundings).workers(1).env("OF_THE_POOL", "given").current_dir(&directory).nice(7).cpus([0]);
    let pool = start(given);
    let text = act(&pool, Act::Surroundings).unwrap().text;
    assert_eq!(text, format!("given {} nice 7 cpus 0 own group true", directory.display()));
}

#[test]
fn scaled_while_running() {
    let pool = start(options(scaled_while_running).workers(1));
    let pids = |pool: &sysv_primitives::WorkerPool| {
        let jobs = (0..40).map(|_| Act::Sleep(Duration::from_millis(20)));
        pool.map(jobs).map(|done| done.result.unwrap().unwrap().pid).collect::<BTreeSet<u32>>()
    };
    assert_eq!(pids(&pool).len(), 1);
    pool.scale(4).unwrap();
    until(|| pids(&pool).len() == 4);
    // Down, while they work: no job is interrupted.
    let mut jobs: Vec<_> = (0..40).map(|_| pool.submit(&Act::Sleep(Duration::from_millis(20))).unwrap()).collect();
    pool.scale(1).unwrap();
    for job in &mut jobs {
        assert_eq!(job.wait_timeout(LONG).unwrap().unwrap().attempt, 1);
    }
    until(|| pool.report().unwrap().workers == 1);
    assert_eq!(pids(&pool).len(), 1);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.started, report.stopped, report.crashed, report.killed), (4, 4, 0, 0), "{report}");
    assert!(matches!(pool.scale(2), Err(WorkersError::Drained { .. })));
    assert!(matches!(pool.scale(5_000), Err(WorkersError::TooMany { most: 1023, .. })));
}

/// Recycling is counted apart from crashes, and neither loses a job nor holds one up.
#[test]
fn recycled() {
    let pool = start(options(recycled).recycle_after(10));
    for done in pool.map((0..200).map(|_| Act::Nothing)) {
        let done = done.result.unwrap().unwrap();
        assert!(done.count <= 10, "{done:?}");
        assert_eq!(done.attempt, 1);
    }
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.done, report.retried, report.crashed, report.failed_starts), (200, 0, 0, 0), "{report}");
    // The last ones may have been asked to stop before they had done their tenth job.
    assert!((18..=20).contains(&report.recycled), "{report}");
}

/// A fork in a program with threads would deadlock: workers are started anew, whatever locks other threads hold.
#[test]
fn started_beside_busy_threads() {
    let pool = start(options(started_beside_busy_threads).workers(0));
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    // The allocator's locks, and those of the environment and of the standard streams.
                    drop((vec![0_u8; 100_000], std::env::var_os("PATH"), std::io::stderr().lock()));
                }
            });
        }
        for workers in [3, 0, 3, 0, 3] {
            pool.scale(workers).unwrap();
            let report = || pool.report().unwrap();
            until(|| report().workers == workers as u64);
        }
        assert_eq!(pool.submit(&Square(5)).unwrap().wait_timeout(LONG).unwrap(), 25);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.started, report.crashed, report.failed_starts), (9, 0, 0), "{report}");
}
