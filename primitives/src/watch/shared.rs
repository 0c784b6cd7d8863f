//! What all handles of one opening share: the words, with the value in them.

use std::{marker::PhantomData, mem::MaybeUninit};

use bytemuck::{CheckedBitPattern, NoUninit, Pod};

use super::{
    WatchError,
    state::{Change, WatchState},
    wait::Ended,
    words,
};
use crate::{
    Failure,
    members::Members,
    object::{Kind, Object},
    raw::Deadline,
    set_layout::Bells,
    sync::AtomicU64,
    waiting::Party,
};

/// Of each slot a doorbell to set, and one to wait for what is set.
pub(super) const KIND: Kind = Kind::new("watch", 7, Bells::common(0).and_each(2));

/// Where a change of the value is prepared, if it is larger than that: on the heap.
const LARGE: usize = 4096;

/// What all clones and watchers of one opening share.
#[derive(Debug)]
pub(super) struct Shared<T> {
    pub(super) object: Object,
    pub(super) members: Members,
    pub(super) state: WatchState,
    pub(super) value: PhantomData<T>,
}

impl<T> Shared<T> {
    pub(super) fn party(&self) -> Result<Party<'_, WatchState>, Failure> {
        let me = self.members.session(&self.state)?;
        Ok(Party { members: &self.members, repair: &self.state, me })
    }

    #[cold]
    fn read_slowly(&self, copy: impl FnMut(&[AtomicU64])) -> Result<u64, Failure> {
        self.state.read_slowly(self.party()?, copy)
    }

    #[cold]
    fn no_value(&self) -> Failure {
        self.members.damaged("the bits of a value")
    }

    fn begin(&self, deadline: Deadline) -> Result<Change<'_>, WatchError> {
        let late = if deadline == Deadline::NOW { WatchError::WouldBlock } else { WatchError::TimedOut };
        self.state.begin(self.party()?, deadline)?.ok_or(late)
    }

    /// Waits until `look` finds something.
    pub(super) fn find<R>(
        &self,
        detects_end: bool,
        deadline: Deadline,
        look: impl FnMut() -> Result<Option<R>, Failure>,
    ) -> Result<R, WatchError> {
        let party = self.party()?;
        let found = match deadline {
            Deadline::NOW => self.state.look_now(party, detects_end, look)?.ok_or(WatchError::WouldBlock)?,
            _ => self.state.wait_until(party, detects_end, deadline, look)?.ok_or(WatchError::TimedOut)?,
        };
        self.found(found)
    }

    pub(super) fn found<R>(&self, ended: Ended<R>) -> Result<R, WatchError> {
        match ended {
            Ended::Found(found) => Ok(found),
            Ended::Disconnected => Err(WatchError::Disconnected { object: self.object.name().clone() }),
        }
    }

    /// Looks for a version that differs from one.
    pub(super) fn look_past(&self, seen: u64) -> impl FnMut() -> Result<Option<u64>, Failure> {
        move || Ok(Some(self.state.version()).filter(|&version| version != seen))
    }
}

impl<T: Pod> Shared<T> {
    /// Copies the latest value over another one. Returns its version.
    #[inline]
    pub(super) fn read_into(&self, value: &mut T) -> Result<u64, Failure> {
        match self.state.try_read(|buffer| words::read_over(buffer, value)) {
            Some(version) => Ok(version),
            None => self.read_slowly(|buffer| words::read_over(buffer, value)),
        }
    }
}

impl<T: CheckedBitPattern + NoUninit> Shared<T> {
    /// Returns the latest value and its version.
    #[inline]
    #[allow(unsafe_code, reason = "what was read is a value")]
    pub(super) fn read(&self) -> Result<(T, u64), Failure> {
        let mut value = MaybeUninit::uninit();
        let version = match self.state.try_read(|buffer| words::read(buffer, &mut value)) {
            Some(version) => version,
            None => self.read_slowly(|buffer| words::read(buffer, &mut value))?,
        };
        // SAFETY: both have read it, and WA2 says that it is whole.
        match unsafe { words::checked(&mut value) } {
            Some(value) => Ok((*value, version)),
            None => Err(self.no_value()),
        }
    }

    /// Waits until a value fulfils a condition. Returns it and its version.
    pub(super) fn wait_for(
        &self,
        detects_end: bool,
        deadline: Deadline,
        is_met: impl FnMut(&T) -> bool,
    ) -> Result<(T, u64), WatchError> {
        self.find(detects_end, deadline, self.look_for(is_met))
    }

    /// Looks for a value that fulfils a condition, which is checked once for each version.
    pub(super) fn look_for(
        &self,
        mut is_met: impl FnMut(&T) -> bool,
    ) -> impl FnMut() -> Result<Option<(T, u64)>, Failure> {
        let mut checked = None;
        move || {
            if checked == Some(self.state.version()) {
                return Ok(None);
            }
            let (value, version) = self.read()?;
            checked = Some(version);
            Ok(is_met(&value).then_some((value, version)))
        }
    }

    pub(super) fn set(&self, deadline: Deadline, value: &T) -> Result<(), WatchError> {
        Ok(self.begin(deadline)?.publish(|buffer| words::write(buffer, value))?)
    }

    pub(super) fn update<R>(&self, deadline: Deadline, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        self.update_by(self.begin(deadline)?, update)
    }

    pub(super) fn update_by<R>(&self, change: Change<'_>, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        if size_of::<T>() > LARGE {
            self.update_in(change, &mut Box::new_uninit(), update)
        } else {
            self.update_in(change, &mut MaybeUninit::uninit(), update)
        }
    }

    /// Changes a copy of the value, and publishes that. If `update` panics, nothing is changed.
    #[allow(unsafe_code, reason = "what was read is a value")]
    fn update_in<R>(
        &self,
        change: Change<'_>,
        copy: &mut MaybeUninit<T>,
        update: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WatchError> {
        words::read(change.current(), copy);
        // SAFETY: it was read, and no setter is beside this one.
        let value = unsafe { words::checked(copy) }.ok_or_else(|| self.no_value())?;
        let result = update(value);
        change.publish(|buffer| words::write(buffer, value))?;
        Ok(result)
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        #[cfg(feature = "async")]
        self.state.dismiss_clerks(&self.members);
        self.members.deregister(&self.state);
        self.object.remove_if_asked();
    }
}
