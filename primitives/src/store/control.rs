//! The words of a store that belong to no cell and no lane.

use super::{earliest::Earliest, geometry::CONTROL};
use crate::{
    sizes::{ATOMICS_ARE_PLAIN, MOST_ROUTES},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
    },
    waiting::flag::Flag,
};

/// Set in an interest that needs several lanes: see `wide`.
pub(crate) const WIDE: u64 = 1 << 63;

const CLOSED: u32 = 1;
const REMOVED: u32 = 2;

/// What every operation reads, and few write.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    closed: AtomicU32,
    /// Up if a receiver waits for several lanes.
    pub(crate) wide: Flag,
    /// Up if a sender or a responder waits for room.
    pub(crate) space: Flag,
    /// Up if messages were set aside, and the cells perhaps not balanced since: see [`aside`](super::aside).
    pub(crate) unbalanced: Flag,
    /// How often a message was returned, in the upper bits. The lowest bit is set if a returned message may be there.
    pub(crate) dirty: AtomicU64,
    /// A bit for each lane that was ever used.
    lanes: AtomicU64,
    /// A bit for each group of cells of which one was ever used.
    touched: AtomicU64,
    /// The earliest time at which a delayed message is due: see [`delays`](super::delays).
    pub(crate) earliest: Earliest,
}

/// A cache line pair of its own.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Own<T>(pub(crate) T);

/// Which route has the lane of a number. 0 is none yet.
#[repr(C)]
#[derive(Debug)]
struct Routes([AtomicU32; MOST_ROUTES as usize]);

impl Default for Routes {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::default()))
    }
}

/// The control words.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) seldom: Seldom,
    /// The stamp of the latest message: see [`clock`](super::clock).
    pub(crate) latest: Own<AtomicU64>,
    /// On which processor each side last waited, plus one.
    pub(crate) last_cpus: Own<[AtomicU32; 2]>,
    /// The lock of the blocks.
    pub(crate) block_lock: Own<AtomicU32>,
    routes: Routes,
    /// How many messages that were set aside were dropped.
    pub(crate) dropped: Own<AtomicU64>,
}

const _: () = assert!(size_of::<Control>() <= CONTROL || !ATOMICS_ARE_PLAIN);

impl Seldom {
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // SYNC: pairs with the changes in `close` and `mark_removed`.
        self.closed.load(Acquire) != 0
    }

    #[inline]
    pub(crate) fn is_removed(&self) -> bool {
        // SYNC: as in `is_closed`.
        self.closed.load(Acquire) == REMOVED
    }

    /// Closes for good. The caller notifies every waiter afterwards.
    pub(crate) fn close(&self) {
        // SYNC: SeqCst pairs with the fence of a waiter's announcement. A channel that was removed stays so.
        let _ = self.closed.compare_exchange(0, CLOSED, SeqCst, Relaxed);
    }

    /// Says that the object was removed. Its waiters were woken by that.
    pub(crate) fn mark_removed(&self) {
        // SYNC: pairs with the load in `is_removed`.
        self.closed.store(REMOVED, SeqCst);
    }

    /// Says that a lane is used.
    #[inline]
    pub(crate) fn use_lane(&self, lane: usize) {
        // SYNC: Acquire, so that the bit that another sender set comes before this one's message.
        if self.lanes.load(Acquire) & 1 << lane == 0 {
            // SYNC: SeqCst, since a receiver of several lanes that is about to sleep reads it after its announcement.
            self.lanes.fetch_or(1 << lane, SeqCst);
        }
    }

    /// Says that a cell of a group is used, before it is.
    #[inline]
    pub(crate) fn touch(&self, group: u32) {
        // SYNC: SeqCst pairs with the load in `is_touched`. It comes before the cell's own change, so a reaper misses
        // no cell.
        if !self.is_touched(group) {
            self.touched.fetch_or(1 << group, SeqCst);
        }
    }

    #[inline]
    pub(crate) fn is_touched(&self, group: u32) -> bool {
        // SYNC: Acquire pairs with `touch`: a process that finds a dead member's slot finds its groups.
        self.touched.load(Acquire) & 1 << group != 0
    }

    /// Returns the lanes that were ever used, a bit for each.
    #[inline]
    pub(crate) fn used_lanes(&self) -> u64 {
        // SYNC: pairs with the change in `use_lane`.
        self.lanes.load(Acquire)
    }
}

impl Control {
    /// Returns the lane of a route that has one of its own, or takes one for it. Returns `None` if all are taken.
    ///
    /// No lane is ever given back, so each process finds the same lane for a route: it searches in the same order, and
    /// the first free lane that it meets is the one that any other process would take.
    pub(crate) fn own_lane(&self, route: u32, max_routes: u32) -> Option<usize> {
        // Most routes are small numbers, and a division takes as long as a locked instruction.
        let start = if route < max_routes { route } else { route % max_routes };
        (start..max_routes).chain(0..start).find_map(|lane| {
            let lane = lane as usize;
            let word = &self.routes.0[lane];
            // SYNC: the loads pair with the compare-and-swap. The number alone is used, and it never changes again.
            let found = match word.load(Acquire) {
                0 => match word.compare_exchange(0, route, Release, Acquire) {
                    Ok(_) => route,
                    Err(another) => another,
                },
                found => found,
            };
            (found == route).then_some(lane)
        })
    }

    /// Returns which route a lane belongs to. 0 is none yet.
    pub(crate) fn route_of(&self, lane: usize) -> u32 {
        // SYNC: pairs with the compare-and-swap in `own_lane`.
        self.routes.0.get(lane).map_or(0, |route| route.load(Acquire))
    }
}
