//! Pushing and popping in a future, `Stream` and `Sink`.
#![allow(unsafe_code, reason = "items are read where they lie")]

use std::{
    future::Future,
    mem,
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
    Failure, PopError, PushError, Role,
    members::{Members, Session},
    raw::Deadline,
    ring::refusal::Refusal,
    sync::Ordering::Relaxed,
    waiting::{
        clerk::{HeldTicket, IsBeside, PassOn, TaskGate, cancel, poll_wait},
        spin::is_beside_other,
        waiter::Waiter,
    },
};

impl MpmcState {
    fn station(&self, role: Role, me: Session, held: &HeldTicket) -> Waiter<'_, RoleGate<'_>> {
        Waiter::of_task(self.room(role), RoleGate { state: self, role }, me, 0, held)
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

    fn nearness(&self) -> IsBeside {
        let (control, role) = (self.state.control.clone(), self.role);
        Box::new(move || is_beside_other(role, &control.last_cpus))
    }
}

impl<T: Pod> Endpoint<T> {
    /// Polls a wait for a slot.
    fn poll_wait(&self, held: &mut HeldTicket, me: Session, context: &Context<'_>) -> Poll<Result<Claim, Refusal>> {
        let Self { role, patience, .. } = self;
        let (state, party) = (&self.shared.state, self.party(me));
        let check = |_| state.check(*role, party, patience.wants_to_know);
        let claim = ready!(poll_wait(held, party, |held| state.station(*role, me, held), check, context))?;
        self.mark(self.shared.members.has_recorded());
        Poll::Ready(Ok(claim))
    }

    /// Polls for a slot in a stream or sink.
    fn poll_claim(&mut self, context: &Context<'_>) -> Poll<Result<Claim, Refusal>> {
        let session = self.session()?;
        if !self.futures.held.is_taken()
            && let Some(claim) = self.claim_if_ready(session)?
        {
            return Poll::Ready(Ok(claim));
        }
        let mut held = mem::take(&mut self.futures.held);
        let polled = self.poll_wait(&mut held, session, context);
        self.futures.held = held;
        polled
    }

    /// Ends the wait of the stream or sink.
    pub(super) fn cancel_wait(&mut self) {
        let mut held = mem::take(&mut self.futures.held);
        self.cancel(&mut held, Session::kept(self.session.load(Relaxed)));
    }

    fn cancel(&self, held: &mut HeldTicket, me: Session) {
        let SharedRing { state, members, .. } = &*self.shared;
        if me.is_ours() {
            cancel(held, members, |held| state.station(self.role, me, held));
        }
    }

    /// Claims a slot, and ends with what is made of it.
    #[inline]
    fn claim_async<O, E, F, R>(&self, finish: F, refuse: R) -> Claiming<'_, T, F, R>
    where
        F: Fn(Claim, Session) -> O,
        R: Fn(Refusal) -> E,
    {
        Claiming { endpoint: self, wait: None, finish, refuse }
    }
}

/// A future that claims a slot. What is there at once is claimed as by the form that does not wait, and nothing is made for a wait.
struct Claiming<'a, T: Pod, F, R> {
    endpoint: &'a Endpoint<T>,
    /// Since the first poll that found nothing.
    wait: Option<(HeldTicket, Session)>,
    finish: F,
    refuse: R,
}

impl<T: Pod, F, R> Claiming<'_, T, F, R> {
    /// The next slot was not ready, or something was in the way.
    #[inline(never)]
    fn poll_slowly(&mut self, context: &Context<'_>) -> Poll<Result<(Claim, Session), Refusal>> {
        let (held, me) = match &mut self.wait {
            Some(wait) => wait,
            None => {
                let me = self.endpoint.session()?;
                if let Some(claim) = self.endpoint.claim_if_ready(me)? {
                    return Poll::Ready(Ok((claim, me)));
                }
                self.wait.insert((HeldTicket::default(), me))
            }
        };
        if !me.is_ours() {
            // CK5.
            let object = self.endpoint.members().object().clone();
            return Poll::Ready(Err(Failure::Inherited { object, what: "wait" }.into()));
        }
        Poll::Ready(ready!(self.endpoint.poll_wait(held, *me, context)).map(|claim| (claim, *me)))
    }
}

impl<T: Pod, F, R> Unpin for Claiming<'_, T, F, R> {}

impl<T: Pod, O, E, F, R> Future for Claiming<'_, T, F, R>
where
    F: Fn(Claim, Session) -> O,
    R: Fn(Refusal) -> E,
{
    type Output = Result<O, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<O, E>> {
        let at_once = if self.wait.is_none() { self.endpoint.claim_at_once() } else { None };
        let (claim, session) = match at_once {
            Some(claimed) => claimed,
            None => match ready!(self.poll_slowly(context)) {
                Ok(claimed) => claimed,
                Err(refusal) => return Poll::Ready(Err((self.refuse)(refusal))),
            },
        };
        Poll::Ready(Ok((self.finish)(claim, session)))
    }
}

impl<T: Pod, F, R> Drop for Claiming<'_, T, F, R> {
    #[inline]
    fn drop(&mut self) {
        if let Some((held, me)) = &mut self.wait {
            self.endpoint.cancel(held, *me);
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
    #[inline]
    pub fn pop_async(&self) -> impl Future<Output = Result<T, PopError>> {
        self.endpoint.claim_async(|claim, _| self.finish(claim), |refusal| self.refused(refusal, Deadline::NEVER))
    }

    /// Claims an item, to be read where it lies. Waits while the ring is empty, without blocking the thread.
    ///
    /// **Cancel safety.** As [`pop_async`](Self::pop_async).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn claim_async(&self) -> impl Future<Output = Result<Claimed<'_, T>, PopError>> {
        let claimed = |claim, session| Claimed { endpoint: &self.endpoint, claim, session };
        self.endpoint.claim_async(claimed, |refusal| self.refused(refusal, Deadline::NEVER))
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

    #[inline]
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
    #[inline]
    pub fn push_async(&self, item: T) -> impl Future<Output = Result<(), PushError<T>>> {
        self.endpoint.claim_async(
            move |claim, _| self.fill(claim, item),
            move |refusal| PushError::refused(refusal, item, Deadline::NEVER, self.endpoint.members()),
        )
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
    pub fn reserve_async(&self) -> impl Future<Output = Result<Reservation<'_, T>, PushError<()>>> {
        self.endpoint.claim_async(
            |claim, session| Reservation { endpoint: &self.endpoint, claim, session },
            |refusal| PushError::refused(refusal, (), Deadline::NEVER, self.endpoint.members()),
        )
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
