//! Several things come at once, or the end: all waiters are notified.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use support::{Child, Name, child, hold_for_ever, memory, name, prompt::promptly};
use sysv_primitives::{LockError, Mutex, Pool, PopError, PushError, mpmc};

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

fn consumer(name: &str) -> mpmc::Consumer<u32> {
    mpmc::Ring::open(name).unwrap().consumer().unwrap()
}

fn producer(name: &str) -> mpmc::Producer<u32> {
    mpmc::Ring::open(name).unwrap().producer().unwrap()
}

fn scene() -> (Name, mpmc::Ring<u32>) {
    let name = name();
    let ring = mpmc::Ring::create(&name, WAITERS as usize).unwrap();
    (name, ring)
}

fn fill(ring: &mpmc::Ring<u32>) {
    assert_eq!(ring.producer().unwrap().push_slice(&[1; WAITERS as usize]).unwrap(), WAITERS as usize);
}

#[test]
fn case_m18_all_waiters_of_an_mpmc_ring_are_notified() {
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
}

#[test]
fn case_m18_all_waiters_of_an_mpmc_ring_are_notified_of_the_end() {
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
