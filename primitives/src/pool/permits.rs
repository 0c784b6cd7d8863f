//! What a holder has: one permit, or several.

use std::fmt;

use super::{handle::Pool, spots::Spot};
use crate::{members::Session, sync::Ordering::Relaxed};

/// A permit. Dropping it releases the permit.
///
/// In a child made by `fork`, dropping a permit of the parent's does nothing.
#[must_use = "dropping the permit gives it back"]
pub struct Permit<'a> {
    pub(super) pool: &'a Pool,
    pub(super) spot: Spot,
    pub(super) session: Session,
}

impl Permit<'_> {
    /// Returns which permit it is, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.spot.index as usize
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.session.is_ours() {
            self.pool.hint.store(self.spot.bits(), Relaxed);
            self.pool.state.free(self.spot, self.session, &self.pool.members);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.index())
    }
}

/// Several permits. Dropping them releases all of them.
#[must_use = "dropping the permits gives them back"]
pub struct Permits<'a> {
    pub(super) pool: &'a Pool,
    pub(super) indices: Vec<usize>,
    pub(super) session: Session,
}

impl Permits<'_> {
    /// Returns which permits they are, in ascending order.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        if self.session.is_ours() {
            for &index in &self.indices {
                self.pool.state.free(self.pool.state.permits.spot(index), self.session, &self.pool.members);
            }
        }
    }
}

impl fmt::Debug for Permits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permits").field(&self.indices).finish()
    }
}
