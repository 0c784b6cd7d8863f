//! A handle, as its clerk knows it.

use std::{fmt, sync::Arc};

use crate::{
    failure::Result,
    members::Members,
    waiting::{desk::Desk, room::Room, wait::Withdrawn},
};

/// A handle, as its clerk knows it: the clerk outlives no handle, but handles may be moved while it sleeps.
pub(crate) struct Stand {
    pub(super) desk: Arc<Desk>,
    pub(super) members: Members,
    pub(super) bell: u16,
    pub(super) is_named: bool,
    pub(super) withdraw: Withdrawal,
    pub(super) pass_on: PassOn,
    pub(super) is_beside: IsBeside,
    /// Not of a room.
    pub(super) give_up: Option<GiveUp>,
}

/// Withdraws an announcement without its station.
pub(crate) type Withdrawal = Box<dyn Fn() -> Withdrawn + Send>;

/// Passes on a call for a thing of this name, or for any where things are interchangeable.
pub(crate) type PassOn = Box<dyn Fn(u32, &Members) -> Result<()> + Send>;

/// Gives up what the holder of a role took for its future, which is not polled. The list is locked, so the next poll finds it
/// given up.
pub(crate) type GiveUp = Box<dyn Fn(&Members) -> Result<()> + Send>;

/// Returns whether the notifier that last woke this process seems to have run on the caller's processor (CK7).
pub(crate) type IsBeside = Box<dyn Fn() -> bool + Send>;

impl Stand {
    /// A stand in a room.
    pub(crate) fn in_room(room: &Room, slot: usize, members: &Members, pass_on: PassOn, is_beside: IsBeside) -> Self {
        let view = room.view();
        Self {
            desk: Arc::clone(&room.desk),
            members: members.view(),
            bell: room.bell(slot),
            is_named: room.has_named_calls(),
            withdraw: Box::new(move || view.withdraw(slot)),
            pass_on,
            is_beside,
            give_up: None,
        }
    }

    /// A stand on a doorbell that no other process waits on.
    pub(crate) fn alone(
        desk: &Arc<Desk>,
        bell: u16,
        members: &Members,
        withdraw: Withdrawal,
        is_beside: IsBeside,
        give_up: Option<GiveUp>,
    ) -> Self {
        Self {
            desk: Arc::clone(desk),
            members: members.view(),
            bell,
            is_named: false,
            withdraw,
            pass_on: Box::new(|_, _| Ok(())),
            is_beside,
            give_up,
        }
    }
}

impl fmt::Debug for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stand").field("bell", &self.bell).finish_non_exhaustive()
    }
}

impl Room {
    /// Returns the same room again, with the same desk.
    pub(crate) fn view(&self) -> Self {
        Self {
            control: self.control.clone(),
            entries: self.entries.clone(),
            bells: self.bells,
            interests: self.interests,
            desk: Arc::clone(&self.desk),
        }
    }
}
