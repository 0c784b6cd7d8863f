//! A message between its receipt and its value.

use super::{IncomingRequest, Message, Request, Route, codec, shared::Parcel};
use crate::{ObjectName, Undecodable};

/// A message that was received, and not decoded yet.
///
/// If somebody waits for its answer, and this is dropped, they learn that there is none.
#[derive(Debug)]
#[must_use = "a message that is dropped is lost"]
pub struct Envelope {
    /// The channel on which it came, as errors call it.
    pub(super) object: ObjectName,
    pub(super) route: Route,
    pub(super) bytes: Vec<u8>,
    pub(super) request: Option<Parcel>,
}

impl Envelope {
    /// Returns the route it came on.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// Returns the encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns whether somebody waits for an answer to it.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.request.is_some()
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// [`Undecodable`], with the bytes, if it came on another route or is no such value.
    pub fn decode<T: Message>(self) -> Result<T, Undecodable> {
        self.decode_with_parcel().map(|(value, _)| value)
    }

    /// Decodes the request, to be answered.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode); the caller is told that there is no answer.
    pub fn decode_request<R: Request>(self) -> Result<IncomingRequest<R>, Undecodable> {
        self.decode_with_parcel().map(|(request, parcel)| IncomingRequest::new(request, parcel))
    }

    fn decode_with_parcel<T: Message>(self) -> Result<(T, Option<Parcel>), Undecodable> {
        let decoded = if self.route == T::ROUTE {
            codec::decode(&self.bytes, T::SCHEMA)
        } else {
            Err(format!("the type travels on route {}", T::ROUTE))
        };
        match decoded {
            Ok(value) => Ok((value, self.request)),
            Err(why) => Err(Undecodable { object: self.object, route: self.route, bytes: self.bytes, why }),
        }
    }
}
