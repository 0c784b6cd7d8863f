//! Clearing up what is left of objects: condemned ones, halves, and what stands in a creator's way (OB3).

use std::sync::Arc;

use super::{CONDEMN, CONDEMNED, Entrance, MARK, ONE, Object, Outcome, error::Result, ignore_gone};
use crate::{
    OpenError,
    layout::{Header, Mapped, is_blank},
    raw::{self, SemOp, SemaphoreSet, SharedMemoryOptions, limits},
    set_layout::{CREATOR, STATE, SetLayout},
};

impl Entrance<'_> {
    /// A segment stands in a creator's way: removes it if nobody can be using it (OB3, OB4), or says whose it is.
    pub(super) fn clear_the_way(&self, set: &SemaphoreSet) -> Result<Outcome<()>> {
        let segment = match SharedMemoryOptions::new().open_segment(self.key) {
            Ok(segment) => segment,
            Err(error) if error.is_gone() => return Ok(Outcome::Done(())),
            Err(error) => return Err(error.into()),
        };
        // Only while our set is there does the key mean that no other set can own the segment.
        or_start_again!(set.stat());
        let memory = match segment.attach() {
            Ok(memory) => Arc::new(memory),
            Err(error) if error.is_gone() => return Ok(Outcome::Done(())),
            Err(error) => return Err(error.into()),
        };
        let foreign = || self.foreign(raw::ObjectKind::SharedMemory, segment.id());
        let header = Mapped::<Header>::at(&memory, 0).map_err(|_| foreign())?;
        if !header.is_ours() {
            if !is_blank(&memory).unwrap_or(false) {
                return Err(foreign());
            }
        } else if header.is_used() {
            let attached = memory.stat()?.attached;
            if attached > 1 {
                let (object, segment, users) = (self.object.clone(), segment.id(), attached - 1);
                return Err(OpenError::Wiped { object, segment, users }.into());
            }
        }
        self.remove_queue(&memory, set)?;
        ignore_gone(memory.remove())?;
        Ok(Outcome::Done(()))
    }

    /// Removes what a condemned set stands for: its own segment, if there is one, then the set (OB3).
    pub(super) fn finish<T>(&self, set: &SemaphoreSet, state: u16) -> Result<Outcome<T>> {
        if state != CONDEMNED {
            return Err(self.foreign_set(set));
        }
        if let Some(memory) = self.segment_of(set)? {
            self.remove_queue(&memory, set)?;
            ignore_gone(memory.remove())?;
        }
        ignore_gone(set.remove())?;
        Ok(Outcome::StartAgain)
    }

    /// A set says it is live, and a part of it is gone or another's: condemns it if nobody is registered.
    pub(super) fn heal(&self, set: &SemaphoreSet, part: &'static str) -> Result<Outcome<Object>> {
        let values = or_start_again!(set.values());
        match values.get(usize::from(STATE)) {
            Some(1) if values[usize::from(CREATOR)] != MARK.get() => return Err(self.foreign_set(set)),
            Some(1) => {}
            Some(&state) => return self.finish(set, state),
            None => return Err(self.foreign_set(set)),
        }
        let damaged = || self.damaged(part, set.id());
        let most = limits().map_or(500, |limits| limits.semaphores.max_operations);
        let layout = SetLayout::of_size(self.blueprint.kind.bells, values.len()).ok_or_else(damaged)?;
        let mut ops: Vec<SemOp> = layout.all_alive().map(|alive| SemOp::zero(alive).no_wait()).collect();
        if (ops.len() + 3) as u64 > most {
            return Err(damaged());
        }
        ops.extend([
            SemOp::sub(STATE, ONE).no_wait(),
            SemOp::zero(STATE).no_wait(),
            SemOp::add(STATE, CONDEMN).no_wait(),
        ]);
        match set.op(&ops) {
            Ok(()) => self.finish(set, CONDEMNED),
            Err(raw::Error::WouldBlock { .. }) => match or_start_again!(set.value(STATE.into())) {
                1 => Err(damaged()),
                state => self.finish(set, state),
            },
            Err(error) if error.is_gone() => Ok(Outcome::StartAgain),
            Err(error) => Err(error.into()),
        }
    }
}
