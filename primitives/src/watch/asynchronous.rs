//! Waiting for a value in a future, and the values as a `Stream`.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytemuck::{CheckedBitPattern, NoUninit};
use futures_core::{FusedStream, Stream};

use super::{
    Watch, WatchError, Watcher,
    futures::Futures,
    shared::Shared,
    state::{Change, WatchState},
    wait::{Ended, WatchGate},
    words,
};
use crate::{
    failure::{Failure, Result},
    members::{Members, Session},
    waiting::{
        Party,
        clerk::{HeldTicket, PassOn, TaskGate, cancel, poll_wait, wait_async},
        waiter::Waiter,
    },
};

impl WatchState {
    /// Ends the clerks of this process. The handle is being dropped.
    pub(super) fn dismiss_clerks(&self, members: &Members) {
        self.room.dismiss_clerk(members);
        self.lock.room.dismiss_clerk(members);
    }

    /// Becomes the setter.
    async fn begin_async<'a>(&'a self, party: Party<'a, Self>) -> Result<Change<'a>> {
        if !self.lock.try_take(party.me) {
            self.lock.take_async(party).await?;
        }
        Ok(self.change(party))
    }

    fn station(&self, me: Session, number: u64, held: &HeldTicket) -> Waiter<'_, WatchGate<'_>> {
        Waiter::of_task(&self.room, WatchGate(self), me, number, held)
    }

    /// Waits until the caller finds what it looks for, or is notified of the end.
    async fn wait_until_async<T>(
        &self,
        party: Party<'_, Self>,
        detects_end: bool,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Ended<T>> {
        if let Some(found) = self.come(party, &mut look)? {
            return Ok(Ended::Found(found));
        }
        let number = self.new_wait();
        let station = |held: &HeldTicket| self.station(party.me, number, held);
        wait_async(party, station, |_| self.check(detects_end, &mut look)).await
    }
}

impl TaskGate for WatchGate<'_> {
    /// All waiters are called at once, so none passes a call on.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }
}

impl<T> Shared<T> {
    async fn find_async<R>(
        &self,
        detects_end: bool,
        look: impl FnMut() -> Result<Option<R>, Failure>,
    ) -> Result<R, WatchError> {
        let ended = self.state.wait_until_async(self.party()?, detects_end, look).await?;
        self.found(ended)
    }
}

impl<T: CheckedBitPattern + NoUninit> Shared<T> {
    pub(super) async fn set_async(&self, value: &T) -> Result<(), WatchError> {
        let change = self.state.begin_async(self.party()?).await?;
        Ok(change.publish(|buffer| words::write(buffer, value))?)
    }

    pub(super) async fn update_async<R>(&self, update: impl FnOnce(&mut T) -> R) -> Result<R, WatchError> {
        let change = self.state.begin_async(self.party()?).await?;
        self.update_by(change, update)
    }
}

impl<T: CheckedBitPattern + NoUninit> Watch<T> {
    /// Waits until the value fulfils a condition, without blocking the thread, and returns it.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async). The condition is checked in polls,
    /// as in [`wait_for`](Self::wait_for).
    ///
    /// **Cancel safety.** A future that is dropped has changed nothing.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_async(&self, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        let (value, _) = self.shared.find_async(false, self.shared.look_for(is_met)).await?;
        Ok(value)
    }
}

impl<T: CheckedBitPattern + NoUninit> Watcher<T> {
    /// Waits until there is a version that it has not seen, without blocking the thread, and has seen it then.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** A version is marked as seen only in the poll that returns `Ok`. A future that is dropped has marked
    /// nothing, so the next call returns for the same version.
    ///
    /// ```
    /// use sysv_primitives::Watch;
    ///
    /// # let name = format!("watch-async-example-{}", std::process::id());
    /// let progress = Watch::create(&name, 0_u32)?;
    /// let mut watcher = progress.watcher();
    /// progress.set(50)?; // in any process
    /// pollster::block_on(watcher.changed_async())?;
    /// assert_eq!(watcher.get()?, 50);
    /// progress.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`changed`](Self::changed).
    pub async fn changed_async(&mut self) -> Result<(), WatchError> {
        let look = self.shared.look_past(self.seen);
        self.seen = self.shared.find_async(self.detects_end, look).await?;
        Ok(())
    }

    /// Waits until the value fulfils a condition, without blocking the thread, and returns it. It has seen that version then.
    ///
    /// The condition is checked in polls, as in [`wait_for`](Self::wait_for).
    ///
    /// **Cancel safety.** As [`changed_async`](Self::changed_async).
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_for_async(&mut self, is_met: impl FnMut(&T) -> bool) -> Result<T, WatchError> {
        let look = self.shared.look_for(is_met);
        let (value, version) = self.shared.find_async(self.detects_end, look).await?;
        self.seen = version;
        Ok(value)
    }

    fn poll_changed(&mut self, context: &Context<'_>) -> Poll<Result<(), WatchError>> {
        let Self { shared, seen, detects_end, futures } = self;
        let (party, state) = (shared.party()?, &shared.state);
        let mut look = shared.look_past(*seen);
        if !futures.held.is_taken() {
            if let Some(version) = state.come(party, &mut look)? {
                *seen = version;
                return Poll::Ready(Ok(()));
            }
            futures.number = state.new_wait();
        }
        let Futures { held, number, .. } = futures;
        let check = |_| state.check(*detects_end, &mut look);
        let polled = poll_wait(held, party, |held| state.station(party.me, *number, held), check, context);
        let version = shared.found(ready!(polled)?)?;
        *seen = version;
        Poll::Ready(Ok(()))
    }
}

/// The values that it has not seen, always the latest one. A new watcher begins with the first value that is set after it was
/// made.
///
/// It ends when the last writer is gone, if the watcher [detects](Watcher::detect_disconnect) that. Any other error is the last
/// that it gives.
///
/// **Cancel safety.** A version is marked as seen only in the poll that returns its value.
impl<T: CheckedBitPattern + NoUninit> Stream for Watcher<T> {
    type Item = Result<T, WatchError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, WatchError>>> {
        let watcher = self.get_mut();
        if watcher.futures.has_ended {
            return Poll::Ready(None);
        }
        let value = ready!(watcher.poll_changed(context)).and_then(|()| watcher.get());
        watcher.futures.has_ended = value.is_err();
        Poll::Ready(match value {
            Err(error) if error.is_end() => None,
            value => Some(value),
        })
    }
}

impl<T: CheckedBitPattern + NoUninit> FusedStream for Watcher<T> {
    fn is_terminated(&self) -> bool {
        self.futures.has_ended
    }
}

/// A wait of the stream ends.
impl<T> Drop for Watcher<T> {
    fn drop(&mut self) {
        let Self { shared, futures, .. } = self;
        let Shared { members, state, .. } = &**shared;
        // A held that is taken is of this process, which has a session then.
        if futures.held.is_taken()
            && let Some(me) = members.own_session()
        {
            cancel(&mut futures.held, members, |held| state.station(me, futures.number, held));
        }
    }
}
