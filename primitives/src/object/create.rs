//! Making an object: from a new set, step by step, to a live one (OB1).

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    MARK, Object, Outcome,
    entrance::Entrance,
    error::{EntryError, Result},
    ignore_gone,
};
use crate::{
    layout::{Header, Mapped, body_offset},
    raw::{self, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemory, SharedMemoryOptions},
    set_layout::{CREATOR, STATE},
};

impl Entrance<'_> {
    pub(super) fn make_set(&self) -> raw::Result<SemaphoreSet> {
        let mut options = SemaphoreOptions::new();
        // Exclusive, so that one process alone constructs the object (OB1).
        options.create(true).exclusive(true).mode(self.blueprint.options.mode.bits());
        options.open_set(self.key, self.layout.semaphores())
    }

    /// Makes a live object from a new set, step by step (OB1). Removes what it made if it can't go on.
    pub(super) fn construct(&self, set: SemaphoreSet) -> Result<Outcome<Object>> {
        // Records our pid and leaves `sem_otime` at 0. The same on STATE could undo a condemnation.
        or_start_again!(set.set_value(CREATOR.into(), 0));
        // The set reserves the key: while it exists, no other process makes a segment under it (OB1).
        let memory = match self.make_segment(&set) {
            Ok(Outcome::Done(memory)) => memory,
            // The set was condemned meanwhile, and is removed already.
            Ok(Outcome::StartAgain) => return Ok(Outcome::StartAgain),
            Err(error) => {
                // OB8: the set is ours alone. It was never published, so no other process has registered.
                ignore_gone(set.remove())?;
                return Err(error);
            }
        };
        match self.write_and_publish(&set, &memory) {
            Ok(Outcome::Done(())) => {
                let mut object = self.live(set, memory, self.description.clone(), self.layout)?;
                object.is_new = true;
                Ok(Outcome::Done(object))
            }
            Ok(Outcome::StartAgain) => {
                ignore_gone(memory.remove())?;
                Ok(Outcome::StartAgain)
            }
            Err(error) => {
                // By id, so that a segment which has the key by now stays (OB3).
                ignore_gone(memory.remove())?;
                match error {
                    // An opener took this creator for dead and condemned the set. That opener, or the next, removes it.
                    EntryError::Raw(raw::Error::WouldBlock { .. }) => Ok(Outcome::StartAgain),
                    error if error.is_gone() => Ok(Outcome::StartAgain),
                    error => {
                        ignore_gone(set.remove())?;
                        Err(error)
                    }
                }
            }
        }
    }

    fn make_segment(&self, set: &SemaphoreSet) -> Result<Outcome<Arc<SharedMemory>>> {
        let mut options = SharedMemoryOptions::new();
        // Exclusive, so that a segment of an earlier object is never taken for a new one.
        options.create(true).exclusive(true).mode(self.blueprint.options.mode.bits());
        let size = self.description.segment_size();
        options.size(size);
        loop {
            match options.open(self.key) {
                Ok(memory) => return Ok(Outcome::Done(Arc::new(memory))),
                Err(raw::Error::AlreadyExists { .. }) => {}
                // It was removed before this process had it attached.
                Err(error) if error.is_gone() => continue,
                Err(error) => return Err(self.not_created(raw::ObjectKind::SharedMemory, size, error)),
            }
            // A segment without a live object is in the way: `ipcrm` removed its set, or its creator died.
            match self.clear_the_way(set)? {
                Outcome::Done(()) => {}
                Outcome::StartAgain => return Ok(Outcome::StartAgain),
            }
        }
    }

    fn write_and_publish(&self, set: &SemaphoreSet, memory: &Arc<SharedMemory>) -> Result<Outcome<()>> {
        let description = &self.description;
        // The header first: a segment with contents and without a header would pass for another program's.
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let header = Mapped::<Header>::at(memory, 0)?;
        header.write(set.id(), description, created);
        // The body is complete before the set is published, so no opener sees a part of it.
        (self.blueprint.fill)(memory, body_offset(description.max_handles))?;
        let identity = self.identity_of(description)?;
        // OB1: the first `semop` ever on the set. It fails if an opener has condemned the set, since STATE is not 0
        // then.
        set.op(&[
            SemOp::zero(STATE).no_wait(),
            SemOp::add(STATE, identity).no_wait(),
            SemOp::add(CREATOR, MARK).no_wait(),
        ])?;
        Ok(Outcome::Done(()))
    }
}
