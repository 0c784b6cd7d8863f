//! Removing what is left of objects: condemned sets, half-made objects, and segments in a creator's way (OB3).

use std::sync::Arc;

use super::{MARK, Object, Outcome, entrance::Entrance, error::Result, ignore_gone};
use crate::{
    OpenError,
    layout::{Header, Mapped, is_blank},
    raw::{self, Amount, SemOp, SemaphoreSet, SharedMemoryOptions},
    set_layout::{CONDEMN, CONDEMNED, CREATOR, LIVING, STATE, SetLayout, change_state},
};

impl Entrance<'_> {
    /// Removes a segment in a creator's way, if no process can be using it (OB3, OB4). Otherwise returns what it
    /// belongs to.
    pub(super) fn clear_the_way(&self, set: &SemaphoreSet) -> Result<Outcome<()>> {
        let segment = match SharedMemoryOptions::new().open_segment(self.key) {
            Ok(segment) => segment,
            Err(error) if error.is_gone() => return Ok(Outcome::Done(())),
            Err(error) => return Err(error.into()),
        };
        // Only while our set exists does the key rule out that another set owns the segment.
        or_start_again!(set.stat());
        let memory = match segment.attach() {
            Ok(memory) => Arc::new(memory),
            Err(error) if error.is_gone() => return Ok(Outcome::Done(())),
            Err(error) => return Err(error.into()),
        };
        let foreign = || self.foreign(raw::ObjectKind::SharedMemory, segment.id());
        let header = Mapped::<Header>::at(&memory, 0).map_err(|_| foreign())?;
        // A blank segment is that of a creator that died before its first word. No other one without our magic is
        // touched.
        if !header.is_ours() {
            if !is_blank(&memory).unwrap_or(false) {
                return Err(foreign());
            }
        } else if header.is_used() {
            // OB4: it has had users. They may still run, with a lock in it, although `ipcrm` removed their set.
            let attached = memory.stat()?.attached;
            // One of them is this process.
            if attached > 1 {
                let (object, segment, users) = (self.object.clone(), segment.id(), attached - 1);
                return Err(OpenError::Wiped { object, segment, users }.into());
            }
        }
        ignore_gone(memory.remove())?;
        #[cfg(feature = "tracing")]
        crate::events::object_repaired(&self.object, "a segment without its set");
        Ok(Outcome::Done(()))
    }

    /// Removes a condemned object: its own segment, if there is one, then the set (OB3).
    pub(super) fn finish<T>(&self, set: &SemaphoreSet, state: u16) -> Result<Outcome<T>> {
        if state != CONDEMNED {
            return Err(self.foreign_set(set));
        }
        // OB7.
        self.check_may_mend(set, &or_start_again!(set.stat()).permissions)?;
        // The segment first: a process that dies in between leaves a condemned set, which the next opener finishes.
        if let Some(memory) = self.segment_of(set)? {
            ignore_gone(memory.remove())?;
        }
        ignore_gone(set.remove())?;
        Ok(Outcome::StartAgain)
    }

    /// Condemns a live set with a missing or foreign part, if no member lives.
    pub(super) fn heal(&self, set: &SemaphoreSet, part: &'static str) -> Result<Outcome<Object>> {
        let values = or_start_again!(set.values());
        // OB5: without our mark it may be another program's set, and is left alone.
        let state = match values.get(usize::from(STATE)) {
            Some(&CONDEMNED) => return self.finish(set, CONDEMNED),
            Some(&state) if values[usize::from(CREATOR)] == MARK.get() => state,
            _ => return Err(self.foreign_set(set)),
        };
        let damaged = || self.damaged(part, set.id());
        // No object of this kind has a set of this size, so its semaphores may mean something else.
        if SetLayout::of_size(self.blueprint.kind.bells, values.len()).is_none() {
            return Err(damaged());
        }
        let identity = Amount::new(state).map_err(|_| damaged())?;
        self.check_may_mend(set, &or_start_again!(set.stat()).permissions)?;
        // One `semop` tests that no member lives and condemns, so no process can register in between.
        let ops = [&[SemOp::zero(LIVING).no_wait()][..], &change_state(identity, CONDEMN)].concat();
        match set.op(&ops) {
            Ok(()) => {
                // As for a half-made object.
                #[cfg(feature = "tracing")]
                crate::events::object_repaired(&self.object, part);
                self.finish(set, CONDEMNED)
            }
            // A member lives and uses what is left, or another process was faster.
            Err(raw::Error::WouldBlock { .. }) => match or_start_again!(set.value(STATE.into())) {
                CONDEMNED => self.finish(set, CONDEMNED),
                _ => Err(damaged()),
            },
            Err(error) if error.is_gone() => Ok(Outcome::StartAgain),
            Err(error) => Err(error.into()),
        }
    }
}
