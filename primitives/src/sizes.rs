//! The fixed sizes of a store and of a watch. The model checker brings smaller ones, since it explores what each word does.

use std::ops::Range;

/// How many bytes lie in a cell itself.
pub(crate) const INLINE: usize = 192;
/// The most routes with a lane of their own.
pub(crate) const MOST_ROUTES: u32 = 48;
/// How many lanes the other routes share.
pub(crate) const SHARED_LANES: usize = 8;
/// The fewest and the most calls that may be under way at once.
pub(crate) const CALLS: Range<u32> = 16..1025;
/// How many control messages there is room for, besides all others.
pub(crate) const CONTROLS: usize = 16;
/// The fewest and the most messages of a class that may be set aside, besides all others.
pub(crate) const ASIDE: Range<usize> = 16..65;
/// Of how many attempts a message says how they ended.
pub(crate) const CAUSES: usize = 8;
/// The fewest blocks for responses.
pub(crate) const RESPONSE_BLOCKS: usize = 16;
/// The fewest entries of a lane.
const FEWEST_PLACES: usize = 1024;

/// Whether an atomic is as large as its integer, as those that lie in shared memory are.
pub(crate) const ATOMICS_ARE_PLAIN: bool = true;

/// Returns how many entries a lane has in a store of so many cells: a power of two, and at least two for each cell.
pub(crate) fn entries(cells: usize) -> usize {
    (2 * cells).next_power_of_two().max(FEWEST_PLACES)
}

/// How many buffers a watch has. Two suffice for a whole value. With four, a reader is disturbed only by three further versions,
/// so one that copies as fast as the setter writes is never disturbed.
pub(crate) const BUFFERS: usize = 4;
/// How often a reader of a watch is disturbed before it takes the lock.
pub(crate) const ATTEMPTS: u32 = 64;
