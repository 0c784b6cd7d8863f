//! What a report says of an rwlock.

use super::{
    named::{CONTROL, KIND, WRITERS, readers_at, reading_at},
    state::{Reading, RwControl},
};
use crate::{
    lock::LockSeen,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    sync::Ordering::Relaxed,
    waiting::{room::Room, strong_fences::StrongFences},
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::RwLock, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let max_handles = source.max_handles();
    let lock = LockSeen::of(source.u32(0)?);
    source.lock(lock.owner, lock.is_offered, Hold::Write);
    let control: RwControl = source.copy(CONTROL)?;
    source.each(reading_at(max_handles), max_handles as usize, |source, slot, reading: &Reading| {
        let owner = u32::try_from(slot + 1).unwrap_or(0);
        match reading.count() {
            0 => {}
            count => source.hold(owner, Hold::Read, count),
        }
    })?;
    let writers = Room::report(WRITERS, source, |_| Interest::Write)?;
    let readers = Room::report(readers_at(max_handles), source, |_| Interest::Read)?;
    // RW3: the owner of the lock may sleep until the readers have left. It is in no room then.
    if control.draining.load(Relaxed) != 0
        && let (Some(slot), false) = (lock.owner.checked_sub(1), lock.is_offered)
    {
        source.wait(slot, Interest::Readers, None, false);
    }
    source.flag("light_fences", control.strong.load(Relaxed) != StrongFences::AsAskedFor as u32);
    source.counter("writers_slept", writers.traffic().0);
    source.counter("readers_slept", readers.traffic().0);
    source.counter("handed_over", writers.handed_over.load(Relaxed));
    if lock.is_poisoned {
        source.warn("poisoned", || "a writer died or panicked: the value may be half changed".to_owned());
    }
    let inside = control.inside.load(Relaxed);
    // RW6: it is cleared before the lock is freed. The two words are not read at one instant, so it is no damage yet.
    if inside != 0 && inside != lock.owner {
        source.note("inside", || "a writer was inside that did not hold the lock when it was read before".to_owned());
    }
    Ok(())
}
