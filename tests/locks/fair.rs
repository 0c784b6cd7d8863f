//! In which order a mutex is given to its waiters, and how long one waits beside a process that locks again and again.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::{Duration, Instant},
};

use support::{LONG, Waiters, child, memory, name, until};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{Mutex, OpenError};

/// Longer than a waiter waits for an offer on a busy machine, and shorter than a starved one waits.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn fair_is_an_option_of_the_object() {
    let name = name();
    let plain = Mutex::create(&name, 0_u32).unwrap();
    let exact = Mutex::<u32>::options().fair(true).exact(true);
    let refused = exact.open_or_create(&name, 0).unwrap_err();
    assert!(matches!(refused, OpenError::OtherOptions { option: "fair", found: 0, wanted: 1, .. }), "{refused}");
    plain.remove().unwrap();
    let fair = exact.open_or_create(&name, 0).unwrap();
    assert_eq!(*fair.lock().unwrap(), 0);
    drop(exact.open_or_create(&name, 0).unwrap());
}

/// A fair mutex is given to its waiters in the order in which they came, whatever comes meanwhile.
#[test]
fn a_fair_mutex_keeps_the_order() {
    const WAITERS: u32 = 6;
    let (name, memory) = (name(), memory(4 * WAITERS as usize));
    let order: Vec<&AtomicU32> = (0..WAITERS as usize).map(|place| memory.view(4 * place).unwrap()).collect();
    let mutex = Mutex::options().fair(true).create(&name, 0_u32).unwrap();
    let set = SemaphoreSet::from_id(mutex.status().unwrap().set).unwrap();
    let guard = mutex.lock().unwrap();
    let waiters: Vec<_> = (0..WAITERS as usize)
        .map(|number| {
            let waiter = child(|| {
                let mutex = Mutex::<u32>::open(&name).unwrap();
                let mut turn = mutex.lock_timeout(LONG).unwrap();
                order[number].store(*turn, SeqCst);
                *turn += 1;
            });
            until(|| Waiters::OF_MUTEX.asleep(&set) == number + 1);
            waiter
        })
        .collect();
    drop(guard);
    waiters.into_iter().for_each(support::Child::join);
    let order: Vec<u32> = order.iter().map(|turn| turn.load(SeqCst)).collect();
    assert_eq!(order, (0..WAITERS).collect::<Vec<_>>());
}

/// Case C10: a process that locks again at once does not starve a waiter.
#[test]
fn case_c10_a_waiter_beside_a_process_that_locks_again_and_again() {
    for fair in [false, true] {
        let name = name();
        let mutex = Mutex::options().fair(fair).create(&name, 0_u64).unwrap();
        let busy = child(|| {
            let mutex = Mutex::<u64>::open(&name).unwrap();
            loop {
                let mut guard = mutex.lock().unwrap();
                let until = Instant::now() + Duration::from_micros(200);
                while Instant::now() < until {
                    *guard += 1;
                }
            }
        });
        let longest = (0..20).map(|_| {
            until(|| mutex.holder().is_some());
            let begun = Instant::now();
            drop(mutex.lock_timeout(LONG).unwrap());
            begun.elapsed()
        });
        let longest = longest.max().unwrap();
        println!("fair: {fair}: the longest of 20 waits was {longest:?}");
        assert!(longest < SOON, "{longest:?}");
        busy.kill();
    }
}
