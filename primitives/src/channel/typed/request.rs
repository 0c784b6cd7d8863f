//! Requests: which messages have a response, and of which type.

use serde::{Serialize, de::DeserializeOwned};

use super::Message;

/// A message that has a response.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Request, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Thumbnail { path: String, width: u32 }
/// messages! { 1 => Thumbnail }
///
/// impl Request for Thumbnail {
///     type Response = Result<Vec<u8>, String>;
/// }
/// ```
///
/// A message without a response can be sent, and not called:
///
/// ```compile_fail,E0277
/// # use serde::{Deserialize, Serialize};
/// # use sysv_primitives::{Channel, messages};
/// #[derive(Serialize, Deserialize)]
/// struct Stop;
/// messages! { 1 => Stop }
/// fn call(channel: &Channel) {
///     let _ = channel.call(&Stop); // `Stop` is not a request: no response is declared for it
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request: no response is declared for it",
    label = "this type does not implement `Request`",
    note = "declare its route with `messages! {{ 1 => {Self} }}`, and its response with `impl Request for {Self} {{ type Response = ...; }}`"
)]
pub trait Request: Message {
    /// The type of its response.
    type Response: Serialize + DeserializeOwned;
    /// As [`Message::SCHEMA`], for the response.
    const RESPONSE_SCHEMA: u32 = 0;
}
