//! Claims: a message that comes back if its receiver does not get done with it.
//!
//! | word of a cell | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | READY(s, 0) | complete | CLAIMED(r) | a receiver, by compare-and-swap |
//! | CLAIMED(r) | r works on it | FREE, when it is done; HELD(r, 0) and then FREE, if it has blocks | r, by compare-and-swap |
//! | CLAIMED(r) | r gives it back | READY(r), one attempt more | r |
//! | CLAIMED(r) | r is dead | READY(0), one attempt more | a helper of the slot, by compare-and-swap |
//!
//! - **CL1** A message that a living process gives back goes to the tail of its lane, with a new stamp, as if that process had
//!   sent it. Otherwise the process would receive it again at once.
//! - **CL2** A message of a dead process keeps its stamp, and is marked as returned before it is READY. So it comes first.
//! - **CL3** Each return counts one attempt, up to 255.
//! - **CL4** A request is not claimed: it is HELD, and its caller learns of the end of the process.
//! - **CL5** A message that comes back keeps its life, and its blocks their name. So a process that is done with a long message
//!   makes it HELD first: if others have taken the process for dead, the blocks are those of another claim by then.
//!
//! | a process dies, or is stopped | what is left by a dead one | what a stopped one holds up |
//! | --- | --- | --- |
//! | CLAIMED | a cell that names it: the message comes back | that message, and one cell |
//! | between READY and the hint of a message that it gives back | a complete message: it is marked as returned | that message |

use super::{Held, Store, word::Hint};
use crate::{
    failure::Result,
    members::{Members, Session},
    sync::Ordering::Relaxed,
};

impl Store {
    /// Frees a message that this process has claimed.
    pub(crate) fn done(&self, held: Held, members: &Members) -> Result<()> {
        let cell = self.held(held);
        if cell.first_block.load(Relaxed) == 0 {
            return self.release(held, members);
        }
        // CL5.
        let ours = Held { word: held.word.held(held.word.owner()), ..held };
        if cell.change(held.word, ours.word) { self.release(ours, members) } else { Ok(()) }
    }

    /// Gives back a message that this process has claimed.
    #[cold]
    pub(crate) fn requeue(&self, held: Held, me: Session, members: &Members) -> Result<()> {
        // If this process has lost its membership, others have given it back. What they have there is left alone.
        if !self.is_held(held) {
            return Ok(());
        }
        let cell = self.held(held);
        // CL1.
        cell.sent_at.store(self.stamp(), Relaxed);
        let ready = held.word.given_back(me.owner());
        if !cell.change(held.word, ready) {
            return Ok(());
        }
        let (hint, lane) = (Hint::of(held.cell, ready), self.lane_of(cell.route.load(Relaxed)));
        self.lane(lane).push(hint, members)?;
        self.notify_message(hint, lane, members)
    }
}
