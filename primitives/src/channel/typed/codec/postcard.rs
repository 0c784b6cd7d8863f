//! postcard 1, held to the numbers of `bounds.rs`: the only file that names its encoder and decoder.
//!
//! postcard has no limit to nesting, and takes a sequence's length for what it says. The serializer and the deserializer that
//! stand around bincode's own stand around postcard's as well. Its lengths are written in another way, so the bounds read
//! ahead with the [`Source`] of this file.
//!
//! postcard drops the text of errors that others make. The bounds keep what was exceeded, and it is said from there.

use std::{
    cell::Cell,
    io::{self, Write},
};

use postcard::{Deserializer, Error, Serializer, de_flavors, ser_flavors};
use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, CodecError, bounds::Exceeded, decoding::Left, encoding::Count, source::Source};

/// The codec of types that implement serde's traits in the format of [postcard](https://docs.rs/postcard/1), which is
/// specified. It needs the feature `postcard`.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Channel, messages};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Job { number: u32, path: String }
/// messages! { 1 => Job, codec postcard }
///
/// # let name = format!("postcard-example-{}", std::process::id());
/// let channel = Channel::create(&name)?;
/// channel.send(&Job { number: 7, path: "a".to_owned() })?;
/// // A number of 7 bits takes a byte, as the length of a short string does.
/// assert_eq!(channel.recv_any()?.bytes(), [7, 1, b'a']);
/// channel.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
///
/// It has the limits of [`Bincode`](super::Bincode): at most 128 levels of nesting, and elements without bytes are counted.
/// A long message is read as a whole before it is decoded. The text of an error that the type's own `Serialize` or
/// `Deserialize` makes is lost, since postcard drops it. The response to a [call](crate::Channel::call) has
/// [`Bincode`](super::Bincode), whatever the codec of its request.
#[derive(Debug)]
pub struct Postcard;

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    const NUMBER: u32 = 4;

    #[inline]
    fn encode(value: &T, to: &mut impl Write) -> Result<(), CodecError> {
        let count = Count::default();
        let mut serializer = Serializer { output: Counting { to, len: 0, failed: None } };
        let encoded = count.bound(value).serialize(&mut serializer);
        let Counting { len, failed, .. } = serializer.output;
        // postcard reports a writer that fails as a full buffer. What really happened was kept.
        if let Some(error) = failed {
            return Err(CodecError::new(error.to_string()));
        }
        // Nothing of it is sent: the caller drops what was written.
        encoded.map_err(|error| why(&error, count.exceeded()))?;
        count.check(len).map_err(|exceeded| CodecError::new(exceeded.to_string()))
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        let source = Bytes(Cell::new(bytes));
        // postcard and the bounds share the position in the bytes.
        let mut deserializer = Deserializer::from_flavor(&source);
        let left = Left::new(&source);
        let value = T::deserialize(left.bound(&mut deserializer)).map_err(|error| why(&error, left.exceeded()))?;
        // Bytes behind the value mean that the two programs have different types under one schema.
        match source.left() {
            0 => Ok(value),
            rest => Err(CodecError::new(format!("{rest} bytes are left over"))),
        }
    }
}

#[cold]
fn why(error: &Error, exceeded: Option<Exceeded>) -> CodecError {
    // postcard drops the texts of others, also that of the bounds.
    CodecError::new(exceeded.map_or_else(|| error.to_string(), |exceeded| exceeded.to_string()))
}

// Encoding -------------------------------------------------------------------------------------

/// Counts what it passes on, and keeps why it can't.
struct Counting<'a, W> {
    to: &'a mut W,
    len: usize,
    failed: Option<io::Error>,
}

impl<W: Write> ser_flavors::Flavor for Counting<'_, W> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.len += bytes.len();
        self.to.write_all(bytes).map_err(|error| {
            self.failed = Some(error);
            Error::SerializeBufferFull
        })
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<(), Error> {
        self.try_extend(&[byte])
    }

    fn finalize(self) -> Result<(), Error> {
        Ok(())
    }
}

// Decoding -------------------------------------------------------------------------------------

/// Reads a length as postcard has it: 7 bits a byte, the lowest first, and the highest bit says that more follow.
///
/// It must see what postcard sees: an encoding that is longer than it needs to be is taken, and one of too many bits is none.
fn length(bytes: &[u8]) -> Option<u64> {
    let mut length = 0;
    for (&byte, shift) in bytes.iter().zip((0..u64::BITS).step_by(7)) {
        let bits = u64::from(byte & 0x7f);
        length |= bits << shift;
        if byte < 0x80 {
            // The tenth byte has room for one bit. More of them were shifted out, and postcard refuses them.
            return (length >> shift == bits).then_some(length);
        }
    }
    None
}

/// Bytes of a message, which postcard takes and the bounds check.
struct Bytes<'a>(Cell<&'a [u8]>);

impl Source for Bytes<'_> {
    #[inline]
    fn left(&self) -> usize {
        self.0.get().len()
    }

    #[inline]
    fn next_length(&self) -> io::Result<Option<u64>> {
        Ok(length(self.0.get()))
    }
}

impl<'de> de_flavors::Flavor<'de> for &'de Bytes<'de> {
    type Remainder = ();
    type Source = &'de [u8];

    #[inline]
    fn pop(&mut self) -> Result<u8, Error> {
        let (&first, rest) = self.0.get().split_first().ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0.set(rest);
        Ok(first)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left())
    }

    #[inline]
    fn try_take_n(&mut self, len: usize) -> Result<&'de [u8], Error> {
        // All or none, and never past the end of the message.
        let (taken, rest) = self.0.get().split_at_checked(len).ok_or(Error::DeserializeUnexpectedEnd)?;
        self.0.set(rest);
        Ok(taken)
    }

    fn finalize(self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bounds see each length that postcard writes, also with other bytes behind it.
    #[test]
    fn lengths_are_seen_as_they_are_written() {
        let mut numbers: Vec<u64> = (0..u64::BITS).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]).collect();
        numbers.push(u64::MAX);
        for number in numbers {
            let mut bytes = Vec::new();
            Postcard::encode(&number, &mut bytes).expect("numbers have bytes");
            assert_eq!(length(&bytes), Some(number));
            assert_eq!(length(&bytes[..bytes.len() - 1]), None, "{number} is cut");
            bytes.extend([0xff; 20]);
            assert_eq!(length(&bytes), Some(number));
        }
    }

    /// They take and refuse the same bytes as postcard.
    #[test]
    fn lengths_are_taken_as_postcard_takes_them() {
        let mut accepted = 0;
        for len in 0..12 {
            for last in [0, 1, 2, 0x7f, 0x80, 0xff] {
                for byte in [0x80, 0x81, 0xff] {
                    let mut bytes = vec![byte; len];
                    bytes.push(last);
                    let theirs: Option<u64> = Postcard::decode(&bytes).ok();
                    assert_eq!(length(&bytes), theirs, "{bytes:x?}");
                    accepted += u32::from(theirs.is_some());
                }
            }
        }
        assert!(accepted > 50, "{accepted}");
    }

    /// What the writer says is not lost.
    #[test]
    fn a_writer_that_fails() {
        struct Failing;
        impl Write for Failing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("no room"))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert_eq!(Postcard::encode(&1_u8, &mut Failing), Err(CodecError::new("no room")));
    }
}
