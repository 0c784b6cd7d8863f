//! A request that was received, and its response.

use std::{ops::Deref, time::Duration};

use serde::Serialize;

use super::{
    Request, Route,
    codec::{self, Bincode, Codec, Short},
    send::write_long,
    shared::{Incoming, Shared},
};
use crate::{
    SendError,
    raw::Deadline,
    store::{About, Class},
};

/// Responds to a request that this process holds. If that fails, its caller learns that there is no response.
pub(super) fn respond<T: Serialize + serde::de::DeserializeOwned>(
    incoming: Incoming,
    value: &T,
    schema: u32,
    route: Route,
    deadline: Deadline,
) -> Result<(), SendError> {
    incoming.check_ours()?;
    let Shared { store, members, .. } = &*incoming.shared;
    let unencodable = |why: codec::CodecError| SendError::Unencodable {
        object: incoming.shared.name().clone(),
        route,
        why: why.to_string(),
    };
    let held = incoming.received.held;
    let about = About { route: route.number(), codec: <Bincode as Codec<T>>::NUMBER, schema, class: Class::Call };
    let mut short = Short::new();
    Bincode::encode(value, &mut short).map_err(unencodable)?;
    let sent = match short.bytes() {
        Some(bytes) => store.respond_short(held, about, bytes, members),
        None => {
            let len = short.len();
            let not_sent = |refusal| incoming.shared.not_sent(refusal, Class::Call, len, deadline);
            let run =
                store.start_response(held, len, incoming.shared.party(incoming.me), deadline).map_err(not_sent)?;
            write_long::<Bincode, T>(value, run).map_err(unencodable)?;
            store.finish_response(held, about, len, members)
        }
    };
    // It is the caller's now, also if the caller could not be notified.
    members.record(sent);
    incoming.done();
    Ok(())
}

/// A request that this process has taken, and may respond to. It derefs to the request.
///
/// If it is dropped, or its process dies, the caller learns that there is [no response](crate::CallError::NoResponse).
#[derive(Debug)]
#[must_use = "dropping it leaves the caller without a response"]
pub struct IncomingRequest<R: Request> {
    request: R,
    /// `None` if the message was sent, and not called.
    incoming: Option<Incoming>,
}

impl<R: Request> IncomingRequest<R> {
    pub(super) fn new(request: R, incoming: Option<Incoming>) -> Self {
        Self { request, incoming }
    }

    /// Responds. Nothing happens if the caller has cancelled or died, or if the request was sent and not called.
    ///
    /// A long response may have to wait for room, as long as other responses are unread. To limit that, use [`respond_timeout`](Self::respond_timeout).
    ///
    /// # Errors
    ///
    /// - [`SendError::TooLong`], [`SendError::Unencodable`]: the caller gets [`CallError::NoResponse`](crate::CallError::NoResponse).
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
