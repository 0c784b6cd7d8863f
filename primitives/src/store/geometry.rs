//! How large a store is, and what lies where in its body.
//!
//! ```text
//! control        what is read often and written seldom; the clock; the routes
//! members        which lanes each slot serves; attachments by lane and slot
//! rooms          receive, space, response, and the lock of the blocks
//! lanes          256 bytes each: tail and flag, head
//! taken          128 bytes for 64 cells
//! returned       a bit for each cell
//! entries         8 bytes each: `span` for each lane
//! cells          256 bytes each
//! causes         8 bytes for each of the last attempts of each cell
//! blocks         8 + 4 bytes each: the owner, the next block; then their bytes
//! ```
//!
//! The sizes follow from four numbers. Three of them stand in the header as one, with the limit of attempts, and the fourth is the
//! number of slots.

use std::ops::Range;

use super::cell::Cell;
use crate::{
    attendance::{Arrivals, Attachment},
    sizes::{self, ASIDE, CALLS, CAUSES, CONTROLS, MOST_ROUTES, RESPONSE_BLOCKS, SHARED_LANES},
    waiting::room::Room,
};

/// The most messages that a channel may hold: a hint has 16 bits for the cell, and calls need some.
pub(crate) const MOST_MESSAGES: u32 = 64_000;
/// The largest message that a channel can be made for: a length has 32 bits.
pub(crate) const LARGEST: u64 = u32::MAX as u64;

const SMALLEST_BLOCK: usize = 1 << 10;
const LARGEST_BLOCK: usize = 1 << 16;

/// The size of a lane's words.
pub(crate) const LANE: usize = 256;
pub(crate) const TAKEN: usize = 128;
const ALIGNED: usize = 128;

const MESSAGE_BITS: u32 = 18;
const ROUTE_BITS: u32 = 6;
const SIZE_BITS: u32 = 32;
const ATTEMPTS_SHIFT: u32 = MESSAGE_BITS + ROUTE_BITS + SIZE_BITS;

/// Which cells a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// An ordinary message.
    Message = 0,
    /// A request, with a caller that waits for the response.
    Call = 1,
    /// A message that must get through to a full channel.
    Control = 2,
}

impl Class {
    pub(crate) const ALL: [Self; 3] = [Self::Message, Self::Call, Self::Control];
}

/// The sizes of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) messages: u32,
    pub(crate) max_message_size: usize,
    pub(crate) max_routes: u32,
    pub(crate) max_handles: u32,
    /// After how many attempts a message is set aside, unless it says another number. 0 is never.
    pub(crate) attempts: u8,
}

impl Geometry {
    /// Returns the numbers of a store, but that of the slots, as the one that stands in the header.
    pub(crate) fn packed(&self) -> u64 {
        let size = (self.max_message_size as u64) << (MESSAGE_BITS + ROUTE_BITS);
        let routes = u64::from(self.max_routes) << MESSAGE_BITS;
        u64::from(self.attempts) << ATTEMPTS_SHIFT | size | routes | u64::from(self.messages)
    }

    /// Returns the geometry that a header speaks of. Returns `None` if there can be none.
    #[expect(clippy::cast_possible_truncation, reason = "masked with fewer bits")]
    pub(crate) fn unpacked(packed: u64, max_handles: u32) -> Option<Self> {
        let messages = packed as u32 & ((1 << MESSAGE_BITS) - 1);
        let max_routes = (packed >> MESSAGE_BITS) as u32 & ((1 << ROUTE_BITS) - 1);
        let max_message_size = usize::try_from((packed >> (MESSAGE_BITS + ROUTE_BITS)) as u32).ok()?;
        let attempts = (packed >> ATTEMPTS_SHIFT) as u8;
        let geometry = Self { messages, max_message_size, max_routes, max_handles, attempts };
        // The number comes from the header, and decides where everything lies.
        geometry.is_possible().then_some(geometry)
    }

    pub(crate) fn is_possible(&self) -> bool {
        (1..=MOST_MESSAGES).contains(&self.messages)
            && (1..=MOST_ROUTES).contains(&self.max_routes)
            && self.max_message_size as u64 <= LARGEST
    }

    /// Returns how many messages of a class there is room for.
    pub(crate) fn capacity_of(&self, class: Class) -> usize {
        match class {
            Class::Message => self.messages as usize,
            // A small channel has room for some calls, and a large one needs no more than can be under way.
            Class::Call => self.messages.clamp(CALLS.start, CALLS.end - 1) as usize,
            Class::Control => CONTROLS,
        }
    }

    /// Returns how many messages of a class may be set aside besides.
    pub(crate) fn quota_of(&self, class: Class) -> usize {
        self.capacity_of(class).clamp(ASIDE.start, ASIDE.end - 1)
    }

    /// Returns the cells of a class.
    pub(crate) fn cells_of(&self, class: Class) -> Range<usize> {
        let cells = |class: Class| self.capacity_of(class) + self.quota_of(class);
        // The classes lie one behind the other, so the number of a cell says its class.
        let first = Class::ALL[..class as usize].iter().map(|&class| cells(class)).sum();
        first..first + cells(class)
    }

    pub(crate) fn cells(&self) -> usize {
        self.cells_of(Class::Control).end
    }

    pub(crate) fn lanes(&self) -> usize {
        self.max_routes as usize + SHARED_LANES
    }

    /// Returns how many entries a lane has, a power of two.
    pub(crate) fn span(&self) -> usize {
        sizes::entries(self.cells())
    }

    /// Returns the words of the taken bits of a class.
    pub(crate) fn taken_of(&self, class: Class) -> Range<usize> {
        let words = |class: Class| self.cells_of(class).len().div_ceil(64);
        let before = Class::ALL[..class as usize].iter().map(|&class| words(class)).sum();
        before..before + words(class)
    }

    /// Returns the size of a block, a power of two.
    pub(crate) fn block(&self) -> usize {
        // So that the largest message has few links, and a message that just exceeds a cell wastes little.
        (self.max_message_size / 256).next_power_of_two().clamp(SMALLEST_BLOCK, LARGEST_BLOCK)
    }

    /// Returns how many blocks so many bytes take.
    pub(crate) fn blocks_for(&self, len: usize) -> usize {
        len.div_ceil(self.block())
    }

    /// Returns the blocks for messages and requests: two of the largest message, or one block for each of 1,024 messages.
    pub(crate) fn blocks_for_messages(&self) -> Range<usize> {
        // Two of the largest, so that one can be sent while another is received.
        let largest = self.blocks_for(self.max_message_size).max(1);
        0..(2 * largest).max(self.messages.min(1024) as usize)
    }

    /// Returns the blocks for responses alone, so that a response never waits for a request to be received.
    pub(crate) fn blocks_for_responses(&self) -> Range<usize> {
        // Apart from those of messages: a full channel must not keep its servers from responding.
        let first = self.blocks_for_messages().end;
        first..first + self.blocks_for(self.max_message_size).max(RESPONSE_BLOCKS)
    }

    pub(crate) fn blocks(&self) -> usize {
        self.blocks_for_responses().end
    }
}

/// Where the parts of a store lie in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) control: usize,
    pub(crate) serves: usize,
    pub(crate) arrivals: usize,
    pub(crate) attachments: usize,
    pub(crate) rooms: usize,
    pub(crate) lanes: usize,
    pub(crate) taken: usize,
    pub(crate) returned: usize,
    pub(crate) entries: usize,
    pub(crate) cells: usize,
    pub(crate) causes: usize,
    pub(crate) owners: usize,
    pub(crate) next: usize,
    pub(crate) bytes: usize,
    /// The size of the body.
    pub(crate) end: usize,
}

/// The size of [`Control`](super::control::Control).
pub(crate) const CONTROL: usize = 1024;
pub(crate) const ROOMS: u16 = 4;

impl Plan {
    pub(crate) fn new(geometry: &Geometry) -> Self {
        let mut end = 0;
        let mut part = |bytes: usize| {
            let at = end;
            // Parts that different processes write share no cache line.
            end += bytes.next_multiple_of(ALIGNED);
            at
        };
        let (handles, lanes, cells) = (geometry.max_handles as usize, geometry.lanes(), geometry.cells());
        let taken = geometry.taken_of(Class::Control).end;
        let control = part(CONTROL);
        let serves = part(handles * size_of::<u64>());
        let arrivals = part(lanes * size_of::<Arrivals>());
        let attachments = part(lanes * handles * size_of::<Attachment>());
        let rooms = part(usize::from(ROOMS) * Room::bytes(geometry.max_handles));
        let lanes_at = part(lanes * LANE);
        let taken = part(taken * TAKEN);
        let returned = part(cells.div_ceil(64) * size_of::<u64>());
        let entries = part(lanes * geometry.span() * size_of::<u64>());
        let causes = cells * CAUSES * size_of::<u64>();
        let cells = part(cells * size_of::<Cell>());
        let causes = part(causes);
        let owners = part(geometry.blocks() * size_of::<u64>());
        let next = part(geometry.blocks() * size_of::<u32>());
        let bytes = part(geometry.blocks().saturating_mul(geometry.block()));
        Self {
            control,
            serves,
            arrivals,
            attachments,
            rooms,
            lanes: lanes_at,
            taken,
            returned,
            entries,
            cells,
            causes,
            owners,
            next,
            bytes,
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(messages: u32, max_message_size: usize) -> Geometry {
        Geometry { messages, max_message_size, max_routes: 32, max_handles: 64, attempts: 7 }
    }

    #[test]
    fn a_header_says_all_of_it() {
        for (messages, size) in [(1, 0), (1024, 1 << 20), (MOST_MESSAGES, u32::MAX as usize)] {
            let geometry = geometry(messages, size);
            assert_eq!(Geometry::unpacked(geometry.packed(), 64), Some(geometry));
        }
        assert_eq!(Geometry::unpacked(0, 64), None);
        assert_eq!(Geometry::unpacked(u64::MAX, 64), None);
        assert_eq!(Geometry { attempts: 255, ..geometry(MOST_MESSAGES, u32::MAX as usize) }.packed() >> 56, 255);
    }

    #[test]
    fn every_cell_has_one_class() {
        for messages in [1, 63, 64, 65, 1024, MOST_MESSAGES] {
            let geometry = geometry(messages, 1 << 20);
            let ranges = Class::ALL.map(|class| geometry.cells_of(class));
            assert_eq!((ranges[0].start, ranges[0].end, ranges[1].end), (0, ranges[1].start, ranges[2].start));
            assert!(geometry.cells() < usize::from(u16::MAX) && geometry.span() >= 2 * geometry.cells());
            let words = Class::ALL.map(|class| geometry.taken_of(class));
            assert!(words.iter().zip(&ranges).all(|(words, cells)| words.len() * 64 >= cells.len()));
        }
    }

    #[test]
    fn the_largest_message_has_room_twice() {
        for size in [0, 1, 1 << 10, 1 << 20, 64 << 20, u32::MAX as usize] {
            let geometry = geometry(1024, size);
            assert!(geometry.blocks_for_messages().len() >= 2 * geometry.blocks_for(size));
            assert!(geometry.blocks_for_responses().len() >= geometry.blocks_for(size));
        }
    }
}
