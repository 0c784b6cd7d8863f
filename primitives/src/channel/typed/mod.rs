//! Values as messages: which types can be sent, on which route, with which response, and as which bytes.
//!
//! Nothing here knows a channel or a queue.

pub mod codec;
pub(super) mod headed;
mod message;
mod request;
mod route;

pub(super) use self::message::check;
pub use self::{message::Message, request::Request, route::Route};
