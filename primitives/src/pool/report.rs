//! What a report says of a pool.

use super::{
    named::{KIND, LIMIT, ROOMS, TURNSTILE, permits_at},
    spots::Spots,
};
use crate::{
    options::MOST_PERMITS,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    sync::{AtomicU32, Ordering::Relaxed},
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::Pool, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let max_handles = source.max_handles();
    let turnstile = source.u32(TURNSTILE)?;
    source.hold(turnstile, Hold::Turnstile, 1);
    let singles = Room::report(ROOMS, source, |_| Interest::Permits { count: 1 })?;
    let many = Room::report(ROOMS + Room::bytes(max_handles), source, |count| Interest::Permits { count })?;
    source.counter("slept", singles.traffic().0.saturating_add(many.traffic().0));
    source.counter("called", singles.traffic().1.saturating_add(many.traffic().1));
    let Some(capacity) = u32::try_from(source.capacity()).ok().filter(|capacity| *capacity <= MOST_PERMITS) else {
        source.damage("capacity", || "the header says more permits than a pool can have".to_owned());
        return Ok(());
    };
    source.option("capacity", capacity.into());
    let limit = source.u32(LIMIT)?;
    if limit > capacity {
        source.damage("limit", || format!("{limit} permits are given out, and there is room for {capacity}"));
    }
    let mut held = 0;
    source.each(permits_at(max_handles), Spots::words(capacity as usize), |source, _, permit: &AtomicU32| {
        let owner = permit.load(Relaxed);
        if owner != 0 {
            held += 1;
            source.hold(owner, Hold::Permits, 1);
        }
    })?;
    // After a `resize` more may be held than are given out now.
    source.fill(held, limit.min(capacity).into());
    Ok(())
}
