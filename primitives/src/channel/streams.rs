//! A channel's messages as a `Stream`, and a `Sink` for them.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use super::{Channel, asynchronous::if_any, ends::Receiver, passing::passing, transport::Transport, typed::Message};
#[cfg(feature = "redis")]
use super::{remote_recv::poll_take, taken::Taken};
#[cfg(feature = "redis")]
use crate::remote;
use crate::{
    RecvError, SendError,
    iter::IterError,
    store::{Selection, Store},
    waiting::clerk::HeldTicket,
};

impl Channel {
    /// Returns a stream of the values of this type that are received.
    pub fn stream<T: Message>(&self) -> MessageStream<T> {
        MessageStream {
            channel: self.clone(),
            held: HeldTicket::default(),
            #[cfg(feature = "redis")]
            taking: None,
            has_ended: false,
            message: PhantomData,
        }
    }

    /// Returns a sink for values of this type.
    pub fn sink<T: Message + Send + Sync + 'static>(&self) -> MessageSink<T> {
        MessageSink { channel: self.clone(), pending: None, message: PhantomData }
    }
}

impl<T: Message> Receiver<T> {
    /// As [`Channel::stream`]. The stream ends as this receiver does. Only the receiver is counted, as long as it is not dropped.
    pub fn stream(&self) -> MessageStream<T> {
        self.channel.stream()
    }
}

/// A stream of the values of a type that are received from a channel. Made by [`Channel::stream`].
///
/// It ends when the channel is closed, or, depending on the handle, disconnected or stopped. A message that can't be decoded is an
/// error, and more may follow. Any other error is the last item.
///
/// **Cancel safety.** A message is received only in the poll that returns it. A stream that waits and is no longer polled loses its
/// turn after 10 ms.
///
/// ```
/// use std::{future::poll_fn, pin::Pin};
/// use futures_core::Stream;
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Job(u32);
/// messages! { 1 => Job }
///
/// # let name = format!("stream-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// channel.send(&Job(1))?;
/// channel.send(&Job(2))?;
/// channel.close()?;
/// let mut jobs = channel.stream::<Job>();
/// let mut sum = 0;
/// // With the crate `futures`: `while let Some(job) = jobs.next().await`.
/// while let Some(job) = pollster::block_on(poll_fn(|context| Pin::new(&mut jobs).poll_next(context))) {
///     sum += job?.0;
/// }
/// assert_eq!(sum, 3);
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct MessageStream<T> {
    channel: Channel,
    held: HeldTicket,
    /// The wait on a server.
    #[cfg(feature = "redis")]
    taking: Option<remote::Taking>,
    has_ended: bool,
    message: PhantomData<fn() -> T>,
}

impl<T: Message> MessageStream<T> {
    fn poll_value(&mut self, context: &Context<'_>) -> Poll<Result<T, RecvError>> {
        let Self { channel, held, .. } = self;
        let shared = match &channel.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                let taking = match &mut self.taking {
                    Some(taking) => taking,
                    none => none.insert(channel.taking(remote, Selection::Only(T::ROUTE.number()), false)?),
                };
                return poll_take(taking, remote, context)?.map(|taken| Taken::Server(taken).decode());
            }
        };
        if !held.is_taken()
            && let Some(value) = if_any(channel.try_recv())?
        {
            return Poll::Ready(Ok(value));
        }
        // A child made by `fork` begins anew: the held is that of a list of its parent's.
        let party = shared.party(shared.session()?);
        let pass_on = passing(shared, Store::pass_on_message);
        let selection = Selection::Only(T::ROUTE.number());
        shared.store.poll_receive(held, selection, party, &pass_on, || if_any(channel.try_recv()), context)
    }
}

impl<T: Message> Stream for MessageStream<T> {
    type Item = Result<T, RecvError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T, RecvError>>> {
        let this = self.get_mut();
        if this.has_ended {
            return Poll::Ready(None);
        }
        let received = ready!(this.poll_value(context));
        this.has_ended = received.as_ref().is_err_and(|error| !error.is_passing());
        Poll::Ready(match received {
            Err(error) if IterError::is_end(&error) => None,
            received => Some(received),
        })
    }
}

impl<T: Message> FusedStream for MessageStream<T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T> Drop for MessageStream<T> {
    fn drop(&mut self) {
        let shared = match &self.channel.transport {
            Transport::Memory(shared) => shared,
            // There the wait ends by its own drop.
            #[cfg(feature = "redis")]
            Transport::Server(_) => return,
        };
        if let Some(me) = shared.members.own_session() {
            let pass_on = passing(shared, Store::pass_on_message);
            // Which messages it waited for is the list's to know.
            shared.store.cancel_receive(&mut self.held, Selection::Any, me, &shared.members, &pass_on);
        }
    }
}

impl<T> fmt::Debug for MessageStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// A value that is being sent.
type Sending = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>;

/// A sink that sends each value of a type to a channel. Made by [`Channel::sink`]. Waits while the channel is full.
///
/// It buffers one value for which the channel has no room. The next poll sends it. Flush the sink before it is dropped: a buffered
/// value is dropped with it. `poll_close` flushes, and does not close the channel.
#[must_use = "a sink does nothing unless it is polled"]
pub struct MessageSink<T> {
    channel: Channel,
    pending: Option<Sending>,
    message: PhantomData<fn(T)>,
}

impl<T> MessageSink<T> {
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(pending) = &mut self.pending else { return Poll::Ready(Ok(())) };
        let sent = ready!(pending.as_mut().poll(context));
        self.pending = None;
        Poll::Ready(sent)
    }
}

impl<T: Message + Send + Sync + 'static> Sink<T> for MessageSink<T> {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_pending(context)
    }

    /// # Panics
    ///
    /// If `poll_ready` did not return `Ready` before.
    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError> {
        let this = self.get_mut();
        assert!(this.pending.is_none(), "`start_send` comes after a `poll_ready` that returned `Ready`");
        match &this.channel.transport {
            Transport::Memory(_) => match this.channel.try_send(&value) {
                Err(SendError::Full(_)) => {}
                sent => return sent,
            },
            // It would block the thread for a round trip.
            #[cfg(feature = "redis")]
            Transport::Server(_) => {}
        }
        let channel = this.channel.clone();
        this.pending = Some(Box::pin(async move { channel.send_async(&value).await }));
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_pending(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_pending(context)
    }
}

impl<T> fmt::Debug for MessageSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSink").field("channel", &self.channel).finish_non_exhaustive()
    }
}
