//! Waiting: the producer for the subscribers, and subscribers for items.

use super::{
    state::{BroadcastState, PRODUCER_BELL, Scan},
    word::AwaitedWord,
};
use crate::{
    failure::Result,
    members::Members,
    raw::{Deadline, process},
    ring::{patience::Patience, refusal::Refusal},
    role::Role,
    sync::Ordering::SeqCst,
    waiting::{
        Checked, Party, Round, Station, Turn, Withdrawn, wait,
        waiter::{Gate, Waiter},
    },
};

impl BroadcastState {
    /// Returns why the producer will do nothing more, or `None` if it may. Dead members have been reaped by the caller.
    fn end(&self, detects_disconnect: bool) -> Option<Refusal> {
        // SYNC: pairs with the store in `close`.
        if self.control.closed.load(SeqCst) != 0 {
            return Some(Refusal::Closed);
        }
        // `arrived` first: it is set once the producer has the role.
        let is_disconnected = detects_disconnect && self.has_arrived(Role::Producer) && self.role.holder() == 0;
        is_disconnected.then_some(Refusal::Disconnected)
    }

    /// Returns whether the producer and its subscribers are more than the processors. Then one that spins keeps another from
    /// running, perhaps the one that it waits for.
    fn is_crowded(&self) -> bool {
        let processors = process::processors();
        // First by a line that is seldom written.
        self.used_cursors().len() >= processors && self.taken().nth(processors - 1).is_some()
    }

    /// Waits until the tail differs from `seen`, and returns it.
    #[cold]
    pub(crate) fn wait_for_items(
        &self,
        seen: u64,
        party: Party<'_, Self>,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<u64, Refusal> {
        let detects_disconnect = patience.wants_to_know;
        let moved = || Some(self.tail()).filter(|&tail| tail != seen);
        if deadline == Deadline::NOW {
            if detects_disconnect {
                party.reap_all()?;
            }
            // R3: the end before the tail.
            let end = self.end(detects_disconnect);
            return moved().ok_or_else(|| end.unwrap_or(Refusal::NotInTime));
        }
        let Patience { spin, delay, .. } = patience;
        let found = match self.is_crowded() {
            true => spin.after_others(delay, moved),
            false => spin.until(Role::Consumer, &self.control.last_cpus, moved),
        };
        if let Some(tail) = found {
            return Ok(tail);
        }
        let waiter = Waiter::new(&self.subscribers, SubscriberGate(self), party.me, 0);
        wait(party, &waiter, deadline, |_| self.check_items(seen, detects_disconnect))?.ok_or(Refusal::NotInTime)
    }

    /// A waiting subscriber's check.
    pub(super) fn check_items(&self, seen: u64, detects_disconnect: bool) -> Result<Checked<u64>, Refusal> {
        // R3.
        let end = self.end(detects_disconnect);
        match (self.tail(), end) {
            (tail, _) if tail != seen => Ok(Checked::Found(tail)),
            (_, Some(end)) => Err(end),
            (_, None) => Ok(Checked::Sleep(Deadline::NEVER)),
        }
    }

    /// Waits until there is room from an index on. The last scan found none.
    #[cold]
    pub(crate) fn wait_for_room(
        &self,
        index: u64,
        party: Party<'_, Self>,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<Scan, Refusal> {
        if deadline == Deadline::NOW {
            return self.room_beside_the_living(index, party);
        }
        let members = party.members;
        let look = || Some(self.scan(index, members)).filter(|found| !matches!(found, Ok(Scan { room: 0, .. })));
        let Patience { spin, delay, .. } = patience;
        let found = match self.is_crowded() {
            true => spin.after_others(delay, look),
            false => spin.until(Role::Producer, &self.control.last_cpus, look),
        };
        if let Some(scan) = found {
            return Ok(scan?);
        }
        let check = |round| self.check_room(index, party, round);
        wait(party, &Producer { state: self, index }, deadline, check)?.ok_or(Refusal::NotInTime)
    }

    /// A waiting producer's check.
    pub(super) fn check_room(
        &self,
        index: u64,
        party: Party<'_, Self>,
        round: Round,
    ) -> Result<Checked<Scan>, Refusal> {
        // SYNC: pairs with the store in `close`.
        if self.control.closed.load(SeqCst) != 0 {
            return Err(Refusal::Closed);
        }
        if round == Round::Announced {
            self.mend_cursors(index, party)?;
        }
        let scan = self.scan(index, party.members)?;
        Ok(if scan.room > 0 { Checked::Found(scan) } else { Checked::Sleep(Deadline::NEVER) })
    }

    /// Returns the owner of a cursor for which there is no room.
    fn in_the_way(&self, index: u64) -> impl Iterator<Item = u32> {
        let oldest = index.wrapping_sub(self.capacity);
        self.taken().filter(move |word| word.holds(oldest, self.capacity)).map(|word| word.owner())
    }

    /// Repairs the cursors of the dead, as long as one is in the way: that costs a system call for each.
    fn room_beside_the_living(&self, index: u64, party: Party<'_, Self>) -> Result<Scan, Refusal> {
        for _ in 0..=self.cursors.len() {
            let scan = self.scan(index, party.members)?;
            if scan.room > 0 {
                return Ok(scan);
            }
            let Some(owner) = self.in_the_way(index).next() else { continue };
            let slot = party.members.slot_of(owner)?;
            if party.members.is_alive(slot)? {
                return Err(Refusal::NotInTime);
            }
            party.members.reap(slot, party.repair)?;
        }
        Err(Refusal::NotInTime)
    }

    /// Repairs each cursor of a slot without a member: it is damage, and no death will tell of it (BC7).
    fn mend_cursors(&self, index: u64, party: Party<'_, Self>) -> Result<()> {
        for owner in self.in_the_way(index) {
            let slot = party.members.slot_of(owner)?;
            if party.members.is_clean(slot) {
                party.members.reap(slot, party.repair)?;
            }
        }
        Ok(())
    }
}

/// Subscribers that wait for items. All of them are called at once, so none passes a call on.
pub(super) struct SubscriberGate<'a>(pub(super) &'a BroadcastState);

impl Gate for SubscriberGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        self.0.control.flag.raise();
        self.0.fence.after_announcement()
    }
}

/// The producer, which alone sleeps on its doorbell (BC4).
pub(super) struct Producer<'a> {
    pub(super) state: &'a BroadcastState,
    pub(super) index: u64,
}

impl Station for Producer<'_> {
    fn turn(&self, _: Deadline) -> Turn {
        Turn::Lead
    }

    fn announce(&self) -> Deadline {
        let awaited = AwaitedWord::of(self.index.wrapping_sub(self.state.capacity));
        // SYNC: pairs with the load in `move_cursor` and the swap in `wake_producer`.
        self.state.control.awaited.store(awaited.0, SeqCst);
        self.state.fence.after_announcement()
    }

    fn withdraw(&self) -> Withdrawn {
        // SYNC: pairs with the swap in `wake_producer`.
        let was = self.state.control.awaited.swap(AwaitedWord::NONE.0, SeqCst);
        if AwaitedWord(was) == AwaitedWord::NONE { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
    }

    fn bell(&self) -> u16 {
        PRODUCER_BELL
    }

    /// No other process waits for what it was called for.
    fn pass_on_used(&self, _: &Members) -> Result<()> {
        Ok(())
    }

    fn pass_on_unused(&self, _: &Members) -> Result<()> {
        Ok(())
    }
}
