//! What a report says of a mutex.

use super::named::{KIND, ROOM, conditions_at};
use crate::{
    lock::LockSeen,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    sync::Ordering::Relaxed,
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::Mutex, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let lock = LockSeen::of(source.u32(0)?);
    source.lock(lock.owner, lock.is_offered, Hold::Lock);
    let room = Room::report(ROOM, source, |_| Interest::Lock)?;
    let conditions = Room::report(conditions_at(source.max_handles()), source, |_| Interest::Change)?;
    let (slept, called) = room.traffic();
    source.counter("conditions_slept", conditions.traffic().0);
    source.flag("fair", room.is_fair.load(Relaxed) != 0);
    source.counter("slept", slept);
    source.counter("called", called);
    source.counter("handed_over", room.handed_over.load(Relaxed));
    if lock.is_poisoned {
        source.warn("poisoned", || "a holder died or panicked: the value may be half changed".to_owned());
    }
    Ok(())
}
