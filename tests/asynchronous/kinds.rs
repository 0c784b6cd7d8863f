//! What the tests of cancelling and withholding know of each kind.
//!
//! A kind has an event for one waiter. Another kind is added by one more value of [`kinds`].

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex as Lock},
};

use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Mutex, OwnedMutexGuard, OwnedPermits, Pool, Watch, Watcher, broadcast, messages, mpmc};

use super::lock_kinds;

/// A handle of an object, with which to wait for its event.
pub(crate) trait Handle: Send + Sync {
    /// Waits for the event, and takes it.
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// Waits for the event in this thread, and takes it.
    fn wait_blocking(&self);
    /// Makes one event.
    fn make(&self);
}

/// A kind of object.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Creates the object, without an event in it.
    pub(crate) create: fn(&str) -> Box<dyn Handle>,
    pub(crate) open: fn(&str) -> Box<dyn Handle>,
}

pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds = vec![
        Kind { name: "mutex", create: create_mutex, open: open_mutex },
        Kind { name: "pool", create: create_pool, open: open_pool },
        Kind { name: "pool, several", create: create_pool_of_two, open: open_pool_of_two },
        Kind { name: "mpmc, pop", create: create_items, open: open_items },
        Kind { name: "mpmc, push", create: create_room, open: open_room },
        Kind { name: "channel, recv", create: create_channel, open: open_channel },
        Kind { name: "channel, send", create: create_full_channel, open: open_full_channel },
        Kind { name: "channel, send long", create: create_channel_without_blocks, open: open_channel_without_blocks },
        Kind { name: "watch", create: create_watch, open: open_watch },
        Kind { name: "broadcast, pop", create: create_broadcast, open: open_broadcast },
    ];
    kinds.extend(lock_kinds::kinds());
    kinds
}

/// The event is that the lock is freed. A waiter that has it frees it at once, but for the creator, which keeps a guard.
struct OfMutex {
    mutex: Arc<Mutex<u32>>,
    guard: Lock<Option<OwnedMutexGuard<u32>>>,
}

fn create_mutex(name: &str) -> Box<dyn Handle> {
    let mutex = Arc::new(Mutex::create(name, 0).unwrap());
    let guard = Lock::new(Some(mutex.lock_owned().unwrap()));
    Box::new(OfMutex { mutex, guard })
}

fn open_mutex(name: &str) -> Box<dyn Handle> {
    Box::new(OfMutex { mutex: Arc::new(Mutex::open(name).unwrap()), guard: Lock::default() })
}

impl Handle for OfMutex {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let guard = Arc::clone(&self.mutex).lock_owned_async().await.unwrap();
            *self.guard.lock().unwrap() = Some(guard);
        })
    }

    fn wait_blocking(&self) {
        let guard = self.mutex.lock_owned().unwrap();
        *self.guard.lock().unwrap() = Some(guard);
    }

    fn make(&self) {
        drop(self.guard.lock().unwrap().take().expect("it has the lock"));
    }
}

/// The event is that all permits are free. The creator has them at first.
struct OfPool {
    pool: Arc<Pool>,
    permits: Lock<Option<OwnedPermits>>,
    count: u32,
}

fn create_pool(name: &str) -> Box<dyn Handle> {
    of_new_pool(name, 1)
}

fn create_pool_of_two(name: &str) -> Box<dyn Handle> {
    of_new_pool(name, 2)
}

fn of_new_pool(name: &str, count: u32) -> Box<dyn Handle> {
    let pool = Arc::new(Pool::create(name, count).unwrap());
    let permits = Lock::new(Some(pool.acquire_many_owned(count).unwrap()));
    Box::new(OfPool { pool, permits, count })
}

fn open_pool(name: &str) -> Box<dyn Handle> {
    Box::new(OfPool { pool: Arc::new(Pool::open(name).unwrap()), permits: Lock::default(), count: 1 })
}

fn open_pool_of_two(name: &str) -> Box<dyn Handle> {
    Box::new(OfPool { pool: Arc::new(Pool::open(name).unwrap()), permits: Lock::default(), count: 2 })
}

impl Handle for OfPool {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let permits = Arc::clone(&self.pool).acquire_many_owned_async(self.count).await.unwrap();
            *self.permits.lock().unwrap() = Some(permits);
        })
    }

    fn wait_blocking(&self) {
        let permits = self.pool.acquire_many_owned(self.count).unwrap();
        *self.permits.lock().unwrap() = Some(permits);
    }

    fn make(&self) {
        drop(self.permits.lock().unwrap().take().expect("it has the permits"));
    }
}

/// The event is an item.
struct OfItems(mpmc::Producer<u32>, mpmc::Consumer<u32>);

fn items(ring: &mpmc::Ring<u32>) -> Box<dyn Handle> {
    Box::new(OfItems(ring.producer().unwrap(), ring.consumer().unwrap()))
}

fn create_items(name: &str) -> Box<dyn Handle> {
    items(&mpmc::Ring::create(name, 8).unwrap())
}

fn open_items(name: &str) -> Box<dyn Handle> {
    items(&mpmc::Ring::open(name).unwrap())
}

impl Handle for OfItems {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async { assert_eq!(self.1.pop_async().await.unwrap(), 7) })
    }

    fn wait_blocking(&self) {
        assert_eq!(self.1.pop().unwrap(), 7);
    }

    fn make(&self) {
        self.0.push(7).unwrap();
    }
}

/// The event is room for an item.
struct OfRoom(mpmc::Producer<u32>, mpmc::Consumer<u32>);

fn create_room(name: &str) -> Box<dyn Handle> {
    let ring = mpmc::Ring::create(name, 1).unwrap();
    ring.producer().unwrap().push(7).unwrap();
    Box::new(OfRoom(ring.producer().unwrap(), ring.consumer().unwrap()))
}

fn open_room(name: &str) -> Box<dyn Handle> {
    let ring = mpmc::Ring::open(name).unwrap();
    Box::new(OfRoom(ring.producer().unwrap(), ring.consumer().unwrap()))
}

impl Handle for OfRoom {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async { self.0.push_async(7).await.unwrap() })
    }

    fn wait_blocking(&self) {
        self.0.push(7).unwrap();
    }

    fn make(&self) {
        assert_eq!(self.1.pop().unwrap(), 7);
    }
}

#[derive(Serialize, Deserialize)]
struct Event(Vec<u8>);

messages! { 1 => Event }

/// The event is a message.
struct OfMessages(Channel);

fn create_channel(name: &str) -> Box<dyn Handle> {
    Box::new(OfMessages(Channel::create(name).unwrap()))
}

fn open_channel(name: &str) -> Box<dyn Handle> {
    Box::new(OfMessages(Channel::open(name).unwrap()))
}

impl Handle for OfMessages {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async { drop(self.0.recv_async::<Event>().await.unwrap()) })
    }

    fn wait_blocking(&self) {
        drop(self.0.recv::<Event>().unwrap());
    }

    fn make(&self) {
        self.0.send(&Event(vec![7])).unwrap();
    }
}

/// The event is room for a message of so many bytes.
struct OfSpace(Channel, usize);

const LONG_MESSAGE: usize = 60_000;

fn channel_with_room_for_one(name: &str, bytes: usize) -> Box<dyn Handle> {
    let messages = if bytes > 1 { 64 } else { 1 };
    let channel = Channel::options().capacity(messages).max_message_size(LONG_MESSAGE + 100).create(name).unwrap();
    while channel.try_send(&Event(vec![7; bytes])).is_ok() {}
    Box::new(OfSpace(channel, bytes))
}

fn create_full_channel(name: &str) -> Box<dyn Handle> {
    channel_with_room_for_one(name, 1)
}

fn open_full_channel(name: &str) -> Box<dyn Handle> {
    Box::new(OfSpace(Channel::open(name).unwrap(), 1))
}

fn create_channel_without_blocks(name: &str) -> Box<dyn Handle> {
    channel_with_room_for_one(name, LONG_MESSAGE)
}

fn open_channel_without_blocks(name: &str) -> Box<dyn Handle> {
    Box::new(OfSpace(Channel::open(name).unwrap(), LONG_MESSAGE))
}

impl Handle for OfSpace {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async { self.0.send_async(&Event(vec![7; self.1])).await.unwrap() })
    }

    fn wait_blocking(&self) {
        self.0.send(&Event(vec![7; self.1])).unwrap();
    }

    fn make(&self) {
        drop(self.0.recv::<Event>().unwrap());
    }
}

/// The event is a version that was not there when the handle was made.
struct OfWatch(Watch<u64>, Watcher<u64>);

fn create_watch(name: &str) -> Box<dyn Handle> {
    let watch = Watch::create(name, 0).unwrap();
    let watcher = watch.watcher();
    Box::new(OfWatch(watch, watcher))
}

fn open_watch(name: &str) -> Box<dyn Handle> {
    let watch = Watch::open(name).unwrap();
    let watcher = watch.watcher();
    Box::new(OfWatch(watch, watcher))
}

impl Handle for OfWatch {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async { self.1.clone().changed_async().await.unwrap() })
    }

    fn wait_blocking(&self) {
        self.1.clone().changed().unwrap();
    }

    fn make(&self) {
        self.0.update(|value| *value += 1).unwrap();
    }
}

/// The event is an item for every subscriber. The one here is for the thread that waits.
struct OfBroadcast(broadcast::Ring<u32>, Lock<broadcast::Subscriber<u32>>);

fn broadcast(ring: broadcast::Ring<u32>) -> Box<dyn Handle> {
    let subscriber = Lock::new(ring.subscriber().unwrap());
    Box::new(OfBroadcast(ring, subscriber))
}

fn create_broadcast(name: &str) -> Box<dyn Handle> {
    broadcast(broadcast::Ring::create(name, 8).unwrap())
}

fn open_broadcast(name: &str) -> Box<dyn Handle> {
    broadcast(broadcast::Ring::open(name).unwrap())
}

impl Handle for OfBroadcast {
    fn wait(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut subscriber = self.0.subscriber().unwrap();
        Box::pin(async move { assert_eq!(subscriber.pop_async().await.unwrap(), 7) })
    }

    fn wait_blocking(&self) {
        assert_eq!(self.1.lock().unwrap().pop().unwrap(), 7);
    }

    fn make(&self) {
        self.0.producer().unwrap().push(7).unwrap();
    }
}
