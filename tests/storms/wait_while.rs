//! A kill storm: a bounded buffer. Its producers and consumers wait for a condition, and are killed, stopped and continued.
//!
//! `STORM_KILLS` sets how many are killed, 1,000 by default.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_primitives::{IgnorePoison, LockError, Mutex, MutexGuard, bytemuck};

const KILLS: u64 = 1000;
const PROCESSES: usize = 6;
const PLACES: usize = 2;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[bytemuck(crate = "sysv_primitives::bytemuck")]
#[repr(C)]
struct Buffer {
    items: [u64; PLACES],
    length: u64,
    /// How many were put in, and how many were taken out.
    put: u64,
    taken: u64,
}

fn open(name: &str) -> Mutex<Buffer> {
    let options = Mutex::options().max_handles(32).open_timeout(Duration::from_millis(300));
    options.open_or_create(name, bytemuck::Zeroable::zeroed()).expect("it can be opened")
}

/// Mends what a dead process may have left half changed: the numbers of items alone count.
fn mend(mutex: &Mutex<Buffer>, poisoned: &AtomicU64) {
    let view: IgnorePoison<'_, Buffer> = mutex.ignore_poison();
    let mut guard = view.lock_timeout(LONG).expect("no wake-up is lost");
    // Another process may have mended it meanwhile.
    if mutex.is_poisoned() {
        guard.length = guard.put - guard.taken;
        mutex.clear_poison();
        poisoned.fetch_add(1, SeqCst);
    }
}

/// Changes the buffer when it may, with the steps of the change apart.
fn change(mutex: &Mutex<Buffer>, puts: bool) -> Result<(), LockError> {
    let must_wait = |buffer: &Buffer| buffer.length == if puts { PLACES as u64 } else { 0 };
    let waited = mutex.lock_timeout(LONG)?.wait_while_timeout(LONG, must_wait)?;
    let (mut buffer, result): (MutexGuard<'_, Buffer>, _) = waited;
    assert!(!result.timed_out(), "no wake-up is lost");
    assert!(!must_wait(&buffer) && buffer.put - buffer.taken == buffer.length, "half of a change");
    if puts {
        buffer.put += 1;
        (0..fastrand::u32(..2000)).for_each(|_| std::hint::spin_loop());
        buffer.length += 1;
    } else {
        buffer.length -= 1;
        (0..fastrand::u32(..2000)).for_each(|_| std::hint::spin_loop());
        buffer.taken += 1;
    }
    Ok(())
}

/// Puts or takes, each time what chance says, so that there is always one of each kind before long.
fn work(name: &str, done: &AtomicU64, poisoned: &AtomicU64, puts: bool) {
    let mutex = open(name);
    loop {
        match change(&mutex, puts) {
            Ok(()) => drop(done.fetch_add(1, SeqCst)),
            Err(LockError::Poisoned { .. }) => mend(&mutex, poisoned),
            Err(error) => panic!("stuck: {error}"),
        }
    }
}

#[test]
fn a_bounded_buffer_in_a_storm() {
    let kills = number_from_env("STORM_KILLS", KILLS);
    let (name, shared) = (name(), memory(16));
    let (done, poisoned): (&AtomicU64, &AtomicU64) = (shared.view(0).unwrap(), shared.view(8).unwrap());
    let start = |puts: bool| (puts, child(|| work(&name, done, poisoned, puts)));
    let mut crowd: Vec<(bool, Child)> = (0..PROCESSES).map(|number| start(number % 2 == 0)).collect();
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
        let (puts, victim) = crowd.swap_remove(fastrand::usize(..PROCESSES));
        victim.kill();
        crowd.push(start(puts));
    }
    // Those that are left go on working, also after the storm.
    let before = done.load(SeqCst);
    support::until(|| done.load(SeqCst) > before + 1000);
    crowd.into_iter().for_each(|(_, survivor)| survivor.kill());
    println!(
        "storm: {kills} kills, {stops} stops, {} changes, {} locks taken from the dead, in {:.1?}",
        done.load(SeqCst),
        poisoned.load(SeqCst),
        begun.elapsed()
    );
    assert!(poisoned.load(SeqCst) > 0 || kills < KILLS, "no process was killed with the lock held");
}
