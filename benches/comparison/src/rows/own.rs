//! What each process opens for itself.

use std::cell::RefCell;

use crate::harness::generation;

/// A thing that must not cross `fork`: each process opens its own, the first time it needs it.
pub(super) struct Own<T>(RefCell<Option<(u32, T)>>, fn(T));

impl<T> Own<T> {
    /// A child closes what was its parent's, which closes nothing of its parent's.
    pub(super) const fn closed() -> Self {
        Self(RefCell::new(None), drop)
    }

    /// A child leaves what was its parent's alone, since to drop it would undo it for the parent, too.
    pub(super) const fn left_alone() -> Self {
        Self(RefCell::new(None), std::mem::forget)
    }

    pub(super) fn with(&self, open: impl FnOnce() -> T, act: impl FnOnce(&mut T)) {
        let me = generation();
        let mut own = self.0.borrow_mut();
        if let Some((_, parents)) = own.take_if(|(owner, _)| *owner != me) {
            self.1(parents);
        }
        act(&mut own.get_or_insert_with(|| (me, open())).1);
    }
}
