//! A process leaks what it has, and leaves the object, and lives on: there is no obituary.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use support::{
    child, hold_for_ever, memory, name,
    prompt::{join_promptly, promptly},
    until,
};
use sysv_primitives::{LockError, Mutex, Pool, mpmc};

/// A guard is leaked, and its handle is dropped by a process that lives on: there is no obituary.
#[test]
fn case_m16_a_leaked_guard() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let guard = mutex.lock().unwrap();
    let waiter = child(|| {
        let locked = Mutex::<u32>::open(&name).unwrap().lock().map(drop);
        assert!(matches!(locked, Err(LockError::Poisoned { .. })), "{locked:?}");
    });
    waiter.until_asleep();
    std::mem::forget(guard);
    drop(mutex);
    join_promptly("the waiter of a lock that was leaked", waiter);
}

#[test]
fn case_m16_leaked_permits() {
    for wanted in [1, 2] {
        let name = name();
        let pool = Pool::create(&name, 2).unwrap();
        let both = pool.acquire_many(2).unwrap();
        let waiter = child(|| {
            let pool = Pool::open(&name).unwrap();
            match wanted {
                1 => drop(pool.acquire().unwrap()),
                _ => drop(pool.acquire_many(wanted).unwrap()),
            }
        });
        waiter.until_asleep();
        std::mem::forget(both);
        drop(pool);
        join_promptly("the waiter for permits that were leaked", waiter);
    }
}

/// Starts a process that leaks what it takes, has another one wait for that, and lets the first one leave. It lives on.
#[track_caller]
fn leaving_wakes(what: &str, leak: impl FnOnce(&dyn Fn()), wait: impl FnOnce()) {
    let said = memory(8);
    let [is_leaked, may_leave] = [0, 4].map(|at| said.view::<AtomicU32>(at).unwrap());
    let leaker = child(|| {
        leak(&|| {
            is_leaked.store(1, SeqCst);
            until(|| may_leave.load(SeqCst) == 1);
        });
        hold_for_ever()
    });
    promptly(&format!("{what}: it is leaked"), || is_leaked.load(SeqCst) == 1);
    let waiter = child(wait);
    waiter.until_asleep();
    may_leave.store(1, SeqCst);
    join_promptly(&format!("{what}: the only waiter is woken"), waiter);
    leaker.kill();
}

/// The owner of a leaked claim, and that of a leaked reservation, leave the ring.
#[test]
fn case_m16_leaked_slots_of_a_ring() {
    let name = name();
    let ring = mpmc::Ring::<u32>::create(&name, 1).unwrap();
    let open = || mpmc::Ring::<u32>::open(&name).unwrap();
    ring.producer().unwrap().push(7).unwrap();
    leaving_wakes(
        "a claim",
        |leaked| {
            let consumer = open().consumer().unwrap();
            std::mem::forget(consumer.claim().unwrap());
            leaked();
            drop(consumer);
        },
        || assert_eq!(open().consumer().unwrap().pop().unwrap(), 7),
    );
    leaving_wakes(
        "a reservation",
        |leaked| {
            let producer = open().producer().unwrap();
            std::mem::forget(producer.reserve().unwrap());
            leaked();
            drop(producer);
        },
        || open().producer().unwrap().push(8).unwrap(),
    );
}
