//! The rate limiter between processes: the rate holds, and a waiter that dies or is stopped costs others nothing.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, SHORT, assert_fails, child, exit_now, memory, name, prompt::stop};
use sysv_ipc::Segment;
use sysv_primitives::{OpenError, PoolError, RateLimiter, TooManyPermits};

const HOUR: Duration = Duration::from_secs(3600);

/// One permit in this time, and one at once.
fn evenly(name: &str, per: Duration) -> RateLimiter {
    RateLimiter::options().burst(1).create(name, 1, per).unwrap()
}

#[test]
fn permits_are_counted() {
    let name = name();
    let limiter = RateLimiter::create(&name, 10, HOUR).unwrap();
    assert_eq!((limiter.rate(), limiter.burst(), limiter.available()), ((10, HOUR), 10, 10));
    limiter.acquire(0).unwrap();
    limiter.try_acquire(4).unwrap();
    let other = RateLimiter::open(&name).unwrap();
    assert_eq!((other.available(), other.rate(), other.burst()), (6, (10, HOUR), 10));
    child(|| RateLimiter::open(&name).unwrap().acquire(5).unwrap()).join();
    assert_eq!(limiter.available(), 1);
    assert_fails!(limiter.try_acquire(2), PoolError::WouldBlock);
    assert_fails!(limiter.acquire_timeout(2, SHORT), PoolError::TimedOut);
    limiter.try_acquire(1).unwrap();
    assert_fails!(limiter.try_acquire(1), PoolError::WouldBlock);
    limiter.try_acquire(0).unwrap();
    let left = limiter.time_until(1).unwrap();
    assert!(left <= HOUR / 10 && left > HOUR / 11, "{left:?}");
    assert!(limiter.time_until(10).unwrap() > HOUR / 11 * 10);
}

#[test]
fn more_than_the_burst_are_refused_at_once() {
    let name = name();
    let limiter = RateLimiter::options().burst(3).create(&name, 10, HOUR).unwrap();
    for refused in [limiter.acquire(4), limiter.try_acquire(u32::MAX), limiter.time_until(4).map(drop)] {
        let Err(PoolError::TooMany(TooManyPermits { limit: 3, .. })) = &refused else { panic!("{refused:?}") };
        assert!(refused.unwrap_err().to_string().contains("RateLimiter::options().burst("));
    }
    limiter.acquire(3).unwrap();
}

#[test]
fn what_is_no_rate_is_refused() {
    let name = name();
    let refused = |permits, per, burst| {
        let refused = RateLimiter::options().burst(burst).open_or_create(&name, permits, per);
        matches!(refused, Err(OpenError::BadRate { .. }))
    };
    assert!(refused(0, HOUR, 1) && refused(0, HOUR, 0) && refused(5, Duration::ZERO, 0));
    assert!(refused(1, Duration::MAX, 1) && refused(1, HOUR, u32::MAX));
    assert_fails!(RateLimiter::open(&name), OpenError::NoSuchName { .. });
    drop(RateLimiter::create(&name, u32::MAX, Duration::from_nanos(1)).unwrap());
}

/// By the clock, from before the first call until after the last one.
#[test]
fn processes_have_one_rate_together() {
    const PROCESSES: u32 = 4;
    const CALLS: u32 = 20;
    const RATE: u32 = 400;
    const BURST: u32 = 20;
    let name = name();
    let limiter = RateLimiter::options().burst(BURST).create(&name, RATE, Duration::from_secs(1)).unwrap();
    let begun = Instant::now();
    let take = || {
        let limiter = RateLimiter::open(&name).unwrap();
        (0..CALLS).for_each(|_| limiter.acquire(3).unwrap());
    };
    let takers: Vec<_> = (0..PROCESSES).map(|_| child(take)).collect();
    takers.into_iter().for_each(Child::join);
    let least = Duration::from_secs(1) * (PROCESSES * CALLS * 3 - BURST) / RATE;
    assert!(begun.elapsed() >= least, "{:?} is less than {least:?}", begun.elapsed());
    drop(limiter);
}

/// Takes a limiter's only permit, and has some processes wait for the next one.
fn waiters(name: &str, limiter: &RateLimiter, done: &AtomicU32) -> Vec<Child> {
    limiter.acquire(1).unwrap();
    let wait = || {
        RateLimiter::open(name).unwrap().acquire(1).unwrap();
        done.fetch_add(1, SeqCst);
    };
    let waiters: Vec<_> = (0..6).map(|_| child(wait)).collect();
    waiters.iter().for_each(Child::until_asleep);
    waiters
}

#[test]
fn a_waiter_that_is_killed_has_taken_nothing() {
    let (name, memory) = (name(), memory(4));
    let limiter = evenly(&name, HOUR);
    let waiters = waiters(&name, &limiter, memory.view(0).unwrap());
    let left = limiter.time_until(1).unwrap();
    waiters.into_iter().for_each(Child::kill);
    assert!(limiter.time_until(1).unwrap() <= left && left <= HOUR);
    assert_eq!(limiter.members().unwrap().len(), 1);
}

#[test]
fn waiters_that_are_stopped_hold_up_no_other() {
    const PER: Duration = Duration::from_millis(400);
    let (name, memory) = (name(), memory(4));
    let (limiter, done) = (evenly(&name, PER), memory.view::<AtomicU32>(0).unwrap());
    let waiters = waiters(&name, &limiter, done);
    waiters.iter().for_each(stop);
    // Those that came before the stop apart, each permit is ours.
    let (begun, before) = (Instant::now(), done.load(SeqCst));
    (0..3).for_each(|_| limiter.acquire(1).unwrap());
    assert_eq!(done.load(SeqCst), before);
    assert!(begun.elapsed() < support::LONG / 2, "{:?}", begun.elapsed());
    waiters.iter().for_each(|waiter| waiter.signal(Signal::SIGCONT));
    waiters.into_iter().for_each(Child::join);
    assert_eq!(done.load(SeqCst), 6);
}

/// A wait is one sleep, however long it is.
#[cfg(target_os = "linux")]
#[test]
fn a_waiter_sleeps_until_the_time() {
    use support::switches;
    let name = name();
    let limiter = evenly(&name, Duration::from_secs(1));
    // A busy machine wakes it late at times.
    let is_in_time = |_| {
        limiter.acquire(1).unwrap();
        let (begun, before) = (Instant::now(), switches());
        limiter.acquire(1).unwrap();
        let (elapsed, slept) = (begun.elapsed(), switches() - before);
        assert!(elapsed > Duration::from_millis(900) && slept <= 3, "{slept} times in {elapsed:?}");
        // It would be two seconds if it waited until all is paid for.
        elapsed < Duration::from_millis(1900)
    };
    assert!((0..10).any(is_in_time));
}

/// It takes them when they are there, though single ones are taken meanwhile.
#[test]
fn several_are_taken_at_once() {
    let name = name();
    let limiter = RateLimiter::options().burst(4).create(&name, 40, Duration::from_secs(1)).unwrap();
    limiter.acquire(4).unwrap();
    let begun = Instant::now();
    limiter.acquire(4).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(99), "{:?}", begun.elapsed());
    assert_eq!(limiter.available(), 0);
}

#[test]
fn threads_and_children_share_a_handle() {
    let name = name();
    let limiter = RateLimiter::options().burst(1).create(&name, 100, Duration::from_secs(1)).unwrap();
    let child = child(|| {
        (0..5).for_each(|_| limiter.acquire(1).unwrap());
        assert_eq!(limiter.members().unwrap().len(), 2);
    });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| limiter.acquire(1).unwrap()));
        }
    });
    child.join();
}

/// A word that can't be is made one that can be.
#[test]
fn a_damaged_word_costs_one_window() {
    let name = name();
    let limiter = RateLimiter::options().max_handles(4).burst(2).create(&name, 10, Duration::from_secs(1)).unwrap();
    let memory = Segment::from_id(limiter.status().unwrap().segment).unwrap().attach().unwrap();
    // 512 bytes of the header, and 16 for each slot.
    memory.write(&[0xff; 8], 640).unwrap();
    assert_eq!(limiter.available(), 0);
    assert_fails!(limiter.try_acquire(1), PoolError::WouldBlock);
    let begun = Instant::now();
    limiter.acquire_timeout(2, support::LONG).unwrap();
    assert!(begun.elapsed() < support::LONG / 2, "{:?}", begun.elapsed());
    memory.write(&[0; 8], 640).unwrap();
    assert_eq!(limiter.available(), 2);
}

#[test]
fn a_process_that_dies_leaves_what_it_took_taken() {
    let name = name();
    let limiter = RateLimiter::create(&name, 3, HOUR).unwrap();
    child(|| {
        let limiter = RateLimiter::open(&name).unwrap();
        limiter.acquire(2).unwrap();
        exit_now(0)
    })
    .join();
    assert_eq!(limiter.available(), 1);
}
