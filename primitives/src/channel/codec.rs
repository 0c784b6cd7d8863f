//! Values to bytes and back: the only file that knows bincode.
//!
//! The encoding is bincode 2's standard one: little endian, variable-length integers, no field
//! names. It describes itself nowhere, so both sides must be built from the same types.

use bincode::{
    config::{Configuration, Limit, LittleEndian, Varint},
    enc::write::Writer,
    error::EncodeError,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::raw::MessageBuffer;

/// The most memory that a length in received bytes may ask for at once: bytes from outside say what they like.
const MOST: usize = 16 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MOST>> = bincode::config::standard().with_limit();

/// A message that grows; by `io::Write` each of the many short writes would cost more than its bytes.
struct Growing<'a>(&'a mut MessageBuffer);

impl Writer for Growing<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Appends a value to a message.
pub(super) fn encode<T: Serialize>(value: &T, message: &mut MessageBuffer) -> Result<(), String> {
    bincode::serde::encode_into_writer(value, Growing(message), CONFIG).map_err(|error| error.to_string())
}

/// Makes a value of bytes, all of which must belong to it.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|error| error.to_string())?;
    match bytes.len() - used {
        0 => Ok(value),
        rest => Err(format!("{rest} bytes are left over")),
    }
}
