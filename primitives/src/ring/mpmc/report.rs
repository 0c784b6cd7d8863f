//! What a report says of an mpmc ring.

use super::{
    ATTACHMENTS, CONTROL, Geometry, HEAD, MpmcControl, MpmcState, TAIL, rooms_at, slots_at,
    word::{SlotState, SlotWord},
};
use crate::{
    Role,
    attendance::Attachment,
    report::{Cut, Hold, Inspected, Interest, Kind, Source},
    ring::RingState,
    sync::{AtomicU64, Ordering::Relaxed},
    waiting::{room::Room, strong_fences::StrongFences},
};

pub(crate) static INSPECTED: Inspected = Inspected {
    header: (MpmcState::KIND.number, MpmcState::KIND.name),
    bells: MpmcState::KIND.bells,
    kind: Kind::MpmcRing,
    read,
};

fn read(source: &mut Source<'_>) -> Result<(), Cut> {
    let max_handles = source.max_handles();
    let control: MpmcControl = source.copy(CONTROL)?;
    source.each(ATTACHMENTS, max_handles as usize, |source, slot, attachment: &Attachment| {
        let owner = u32::try_from(slot + 1).unwrap_or(0);
        for (role, what) in [(Role::Producer, Hold::Producer), (Role::Consumer, Hold::Consumer)] {
            match attachment.count(role) {
                0 => {}
                count => source.hold(owner, what, count.into()),
            }
        }
    })?;
    let Some(capacity) = usize::try_from(source.capacity()).ok().filter(|capacity| capacity.is_power_of_two()) else {
        source.damage("capacity", || "the capacity in the header is no power of two".to_owned());
        return Ok(());
    };
    let geometry = Geometry { capacity, max_handles };
    for (role, interest) in [(Role::Producer, Interest::Room), (Role::Consumer, Interest::Items)] {
        let room = rooms_at(geometry) + role as usize * Room::bytes(max_handles);
        Room::report(room, source, |_| interest.clone())?;
    }
    // `head` first, so the length is rather too large than too small. It may pass `tail` for a moment.
    let head = source.u64(HEAD)?;
    let tail = source.u64(TAIL)?;
    let len = u64::try_from(tail.wrapping_sub(head).cast_signed()).unwrap_or(0).min(capacity as u64);
    source.option("capacity", capacity as u64);
    source.flag("light_fences", control.strong.load(Relaxed) != StrongFences::AsAskedFor as u32);
    source.flag("closed", control.closed.load(Relaxed) != 0);
    source.fill(len, capacity as u64);
    source.counter("pushed", tail);
    source.counter("popped", head);
    source.counter("skipped", control.skipped.load(Relaxed));
    source.counter("taken_over", control.taken_over.load(Relaxed));
    source.counter("overwritten", control.overwritten.load(Relaxed));
    source.each(slots_at(geometry), capacity, |source, _, word: &AtomicU64| {
        let word = SlotWord(word.load(Relaxed));
        match word.state() {
            SlotState::Writing => source.hold(word.owner(), Hold::Writing, 1),
            SlotState::Reading => source.hold(word.owner(), Hold::Claim, 1),
            SlotState::Empty | SlotState::Full => {}
        }
    })
}
