//! How large a channel's segment is, and what lies where in its body.
//!
//! ```text
//! 0                control, the two turnstiles
//! 512              lost         a bit for each parcel, and counts
//! 768              mailboxes    one for each slot
//! after them       parcels      64 bytes each
//! after them       block words  4 bytes each: which parcel has the block
//! after them       blocks       the bytes of long messages, requests and answers
//! ```
//!
//! Everything follows from the largest message and the number of slots, which stand in the header.

use std::ops::Range;

/// How many long messages and calls can be under way at once.
pub(super) const PARCELS: usize = 1024;
const PARCEL: usize = 64;
const MAILBOX: usize = 64;
const MAILBOXES: usize = 768;

const SMALLEST_BLOCK: usize = 1 << 10;
const LARGEST_BLOCK: usize = 1 << 16;

/// The largest message that a channel can be made for: 4 GiB.
pub(super) const MOST: u64 = 1 << 32;

/// A channel's geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The largest message, in bytes.
    pub(super) largest: usize,
    pub(super) max_handles: usize,
    /// The size of a block, a power of two.
    pub(super) block: usize,
    /// How many blocks one largest message takes.
    reserve: usize,
}

impl Plan {
    pub(super) fn new(largest: usize, max_handles: u32) -> Self {
        let block = (largest / 256).next_power_of_two().clamp(SMALLEST_BLOCK, LARGEST_BLOCK);
        let reserve = largest.div_ceil(block).max(1);
        Self { largest, max_handles: max_handles as usize, block, reserve }
    }

    /// Returns the blocks that messages and requests may take: at least one largest message, or a block for each parcel.
    pub(super) fn for_sending(&self) -> Range<usize> {
        0..self.reserve.max(PARCELS)
    }

    /// Returns the blocks that an answer may take besides: so answers never wait for requests.
    pub(super) fn for_answers(&self) -> Range<usize> {
        let sending = self.for_sending().end;
        sending..sending + self.reserve
    }

    pub(super) fn blocks(&self) -> usize {
        self.for_answers().end
    }

    pub(super) fn mailboxes(&self) -> usize {
        MAILBOXES
    }

    pub(super) fn parcels(&self) -> usize {
        MAILBOXES + self.max_handles * MAILBOX
    }

    pub(super) fn block_words(&self) -> usize {
        self.parcels() + PARCELS * PARCEL
    }

    /// Returns where the bytes of blocks begin.
    pub(super) fn bytes(&self) -> usize {
        (self.block_words() + self.blocks() * size_of::<u32>()).next_multiple_of(128)
    }

    /// Returns the size of the body.
    pub(super) fn size(&self) -> usize {
        self.bytes().saturating_add(self.blocks().saturating_mul(self.block))
    }

    /// Returns how many blocks so many bytes take.
    pub(super) fn blocks_for(&self, len: usize) -> usize {
        len.div_ceil(self.block).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;

    #[test]
    fn every_size_has_room_to_send_and_to_answer() {
        for largest in [1, 1 << 10, 8192, 1 << 20, 64 << 20, 1 << 32] {
            let plan = Plan::new(largest, 64);
            assert!(plan.for_sending().len() >= plan.blocks_for(largest));
            assert!(plan.for_answers().len() >= plan.blocks_for(largest));
            assert_eq!(plan.for_answers().end, plan.blocks());
            assert!(plan.block_words().is_multiple_of(4) && plan.parcels().is_multiple_of(64));
        }
        assert_eq!(Plan::new(64 << 20, 64).block, 1 << 16);
    }
}
