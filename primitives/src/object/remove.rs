//! Removing an object by its name, or if no member lives, without opening it.
//!
//! It must be the named object before anything is touched: another name, or another program, may have the same key. So
//! the segment is read first, and the set is condemned only if the segment names it and has this kind and name.
//!
//! A process that dies before it has condemned the set leaves the object unchanged. A process that dies afterwards
//! leaves a condemned set, with or without its segment, and the next opener or remover finishes it.

use super::{
    Blueprint, Kind, MARK, Outcome, condemn_live,
    entrance::Entrance,
    error::{EntryError, Result},
    ignore_gone, rights,
};
use crate::{
    OpenError,
    fingerprint::Fingerprint,
    layout::{Header, Mapped},
    name::Name,
    options::Settings,
    raw::{self, Amount, Limit, Segment, SemOp, SemaphoreOptions, SemaphoreSet},
    set_layout::{CONDEMN, CONDEMNED, CREATOR, LIVING, STATE, SetLayout, change_state},
};

/// Removes a named object: the name is free at once.
///
/// An object that is still being made does not exist yet, and a condemned object does not exist any more.
pub(crate) fn by_name(name: &str, kind: Kind) -> Result<(), OpenError> {
    let (name, options) = (Name::new(name)?, Settings::new());
    // Kind and name are checked, and nothing else.
    let blueprint = Blueprint {
        kind,
        name: &name,
        options: &options,
        max_handles: 0,
        capacity: 0,
        fingerprint: Fingerprint::default(),
        body: 0,
        fill: &|_, _| Ok(()),
    };
    let entrance = Entrance::new(&blueprint);
    entrance.remove().map_err(|error| error.on(&entrance.object))
}

impl Entrance<'_> {
    fn remove(&self) -> Result<()> {
        loop {
            let set = match SemaphoreOptions::new().open_set(self.key, 0) {
                Err(raw::Error::NotFound { .. }) => return Err(self.no_such_name()),
                set => set?,
            };
            match self.remove_once(&set) {
                Ok(Outcome::Done(())) => return Ok(()),
                Ok(Outcome::StartAgain) => {}
                // A part of it was removed between two steps of this process (OB6).
                Err(EntryError::Raw(error)) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn remove_once(&self, set: &SemaphoreSet) -> Result<Outcome<()>> {
        let stat = or_start_again!(set.stat());
        // It is under construction, or another program's that was never used. Its creator may still be at work.
        if stat.o_time.is_none() {
            return Err(self.no_such_name());
        }
        if !SetLayout::has_state(stat.len) {
            return Err(self.foreign_set(set));
        }
        // Without its segment nothing proves the name. Only a set that is condemned already can be finished.
        let Some(memory) = self.segment_of(set)? else {
            return match or_start_again!(set.value(STATE.into())) {
                // Another process has begun to remove it.
                CONDEMNED => self.finish(set, CONDEMNED),
                _ if or_start_again!(set.value(CREATOR.into())) == MARK.get() => {
                    Err(self.damaged("its segment", set.id()))
                }
                _ => Err(self.foreign_set(set)),
            };
        };
        let header = Mapped::<Header>::at(&memory, 0)?;
        self.check_name(&header.describe(), header.version())?;
        // The set's own identity, and not the header's: so an object with an overwritten header can be removed as well.
        let state = match or_start_again!(set.value(STATE.into())) {
            CONDEMNED => return self.finish(set, CONDEMNED),
            state => Amount::new(state).map_err(|_| self.foreign_set(set))?,
        };
        // OB7: the right is checked before anything is changed.
        rights::check(set, &memory)?;
        match condemn_live(set, state) {
            Ok(()) => {}
            // Another process has condemned it.
            Err(raw::Error::WouldBlock { .. }) => return Ok(Outcome::StartAgain),
            Err(error) if error.is_gone() => return Ok(Outcome::StartAgain),
            Err(error) => return Err(error.into()),
        }
        // The segment first: a process that dies in between leaves a condemned set, which the next opener finishes.
        ignore_gone(memory.remove())?;
        ignore_gone(set.remove())?;
        Ok(Outcome::Done(()))
    }
}

/// What came of removing an object that no member uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abandoned {
    Removed,
    /// A member lives, or lived at that moment.
    InUse,
    /// It is condemned, or another set has come to the id.
    Changed,
}

/// Removes a live object if no member lives, exactly: one `semop` tests that no slot is alive and condemns.
///
/// A process that registers claims ALIVE and adds to LIVING in one `semop`, which tests the identity. So it comes before the
/// condemnation, and prevents it, or after, and finds the object condemned. A creator that has not registered yet starts again.
///
/// LIVING alone decides as well. ALIVE of each slot is tested besides, since a set with values that were changed from outside could
/// have a member that LIVING does not count. If SEMOPM does not allow so many operations, ALIVE is read, and LIVING is tested.
pub(crate) fn remove_if_abandoned(
    set: &SemaphoreSet,
    segment: &Segment,
    layout: SetLayout,
    identity: Amount,
) -> raw::Result<Abandoned> {
    // OB7: the right is checked before anything is changed.
    rights::check_set(set)?;
    rights::check_segment(segment)?;
    let unused = [&[SemOp::zero(LIVING).no_wait()][..], &change_state(identity, CONDEMN)].concat();
    let slots: Vec<SemOp> = layout.all_alive().map(|alive| SemOp::zero(alive).no_wait()).collect();
    let condemned = match set.op(&[&slots[..], &unused].concat()) {
        Err(raw::Error::LimitReached { limit: Limit::Semopm, .. }) => {
            let values = set.values()?;
            let is_alive = |alive: u16| values.get(usize::from(alive)).is_none_or(|&value| value != 0);
            if layout.all_alive().any(is_alive) {
                return Ok(Abandoned::InUse);
            }
            set.op(&unused)
        }
        condemned => condemned,
    };
    match condemned {
        Ok(()) => {}
        Err(raw::Error::WouldBlock { .. }) => {
            let is_same = set.value(STATE.into())? == identity.get();
            return Ok(if is_same { Abandoned::InUse } else { Abandoned::Changed });
        }
        Err(error) if error.is_gone() => return Ok(Abandoned::Changed),
        Err(error) => return Err(error),
    }
    // As in `remove_once`.
    ignore_gone(segment.remove())?;
    ignore_gone(set.remove())?;
    Ok(Abandoned::Removed)
}
