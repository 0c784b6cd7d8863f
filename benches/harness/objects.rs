//! Objects under no key, which are gone when they are needed no more.

use std::ops::Deref;

use sysv_ipc::{
    Key, MessageQueue, MessageQueueOptions, Semaphore, SemaphoreOptions, SharedMemory, SharedMemoryOptions,
};

/// An object that is removed when this is dropped.
pub struct Removed<T: Remove>(pub T);

pub trait Remove {
    fn remove(&self);
}

// It may have been removed before, so no result counts.

impl Remove for Semaphore {
    fn remove(&self) {
        let _ = Semaphore::remove(self);
    }
}

impl Remove for MessageQueue {
    fn remove(&self) {
        let _ = MessageQueue::remove(self);
    }
}

impl<T: Remove> Deref for Removed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Remove> Drop for Removed<T> {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// Shared memory that has lost its name already: a crash leaves nothing.
///
/// # Errors
///
/// If it can't be had.
pub fn memory(size: usize) -> Result<SharedMemory, sysv_ipc::Error> {
    let memory = SharedMemoryOptions::new().size(size).open(Key::PRIVATE)?;
    memory.remove()?;
    Ok(memory)
}

/// # Errors
///
/// If it can't be had.
pub fn semaphore(value: u16) -> Result<Removed<Semaphore>, sysv_ipc::Error> {
    SemaphoreOptions::new().initial_value(value).open(Key::PRIVATE).map(Removed)
}

/// A semaphore with changes that are undone when their process dies.
///
/// # Errors
///
/// If it can't be had.
pub fn undone_semaphore(value: u16) -> Result<Removed<Semaphore>, sysv_ipc::Error> {
    let mut semaphore = semaphore(value)?;
    semaphore.0.set_undo(true);
    Ok(semaphore)
}

/// # Errors
///
/// If it can't be had.
pub fn queue() -> Result<Removed<MessageQueue>, sysv_ipc::Error> {
    MessageQueueOptions::new().max_message_size(8192).open(Key::PRIVATE).map(Removed)
}
