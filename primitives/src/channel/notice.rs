//! What stands on the queue for a parcel: which one it is.

use crate::raw::{MessageBuffer, MessageType};

/// Says of a message that it is a notice of this channel; drawn when the channel is made, so that no value is
/// taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) [u64; 2]);

/// A parcel in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Notice {
    pub(super) parcel: usize,
    pub(super) generation: u64,
}

const LEN: usize = 32;

impl Tag {
    /// Makes the message that tells of a parcel.
    pub(super) fn message(self, route: MessageType, notice: Notice) -> MessageBuffer {
        let mut message = MessageBuffer::with_capacity(route, LEN);
        for word in [self.0[0], self.0[1], notice.parcel as u64, notice.generation] {
            message.extend_from_slice(&word.to_le_bytes());
        }
        message
    }

    /// Returns the notice in a message, if it is one.
    #[inline]
    pub(super) fn read(self, bytes: &[u8]) -> Option<Notice> {
        if bytes.len() != LEN {
            return None;
        }
        let word = |index: usize| bytes[8 * index..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        if (word(0)?, word(1)?) != (self.0[0], self.0[1]) {
            return None;
        }
        Some(Notice { parcel: usize::try_from(word(2)?).ok()?, generation: word(3)? })
    }
}
