//! A message between its receipt and its value.

use super::{
    request::IncomingRequest,
    taken::Taken,
    typed::{Message, Request, Route, check, codec::Codec, headed},
};
use crate::{ObjectName, RecvError, Undecodable};

/// A message that was received, and not decoded yet.
///
/// If a caller waits for its response, and this is dropped, the caller learns that there is none.
#[derive(Debug)]
#[must_use = "a message that is dropped is lost"]
pub struct Envelope {
    /// The channel or queue on which it came, as errors call it.
    pub(super) object: ObjectName,
    pub(super) route: Route,
    /// The codec and the schema. `None` if they are the first of the bytes, as in a queue.
    pub(super) encoded: Option<(u32, u32)>,
    pub(super) bytes: Vec<u8>,
    /// Whether a caller waited for a response when it was received.
    pub(super) is_call: bool,
    /// The message, as long as this process holds it.
    pub(super) request: Option<Taken>,
}

impl Envelope {
    pub(super) fn of_queue(object: ObjectName, route: Route, bytes: Vec<u8>) -> Self {
        Self { object, route, encoded: None, bytes, is_call: false, request: None }
    }

    /// Returns a message that is claimed, as it came.
    pub(super) fn of_claim(incoming: &Taken) -> Result<Self, RecvError> {
        Ok(Self {
            object: incoming.name().clone(),
            route: incoming.route(),
            encoded: Some(incoming.encoded()),
            // Copied, for the claim may have to hand out the same bytes again after this process.
            bytes: incoming.read_all()?,
            is_call: incoming.is_call(),
            request: None,
        })
    }

    /// Returns the route it came on.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }

    /// Returns the encoded bytes. Those of a [`TypedQueue`](crate::TypedQueue) begin with the codec and the schema.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns whether a caller waited for a response to it when it was received.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.is_call
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// [`Undecodable`], with the bytes, if it came on another route or can't be decoded.
    pub fn decode<T: Message>(self) -> Result<T, Undecodable> {
        self.decode_here().map_err(|why| self.undecodable(why))
    }

    /// Decodes the request, to respond to it.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode). The caller learns that there is no response.
    pub fn decode_request<R: Request>(mut self) -> Result<IncomingRequest<R>, Undecodable> {
        match self.decode_here() {
            // The message goes along, so from now on the request tells its caller if it is dropped.
            Ok(request) => Ok(IncomingRequest::new(request, self.request.take())),
            // The bytes go into the error. The message is dropped with the rest, which tells its caller.
            Err(why) => Err(self.undecodable(why)),
        }
    }

    /// Decodes the value, and leaves the message as it is.
    pub(super) fn decode_here<T: Message>(&self) -> Result<T, String> {
        // Before the bytes: those of another type may well decode, to a value that was never sent.
        if self.route != T::ROUTE {
            return Err(format!("the type travels on route {}", T::ROUTE));
        }
        let decoded = match self.encoded {
            Some((codec, schema)) => check::<T>(codec, schema).and_then(|()| T::Codec::decode(&self.bytes)),
            None => headed::decode(&self.bytes),
        };
        decoded.map_err(|why| why.to_string())
    }

    pub(super) fn undecodable(self, why: String) -> Undecodable {
        Undecodable { object: self.object, route: self.route, bytes: self.bytes, why }
    }
}
