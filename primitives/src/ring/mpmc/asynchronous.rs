//! Pushing and popping in a future, `Stream` and `Sink`.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytemuck::Pod;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use super::{
    SharedRing,
    consumer::{Claimed, Consumer},
    endpoint::Endpoint,
    ends::RoleGate,
    producer::{Producer, Reservation},
    state::{Claim, MpmcState},
};
use crate::{
    PopError, PushError, Role,
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
    ring::refusal::Refusal,
    sync::Ordering::Relaxed,
    waiting::{
        Party,
        clerk::{HeldTicket, PassOn, TaskGate, cancel, poll_wait, wait_async},
        waiter::Waiter,
    },
};

impl MpmcState {
    fn station(&self, role: Role, me: Session, held: &HeldTicket) -> Waiter<'_, RoleGate<'_>> {
        Waiter::of_task(self.room(role), RoleGate { state: self, role }, me, 0, held)
    }

    async fn wait_async(&self, role: Role, party: Party<'_, Self>, detects_disconnect: bool) -> Result<Claim, Refusal> {
        let station = |held: &HeldTicket| self.station(role, party.me, held);
        wait_async(party, station, |_| self.check(role, party, detects_disconnect)).await
    }

    /// Ends the clerks of this process.
    pub(super) fn end_clerks(&self, members: &Members) {
        [Role::Producer, Role::Consumer].into_iter().for_each(|role| self.room(role).dismiss_clerk(members));
    }
}

impl TaskGate for RoleGate<'_> {
    fn pass_on(&self) -> PassOn {
        let room = self.state.room(self.role).view();
        Box::new(move |_, members| room.call_oldest(members).map(drop))
    }
}

impl<T: Pod> Endpoint<T> {
    async fn claim_async(&self) -> Result<(Claim, Session), Refusal> {
        let SharedRing { state, members, .. } = &*self.shared;
        let session = self.session()?;
        let claim = match self.claim_if_ready(session)? {
            Some(claim) => claim,
            None => {
                let claim = state.wait_async(self.role, self.party(session), self.patience.wants_to_know).await?;
                self.mark(members.has_recorded());
                claim
            }
        };
        Ok((claim, session))
    }

    /// The same in a poll of a stream or sink.
    fn poll_claim(&mut self, context: &Context<'_>) -> Poll<Result<Claim, Refusal>> {
        let session = self.session()?;
        if !self.futures.held.is_taken()
            && let Some(claim) = self.claim_if_ready(session)?
        {
            return Poll::Ready(Ok(claim));
        }
        let Self { shared, role, patience, futures, .. } = self;
        let SharedRing { state, members, .. } = &**shared;
        let party = Party { members, repair: state, me: session };
        let check = |_| state.check(*role, party, patience.wants_to_know);
        let polled = poll_wait(&mut futures.held, party, |held| state.station(*role, session, held), check, context);
        let claim = ready!(polled)?;
        self.mark(self.shared.members.has_recorded());
        Poll::Ready(Ok(claim))
    }

    /// Ends a wait of the stream or sink.
    pub(super) fn cancel_wait(&mut self) {
        let me = Session::kept(self.session.load(Relaxed));
        let Self { shared, role, futures, .. } = self;
        let SharedRing { state, members, .. } = &**shared;
        if me.is_ours() {
            cancel(&mut futures.held, members, |held| state.station(*role, me, held));
        }
    }
}

impl<T: Pod> Consumer<T> {
    /// Pops an item. Waits while the ring is empty, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** An item is popped only in the poll that returns it. A future that is dropped has popped nothing.
    /// If it was called for an item, the next waiter is. A future that was called and is not polled within 10 ms loses its
    /// turn.
    ///
    /// ```
    /// use sysv_primitives::mpmc;
    ///
    /// # let name = format!("mpmc-async-example-{}", std::process::id());
    /// let ring = mpmc::Ring::create(&name, 4)?;
    /// let (producer, consumer) = (ring.producer()?, ring.consumer()?);
    /// pollster::block_on(async {
    ///     producer.push_async(7_u64).await?;
    ///     assert_eq!(consumer.pop_async().await?, 7);
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// ring.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub async fn pop_async(&self) -> Result<T, PopError> {
        let (claim, _) = self.endpoint.claim_async().await.map_err(|refusal| self.refused(refusal, Deadline::NEVER))?;
        Ok(self.finish(claim))
    }

    /// Claims an item, to be read where it lies. Waits while the ring is empty, without blocking the thread.
    ///
    /// **Cancel safety.** As [`pop_async`](Self::pop_async).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub async fn claim_async(&self) -> Result<Claimed<'_, T>, PopError> {
        let claimed = self.endpoint.claim_async().await;
        let (claim, session) = claimed.map_err(|refusal| self.refused(refusal, Deadline::NEVER))?;
        Ok(Claimed { endpoint: &self.endpoint, claim, session })
    }

    /// Pops as many items as there are and as fit, and returns how many. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`pop_async`](Self::pop_async).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub async fn pop_slice_async(&self, items: &mut [T]) -> Result<usize, PopError> {
        let Some((first, rest)) = items.split_first_mut() else { return Ok(0) };
        *first = self.pop_async().await?;
        // The first is popped, so an error is the next call's.
        Ok(1 + self.try_pop_slice(rest).unwrap_or(0))
    }

    fn finish(&self, claim: Claim) -> T {
        let SharedRing { items, state, members, .. } = &*self.endpoint.shared;
        // SAFETY: by MP1 the slot is ours.
        let item = unsafe { items.read(claim.position) };
        self.endpoint.mark(state.finish_pop(claim, members));
        item
    }
}

/// The items that come, until the ring is closed, or disconnected if the consumer
/// [detects](Consumer::detect_disconnect) that. Any other error is the last that it gives.
///
/// **Cancel safety.** An item is popped only in the poll that returns it. A consumer that is polled, and then kept and not
/// polled any more, is passed over after 10 ms.
impl<T: Pod> Stream for Consumer<T> {
    type Item = Result<T, PopError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, PopError>>> {
        let consumer = self.get_mut();
        if consumer.endpoint.futures.has_ended {
            return Poll::Ready(None);
        }
        let claimed = ready!(consumer.endpoint.poll_claim(context));
        consumer.endpoint.futures.has_ended = claimed.is_err();
        Poll::Ready(match claimed.map_err(|refusal| consumer.refused(refusal, Deadline::NEVER)) {
            Ok(claim) => Some(Ok(consumer.finish(claim))),
            Err(error) if error.is_end() => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl<T: Pod> FusedStream for Consumer<T> {
    fn is_terminated(&self) -> bool {
        self.endpoint.futures.has_ended
    }
}

impl<T: Pod> Producer<T> {
    /// Pushes an item. Waits while the ring is full, without blocking the thread.
    ///
    /// **Cancel safety.** The item is pushed only in the poll that returns `Ok`. A future that is dropped has pushed nothing.
    /// If it was called for room, the next waiter is.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub async fn push_async(&self, item: T) -> Result<(), PushError<T>> {
        match self.endpoint.claim_async().await {
            Ok((claim, _)) => {
                self.fill(claim, item);
                Ok(())
            }
            Err(refusal) => Err(PushError::refused(refusal, item, Deadline::NEVER, self.endpoint.members())),
        }
    }

    /// Pushes as many of the items as there is room for, and returns how many. Waits until there is room for one, without
    /// blocking the thread.
    ///
    /// **Cancel safety.** Items are pushed only in the poll that returns `Ok`.
    ///
    /// # Errors
    ///
    /// As [`push_slice`](Self::push_slice).
    pub async fn push_slice_async(&self, items: &[T]) -> Result<usize, PushError<()>> {
        let Some((&first, rest)) = items.split_first() else { return Ok(0) };
        self.push_async(first).await.map_err(PushError::without_item)?;
        // The first is pushed, so an error is the next call's.
        Ok(1 + self.try_push_slice(rest).unwrap_or(0))
    }

    /// Reserves room for an item, to be written where it lies. Waits while the ring is full, without blocking the thread.
    ///
    /// **Cancel safety.** A future that is dropped has reserved nothing. If it was called for room, the next waiter is.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub async fn reserve_async(&self) -> Result<Reservation<'_, T>, PushError<()>> {
        match self.endpoint.claim_async().await {
            Ok((claim, session)) => Ok(Reservation { endpoint: &self.endpoint, claim, session }),
            Err(refusal) => Err(PushError::refused(refusal, (), Deadline::NEVER, self.endpoint.members())),
        }
    }

    /// Pushes the item that the sink has taken in.
    fn poll_pending(&mut self, context: &Context<'_>) -> Poll<Result<(), PushError<T>>> {
        let Some(item) = self.pending else { return Poll::Ready(Ok(())) };
        let claimed = ready!(self.endpoint.poll_claim(context));
        self.pending = None;
        Poll::Ready(match claimed {
            Ok(claim) => {
                self.fill(claim, item);
                Ok(())
            }
            Err(refusal) => Err(PushError::refused(refusal, item, Deadline::NEVER, self.endpoint.members())),
        })
    }
}

// Nothing of it is pinned.
impl<T: Pod> Unpin for Producer<T> {}

/// Pushes each item. Waits while the ring is full.
///
/// It takes one item in that does not fit the ring, which the next poll pushes. Flush it before the producer is dropped: an
/// item that was not flushed is dropped with the producer. `poll_close` flushes, and closes no ring.
impl<T: Pod> Sink<T> for Producer<T> {
    type Error = PushError<T>;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), PushError<T>>> {
        self.get_mut().poll_pending(context)
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), PushError<T>> {
        let producer = self.get_mut();
        if producer.pending.is_some() {
            // `poll_ready` did not say so.
            return Err(PushError::Full(item));
        }
        match producer.try_push(item) {
            Err(PushError::Full(item)) => {
                producer.pending = Some(item);
                Ok(())
            }
            pushed => pushed,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), PushError<T>>> {
        self.get_mut().poll_pending(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), PushError<T>>> {
        self.get_mut().poll_pending(context)
    }
}
