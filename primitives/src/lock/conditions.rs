//! Waiters for a condition on the value that a lock guards: they give the lock back, and are called when the value has changed.
//!
//! The condition is a function of the waiter's process, so only the waiter can check it, with the lock held. A change calls all
//! waiters. They are announced in a room of their own, and the lock's word has a bit for them:
//!
//! | bit of the lock's word | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | 19 CONDITIONS | a waiter for a condition may be announced, or chosen and not posted | a waiter that frees the word | a holder that frees the word, and finds no such waiter |
//!
//! Without waiters the bit is 0. Then a lock and an unlock are what they are without conditions, to the instruction.
//!
//! - **CW1** A waiter is announced before it frees the word, and sets CONDITIONS as it does. So each later holder sees both. No
//!   fence is needed: the word hands on the announcement.
//! - **CW2** A holder that changed the value, and sees CONDITIONS, chooses every announced waiter before it frees the word. So it
//!   chooses each waiter that sleeps. A waiter that is awake takes the lock later, and sees the change.
//! - **CW3** A holder posts for the chosen waiters after it freed the word, so that they find it free. CONDITIONS stays until a
//!   holder finds the room empty. Until then each unlock posts for the waiters that are chosen and not posted. So a holder that is
//!   stopped before it posts, or has its posts refused, holds them up until another process unlocks.
//! - **CW4** A waiter checks the condition with the lock held, whatever woke it. It returns with the lock held.
//! - **CW5** An unlock without a change chooses no waiter. Otherwise two waiters that find nothing would wake each other without
//!   end.
//! - **CW6** An unlock that poisons counts as a change, and so does the repair of a member that left with the lock. A waiter would
//!   sleep beside a poisoned lock otherwise.
//! - **CW7** Threads that share a handle: a thread frees the lock before it is parked, and sets CONDITIONS. It has no selection
//!   at the desk, so each announcement of its leader makes it check. So a change is seen by its check, or calls its leader, or comes
//!   before the next announcement.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | holding the lock, also as a waiter that checks | a poisoned lock | the other waiters, by the obituary |
//! | having chosen waiters, before it freed the word | waiters that are chosen, a poisoned lock | the same |
//! | having freed the word, before it posted | waiters that are chosen | each of them, by its obituary: it checks |
//! | announced, before it freed the word | a poisoned lock | as any holder |
//! | asleep, or woken before it took the lock | an announcement of a dead slot | no action is needed: each change calls all |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | holding the lock | all others, as any lock |
//! | having freed the word, before it posted | the waiters that sleep, until another process locks and unlocks (CW3) |
//! | asleep, or woken before it took the lock | nothing |
//!
//! Not promised: that a waiter sees each change. It may see only the last one of several.

use crate::{
    failure::Result,
    members::Members,
    waiting::{entry::Chosen, room::Room},
};

/// The room of the waiters for conditions.
#[derive(Debug)]
pub(super) struct Conditions(pub(super) Room);

impl Conditions {
    pub(super) fn new(room: Room) -> Self {
        // Each call is for all. No thread may rely on the check of another one (CW7).
        Self(room.with_named_calls())
    }

    pub(super) fn choose_all(&self) -> Vec<Chosen> {
        self.0.choose_all()
    }

    /// Posts for the waiters that this process has chosen, and for those that another one has (CW3).
    pub(super) fn post(&self, chosen: Vec<Chosen>, members: &Members) -> Result<()> {
        self.0.post_chosen(chosen, members).and(self.0.post_left_behind(members))
    }

    pub(super) fn repair(&self, slot: u32) {
        self.0.repair(slot);
    }
}
