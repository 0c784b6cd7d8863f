//! What the tests of cancelling and withholding know of locks: of an rwlock, of a role, and of a condition on a value.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex as Lock},
};

use sysv_primitives::{Mutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, spsc};

use super::kinds::{Handle, Kind};

/// Here a future waits in two places: for the readers with the lock, and for the lock.
pub(crate) const AMONG_READERS: &str = "rwlock, write among readers";

pub(crate) fn kinds() -> Vec<Kind> {
    vec![
        Kind { name: "mutex, wait_while", create: create_counted, open: open_counted },
        Kind { name: "spsc, role", create: create_role, open: open_role },
        Kind { name: "rwlock, read", create: create_written, open: open_to_read },
        Kind { name: "rwlock, write", create: create_written, open: open_to_write },
        Kind { name: AMONG_READERS, create: create_read, open: open_to_write },
    ]
}

/// The event is that the lock can be had. The creator has it at first.
struct OfRwLock {
    lock: Arc<RwLock<u32>>,
    guard: Lock<Option<RwGuard>>,
    writes: bool,
}

/// A guard that is kept.
#[expect(dead_code, reason = "it is kept until it is dropped")]
enum RwGuard {
    Read(OwnedRwLockReadGuard<u32>),
    Write(OwnedRwLockWriteGuard<u32>),
}

fn create_written(name: &str) -> Box<dyn Handle> {
    let lock = Arc::new(RwLock::create(name, 0).unwrap());
    let guard = Lock::new(Some(RwGuard::Write(lock.write_owned().unwrap())));
    Box::new(OfRwLock { lock, guard, writes: true })
}

fn create_read(name: &str) -> Box<dyn Handle> {
    let lock = Arc::new(RwLock::create(name, 0).unwrap());
    let guard = Lock::new(Some(RwGuard::Read(lock.read_owned().unwrap())));
    Box::new(OfRwLock { lock, guard, writes: false })
}

fn open_to_read(name: &str) -> Box<dyn Handle> {
    Box::new(OfRwLock { lock: Arc::new(RwLock::open(name).unwrap()), guard: Lock::default(), writes: false })
}

fn open_to_write(name: &str) -> Box<dyn Handle> {
    Box::new(OfRwLock { lock: Arc::new(RwLock::open(name).unwrap()), guard: Lock::default(), writes: true })
}

impl Handle for OfRwLock {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let lock = Arc::clone(&self.lock);
            let guard = match self.writes {
                true => RwGuard::Write(lock.write_owned_async().await.unwrap()),
                false => RwGuard::Read(lock.read_owned_async().await.unwrap()),
            };
            *self.guard.lock().unwrap() = Some(guard);
        })
    }

    fn wait_blocking(&self) {
        let guard = match self.writes {
            true => RwGuard::Write(self.lock.write_owned().unwrap()),
            false => RwGuard::Read(self.lock.read_owned().unwrap()),
        };
        *self.guard.lock().unwrap() = Some(guard);
    }

    fn make(&self) {
        drop(self.guard.lock().unwrap().take().expect("it has the lock"));
    }
}

/// The event is that the role of the producer is free. The creator has it at first.
struct OfRole(spsc::Ring<u32>, Lock<Option<spsc::Producer<u32>>>);

fn create_role(name: &str) -> Box<dyn Handle> {
    let ring = spsc::Ring::create(name, 8).unwrap();
    let producer = Lock::new(Some(ring.producer().unwrap()));
    Box::new(OfRole(ring, producer))
}

fn open_role(name: &str) -> Box<dyn Handle> {
    Box::new(OfRole(spsc::Ring::open(name).unwrap(), Lock::default()))
}

impl Handle for OfRole {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let producer = self.0.producer_async().await.unwrap();
            *self.1.lock().unwrap() = Some(producer);
        })
    }

    fn wait_blocking(&self) {
        let producer = self.0.producer().unwrap();
        *self.1.lock().unwrap() = Some(producer);
    }

    fn make(&self) {
        drop(self.1.lock().unwrap().take().expect("it has the role"));
    }
}

/// The event is that the value was counted up. A waiter counts it down.
struct OfCounted(Mutex<u32>);

fn create_counted(name: &str) -> Box<dyn Handle> {
    Box::new(OfCounted(Mutex::create(name, 0).unwrap()))
}

fn open_counted(name: &str) -> Box<dyn Handle> {
    Box::new(OfCounted(Mutex::open(name).unwrap()))
}

impl Handle for OfCounted {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let guard = self.0.lock_async().await.unwrap();
            *guard.wait_while_async(|&events| events == 0).await.unwrap() -= 1;
        })
    }

    fn wait_blocking(&self) {
        *self.0.lock().unwrap().wait_while(|&events| events == 0).unwrap() -= 1;
    }

    fn make(&self) {
        *self.0.lock().unwrap() += 1;
    }
}
