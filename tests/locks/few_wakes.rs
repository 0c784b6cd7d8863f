//! Many waiters of a mutex or a pool sleep, and few of them can go on: each event wakes one.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

use support::{
    Child, SHORT, child, hold_for_ever, memory, name,
    prompt::{promptly, sleeps_of},
};
use sysv_primitives::{Mutex, Pool};

const SLEEPERS: u32 = 64;

/// Starts sleepers that keep what they wait for, has `act` make something available for `most` of them, and asserts that
/// no other one is woken.
fn each_event_wakes_one(most: u32, take: impl Fn(&dyn Fn()), act: impl FnOnce()) {
    let counted = memory(4 * SLEEPERS as usize);
    let has: &[AtomicU32] = counted.slice(0, SLEEPERS as usize).unwrap();
    let sleepers: Vec<_> = has
        .iter()
        .map(|has| {
            child(|| {
                take(&|| {
                    has.store(1, SeqCst);
                    hold_for_ever()
                });
            })
        })
        .collect();
    sleepers.iter().for_each(Child::until_asleep);
    let before: Vec<_> = sleepers.iter().map(sleeps_of).collect();
    act();
    let count = || has.iter().map(|has| has.load(SeqCst)).sum::<u32>();
    promptly("the waiters that can go on have gone on", || count() == most);
    thread::sleep(SHORT);
    assert_eq!(count(), most);
    let woken: Vec<_> = (0..sleepers.len())
        .filter(|&number| has[number].load(SeqCst) == 0)
        .map(|number| (number, sleeps_of(&sleepers[number]) - before[number]))
        .filter(|(_, sleeps)| *sleeps > 0)
        .collect();
    assert!(woken.is_empty(), "waiters that got nothing were woken so often: {woken:?}");
}

#[test]
fn an_unlock_wakes_one_waiter() {
    let name = name();
    let mutex = Mutex::options().max_handles(SLEEPERS + 1).create(&name, 0_u32).unwrap();
    let guard = mutex.lock().unwrap();
    let take = |has: &dyn Fn()| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        // At the end of the test the holder is killed, which poisons the mutex for the others.
        let _guard = mutex.lock();
        has();
    };
    each_event_wakes_one(1, take, || drop(guard));
}

#[test]
fn each_permit_wakes_one_waiter() {
    const PERMITS: u32 = 8;
    for at_once in [true, false] {
        let name = name();
        let pool = Pool::options().max_handles(SLEEPERS + 1).create(&name, PERMITS).unwrap();
        let permits: Vec<_> = (0..PERMITS).map(|_| pool.acquire().unwrap()).collect();
        let take = |has: &dyn Fn()| {
            let pool = Pool::open(&name).unwrap();
            let _permit = pool.acquire().unwrap();
            has();
        };
        each_event_wakes_one(PERMITS, take, || {
            for permit in permits {
                drop(permit);
                if !at_once {
                    promptly("a waiter has the permit", || pool.available() == 0);
                }
            }
        });
    }
}
