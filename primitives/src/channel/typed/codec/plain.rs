//! Codecs of types that are bytes already.

use std::io::Write;

use super::{Codec, CodecError};

/// The codec of plain data: the bytes of a [`Pod`](bytemuck::Pod), as they lie in memory.
///
/// Nothing is encoded, so it is the fastest. Both sides must be built for machines with the same byte order, which one
/// channel's always are.
#[derive(Debug)]
pub struct Pod;

/// The codec of types that are bytes: what [`AsRef`] gives is sent, and what is received goes to [`From`].
#[derive(Debug)]
pub struct Raw;

impl Raw {
    /// [`Codec::NUMBER`] of this codec, for every type.
    pub const NUMBER: u32 = 3;
}

impl<T: bytemuck::Pod> Codec<T> for Pod {
    const NUMBER: u32 = 2;

    #[inline]
    fn encode(value: &T, to: &mut impl Write) -> Result<(), CodecError> {
        to.write_all(bytemuck::bytes_of(value)).map_err(|error| CodecError::new(error.to_string()))
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        bytemuck::try_pod_read_unaligned(bytes)
            .map_err(|_| CodecError::new(format!("it has {} bytes, and the type has {}", bytes.len(), size_of::<T>())))
    }
}

impl<T: AsRef<[u8]> + From<Vec<u8>>> Codec<T> for Raw {
    const NUMBER: u32 = Self::NUMBER;

    #[inline]
    fn encode(value: &T, to: &mut impl Write) -> Result<(), CodecError> {
        to.write_all(value.as_ref()).map_err(|error| CodecError::new(error.to_string()))
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        Ok(bytes.to_vec().into())
    }
}
