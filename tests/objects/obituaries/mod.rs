//! A holder dies, or leaves, and those that wait are woken: each of them, on whichever doorbell it sleeps.
//!
//! No waiter has a deadline, since a waiter checks again when its timeout elapses. A process that was woken stays alive, since
//! its own end would wake the next one.

mod all;
mod leaving;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use support::{
    Waiters, child, hold_for_ever, memory, name,
    prompt::{join_promptly, promptly},
    until,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{LockError, Mutex, Pool, PopError, PushError, mpmc, spsc};

/// Starts a holder, then the only waiter, and kills the holder. The waiter must come to its end.
///
/// `hold` takes what is waited for, and says when it has it. It never returns from that.
#[track_caller]
fn death_wakes(what: &str, hold: impl FnOnce(&dyn Fn()), wait: impl FnOnce()) {
    let said = memory(4);
    let is_held: &AtomicU32 = said.view(0).unwrap();
    let holder = child(|| {
        hold(&|| {
            is_held.store(1, SeqCst);
            hold_for_ever()
        });
    });
    promptly(&format!("{what}: the holder has it"), || is_held.load(SeqCst) == 1);
    let waiter = child(wait);
    waiter.until_asleep();
    holder.kill();
    join_promptly(&format!("{what}: the only waiter is woken by the death"), waiter);
}

#[test]
fn case_m17_a_death_wakes_the_only_waiter_of_a_mutex() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u32).unwrap();
    let open = || Mutex::<u32>::open(&name).unwrap();
    death_wakes(
        "lock",
        |has| {
            let mutex = open();
            let _guard = mutex.lock().unwrap();
            has();
        },
        || assert!(matches!(open().lock().map(drop), Err(LockError::Poisoned { .. }))),
    );
}

#[test]
fn case_m17_a_death_wakes_the_only_waiter_of_a_pool() {
    for (permits, wanted) in [(1, 1), (2, 2), (4, 3)] {
        let name = name();
        let _pool = Pool::create(&name, permits).unwrap();
        let open = || Pool::open(&name).unwrap();
        death_wakes(
            &format!("{wanted} of {permits} permits"),
            |has| {
                let pool = open();
                let _permits = pool.acquire_many(permits.div_ceil(2)).unwrap();
                has();
            },
            || match wanted {
                1 => drop(open().acquire().unwrap()),
                _ => drop(open().acquire_many(wanted).unwrap()),
            },
        );
    }
}

/// A waiter for several permits dies while it waits, and so does the holder. The next one goes on.
#[test]
fn case_m17_a_death_wakes_the_next_waiter_for_several_permits() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let both = pool.acquire_many(2).unwrap();
    let wait = || child(|| drop(Pool::open(&name).unwrap().acquire_many(2).unwrap()));
    let first = wait();
    first.until_asleep();
    let second = wait();
    second.until_asleep();
    first.kill();
    second.until_asleep();
    drop(both);
    join_promptly("the second waiter", second);
}

#[test]
fn case_m17_a_death_wakes_the_only_waiter_of_an_spsc_ring() {
    let name = name();
    let ring = spsc::Ring::<u32>::create(&name, 1).unwrap();
    let open = || spsc::Ring::<u32>::open(&name).unwrap();
    let produce = |has: &dyn Fn()| {
        let _producer = open().producer().unwrap();
        has();
    };
    let consume = |has: &dyn Fn()| {
        let _consumer = open().consumer().unwrap();
        has();
    };
    death_wakes("the producer's role", produce, || drop(open().producer().unwrap()));
    death_wakes("the consumer's role", consume, || drop(open().consumer().unwrap()));
    death_wakes("pop, and the producer dies", produce, || {
        let mut consumer = open().consumer().unwrap();
        consumer.detect_disconnect(true);
        assert!(matches!(consumer.pop(), Err(PopError::Disconnected { .. })));
    });
    ring.producer().unwrap().push(1).unwrap();
    death_wakes("push, and the consumer dies", consume, || {
        let mut producer = open().producer().unwrap();
        producer.detect_disconnect(true);
        assert!(matches!(producer.push(2), Err(PushError::Disconnected { .. })));
    });
}

#[test]
fn case_m17_a_death_wakes_the_only_waiter_of_an_mpmc_ring() {
    let name = name();
    let _ring = mpmc::Ring::<u32>::create(&name, 1).unwrap();
    let open = || mpmc::Ring::<u32>::open(&name).unwrap();
    for detects in [false, true] {
        death_wakes(
            "push, and a producer dies in the only slot",
            |has| {
                let producer = open().producer().unwrap();
                let _reserved = producer.reserve().unwrap();
                has();
            },
            || {
                let ring = open();
                let _consumer = ring.consumer().unwrap();
                let mut producer = ring.producer().unwrap();
                producer.detect_disconnect(detects);
                producer.push(1).unwrap();
            },
        );
        death_wakes(
            "pop, and a consumer dies with the only item",
            |has| {
                let consumer = open().consumer().unwrap();
                let _claimed = consumer.claim().unwrap();
                has();
            },
            || {
                let ring = open();
                let _producer = ring.producer().unwrap();
                let mut consumer = ring.consumer().unwrap();
                consumer.detect_disconnect(detects);
                assert_eq!(consumer.pop().unwrap(), 1);
            },
        );
    }
}

#[test]
fn case_m17_a_death_wakes_the_only_waiter_of_an_mpmc_ring_at_its_end() {
    let name = name();
    let ring = mpmc::Ring::<u32>::create(&name, 1).unwrap();
    let open = || mpmc::Ring::<u32>::open(&name).unwrap();
    death_wakes(
        "pop, and the last producer dies",
        |has| {
            let _producer = open().producer().unwrap();
            has();
        },
        || {
            let mut consumer = open().consumer().unwrap();
            consumer.detect_disconnect(true);
            assert!(matches!(consumer.pop(), Err(PopError::Disconnected { .. })));
        },
    );
    ring.producer().unwrap().push(1).unwrap();
    death_wakes(
        "push, and the last consumer dies",
        |has| {
            let _consumer = open().consumer().unwrap();
            has();
        },
        || {
            let mut producer = open().producer().unwrap();
            producer.detect_disconnect(true);
            assert!(matches!(producer.push(2), Err(PushError::Disconnected { .. })));
        },
    );
}

/// W6. A waiter may take one of the two for the post of a call.
#[test]
fn a_death_posts_each_doorbell_twice() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let set = SemaphoreSet::from_id(mutex.status().unwrap().set).unwrap();
    let bells = [Waiters::OF_MUTEX, Waiters::FOR_CONDITION].map(|waiters| waiters.semaphores(&set)).concat();
    let are_all = |posts| bells.iter().all(|&bell| set.value(bell).unwrap() == posts);
    let member = child(|| {
        let _mutex = Mutex::<u32>::open(&name).unwrap();
        hold_for_ever()
    });
    until(|| mutex.members().unwrap().len() == 2);
    assert!(are_all(0));
    member.kill();
    assert!(are_all(2));
}
