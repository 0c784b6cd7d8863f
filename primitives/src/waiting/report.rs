//! What a report says of a waiting room.

use super::{
    entry::{ANNOUNCED, CALLED, Entry, UNPOSTED},
    room::{Room, RoomControl},
};
use crate::{
    report::{Cut, Interest, Source},
    sync::Ordering::Relaxed,
};

impl Room {
    /// Says which members wait in the room at an offset of the body. Returns its control words.
    pub(crate) fn report(
        at: usize,
        source: &mut Source<'_>,
        interest: impl Fn(u64) -> Interest,
    ) -> Result<RoomControl, Cut> {
        let control: RoomControl = source.copy(at)?;
        let reach = control.reach().min(source.max_handles());
        source.each(at + Self::ENTRIES, reach as usize, |source, slot, entry: &Entry| {
            // A member that was called is about to run, or should be: it may be stopped.
            let called = entry.waiter(slot, UNPOSTED, CALLED);
            if let Some(waiter) = called.or_else(|| entry.waiter(slot, ANNOUNCED, ANNOUNCED)) {
                let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                source.wait(slot, interest(waiter.interest), Some(waiter.since), called.is_some());
            }
        })?;
        Ok(control)
    }
}

impl RoomControl {
    /// Returns how many slots were ever announced here, as memory says it.
    fn reach(&self) -> u32 {
        self.reach.load(Relaxed)
    }

    /// Returns how often a waiter went to sleep here, and how many were called.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.slept.load(Relaxed), self.called.load(Relaxed))
    }
}
