//! How a pool ends: drained, dropped, by signals, by death.

use std::{
    fs::{self, DirEntry},
    os::unix::process::ExitStatusExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, child, hold_for_ever, name, until};
use sysv_primitives::{
    Channel, WorkerPool,
    workers::{Job, JobError, WorkersError},
};

use crate::jobs::{Act, Square, act, options, router, serve_if_worker, start};

const SLOW: Duration = Duration::from_millis(400);

/// Returns how many of these jobs were not done before the pool ended.
fn ended(jobs: &mut [Job<Act>]) -> usize {
    let is_ended = |job: &mut Job<Act>| match job.wait_timeout(LONG) {
        Ok(done) => done.is_err(),
        Err(JobError::Ended(WorkersError::Drained { .. })) => true,
        other => panic!("{other:?}"),
    };
    jobs.iter_mut().map(is_ended).filter(|&is_ended| is_ended).count()
}

/// Running jobs are done, those that wait stay for the next pool, none is lost, and none done twice.
#[test]
fn drained() {
    let pool = start(options(drained));
    let mut jobs: Vec<_> = (0..6).map(|_| pool.submit(&Act::Sleep(SLOW)).unwrap()).collect();
    until(|| pool.report().unwrap().running == 2);
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.done, report.depth(), report.stopped, report.killed), (2, 4, 2, 0), "{report}");
    assert_eq!(ended(&mut jobs), 4);
    assert!(matches!(pool.submit(&Act::Nothing), Err(JobError::Ended(_))));
    // Another pool of the name goes on.
    let name = pool.channel().status().unwrap().name;
    let next = options(drained).start(&name, router()).unwrap();
    act(&next, Act::Nothing).unwrap();
    let report = next.drain(LONG).unwrap();
    assert_eq!((report.done, report.depth(), report.retried), (5, 0, 0), "{report}");
}

/// A submitter that waits for room sleeps until there is some, or the pool takes no more jobs.
#[test]
fn drained_beside_a_submitter() {
    let channel = Channel::options().capacity(1);
    let pool = start(options(drained_beside_a_submitter).workers(1).channel(channel));
    while let Ok(job) = pool.try_submit(&Act::Sleep(LONG)) {
        job.detach();
    }
    until(|| pool.report().unwrap().running == 1);
    thread::scope(|scope| {
        let submitter = thread::Builder::new().name("waits for room".to_owned());
        let submitter = submitter.spawn_scoped(scope, || pool.submit(&Act::Nothing)).unwrap();
        until(|| {
            let before = sleeps_of("waits for room");
            thread::sleep(Duration::from_millis(1200));
            before.is_some_and(|count| count > 0) && sleeps_of("waits for room") == before
        });
        let drained = scope.spawn(|| pool.drain(LONG));
        assert!(matches!(submitter.join().unwrap(), Err(JobError::Ended(_))));
        assert_eq!(pool.report().unwrap().running, 1, "it waited for the job");
        pool.drain(Duration::ZERO).unwrap();
        drained.join().unwrap().unwrap();
    });
}

/// Returns how often a thread of this process went to sleep.
fn sleeps_of(name: &str) -> Option<u64> {
    let is_it = |task: &DirEntry| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name);
    let task = fs::read_dir("/proc/self/task").unwrap().flatten().find(is_it)?;
    let status = fs::read_to_string(task.path().join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
}

/// What is not done by the deadline is killed, and comes back.
#[test]
fn drained_with_a_deadline() {
    let pool = start(options(drained_with_a_deadline));
    let job = pool.submit(&Act::Sleep(LONG)).unwrap();
    until(|| pool.report().unwrap().running == 1);
    let begun = Instant::now();
    let report = pool.drain(SLOW).unwrap();
    assert!(begun.elapsed() >= SLOW && begun.elapsed() < LONG, "{:?}", begun.elapsed());
    assert_eq!((report.killed, report.stopped, report.depth()), (1, 1, 1), "{report}");
    assert!(matches!(job.wait(), Err(JobError::Ended(_))));
    let again = pool.channel().claim::<Act>().unwrap();
    assert_eq!(again.attempt(), 2);
    assert_eq!(again.attempts()[0].status.unwrap().signal(), Some(9));
}

/// Dropping waits for the running jobs, and no longer.
#[test]
fn dropped() {
    serve_if_worker();
    let name = name();
    let pool = options(dropped).workers(1).start(&name, router()).unwrap();
    let jobs = [Act::Sleep(SLOW), Act::Nothing].map(|act| pool.submit(&act).unwrap());
    until(|| pool.report().unwrap().running == 1);
    let pids = pool.worker_ids();
    drop(jobs);
    drop(pool);
    assert!(pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()));
    let channel = Channel::open(&name).unwrap();
    let depth = channel.depth().unwrap();
    assert_eq!(depth.routes.values().map(|queued| queued.messages).sum::<u64>(), 1);
}

#[test]
fn removed_with_the_pool() {
    serve_if_worker();
    let name = name();
    let pool = options(removed_with_the_pool).remove_on_drop(true).start(&name, router()).unwrap();
    act(&pool, Act::Nothing).unwrap();
    drop(pool);
    assert!(Channel::open(&name).is_err());
}

/// The channel is closed: what is there is done, and the pool ends.
#[test]
fn closed() {
    let pool = start(options(closed));
    act(&pool, Act::Nothing).unwrap();
    pool.channel().close().unwrap();
    until(|| matches!(pool.submit(&Act::Nothing), Err(JobError::Ended(WorkersError::Closed { .. }))));
    assert!(matches!(pool.drain(LONG), Err(WorkersError::Closed { .. })));
    assert_eq!(pool.report().unwrap().started, 2, "none is started in vain");
}

/// The channel is removed under a `map`: it ends, and so does the pool.
#[test]
fn removed() {
    let pool = start(options(removed));
    let mut results = pool.map((0..).map(Square)).inspect(|done| {
        if done.index == 50 {
            pool.channel().remove().unwrap();
        }
    });
    let error = results.find_map(|done| done.result.err()).unwrap();
    assert!(error.is_gone() || error.is_end(), "{error}");
    assert!(results.count() <= 64, "it reads no more");
    until(|| pool.submit(&Square(1)).is_err());
}

/// A supervisor in a process of its own.
fn supervisor(name: &str, test: impl Fn() + Copy, body: impl FnOnce(WorkerPool)) -> Child {
    child(|| body(options(test).handle_signals(LONG).start(name, router()).unwrap()))
}

fn pids(path: &Path) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// A supervisor that is killed: its workers finish what they have begun and end. Another one goes on.
#[test]
fn the_supervisor_dies() {
    serve_if_worker();
    let (name, directory) = (name(), tempfile::tempdir().unwrap());
    let told = directory.path().join("workers");
    let supervisor = supervisor(&name, the_supervisor_dies, |pool| {
        for _ in 0..6 {
            pool.submit(&Act::Sleep(SLOW)).unwrap().detach();
        }
        until(|| pool.report().unwrap().running == 2);
        let workers: Vec<String> = pool.worker_ids().iter().map(u32::to_string).collect();
        fs::write(&told, workers.join(" ")).unwrap();
        hold_for_ever()
    });
    until(|| pids(&told).len() == 2);
    supervisor.kill();
    let begun = Instant::now();
    until(|| pids(&told).iter().all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists()));
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    let channel = Channel::open(&name).unwrap();
    let depth = channel.depth().unwrap();
    assert_eq!(depth.routes.values().map(|queued| queued.messages).sum::<u64>(), 4, "two were done, none came back");
    let pool = options(the_supervisor_dies).start(&name, router()).unwrap();
    act(&pool, Act::Nothing).unwrap();
    let report = pool.drain(LONG).unwrap();
    assert_eq!((report.done, report.retried, report.depth()), (5, 0, 0), "{report}");
}

/// Its workers write to standard error afterwards, and are neither ended nor held up by that.
#[test]
fn the_supervisor_dies_before_workers_write() {
    serve_if_worker();
    let name = name();
    let submitter = WorkerPool::options().workers(0).start(&name, router()).unwrap();
    let supervisor = supervisor(&name, the_supervisor_dies_before_workers_write, |_pool| hold_for_ever());
    // More than fits into a pipe.
    let mut job = submitter.submit(&Act::PrintAfter(SLOW, 2_000)).unwrap();
    until(|| submitter.report().unwrap().running == 1);
    supervisor.kill();
    assert_eq!(job.wait_timeout(LONG / 2).unwrap().unwrap().attempt, 1);
}

/// After the supervisor's death nothing else limits the time of a job, so its worker does. The job comes back.
#[test]
fn an_orphan_has_a_time_limit() {
    serve_if_worker();
    let name = name();
    let supervisor = child(|| {
        let pool = options(an_orphan_has_a_time_limit).job_timeout(SLOW).start(&name, router()).unwrap();
        pool.submit(&Act::Sleep(LONG)).unwrap().detach();
        hold_for_ever()
    });
    until(|| Channel::open(&name).is_ok_and(|channel| channel.claims().unwrap().len() == 1));
    supervisor.kill();
    let channel = Channel::open(&name).unwrap();
    let again = channel.claim_timeout::<Act>(LONG / 2).unwrap();
    assert_eq!(again.attempt(), 2);
}

/// A pool that is to leave nothing leaves nothing, also if its process is killed.
#[test]
fn removed_with_a_dead_supervisor() {
    serve_if_worker();
    let name = name();
    let supervisor = child(|| {
        let given = options(removed_with_a_dead_supervisor).remove_on_drop(true);
        let pool = given.start(&name, router()).unwrap();
        pool.submit(&Act::Sleep(SLOW)).unwrap().detach();
        hold_for_ever()
    });
    until(|| Channel::open(&name).is_ok_and(|channel| channel.claims().unwrap().len() == 1));
    supervisor.kill();
    until(|| Channel::open(&name).is_err());
}

/// A signal drains: what was begun is done, and the rest is there for the next pool.
#[test]
fn a_signal_drains() {
    serve_if_worker();
    let name = name();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let supervisor = supervisor(&name, a_signal_drains, |pool| {
            let mut jobs: Vec<_> = (0..3).map(|_| pool.submit(&Act::Sleep(SLOW)).unwrap()).collect();
            assert_eq!(ended(&mut jobs), 1);
        });
        until(|| Channel::open(&name).is_ok_and(|channel| channel.claims().unwrap().len() == 2));
        supervisor.signal(signal);
        supervisor.join();
        let channel = Channel::open(&name).unwrap();
        assert_eq!(channel.claim::<Act>().unwrap().attempt(), 1);
        drop(channel);
        Channel::unlink(&name).unwrap();
    }
}

/// A second signal ends the process and its workers at once. Their jobs come back.
#[test]
fn a_second_signal_ends_at_once() {
    serve_if_worker();
    let name = name();
    let supervisor = supervisor(&name, a_second_signal_ends_at_once, |pool| {
        let job = pool.submit(&Act::Sleep(LONG)).unwrap();
        let _ = job.wait();
    });
    until(|| Channel::open(&name).is_ok_and(|channel| channel.claims().unwrap().len() == 1));
    supervisor.signal(Signal::SIGTERM);
    std::thread::sleep(support::SHORT);
    assert!(!supervisor.is_done(), "it drains");
    supervisor.signal(Signal::SIGTERM);
    until(|| supervisor.is_done());
    let channel = Channel::open(&name).unwrap();
    assert_eq!(channel.claim_timeout::<Act>(LONG).unwrap().attempt(), 2);
}

/// When the pool is gone a signal does again what it does by default.
#[test]
fn a_signal_after_the_pool() {
    serve_if_worker();
    let (name, directory) = (name(), tempfile::tempdir().unwrap());
    let told = directory.path().join("dropped");
    let supervisor = supervisor(&name, a_signal_after_the_pool, |pool| {
        act(&pool, Act::Nothing).unwrap();
        drop(pool);
        fs::write(&told, "").unwrap();
        hold_for_ever()
    });
    until(|| told.exists());
    supervisor.signal(Signal::SIGINT);
    until(|| supervisor.is_done());
}

/// A submitter that is killed: its jobs are done.
#[test]
fn the_submitter_dies() {
    let pool = start(options(the_submitter_dies).workers(1));
    let pool_name = pool.channel().status().unwrap().name;
    let busy = pool.submit(&Act::Sleep(SLOW)).unwrap();
    until(|| pool.report().unwrap().running == 1);
    let submitter = child(|| {
        let pool = WorkerPool::options().workers(0).start(&pool_name, router()).unwrap();
        let jobs: Vec<_> = (0..5).map(|number| pool.submit(&Square(number)).unwrap()).collect();
        for job in jobs {
            job.wait().unwrap();
        }
        hold_for_ever()
    });
    until(|| pool.report().unwrap().depth() == 5);
    submitter.kill();
    busy.wait().unwrap().unwrap();
    until(|| pool.report().unwrap().done == 6);
}
