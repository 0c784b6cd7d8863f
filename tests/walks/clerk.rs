//! A process is killed at each instruction of its clerk's thread, from its begin to its end, while the thread that polls runs on.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use support::{
    LONG, child, name,
    step::{Victim, every_instruction, mark},
};
use sysv_primitives::{Mutex, RwLock, mpmc};

use super::futures::{lock_after, write_after};

/// Polls until it waits, wakes for nothing, and drops the future in the end.
fn poll_and_withhold<F: Future>(future: F, time: Duration) {
    let mut future = pin!(future);
    for _ in 0..4 {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
    }
    std::thread::sleep(time);
}

/// Kills at each instruction of a clerk that sleeps for `wait`, while another process waits for the same lock.
fn walk_of_mutex(what: &str, wait: impl Fn(&Mutex<u32>)) {
    every_instruction(what, |steps| {
        let name = name();
        let mutex = Arc::new(Mutex::create(&name, 0_u32).unwrap());
        let guard = mutex.lock_owned().unwrap();
        let victim = Victim::start(|| {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            mark();
            wait(&mutex);
            // Ends the clerk.
            drop(mutex);
            support::hold_for_ever();
        });
        let clerk = victim.run_to_thread();
        let other = child(|| lock_after(&Mutex::open(&name).unwrap()));
        other.until_asleep();
        let mut guard = Some(guard);
        let walk = clerk.walk(steps, || guard = None);
        drop(guard);
        other.join();
        lock_after(&mutex);
        drop(victim);
        assert_eq!(mutex.members().unwrap().len(), 1);
        walk
    });
}

#[test]
fn clerk_every_instruction() {
    walk_of_mutex("the clerk of mutex.lock_async", |mutex| {
        if let Ok(mut guard) = pollster::block_on(mutex.lock_async()) {
            *guard += 1;
        }
    });
}

/// The future is not polled when it is woken, so the clerk passes its call on (CK3).
#[test]
fn clerk_that_revokes_every_instruction() {
    walk_of_mutex("the clerk of mutex.lock_async, which is not polled", |mutex| {
        poll_and_withhold(mutex.lock_async(), Duration::from_millis(40));
    });
}

/// Kills at each instruction of a clerk that sleeps for a future which has the lock, and waits for a reader.
fn walk_of_rwlock(what: &str, wait: impl Fn(&RwLock<u32>)) {
    every_instruction(what, |steps| {
        let name = name();
        let lock = Arc::new(RwLock::create(&name, 0_u32).unwrap());
        let reader = lock.read_owned().unwrap();
        let victim = Victim::start(|| {
            let lock = RwLock::<u32>::open(&name).unwrap();
            mark();
            wait(&lock);
            drop(lock);
            support::hold_for_ever();
        });
        let clerk = victim.run_to_thread();
        let other = child(|| write_after(&RwLock::open(&name).unwrap()));
        let mut reader = Some(reader);
        let walk = clerk.walk(steps, || reader = None);
        drop(reader);
        other.join();
        write_after(&lock);
        drop(victim);
        assert_eq!(lock.members().unwrap().len(), 1);
        walk
    });
}

#[test]
fn clerk_of_a_writer_every_instruction() {
    walk_of_rwlock("the clerk of rwlock.write_async among readers", |lock| {
        drop(pollster::block_on(lock.write_async()));
    });
}

/// The clerk gives up what the future holds (RA2).
#[test]
fn clerk_that_gives_a_lock_up_every_instruction() {
    walk_of_rwlock("the clerk of rwlock.write_async, which is not polled", |lock| {
        poll_and_withhold(lock.write_async(), Duration::from_millis(40));
    });
}

#[test]
fn clerk_of_a_ring_every_instruction() {
    every_instruction("the clerk of mpmc.pop_async", |steps| {
        let name = name();
        let ring = mpmc::Ring::<u32>::create(&name, 2).unwrap();
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let victim = Victim::start(|| {
            let ring = mpmc::Ring::<u32>::open(&name).unwrap();
            let consumer = ring.consumer().unwrap();
            mark();
            let popped = pollster::block_on(consumer.pop_async());
            assert!(popped.is_ok());
            drop((consumer, ring));
            support::hold_for_ever();
        });
        let clerk = victim.run_to_thread();
        let walk = clerk.walk(steps, || producer.push_timeout(1, LONG).unwrap());
        drop(victim);
        let left: Vec<u32> = consumer.try_iter().map(Result::unwrap).collect();
        assert!(left.is_empty() || left == [1], "{left:?}");
        producer.push_timeout(7, LONG).unwrap();
        assert_eq!(consumer.pop_timeout(LONG).unwrap(), 7);
        walk
    });
}
