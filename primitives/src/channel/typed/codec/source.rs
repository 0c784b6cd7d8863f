//! Where a message's bytes come from, and what is left of them: the format reads them, and the bounds read ahead.
//!
//! What is here is bincode's. Other formats have a source of their own.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read},
    mem,
};

use bincode::{de::read::Reader, error::DecodeError};

/// How much of a longer message is read at once.
const BUFFER: usize = 8 << 10;

/// How many bytes a length takes.
const LENGTH: usize = size_of::<u64>();

/// How far bincode reads ahead for a number.
const AHEAD: usize = size_of::<u128>();

/// Bytes of a message, from a position on.
pub(super) trait Source {
    /// Returns how many are left.
    fn left(&self) -> usize;

    /// Returns the length that comes next, without taking it. `None` if there is none: the format refuses that itself.
    fn next_length(&self) -> io::Result<Option<u64>>;
}

/// Reads a length as bincode has it.
#[inline]
fn length(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn ends(wanted: usize, left: usize) -> DecodeError {
    DecodeError::UnexpectedEnd { additional: wanted - left }
}

// Bytes in memory ------------------------------------------------------------------------------

pub(super) struct Slice<'a>(Cell<&'a [u8]>);

impl<'a> Slice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Cell::new(bytes))
    }
}

impl Source for Slice<'_> {
    #[inline]
    fn left(&self) -> usize {
        self.0.get().len()
    }

    #[inline]
    fn next_length(&self) -> io::Result<Option<u64>> {
        Ok(length(self.0.get()))
    }
}

impl Reader for &Slice<'_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        let left = self.0.get();
        // All or none: after an error the position is where it was.
        let (read, left) = left.split_at_checked(bytes.len()).ok_or_else(|| ends(bytes.len(), left.len()))?;
        bytes.copy_from_slice(read);
        self.0.set(left);
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, len: usize) -> Option<&[u8]> {
        self.0.get().get(..len)
    }

    #[inline]
    fn consume(&mut self, len: usize) {
        // bincode takes only what it has seen, so there are as many.
        self.0.set(self.0.get().get(len..).unwrap_or_default());
    }
}

// Bytes from somewhere else --------------------------------------------------------------------

pub(super) struct Stream<R>(RefCell<Buffered<R>>);

struct Buffered<R> {
    from: R,
    /// Bytes that were read, and how many of them are taken.
    buffer: Vec<u8>,
    taken: usize,
    /// How many are not read yet.
    unread: usize,
    /// Why they can't be: reading goes on nowhere else then.
    failed: Option<String>,
}

impl<R: Read> Stream<R> {
    /// The next `len` bytes of `from`.
    pub(super) fn new(from: R, len: usize) -> Self {
        // `len` comes from the message, and may be anything up to 4 GiB.
        let buffer = Vec::with_capacity(len.min(BUFFER));
        Self(RefCell::new(Buffered { from, buffer, taken: 0, unread: len, failed: None }))
    }

    pub(super) fn reader(&self) -> StreamReader<'_, R> {
        StreamReader { stream: self, ahead: [0; AHEAD] }
    }
}

/// Reads a stream, and has a copy of its next bytes, where bincode peeks at numbers.
pub(super) struct StreamReader<'a, R> {
    stream: &'a Stream<R>,
    ahead: [u8; AHEAD],
}

impl<R: Read> Buffered<R> {
    fn left(&self) -> usize {
        self.buffer.len() - self.taken + self.unread
    }

    #[inline]
    fn buffered(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Returns what is in the buffer: at least `wanted` bytes, up to [`BUFFER`], unless fewer are left.
    fn filled(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.buffered().len() < wanted && self.unread > 0 {
            // What is in the buffer stays there, so a length can be seen without being taken.
            self.refill()?;
        }
        Ok(self.buffered())
    }

    #[cold]
    fn refill(&mut self) -> io::Result<()> {
        // Room is made first: the buffer never grows beyond its size.
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let old = self.buffer.len();
        // At most to the end of the message. What follows there is not ours.
        self.buffer.resize(old + self.unread.min(BUFFER - old), 0);
        // Out of `self` for the call, which borrows the rest of it.
        let mut buffer = mem::take(&mut self.buffer);
        let read = self.read_directly(&mut buffer[old..]);
        self.buffer = buffer;
        read.inspect_err(|_| self.buffer.truncate(old))
    }

    /// Reads past the buffer, and never again after a failure.
    fn read_directly(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        // An error is kept: the format must not go on behind a gap.
        if self.failed.is_none() {
            match self.from.read_exact(bytes) {
                Ok(()) => self.unread -= bytes.len(),
                Err(error) => self.failed = Some(error.to_string()),
            }
        }
        self.failed.as_ref().map_or(Ok(()), |why| Err(io::Error::other(why.clone())))
    }

    #[inline]
    fn take(&mut self, mut bytes: &mut [u8]) -> io::Result<()> {
        // The usual case: a number that is in the buffer already.
        let buffered = self.buffered();
        if let Some(all) = buffered.get(..bytes.len()) {
            bytes.copy_from_slice(all);
            self.taken += bytes.len();
            return Ok(());
        }
        // Otherwise first what is there, so that the buffer is empty for the rest.
        let (head, rest) = bytes.split_at_mut(buffered.len());
        head.copy_from_slice(buffered);
        self.taken += head.len();
        bytes = rest;
        if bytes.len() >= BUFFER {
            // Long bytes are not copied twice.
            return self.read_directly(bytes);
        }
        let buffered = self.filled(bytes.len())?;
        bytes.copy_from_slice(&buffered[..bytes.len()]);
        self.taken += bytes.len();
        Ok(())
    }
}

impl<R: Read> Source for Stream<R> {
    fn left(&self) -> usize {
        self.0.borrow().left()
    }

    fn next_length(&self) -> io::Result<Option<u64>> {
        Ok(length(self.0.borrow_mut().filled(LENGTH)?))
    }
}

impl<R: Read> Reader for StreamReader<'_, R> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        let mut stream = self.stream.0.borrow_mut();
        // Before anything is taken, so a length that lies costs no time.
        if bytes.len() > stream.left() {
            return Err(ends(bytes.len(), stream.left()));
        }
        stream.take(bytes).map_err(|inner| DecodeError::Io { inner, additional: bytes.len() })
    }

    #[inline]
    fn peek_read(&mut self, len: usize) -> Option<&[u8]> {
        let mut stream = self.stream.0.borrow_mut();
        // A failure comes again when the bytes are read.
        let buffered = stream.filled(len).ok()?;
        match buffered.first_chunk() {
            // As many as there is room for are copied faster than as many as are wanted.
            Some(ahead) => self.ahead = *ahead,
            None => self.ahead.get_mut(..len)?.copy_from_slice(buffered.get(..len)?),
        }
        self.ahead.get(..len)
    }

    /// Takes what was peeked at.
    #[inline]
    fn consume(&mut self, len: usize) {
        let mut stream = self.stream.0.borrow_mut();
        stream.taken = stream.buffer.len().min(stream.taken + len);
    }
}

#[cfg(test)]
mod tests {
    use bincode::de::read::Reader;

    use super::{BUFFER, Source, Stream};

    /// Gives bytes in pieces, as blocks in shared memory do.
    struct Pieces<'a>(&'a [u8]);

    impl std::io::Read for Pieces<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            let len = bytes.len().min(self.0.len()).min(100);
            let (now, later) = self.0.split_at(len);
            bytes[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    /// Reads of every size give the bytes in order, with peeks in between, and none beyond the end.
    #[test]
    fn a_stream_is_its_bytes_in_order() {
        let bytes: Vec<u8> = (0..=250).cycle().take(5 * BUFFER).collect();
        for step in [1, 2, 7, 8, 9, 100, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER] {
            let stream = Stream::new(Pieces(&bytes), bytes.len() - 3);
            let mut read = Vec::new();
            while stream.left() > 0 {
                let length = stream.next_length().expect("it can be read");
                let expected = bytes[read.len()..bytes.len() - 3].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
                assert_eq!(length, expected, "at {}", read.len());
                let mut some = vec![0; step.min(stream.left())];
                stream.reader().read(&mut some).expect("so many are left");
                read.extend_from_slice(&some);
            }
            assert_eq!(read, bytes[..bytes.len() - 3]);
            assert!(stream.reader().read(&mut [0]).is_err());
        }
    }
    /// After a failure nothing more is read, and what is missing is not left out.
    #[test]
    fn a_stream_that_fails() {
        struct Failing(usize);
        impl std::io::Read for Failing {
            fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
                match self.0.checked_sub(1) {
                    Some(left) => {
                        self.0 = left;
                        bytes[0] = 7;
                        Ok(1)
                    }
                    None => {
                        self.0 = BUFFER;
                        Err(std::io::Error::other("damaged"))
                    }
                }
            }
        }
        let stream = Stream::new(Failing(BUFFER), BUFFER + 3);
        let mut reader = stream.reader();
        reader.read(&mut [0; BUFFER - 1]).expect("the buffer has them");
        assert!(reader.peek_read(2).is_none());
        let error = reader.read(&mut [0; 2]).expect_err("the second one can't be read");
        assert!(error.to_string().contains("damaged"), "{error}");
        assert!(stream.next_length().is_err());
        assert_eq!(stream.left(), 3, "they are not taken for read");
    }
}
