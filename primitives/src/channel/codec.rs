//! Values to bytes and back: the only folder that knows bincode.
//!
//! A message is the schema number of its type in four bytes, little endian, and then bincode 2's standard
//! encoding: little endian, variable-length integers, no field names. It describes itself nowhere, so both
//! sides must be built from the same types; the schema number is there to notice if they aren't.
//!
//! bincode trusts the bytes: it has no limit to nesting, and takes a sequence's length for what it says. So a serializer
//! and a deserializer of our own stand around its own (`encoding.rs`, `decoding.rs`), and hold to the numbers of
//! `bounds.rs`. They see each struct, enum, sequence and so on, and let numbers pass.

mod bounds;
mod decoding;
mod encoding;
mod source;

use std::io::{BufWriter, Read, Write};

use bincode::{
    config::Configuration,
    enc::write::Writer,
    error::{DecodeError, EncodeError},
    serde::OwnedSerdeDecoder,
};
use serde::{Serialize, de::DeserializeOwned};

use self::{
    decoding::Left,
    encoding::Count,
    source::{Slice, Source, Stream},
};
use crate::raw::MessageBuffer;

const STANDARD: Configuration = bincode::config::standard();

/// A message that grows up to a limit, and is only measured beyond it.
struct Measured<'a> {
    message: &'a mut MessageBuffer,
    most: usize,
    len: usize,
}

impl Writer for Measured<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.len += bytes.len();
        if self.len <= self.most {
            self.message.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// Encodes a value into an empty message if that takes `most` bytes at most, and returns how many it takes.
pub(super) fn encode<T: Serialize>(
    value: &T,
    schema: u32,
    message: &mut MessageBuffer,
    most: usize,
) -> Result<usize, String> {
    message.extend_from_slice(&schema.to_le_bytes());
    let mut writer = Measured { message, most, len: size_of::<u32>() };
    let count = Count::default();
    bincode::serde::encode_into_writer(count.bound(value), &mut writer, STANDARD).map_err(why_unencodable)?;
    count.check(writer.len - size_of::<u32>()).map_err(|exceeded| exceeded.to_string())?;
    Ok(writer.len)
}

/// Encodes a value to somewhere else.
pub(super) fn encode_to<T: Serialize>(value: &T, schema: u32, to: impl Write) -> Result<(), String> {
    let mut to = BufWriter::new(to);
    to.write_all(&schema.to_le_bytes()).map_err(|error| error.to_string())?;
    let count = Count::default();
    bincode::serde::encode_into_std_write(count.bound(value), &mut to, STANDARD).map_err(why_unencodable)?;
    to.flush().map_err(|error| error.to_string())
}

fn check_schema(found: [u8; 4], schema: u32) -> Result<(), String> {
    let found = u32::from_le_bytes(found);
    if found == schema { Ok(()) } else { Err(format!("it has schema {found}, and this program knows schema {schema}")) }
}

const TOO_SHORT: &str = "it is shorter than a schema number";

/// bincode shows what others said, such as the type or `bounds.rs`, in Rust's syntax.
fn why_undecodable(error: DecodeError) -> String {
    match error {
        DecodeError::OtherString(why) => why,
        error => error.to_string(),
    }
}

fn why_unencodable(error: EncodeError) -> String {
    match error {
        EncodeError::OtherString(why) => why,
        error => error.to_string(),
    }
}

/// Makes a value of bytes, all of which must belong to it.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], schema: u32) -> Result<T, String> {
    let (found, bytes) = bytes.split_first_chunk().ok_or(TOO_SHORT)?;
    check_schema(*found, schema)?;
    let source = Slice::new(bytes);
    let mut decoder = OwnedSerdeDecoder::from_reader(&source, STANDARD);
    let left = Left::new(&source);
    let value = T::deserialize(left.bound(decoder.as_deserializer())).map_err(why_undecodable)?;
    nothing_left(source.left())?;
    Ok(value)
}

/// Makes a value of so many bytes from somewhere else, all of which must belong to it.
pub(super) fn decode_from<T: DeserializeOwned>(mut from: impl Read, len: usize, schema: u32) -> Result<T, String> {
    let mut found = [0; 4];
    let len = len.checked_sub(found.len()).ok_or(TOO_SHORT)?;
    from.read_exact(&mut found).map_err(|error| error.to_string())?;
    check_schema(found, schema)?;
    let source = Stream::new(from, len);
    let mut decoder = OwnedSerdeDecoder::from_reader(source.reader(), STANDARD);
    let left = Left::new(&source);
    let value = T::deserialize(left.bound(decoder.as_deserializer())).map_err(why_undecodable)?;
    nothing_left(source.left())?;
    Ok(value)
}

fn nothing_left(rest: usize) -> Result<(), String> {
    if rest == 0 { Ok(()) } else { Err(format!("{rest} bytes are left over")) }
}
