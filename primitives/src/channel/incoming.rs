//! A message between its receipt and its value.

use super::{Message, Route, codec};
use crate::{Error, Result};

/// A message that was received, and not decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub(super) route: Route,
    pub(super) bytes: Vec<u8>,
}

impl Incoming {
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

    /// Makes the value of it.
    ///
    /// # Errors
    ///
    /// [`Error::Undecodable`], with the bytes, if it came on another route or is no such value.
    pub fn decode<T: Message>(self) -> Result<T> {
        let decoded = if self.route == T::ROUTE {
            codec::decode(&self.bytes)
        } else {
            Err(format!("the type travels on route {}", T::ROUTE))
        };
        decoded.map_err(|why| Error::Undecodable { route: self.route, bytes: self.bytes, why })
    }
}
