//! A holder dies, or leaves, and those that wait are woken: each of them, on whichever doorbell it sleeps.
//!
//! No waiter has a deadline, since a waiter checks again when its timeout elapses. A process that was woken stays alive, since
//! its own end would wake the next one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use support::{
    Child, Waiters, child, hold_for_ever, memory, name,
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
    let ring = mpmc::Ring::<u32>::create(&name, 1).unwrap();
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

const WAITERS: u32 = 4;

/// Starts waiters, has `act` let all of them go on, and they stay alive until all of them have. `wait` drops no handle:
/// leaving would wake others as well.
#[track_caller]
fn all_are_notified(what: &str, wait: impl Fn(u32), act: impl FnOnce()) {
    let counted = memory(8);
    let [notified, failed] = [0, 4].map(|at| counted.view::<AtomicU32>(at).unwrap());
    let waiters: Vec<_> = (0..WAITERS)
        .map(|number| {
            child(|| {
                let is_right = catch_unwind(AssertUnwindSafe(|| wait(number))).is_ok();
                if is_right { notified } else { failed }.fetch_add(1, SeqCst);
                hold_for_ever()
            })
        })
        .collect();
    waiters.iter().for_each(Child::until_asleep);
    act();
    promptly(&format!("{what}: all are notified"), || notified.load(SeqCst) + failed.load(SeqCst) == WAITERS);
    assert_eq!(failed.load(SeqCst), 0, "{what}");
}

#[test]
fn case_m18_all_waiters_of_an_mpmc_ring_are_notified() {
    let scene = || {
        let name = name();
        let ring = mpmc::Ring::<u32>::create(&name, WAITERS as usize).unwrap();
        (name, ring)
    };
    let consumer = |name: &str| mpmc::Ring::<u32>::open(name).unwrap().consumer().unwrap();
    let producer = |name: &str| mpmc::Ring::<u32>::open(name).unwrap().producer().unwrap();
    let fill = |ring: &mpmc::Ring<u32>| {
        assert_eq!(ring.producer().unwrap().push_slice(&[1; WAITERS as usize]).unwrap(), WAITERS as usize);
    };

    let (name, ring) = scene();
    let pop = |_| {
        let consumer = consumer(&name);
        consumer.pop().unwrap();
        std::mem::forget(consumer);
    };
    all_are_notified("items at once", pop, || fill(&ring));

    let (name, ring) = scene();
    fill(&ring);
    let own = ring.consumer().unwrap();
    let push = |number| {
        let producer = producer(&name);
        producer.push(number).unwrap();
        std::mem::forget(producer);
    };
    all_are_notified("room at once", push, || {
        let mut items = [0; WAITERS as usize];
        let mut popped = 0;
        while popped < WAITERS as usize {
            popped += own.pop_slice(&mut items).unwrap();
        }
    });

    let (name, ring) = scene();
    // Some of them detect the end, and some do not.
    let closed = |number| {
        let mut consumer = consumer(&name);
        consumer.detect_disconnect(number % 2 == 0);
        let popped = consumer.pop();
        assert!(matches!(popped, Err(PopError::Closed { .. })), "{popped:?}");
        std::mem::forget(consumer);
    };
    all_are_notified("the end, consumers", closed, || ring.close().unwrap());

    let (name, ring) = scene();
    fill(&ring);
    let closed = |number| {
        let mut producer = producer(&name);
        producer.detect_disconnect(number % 2 == 0);
        let pushed = producer.push(1);
        assert!(matches!(pushed, Err(PushError::Closed { .. })), "{pushed:?}");
        std::mem::forget(producer);
    };
    all_are_notified("the end, producers", closed, || ring.close().unwrap());

    let (name, ring) = scene();
    let last = ring.producer().unwrap();
    let disconnected = |_| {
        let mut consumer = consumer(&name);
        consumer.detect_disconnect(true);
        let popped = consumer.pop();
        assert!(matches!(popped, Err(PopError::Disconnected { .. })), "{popped:?}");
        std::mem::forget(consumer);
    };
    all_are_notified("the last producer leaves", disconnected, || drop(last));

    // One item and the end at once: the consumer that gets the item does not wait for the end.
    let (name, ring) = scene();
    let last = ring.producer().unwrap();
    let item_or_end = |_| {
        let mut consumer = consumer(&name);
        consumer.detect_disconnect(true);
        let popped = consumer.pop();
        assert!(matches!(popped, Ok(1) | Err(PopError::Disconnected { .. })), "{popped:?}");
        std::mem::forget(consumer);
    };
    all_are_notified("an item, and the last producer leaves", item_or_end, || {
        last.push(1).unwrap();
        drop(last);
    });
}

#[test]
fn case_m18_all_waiters_of_a_pool_are_notified() {
    let name = name();
    let pool = Pool::create(&name, WAITERS).unwrap();
    let all = pool.acquire_many(WAITERS).unwrap();
    let acquire = |_| {
        let pool = Pool::open(&name).unwrap();
        std::mem::forget(pool.acquire().unwrap());
        std::mem::forget(pool);
    };
    all_are_notified("permits at once", acquire, || drop(all));

    let name = support::name();
    let pool = Pool::create(&name, 2 * WAITERS).unwrap();
    let all = pool.acquire_many(2 * WAITERS).unwrap();
    let acquire = |_| {
        let pool = Pool::open(&name).unwrap();
        std::mem::forget(pool.acquire_many(2).unwrap());
        std::mem::forget(pool);
    };
    all_are_notified("two permits each at once", acquire, || drop(all));

    let name = support::name();
    let pool = Pool::options().capacity(WAITERS).create(&name, 1).unwrap();
    let one = pool.acquire().unwrap();
    let acquire = |_| {
        let pool = Pool::open(&name).unwrap();
        std::mem::forget(pool.acquire().unwrap());
        std::mem::forget(pool);
    };
    all_are_notified("more permits by a resize", acquire, || {
        pool.resize(WAITERS).unwrap();
        drop(one);
    });
}

/// The waiters of every kind are notified when the object is removed.
#[test]
fn case_m18_all_waiters_are_notified_of_a_removal() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let guard = mutex.lock().unwrap();
    let lock = |_| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        let locked = mutex.lock().map(drop);
        assert!(matches!(&locked, Err(LockError::Failed(failure)) if failure.is_gone()), "{locked:?}");
        std::mem::forget(mutex);
    };
    all_are_notified("a mutex is removed", lock, || mutex.remove().unwrap());
    drop(guard);

    let name = support::name();
    let pool = Pool::create(&name, 2).unwrap();
    let both = pool.acquire_many(2).unwrap();
    let acquire = |number| {
        let pool = Pool::open(&name).unwrap();
        let acquired = if number % 2 == 0 { pool.acquire().map(drop) } else { pool.acquire_many(2).map(drop) };
        assert!(acquired.is_err_and(|error| error.is_gone()));
        std::mem::forget(pool);
    };
    all_are_notified("a pool is removed", acquire, || pool.remove().unwrap());
    drop(both);
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
