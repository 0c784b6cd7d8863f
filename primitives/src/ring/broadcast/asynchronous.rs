//! Pushing and popping in a future, `Stream` and `Sink`.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytemuck::Pod;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use super::{
    Ring, SharedRing,
    peeked::Peeked,
    producer::Producer,
    reservation::Reservation,
    state::BroadcastState,
    subscriber::Subscriber,
    wait::{self, SubscriberGate},
    word::AwaitedWord,
};
use crate::{
    PopError, PushError, Role, RoleError,
    members::Session,
    raw::Deadline,
    ring::refusal::Refusal,
    sync::Ordering::SeqCst,
    waiting::{
        Party, Withdrawn,
        clerk::{HeldTicket, IsBeside, Lone, PassOn, TaskGate, Withdrawal, cancel, poll_wait},
        spin::is_beside_other,
        waiter::Waiter,
    },
};

impl BroadcastState {
    fn station(&self, me: Session, held: &HeldTicket) -> Waiter<'_, SubscriberGate<'_>> {
        Waiter::of_task(&self.subscribers, SubscriberGate(self), me, 0, held)
    }
}

impl TaskGate for SubscriberGate<'_> {
    /// All waiters are called at once, so none passes a call on.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }

    fn nearness(&self) -> IsBeside {
        let control = self.0.control.clone();
        Box::new(move || is_beside_other(Role::Consumer, &control.last_cpus))
    }
}

impl Lone for wait::Producer<'_> {
    fn withdrawal(&self) -> Withdrawal {
        let control = self.state.control.clone();
        Box::new(move || {
            // SYNC: as in `withdraw`.
            let was = AwaitedWord(control.awaited.swap(AwaitedWord::NONE.0, SeqCst));
            if was == AwaitedWord::NONE { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
        })
    }

    fn nearness(&self) -> IsBeside {
        let control = self.state.control.clone();
        Box::new(move || is_beside_other(Role::Producer, &control.last_cpus))
    }
}

impl<T: Pod> Ring<T> {
    /// Becomes the producer. Waits while a living process is, without blocking the thread.
    ///
    /// **Cancel safety.** A future that is dropped has not taken the role. If it was just offered the role, the next waiter is.
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub async fn producer_async(&self) -> Result<Producer<T>, RoleError> {
        let SharedRing { members, state, .. } = &*self.shared;
        let me = members.session(state)?;
        let party = Party { members, repair: state, me };
        if !state.role.try_take(me) {
            state.role.take_async(party).await?;
        }
        state.begin_to_produce(party);
        Ok(Producer::new(&self.shared, me))
    }
}

impl<T: Pod> Subscriber<T> {
    /// Pops the next item. Waits until there is one, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** An item is popped only in the poll that returns it, and so are missed items counted. A future that is
    /// dropped has popped nothing.
    ///
    /// ```
    /// use sysv_primitives::broadcast;
    ///
    /// # let name = format!("broadcast-async-example-{}", std::process::id());
    /// let ring = broadcast::Ring::create(&name, 4)?;
    /// let (mut producer, mut subscriber) = (ring.producer()?, ring.subscriber()?);
    /// pollster::block_on(async {
    ///     producer.push_async(7_u64).await?;
    ///     assert_eq!(subscriber.pop_async().await?, 7);
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
    pub fn pop_async(&mut self) -> impl Future<Output = Result<T, PopError>> {
        Popping(SubscriberWait(self))
    }

    #[inline]
    fn poll_pop(&mut self, context: &Context<'_>) -> Poll<Result<T, PopError>> {
        if !self.has_items() && !self.has_new_items() {
            ready!(self.poll_items(context))?;
        }
        Poll::Ready(self.take_item())
    }

    /// Returns whether items have come since the last check. What is in the way is left for `poll_items`.
    #[inline(never)]
    fn has_new_items(&mut self) -> bool {
        !self.is_marked() && self.look_for_items(1, Deadline::NOW).is_ok()
    }

    /// Polls until there is an item. At the last check there was none, or something was in the way.
    #[inline(never)]
    fn poll_items(&mut self, context: &Context<'_>) -> Poll<Result<(), PopError>> {
        let found = ready!(self.poll_available(context));
        Poll::Ready(found.map_err(|refusal| PopError::refused(refusal, Deadline::NEVER, &self.shared.members)))
    }

    fn poll_available(&mut self, context: &Context<'_>) -> Poll<Result<(), Refusal>> {
        if !self.futures.held.is_taken() {
            match self.look_for_items(1, Deadline::NOW) {
                Err(Refusal::NotInTime) => {}
                found => return Poll::Ready(found),
            }
        }
        let Self { shared, session, index, patience, futures, .. } = self;
        let SharedRing { state, members, .. } = &**shared;
        let party = Party { members, repair: state, me: *session };
        // It has popped all that was there, so it waits for another tail than its own position.
        let check = |_| state.check_items(*index, patience.wants_to_know);
        ready!(poll_wait(&mut futures.held, party, |held| state.station(*session, held), check, context))?;
        Poll::Ready(self.look_for_items(1, Deadline::NOW))
    }

    /// Pops as many items as there are and as fit, and returns how many. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`pop_async`](Self::pop_async).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub async fn pop_slice_async(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        if !items.is_empty() {
            self.until_items().await?;
        }
        self.try_pop_slice(items)
    }

    /// Returns the next items where they lie, at most `count`. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** Nothing is popped before [`consume`](Peeked::consume).
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn peek_async(&mut self, count: usize) -> Result<Peeked<'_, T>, PopError> {
        self.until_items().await?;
        self.try_peek(count)
    }

    async fn until_items(&mut self) -> Result<(), PopError> {
        if self.has_items() {
            return Ok(());
        }
        let wait = SubscriberWait(self);
        poll_fn(|context| wait.0.poll_items(context)).await
    }

    /// Ends a wait. The subscriber is this process's.
    #[cold]
    pub(super) fn cancel_wait(&mut self) {
        let Self { shared, session, futures, .. } = self;
        let SharedRing { state, members, .. } = &**shared;
        cancel(&mut futures.held, members, |held| state.station(*session, held));
    }
}

/// A future that pops. What is there at once is popped as by `try_pop`.
struct Popping<'a, T: Pod>(SubscriberWait<'a, T>);

impl<T: Pod> Future for Popping<'_, T> {
    type Output = Result<T, PopError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, PopError>> {
        self.0.0.poll_pop(context)
    }
}

/// A wait of the subscriber, which ends when it is dropped.
struct SubscriberWait<'a, T: Pod>(&'a mut Subscriber<T>);

impl<T: Pod> Drop for SubscriberWait<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.futures.held.is_begun() {
            self.0.cancel_wait();
        }
    }
}

// Nothing of it is pinned.
impl<T: Pod> Unpin for Subscriber<T> {}

/// The items that come, until the ring is closed, or disconnected if the subscriber
/// [detects](Subscriber::detect_disconnect) that. It goes on after [`PopError::Lagged`]. Any other error is the last that it
/// gives.
///
/// **Cancel safety.** An item is popped only in the poll that returns it. A subscriber that is polled, and then kept and not
/// polled any more, delays others of its process by 10 ms, and no longer.
impl<T: Pod> Stream for Subscriber<T> {
    type Item = Result<T, PopError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, PopError>>> {
        let subscriber = self.get_mut();
        if subscriber.futures.has_ended {
            return Poll::Ready(None);
        }
        let popped = ready!(subscriber.poll_pop(context));
        subscriber.futures.has_ended = !matches!(popped, Ok(_) | Err(PopError::Lagged { .. }));
        Poll::Ready(match popped {
            Err(error) if error.is_end() => None,
            popped => Some(popped),
        })
    }
}

impl<T: Pod> FusedStream for Subscriber<T> {
    fn is_terminated(&self) -> bool {
        self.futures.has_ended
    }
}

impl<T: Pod> Producer<T> {
    /// Pushes an item, for every subscriber. Waits while there is no room, without blocking the thread.
    ///
    /// In a [lagging](crate::Options::lagging) ring it never waits.
    ///
    /// **Cancel safety.** The item is pushed only in the poll that returns `Ok`. A future that is dropped has pushed nothing.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    #[inline]
    pub fn push_async(&mut self, item: T) -> impl Future<Output = Result<(), PushError<T>>> {
        Pushing { wait: ProducerWait(self), item }
    }

    #[inline]
    fn poll_push(&mut self, item: T, context: &Context<'_>) -> Poll<Result<(), PushError<T>>> {
        if self.is_lagging || !self.has_room() {
            if !self.has_new_room() {
                ready!(self.poll_room(item, context))?;
            }
            self.write(self.index, &item);
            self.advance(1);
        } else {
            self.push_into_room(item);
        }
        Poll::Ready(Ok(()))
    }

    /// Returns whether there is room now. What is in the way is left for `poll_room`.
    #[inline(never)]
    fn has_new_room(&mut self) -> bool {
        !self.is_marked() && self.room(Deadline::NOW).is_ok()
    }

    /// Polls until there is room for an item. At the last check there was none, or something was in the way.
    #[inline(never)]
    fn poll_room<I>(&mut self, item: I, context: &Context<'_>) -> Poll<Result<(), PushError<I>>> {
        let found = ready!(self.poll_limit(context));
        let refused = |refusal| PushError::refused(refusal, item, Deadline::NEVER, &self.shared.members);
        Poll::Ready(found.map(drop).map_err(refused))
    }

    fn poll_limit(&mut self, context: &Context<'_>) -> Poll<Result<u64, Refusal>> {
        if !self.futures.is_waiting() {
            match self.room(Deadline::NOW) {
                Err(Refusal::NotInTime) => {}
                found => return Poll::Ready(found),
            }
        }
        let SharedRing { state, members, .. } = &*self.shared;
        let party = Party { members, repair: state, me: self.session };
        let station = || wait::Producer { state, index: self.index };
        let check = |round| state.check_room(self.index, party, round);
        let scan = ready!(self.futures.poll(party, station, check, context))?;
        Poll::Ready(Ok(self.found(scan)?))
    }

    /// Pushes as many of the items as there is room for, and returns how many. Waits until there is room for one, without
    /// blocking the thread.
    ///
    /// **Cancel safety.** Items are pushed only in the poll that returns `Ok`.
    ///
    /// # Errors
    ///
    /// As [`push_slice`](Self::push_slice).
    pub async fn push_slice_async(&mut self, items: &[T]) -> Result<usize, PushError<()>> {
        if !items.is_empty() {
            self.until_room().await?;
        }
        self.try_push_slice(items)
    }

    /// Reserves room for at most `count` items, to be written where they lie. Waits until there is room for one, without
    /// blocking the thread.
    ///
    /// **Cancel safety.** Nothing is pushed before [`commit`](Reservation::commit).
    ///
    /// # Errors
    ///
    /// As [`reserve_up_to`](Self::reserve_up_to).
    pub async fn reserve_up_to_async(&mut self, count: usize) -> Result<Reservation<'_, T>, PushError<()>> {
        self.until_room().await?;
        self.try_reserve_up_to(count)
    }

    /// Ends a wait.
    #[cold]
    fn cancel_wait(&mut self) {
        let Producer { shared, index, futures, .. } = self;
        futures.cancel(wait::Producer { state: &shared.state, index: *index }, &shared.members);
    }

    async fn until_room(&mut self) -> Result<(), PushError<()>> {
        if self.has_room() {
            return Ok(());
        }
        let wait = ProducerWait(self);
        poll_fn(|context| wait.0.poll_room((), context)).await
    }

    /// Pushes the item that the sink has taken in.
    fn poll_pending(&mut self, context: &Context<'_>) -> Poll<Result<(), PushError<T>>> {
        let Some(item) = self.pending else { return Poll::Ready(Ok(())) };
        let pushed = ready!(self.poll_push(item, context));
        self.pending = None;
        Poll::Ready(pushed)
    }
}

/// A future that pushes. If there is room at once it pushes as `try_push` does.
struct Pushing<'a, T: Pod> {
    wait: ProducerWait<'a, T>,
    item: T,
}

// Nothing of it is pinned.
impl<T: Pod> Unpin for Pushing<'_, T> {}

impl<T: Pod> Future for Pushing<'_, T> {
    type Output = Result<(), PushError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), PushError<T>>> {
        let item = self.item;
        self.wait.0.poll_push(item, context)
    }
}

/// A wait of the producer, which ends when it is dropped.
struct ProducerWait<'a, T: Pod>(&'a mut Producer<T>);

impl<T: Pod> Drop for ProducerWait<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.futures.is_begun() {
            self.0.cancel_wait();
        }
    }
}

// Nothing of it is pinned.
impl<T: Pod> Unpin for Producer<T> {}

/// Pushes each item. Waits while there is no room.
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
