//! Values to bytes and back: the only file that knows bincode.
//!
//! A message is the schema number of its type in four bytes, little endian, and then bincode 2's standard
//! encoding: little endian, variable-length integers, no field names. It describes itself nowhere, so both
//! sides must be built from the same types; the schema number is there to notice if they aren't.

use super::Message;
use crate::raw::MessageBuffer;
use bincode::{
    config::{Configuration, Limit, LittleEndian, Varint},
    enc::write::Writer,
    error::EncodeError,
};

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
pub(super) fn encode<T: Message>(value: &T, message: &mut MessageBuffer) -> Result<(), String> {
    message.extend_from_slice(&T::SCHEMA.to_le_bytes());
    bincode::serde::encode_into_writer(value, Growing(message), CONFIG).map_err(|error| error.to_string())
}

/// Makes a value of bytes, all of which must belong to it.
pub(super) fn decode<T: Message>(bytes: &[u8]) -> Result<T, String> {
    let (schema, bytes) = bytes.split_first_chunk().ok_or("it is shorter than a schema number")?;
    let schema = u32::from_le_bytes(*schema);
    if schema != T::SCHEMA {
        return Err(format!("it has schema {schema}, and this program knows schema {}", T::SCHEMA));
    }
    let (value, used) = bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|error| error.to_string())?;
    match bytes.len() - used {
        0 => Ok(value),
        rest => Err(format!("{rest} bytes are left over")),
    }
}
