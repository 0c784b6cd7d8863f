//! A waiter of a mutex or a pool is stopped: by a debugger, by job control, by a limit of processor time. It delays the
//! one event for which it was notified. C1, C12, C13.
//!
//! The first waiter is traced, so it stops exactly where its sleep is over: it has taken its wake-up, and has done nothing
//! with it.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use support::{
    Child, SHORT, child, hold_for_ever, memory, name,
    prompt::{PROMPT, assert_waits, join_promptly, promptly, resume, stop},
    step::{Victim, mark},
};
use sysv_primitives::{Mutex, Options, Pool, PoolError};

/// Longer than it takes to start a waiter, and shorter than [`PROMPT`].
const TIMEOUT: Duration = Duration::from_secs(1);

/// The options of each way in which a mutex is passed on.
fn mutexes() -> [Options<Mutex<u32>>; 2] {
    [Mutex::options(), Mutex::options().fair(true)]
}

fn open_mutex(name: &str) -> Mutex<u32> {
    Mutex::open(name).unwrap()
}

fn open_pool(name: &str) -> Pool {
    Pool::open(name).unwrap()
}

/// Starts a process that waits until it has all of so many permits, and is traced while it waits.
fn traced_waiter(name: &str, permits: u32) -> Victim {
    let victim = Victim::start(|| {
        let pool = open_pool(name);
        mark();
        match permits {
            1 => drop(pool.acquire().unwrap()),
            _ => drop(pool.acquire_many(permits).unwrap()),
        }
    });
    victim.until_asleep()
}

/// Starts a process that waits for so many permits, counts that it has them, and keeps them.
fn keeper(name: &str, permits: u32, acquired: &AtomicU32) -> Child {
    let keeper = child(|| {
        let pool = open_pool(name);
        let _one = (permits == 1).then(|| pool.acquire().unwrap());
        let _many = (permits > 1).then(|| pool.acquire_many(permits).unwrap());
        acquired.fetch_add(1, SeqCst);
        hold_for_ever()
    });
    keeper.until_asleep();
    keeper
}

#[test]
fn case_c1_a_stopped_waiter_of_a_mutex() {
    for options in mutexes() {
        let name = name();
        let mutex = options.create(&name, 0).unwrap();
        let guard = mutex.lock().unwrap();
        let stopped = Victim::start(|| {
            let mutex = open_mutex(&name);
            mark();
            *mutex.lock().unwrap() += 1;
        });
        let stopped = stopped.until_asleep();
        let other = child(|| *open_mutex(&name).lock().unwrap() += 1);
        other.until_asleep();
        drop(guard);
        promptly("a waiter is notified", || stopped.is_woken() || other.is_done());
        // A new caller is not held up by the stopped waiter.
        let begun = Instant::now();
        let newcomer = mutex.lock_timeout(PROMPT).expect("the stopped waiter holds nothing");
        println!("a new caller locks after {:?}", begun.elapsed());
        drop(newcomer);
        join_promptly("the other waiter locks after the new caller", other);
        stopped.finish();
        assert_eq!(*mutex.lock_timeout(PROMPT).unwrap(), 2);
    }
}

/// The same with many waiters and no other caller: each of them locks once.
#[test]
fn case_c1_a_stopped_waiter_of_a_mutex_with_many_waiters() {
    for options in mutexes() {
        let name = name();
        let mutex = options.create(&name, 0).unwrap();
        let guard = mutex.lock().unwrap();
        let stopped = Victim::start(|| {
            let mutex = open_mutex(&name);
            mark();
            *mutex.lock().unwrap() += 1;
        });
        let stopped = stopped.until_asleep();
        let others = [(); 4].map(|()| child(|| *open_mutex(&name).lock().unwrap() += 1));
        others.iter().for_each(Child::until_asleep);
        drop(guard);
        promptly("a waiter is notified", || stopped.is_woken() || others.iter().any(Child::is_done));
        drop(mutex.lock_timeout(PROMPT).expect("the stopped waiter holds nothing"));
        others.into_iter().for_each(|other| join_promptly("every other waiter locks", other));
        stopped.finish();
        assert_eq!(*mutex.lock_timeout(PROMPT).unwrap(), 5);
    }
}

#[test]
fn case_c1_a_stopped_waiter_of_a_pool() {
    let (name, counted) = (name(), memory(4));
    let acquired: &AtomicU32 = counted.view(0).unwrap();
    let pool = Pool::create(&name, 4).unwrap();
    let all: Vec<_> = (0..4).map(|_| pool.acquire().unwrap()).collect();
    let stopped = traced_waiter(&name, 1);
    let _others = [(); 3].map(|()| keeper(&name, 1, acquired));
    drop(all);
    promptly("three of four waiters have a permit", || acquired.load(SeqCst) == 3);
    stopped.finish();
    assert_eq!(pool.available(), 1, "the fourth came back");
}

/// Permits are released one at a time. Each goes to a waiter that runs.
#[test]
fn case_c1_a_stopped_waiter_of_a_pool_in_turns() {
    let (name, counted) = (name(), memory(4));
    let acquired: &AtomicU32 = counted.view(0).unwrap();
    let pool = Pool::create(&name, 4).unwrap();
    let all: Vec<_> = (0..4).map(|_| pool.acquire().unwrap()).collect();
    let stopped = traced_waiter(&name, 1);
    let _others = [(); 3].map(|()| keeper(&name, 1, acquired));
    for (released, permit) in (1..).zip(all) {
        drop(permit);
        promptly(&format!("all but one of {released} permits are acquired"), || acquired.load(SeqCst) + 1 >= released);
        thread::sleep(SHORT);
    }
    stopped.finish();
    assert_eq!(pool.available(), 1, "the fourth came back");
}

#[test]
fn case_c1_a_stopped_waiter_for_several_permits() {
    let (name, counted) = (name(), memory(4));
    let acquired: &AtomicU32 = counted.view(0).unwrap();
    let pool = Pool::create(&name, 6).unwrap();
    let all = pool.acquire_many(6).unwrap();
    let stopped = traced_waiter(&name, 2);
    let _others = [(); 2].map(|()| keeper(&name, 2, acquired));
    drop(all);
    promptly("two of three waiters have two permits each", || acquired.load(SeqCst) == 2);
    stopped.finish();
    assert_eq!(pool.available(), 2, "the last two came back");
}

/// A waiter for one is notified and stopped, while others wait for several. Then the other way round.
#[test]
fn case_c1_a_stopped_waiter_of_the_other_kind() {
    for (first, then) in [(1, 2), (2, 1)] {
        let (name, counted) = (name(), memory(4));
        let acquired: &AtomicU32 = counted.view(0).unwrap();
        let pool = Pool::create(&name, first + 2 * then).unwrap();
        let all = pool.acquire_many(first + 2 * then).unwrap();
        let stopped = traced_waiter(&name, first);
        let _others = [(); 2].map(|()| keeper(&name, then, acquired));
        drop(all);
        promptly("both other waiters have their permits", || acquired.load(SeqCst) == 2);
        stopped.finish();
        assert_eq!(pool.available(), first as usize, "the others came back");
    }
}

/// A process waits for two permits, is notified, and stopped. What is free can be acquired.
#[test]
fn case_c12_a_stopped_waiter_for_two_makes_nothing_busy() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let both = pool.acquire_many(2).unwrap();
    let stopped = traced_waiter(&name, 2);
    drop(both);
    promptly("the waiter is notified", || stopped.is_woken());
    assert_eq!(pool.available(), 2);
    drop(pool.try_acquire().expect("two are free"));
    drop(pool.try_acquire_many(1).expect("two are free"));
    drop(pool.try_acquire_many(2).expect("two are free"));
    drop(pool.acquire_timeout(SHORT).expect("two are free"));
    drop(pool.acquire_many_timeout(1, SHORT).expect("two are free"));
    drop(pool.acquire_many_timeout(2, SHORT).expect("two are free"));
    stopped.finish();
    assert_eq!(pool.available(), 2);
}

/// The same, and the waiter is stopped before anything was free: it has no wake-up, but a place in line.
#[test]
fn case_c12_a_stopped_waiter_for_two_that_was_not_notified() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let both = pool.acquire_many(2).unwrap();
    let waiter = child(|| drop(open_pool(&name).acquire_many(2).unwrap()));
    waiter.until_asleep();
    stop(&waiter);
    assert!(pool.try_acquire_many(1).unwrap_err().is_busy());
    drop(both);
    drop(pool.try_acquire().expect("two are free"));
    drop(pool.try_acquire_many(1).expect("two are free"));
    drop(pool.acquire_many_timeout(2, SHORT).expect("two are free"));
    resume(&waiter);
    join_promptly("the waiter gets both", waiter);
}

/// A call that finds too few permits beside a waiter for two leaves nothing behind: the next call says the same.
#[test]
fn case_c12_a_refused_call_leaves_no_failure() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let both = pool.acquire_many(2).unwrap();
    let waiter = child(|| drop(open_pool(&name).acquire_many(2).unwrap()));
    waiter.until_asleep();
    for _ in 0..2 {
        assert!(matches!(pool.try_acquire_many(2), Err(PoolError::WouldBlock)));
        assert!(matches!(pool.try_acquire_many(1), Err(PoolError::WouldBlock)));
        assert!(matches!(pool.acquire_many_timeout(1, SHORT), Err(PoolError::TimedOut)));
        assert!(matches!(pool.try_acquire(), Err(PoolError::WouldBlock)));
    }
    drop(both);
    join_promptly("the waiter gets both", waiter);
}

/// No process is stopped. One waits for two permits, and one permit is free.
#[test]
fn case_c12_a_waiter_for_two_leaves_one_to_others() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let one = pool.acquire().unwrap();
    let waiter = child(|| drop(open_pool(&name).acquire_many(2).unwrap()));
    waiter.until_asleep();
    drop(pool.acquire_many_timeout(1, SHORT).expect("one is free"));
    drop(pool.try_acquire_many(1).expect("one is free"));
    drop(pool.try_acquire().expect("one is free"));
    drop(pool.acquire_timeout(SHORT).expect("one is free"));
    assert_waits("one is held all the time", &waiter);
    drop(one);
    join_promptly("the waiter gets both", waiter);
}

/// The notified waiter is stopped, and another one times out meanwhile. It gets what is there.
#[test]
fn case_c13_a_lock_that_times_out_beside_a_stopped_waiter() {
    for options in mutexes() {
        let name = name();
        let mutex = options.create(&name, 0).unwrap();
        let guard = mutex.lock().unwrap();
        let stopped = Victim::start(|| {
            let mutex = open_mutex(&name);
            mark();
            *mutex.lock().unwrap() += 1;
        });
        let stopped = stopped.until_asleep();
        let timed = child(|| *open_mutex(&name).lock_timeout(TIMEOUT).expect("the mutex is free") += 1);
        timed.until_asleep();
        drop(guard);
        join_promptly("the timed waiter ends", timed);
        stopped.finish();
        assert_eq!(*mutex.lock().unwrap(), 2);
    }
}

#[test]
fn case_c13_an_acquire_that_times_out_beside_a_stopped_waiter() {
    for permits in [1, 2] {
        let name = name();
        let pool = Pool::create(&name, permits).unwrap();
        let all = pool.acquire_many(permits).unwrap();
        let stopped = traced_waiter(&name, permits);
        let timed = child(|| {
            let pool = open_pool(&name);
            match permits {
                1 => drop(pool.acquire_timeout(TIMEOUT).expect("it is free")),
                _ => drop(pool.acquire_many_timeout(permits, TIMEOUT).expect("they are free")),
            }
        });
        timed.until_asleep();
        drop(all);
        join_promptly("the timed waiter ends", timed);
        stopped.finish();
        assert_eq!(pool.available(), permits as usize);
    }
}

/// A waiter is stopped until its own timeout has elapsed, with its wake-up or without. It gets what is there.
///
/// `hinder` takes what is waited for, and returns how to free it.
fn stopped_until_after_its_timeout<'a>(wait: impl Fn(Duration) -> bool, hinder: impl Fn() -> Box<dyn FnOnce() + 'a>) {
    let counted = memory(4);
    let got: &AtomicU32 = counted.view(0).unwrap();
    for notified_first in [true, false] {
        let is_conclusive = || {
            let (free, begun) = (hinder(), Instant::now());
            let timed = child(|| got.store(u32::from(wait(TIMEOUT)), SeqCst));
            timed.until_asleep();
            if notified_first {
                free();
                stop(&timed);
            } else {
                stop(&timed);
                free();
            }
            // On a slow machine it may have timed out before.
            let is_in_time = begun.elapsed() < TIMEOUT;
            thread::sleep(TIMEOUT);
            resume(&timed);
            join_promptly("the timed waiter ends", timed);
            is_in_time
        };
        promptly("the waiter is stopped in time", is_conclusive);
        assert_eq!(got.load(SeqCst), 1, "it timed out, and what it waited for was there; {notified_first}");
    }
}

#[test]
fn case_c13_a_lock_that_is_stopped_until_after_its_timeout() {
    for options in mutexes() {
        let name = name();
        let mutex = options.create(&name, 0).unwrap();
        stopped_until_after_its_timeout(
            |timeout| open_mutex(&name).lock_timeout(timeout).is_ok(),
            || {
                let guard = mutex.lock().unwrap();
                Box::new(move || drop(guard))
            },
        );
    }
}

#[test]
fn case_c13_an_acquire_that_is_stopped_until_after_its_timeout() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let hinder = || -> Box<dyn FnOnce() + '_> {
        let both = pool.acquire_many(2).unwrap();
        Box::new(move || drop(both))
    };
    stopped_until_after_its_timeout(|timeout| open_pool(&name).acquire_timeout(timeout).is_ok(), hinder);
    stopped_until_after_its_timeout(|timeout| open_pool(&name).acquire_many_timeout(2, timeout).is_ok(), hinder);
    assert_eq!(pool.available(), 2);
}
