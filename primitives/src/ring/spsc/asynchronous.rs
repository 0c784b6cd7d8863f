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
    consumer::Consumer,
    peek::Peeked,
    producer::Producer,
    reserve::Reservation,
    state::{Holder, SpscState},
};
use crate::{
    PopError, PushError, Role, RoleError,
    failure::Result,
    members::Session,
    raw::Deadline,
    ring::{patience::Patience, refusal::Refusal},
    sync::Ordering::SeqCst,
    waiting::{
        Party, Withdrawn,
        clerk::{IsBeside, Lone, LoneFutures, Withdrawal},
        spin::is_beside_other,
    },
};

impl Lone for Holder<'_> {
    fn withdrawal(&self) -> Withdrawal {
        let (control, role) = (self.state.control.clone(), self.role);
        Box::new(move || {
            // SYNC: as in `withdraw`.
            let was = control.asleep[role as usize].swap(0, SeqCst);
            if was == 0 { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
        })
    }

    fn nearness(&self) -> IsBeside {
        let (control, role) = (self.state.control.clone(), self.role);
        Box::new(move || is_beside_other(role, &control.last_cpus))
    }
}

impl SpscState {
    /// As [`wait`](Self::wait), beside the futures of the same endpoint. The fast path is the same as without them.
    #[cold]
    pub(super) fn wait_beside(
        &self,
        futures: &mut LoneFutures,
        role: Role,
        seen: u64,
        party: Party<'_, Self>,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<u64, Refusal> {
        let holder = Holder { state: self, role };
        let _beside = (deadline != Deadline::NOW).then(|| futures.begin_blocking(holder, party.members));
        self.wait(role, seen, party, patience, deadline)
    }
}

/// Polls until the other's index differs from `seen`.
fn poll_moved<T: Pod>(
    shared: &SharedRing<T, SpscState>,
    (role, me, detects_disconnect): (Role, Session, bool),
    seen: u64,
    futures: &mut LoneFutures,
    context: &Context<'_>,
) -> Poll<Result<u64, Refusal>> {
    let SharedRing { state, members, .. } = shared;
    let check = |round| state.check(role, seen, detects_disconnect, round);
    futures.poll(Party { members, repair: state, me }, || Holder { state, role }, check, context)
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
        Ok(Producer::new(&self.shared, self.role_async(Role::Producer).await?)?)
    }

    /// Becomes the consumer. Waits while a living process is, without blocking the thread.
    ///
    /// **Cancel safety.** As [`producer_async`](Self::producer_async).
    ///
    /// # Errors
    ///
    /// As [`producer`](Self::producer).
    pub async fn consumer_async(&self) -> Result<Consumer<T>, RoleError> {
        Ok(Consumer::new(&self.shared, self.role_async(Role::Consumer).await?)?)
    }

    async fn role_async(&self, role: Role) -> Result<Session, RoleError> {
        let SharedRing { members, state, .. } = &*self.shared;
        let me = members.session(state)?;
        let (lock, party) = (&state.roles[role as usize], Party { members, repair: state, me });
        if !lock.try_take(me) {
            lock.take_async(party).await?;
        }
        state.arrive(role, party);
        Ok(me)
    }
}

impl<T: Pod> Consumer<T> {
    /// Pops an item. Waits while the ring is empty, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** An item is popped only in the poll that returns it. A future that is dropped has popped nothing.
    ///
    /// ```
    /// use sysv_primitives::spsc;
    ///
    /// # let name = format!("spsc-async-example-{}", std::process::id());
    /// let ring = spsc::Ring::create(&name, 4)?;
    /// let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
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
    pub fn pop_async(&mut self) -> impl Future<Output = Result<T, PopError>> {
        Popping(ConsumerWait(self))
    }

    #[inline]
    fn poll_pop(&mut self, context: &Context<'_>) -> Poll<Result<T, PopError>> {
        if !self.has_items() && !self.has_new_items() {
            ready!(self.poll_items(context))?;
        }
        Poll::Ready(Ok(self.take_item()))
    }

    /// Returns whether items have come since the last check. What is in the way is left for `poll_items`.
    #[inline(never)]
    fn has_new_items(&mut self) -> bool {
        !self.is_marked() && self.available(1, Deadline::NOW).is_ok()
    }

    /// Polls until there is an item. At the last check there was none, or something was in the way.
    #[inline(never)]
    fn poll_items(&mut self, context: &Context<'_>) -> Poll<Result<(), PopError>> {
        let found = ready!(self.poll_available(context));
        Poll::Ready(
            found.map(drop).map_err(|refusal| PopError::refused(refusal, Deadline::NEVER, &self.shared.members)),
        )
    }

    fn poll_available(&mut self, context: &Context<'_>) -> Poll<Result<u64, Refusal>> {
        if !self.futures.is_waiting() {
            match self.available(1, Deadline::NOW) {
                Err(Refusal::NotInTime) => {}
                found => return Poll::Ready(found),
            }
        }
        let endpoint = (Role::Consumer, self.session, self.patience.wants_to_know);
        ready!(poll_moved(&self.shared, endpoint, self.seen, &mut self.futures, context))?;
        Poll::Ready(self.available(1, Deadline::NOW))
    }

    /// Pops as many items as there are and as fit, and returns how many. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`pop_async`](Self::pop_async).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub async fn pop_slice_async(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        if items.is_empty() {
            return Ok(0);
        }
        self.until_items().await?;
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

    /// Ends a wait.
    #[cold]
    fn cancel_wait(&mut self) {
        let Consumer { shared, futures, .. } = self;
        futures.cancel(Holder { state: &shared.state, role: Role::Consumer }, &shared.members);
    }

    async fn until_items(&mut self) -> Result<(), PopError> {
        if self.has_items() {
            return Ok(());
        }
        let wait = ConsumerWait(self);
        poll_fn(|context| wait.0.poll_items(context)).await
    }
}

/// A future that pops. What is there at once is popped as by `try_pop`.
struct Popping<'a, T: Pod>(ConsumerWait<'a, T>);

impl<T: Pod> Future for Popping<'_, T> {
    type Output = Result<T, PopError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, PopError>> {
        self.0.0.poll_pop(context)
    }
}

/// A wait of the consumer, which ends when it is dropped.
struct ConsumerWait<'a, T: Pod>(&'a mut Consumer<T>);

impl<T: Pod> Drop for ConsumerWait<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.futures.is_begun() {
            self.0.cancel_wait();
        }
    }
}

/// The items that come, until the ring is closed, or disconnected if the consumer
/// [detects](Consumer::detect_disconnect) that. Any other error is the last that it gives.
///
/// **Cancel safety.** An item is popped only in the poll that returns it.
impl<T: Pod> Stream for Consumer<T> {
    type Item = Result<T, PopError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, PopError>>> {
        let consumer = self.get_mut();
        if consumer.has_ended {
            return Poll::Ready(None);
        }
        let popped = ready!(consumer.poll_pop(context));
        consumer.has_ended = popped.is_err();
        Poll::Ready(match popped {
            Err(error) if error.is_end() => None,
            popped => Some(popped),
        })
    }
}

impl<T: Pod> FusedStream for Consumer<T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T: Pod> Producer<T> {
    /// Pushes an item. Waits while the ring is full, without blocking the thread.
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
        if !self.has_room() && !self.has_new_room() {
            ready!(self.poll_room(item, context))?;
        }
        self.push_into_room(item);
        Poll::Ready(Ok(()))
    }

    /// Returns whether room was made since the last check. What is in the way is left for `poll_room`.
    #[inline(never)]
    fn has_new_room(&mut self) -> bool {
        !self.is_marked() && self.room(1, Deadline::NOW).is_ok()
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
            match self.room(1, Deadline::NOW) {
                Err(Refusal::NotInTime) => {}
                found => return Poll::Ready(found),
            }
        }
        let endpoint = (Role::Producer, self.session, self.patience.wants_to_know);
        let seen = self.limit.wrapping_sub(self.shared.state.capacity);
        ready!(poll_moved(&self.shared, endpoint, seen, &mut self.futures, context))?;
        Poll::Ready(self.room(1, Deadline::NOW))
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
        if items.is_empty() {
            return Ok(0);
        }
        self.until_room().await?;
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
        let Producer { shared, futures, .. } = self;
        futures.cancel(Holder { state: &shared.state, role: Role::Producer }, &shared.members);
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
