//! A channel on a server: values into messages and out of them, and what becomes of refusals.

#[cfg(feature = "async")]
use std::sync::{Arc, atomic::AtomicBool};

use serde::Serialize;

use super::{
    attempt::Attempt,
    coding::unencodable,
    delivery::Delivery,
    error::ChannelFull,
    refusal::{LONGEST_REFUSAL, REFUSED, cut},
    typed::{
        Message, Request, Route,
        codec::{self, Bincode, Codec, Raw},
    },
};
use crate::{
    CallError, Failure, SendError, Undecodable,
    raw::Deadline,
    remote::{self, CallEnd, Outgoing, Refusal, Remote},
    store::{About, Class, Until, Wishes},
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
    send(remote, Outgoing { about: about_raw(remote, route), bytes }, until).map(drop)
}

fn about_raw(remote: &Remote, route: Route) -> About {
    About {
        route: route.number(),
        codec: Raw::NUMBER,
        schema: 0,
        class: Class::Message,
        wishes: Wishes::attempts(remote.geometry.attempts),
        delay: std::time::Duration::ZERO,
    }
}

fn send(remote: &Remote, message: Outgoing<'_>, until: Until<'_>) -> Result<String, SendError> {
    let (class, len) = (message.about.class, message.bytes.len());
    remote.send(message, until).map_err(|refusal| not_sent(remote, refusal, class, len, until.deadline))
}

/// As [`post`], without blocking the thread.
#[cfg(feature = "async")]
pub(super) async fn post_async<T: Message>(
    remote: &Arc<Remote>,
    value: &T,
    class: Class,
    delivery: Delivery,
    stop: Option<&AtomicBool>,
) -> Result<String, SendError> {
    let about = delivery.about::<T>(class, remote.geometry.attempts);
    let mut bytes = Vec::new();
    T::Codec::encode(value, &mut bytes).map_err(|why| unencodable(remote.name(), T::ROUTE, why))?;
    send_async(remote, Outgoing { about, bytes: &bytes }, stop).await
}

/// As [`post_raw`], without blocking the thread.
#[cfg(feature = "async")]
pub(super) async fn post_raw_async(remote: &Arc<Remote>, route: Route, bytes: &[u8]) -> Result<(), SendError> {
    send_async(remote, Outgoing { about: about_raw(remote, route), bytes }, None).await.map(drop)
}

#[cfg(feature = "async")]
async fn send_async(
    remote: &Arc<Remote>,
    message: Outgoing<'_>,
    stop: Option<&AtomicBool>,
) -> Result<String, SendError> {
    let (class, len) = (message.about.class, message.bytes.len());
    let sent = remote.send_async(message, stop).await;
    sent.map_err(|refusal| not_sent(remote, refusal, class, len, Deadline::NEVER))
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

/// Encodes a response. If that can't be sent, returns why, and the refusal that its caller gets.
fn response<T: Serialize + serde::de::DeserializeOwned>(
    remote: &Remote,
    value: &T,
    route: Route,
) -> Result<Vec<u8>, SendError> {
    let mut bytes = Vec::new();
    Bincode::encode(value, &mut bytes).map_err(|why| unencodable(remote.name(), route, why))?;
    let limit = remote.geometry.max_message_size;
    if bytes.len() > limit.max(crate::store::INLINE) {
        return Err(SendError::TooLong { object: remote.name().clone(), bytes: bytes.len(), limit });
    }
    Ok(bytes)
}

/// Responds to a request. If the response can't be sent its caller learns why.
pub(super) fn respond<T: Serialize + serde::de::DeserializeOwned>(
    taken: remote::Taken,
    value: &T,
    schema: u32,
    route: Route,
) -> Result<(), SendError> {
    match response(taken.remote(), value, route) {
        Ok(bytes) => ended(taken.respond(<Bincode as Codec<T>>::NUMBER, schema, &bytes)),
        Err(refused) => {
            refuse(taken, cut(&refused.to_string(), LONGEST_REFUSAL))?;
            Err(refused)
        }
    }
}

/// As [`respond`], without blocking the thread.
#[cfg(feature = "async")]
pub(super) async fn respond_async<T: Serialize + serde::de::DeserializeOwned>(
    taken: remote::Taken,
    value: &T,
    schema: u32,
    route: Route,
) -> Result<(), SendError> {
    match response(taken.remote(), value, route) {
        Ok(bytes) => ended(taken.respond_async(<Bincode as Codec<T>>::NUMBER, schema, bytes).await),
        Err(refused) => {
            let why = cut(&refused.to_string(), LONGEST_REFUSAL).to_vec();
            ended(taken.respond_async(REFUSED, 0, why).await)?;
            Err(refused)
        }
    }
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

/// Makes a message that is set aside one that can be received.
pub(super) fn retry(remote: &Remote, aside: &remote::Aside) -> Result<bool, SendError> {
    // The server says which class has no room by its numbers alone.
    let retried = remote.retry(aside);
    retried.map_err(|refusal| not_sent(remote, refusal, Class::Message, aside.bytes.len(), Deadline::NOW))
}
