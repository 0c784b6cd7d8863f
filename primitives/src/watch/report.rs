//! What a report says of a watch.

use super::{
    named::{ATTACHMENTS, CONTROL, LOCK, VERSIONS, rooms_at},
    shared::KIND,
    state::{Versions, WatchControl},
};
use crate::{
    Role,
    attendance::Attachment,
    lock::LockSeen,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    sync::{
        Ordering::{Acquire, Relaxed},
        fence,
    },
    waiting::room::Room,
};

pub(crate) static INSPECTED: Inspected =
    Inspected { header: (KIND.number, KIND.name), bells: KIND.bells, kind: Kind::Watch, read };

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let max_handles = source.max_handles();
    let lock = LockSeen::of(source.u32(LOCK)?);
    source.lock(lock.owner, lock.is_offered, Hold::Lock);
    source.each(ATTACHMENTS, max_handles as usize, |source, slot, attachment: &Attachment| {
        let owner = u32::try_from(slot + 1).unwrap_or(0);
        match attachment.count(Role::Producer) {
            0 => {}
            count => source.hold(owner, Hold::Producer, count.into()),
        }
    })?;
    let setters = Room::report(rooms_at(max_handles), source, |_| Interest::Lock)?;
    let waiters = Room::report(rooms_at(max_handles) + Room::bytes(max_handles), source, |_| Interest::Change)?;
    source.counter("setters_slept", setters.traffic().0);
    source.counter("slept", waiters.traffic().0);
    source.counter("called", waiters.traffic().1);
    source.counter("handed_over", setters.handed_over.load(Relaxed));
    if lock.is_poisoned {
        // WA3.
        source.damage("poisoned", || "its lock says that it is poisoned, which a watch never is".to_owned());
    }
    read_versions(source)
}

fn read_versions(source: &mut Source<'_>) -> Result<(), Cut> {
    // The published version stands before and after the two that are compared with it, since all of them go on meanwhile.
    let before = source.u64(VERSIONS)?;
    // SYNC: pairs with the compare-and-swap in `publish`: what was begun and told until then is seen.
    fence(Acquire);
    let found: Versions = source.copy(VERSIONS)?;
    // SYNC: pairs with the stores of `begun` and `told`: each follows a version that was published.
    fence(Acquire);
    let published = source.u64(VERSIONS)?;
    let control: WatchControl = source.copy(CONTROL)?;
    source.counter("version", published);
    let passed = published.wrapping_sub(before);
    let (begun, told) = (found.begun.load(Relaxed), found.told.load(Relaxed));
    // WA1: the setter begins the version after the published one, and no other.
    if begun.wrapping_sub(before) > passed.wrapping_add(1) {
        source.damage("versions", || format!("version {begun} was begun, and version {published} is published"));
    }
    // WA5: it may be any number of versions behind, and never ahead.
    if published.wrapping_sub(told).cast_signed() < 0 {
        source.damage("told", || format!("version {told} was told, and version {published} is published"));
    } else if before.wrapping_sub(told).cast_signed() > 0 && control.flag.is_up() {
        // While a setter is between the two it is so for a moment. If it was stopped there, or died, it stays so.
        source.note("untold", || {
            format!("version {before} is there, and the waiters were last called for version {told}")
        });
    }
    Ok(())
}
