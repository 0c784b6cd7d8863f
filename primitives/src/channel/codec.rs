//! Values to bytes and back: the only file that knows bincode.
//!
//! A message is the schema number of its type in four bytes, little endian, and then bincode 2's standard
//! encoding: little endian, variable-length integers, no field names. It describes itself nowhere, so both
//! sides must be built from the same types; the schema number is there to notice if they aren't.

use std::io::{BufReader, BufWriter, Read, Write};

use bincode::{config::Configuration, enc::write::Writer, error::EncodeError};
use serde::{Serialize, de::DeserializeOwned};

use crate::raw::MessageBuffer;

const STANDARD: Configuration = bincode::config::standard();

/// No message is longer than 4 GiB.
const MOST: usize = if usize::BITS > 32 { usize::MAX >> 31 } else { usize::MAX >> 1 };

/// Decodes with a limit to the memory that lengths in the bytes may ask for, since those from outside say what they
/// like: four times what arrived, or more; there are a few limits, since each is a type.
macro_rules! decode_limited {
    ($len:expr, $decode:path, $from:expr) => {
        match $len >> 20 {
            0..1 => $decode($from, STANDARD.with_limit::<{ 16 << 20 }>()),
            1..16 => $decode($from, STANDARD.with_limit::<{ 64 << 20 }>()),
            16..256 => $decode($from, STANDARD.with_limit::<{ 1 << 30 }>()),
            _ => $decode($from, STANDARD.with_limit::<MOST>()),
        }
    };
}

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
    bincode::serde::encode_into_writer(value, &mut writer, STANDARD).map_err(|error| error.to_string())?;
    Ok(writer.len)
}

/// Encodes a value to somewhere else.
pub(super) fn encode_to<T: Serialize>(value: &T, schema: u32, to: impl Write) -> Result<(), String> {
    let mut to = BufWriter::new(to);
    to.write_all(&schema.to_le_bytes()).map_err(|error| error.to_string())?;
    bincode::serde::encode_into_std_write(value, &mut to, STANDARD).map_err(|error| error.to_string())?;
    to.flush().map_err(|error| error.to_string())
}

fn check_schema(found: [u8; 4], schema: u32) -> Result<(), String> {
    let found = u32::from_le_bytes(found);
    if found == schema { Ok(()) } else { Err(format!("it has schema {found}, and this program knows schema {schema}")) }
}

const TOO_SHORT: &str = "it is shorter than a schema number";

/// Makes a value of bytes, all of which must belong to it.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], schema: u32) -> Result<T, String> {
    let (found, bytes) = bytes.split_first_chunk().ok_or(TOO_SHORT)?;
    check_schema(*found, schema)?;
    let decoded = decode_limited!(bytes.len(), bincode::serde::decode_from_slice, bytes);
    let (value, used) = decoded.map_err(|error| error.to_string())?;
    nothing_left(bytes.len() - used)?;
    Ok(value)
}

fn nothing_left(rest: usize) -> Result<(), String> {
    if rest == 0 { Ok(()) } else { Err(format!("{rest} bytes are left over")) }
}

/// Makes a value of so many bytes from somewhere else, all of which must belong to it.
pub(super) fn decode_from<T: DeserializeOwned>(from: impl Read, len: usize, schema: u32) -> Result<T, String> {
    let mut from = BufReader::new(from.take(len as u64));
    let mut found = [0; 4];
    from.read_exact(&mut found).map_err(|_| TOO_SHORT)?;
    check_schema(found, schema)?;
    let decoded = decode_limited!(len, bincode::serde::decode_from_std_read, &mut from);
    let value = decoded.map_err(|error| error.to_string())?;
    let buffered = from.buffer().len();
    nothing_left(buffered + usize::try_from(from.get_ref().limit()).unwrap_or(usize::MAX))?;
    Ok(value)
}
