//! Claims: a message that comes back if its receiver does not get done with it.
//!
//! | word of a cell | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | READY(s, c) | complete | CLAIMED(r, c) | a receiver, by compare-and-swap |
//! | CLAIMED(r, 0) | r works on it | FREE, when it is done; HELD(r, 0) and then FREE, if it has blocks | r |
//! | CLAIMED(r, c) | r works on a request | ANSWERED(c); HELD(r, c) and then LOST(c), if it is done without a response | r |
//! | CLAIMED(r, c) | r gives it back | READY(r, c), DELAYED(r, c), ASIDE(0, c): one attempt more | r |
//! | CLAIMED(r, c) | r is dead | READY(0, c), ASIDE(0, c): one attempt more | a helper of the slot |
//! | CLAIMED(r, c) | c is dead, or wants to hear no more of it | CLAIMED(r, 0); HELD(r, 0), if it is cancelled | c, or a helper of its slot |
//!
//! All of them by compare-and-swap.
//!
//! - **CL1** A message that a living process gives back goes to the tail of its lane, with a new stamp, as if that process had
//!   sent it. Otherwise the process would receive it again at once.
//! - **CL2** A message of a dead process keeps its stamp, and is marked as returned before it is READY. So it comes first.
//! - **CL3** Each return counts one attempt, up to 255. Attempts are never counted down in one life of a cell. A message with
//!   a limit is set aside when it was attempted so often: see [`aside`](super::aside).
//! - **CL4** A request is HELD, not CLAIMED, unless its caller wants it to be delivered again. Its caller learns of the end of the
//!   process that holds it.
//! - **CL5** A message that comes back keeps its life, and its blocks their name. So a process that is done with a long message
//!   makes it HELD first: if others have taken the process for dead, the blocks are those of another claim by then.
//! - **CL6** The claim of r lasts as long as the word names r, this life and this attempt, in CLAIMED or HELD. Others change the
//!   caller in it, and nothing else while r lives.
//! - **CL7** The response to a request that may be delivered again is written apart: the request stays whole until the response
//!   counts. Its blocks have a name with the attempt in it, so the helpers of a dead process free those of its own attempt alone,
//!   however late they are.
//!
//! | a process dies, or is stopped | what is left by a dead one | what a stopped one holds up |
//! | --- | --- | --- |
//! | CLAIMED | a cell that names it: the message comes back | that message, and one cell |
//! | between READY and the hint of a message that it gives back | a complete message: it is marked as returned | that message |
//! | while it writes a response apart | the request comes back, the blocks of the response are freed | that message |

use std::time::Duration;

use super::{
    Held, Store,
    causes::CauseNumber,
    receive::Received,
    wishes::Wishes,
    word::{CellState, CellWord, Hint},
};
use crate::{
    clock,
    failure::Result,
    members::{Members, Repair},
    sync::Ordering::Relaxed,
    waiting::Party,
};

/// How a claim ends without being done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Return {
    pub(crate) cause: CauseNumber,
    /// When it can be received again.
    pub(crate) delay: Duration,
}

/// What others may change in a word while its claim lasts (CL6): the caller, once or twice.
const MOST_CHANGES: u32 = 4;

/// A claim that is being worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClaimSeen {
    /// The slot plus one.
    pub(crate) owner: u32,
    pub(crate) route: u32,
    pub(crate) attempts: u8,
    /// Since when, in nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) since: u64,
}

/// The lower bits of the time of a claim identify the claim: bits of the life, and of the attempt.
const CLAIM_TAG: u64 = 0xffff;

fn claim_tag(word: CellWord) -> u64 {
    (word.generation() << 8 | u64::from(word.attempts())) & CLAIM_TAG
}

impl Store {
    /// Returns a claim with the word as it is, if it is this process's still (CL6).
    pub(super) fn ours(&self, held: Held) -> Option<Held> {
        let word = self.held(held).word();
        word.is_of_claim(held.word).then_some(Held { word, ..held })
    }

    /// Returns whether a claim is this process's still.
    pub(crate) fn is_claimed(&self, held: Held) -> bool {
        self.ours(held).is_some()
    }

    /// Says since when a message is claimed.
    #[inline]
    pub(super) fn note_claim(&self, held: Held) {
        // With a tag of the claim, so that a time left by an earlier claim isn't taken for this one's.
        let since = clock::coarse() & !CLAIM_TAG;
        self.held(held).claimed_at.store(since | claim_tag(held.word), Relaxed);
    }

    /// Returns since when this process has claimed a message.
    #[inline]
    pub(crate) fn claimed_at(&self, held: Held) -> u64 {
        self.held(held).claimed_at.load(Relaxed) & !CLAIM_TAG
    }

    /// Frees a message that this process has claimed. A caller that waits learns that there is no response. Returns whether it was
    /// still claimed.
    #[inline]
    pub(crate) fn done(&self, held: Held, members: &Members) -> Result<bool> {
        let cell = self.held(held);
        // The common case: no response is due, there are no blocks, and the word is as it was claimed.
        if held.word.caller() != 0 || cell.first_block.load(Relaxed) != 0 || cell.word() != held.word {
            return self.done_slowly(held, members);
        }
        self.free_cell(held.cell, held.word, members).map(|()| true)
    }

    #[cold]
    fn done_slowly(&self, held: Held, members: &Members) -> Result<bool> {
        for _ in 0..MOST_CHANGES {
            let Some(ours) = self.ours(held) else { return Ok(false) };
            let cell = self.held(ours);
            // The caller may have left since the claim, so the present word counts.
            let is_call = ours.word.caller() != 0;
            if ours.word.state() == CellState::Held {
                let ended = if is_call { self.lose(ours, members) } else { self.release(ours, members) };
                return ended.map(|()| true);
            }
            if !is_call && cell.first_block.load(Relaxed) == 0 {
                return self.release(ours, members).map(|()| true);
            }
            // CL5.
            cell.change(ours.word, ours.word.held(ours.word.owner()));
        }
        Err(members.damaged("the state of the cells"))
    }

    /// Gives back a message that this process has claimed, or sets it aside.
    #[cold]
    pub(crate) fn requeue(&self, held: Held, end: Return, party: Party<'_, impl Repair>) -> Result<()> {
        let members = party.members;
        for _ in 0..MOST_CHANGES {
            // If this process has lost its membership, others have given it back. What they have there is left alone.
            let Some(ours) = self.ours(held) else { return Ok(()) };
            // Its caller has cancelled it.
            if ours.word.state() == CellState::Held {
                return self.done(ours, members).map(drop);
            }
            // CL7. A panic may end the writing of a response half-way. The next attempt has another name for its blocks.
            members.record(self.give_answer(ours, members));
            self.note(ours.cell, ours.word, end.cause, std::process::id());
            let wishes = Wishes(self.held(ours).wishes.load(Relaxed));
            let is_returned = if wishes.is_exhausted(ours.word.attempts().saturating_add(1)) {
                self.put_aside(ours, party)?
            } else if end.delay.is_zero() {
                self.push_back(ours, members)?
            } else {
                self.delay_claim(ours, end.delay, members)?
            };
            if is_returned {
                return Ok(());
            }
        }
        Err(members.damaged("the state of the cells"))
    }

    /// Gives a message back to the tail of its lane (CL1). Returns whether it was still claimed.
    fn push_back(&self, held: Held, members: &Members) -> Result<bool> {
        let cell = self.held(held);
        // CL1. Before READY: from then on the cell is not ours.
        cell.sent_at.store(self.stamp(), Relaxed);
        let ready = held.word.given_back(held.word.owner());
        if !cell.change(held.word, ready) {
            return Ok(false);
        }
        let (hint, lane) = (Hint::of(held.cell, ready), self.lane_of(cell.route.load(Relaxed)));
        self.lane(lane).push(hint, members)?;
        self.notify_message(hint, lane, members).map(|()| true)
    }

    /// Returns the limit of attempts of a message that this process holds.
    pub(crate) fn limit_of(&self, held: Held) -> u8 {
        Wishes(self.held(held).wishes.load(Relaxed)).limit()
    }

    /// Returns how the attempts of a message before this one ended.
    pub(crate) fn earlier_endings(&self, held: Held) -> Vec<(u32, super::Ending)> {
        self.endings(held.cell, held.word)
    }

    /// Returns when a message was claimed. Returns `None` if the claim has just begun, and has not said its time yet.
    pub(crate) fn claimed_since(word: CellWord, claimed_at: u64) -> Option<u64> {
        (claimed_at & CLAIM_TAG == claim_tag(word)).then_some(claimed_at & !CLAIM_TAG)
    }

    /// Returns the messages that are claimed. While others claim and get done, one may be missing.
    pub(crate) fn claims(&self) -> Vec<ClaimSeen> {
        let look = |cell: &super::Cell| {
            let word = cell.word();
            let (route, claimed_at) = (cell.route.load(Relaxed), cell.claimed_at.load(Relaxed));
            let is_claimed = word.state() == CellState::Claimed && cell.word() == word;
            let since = Self::claimed_since(word, claimed_at).unwrap_or_else(clock::coarse);
            is_claimed.then(|| ClaimSeen { owner: word.owner(), route, attempts: word.attempts(), since })
        };
        self.touched_cells().filter_map(|(_, cell)| look(cell)).collect()
    }
}

impl Received {
    /// Returns whether it comes back unless it is done.
    pub(crate) fn is_claim(&self) -> bool {
        self.held.word.state() == CellState::Claimed
    }

    /// Returns how often it was claimed before, and came back.
    pub(crate) fn attempts(&self) -> u8 {
        self.held.word.attempts()
    }
}
