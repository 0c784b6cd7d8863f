//! Waiting: readers for the gate, and the owner of the lock for the readers.

use super::state::{Counter, RwState, WRITER_BELL};
use crate::{
    failure::Result,
    lock::Taken,
    members::Members,
    raw::Deadline,
    sync::{Ordering::SeqCst, SPINS, TURNS, fence},
    waiting::{
        Checked, Party, Round, Station, Turn, Withdrawn, wait,
        waiter::{Gate, Waiter},
    },
};
use std::hint::spin_loop;

/// The logarithm of the longest time between two checks, in pauses, as in `lock`.
const LONGEST_SPIN: u32 = 6;

/// Whether a caller may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The caller has the lock, and is inside.
    Inside(Taken),
    /// A living process wrote or read until the timeout elapsed.
    NotInTime,
    /// This process can't fence for the readers (RW2).
    Unfenced,
}

/// Checks for a while, ever less often.
fn spin<T>(check: impl Fn() -> Option<T>) -> Option<T> {
    (0..SPINS).find_map(|round| {
        let found = check();
        if found.is_none() {
            (0..1_u32 << round.min(LONGEST_SPIN)).for_each(|_| spin_loop());
        }
        found
    })
}

impl RwState {
    /// Reads if no living process writes, or waits to.
    #[cold]
    pub(crate) fn try_enter_slowly(&self, party: Party<'_, Self>, counter: Counter) -> Result<Option<Taken>> {
        loop {
            if let Some(taken) = self.try_enter(party.me, counter, party.members) {
                return Ok(Some(taken));
            }
            // The gate is shut by the owner of the lock. If that is dead, nothing else opens it.
            let holder = self.lock.holder();
            if holder == 0 {
                continue;
            }
            let slot = party.members.slot_of(holder)?;
            if party.members.is_alive(slot)? {
                return Ok(None);
            }
            party.members.reap(slot, party.repair)?;
        }
    }

    /// Waits until the gate is open, and reads. Returns `None` if the timeout elapsed.
    #[cold]
    pub(crate) fn enter_contended(
        &self,
        party: Party<'_, Self>,
        counter: Counter,
        deadline: Deadline,
    ) -> Result<Option<Taken>> {
        if let Some(taken) = spin(|| self.enter_open_gate(party, counter)) {
            return Ok(Some(taken));
        }
        let mut turns = 0;
        let found = {
            let waiter = Waiter::new(&self.readers, ReadGate(self), party.me, 0);
            wait(party, &waiter, deadline, |round| self.check_to_read(party, counter, round, &mut turns))?
        };
        match found {
            Some(None) => self.enter_by_lock(party, counter, deadline),
            found => Ok(found.flatten()),
        }
    }

    /// Reads if the gate is open. It is counted only then: a count makes the writer wait.
    fn enter_open_gate(&self, party: Party<'_, Self>, counter: Counter) -> Option<Taken> {
        self.lock.if_unheld().and_then(|_| self.try_enter(party.me, counter, party.members))
    }

    /// A waiting reader's check. It finds `None` if it is to come in by the lock.
    pub(super) fn check_to_read(
        &self,
        party: Party<'_, Self>,
        counter: Counter,
        round: Round,
        turns: &mut u32,
    ) -> Result<Checked<Option<Taken>>> {
        if let Some(taken) = self.enter_open_gate(party, counter) {
            return Ok(Checked::Found(Some(taken)));
        }
        // Not announced yet: it sleeps only after a check with the announcement (R-sleep).
        if round == Round::Awake {
            return Ok(Checked::Sleep(Deadline::NEVER));
        }
        self.mend_gate(party)?;
        if let Some(taken) = self.enter_open_gate(party, counter) {
            return Ok(Checked::Found(Some(taken)));
        }
        *turns += 1;
        // RW7: others were first too often. By the lock it comes in whatever writers do.
        Ok(if *turns > TURNS { Checked::Found(None) } else { Checked::Sleep(Deadline::NEVER) })
    }

    /// Repairs a gate that names a slot without a member, for which no obituary comes (LK4).
    fn mend_gate(&self, party: Party<'_, Self>) -> Result<()> {
        let holder = self.lock.holder();
        if holder == 0 {
            return Ok(());
        }
        let slot = party.members.slot_of(holder)?;
        if party.members.is_clean(slot) {
            party.members.reap(slot, party.repair)?;
        }
        Ok(())
    }

    /// Takes the lock, so that no writer comes before, and opens the gate as a reader (RW7).
    pub(crate) fn enter_by_lock(
        &self,
        party: Party<'_, Self>,
        counter: Counter,
        deadline: Deadline,
    ) -> Result<Option<Taken>> {
        let Some(taken) = self.lock.take_contended(party, deadline)? else { return Ok(None) };
        self.read_as_owner(party, counter, taken);
        Ok(Some(taken))
    }

    /// Counts the owner of the lock as a reader, and opens the gate (RW7).
    pub(super) fn read_as_owner(&self, party: Party<'_, Self>, counter: Counter, taken: Taken) {
        // Counted before the gate opens, so no writer finds the counts at 0 in between.
        self.count(party.me, counter);
        self.open(party.me, party.members, self.is_still_poisoned(taken));
    }

    /// Returns whether a lock that was taken poisoned is to be freed so.
    pub(super) fn is_still_poisoned(&self, taken: Taken) -> bool {
        taken.poisoned && self.lock.is_poisoned()
    }

    /// Takes the lock, and waits until all readers have left (RW2).
    pub(crate) fn enter_to_write(&self, party: Party<'_, Self>, deadline: Deadline) -> Result<Admission> {
        if deadline == Deadline::NOW && self.is_read_by_the_living(party)? {
            // The gate stays open for others.
            return Ok(Admission::NotInTime);
        }
        let taken = match self.lock.try_take(party.me) {
            true => Some(Taken { poisoned: false }),
            false if deadline == Deadline::NOW => self.lock.try_take_slowly(party)?,
            false => self.lock.take_contended(party, deadline)?,
        };
        let Some(taken) = taken else { return Ok(Admission::NotInTime) };
        let admission = self.drain(party, taken, deadline);
        if matches!(admission, Ok(Admission::Inside(_))) {
            self.go_inside(party.me);
        } else {
            // RW5: readers may have been kept out meanwhile, so the gate opens as after any writer.
            self.open(party.me, party.members, self.is_still_poisoned(taken));
        }
        admission
    }

    fn is_read_by_the_living(&self, party: Party<'_, Self>) -> Result<bool> {
        if !self.is_read() {
            return Ok(false);
        }
        // A reader that died is counted until its slot is reaped.
        party.reap_all()?;
        self.mend_counts(party)?;
        Ok(self.is_read())
    }

    /// Repairs each count of a slot without a member: it is damage, for which no obituary comes.
    fn mend_counts(&self, party: Party<'_, Self>) -> Result<()> {
        for slot in self.reading_slots().filter(|&slot| party.members.is_clean(slot)) {
            party.members.reap(slot, party.repair)?;
        }
        Ok(())
    }

    /// Waits until all readers have left. The caller has the lock.
    fn drain(&self, party: Party<'_, Self>, taken: Taken, deadline: Deadline) -> Result<Admission> {
        let (inside, too_late) = (Ok(Admission::Inside(taken)), Ok(Admission::NotInTime));
        // Without the fence a light reader could have read the gate open, and its count not be seen yet.
        if self.fence.after_announcement() != Deadline::NEVER {
            return Ok(Admission::Unfenced);
        }
        if !self.is_read() {
            return inside;
        }
        if deadline == Deadline::NOW {
            return if self.is_read_by_the_living(party)? { too_late } else { inside };
        }
        if spin(|| (!self.is_read()).then_some(())).is_some() {
            return inside;
        }
        let left = wait(party, &Writer(self), deadline, |round| self.check_drained(party, round))?;
        if left.is_some() { inside } else { too_late }
    }

    /// A waiting writer's check: whether all readers have left.
    pub(super) fn check_drained(&self, party: Party<'_, Self>, round: Round) -> Result<Checked<()>> {
        if round == Round::Announced {
            self.mend_counts(party)?;
        }
        Ok(if self.is_read() { Checked::Sleep(Deadline::NEVER) } else { Checked::Found(()) })
    }
}

/// Readers that wait for the gate. All of them are called at once, so none passes a call on.
pub(super) struct ReadGate<'a>(pub(super) &'a RwState);

impl Gate for ReadGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        self.0.flag.raise();
        // SYNC: pairs with the fence in `open` of the state: either it sees the flag, or we see the gate open.
        fence(SeqCst);
        Deadline::NEVER
    }
}

/// The owner of the lock, which alone sleeps on its doorbell (RW4).
pub(super) struct Writer<'a>(pub(super) &'a RwState);

impl Station for Writer<'_> {
    fn turn(&self, _: Deadline) -> Turn {
        Turn::Lead
    }

    fn announce(&self) -> Deadline {
        self.0.control.draining.store(1, SeqCst);
        // RW3. If it can't fence for the others any more, it naps.
        self.0.fence.after_announcement()
    }

    fn withdraw(&self) -> Withdrawn {
        let was = self.0.control.draining.swap(0, SeqCst);
        if was == 0 { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
    }

    fn bell(&self) -> u16 {
        WRITER_BELL
    }

    /// No other process waits for what it was called for.
    fn pass_on_used(&self, _: &Members) -> Result<()> {
        Ok(())
    }

    fn pass_on_unused(&self, _: &Members) -> Result<()> {
        Ok(())
    }
}
