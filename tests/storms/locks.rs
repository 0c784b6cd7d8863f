//! Kill storms: processes that use a mutex and a pool are killed, stopped and continued at random.
//!
//! What they do is counted in shared memory. `STORM_KILLS` sets how many are killed, 2,000 by default.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_ipc::SharedMemory;
use sysv_primitives::{LockError, Mutex, Options, Pool};

const KILLS: u64 = 2000;
const PROCESSES: usize = 8;
const PERMITS: u32 = 3;

fn options<K>() -> Options<K> {
    Options::new().max_handles(32).open_timeout(Duration::from_millis(300))
}

/// What every process sees: which process is about to be killed, which has what, and how much was done.
struct Ledger<'a> {
    done: &'a AtomicU64,
    poisoned: &'a AtomicU64,
    inside: &'a AtomicU32,
    holders: &'a [AtomicU32],
    /// By worker number: 1 from before its kill.
    doomed: &'a [AtomicU32],
}

impl<'a> Ledger<'a> {
    fn size(workers: usize) -> usize {
        128 + 4 * workers
    }

    fn of(memory: &'a SharedMemory, workers: usize) -> Self {
        Self {
            done: memory.view(0).expect("it fits"),
            poisoned: memory.view(8).expect("it fits"),
            inside: memory.view(16).expect("it fits"),
            holders: memory.slice(32, PERMITS as usize).expect("it fits"),
            doomed: memory.slice(128, workers).expect("it fits"),
        }
    }

    /// Enters what one worker at a time may be in: the former one has left, or was to be killed.
    fn enter(&self, place: &AtomicU32, me: u32) {
        let former = place.swap(me, SeqCst);
        let was_killed = former != 0 && self.doomed[former as usize].load(SeqCst) == 1;
        assert!(former == 0 || was_killed, "{former} and {me} are in one place");
    }

    fn leave(&self, place: &AtomicU32, me: u32) {
        // Stays a moment, so that kills find a process inside.
        (0..fastrand::u32(..4000)).for_each(|_| std::hint::spin_loop());
        assert_eq!(place.swap(0, SeqCst), me, "another process came in");
        self.done.fetch_add(1, SeqCst);
    }
}

/// Locks and acquires until it is killed.
fn work(name: &str, ledger: &Ledger<'_>, me: u32) {
    let mutex = options::<Mutex<_>>().open_or_create(name, [0_u64; 2]).expect("it can be opened");
    let pool = options::<Pool>().open_or_create(name, PERMITS).expect("it can be opened");
    loop {
        match fastrand::u8(..4) {
            0 => {
                let permits = pool.acquire_many_timeout(2, LONG).expect("no wake-up is lost");
                permits.indices().iter().for_each(|&index| ledger.enter(&ledger.holders[index], me));
                permits.indices().iter().for_each(|&index| ledger.leave(&ledger.holders[index], me));
            }
            1 => {
                let permit = pool.acquire_timeout(LONG).expect("no wake-up is lost");
                ledger.enter(&ledger.holders[permit.index()], me);
                ledger.leave(&ledger.holders[permit.index()], me);
            }
            _ => lock_once(&mutex, ledger, me),
        }
    }
}

fn lock_once(mutex: &Mutex<[u64; 2]>, ledger: &Ledger<'_>, me: u32) {
    let mut guard = match mutex.lock_timeout(LONG) {
        Ok(guard) => guard,
        Err(LockError::Poisoned { .. }) => {
            let mut guard = mutex.ignore_poison().lock_timeout(LONG).expect("no wake-up is lost");
            // Another process may have mended it meanwhile.
            if mutex.is_poisoned() {
                // Half of the change may be missing.
                guard[0] = guard[1];
                mutex.clear_poison();
                ledger.poisoned.fetch_add(1, SeqCst);
            }
            guard
        }
        Err(error) => panic!("stuck: {error}"),
    };
    ledger.enter(ledger.inside, me);
    assert_eq!(guard[0], guard[1], "half of a change, and no process was told");
    guard[0] += 1;
    (0..fastrand::u32(..4000)).for_each(|_| std::hint::spin_loop());
    guard[1] += 1;
    ledger.leave(ledger.inside, me);
}

#[test]
fn mutex_and_pool_in_a_storm() {
    let kills = number_from_env("STORM_KILLS", KILLS);
    let workers = usize::try_from(kills).unwrap() + PROCESSES + 1;
    let name = name();
    let shared = memory(Ledger::size(workers));
    let ledger = Ledger::of(&shared, workers);
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
    let before = ledger.done.load(SeqCst);
    support::until(|| ledger.done.load(SeqCst) > before + 1000);
    for (number, survivor) in crowd {
        ledger.doomed[number as usize].store(1, SeqCst);
        survivor.kill();
    }
    let pool = Pool::open(&name).expect("it is there");
    assert_eq!(pool.acquire_many_timeout(PERMITS, LONG).expect("no permit is lost").indices(), [0, 1, 2]);
    println!(
        "storm: {kills} kills, {stops} stops, {} operations, {} locks taken from the dead, in {:.1?}",
        ledger.done.load(SeqCst),
        ledger.poisoned.load(SeqCst),
        begun.elapsed()
    );
    let poisoned = ledger.poisoned.load(SeqCst);
    assert!(poisoned > 0 || kills < KILLS, "no process was killed with the lock in hand");
}
