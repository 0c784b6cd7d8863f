//! Workers that are started by hand, and pools beside and inside others.

use nix::sys::signal::Signal;
use support::{LONG, child, name, until};
use sysv_primitives::{Channel, WorkerPool, workers};

use crate::jobs::{Act, Square, act, options, router, start};

/// Workers of another program serve the same channel. A signal ends them after their job.
#[test]
fn by_hand() {
    let name = name();
    let pool = WorkerPool::options().workers(0).start(&name, router()).unwrap();
    let workers = [0; 2].map(|_| child(|| workers::serve(&name, router()).unwrap()));
    for done in pool.map((0..100).map(Square)) {
        done.result.unwrap();
    }
    let mut slow = pool.submit(&Act::Sleep(std::time::Duration::from_millis(300))).unwrap();
    until(|| pool.report().unwrap().running == 1);
    for worker in workers {
        worker.signal(Signal::SIGTERM);
        worker.join();
    }
    assert_eq!(slow.wait_timeout(LONG).unwrap().unwrap().attempt, 1);
    let kept = child(|| {
        let channel = Channel::open(&name).unwrap();
        workers::serve(&name, router()).unwrap();
        assert!(channel.is_closed());
    });
    act(&pool, Act::Nothing).unwrap();
    pool.channel().close().unwrap();
    kept.join();
    assert!(workers::serve("no pool has this name", router()).is_err());
}

/// A worker that gets SIGTERM, as from the system's service manager, does its job to the end, and is replaced.
#[test]
fn a_worker_gets_a_signal() {
    let pool = start(options(a_worker_gets_a_signal).workers(1));
    let mut slow = pool.submit(&Act::Sleep(std::time::Duration::from_millis(300))).unwrap();
    until(|| pool.report().unwrap().running == 1);
    let pid = pool.worker_ids()[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).unwrap();
    let done = slow.wait_timeout(LONG).unwrap().unwrap();
    assert_eq!((done.pid, done.attempt), (pid, 1));
    assert_ne!(act(&pool, Act::Nothing).unwrap().pid, pid);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.stopped, report.crashed, report.started), (2, 0, 2), "{report}");
}

/// Two pools in one program: the workers of one start no workers of the other, and may submit to it.
#[test]
fn two_pools() {
    let first = name();
    // In a worker of either, the names are those of the pool's process.
    let names = std::env::var("TWO_POOLS").unwrap_or_else(|_| format!("{}-a {}-b", &*first, &*first));
    let (a, b) = names.split_once(' ').unwrap();
    let given = |pool: &str| {
        options(two_pools).env("TWO_POOLS", &names).remove_on_drop(WorkerPool::name_in_worker() != Some(pool))
    };
    let inner = given(a).workers(2).start(a, router()).unwrap();
    let mut jobs = sysv_primitives::Router::new();
    jobs.respond(|Square(number)| {
        inner.submit(&Square(number)).unwrap().wait().unwrap() + inner.worker_ids().len() as u64
    })
    .unwrap();
    let outer = given(b).workers(2).start(b, jobs).unwrap();
    for done in outer.map((0..50).map(Square)) {
        assert_eq!(done.result.unwrap(), done.job.0 * done.job.0, "the inner pool has no workers there");
    }
    until(|| inner.report().unwrap().started + outer.report().unwrap().started == 4);
    drop(outer);
}

/// A program that a worker starts is no worker, although it inherits the variable. Nor is one that has another pipe under the number.
#[test]
fn a_child_of_a_worker_is_none() {
    if std::env::var_os("INNER").is_some() {
        return assert_eq!(WorkerPool::name_in_worker(), None);
    }
    let pool = start(options(a_child_of_a_worker_is_none).workers(1));
    let arguments = "--exact outside::a_child_of_a_worker_is_none".to_owned();
    assert_eq!(act(&pool, Act::RunThis(arguments.clone())).unwrap().text, "true");
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("true | \"$0\" {arguments} 3<&0")])
        .arg(std::env::current_exe().unwrap())
        .env("SYSV_WORKER", "1 3 0 -1 -1 0 0 0 0 0 0 a pool.")
        .env("INNER", "1")
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
}
