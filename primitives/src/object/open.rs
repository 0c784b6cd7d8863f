//! Opening an object that another process has made, or is making (OB2).

use std::{sync::Arc, thread, time::Duration};

use super::{Object, Outcome, entrance::Entrance, error::Result};
use crate::{
    OpenError,
    layout::{Description, Header, Mapped},
    raw::{self, SemOp, SemaphoreSet, SharedMemory, process},
    set_layout::{CONDEMN, CREATOR, STATE, SetLayout},
};

impl Entrance<'_> {
    /// Waits until a set is live or condemned, and returns its STATE. It polls, from 20 microseconds up to 5
    /// milliseconds: the kernel has no event for it, and a `semop` of the opener would set `sem_otime` itself.
    pub(super) fn wait_until_settled(&self, set: &SemaphoreSet) -> Result<Outcome<u16>> {
        let mut pause = Duration::from_micros(20);
        loop {
            let stat = or_start_again!(set.stat());
            // Before anything else is believed: an untrusted user could keep this loop waiting, or have anything in
            // STATE.
            self.check_trust(&stat.permissions, set.id())?;
            // The first `semop` publishes or condemns, so from then on STATE is valid.
            if stat.o_time.is_some() {
                if !SetLayout::has_state(stat.len) {
                    return Err(self.foreign_set(set));
                }
                return Ok(Outcome::Done(or_start_again!(set.value(STATE.into()))));
            }
            let creator = or_start_again!(set.last_pid(CREATOR.into()));
            // Without a pid, as before its first step or from another PID namespace, only the timeout decides.
            let is_dead = creator.is_some_and(|pid| !process::exists(pid));
            if is_dead || self.open_deadline.has_passed() {
                self.check_may_mend(set, &stat.permissions)?;
                // It tests that STATE is still 0: a creator that publishes at the same moment wins, or its own `semop`
                // fails.
                match set.op(&[SemOp::zero(STATE).no_wait(), SemOp::add(STATE, CONDEMN).no_wait()]) {
                    Ok(()) => {
                        // One opener alone condemns it. What is left is removed next, by this one or another.
                        #[cfg(feature = "tracing")]
                        crate::events::object_repaired(&self.object, "half made");
                        continue;
                    }
                    // Nothing but the first `semop` on a set of ours changes STATE.
                    Err(raw::Error::WouldBlock { .. }) if or_start_again!(set.stat()).o_time.is_none() => {
                        return Err(self.foreign_set(set));
                    }
                    Err(raw::Error::WouldBlock { .. }) => continue,
                    Err(raw::Error::NoSuchSemaphore { .. }) => return Err(self.foreign_set(set)),
                    Err(error) if error.is_gone() => return Ok(Outcome::StartAgain),
                    Err(error) => return Err(error.into()),
                }
            }
            thread::sleep(pause);
            // A creator needs some hundred microseconds. One that takes longer is stopped, or has died unseen.
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    /// Maps the segment of a live set with this STATE, if the segment names the set.
    pub(super) fn join(&self, set: SemaphoreSet, state: u16) -> Result<Outcome<Object>> {
        // A live set without its segment: it was removed from outside. Whether members live decides (OB3).
        let Some(memory) = self.segment_of(&set)? else { return self.heal(&set, "its segment") };
        // The segment may have been made by another user than the set.
        self.check_trust(&memory.stat()?.permissions, memory.id())?;
        let header = Mapped::<Header>::at(&memory, 0)?;
        // Read once, so that the checked values are the values used. The version is checked first, since another
        // version has other fields.
        let (found, version) = (header.describe(), header.version());
        self.check_name(&found, version)?;
        // OB2: the header belongs to an earlier set with the same id, or was overwritten.
        if found.identity != u32::from(state) {
            return self.heal(&set, "the header");
        }
        // Last of the checks, since it reads what only this version and this object have.
        let layout = self.check_description(&found, version, &memory, &set)?;
        let max_handles = found.max_handles;
        let object = self.live(set, memory, found, layout)?;
        if object.is_exact {
            // The kernel knows the mode, and memory may say anything.
            let mode = or_start_again!(object.set.stat()).permissions.mode;
            object.check_option("mode", mode.bits().into(), self.blueprint.options.mode.bits().into())?;
            let wanted = self.description.max_handles;
            if self.blueprint.options.max_handles.is_some() {
                object.check_option("max_handles", max_handles.into(), wanted.into())?;
            }
        }
        Ok(Outcome::Done(object))
    }

    /// Checks that it is the requested object, and complete. Returns how its set is laid out.
    fn check_description(
        &self,
        found: &Description,
        version: u32,
        memory: &SharedMemory,
        set: &SemaphoreSet,
    ) -> Result<SetLayout> {
        let wanted = &self.description;
        self.check_name(found, version)?;
        // After the name, so that a collision of keys is not reported as another type.
        if found.fingerprint != wanted.fingerprint {
            return Err(OpenError::WrongType {
                object: self.object.clone(),
                found: Box::new(found.fingerprint.clone()),
                wanted: Box::new(wanted.fingerprint.clone()),
            }
            .into());
        }
        // Every number that decides where something lies is checked against what the kernel knows. Later accesses use
        // the checked copy (L3).
        let is_whole = |layout: &SetLayout| {
            found.max_handles == layout.max_handles()
                && found.max_handles <= crate::options::MOST_HANDLES
                && found.doorbells == layout.doorbells()
                && found.segment_size() <= memory.len()
        };
        // The kernel knows the size of the set, whatever is in memory.
        let layout = SetLayout::of_size(self.blueprint.kind.bells, set.len()?);
        layout.filter(is_whole).ok_or_else(|| self.damaged("the header", memory.id()))
    }

    pub(super) fn live(
        &self,
        set: SemaphoreSet,
        memory: Arc<SharedMemory>,
        description: Description,
        layout: SetLayout,
    ) -> Result<Object> {
        let header = Mapped::<Header>::at(&memory, 0)?;
        // The number from the header, which the caller has compared with STATE, or has written itself.
        let identity = self.identity_of(&description)?;
        let open_timeout = self.blueprint.options.open_timeout;
        let is_interruptible = self.blueprint.options.interruptible;
        let remove_on_drop = self.blueprint.options.remove_on_drop;
        let is_exact = self.blueprint.options.exact;
        let generation = process::fork_generation();
        let name = self.object.clone();
        Ok(Object {
            memory,
            header,
            set,
            name,
            description,
            layout,
            identity,
            is_new: false,
            open_timeout,
            is_interruptible,
            remove_on_drop,
            is_exact,
            generation,
        })
    }
}
