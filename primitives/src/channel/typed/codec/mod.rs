//! Codecs: how a value becomes bytes, and bytes a value.
//!
//! Each [`Message`](crate::Message) has a codec, which [`messages!`](crate::messages) chooses:
//!
//! | codec | number | for | declared by |
//! | --- | --- | --- | --- |
//! | [`Bincode`] | 1 | types with serde's traits | `1 => Job`, the default |
//! | [`Pod`] | 2 | plain data of a fixed size | `1 => Sample, codec pod` |
//! | [`Raw`] | 3 | types that are bytes | `1 => Bytes, codec raw` |
//! | `Postcard` | 4 | types with serde's traits, with the feature `postcard` | `1 => Job, codec postcard` |
//! | one of your own | from 256 on | any type | `1 => Image, codec path::to::MyCodec` |
//!
//! The number of the codec and the [schema](crate::Message::SCHEMA) of the type travel with each message. A mix-up is
//! [`Undecodable`](crate::Undecodable), and says so.
//!
//! ```
//! use sysv_primitives::{
//!     Channel,
//!     bytemuck::{Pod, Zeroable},
//!     messages,
//! };
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
//! #[bytemuck(crate = "sysv_primitives::bytemuck")]
//! #[repr(C)]
//! struct Sample { at: u64, value: f64 }
//! messages! { 1 => Sample, codec pod }
//!
//! # let name = format!("codec-example-{}", std::process::id());
//! let channel = Channel::create(&name)?;
//! channel.send(&Sample { at: 1, value: 0.5 })?;
//! assert_eq!(channel.recv::<Sample>()?, Sample { at: 1, value: 0.5 });
//! channel.remove()?;
//! # Ok::<(), sysv_primitives::Error>(())
//! ```

mod bincode;
mod bounds;
mod decoding;
mod encoding;
mod plain;
#[cfg(feature = "postcard")]
mod postcard;
mod source;

use std::io::{self, Read, Write};

use thiserror::Error;

#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;
pub use self::{
    bincode::Bincode,
    plain::{Pod, Raw},
};
use crate::store::INLINE;

/// How values of a type become bytes, and bytes values.
///
/// Bytes from another process may be anything. `decode` must refuse what is no value, and spend neither memory nor time on
/// what the bytes only claim.
///
/// ```
/// use std::io::{self, Write};
/// use sysv_primitives::{codec::{Codec, CodecError}, messages};
///
/// struct Name(String);
/// struct Utf8;
///
/// impl Codec<Name> for Utf8 {
///     const NUMBER: u32 = 256;
///
///     fn encode(value: &Name, to: &mut impl Write) -> Result<(), CodecError> {
///         to.write_all(value.0.as_bytes()).map_err(|error| CodecError::new(error.to_string()))
///     }
///
///     fn decode(bytes: &[u8]) -> Result<Name, CodecError> {
///         let text = std::str::from_utf8(bytes).map_err(|error| CodecError::new(error.to_string()))?;
///         Ok(Name(text.to_owned()))
///     }
/// }
/// messages! { 1 => Name, codec Utf8 }
/// ```
pub trait Codec<T> {
    /// A number that travels with each message. Numbers below 256 are this crate's.
    const NUMBER: u32;

    /// Writes the bytes of a value. For a long message it is called twice, and must write the same bytes.
    ///
    /// # Errors
    ///
    /// Why the value has no bytes.
    fn encode(value: &T, to: &mut impl Write) -> Result<(), CodecError>;

    /// Makes a value of bytes, all of which must belong to it.
    ///
    /// # Errors
    ///
    /// Why the bytes are no value.
    fn decode(bytes: &[u8]) -> Result<T, CodecError>;

    /// Makes a value of so many bytes of a long message. By default it reads all of them first.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and what reading returns.
    fn decode_from(mut from: impl Read, len: usize) -> Result<T, CodecError> {
        let mut bytes = Vec::new();
        let failed = |error: io::Error| CodecError::new(error.to_string());
        // Memory that can't be had is an error here, and would abort the process in `Vec::with_capacity`.
        bytes.try_reserve_exact(len).map_err(|error| CodecError::new(error.to_string()))?;
        from.by_ref().take(len as u64).read_to_end(&mut bytes).map_err(failed)?;
        Self::decode(&bytes)
    }
}

/// Why a value has no bytes, or bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct CodecError {
    why: String,
}

impl CodecError {
    /// Makes an error that says why.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// A value that was encoded, if it is short. A long one is only measured.
pub(in crate::channel) struct Short {
    bytes: [u8; INLINE],
    len: usize,
}

impl Short {
    #[inline]
    pub(in crate::channel) fn new() -> Self {
        Self { bytes: [0; INLINE], len: 0 }
    }

    /// Returns the bytes, if there are few enough.
    #[inline]
    pub(in crate::channel) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len)
    }

    #[inline]
    pub(in crate::channel) fn len(&self) -> usize {
        self.len
    }
}

impl Write for Short {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Bytes that don't fit are counted only: the caller needs the length.
        if let Some(to) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        self.len += bytes.len();
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks that a message is one of this codec and schema.
#[inline]
pub(in crate::channel) fn check_as<C: Codec<T>, T>(codec: u32, schema: u32, expected: u32) -> Result<(), CodecError> {
    if codec == C::NUMBER && schema == expected { Ok(()) } else { Err(mixed_up(codec, C::NUMBER, schema, expected)) }
}

#[cold]
fn mixed_up(codec: u32, known: u32, schema: u32, expected: u32) -> CodecError {
    // The schema counts only within one codec, so it is named only if the codec is right.
    if codec == known {
        return CodecError::new(format!("it has schema {schema}, and this program knows schema {expected}"));
    }
    let name = |number| match number {
        1 => " (bincode)",
        2 => " (pod)",
        3 => " (raw)",
        4 => " (postcard)",
        _ => "",
    };
    let (found, wanted) = (name(codec), name(known));
    CodecError::new(format!("it has codec {codec}{found}, and this program knows codec {known}{wanted}"))
}
