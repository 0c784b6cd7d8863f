//! A message as the kernel takes it: its type, then its bytes.

use std::fmt;

use libc::c_long;

use super::selector::MessageType;
use crate::sys::MESSAGE_HEADER;

/// A message and the room for one.
///
/// Type and bytes lie together as the kernel wants them, so sending copies nothing, and a buffer
/// that is received into again and again allocates once.
///
/// ```
/// use sysv_ipc::{MessageBuffer, MessageQueueOptions, MessageType, Selector};
///
/// let queue = MessageQueueOptions::new().open_random()?;
/// let mut message = MessageBuffer::new(MessageType::new(7)?, b"seven");
/// queue.send(&message)?;
/// queue.receive_into(&mut message, Selector::Type(MessageType::new(7)?))?;
/// assert_eq!(message.bytes(), b"seven");
/// queue.remove()?;
/// # Ok::<(), sysv_ipc::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MessageBuffer {
    /// The type in the machine's byte order, then the bytes. Never shorter than the type.
    raw: Vec<u8>,
}

impl MessageBuffer {
    /// Makes a message.
    #[must_use]
    pub fn new(message_type: MessageType, bytes: &[u8]) -> Self {
        let mut message = Self::with_capacity(message_type, bytes.len());
        message.raw.extend_from_slice(bytes);
        message
    }

    /// Makes an empty message with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(message_type: MessageType, capacity: usize) -> Self {
        let mut raw = Vec::with_capacity(MESSAGE_HEADER + capacity);
        raw.extend_from_slice(&message_type.get().to_ne_bytes());
        Self { raw }
    }

    /// Returns the type.
    #[must_use]
    pub fn message_type(&self) -> MessageType {
        // A message begins with its type. This crate makes only positive types, and the kernel returns no others.
        let number = self.raw.first_chunk().map(|header| c_long::from_ne_bytes(*header));
        number.and_then(|number| MessageType::new(number).ok()).unwrap_or_default()
    }

    /// Sets the type.
    #[inline]
    pub fn set_message_type(&mut self, message_type: MessageType) {
        self.raw[..MESSAGE_HEADER].copy_from_slice(&message_type.get().to_ne_bytes());
    }

    /// Returns the bytes.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.raw[MESSAGE_HEADER..]
    }

    /// Returns the bytes, to be changed in place.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.raw[MESSAGE_HEADER..]
    }

    /// Removes the bytes and keeps type and room.
    #[inline]
    pub fn clear(&mut self) {
        self.raw.truncate(MESSAGE_HEADER);
    }

    /// Appends bytes.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }

    /// Returns the bytes alone.
    #[must_use]
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.raw.drain(..MESSAGE_HEADER);
        self.raw
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Lends the memory to a receiver, which leaves it unchanged or stores a whole message in it.
    pub(super) fn raw_mut(&mut self) -> &mut Vec<u8> {
        &mut self.raw
    }
}

impl Default for MessageBuffer {
    /// An empty message of type 1, without room.
    fn default() -> Self {
        Self::with_capacity(MessageType::ONE, 0)
    }
}

impl std::io::Write for MessageBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for MessageBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBuffer")
            .field("message_type", &self.message_type())
            .field("bytes", &self.bytes().escape_ascii().to_string())
            .finish()
    }
}
