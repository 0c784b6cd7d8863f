//! A channel on a server: values into messages and out of them, and what becomes of refusals.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    Channel,
    attempt::Attempt,
    delivery::Delivery,
    depth::{Depth, Queued},
    envelope::Envelope,
    error::ChannelFull,
    request::{LONGEST_REFUSAL, REFUSED, cut},
    send::unencodable,
    taken::Taken,
    typed::{
        Message, Request, Route,
        codec::{self, Bincode, Codec, Raw},
    },
};
use crate::{
    CallError, Failure, RecvError, SendError, Undecodable,
    raw::Deadline,
    remote::{self, CallEnd, Outgoing, Refusal, Remote, Wanted},
    store::{About, Class, Selection, Until, Wants, Wishes},
};

/// Sends a value. Returns its name, by which a call waits for its end.
pub(super) fn post<T: Message>(
    remote: &Remote,
    value: &T,
    class: Class,
    delivery: Delivery,
    until: Until<'_>,
) -> Result<String, SendError> {
    let about = delivery.about::<T>(class, remote.geometry.attempts);
    let mut bytes = Vec::new();
    T::Codec::encode(value, &mut bytes).map_err(|why| unencodable(remote.name(), T::ROUTE, why))?;
    send(remote, Outgoing { about, bytes: &bytes }, until)
}

pub(super) fn post_raw(remote: &Remote, route: Route, bytes: &[u8], until: Until<'_>) -> Result<(), SendError> {
    let about = About {
        route: route.number(),
        codec: Raw::NUMBER,
        schema: 0,
        class: Class::Message,
        wishes: Wishes::attempts(remote.geometry.attempts),
        delay: std::time::Duration::ZERO,
    };
    send(remote, Outgoing { about, bytes }, until).map(drop)
}

fn send(remote: &Remote, message: Outgoing<'_>, until: Until<'_>) -> Result<String, SendError> {
    let (class, len) = (message.about.class, message.bytes.len());
    remote.send(message, until).map_err(|refusal| not_sent(remote, refusal, class, len, until.deadline))
}

/// Returns why a message of so many bytes was not sent.
fn not_sent(remote: &Remote, refusal: Refusal, class: Class, bytes: usize, deadline: Deadline) -> SendError {
    let object = remote.name().clone();
    match refusal {
        Refusal::Full { messages, bytes } => {
            let full = full(remote, class, messages, bytes);
            if deadline == Deadline::NOW { SendError::Full(full) } else { SendError::TimedOut(full) }
        }
        Refusal::TooLong => SendError::TooLong { object, bytes, limit: remote.geometry.max_message_size },
        Refusal::Maybe(why) => SendError::MaybeSent { object, why: why.into() },
        Refusal::Failed(failure) => failure.into(),
        // A sender does not ask for a message. What stops it knows why.
        Refusal::Closed | Refusal::Stopped | Refusal::Empty => SendError::Closed { object },
    }
}

fn full(remote: &Remote, class: Class, messages: u64, bytes: u64) -> ChannelFull {
    let max_bytes = (remote.geometry.blocks_for_messages().len() * remote.geometry.block()) as u64;
    let max_messages = remote.geometry.capacity_of(class) as u64;
    ChannelFull { object: remote.name().clone(), messages, max_messages, bytes, max_bytes }
}

/// Returns why no message was received.
fn not_received(remote: &Remote, refusal: Refusal, deadline: Deadline) -> RecvError {
    match refusal {
        Refusal::Empty if deadline == Deadline::NOW => RecvError::Empty,
        Refusal::Closed => RecvError::Closed { object: remote.name().clone() },
        Refusal::Stopped => RecvError::Stopped,
        Refusal::Failed(failure) => failure.into(),
        // Receiving is not bounded, so it is never full.
        Refusal::Empty | Refusal::Full { .. } | Refusal::TooLong | Refusal::Maybe(_) => RecvError::TimedOut,
    }
}

impl Channel {
    /// Takes a message from the server.
    pub(super) fn take_remotely(
        &self,
        selection: Selection,
        wants: Wants<'_>,
        deadline: Deadline,
    ) -> Result<remote::Taken, RecvError> {
        let super::transport::Transport::Server(remote) = &self.transport else {
            // The transport was asked before.
            return Err(RecvError::Empty);
        };
        if wants.disconnect {
            return Err(Failure::Unsupported {
                object: remote.name().clone(),
                operation: "detection of disconnected senders",
                instead: "close the channel when all is sent",
            }
            .into());
        }
        remote.take(Wanted { selection, wants, deadline }).map_err(|refusal| not_received(remote, refusal, deadline))
    }

    pub(super) fn recv_value_remotely<T: Message>(&self, deadline: Deadline) -> Result<T, RecvError> {
        let taken = self.take_remotely(Selection::Only(T::ROUTE.number()), self.wants(), deadline)?;
        // A request that is received as a message is dropped with this, which tells its caller.
        Taken::Server(taken).decode()
    }

    pub(super) fn recv_incoming_remotely<T: Message>(
        &self,
        deadline: Deadline,
    ) -> Result<(T, Option<Taken>), RecvError> {
        let taken = self.take_remotely(Selection::Only(T::ROUTE.number()), self.wants(), deadline)?;
        let is_kept = taken.is_kept();
        let taken = Taken::Server(taken);
        let value = taken.decode()?;
        Ok((value, is_kept.then_some(taken)))
    }

    pub(super) fn recv_selected_remotely(
        &self,
        selection: Selection,
        deadline: Deadline,
    ) -> Result<Envelope, RecvError> {
        let taken = self.take_remotely(selection, self.wants(), deadline)?;
        let is_kept = taken.is_kept();
        let taken = Taken::Server(taken);
        let envelope = Envelope::of_claim(&taken)?;
        Ok(Envelope { request: is_kept.then_some(taken), ..envelope })
    }
}

/// Responds to a request. If the response can't be sent its caller learns why.
pub(super) fn respond<T: Serialize + serde::de::DeserializeOwned>(
    taken: remote::Taken,
    value: &T,
    schema: u32,
    route: Route,
) -> Result<(), SendError> {
    let remote = Arc::clone(taken.remote());
    let mut bytes = Vec::new();
    let refused = match Bincode::encode(value, &mut bytes) {
        Err(why) => unencodable(remote.name(), route, why),
        Ok(()) if bytes.len() > remote.geometry.max_message_size.max(crate::store::INLINE) => {
            let limit = remote.geometry.max_message_size;
            SendError::TooLong { object: remote.name().clone(), bytes: bytes.len(), limit }
        }
        Ok(()) => return ended(taken.respond(<Bincode as Codec<T>>::NUMBER, schema, &bytes)),
    };
    ended(taken.respond(REFUSED, 0, cut(&refused.to_string(), LONGEST_REFUSAL)))?;
    Err(refused)
}

pub(super) fn refuse(taken: remote::Taken, why: &[u8]) -> Result<(), SendError> {
    ended(taken.respond(REFUSED, 0, why))
}

fn ended(ended: Result<(), Failure>) -> Result<(), SendError> {
    ended.map_err(|failure| match failure {
        Failure::Unreachable { object, why } => SendError::MaybeSent { object, why },
        failure => failure.into(),
    })
}

/// Decodes what a call ended with.
pub(super) fn conclude<R: Request>(
    remote: &Remote,
    end: Option<CallEnd>,
    deadline: Deadline,
) -> Result<R::Response, CallError> {
    let (object, route) = (remote.name().clone(), R::ROUTE);
    let Some(end) = end else { return Err(CallError::not_in_time(deadline)) };
    let (codec, schema, bytes) = match end {
        CallEnd::Response { codec, schema, bytes } => (codec, schema, bytes),
        CallEnd::Lost => return Err(CallError::NoResponse { object, route }),
        CallEnd::Closed => return Err(SendError::Closed { object }.into()),
        CallEnd::Removed => return Err(Failure::Removed { object }.into()),
        CallEnd::Aside(endings) => {
            let attempts = Attempt::list(&remote::ending_of(&endings));
            return Err(CallError::SetAside { object, route, attempts });
        }
    };
    if codec == REFUSED {
        return Err(CallError::Refused { object, route, why: String::from_utf8_lossy(&bytes).into_owned() });
    }
    let decoded = codec::check_as::<Bincode, R::Response>(codec, schema, R::RESPONSE_SCHEMA)
        .and_then(|()| Bincode::decode(&bytes));
    decoded.map_err(|why| Undecodable { object, route, bytes, why: why.to_string() }.into())
}

pub(super) fn depth(remote: &Remote) -> Result<Depth, Failure> {
    let found = remote.depth()?;
    let routes = found
        .routes
        .into_iter()
        .map(|(route, (messages, bytes, oldest))| (Route::from_number(route), Queued { messages, bytes, oldest }));
    let geometry = &remote.geometry;
    Ok(Depth {
        routes: routes.collect::<BTreeMap<_, _>>(),
        messages: found.messages,
        max_messages: geometry.capacity_of(Class::Message) as u64,
        calls: found.calls,
        max_calls: geometry.capacity_of(Class::Call) as u64,
        bytes: found.bytes,
        max_bytes: (geometry.blocks_for_messages().len() * geometry.block()) as u64,
        claimed: found.claimed,
        delayed: found.delayed,
        set_aside: found.aside,
        dropped: found.dropped,
    })
}

/// Makes a message that is set aside one that can be received.
pub(super) fn retry(remote: &Remote, aside: &remote::Aside) -> Result<bool, SendError> {
    // The server says which class has no room by its numbers alone.
    let retried = remote.retry(aside);
    retried.map_err(|refusal| not_sent(remote, refusal, Class::Message, aside.bytes.len(), Deadline::NOW))
}
