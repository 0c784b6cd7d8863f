//! A request that was received, and its response.

use std::{io::Write, ops::Deref, time::Duration};

use serde::Serialize;

#[cfg(feature = "async")]
use super::passing::passing;
#[cfg(feature = "redis")]
use super::remotely;
use super::{
    coding::write_long,
    refusal::{LONGEST_REFUSAL, REFUSED, cut},
    shared::{Incoming, Shared},
    taken::Taken,
    typed::{
        Request, Route,
        codec::{self, Bincode, Codec, Short},
    },
};
#[cfg(feature = "async")]
use crate::store::Store;
use crate::{
    SendError,
    raw::Deadline,
    store::{About, Class, INLINE, Wishes},
};

/// Responds to a request that this process holds. If that fails, its caller learns that there is no response.
pub(super) fn respond<T: Serialize + serde::de::DeserializeOwned>(
    incoming: Taken,
    value: &T,
    schema: u32,
    route: Route,
    deadline: Deadline,
) -> Result<(), SendError> {
    let incoming = match incoming {
        Taken::Memory(incoming) => incoming,
        #[cfg(feature = "redis")]
        Taken::Server(taken) => return remotely::respond(taken, value, schema, route),
    };
    finish_with(incoming, |incoming| send_response(incoming, value, schema, route, deadline))
}

/// Sends a response. If that fails the request is as it was.
fn send_response<T: Serialize + serde::de::DeserializeOwned>(
    incoming: &Incoming,
    value: &T,
    schema: u32,
    route: Route,
    deadline: Deadline,
) -> Result<(), SendError> {
    let unencodable = |why: codec::CodecError| SendError::Unencodable {
        object: incoming.shared.name().clone(),
        route,
        why: why.to_string(),
    };
    // A response is measured first, as a message is.
    let mut short = Short::new();
    // Into a buffer of our own: as long as the encoding may fail, the request in the cell is untouched.
    Bincode::encode(value, &mut short).map_err(unencodable)?;
    let about = about_response(route, <Bincode as Codec<T>>::NUMBER, schema);
    match short.bytes() {
        Some(bytes) => respond_bytes(incoming, about, bytes, deadline),
        None => {
            let len = short.len();
            let Incoming { shared, received, me, .. } = incoming;
            let not_sent = |refusal| shared.not_sent(refusal, Class::Call, len, deadline);
            // Too long for the cell. It is encoded once more, into blocks.
            let party = shared.party(*me);
            let run = shared.store.start_response(received.held, len, party, deadline).map_err(not_sent)?;
            write_long::<Bincode, T>(value, run).map_err(unencodable)?;
            // Only now does the caller find it. Whatever failed before left the request as it was.
            shared.store.finish_response(received.held, about, len, &shared.members);
            Ok(())
        }
    }
}

/// As `respond`. If it is dropped, the request ends as one without a response does.
#[cfg(feature = "async")]
pub(super) async fn respond_async<T: Serialize + serde::de::DeserializeOwned>(
    incoming: Taken,
    value: &T,
    schema: u32,
    route: Route,
) -> Result<(), SendError> {
    let incoming = match incoming {
        Taken::Memory(incoming) => incoming,
        #[cfg(feature = "redis")]
        Taken::Server(taken) => return remotely::respond_async(taken, value, schema, route).await,
    };
    incoming.check_ours()?;
    let send = || send_response(&incoming, value, schema, route, Deadline::NOW);
    let responded = match send() {
        Err(SendError::Full(_)) => {
            let shared = &*incoming.shared;
            let pass_on = passing(&incoming.shared, Store::pass_on_space);
            let attempt = || match send() {
                Err(SendError::Full(_)) => Ok(None),
                sent => sent.map(Some),
            };
            shared.store.wait_to_respond_async(shared.party(incoming.me), &pass_on, attempt).await
        }
        responded => responded,
    };
    finish_with(incoming, |_| responded)
}

/// Refuses a request, with a reason.
pub(super) fn refuse(incoming: Taken, why: &str, route: Route) -> Result<(), SendError> {
    let incoming = match incoming {
        Taken::Memory(incoming) => incoming,
        #[cfg(feature = "redis")]
        Taken::Server(taken) => return remotely::refuse(taken, cut(why, LONGEST_REFUSAL)),
    };
    finish_with(incoming, |incoming| {
        respond_bytes(incoming, about_response(route, REFUSED, 0), cut(why, LONGEST_REFUSAL), Deadline::NEVER)
    })
}

/// Ends a request after its response could not be sent. Its caller learns why, if that can be said in a cell.
fn end_unanswered(incoming: Incoming, error: &SendError) {
    // The request is ours still: a response that failed has not ended it.
    let text = error.to_string();
    // Only these two tell the caller what to mend. Without room or without a channel nothing can be said.
    let is_said = matches!(error, SendError::TooLong { .. } | SendError::Unencodable { .. })
        && respond_bytes(&incoming, about_response(incoming.route(), REFUSED, 0), cut(&text, INLINE), Deadline::NOW)
            .is_ok();
    // Otherwise it is lost, and the caller gets `NoResponse` instead of waiting for ever.
    if is_said { incoming.done() } else { incoming.finish() }
}

fn about_response(route: Route, codec: u32, schema: u32) -> About {
    let (wishes, delay) = (Wishes::default(), Duration::ZERO);
    // The caller waits for this cell and no other, so a response has no limit and no delay.
    About { route: route.number(), codec, schema, class: Class::Call, wishes, delay }
}

fn respond_bytes(incoming: &Incoming, about: About, bytes: &[u8], deadline: Deadline) -> Result<(), SendError> {
    let Incoming { shared, received, me, .. } = incoming;
    let (Shared { store, members, .. }, party, held) = (&**shared, shared.party(*me), received.held);
    // In the cell there is always room. Only blocks may have to be waited for.
    let sent = if bytes.len() <= INLINE {
        store.respond_short(held, about, bytes, party, deadline)
    } else {
        store.start_response(held, bytes.len(), party, deadline).and_then(|mut run| {
            run.write_all(bytes).map_err(|_| members.damaged("the blocks of a response"))?;
            store.finish_response(held, about, bytes.len(), members);
            Ok(())
        })
    };
    sent.map_err(|refusal| shared.not_sent(refusal, Class::Call, bytes.len(), deadline))
}

/// Ends a request: it is its caller's if it was responded to, and otherwise its caller learns that there is no response.
fn finish_with(incoming: Incoming, respond: impl FnOnce(&Incoming) -> Result<(), SendError>) -> Result<(), SendError> {
    // In a child made by `fork` the request is the parent's, and a drop does nothing.
    incoming.check_ours()?;
    // Borrowed: if it fails the message is still here, to be ended in another way.
    let responded = respond(&incoming);
    match &responded {
        Ok(()) => incoming.done(),
        Err(error) => end_unanswered(incoming, error),
    }
    responded
}

/// A request that this process has taken, and may respond to. It derefs to the request.
///
/// If it is dropped, or its process dies, the caller learns that there is [no response](crate::CallError::NoResponse).
#[derive(Debug)]
#[must_use = "dropping it leaves the caller without a response"]
pub struct IncomingRequest<R: Request> {
    request: R,
    /// `None` if the message was sent, and not called.
    incoming: Option<Taken>,
}

impl<R: Request> IncomingRequest<R> {
    pub(super) fn new(request: R, incoming: Option<Taken>) -> Self {
        Self { request, incoming }
    }

    /// Responds. Nothing happens if the caller has cancelled or died, or if the request was sent and not called.
    ///
    /// A long response may have to wait for room, as long as other responses are unread. To limit that, use [`respond_timeout`](Self::respond_timeout).
    ///
    /// # Errors
    ///
    /// - [`SendError::TooLong`], [`SendError::Unencodable`]: the caller gets [`CallError::Refused`](crate::CallError::Refused) with that text.
    /// - [`SendError::Failed`] if the channel was removed, and with [`Failure::Inherited`](crate::Failure::Inherited) in a child made by `fork`: it is
    ///   the parent's to respond.
    pub fn respond(self, response: &R::Response) -> Result<(), SendError> {
        self.respond_deadline(response, Deadline::NEVER)
    }

    /// Responds, and waits for room for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond), and [`SendError::TimedOut`] if the timeout elapses. Then the caller gets
    /// [`CallError::NoResponse`](crate::CallError::NoResponse).
    pub fn respond_timeout(self, response: &R::Response, timeout: Duration) -> Result<(), SendError> {
        self.respond_deadline(response, Deadline::after(timeout))
    }

    /// Responds if there is room for the response.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond), and [`SendError::Full`] if there is none. Then the caller gets
    /// [`CallError::NoResponse`](crate::CallError::NoResponse).
    pub fn try_respond(self, response: &R::Response) -> Result<(), SendError> {
        self.respond_deadline(response, Deadline::NOW)
    }

    /// Responds, and waits for room until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`respond_timeout`](Self::respond_timeout).
    pub fn respond_deadline(self, response: &R::Response, deadline: Deadline) -> Result<(), SendError> {
        match self.incoming {
            Some(incoming) => respond(incoming, response, R::RESPONSE_SCHEMA, R::ROUTE, deadline),
            None => Ok(()),
        }
    }

    /// Responds. Waits for room for a long response, without blocking the thread.
    ///
    /// **Cancel safety.** The response is sent only in the poll that returns `Ok`. If the future is dropped, the caller gets
    /// [`CallError::NoResponse`](crate::CallError::NoResponse).
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    #[cfg(feature = "async")]
    pub async fn respond_async(self, response: &R::Response) -> Result<(), SendError> {
        match self.incoming {
            Some(incoming) => respond_async(incoming, response, R::RESPONSE_SCHEMA, R::ROUTE).await,
            None => Ok(()),
        }
    }

    /// Says why there is no response: the caller gets [`CallError::Refused`](crate::CallError::Refused) with the text, or its first 4,096
    /// bytes. Nothing happens if the request was sent and not called.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn refuse(self, why: &str) -> Result<(), SendError> {
        match self.incoming {
            Some(incoming) => refuse(incoming, why, R::ROUTE),
            None => Ok(()),
        }
    }

    /// Returns whether a caller waited for the response when the request was received.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.incoming.is_some()
    }

    /// Returns the request. Its caller gets no response.
    #[must_use]
    pub fn into_request(self) -> R {
        self.request
    }
}

impl<R: Request> Deref for IncomingRequest<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.request
    }
}
