//! What a report says of a barrier.

use super::{
    named::{KIND, ROOM, WORD, here_at},
    state::{BREAKS, PRESENT},
    word::{HISTORY, Word},
};
use crate::{
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    sync::{AtomicU64, Ordering::Relaxed},
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::Barrier, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let max_handles = source.max_handles();
    let word = Word(source.u64(WORD)?);
    let parties = source.capacity();
    source.option("parties", parties);
    source.fill(word.count().into(), parties);
    source.counter("generation", word.generation().into());
    let room = Room::report(ROOM, source, |_| Interest::Barrier)?;
    source.counter("slept", room.traffic().0);
    source.each(here_at(max_handles), max_handles as usize, |source, slot, here: &AtomicU64| {
        let owner = u32::try_from(slot + 1).unwrap_or(0);
        let here = here.load(Relaxed);
        // BREAKS has the generation in its upper half.
        match here & 0xffff_ffff {
            PRESENT | BREAKS => source.hold(owner, Hold::Participation, 1),
            0 => {}
            _ => source.damage("here", || format!("slot {slot} is neither a participant nor none")),
        }
    })?;
    if u64::from(word.count()) > parties {
        source.damage("arrivals", || format!("{} have arrived, of {parties}", word.count()));
    }
    if let Some(generation) = word.last_broken(word.generation().wrapping_sub(HISTORY)) {
        source.note("broken", || format!("generation {generation} was broken by a death"));
    }
    Ok(())
}
