//! Notices that died with a receiver: which these are, and who sends them again.
//!
//! A receiver that is killed between taking a notice from the queue and claiming its parcel leaves a complete parcel of
//! which nobody knows.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `lost`, a bit for each parcel | its notice may be lost | who reaps a receiver, raising; who has sent it again, lowering |
//! | `repeat` | odd: some bits of `lost` are up; the rest counts how often that was said | who reaps a receiver, adding; who has found no bit up, by compare-and-swap from what it read before |
//!
//! - **N1** A reaper notes the complete parcels of which no notice is on the queue, where the kernel shows what is there;
//!   otherwise all complete ones. A copy does no harm by itself (the parcels' I4), but those of a route where nobody
//!   receives would fill the queue, death by death.
//! - **N2** It is said before it is tried, and whoever has taken a message, or is about to receive, looks afterwards: so if
//!   a reaper finds no room, whoever makes some sends the notices.
//! - **N3** `repeat` is counted up before the bits are raised and after. So who lowers a bit, having sent that notice, learns
//!   whether it was raised again meanwhile, and raises it itself; and it is odd once they are up.
//!
//! | the process dies | what is left |
//! | --- | --- |
//! | reaping, before all bits are up | the dead receiver's slot, dirty: its next reaper notes them |
//! | having raised them | `repeat` is odd: whoever receives next, or is woken by the obituary, sends them |
//! | having sent one, before its bit is lowered | one copy more |

use std::{collections::HashSet, iter};

use super::{notice::Notice, parcels::Parcels, queued::messages_on, words::Words};
use crate::{
    Result,
    layout::Mapped,
    members::Members,
    raw,
    sync::{
        AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
};

/// The bits.
pub(super) type Lost = Mapped<[AtomicU64]>;

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
            let (word, bit) = self.lost_bit(notice.parcel);
            word.fetch_or(bit, SeqCst);
        }
        self.say_lost();
    }

    /// Counts up, and says that bits are up (N3).
    fn say_lost(&self) {
        let raise = |repeat: u32| Some(repeat.wrapping_add(2) | 1);
        let _ = self.control.repeat.fetch_update(SeqCst, Relaxed, raise);
    }

    fn lost_bit(&self, parcel: usize) -> (&AtomicU64, u64) {
        (&self.lost[parcel / 64], 1 << (parcel % 64))
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
    pub(super) fn send_lost(&self, members: &Members) -> Result<()> {
        let said = self.control.repeat.load(SeqCst);
        for parcel in self.lost_parcels() {
            if let Some((route, notice)) = self.parcels.unclaimed_one(parcel) {
                match self.queue.try_send(&self.tag.message(route, notice)) {
                    Ok(()) => self.heard(route, members),
                    Err(error) if error.is_gone() => return Err(error.into()),
                    // There is no room, or the kernel has no memory: whoever comes next tries again.
                    Err(_) => return Ok(()),
                }
            }
            let (word, bit) = self.lost_bit(parcel);
            word.fetch_and(!bit, SeqCst);
            if self.control.repeat.load(SeqCst) != said {
                // N3: perhaps for the notice that was just sent.
                word.fetch_or(bit, SeqCst);
            }
        }
        // Otherwise it was said again meanwhile.
        let _ = self.control.repeat.compare_exchange(said, said & !1, SeqCst, Relaxed);
        Ok(())
    }

    fn lost_parcels(&self) -> impl Iterator<Item = usize> {
        (0..).zip(&*self.lost).flat_map(|(index, word)| {
            let mut bits = word.load(SeqCst);
            iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < u64::BITS).then_some(64 * index + bit as usize)
            })
        })
    }
}

/// How many words the bits take.
pub(super) const WORDS: usize = Parcels::COUNT / 64;
