//! The bytes of a typed message where no field has room for its codec and schema: both stand in front.

use super::{
    Message,
    codec::{Codec, CodecError},
    message::check,
};

/// The codec and the schema, before the bytes of a typed message.
const HEAD: usize = 8;

/// Returns the head of the messages of a type.
pub(in crate::channel) fn head<T: Message>() -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..HEAD / 2].copy_from_slice(&T::Codec::NUMBER.to_le_bytes());
    head[HEAD / 2..].copy_from_slice(&T::SCHEMA.to_le_bytes());
    head
}

/// Cuts a typed message into its codec, its schema and its bytes.
fn split(message: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (codec, rest) = message.split_first_chunk()?;
    let (schema, bytes) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*codec), u32::from_le_bytes(*schema), bytes))
}

/// Makes a value of a message.
pub(in crate::channel) fn decode<T: Message>(message: &[u8]) -> Result<T, CodecError> {
    let (codec, schema, bytes) = split(message)
        .ok_or_else(|| CodecError::new(format!("it has fewer than the {HEAD} bytes before a typed message")))?;
    check::<T>(codec, schema)?;
    T::Codec::decode(bytes)
}
