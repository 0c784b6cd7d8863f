//! The invariants.

use super::{At, End, Process, Side, Spsc, SpscState, roles::has_post};
use crate::members::Slot;

const SIDES: [Side; 2] = [Side::Producer, Side::Consumer];

impl SpscState {
    fn holders(&self, side: Side) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(move |process| process.side == side && process.has_role)
    }

    pub(super) fn holders_are_alone(&self) -> bool {
        SIDES.into_iter().all(|side| {
            let mut holders = self.holders(side);
            let owner = self.roles[side as usize].owner;
            holders.next().is_none_or(|only| owner == Some(only.member.slot)) && holders.next().is_none()
        })
    }

    pub(super) fn owners_are_marked(&self) -> bool {
        self.roles.iter().filter_map(|role| role.owner).all(|slot| self.slots.is_used(slot))
    }

    pub(super) fn one_finds_the_end(&self) -> bool {
        self.processes.iter().any(|process| matches!(process.end, End::Found(_)))
    }

    pub(super) fn one_goes_on_announced(&self) -> bool {
        self.processes.iter().any(|process| process.at == At::Touch && self.flags[process.side as usize])
    }

    /// The slot that a role's word names, unless that is dead and dirty.
    fn true_owner(&self, side: Side) -> Option<Slot> {
        self.roles[side as usize].owner.filter(|slot| !self.slots.is_dirty(*slot))
    }
}

impl Spsc {
    /// Whether no process has a step to take until one begins something new, or dies.
    fn is_quiet(&self, state: &SpscState) -> bool {
        state.processes.iter().all(|process| match process.at {
            At::Outside | At::Idle | At::Ready => true,
            At::Sleep | At::RoleSleep => !has_post(state, process),
            _ => false,
        })
    }

    /// Whether each process that sleeps here has a reason to, when no process has a step to take.
    fn all_sleepers(&self, state: &SpscState, at: At, has_reason: impl Fn(&Process) -> bool) -> bool {
        let mut sleepers = state.processes.iter().filter(|process| process.at == at);
        sleepers.all(has_reason) || !self.is_quiet(state)
    }

    pub(super) fn roles_are_known(&self, state: &SpscState) -> bool {
        let is_known = |side: Side| state.true_owner(side).is_none() || state.holders(side).next().is_some();
        SIDES.into_iter().all(is_known) || !self.is_quiet(state)
    }

    pub(super) fn holders_are_served(&self, state: &SpscState) -> bool {
        self.all_sleepers(state, At::Sleep, |process| {
            let now = Process { seen: state.indices[process.side.other() as usize], ..*process };
            !self.can_go_on(&now) && !state.closed
        })
    }

    pub(super) fn standbys_are_served(&self, state: &SpscState) -> bool {
        self.all_sleepers(state, At::RoleSleep, |process| state.true_owner(process.side).is_some())
    }

    pub(super) fn watchers_are_notified(&self, state: &SpscState) -> bool {
        self.all_sleepers(state, At::Sleep, |process| {
            let asks = self.watches && process.side == Side::Consumer;
            !asks || !state.has_begun || state.true_owner(Side::Producer).is_some()
        })
    }
}
