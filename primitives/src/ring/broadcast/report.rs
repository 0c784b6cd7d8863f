//! What a report says of a broadcast ring.

use super::{
    CONTROL, CURSORS, ROLE, TAIL, WINDOW, rooms_at,
    state::{BroadcastControl, BroadcastState, Cursor},
    word::{AwaitedWord, CursorWord, MOST_ITEMS, POSITION},
};
use crate::{
    Role,
    lock::LockSeen,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    ring::{Geometry, RingState},
    sync::{
        Ordering::{Acquire, Relaxed},
        fence,
    },
    waiting::{room::Room, strong_fences::StrongFences},
};

pub(crate) static INSPECTED: Inspected = Inspected {
    header: (BroadcastState::KIND.number, BroadcastState::KIND.name),
    bells: BroadcastState::KIND.bells,
    kind: Kind::BroadcastRing,
    read,
};

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let max_handles = source.max_handles();
    let control: BroadcastControl = source.copy(CONTROL)?;
    let lock = LockSeen::of(source.u32(ROLE)?);
    source.lock(lock.owner, lock.is_offered, Hold::Producer);
    // BC4: only the holder of the role sleeps for room, and it is in no room.
    let holder = lock.owner.checked_sub(1).filter(|_| !lock.is_offered);
    if let Some(slot) = holder.filter(|_| control.awaited.load(Relaxed) != AwaitedWord::NONE.0) {
        source.wait(slot, Interest::Room, None, false);
    }
    let is_possible = |capacity: &usize| capacity.is_power_of_two() && *capacity <= MOST_ITEMS;
    let Some(capacity) = usize::try_from(source.capacity()).ok().filter(is_possible) else {
        source.damage("capacity", || "the capacity in the header is none that a ring can have".to_owned());
        return Ok(());
    };
    let rooms = rooms_at(Geometry { capacity, max_handles });
    Room::report(rooms, source, |_| Interest::Role { role: Role::Producer })?;
    let subscribers = Room::report(rooms + Room::bytes(max_handles), source, |_| Interest::Items)?;
    source.counter("slept", subscribers.traffic().0);
    source.option("capacity", capacity as u64);
    source.flag("lagging", control.lagging.load(Relaxed) != 0);
    source.flag("light_fences", control.strong.load(Relaxed) != StrongFences::AsAskedFor as u32);
    source.flag("closed", control.closed.load(Relaxed) != 0);
    source.counter("overwritten", control.missed.load(Relaxed));
    read_cursors(source, &control, capacity as u64)
}

fn read_cursors(source: &mut Source<'_>, control: &BroadcastControl, capacity: u64) -> Result<(), Cut> {
    let (max_handles, is_lagging) = (source.max_handles(), control.lagging.load(Relaxed) != 0);
    let reach = control.reach.load(Relaxed);
    if reach > max_handles {
        source.damage("reach", || format!("{reach} cursors were used, of {max_handles}"));
    }
    // The tail stands before and after the cursors, since all of them go on meanwhile.
    let before = source.u64(TAIL)?;
    // SYNC: pairs with the store of the tail: the cursors are at least where the producer saw them (BC1).
    fence(Acquire);
    let mut words = Vec::new();
    source.each(CURSORS, reach.min(max_handles) as usize, |_, _, cursor: &Cursor| {
        words.push(CursorWord(cursor.0.load(Relaxed)));
    })?;
    // SYNC: pairs with the stores of the cursors: no subscriber has passed the tail and the window that are read now.
    fence(Acquire);
    let window = source.u64(WINDOW)?;
    // SYNC: pairs with the store in `move_window`: the tail is at least the one that the window was made from (BC8).
    fence(Acquire);
    let tail = source.u64(TAIL)?;
    if is_lagging && window.wrapping_sub(tail).cast_signed() > capacity.cast_signed() {
        source.damage("window", || format!("the window is at {window}, and the tail at {tail}"));
    }
    let mut len = 0;
    for word in words {
        if word.owner() == 0 {
            if word != CursorWord::FREE {
                source.damage("cursor", || "a cursor has a position and no owner".to_owned());
            }
            continue;
        }
        let behind = word.behind(tail);
        // In a lossless ring no cursor was ever more than a capacity behind (BC1), unless it names a tail of long ago (BC3). In
        // a lagging one it may be any number of laps behind. In neither it is ahead.
        let most = match is_lagging || word.is_joining() {
            true => POSITION / 2,
            false => tail.wrapping_sub(before).saturating_add(capacity),
        };
        if behind > most {
            source.damage("cursor", || format!("{word:?} cannot be, with the tail at {tail}"));
        }
        let missed = if is_lagging { word.behind(window).saturating_sub(capacity).min(behind) } else { 0 };
        let lag = (behind - missed).min(capacity);
        len = len.max(lag);
        source.subscriber(word.owner(), lag, missed, word.is_joining());
    }
    source.fill(len, capacity);
    source.counter("pushed", tail);
    source.counter("popped", tail.wrapping_sub(len));
    Ok(())
}
