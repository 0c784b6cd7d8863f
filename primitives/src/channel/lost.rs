//! Notices that died with a receiver: which these are, and who sends them again.
//!
//! A receiver that is killed between taking a notice from the queue and claiming its parcel leaves a complete parcel of
//! which nobody knows.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `lost`, a bit for each parcel, and a count for each 32 of them | its notice may be lost; how often that was said of any of them | who reaps a receiver, raising and counting; who has sent it again, lowering, if the count is what it was before |
//! | `repeat` | odd: some bits of `lost` are up; the rest counts how often that was said | who reaps a receiver, adding; who has found no bit up, by compare-and-swap from what it read before |
//!
//! - **N1** A reaper notes the complete parcels of which no notice is on the queue, where the kernel shows what is there;
//!   otherwise all complete ones. A copy does no harm by itself (the parcels' PC4), but those of a route where nobody
//!   receives would fill the queue, death by death.
//! - **N2** It is said before it is tried, and whoever has taken a message, or is about to receive, looks afterwards: so if
//!   a reaper finds no room, whoever makes some sends the notices.
//! - **N3** A bit is lowered only if nobody has raised it, or a neighbour, since before its notice was sent: perhaps that one
//!   is lost as well.
//! - **N4** `repeat` is counted up before the bits are raised and after: it is odd once they are up, and who lowers it has
//!   found none that was raised before.
//!
//! | the process dies | what is left |
//! | --- | --- |
//! | reaping, before all bits are up | the dead receiver's slot, dirty: its next reaper notes them |
//! | having raised them | `repeat` is odd: whoever receives next, or is woken by the obituary, sends them |
//! | having sent one, before its bit is lowered | one copy more |
//! | having lowered it | nothing: its notice is on the queue, or was received |

use std::collections::HashSet;

use super::{notice::Notice, plan::PARCELS, queued::messages_on, words::Words};
use crate::{
    failure::Result,
    layout::Mapped,
    members::Members,
    raw,
    sync::{
        AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};

/// The bits: those of 32 parcels in the lower half of a word, a count in the upper half.
pub(super) type Lost = Mapped<[AtomicU64]>;

const PER_WORD: usize = 32;
const COUNT: u32 = 32;
const ONE: u64 = 1 << COUNT;

/// How many words there are.
pub(super) const WORDS: usize = PARCELS / PER_WORD;

/// How many messages a reaper looks at: the kernel counts from the first one each time, so many would take long.
const MOST_LOOKED_AT: u64 = 1024;

impl Words {
    /// A receiver died: notes what it may have had in hand.
    pub(super) fn note_lost(&self) {
        let mut unclaimed = self.parcels.unclaimed().peekable();
        if unclaimed.peek().is_none() {
            return;
        }
        self.say_lost();
        let queued = self.queued_notices();
        for (_, notice) in unclaimed.filter(|(_, notice)| !queued.contains(notice)) {
            let bit = 1 << (notice.parcel % PER_WORD);
            let raise = |word: u64| Some((word | bit).wrapping_add(ONE));
            let _ = self.lost[notice.parcel / PER_WORD].fetch_update(SeqCst, Relaxed, raise);
        }
        self.say_lost();
    }

    /// Counts up, and says that bits are up (N4).
    fn say_lost(&self) {
        let raise = |repeat: u32| Some(repeat.wrapping_add(2) | 1);
        let _ = self.control.repeat.fetch_update(SeqCst, Relaxed, raise);
    }

    /// Returns which notices are on the queue, where the kernel shows it (N1).
    fn queued_notices(&self) -> HashSet<Notice> {
        if self.queue.stat().is_ok_and(|stat| stat.messages > MOST_LOOKED_AT) {
            return HashSet::new();
        }
        // One that is longer than this handle takes is no notice.
        let is_shown = |peeked: &raw::Result<_>| matches!(peeked, Ok(_) | Err(raw::Error::BufferTooSmall { .. }));
        let shown = messages_on(&self.queue).take_while(is_shown).filter_map(Result::ok);
        shown.filter_map(|message| self.tag.read(message.bytes())).collect()
    }

    /// Sends lost notices again, if there are any: to be called when a message was taken, and before one is (N2).
    #[inline]
    pub(super) fn send_lost_if_due(&self, members: &Members) -> Result<()> {
        // Relaxed: the kernel's lock on the queue orders the message that was taken, and the attempt that found no room.
        if self.control.repeat.load(Relaxed) & 1 == 0 { Ok(()) } else { self.send_lost(members) }
    }

    /// Sends lost notices again as far as there is room; fails only if the queue is gone.
    #[cold]
    fn send_lost(&self, members: &Members) -> Result<()> {
        let said = self.control.repeat.load(SeqCst);
        for (index, word) in self.lost.iter().enumerate() {
            // Before anything is sent (N3).
            let seen = word.load(SeqCst);
            for number in (0..PER_WORD).filter(|number| seen >> number & 1 != 0) {
                if !self.send_one(index * PER_WORD + number, members)? {
                    return Ok(());
                }
                let lower = |now: u64| (now >> COUNT == seen >> COUNT).then_some(now & !(1 << number));
                let _ = word.fetch_update(SeqCst, Relaxed, lower);
            }
        }
        // Otherwise it was said again meanwhile.
        let _ = self.control.repeat.compare_exchange(said, said & !1, SeqCst, Relaxed);
        Ok(())
    }

    /// Sends the notice of a parcel, if that still waits for a receiver; returns whether there was room.
    fn send_one(&self, parcel: usize, members: &Members) -> Result<bool> {
        let Some((route, notice)) = self.parcels.unclaimed_one(parcel) else { return Ok(true) };
        match self.queue.try_send(&self.tag.message(route, notice)) {
            Ok(()) => self.heard(route, members),
            Err(error) if error.is_gone() => return Err(members.failed(error)),
            // There is no room, or the kernel has no memory: whoever comes next tries again.
            Err(_) => return Ok(false),
        }
        Ok(true)
    }
}
