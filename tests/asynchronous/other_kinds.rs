//! Kinds at which one future waits at a time, and kinds that have one event. The tests of endings use them as well.

use std::{future::Future, pin::Pin, sync::Mutex as Lock, time::Duration};

use sysv_primitives::{Barrier, OnceLock, RateLimiter, broadcast, spsc};

use super::kinds::{Handle, Kind};

pub(crate) fn kinds() -> Vec<Kind> {
    vec![
        Kind { name: "spsc, pop", create: create_items, open: open_items },
        Kind { name: "broadcast, push", create: create_full, open: open_full },
        Kind { name: "once", create: create_once, open: open_once },
        Kind { name: "barrier", create: create_barrier, open: open_barrier },
        Kind { name: "rate limiter", create: create_limiter, open: open_limiter },
    ]
}

type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The event is an item. The role goes with the future, and comes back when it has popped.
struct OfItems(spsc::Ring<u32>);

fn create_items(name: &str) -> Box<dyn Handle> {
    Box::new(OfItems(spsc::Ring::create(name, 8).unwrap()))
}

fn open_items(name: &str) -> Box<dyn Handle> {
    Box::new(OfItems(spsc::Ring::open(name).unwrap()))
}

impl Handle for OfItems {
    fn wait(&self) -> Waiting<'_> {
        let mut consumer = self.0.consumer().unwrap();
        Box::pin(async move { assert_eq!(consumer.pop_async().await.unwrap(), 7) })
    }

    fn wait_blocking(&self) {
        assert_eq!(self.0.consumer().unwrap().pop().unwrap(), 7);
    }

    fn make(&self) {
        self.0.producer().unwrap().push(7).unwrap();
    }
}

/// The event is room for an item. The creator subscribes.
struct OfRoom(broadcast::Ring<u32>, Lock<Option<broadcast::Subscriber<u32>>>);

fn create_full(name: &str) -> Box<dyn Handle> {
    let ring = broadcast::Ring::create(name, 1).unwrap();
    let subscriber = Lock::new(Some(ring.subscriber().unwrap()));
    ring.producer().unwrap().push(7).unwrap();
    Box::new(OfRoom(ring, subscriber))
}

fn open_full(name: &str) -> Box<dyn Handle> {
    Box::new(OfRoom(broadcast::Ring::open(name).unwrap(), Lock::default()))
}

impl Handle for OfRoom {
    fn wait(&self) -> Waiting<'_> {
        let mut producer = self.0.producer().unwrap();
        Box::pin(async move { producer.push_async(7).await.unwrap() })
    }

    fn wait_blocking(&self) {
        self.0.producer().unwrap().push(7).unwrap();
    }

    fn make(&self) {
        let mut subscriber = self.1.lock().unwrap();
        assert_eq!(subscriber.as_mut().expect("it was created here").pop().unwrap(), 7);
    }
}

/// The event is that the value is set.
struct OfOnce(OnceLock<u32>);

fn create_once(name: &str) -> Box<dyn Handle> {
    Box::new(OfOnce(OnceLock::create(name).unwrap()))
}

fn open_once(name: &str) -> Box<dyn Handle> {
    Box::new(OfOnce(OnceLock::open(name).unwrap()))
}

impl Handle for OfOnce {
    fn wait(&self) -> Waiting<'_> {
        Box::pin(async { assert_eq!(*self.0.wait_async().await.unwrap(), 7) })
    }

    fn wait_blocking(&self) {
        assert_eq!(*self.0.wait().unwrap(), 7);
    }

    fn make(&self) {
        self.0.set(7).unwrap();
    }
}

/// The event is that the other one of two comes.
struct OfBarrier(Barrier);

fn create_barrier(name: &str) -> Box<dyn Handle> {
    Box::new(OfBarrier(Barrier::create(name, 2).unwrap()))
}

fn open_barrier(name: &str) -> Box<dyn Handle> {
    Box::new(OfBarrier(Barrier::open(name).unwrap()))
}

impl Handle for OfBarrier {
    fn wait(&self) -> Waiting<'_> {
        Box::pin(async { _ = self.0.wait_async().await.unwrap() })
    }

    fn wait_blocking(&self) {
        self.0.wait().unwrap();
    }

    fn make(&self) {
        self.0.wait().unwrap();
    }
}

/// The event is a time, so there is none to make.
struct OfLimiter(RateLimiter);

fn create_limiter(name: &str) -> Box<dyn Handle> {
    let limiter = RateLimiter::options().burst(1).create(name, 1, Duration::from_secs(2)).unwrap();
    limiter.acquire(1).unwrap();
    Box::new(OfLimiter(limiter))
}

fn open_limiter(name: &str) -> Box<dyn Handle> {
    Box::new(OfLimiter(RateLimiter::open(name).unwrap()))
}

impl Handle for OfLimiter {
    fn wait(&self) -> Waiting<'_> {
        Box::pin(async { self.0.acquire_async(1).await.unwrap() })
    }

    fn wait_blocking(&self) {
        self.0.acquire(1).unwrap();
    }

    fn make(&self) {}
}
