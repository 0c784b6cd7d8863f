//! Where the parts of a store lie in memory.

use std::sync::{Arc, atomic::AtomicU64 as Private};

use super::{
    Cell, Control, LaneWords, Own, Patience, Store,
    blocks::Blocks,
    geometry::{Class, Geometry, Plan, ROOMS},
    part::Part,
};
use crate::{
    attendance::Arrivals,
    layout::Mapped,
    lock::Lock,
    raw::{self, SharedMemory, SharedSafe},
    set_layout::Bells,
    sizes::CAUSES,
    sync::{AtomicU32, AtomicU64},
    waiting::room::Room,
};

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: it consists of atomic integers alone, laid out by C's rules.
unsafe impl SharedSafe for Cell {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for Control {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for LaneWords {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for Own<AtomicU64> {}

#[allow(unsafe_code, reason = "a promise that the compiler can't check")]
// SAFETY: as above.
unsafe impl SharedSafe for Arrivals {}

/// Which waiting room of a store is which.
pub(crate) struct RoomNumbers {
    pub(crate) receive: u16,
    pub(crate) space: u16,
    pub(crate) response: u16,
    pub(crate) block_lock: u16,
}

pub(crate) const ROOM_NUMBERS: RoomNumbers = RoomNumbers { receive: 0, space: 1, response: 2, block_lock: 3 };

impl Store {
    /// The doorbells of a store: one for each slot in each room.
    pub(crate) const BELLS: Bells = Bells::common(0).and_each(ROOMS);

    /// Makes a store of memory that is zero.
    pub(crate) fn set_up(memory: &Arc<SharedMemory>, body: usize, geometry: Geometry) -> raw::Result<()> {
        Self::at(memory, body, geometry).map(|store| store.set_up_spares())
    }

    /// Finds the store in the memory of an object.
    pub(crate) fn at(memory: &Arc<SharedMemory>, body: usize, geometry: Geometry) -> raw::Result<Self> {
        let plan = Plan::new(&geometry);
        let handles = geometry.max_handles as usize;
        let lanes = geometry.lanes();
        let room = |number: u16| {
            let at = body + plan.rooms + usize::from(number) * Room::bytes(geometry.max_handles);
            Room::at(memory, at, geometry.max_handles, Self::BELLS.of_room(number))
        };
        let lock_at = body + plan.control + std::mem::offset_of!(Control, block_lock);
        let lock: Mapped<AtomicU32> = Mapped::at(memory, lock_at)?;
        let blocks = Blocks::at(
            memory,
            [body + plan.owners, body + plan.next, body + plan.bytes],
            geometry.blocks(),
            geometry.block(),
            Lock::new(lock, room(ROOM_NUMBERS.block_lock)?),
        )?;
        Ok(Self {
            geometry,
            control: Mapped::at(memory, body + plan.control)?,
            serves: Mapped::slice(memory, body + plan.serves, handles)?,
            arrivals: Mapped::slice(memory, body + plan.arrivals, lanes)?,
            attachments: Mapped::slice(memory, body + plan.attachments, lanes * handles)?,
            receive: room(ROOM_NUMBERS.receive)?.with_named_calls(),
            space: room(ROOM_NUMBERS.space)?.with_named_calls(),
            response: room(ROOM_NUMBERS.response)?.with_named_calls(),
            lanes: Mapped::slice(memory, body + plan.lanes, lanes)?,
            taken: Mapped::slice(memory, body + plan.taken, geometry.taken_of(Class::Control).end)?,
            returned: Mapped::slice(memory, body + plan.returned, geometry.cells().div_ceil(64))?,
            entries: Mapped::slice(memory, body + plan.entries, lanes * geometry.span())?,
            cells: Mapped::slice(memory, body + plan.cells, geometry.cells())?,
            causes: Mapped::slice(memory, body + plan.causes, geometry.cells() * CAUSES)?,
            parts: Class::ALL.map(|class| Part::new(&geometry, class)),
            blocks,
            span: geometry.span(),
            group_shift: geometry.cells().div_ceil(64).next_power_of_two().trailing_zeros(),
            patience: Patience::new(),
            vain: Private::new(0),
        })
    }
}
