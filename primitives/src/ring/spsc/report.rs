//! What a report says of an spsc ring.

use super::{CONSUMER, CONTROL, PRODUCER, ROLES, ROOMS, SpscControl, SpscState};
use crate::{
    Role,
    lock::LockSeen,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    ring::RingState,
    sync::Ordering::Relaxed,
    waiting::{room::Room, strong_fences::StrongFences},
};

pub(crate) static INSPECTED: Inspected = Inspected {
    header: (SpscState::KIND.number, SpscState::KIND.name),
    bells: SpscState::KIND.bells,
    kind: Kind::SpscRing,
    read,
};

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let (max_handles, capacity) = (source.max_handles(), source.capacity());
    let control: SpscControl = source.copy(CONTROL)?;
    for role in [Role::Producer, Role::Consumer] {
        let (what, waits_for) = match role {
            Role::Producer => (Hold::Producer, Interest::Room),
            Role::Consumer => (Hold::Consumer, Interest::Items),
        };
        let lock = LockSeen::of(source.u32(ROLES + 4 * role as usize)?);
        source.lock(lock.owner, lock.is_offered, what);
        let room = ROOMS + role as usize * Room::bytes(max_handles);
        Room::report(room, source, |_| Interest::Role { role })?;
        // SP5: only the holder of a role sleeps for the other one, and it is in no room.
        let holder = lock.owner.checked_sub(1).filter(|_| !lock.is_offered);
        if let Some(slot) = holder.filter(|_| control.asleep[role as usize].load(Relaxed) != 0) {
            source.wait(slot, waits_for, None, false);
        }
    }
    // The consumer's index first: the producer's is never behind it.
    let popped = source.u64(CONSUMER)?;
    let pushed = source.u64(PRODUCER)?;
    let len = pushed.wrapping_sub(popped);
    // The consumer may have moved on in between, and the producer with it, so it can seem to be more. It cannot be twice as much
    // unless the reader was stopped for long.
    if len > capacity {
        source.warn("indices", || format!("there are {len} items between the indices, and room for {capacity}"));
    }
    source.option("capacity", capacity);
    source.flag("light_fences", control.strong.load(Relaxed) != StrongFences::AsAskedFor as u32);
    source.flag("closed", control.closed.load(Relaxed) != 0);
    source.fill(len.min(capacity), capacity);
    source.counter("pushed", pushed);
    source.counter("popped", popped);
    source.counter("taken_over", control.taken_over.load(Relaxed).into());
    Ok(())
}
