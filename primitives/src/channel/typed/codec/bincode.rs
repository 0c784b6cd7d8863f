//! bincode 2, held to the numbers of `bounds.rs`: the only file that names its encoder and decoder.
//!
//! The encoding is little endian, with integers and lengths of their full size and no field names. It describes itself
//! nowhere, so both sides must be built from the same types. Integers of variable size, bincode's default, take fewer bytes,
//! and several times as long: in shared memory time is the dearer one.
//!
//! bincode trusts the bytes: it has no limit to nesting, and takes a sequence's length for what it says. So a serializer
//! and a deserializer of our own stand around its own (`encoding.rs`, `decoding.rs`). They see each struct, enum, sequence and so
//! on, and let numbers pass.

use std::io::{Read, Write};

use bincode::{
    config::{self, Configuration, Fixint, LittleEndian},
    enc::write::Writer,
    error::{DecodeError, EncodeError},
    serde::OwnedSerdeDecoder,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Codec, CodecError,
    decoding::Left,
    encoding::Count,
    source::{Slice, Source, Stream},
};

const FIXED: Configuration<LittleEndian, Fixint> = config::standard().with_fixed_int_encoding();

/// The codec of types that implement serde's traits, by default: [bincode](https://docs.rs/bincode/2).
#[derive(Debug)]
pub struct Bincode;

/// Counts what it passes on.
struct Counting<'a, W> {
    to: &'a mut W,
    len: usize,
}

impl<W: Write> Writer for Counting<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.len += bytes.len();
        self.to.write_all(bytes).map_err(|inner| EncodeError::Io { inner, index: self.len })
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Bincode {
    const NUMBER: u32 = 1;

    #[inline]
    fn encode(value: &T, to: &mut impl Write) -> Result<(), CodecError> {
        let mut writer = Counting { to, len: 0 };
        let count = Count::default();
        // CB1 is checked on the way: a value that is nested too deep fails before it has used up the stack.
        bincode::serde::encode_into_writer(count.bound(value), &mut writer, FIXED).map_err(why_unencodable)?;
        // CB2: how many bytes the elements have is known only now. Nothing is sent before this returns.
        count.check(writer.len).map_err(|exceeded| CodecError::new(exceeded.to_string()))
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        let source = Slice::new(bytes);
        let mut decoder = OwnedSerdeDecoder::from_reader(&source, FIXED);
        // The bounds and bincode share one source, so the bounds see the next length before bincode acts on it.
        let left = Left::new(&source);
        let value = T::deserialize(left.bound(decoder.as_deserializer())).map_err(why_undecodable)?;
        // Bytes behind the value mean that the two programs have different types under one schema.
        nothing_left(source.left())?;
        Ok(value)
    }

    fn decode_from(from: impl Read, len: usize) -> Result<T, CodecError> {
        // As in `decode`. The bytes lie in blocks, and are buffered instead of copied as a whole.
        let source = Stream::new(from, len);
        let mut decoder = OwnedSerdeDecoder::from_reader(source.reader(), FIXED);
        let left = Left::new(&source);
        let value = T::deserialize(left.bound(decoder.as_deserializer())).map_err(why_undecodable)?;
        nothing_left(source.left())?;
        Ok(value)
    }
}

/// bincode shows what others said, such as the type or `bounds.rs`, in Rust's syntax.
#[cold]
fn why_undecodable(error: DecodeError) -> CodecError {
    match error {
        DecodeError::OtherString(why) => CodecError::new(why),
        error => CodecError::new(error.to_string()),
    }
}

#[cold]
fn why_unencodable(error: EncodeError) -> CodecError {
    match error {
        EncodeError::OtherString(why) => CodecError::new(why),
        error => CodecError::new(error.to_string()),
    }
}

fn nothing_left(rest: usize) -> Result<(), CodecError> {
    if rest == 0 { Ok(()) } else { Err(CodecError::new(format!("{rest} bytes are left over"))) }
}
