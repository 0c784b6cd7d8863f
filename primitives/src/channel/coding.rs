//! How a value gets into the memory of a message, and out of it.

use std::io::{BufWriter, Read};

use super::{
    shared::Incoming,
    typed::{
        Message, Route,
        codec::{self, Codec, CodecError},
    },
};
use crate::{
    ObjectName, RecvError, SendError, Undecodable,
    store::{INLINE, Run},
};

/// Encodes a value to the blocks of a message. Fails if it has another length than it had before.
pub(super) fn write_long<C: Codec<T>, T>(value: &T, run: Run<'_>) -> Result<(), CodecError> {
    // A codec writes a few bytes at a time, and each write into blocks checks the link to the block anew (BL3).
    let mut to = BufWriter::new(run);
    C::encode(value, &mut to)?;
    // The length stands in the message already. Fewer bytes than announced would be read as others' bytes.
    let run = to.into_inner().map_err(|error| CodecError::new(error.to_string()))?;
    if run.left() == 0 { Ok(()) } else { Err(CodecError::new("it encodes to other bytes each time")) }
}

/// Returns the bytes of a message.
pub(super) fn read_all(incoming: &Incoming) -> Result<Vec<u8>, RecvError> {
    let Incoming { shared, received, .. } = incoming;
    if let Some(first) = received.inline {
        // Copied out of the cell before a byte is checked: another process could change it meanwhile.
        let mut bytes = [0; INLINE];
        shared.store.read_short(received.held, first, received.len, &mut bytes);
        return Ok(bytes[..received.len].to_vec());
    }
    let mut bytes = Vec::new();
    // The memory for it may be too much for this process, which is no reason to abort.
    let is_whole = bytes.try_reserve_exact(received.len).is_ok()
        && shared.store.run(received.held).read_to_end(&mut bytes).is_ok()
        && bytes.len() == received.len;
    if is_whole { Ok(bytes) } else { Err(shared.members.damaged("the blocks of a message").into()) }
}

/// Decodes a message. If that fails, its bytes are in the error.
#[inline]
pub(super) fn decode<T: Message>(incoming: &Incoming) -> Result<T, RecvError> {
    decode_as::<T::Codec, T>(incoming, T::SCHEMA)
}

#[inline]
pub(super) fn decode_as<C: Codec<T>, T>(incoming: &Incoming, schema: u32) -> Result<T, RecvError> {
    match decode_in_place::<C, T>(incoming, schema) {
        Ok(value) => Ok(value),
        Err(why) => {
            // C2: the bytes are read again for the error, as the codec may have used up some of them.
            let (object, route) = (incoming.shared.name().clone(), incoming.route());
            Err(Undecodable { object, route, bytes: read_all(incoming)?, why: why.to_string() }.into())
        }
    }
}

/// Decodes a message of a route that is known to be this type's.
#[inline]
pub(super) fn decode_here<T: Message>(incoming: &Incoming) -> Result<T, CodecError> {
    decode_in_place::<T::Codec, T>(incoming, T::SCHEMA)
}

#[inline]
fn decode_in_place<C: Codec<T>, T>(incoming: &Incoming, schema: u32) -> Result<T, CodecError> {
    let Incoming { shared, received, .. } = incoming;
    codec::check_as::<C, T>(received.codec, received.schema, schema)?;
    // A long message is decoded where it lies, without a copy of the whole.
    let Some(first) = received.inline else {
        return C::decode_from(shared.store.run(received.held), received.len);
    };
    let mut bytes = [0; INLINE];
    shared.store.read_short(received.held, first, received.len, &mut bytes);
    C::decode(&bytes[..received.len])
}

/// Returns why a value was not sent.
#[cold]
pub(super) fn unencodable(object: &ObjectName, route: Route, why: CodecError) -> SendError {
    SendError::Unencodable { object: object.clone(), route, why: why.to_string() }
}
