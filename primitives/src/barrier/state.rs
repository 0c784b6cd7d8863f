//! The words of a barrier, and all that is done to them.
//!
//! | word | meaning | changed by |
//! | --- | --- | --- |
//! | [`word`](super::word) | the generation, its arrivals, and what became of the ones before | a member that arrives or leaves; a helper of a dead member |
//! | `here` of a slot, ABSENT | the slot has no participant | a member that leaves; a helper, when the generation is broken |
//! | `here` of a slot, PRESENT | the slot's member is a participant | the member, when it comes |
//! | `here` of a slot, BREAKS(g) | the member died, and generation g is to break | a helper of the slot |
//! | `names`, by generation modulo 16 | which slot and pid broke the generation | a helper, once for a generation |
//!
//! - **BR1** The word changes by compare-and-swap, so each arrival is counted once, in one generation.
//! - **BR2** The arrival that makes the number complete ends the generation, in the same step. It calls all that wait afterwards.
//!   A waiter announces itself, fences, and checks. So it sees the end, or is called.
//! - **BR3** A member that dies breaks one generation, which forgets its arrivals. The helpers of its slot agree on it: the first
//!   one writes BREAKS(g), where g is the current generation. If g is complete before it breaks, g is changed to a later one.
//!   If another death has broken it, that break counts for both.
//! - **BR4** The dead member is named before the generation breaks, and the first name stays. Each member knows the next
//!   generation in which it is to wait. If an earlier generation broke in which it did not wait, its next wait returns that, once.
//! - **BR5** A wait that times out takes its arrival back only in its own generation. If that has ended, the wait returns how it
//!   ended.
//! - **BR6** The last member to arrive checks for dead members before it ends the generation: a post on its own doorbell, on which
//!   it does not sleep, is an obituary. So no generation is complete if a member died before the last one arrived.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | between two waits | a dead slot with `here` PRESENT | a waiter, by the obituary, or the next member that would sleep. The generation breaks |
//! | waiting | the same, and an arrival | the same, and the last member to arrive (BR6) |
//! | having ended the generation, before it called | a new generation | each waiter, by the obituary |
//! | having left | nothing | – |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | between two waits, or before it has arrived | all others: a barrier waits for each participant |
//! | waiting | nothing, until the next generation |
//! | having ended the generation, before it called | the waiters that sleep, until it goes on |

use super::word::{HISTORY, Outcome, Word};
use crate::{
    failure::Result,
    layout::Mapped,
    members::{Members, Repair, Session},
    raw::Deadline,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
        SPINS, fence, order_seq_cst,
    },
    waiting::{
        Checked, Party,
        room::Room,
        wait,
        waiter::{Gate, Waiter},
    },
};
use std::hint::spin_loop;

const ABSENT: u64 = 0;
pub(super) const PRESENT: u64 = 1;
/// With the generation in the upper half.
pub(super) const BREAKS: u64 = 2;

/// How many checks there are before the first sleep. From 0 to 13 were measured on two processors, and more were slower.
const SHORT_SPINS: u32 = 3;

/// The words, with the room of the waiters.
#[derive(Debug)]
pub(crate) struct BarrierState {
    pub(crate) word: Mapped<AtomicU64>,
    pub(crate) names: Mapped<[AtomicU64]>,
    pub(crate) here: Mapped<[AtomicU64]>,
    pub(crate) room: Room,
    /// How many are waited for, from 1 to 65,535.
    pub(crate) parties: u32,
    /// The next generation in which this handle waits (BR4). It is in this process's own memory.
    pub(crate) next: AtomicU32,
}

/// How an arrival ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It was the last one, and the generation is complete.
    Last,
    /// It waits in this generation.
    In(u32),
    /// A generation broke in which this handle has not waited.
    Missed(u32),
    /// It was not to wait, and others are missing.
    TooFew,
}

/// Which member broke a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) slot: u32,
    pub(crate) pid: u32,
}

impl BarrierState {
    fn look(&self) -> Word {
        // SYNC: Acquire pairs with the changes of all that arrived: each is a read-modify-write, so what they did before is seen.
        // SeqCst is for the check of an announced waiter (BR2).
        Word(self.word.load(SeqCst))
    }

    fn change(&self, from: Word, to: Word) -> bool {
        // SYNC: pairs with `look`. SeqCst orders it before the check for waiters in the room (BR2).
        self.word.compare_exchange(from.0, to.0, SeqCst, Relaxed).is_ok()
    }

    /// Returns how many have arrived in the current generation.
    pub(crate) fn count(&self) -> u32 {
        self.look().count()
    }

    /// Makes this process a participant, if it is none yet. It waits from the current generation on.
    #[inline]
    pub(crate) fn join(&self, me: Session) {
        // Relaxed: the word is this member's own (R-own).
        if self.here[me.slot()].load(Relaxed) != PRESENT {
            self.join_slowly(me);
        }
    }

    #[cold]
    fn join_slowly(&self, me: Session) {
        // Before it is PRESENT: from then on its death breaks a generation, which it must not have missed.
        self.next.store(self.look().generation(), Relaxed);
        self.here[me.slot()].store(PRESENT, SeqCst);
    }

    /// Arrives. A caller that does not wait arrives only as the last one.
    #[inline]
    pub(crate) fn arrive(&self, waits: bool, party: Party<'_, Self>) -> Result<Arrived> {
        // A barrier of one waits for no other participant, so no death matters.
        let mut has_checked = self.parties == 1;
        loop {
            // Read anew on each round: every change that fails means that another member got on.
            let word = self.look();
            let (generation, next) = (word.generation(), self.next.load(Relaxed));
            if generation != next {
                // BR4. If another thread of this handle was faster, that thread returns the break.
                let is_first = self.next.compare_exchange(next, generation, AcqRel, Relaxed).is_ok();
                match word.last_broken(next).filter(|_| is_first) {
                    Some(broken) => return Ok(Arrived::Missed(broken)),
                    None => continue,
                }
            }
            if word.count() + 1 >= self.parties {
                if !has_checked {
                    // BR6: once, and before the generation ends. The check may break it, so the word is read again.
                    party.members.check_for_deaths(self.room.bell(party.me.slot()), party.repair)?;
                    has_checked = true;
                } else if self.change(word, word.ended(Outcome::Complete)) {
                    // BR2: the generation has ended, whatever becomes of this process. Now the waiters are called.
                    self.pass(generation);
                    party.members.record(self.call_all(generation, party.members));
                    return Ok(Arrived::Last);
                }
            } else if !waits {
                return Ok(Arrived::TooFew);
            } else if self.change(word, word.arrived()) {
                return Ok(Arrived::In(generation));
            }
        }
    }

    /// Waits for the end of a generation in which this caller has arrived. `None` if the timeout elapsed.
    pub(crate) fn wait_for(
        &self,
        generation: u32,
        party: Party<'_, Self>,
        deadline: Deadline,
    ) -> Result<Option<Outcome>> {
        // The last member is often about to arrive, and then neither side makes a system call.
        let waited = match self.spin(generation) {
            Some(outcome) => Ok(Some(outcome)),
            None => self.sleep(generation, party, deadline),
        };
        let over = match &waited {
            Ok(Some(_)) => None,
            // Also after an error: an arrival that stayed would count for a process that does not wait.
            _ => self.leave(generation),
        };
        if over.is_some() || matches!(waited, Ok(Some(_))) {
            self.pass(generation);
        }
        // BR5: the end of the generation counts more than the timeout.
        if over.is_some() { Ok(over) } else { waited }
    }

    #[cold]
    fn sleep(&self, generation: u32, party: Party<'_, Self>, deadline: Deadline) -> Result<Option<Outcome>> {
        let waiter = Waiter::new(&self.room, BarrierGate, party.me, generation.into());
        wait(party, &waiter, deadline, |_| Ok(self.check(generation)))
    }

    /// A waiter's check.
    pub(crate) fn check(&self, generation: u32) -> Checked<Outcome> {
        self.look().outcome(generation).map_or(Checked::Sleep(Deadline::NEVER), Checked::Found)
    }

    /// Checks again for a moment. Where there are fewer processors than participants, to spin for longer keeps the others from
    /// arriving, and to yield instead hands the processor to unrelated programs.
    fn spin(&self, generation: u32) -> Option<Outcome> {
        for round in 0..SPINS.min(SHORT_SPINS) {
            if let Some(outcome) = self.look().outcome(generation) {
                return Some(outcome);
            }
            (0..1_u32 << round).for_each(|_| spin_loop());
        }
        None
    }

    /// Takes an arrival back. Returns what became of the generation, if it has ended (BR5).
    #[cold]
    pub(crate) fn leave(&self, generation: u32) -> Option<Outcome> {
        loop {
            let word = self.look();
            if let Some(outcome) = word.outcome(generation) {
                return Some(outcome);
            }
            if self.change(word, word.left()) {
                return None;
            }
        }
    }

    /// This handle has waited in a generation, and knows how it ended.
    pub(crate) fn pass(&self, generation: u32) {
        // It fails if another thread of this handle is ahead, which knows more.
        let _ = self.next.compare_exchange(generation, generation.wrapping_add(1), AcqRel, Relaxed);
    }

    /// Calls all that wait in a generation that has ended, or in one before it.
    fn call_all(&self, ended: u32, members: &Members) -> Result<()> {
        order_seq_cst();
        #[expect(clippy::cast_possible_truncation, reason = "an interest is a generation")]
        // Waiters of an earlier generation too: their notifier may have died before it called them.
        let has_ended = |interest: u64| ended.wrapping_sub(interest as u32).cast_signed() >= 0;
        self.room.notify_all_fitting(has_ended, members)
    }

    /// Breaks a generation for the death of a slot's member, unless the death was dealt with already (BR3). Returns which generation it broke.
    #[cold]
    fn break_for(&self, slot: u32, members: &Members) -> Option<u32> {
        let here = &self.here[slot as usize];
        loop {
            let found = here.load(SeqCst);
            // Another helper has finished, or the member left before it died.
            if found == ABSENT {
                return None;
            }
            let word = self.look();
            // BR3: all helpers of the slot must break the same generation, and only one.
            let is_chosen = found & BREAKS != 0;
            let generation = if is_chosen { (found >> 32) as u32 } else { word.generation() };
            match word.outcome(generation) {
                None if is_chosen => {
                    // BR4: before the break, so that no waiter finds it without a name.
                    self.name(generation, slot, members);
                    if self.change(word, word.ended(Outcome::Broken)) {
                        let _ = here.compare_exchange(found, ABSENT, SeqCst, Relaxed);
                        return Some(generation);
                    }
                }
                // Another helper has broken it, or another death has.
                Some(Outcome::Broken) => drop(here.compare_exchange(found, ABSENT, SeqCst, Relaxed)),
                // It is not chosen yet, or complete by now.
                None | Some(Outcome::Complete) => {
                    let chosen = u64::from(word.generation()) << 32 | BREAKS;
                    let _ = here.compare_exchange(found, chosen, SeqCst, Relaxed);
                }
            }
        }
    }

    fn name_of(&self, generation: u32) -> &AtomicU64 {
        &self.names[(generation % HISTORY) as usize]
    }

    /// Names the member that breaks a generation, unless one is named (BR4).
    fn name(&self, generation: u32, slot: u32, members: &Members) {
        let name = self.name_of(generation);
        // The cell may have the name of a generation that ended 16 generations ago.
        let found = name.load(SeqCst);
        if found >> 48 != u64::from(generation & 0xffff) || found & 0xffff_ffff == 0 {
            let pid = u64::from(members.member(slot).pid);
            let named = u64::from(generation & 0xffff) << 48 | u64::from(slot) << 32 | pid;
            // If it fails, another helper has named one.
            let _ = name.compare_exchange(found, named, SeqCst, Relaxed);
        }
    }

    /// Returns which member broke a generation, if that is known still.
    pub(crate) fn breaker(&self, generation: u32) -> Option<Name> {
        let found = self.name_of(generation).load(Acquire);
        let is_its = found >> 48 == u64::from(generation & 0xffff) && found & 0xffff_ffff != 0;
        #[expect(clippy::cast_possible_truncation, reason = "each part is one of them")]
        is_its.then_some(Name { slot: (found >> 32) as u32 & 0xffff, pid: found as u32 })
    }
}

pub(crate) struct BarrierGate;

impl Gate for BarrierGate {
    fn open(&self, _: u64) -> Deadline {
        // SYNC: pairs with the change of the word: either the notifier finds the announcement, or the check finds the change.
        fence(SeqCst);
        Deadline::NEVER
    }
}

impl Repair for BarrierState {
    /// Breaks a generation for a death, or removes a member that leaves. Any number of helpers may do it.
    fn repair(&self, slot: u32, is_begun: bool, members: &Members) -> Result<()> {
        self.room.repair(slot);
        if !is_begun {
            // The member leaves, or the slot is clean: no generation breaks.
            self.here[slot as usize].store(ABSENT, SeqCst);
            return Ok(());
        }
        match self.break_for(slot, members) {
            Some(generation) => self.call_all(generation, members),
            None => Ok(()),
        }
    }
}
