//! What is removed in the end.

use sysv_ipc::{MessageQueue, Semaphore};

/// An object that belongs to whoever has this.
pub(super) struct Removed<T: Remove>(pub(super) T);

pub(super) trait Remove {
    fn remove(&self);
}

impl Remove for Semaphore {
    fn remove(&self) {
        // Whoever removed it before has done it.
        let _ = Semaphore::remove(self);
    }
}

impl Remove for MessageQueue {
    fn remove(&self) {
        // As above.
        let _ = MessageQueue::remove(self);
    }
}

impl<T: Remove> Drop for Removed<T> {
    fn drop(&mut self) {
        self.0.remove();
    }
}
