//! A storm: jobs are submitted while workers are killed and stopped, take too long, take too much memory, and while supervisors die.
//!
//! A ledger in shared memory says how often each job was begun. `STORM_KILLS` sets how many disturbances there are, 100 by
//! default and 2,000 at most, and 10 jobs for each.

use std::{
    process,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_ipc::Segment;
use sysv_primitives::{
    Channel, Request, Router, WorkerPool, messages,
    workers::{JobError, WorkerPoolOptions},
};

const ATTEMPTS: u8 = 6;
const LIMIT: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Deed {
    number: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Quick,
    Short,
    Late,
    Hungry,
    Fatal,
    Panicking,
}

messages! { 9 => Deed }

impl Request for Deed {
    type Response = u64;
}

fn deed(number: u32) -> Deed {
    let kind = match number % 100 {
        13 => Kind::Late,
        37 => Kind::Hungry,
        59 => Kind::Fatal,
        71 => Kind::Panicking,
        rest if rest < 60 => Kind::Quick,
        _ => Kind::Short,
    };
    Deed { number, kind }
}

fn run(Deed { number, kind }: Deed) -> u64 {
    match kind {
        Kind::Quick => {}
        Kind::Short => thread::sleep(Duration::from_micros(fastrand::u64(..2_000))),
        Kind::Late => thread::sleep(LONG),
        Kind::Hungry => drop(std::hint::black_box(vec![1_u8; 1 << 30])),
        Kind::Fatal => process::exit(3),
        Kind::Panicking => panic!("as it should"),
    }
    result(number)
}

fn result(number: u32) -> u64 {
    u64::from(number) * 3 + 1
}

fn router() -> Router<'static> {
    let ledger = std::env::var("LEDGER").ok().and_then(|id| id.parse().ok());
    let ledger = ledger.map(|id| Segment::from_raw_id(id).attach().expect("the test has it"));
    let mut jobs = Router::new();
    jobs.respond(move |deed: Deed| {
        if let Some(ledger) = &ledger {
            let begun: &AtomicU32 = ledger.view(4 * deed.number as usize).expect("it has room for each");
            begun.fetch_add(1, SeqCst);
        }
        run(deed)
    })
    .unwrap();
    jobs
}

fn options(ledger: i32) -> WorkerPoolOptions {
    crate::jobs::options(storm)
        .workers(4)
        .attempts(ATTEMPTS)
        .job_timeout(LIMIT)
        .memory_limit(400 << 20)
        .env("LEDGER", ledger.to_string())
}

/// A supervisor in a process of its own. It ends well when the channel is closed.
fn supervisor(name: &str, ledger: i32) -> Child {
    child(|| {
        let pool = options(ledger).start(name, router()).unwrap();
        // As long as the storm lasts.
        while !pool.channel().is_closed() {
            thread::sleep(Duration::from_millis(5));
        }
    })
}

/// Disturbs workers and supervisors until the jobs are done. Returns how many were killed, how many stopped, how many supervisors
/// died.
fn disturb(name: &str, ledger: i32, most: u64, is_over: &AtomicBool) -> [u64; 3] {
    let channel = Channel::open(name).unwrap();
    let mut current = supervisor(name, ledger);
    let [mut killed, mut stopped, mut supervisors] = [0; 3];
    let own = process::id();
    while !is_over.load(SeqCst) {
        thread::sleep(Duration::from_micros(fastrand::u64(..8_000)));
        if killed + stopped + supervisors >= most {
            continue;
        }
        if fastrand::u8(..20) == 0 {
            std::mem::replace(&mut current, supervisor(name, ledger)).kill();
            supervisors += 1;
            continue;
        }
        let members = channel.members().unwrap();
        let workers: Vec<u32> =
            members.iter().map(|member| member.pid).filter(|&pid| pid != own && pid != current.id()).collect();
        let Some(&victim) = fastrand::choice(&workers) else { continue };
        let victim = Pid::from_raw(victim.cast_signed());
        // It may have ended just now.
        if fastrand::bool() {
            killed += u64::from(kill(victim, Signal::SIGKILL).is_ok());
        } else {
            stopped += u64::from(kill(victim, Signal::SIGSTOP).is_ok());
            thread::sleep(Duration::from_micros(fastrand::u64(..4_000)));
            let _ = kill(victim, Signal::SIGCONT);
        }
    }
    channel.close().unwrap();
    current.join();
    [killed, stopped, supervisors]
}

/// Checks what came of a job. Returns whether it was set aside.
fn check(Deed { number, kind }: Deed, result_of_it: Result<u64, JobError>, begun: u32) -> bool {
    assert!(begun <= u32::from(ATTEMPTS), "job {number} was begun {begun} times");
    match result_of_it {
        Ok(response) => {
            assert!(matches!(kind, Kind::Quick | Kind::Short), "{kind:?} can't be done");
            assert_eq!(response, result(number));
            false
        }
        Err(JobError::Panicked { message }) => {
            assert_eq!((kind, &*message), (Kind::Panicking, "as it should"));
            false
        }
        Err(JobError::SetAside { attempts, .. }) => {
            assert_eq!(attempts.len(), usize::from(ATTEMPTS), "{attempts:?}");
            true
        }
        Err(error) => panic!("job {number}, {kind:?}: {error}"),
    }
}

#[test]
fn storm() {
    if let Some(name) = WorkerPool::name_in_worker() {
        drop(WorkerPool::options().start(name, router()));
    }
    let disturbances = number_from_env("STORM_KILLS", 100).min(2_000);
    let jobs = u32::try_from(10 * disturbances).unwrap();
    let (name, shared) = (name(), memory(4 * jobs as usize));
    let ledger = shared.segment().id();
    let begun: &[AtomicU32] = shared.slice(0, jobs as usize).unwrap();
    let pool = WorkerPool::options().workers(0).attempts(ATTEMPTS).in_flight(40).start(&name, router()).unwrap();
    let (is_over, started) = (AtomicBool::new(false), Instant::now());
    let (aside, [killed, stopped, supervisors]) = thread::scope(|scope| {
        let disturbing = scope.spawn(|| disturb(&name, ledger, disturbances, &is_over));
        let mut returned = vec![false; jobs as usize];
        let mut aside = 0;
        for done in pool.map((0..jobs).map(deed)) {
            assert!(!std::mem::replace(&mut returned[done.index], true), "a second result");
            aside += u32::from(check(done.job, done.result, begun[done.index].load(SeqCst)));
        }
        assert!(returned.iter().all(|&returned| returned), "a job is lost");
        is_over.store(true, SeqCst);
        (aside, disturbing.join().unwrap())
    });
    let depth = pool.channel().depth().unwrap();
    assert_eq!((depth.calls, depth.claimed, depth.bytes), (0, 0, 0), "{depth:?}");
    let begun: u32 = begun.iter().map(|begun| begun.load(SeqCst)).sum();
    println!(
        "{jobs} jobs in {:.1?}, begun {begun} times, {aside} set aside; {killed} workers killed, {stopped} stopped, {supervisors} \
         supervisors killed",
        started.elapsed()
    );
}
