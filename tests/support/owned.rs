//! What a test makes is removed when the test is done with it, also when it fails or hangs.

use std::{
    ops::Deref,
    process,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sysv_ipc::{
    Amount, Key, MessageBuffer, MessageQueue, MessageQueueOptions, MessageType, ObjectKind, Semaphore,
    SemaphoreOptions, SemaphoreSet, SharedMemory, SharedMemoryOptions, remove_message_queue, remove_semaphore,
    remove_shared_memory,
};

use super::watchdog::{Tests, watch};

/// What there is to remove.
#[derive(Clone, Debug, PartialEq)]
enum Thing {
    Object(ObjectKind, i32),
    Key(Key),
    Name(String),
}

impl Thing {
    fn remove(&self) {
        // Removed already is as good, and a drop can't report an error.
        match self {
            Self::Object(kind, id) => remove_object(*kind, *id),
            Self::Key(key) => remove_key(*key),
            Self::Name(name) => unlink(name),
        }
    }
}

fn remove_object(kind: ObjectKind, id: i32) {
    let _ = match kind {
        ObjectKind::Semaphores => remove_semaphore(id),
        ObjectKind::SharedMemory => remove_shared_memory(id),
        ObjectKind::MessageQueue => remove_message_queue(id),
    };
}

fn remove_key(key: Key) {
    let found = [
        SemaphoreOptions::new().open(key).map(|semaphore| (ObjectKind::Semaphores, semaphore.id())),
        SharedMemoryOptions::new().open_segment(key).map(|segment| (ObjectKind::SharedMemory, segment.id())),
        MessageQueueOptions::new().open(key).map(|queue| (ObjectKind::MessageQueue, queue.id())),
    ];
    found.into_iter().flatten().for_each(|(kind, id)| remove_object(kind, id));
}

fn unlink(name: &str) {
    let _ = sysv_primitives::Mutex::<()>::unlink(name);
    let _ = sysv_primitives::RwLock::<()>::unlink(name);
    let _ = sysv_primitives::OnceLock::<()>::unlink(name);
    let _ = sysv_primitives::Watch::<u8>::unlink(name);
    let _ = sysv_primitives::RateLimiter::unlink(name);
    let _ = sysv_primitives::Barrier::unlink(name);
    let _ = sysv_primitives::Pool::unlink(name);
    let _ = sysv_primitives::spsc::Ring::<u8>::unlink(name);
    let _ = sysv_primitives::mpmc::Ring::<u8>::unlink(name);
    let _ = sysv_primitives::broadcast::Ring::<u8>::unlink(name);
    let _ = sysv_primitives::Channel::unlink(name);
}

// The list -------------------------------------------------------------------------------------

/// What is to be removed if the program hangs, and which tests run.
#[derive(Debug)]
pub(super) struct Registry {
    things: Vec<Thing>,
    pub(super) tests: Tests,
}

impl Registry {
    pub(super) fn remove_all(&mut self) {
        self.things.drain(..).for_each(|thing| thing.remove());
    }
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { things: Vec::new(), tests: Tests::NONE });

/// Locks the list. It must be locked while a process forks: the child would find it held for ever otherwise.
pub(super) fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a thing removed when it goes, in the process that made it.
#[derive(Debug)]
struct Removal {
    thing: Thing,
    maker: u32,
}

impl Removal {
    fn of(thing: Thing) -> Self {
        watch();
        registry().things.push(thing.clone());
        Self { thing, maker: process::id() }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        // A child's copy must not remove what its parent uses.
        if process::id() == self.maker {
            self.thing.remove();
            registry().things.retain(|thing| *thing != self.thing);
        }
    }
}

// Objects --------------------------------------------------------------------------------------

/// A handle with an object that is removed when the test is done with it, in the process that made it.
#[derive(Debug)]
pub struct Owned<T> {
    handle: T,
    _removal: Removal,
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handle
    }
}

/// Handles that can be owned.
pub trait Object {
    const KIND: ObjectKind;
    fn id_of(&self) -> i32;
}

macro_rules! objects {
    ($($handle:ty, $kind:expr);*) => {$(
        impl Object for $handle {
            const KIND: ObjectKind = $kind;
            fn id_of(&self) -> i32 {
                self.id()
            }
        }
    )*};
}

objects! {
    Semaphore, ObjectKind::Semaphores;
    SemaphoreSet, ObjectKind::Semaphores;
    SharedMemory, ObjectKind::SharedMemory;
    SharedMemory<sysv_ipc::ReadOnly>, ObjectKind::SharedMemory;
    sysv_ipc::Segment, ObjectKind::SharedMemory;
    MessageQueue, ObjectKind::MessageQueue
}

/// Has the object removed when the guard goes.
pub fn own<T: Object>(handle: T) -> Owned<T> {
    let removal = Removal::of(Thing::Object(T::KIND, handle.id_of()));
    Owned { handle, _removal: removal }
}

pub fn semaphore(value: u16) -> Owned<Semaphore> {
    own(SemaphoreOptions::new().initial_value(value).open_random().expect("a semaphore can be made"))
}

/// A second handle, what is done with which is reversed when the process ends.
pub fn undoing(semaphore: &Semaphore) -> Semaphore {
    let mut undone = semaphore.clone();
    undone.set_undo(true);
    undone
}

pub fn amount(number: u16) -> Amount {
    Amount::new(number).expect("it is in range")
}

pub fn semaphores(count: u16) -> Owned<SemaphoreSet> {
    own(SemaphoreOptions::new().create(true).open_set(Key::PRIVATE, count).expect("a set can be made"))
}

pub fn memory(size: usize) -> Owned<SharedMemory> {
    own(SharedMemoryOptions::new().size(size).open_random().expect("a segment can be made"))
}

pub fn queue() -> Owned<MessageQueue> {
    own(MessageQueueOptions::new().open_random().expect("a queue can be made"))
}

pub fn kind(number: i64) -> MessageType {
    MessageType::new(libc::c_long::try_from(number).expect("it is in range")).expect("it is positive")
}

pub fn message(number: i64, bytes: &[u8]) -> MessageBuffer {
    MessageBuffer::new(kind(number), bytes)
}

/// A queue full of messages of 1,024 bytes.
pub fn full_queue() -> Owned<MessageQueue> {
    let queue = queue();
    while queue.try_send(&message(1, &[b'x'; 1024])).is_ok() {}
    queue
}

// Keys and names -------------------------------------------------------------------------------

/// A key that nothing has now: one that was random, and is free again.
pub fn free_key() -> Key {
    watch();
    let probe = SemaphoreOptions::new().open_random().expect("a semaphore can be made");
    probe.remove().expect("it is ours");
    let key = probe.key().expect("it was drawn");
    let taken = SharedMemoryOptions::new().open_segment(key).is_ok() || MessageQueueOptions::new().open(key).is_ok();
    if taken { free_key() } else { key }
}

/// A key with objects of every kind, which are removed when the test is done with it.
#[derive(Debug)]
pub struct KeyGuard {
    _removal: Removal,
}

impl KeyGuard {
    pub fn new(key: Key) -> Self {
        Self { _removal: Removal::of(Thing::Key(key)) }
    }
}

/// A name of this test's own. What it names is removed when the test is done with it.
#[derive(Debug)]
pub struct Name {
    text: String,
    _removal: Removal,
}

/// Makes a name that nothing else has.
pub fn name() -> Name {
    let text = format!("test-{}-{:016x}", process::id(), fastrand::u64(..));
    Name { _removal: Removal::of(Thing::Name(text.clone())), text }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}
