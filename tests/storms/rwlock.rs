//! A kill storm: processes that read and write are killed, stopped and continued at random.
//!
//! What they do is counted in shared memory. `STORM_KILLS` sets how many are killed, 2,000 by default.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, child, memory, name, number_from_env};
use sysv_primitives::{LockError, Options, RwLock, RwLockWriteGuard};

const KILLS: u64 = 2000;
const PROCESSES: usize = 8;

type Lock = RwLock<[u64; 2]>;

fn options() -> Options<Lock> {
    Options::new().max_handles(32).open_timeout(Duration::from_millis(300))
}

/// What every process sees: what was done, and which worker writes.
struct Ledger<'a> {
    reads: &'a AtomicU64,
    writes: &'a AtomicU64,
    poisoned: &'a AtomicU64,
    writer: &'a AtomicU32,
    /// By worker number: 1 from before its kill.
    doomed: &'a [AtomicU32],
}

fn linger() {
    // Stays a moment, so that kills find a process inside.
    (0..fastrand::u32(..3000)).for_each(|_| std::hint::spin_loop());
}

fn read(lock: &Lock, ledger: &Ledger<'_>) {
    match lock.read() {
        Ok(guard) => look(&guard, ledger),
        // A writer mends it.
        Err(LockError::Poisoned { .. }) => {}
        Err(error) => panic!("stuck: {error}"),
    }
}

/// A guard for reading is held: nothing changes meanwhile, and nothing is half changed.
fn look(guard: &[u64; 2], ledger: &Ledger<'_>) {
    let before = *std::hint::black_box(guard);
    assert_eq!(before[0], before[1], "half of a change, and no reader was told");
    linger();
    assert_eq!(*std::hint::black_box(guard), before, "a writer was inside");
    ledger.reads.fetch_add(1, SeqCst);
}

fn write(lock: &Lock, ledger: &Ledger<'_>, me: u32) {
    let mut guard = match lock.write() {
        Ok(guard) => guard,
        Err(LockError::Poisoned { .. }) => {
            let mut guard = lock.ignore_poison().write().expect("no wake-up is lost");
            if lock.is_poisoned() {
                guard[0] = guard[1];
                lock.clear_poison();
                ledger.poisoned.fetch_add(1, SeqCst);
            }
            guard
        }
        Err(error) => panic!("stuck: {error}"),
    };
    let former = ledger.writer.swap(me, SeqCst);
    let was_killed = former != 0 && ledger.doomed[former as usize].load(SeqCst) == 1;
    assert!(former == 0 || was_killed, "{former} and {me} write at once");
    assert_eq!(guard[0], guard[1], "half of a change, and no writer was told");
    guard[0] += 1;
    linger();
    guard[1] += 1;
    assert_eq!(ledger.writer.swap(0, SeqCst), me, "another writer came in");
    ledger.writes.fetch_add(1, SeqCst);
    if fastrand::bool() {
        look(&RwLockWriteGuard::downgrade(guard), ledger);
    }
}

/// Reads and writes until it is killed.
fn work(name: &str, ledger: &Ledger<'_>, me: u32) {
    let lock = options().open_or_create(name, [0; 2]).expect("it can be opened");
    loop {
        match fastrand::u8(..8) {
            0 | 1 => write(&lock, ledger, me),
            2 => drop(lock.write_timeout(Duration::from_micros(100))),
            3 => drop(lock.read_timeout(Duration::from_micros(100))),
            _ => read(&lock, ledger),
        }
    }
}

#[test]
fn rwlock_in_a_storm() {
    let kills = number_from_env("STORM_KILLS", KILLS);
    let workers = usize::try_from(kills).unwrap() + PROCESSES + 1;
    let name = name();
    let shared = memory(128 + 4 * workers);
    let ledger = Ledger {
        reads: shared.view(0).expect("it fits"),
        writes: shared.view(8).expect("it fits"),
        poisoned: shared.view(16).expect("it fits"),
        writer: shared.view(24).expect("it fits"),
        doomed: shared.slice(128, workers).expect("it fits"),
    };
    let mut next = 1_u32;
    let mut start = || {
        let me = next;
        next += 1;
        (me, child(|| work(&name, &ledger, me)))
    };
    let mut crowd: Vec<(u32, Child)> = (0..PROCESSES).map(|_| start()).collect();
    let (mut stops, begun) = (0_u32, Instant::now());
    for _ in 0..kills {
        std::thread::sleep(Duration::from_micros(fastrand::u64(..2000)));
        if fastrand::u8(..8) == 0 {
            let (_, stopped) = &crowd[fastrand::usize(..PROCESSES)];
            stopped.signal(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_micros(fastrand::u64(..2000)));
            stopped.signal(Signal::SIGCONT);
            stops += 1;
        }
        let (number, victim) = crowd.swap_remove(fastrand::usize(..PROCESSES));
        ledger.doomed[number as usize].store(1, SeqCst);
        victim.kill();
        crowd.push(start());
    }
    // Those that are left go on working, also after the storm.
    let done = || (ledger.reads.load(SeqCst), ledger.writes.load(SeqCst));
    let before = done();
    support::until(|| done().0 > before.0 + 500 && done().1 > before.1 + 500);
    for (number, survivor) in crowd {
        ledger.doomed[number as usize].store(1, SeqCst);
        survivor.kill();
    }
    let lock = options().open(&name).expect("it is there");
    drop(lock.ignore_poison().write().expect("it is free"));
    assert!(lock.readers().is_empty());
    println!(
        "storm: {kills} kills, {stops} stops, {:?} reads and writes, {} locks taken from the dead, in {:.1?}",
        done(),
        ledger.poisoned.load(SeqCst),
        begun.elapsed()
    );
    assert!(ledger.poisoned.load(SeqCst) > 0 || kills < KILLS, "no process was killed inside");
}
