//! Receiving and claiming in a future.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

#[cfg(feature = "redis")]
use super::remote_recv::poll_take;
use super::{
    Channel,
    claim::{claimed, claimed_envelope},
    claimed::Claimed,
    ends::Receiver,
    envelope::Envelope,
    passing::passing,
    request::IncomingRequest,
    shared::Shared,
    taken::Taken,
    transport::Transport,
    typed::{Message, Request, Route},
};
use crate::{
    Failure, RecvError,
    members::Session,
    store::{Passes, Selection, Store},
    waiting::clerk::HeldTicket,
};

/// A wait for messages, which ends when it is dropped.
struct Receiving<'a, F: Passes> {
    shared: &'a Shared,
    selection: Selection,
    me: Session,
    pass_on: F,
    held: HeldTicket,
}

impl<F: Passes> Receiving<'_, F> {
    // Not in its caller, so that what is there at once costs no more than without the wait.
    #[inline(never)]
    fn poll<T>(
        &mut self,
        attempt: impl FnMut() -> Result<Option<T>, RecvError>,
        context: &Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        let Self { shared, selection, me, pass_on, held } = self;
        if !me.is_ours() {
            return Poll::Ready(Err(Failure::Inherited { object: shared.name().clone(), what: "wait" }.into()));
        }
        shared.store.poll_receive(held, *selection, shared.party(*me), pass_on, attempt, context)
    }
}

impl<F: Passes> Drop for Receiving<'_, F> {
    #[inline(never)]
    fn drop(&mut self) {
        let Self { shared, selection, me, pass_on, held } = self;
        shared.store.cancel_receive(held, *selection, *me, &shared.members, pass_on);
    }
}

/// Returns `None` if there was none.
pub(super) fn if_any<T>(received: Result<T, RecvError>) -> Result<Option<T>, RecvError> {
    match received {
        Err(RecvError::Empty) => Ok(None),
        received => received.map(Some),
    }
}

/// Returns the value of a message that was taken.
fn value<T: Message>(taken: Taken) -> Result<T, RecvError> {
    // A request that is received as a message is dropped with this, which tells its caller.
    taken.decode()
}

/// Returns a message that was taken, and is not decoded yet.
fn envelope(taken: Taken) -> Result<Envelope, RecvError> {
    let (is_kept, envelope) = (taken.is_kept(), Envelope::of_claim(&taken)?);
    Ok(Envelope { request: is_kept.then_some(taken), ..envelope })
}

fn request<R: Request>(taken: Taken) -> Result<IncomingRequest<R>, RecvError> {
    let (is_kept, value) = (taken.is_kept(), taken.decode()?);
    Ok(IncomingRequest::new(value, is_kept.then_some(taken)))
}

/// What a future takes, on either transport.
struct Wanted<A, O> {
    selection: Selection,
    claims: bool,
    /// Receives it from memory, if it is there.
    attempt: A,
    /// Makes it of a message that was taken from a server.
    of_taken: O,
}

impl Channel {
    /// Waits until something is received.
    #[cfg_attr(not(feature = "redis"), expect(unused_variables, reason = "there is one transport then"))]
    async fn receive_async<T>(
        &self,
        wanted: Wanted<impl Fn() -> Result<T, RecvError>, impl FnOnce(Taken) -> Result<T, RecvError>>,
    ) -> Result<T, RecvError> {
        let Wanted { selection, claims, attempt, of_taken } = wanted;
        let shared = match &self.transport {
            Transport::Memory(shared) => shared,
            #[cfg(feature = "redis")]
            Transport::Server(remote) => {
                let mut taking = self.taking(remote, selection, claims)?;
                let taken = poll_fn(|context| poll_take(&mut taking, remote, context)).await?;
                return of_taken(Taken::Server(taken));
            }
        };
        // Before there is anything to wait with.
        match attempt() {
            Err(RecvError::Empty) => {}
            received => return received,
        }
        let attempt = || if_any(attempt());
        let pass_on = passing(shared, Store::pass_on_message);
        let mut wait = Receiving { shared, selection, me: shared.session()?, pass_on, held: HeldTicket::default() };
        poll_fn(|context| wait.poll(attempt, context)).await
    }

    /// Receives the oldest value of this type. Waits until there is one, without blocking the thread.
    ///
    /// It needs no particular runtime: see [`Mutex::lock_async`](crate::Mutex::lock_async).
    ///
    /// **Cancel safety.** A message is received only in the poll that returns it. A future that is dropped has received
    /// nothing. If it was called for a message, the next fitting receiver is. A future that was called and is not polled
    /// within 10 ms loses its turn.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use sysv_primitives::{Channel, messages};
    ///
    /// #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// struct Job(u32);
    /// messages! { 1 => Job }
    ///
    /// # let name = format!("recv-async-example-{}", std::process::id());
    /// let channel = Channel::create(&name)?;
    /// pollster::block_on(async {
    ///     channel.send_async(&Job(7)).await?;
    ///     assert_eq!(channel.recv_async::<Job>().await?, Job(7));
    ///     Ok::<(), sysv_primitives::Error>(())
    /// })?;
    /// channel.remove()?;
    /// # Ok::<(), sysv_primitives::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn recv_async<T: Message>(&self) -> Result<T, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Only(T::ROUTE.number()),
            claims: false,
            attempt: || self.try_recv(),
            of_taken: value,
        })
        .await
    }

    /// Receives the oldest message of any route. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`recv_async`](Self::recv_async).
    ///
    /// # Errors
    ///
    /// As [`recv_any`](Self::recv_any).
    pub async fn recv_any_async(&self) -> Result<Envelope, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Any,
            claims: false,
            attempt: || self.try_recv_any(),
            of_taken: envelope,
        })
        .await
    }

    /// Receives the oldest message of the lowest route up to this one. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`recv_async`](Self::recv_async).
    ///
    /// # Errors
    ///
    /// As [`recv_lowest`](Self::recv_lowest).
    pub async fn recv_lowest_async(&self, up_to: Route) -> Result<Envelope, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::UpTo(up_to.number()),
            claims: false,
            attempt: || self.try_recv_lowest(up_to),
            of_taken: envelope,
        })
        .await
    }

    /// Receives the oldest message of any other route. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`recv_async`](Self::recv_async).
    ///
    /// # Errors
    ///
    /// As [`recv_except`](Self::recv_except).
    pub async fn recv_except_async<T: Message>(&self) -> Result<Envelope, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Except(T::ROUTE.number()),
            claims: false,
            attempt: || self.try_recv_except::<T>(),
            of_taken: envelope,
        })
        .await
    }

    /// Receives the bytes of the oldest message of this route. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`recv_async`](Self::recv_async).
    ///
    /// # Errors
    ///
    /// As [`recv_raw`](Self::recv_raw).
    pub async fn recv_raw_async(&self, route: Route) -> Result<Vec<u8>, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Only(route.number()),
            claims: false,
            attempt: || self.try_recv_raw(route),
            of_taken: |taken| Ok(envelope(taken)?.bytes),
        })
        .await
    }

    /// Receives the oldest request of this type, to respond to. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`recv_async`](Self::recv_async).
    ///
    /// # Errors
    ///
    /// As [`recv_request`](Self::recv_request).
    pub async fn recv_request_async<R: Request>(&self) -> Result<IncomingRequest<R>, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Only(R::ROUTE.number()),
            claims: false,
            attempt: || self.try_recv_request(),
            of_taken: request,
        })
        .await
    }

    /// Claims the oldest value of this type. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`recv_async`](Self::recv_async). A claim that is dropped comes back, as always.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub async fn claim_async<T: Message>(&self) -> Result<Claimed<T>, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Only(T::ROUTE.number()),
            claims: true,
            attempt: || self.try_claim(),
            of_taken: claimed,
        })
        .await
    }

    /// Claims the oldest message of any route. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`claim_async`](Self::claim_async).
    ///
    /// # Errors
    ///
    /// As [`claim_any`](Self::claim_any).
    pub async fn claim_any_async(&self) -> Result<Claimed<Envelope>, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Any,
            claims: true,
            attempt: || self.try_claim_any(),
            of_taken: claimed_envelope,
        })
        .await
    }

    /// Claims the oldest message of the lowest route up to this one. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`claim_async`](Self::claim_async).
    ///
    /// # Errors
    ///
    /// As [`claim_lowest`](Self::claim_lowest).
    pub async fn claim_lowest_async(&self, up_to: Route) -> Result<Claimed<Envelope>, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::UpTo(up_to.number()),
            claims: true,
            attempt: || self.try_claim_lowest(up_to),
            of_taken: claimed_envelope,
        })
        .await
    }

    /// Claims the oldest message of any other route. Waits until there is one, without blocking the thread.
    ///
    /// **Cancel safety.** As [`claim_async`](Self::claim_async).
    ///
    /// # Errors
    ///
    /// As [`claim_except`](Self::claim_except).
    pub async fn claim_except_async<T: Message>(&self) -> Result<Claimed<Envelope>, RecvError> {
        self.receive_async(Wanted {
            selection: Selection::Except(T::ROUTE.number()),
            claims: true,
            attempt: || self.try_claim_except::<T>(),
            of_taken: claimed_envelope,
        })
        .await
    }
}

impl<T: Message> Receiver<T> {
    /// As [`Channel::recv_async`].
    ///
    /// **Cancel safety.** The same.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn recv_async(&self) -> Result<T, RecvError> {
        self.channel.recv_async().await
    }

    /// As [`Channel::claim_async`].
    ///
    /// **Cancel safety.** The same.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn claim_async(&self) -> Result<Claimed<T>, RecvError> {
        self.channel.claim_async().await
    }
}
