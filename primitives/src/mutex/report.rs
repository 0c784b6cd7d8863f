//! What a report says of a mutex.

use super::create::{KIND, ROOM};
use crate::{
    inspect::{Cut, Hold, Inspected, Interest, Kind, Source},
    sync::Ordering::Relaxed,
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected = Inspected { object: KIND, kind: Kind::Mutex, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let lock = source.lock(0, Hold::Lock)?;
    let room = Room::report(ROOM, source, |_| Interest::Lock)?;
    let (slept, called) = room.traffic();
    source.flag("fair", room.is_fair.load(Relaxed) != 0);
    source.counter("slept", slept);
    source.counter("called", called);
    source.counter("handed_over", room.handed_over.load(Relaxed));
    if lock.is_poisoned {
        source.warn("poisoned", || "a holder died or panicked: the value may be half changed".to_owned());
    }
    Ok(())
}
