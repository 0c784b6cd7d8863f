//! Whether a member may have died without this process having reaped since.
//!
//! A wake-up without a call is the obituary of a member. Each such wake-up is counted, and so is a reaping that covers it. The
//! counts are this process's own: each member has an obituary of its own in each of its doorbells.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use super::{Members, Repair};
use crate::failure::Result;

impl Members {
    /// Records that a member may have died.
    pub(crate) fn suspect(&self) {
        // SYNC: pairs with the load in `clear_suspicion`.
        self.suspicions.fetch_add(1, AcqRel);
    }

    /// Reaps if a member may have died, or has posted a doorbell on which the caller does not sleep. It takes no post: another
    /// thread of this process may sleep there. The next wait does.
    pub(crate) fn check_for_deaths(&self, bell: u16, repair: &impl Repair) -> Result<()> {
        let is_posted = self.value(self.layout.bell(bell))? != 0;
        if is_posted {
            self.suspect();
        }
        if self.suspicions.load(Acquire) != self.cleared.load(Relaxed) {
            self.reap_all(repair)?;
        }
        Ok(())
    }

    /// Reaps if a member may have died, and takes all posts of a doorbell before. The caller is not announced there, so no
    /// post of a call is among them: each is an obituary, or a post too many.
    pub(crate) fn clear_suspicion(&self, bell: u16, repair: &impl Repair) -> Result<()> {
        // Each thread that suspects reaps by itself, until one of them is done: none sleeps before that.
        // SYNC: pairs with `suspect`. It is read before the reaping, so a suspicion that is raised meanwhile remains.
        let suspicions = self.suspicions.load(Acquire);
        // Relaxed: a number that was seen here was cleared by a reaping that has ended. A stale one costs one more
        // reaping.
        if suspicions == self.cleared.load(Relaxed) {
            return Ok(());
        }
        self.drain(bell)?;
        self.reap_all(repair)?;
        // SYNC: only the order of the changes of `cleared` itself counts. The largest number stays.
        self.cleared.fetch_max(suspicions, AcqRel);
        Ok(())
    }
}
