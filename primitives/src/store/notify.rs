//! Notifying: which waiter is called for a message, and which for room.
//!
//! Each of these is called after the change that makes something available, which is sequentially consistent (R-wake).

use super::{Store, control::WIDE, geometry::Class, word::Hint};
use crate::{
    Role,
    failure::Result,
    members::Members,
    sync::{Ordering::SeqCst, fence, order_seq_cst},
    waiting::spin::record_cpu,
};

/// What a waiter for blocks is interested in: those of messages, and those of responses.
pub(super) const BLOCKS: u32 = 1 << 3;
pub(super) const RESPONSE_BLOCKS: u32 = 1 << 4;

impl Class {
    /// Returns what a waiter for a cell of the class is interested in.
    pub(super) fn interest(self) -> u32 {
        1 << self as u64
    }
}

impl Store {
    /// Calls a waiter for a message that was pushed, or made available again.
    #[inline]
    pub(super) fn notify_message(&self, hint: Hint, lane: usize, members: &Members) -> Result<()> {
        // The hint was pushed by a sequentially consistent operation before.
        order_seq_cst();
        let is_waited_for = self.lanes[lane].flag.is_up() || self.control.seldom.wide.is_up();
        if is_waited_for { self.call_receiver(hint, lane, members) } else { Ok(()) }
    }

    #[cold]
    fn call_receiver(&self, hint: Hint, lane: usize, members: &Members) -> Result<()> {
        for processors in [&self.lanes[lane].last_cpus, &self.control.last_cpus.0] {
            record_cpu(Role::Producer, processors);
        }
        let Some(cell) = self.cell_of(hint) else { return Ok(()) };
        // A receiver that came by itself has taken it.
        if !cell.word().is_ready(hint.generation) {
            return Ok(());
        }
        let fits = |interest: u64| interest & 1 << lane != 0;
        // In a lane of several routes an interest says no more than the lane: the waiter that is called may not want the
        // message. So all of them are called, each once.
        let most = if lane < self.geometry.max_routes as usize { 1 } else { self.geometry.max_handles };
        for _ in 0..most {
            let flag = &self.lanes[lane].flag;
            // Receivers of this lane alone first: those of several lanes can take other messages.
            let is_called = self.receive.notify_fitting(flag, hint.what(), fits, fits, members)? || {
                let wide = &self.control.seldom.wide;
                self.receive.notify_fitting(wide, hint.what(), fits, |interest| interest & WIDE != 0, members)?
            };
            if !is_called {
                break;
            }
        }
        Ok(())
    }

    /// Notifies a waiter of a cell that was freed.
    #[inline]
    pub(super) fn notify_space(&self, class: Class, members: &Members) -> Result<()> {
        // The bit of the cell was cleared by a sequentially consistent operation before.
        order_seq_cst();
        if self.control.seldom.space.is_up() { self.notify_for(class.interest(), members) } else { Ok(()) }
    }

    /// Notifies the waiters for blocks that some were freed.
    pub(super) fn notify_blocks(&self, members: &Members) -> Result<()> {
        // SYNC: as in `SpaceGate::open`.
        fence(SeqCst);
        if !self.control.seldom.space.is_up() {
            return Ok(());
        }
        self.notify_for(BLOCKS, members).and(self.notify_for(RESPONSE_BLOCKS, members))
    }

    /// Notifies a waiter of room, if there is any of this kind.
    pub(super) fn notify_if_free(&self, kind: u32, members: &Members) -> Result<()> {
        let is_free = match Class::ALL.into_iter().find(|class| class.interest() == kind) {
            Some(class) => self.has_free_cell(class),
            // How many blocks are enough is for the waiter to say.
            None => true,
        };
        if is_free { self.notify_for(kind, members) } else { Ok(()) }
    }

    /// Calls the waiter for one kind of room that has waited longest.
    #[cold]
    fn notify_for(&self, kind: u32, members: &Members) -> Result<()> {
        let flag = &self.control.seldom.space;
        self.space.notify_fitting(flag, kind, |interest| interest & u64::from(kind) != 0, |_| true, members).map(drop)
    }
}
