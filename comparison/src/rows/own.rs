//! What each process opens for itself.

use std::cell::RefCell;

use crate::harness::generation;

/// A thing that must not cross `fork`: each process opens its own, the first time it needs it.
pub(super) struct Own<T: 'static>(RefCell<Option<(u32, T)>>);

impl<T> Own<T> {
    pub(super) const fn none() -> Self {
        Self(RefCell::new(None))
    }

    pub(super) fn with(&self, open: impl FnOnce() -> T, act: impl FnOnce(&mut T)) {
        let me = generation();
        let mut own = self.0.borrow_mut();
        match &mut *own {
            Some((owner, value)) if *owner == me => act(value),
            _ => {
                // The parent's is its own: what it leaves behind here isn't to be undone.
                std::mem::forget(own.take());
                act(&mut own.insert((me, open())).1);
            }
        }
    }
}
