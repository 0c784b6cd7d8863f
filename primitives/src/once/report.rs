//! What a report says of a once lock.

use super::{
    named::{KIND, ROOM},
    state::{SET, UNCALLED, UNSET},
};
use crate::{
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::OnceLock, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let word = source.u32(0)?;
    match word {
        UNSET | UNCALLED | SET => {}
        owner => source.hold(owner, Hold::Initialisation, 1),
    }
    let room = Room::report(ROOM, source, |_| Interest::Value)?;
    source.fill(u64::from(word >= UNCALLED), 1);
    source.counter("slept", room.traffic().0);
    Ok(())
}
