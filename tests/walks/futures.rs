//! A process is killed at each instruction of a future's polls and of its drop, while the clerk is wherever it is by then.
//!
//! The clerk's own instructions are walked through in `clerk`.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use support::{
    LONG, child, name,
    step::{Victim, every_instruction, mark},
};
use sysv_primitives::{LockError, Mutex, Pool, RwLock, mpmc};

/// Polls so often.
fn poll<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    (0..times).find_map(|_| match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// A caller gets the lock in any case.
pub(crate) fn lock_after(mutex: &Mutex<u32>) {
    match mutex.lock_timeout(LONG) {
        Ok(_) => {}
        Err(LockError::Poisoned { .. }) => {
            let guard = mutex.ignore_poison().lock_timeout(LONG).unwrap();
            mutex.clear_poison();
            drop(guard);
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn lock_async_every_instruction() {
    every_instruction("mutex.lock_async, dropped when it waits", |steps| {
        let name = name();
        let mutex = Mutex::create(&name, 0_u32).unwrap();
        let guard = mutex.lock().unwrap();
        let victim = Victim::start(|| {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            mark();
            drop(poll(mutex.lock_async(), 4));
            mark();
        });
        let walk = victim.walk(steps);
        drop(guard);
        lock_after(&mutex);
        assert_eq!(mutex.members().unwrap().len(), 1);
        walk
    });
}

#[test]
fn lock_async_with_a_call_every_instruction() {
    every_instruction("mutex.lock_async, called, and another process waits", |steps| {
        let name = name();
        let mutex = Arc::new(Mutex::create(&name, 0_u32).unwrap());
        let guard = mutex.lock_owned().unwrap();
        let other = std::cell::RefCell::new(None);
        let victim = Victim::start(|| {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            let mut future = Box::pin(mutex.lock_async());
            let mut context = Context::from_waker(Waker::noop());
            (0..4).for_each(|_| assert!(future.as_mut().poll(&mut context).is_pending()));
            mark();
            // It was called by now. It takes the lock and unlocks, or is dropped with its call.
            let polled = future.as_mut().poll(&mut context);
            drop((polled, future));
            mark();
        });
        *other.borrow_mut() = Some(child(|| lock_after(&Mutex::open(&name).unwrap())));
        if let Some(other) = &*other.borrow() {
            other.until_asleep();
        }
        drop(guard);
        let walk = victim.walk(steps);
        let waiting = other.borrow_mut().take();
        waiting.into_iter().for_each(support::Child::join);
        lock_after(&mutex);
        walk
    });
}

#[test]
fn acquire_async_every_instruction() {
    every_instruction("pool.acquire_many_async", |steps| {
        let name = name();
        let pool = Pool::create(&name, 2).unwrap();
        let permit = pool.acquire().unwrap();
        let victim = Victim::start(|| {
            let pool = Pool::open(&name).unwrap();
            mark();
            drop(poll(pool.acquire_many_async(2), 4));
            drop(poll(pool.acquire_async(), 1));
            mark();
        });
        let walk = victim.walk(steps);
        drop(permit);
        drop(pool.acquire_many_timeout(2, LONG).unwrap());
        walk
    });
}

/// Both wait: a reader for the gate, and a writer for the lock, and then with the lock for a reader.
#[test]
fn rwlock_futures_every_instruction() {
    every_instruction("rwlock.read_async and write_async", |steps| {
        let name = name();
        let lock = RwLock::create(&name, 0_u32).unwrap();
        let writer = std::cell::RefCell::new(Some(lock.write().unwrap()));
        let victim = Victim::start(|| {
            let lock = RwLock::<u32>::open(&name).unwrap();
            mark();
            drop(poll(lock.read_async(), 4));
            drop(poll(lock.write_async(), 4));
            mark();
        });
        let walk = victim.walk(steps);
        drop(writer.take());
        write_after(&lock);
        walk
    });
    every_instruction("rwlock.write_async among readers, dropped when it waits", |steps| {
        let name = name();
        let lock = RwLock::create(&name, 0_u32).unwrap();
        let reader = lock.read().unwrap();
        let victim = Victim::start(|| {
            let lock = RwLock::<u32>::open(&name).unwrap();
            mark();
            drop(poll(lock.write_async(), 4));
            mark();
        });
        let walk = victim.walk(steps);
        // The writer that died kept readers out. The next one finds that out.
        drop(lock.read_timeout(LONG).unwrap());
        drop(reader);
        write_after(&lock);
        walk
    });
}

/// A writer and a reader get the lock in any case. It is poisoned only if the victim was inside.
pub(crate) fn write_after(lock: &RwLock<u32>) {
    match lock.write_timeout(LONG) {
        Ok(guard) => assert_eq!(*guard, 0),
        Err(LockError::Poisoned { .. }) => lock.clear_poison(),
        Err(error) => panic!("{error}"),
    }
    drop(lock.read_timeout(LONG).unwrap());
    drop(lock.write_timeout(LONG).unwrap());
}

#[test]
fn pop_async_every_instruction() {
    every_instruction("mpmc.pop_async and push_async", |steps| {
        let name = name();
        let ring = mpmc::Ring::<u32>::create(&name, 2).unwrap();
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let victim = Victim::start(|| {
            let ring = mpmc::Ring::<u32>::open(&name).unwrap();
            let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
            mark();
            drop(poll(consumer.pop_async(), 4));
            (1..=3).for_each(|item| drop(poll(producer.push_async(item), 4)));
            drop(poll(consumer.pop_async(), 4));
            mark();
        });
        let walk = victim.walk(steps);
        let left: Vec<u32> = consumer.try_iter().map(Result::unwrap).collect();
        assert!(left.is_sorted() && left.len() <= 2, "{left:?}");
        producer.push_timeout(7, LONG).unwrap();
        assert_eq!(consumer.pop_timeout(LONG).unwrap(), 7);
        walk
    });
}

/// The whole process is killed at some time after an event, wherever the clerk and the polling thread are then.
#[test]
fn a_process_with_a_clerk_is_killed_at_any_time() {
    let end = Instant::now() + Duration::from_secs(support::number_from_env("WALK_SECONDS", 1).min(60));
    let mut rounds = 0_u32;
    while Instant::now() < end || rounds == 0 {
        rounds += 1;
        let name = name();
        let mutex = Arc::new(Mutex::create(&name, 0_u32).unwrap());
        let guard = mutex.lock_owned().unwrap();
        let victim = child(|| {
            let mutex = Arc::new(Mutex::<u32>::open(&name).unwrap());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                loop {
                    *mutex.lock_async().await.unwrap() += 1;
                }
            });
        });
        victim.until_asleep();
        let other = child(|| lock_after(&Mutex::open(&name).unwrap()));
        other.until_asleep();
        drop(guard);
        (0..fastrand::u32(..30_000)).for_each(|_| std::hint::spin_loop());
        victim.kill();
        other.join();
        lock_after(&mutex);
    }
    println!("{rounds} rounds");
}
