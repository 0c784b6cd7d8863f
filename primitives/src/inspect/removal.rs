//! Removing one object that no process uses.
//!
//! The report was made some time before. So each step tests again what it depends on, in the step itself where the kernel has a call
//! for that: a live or half-made set is condemned by a `semop` that tests its STATE and its members. The segment stays attached
//! meanwhile, so its id cannot come to mean another one.

use super::kinds;
use crate::{
    layout::{Header, SLOTS, VERSION},
    object::{
        MARK,
        remove::{Abandoned, remove_if_abandoned},
        rights,
    },
    raw::{self, Amount, SemOp, SemaphoreSet, process},
    report::{Image, Report, State},
    set_layout::{CONDEMN, CONDEMNED, CREATOR, LIVING, STATE, SetLayout, change_state},
};

/// How a removal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Removed,
    Kept(&'static str),
}

const CHANGED: Ended = Ended::Kept("it changed since it was looked at");
const IN_USE: Ended = Ended::Kept("a member has come since it was looked at");

/// Removes the object of a report, if it still is as the report says.
pub(super) fn remove(report: &Report) -> raw::Result<Ended> {
    let set = report.set.as_ref().map(|set| SemaphoreSet::from_raw_id(set.id));
    let image = match report.segment.as_ref().map(|segment| Image::attach(segment.id)) {
        Some(Err(error)) if error.is_gone() => return Ok(CHANGED),
        image => image.transpose()?,
    };
    let removed = match (report.state, &set, &image) {
        (State::Idle, Some(set), Some(image)) => remove_idle(report, set, image),
        (State::Condemned, Some(set), image) => finish(set, image.as_ref()),
        (State::Unfinished, Some(set), image) => remove_unfinished(set, image.as_ref()),
        (State::Wiped, Some(set), None) => remove_set(set),
        (State::Wiped | State::Unfinished, None, Some(image)) => remove_segment(image),
        _ => Ok(CHANGED),
    };
    match removed {
        Err(error) if error.is_gone() => Ok(CHANGED),
        removed => removed,
    }
}

fn ignore_gone(result: raw::Result<()>) -> raw::Result<()> {
    match result {
        Err(error) if error.is_gone() => Ok(()),
        other => other,
    }
}

/// Returns the header, if the segment belongs to the set.
fn header_of(image: &Image, set: &SemaphoreSet) -> Option<Header> {
    image.copy::<Header>(0).ok().filter(|header| header.names_set(set.id()))
}

fn remove_idle(report: &Report, set: &SemaphoreSet, image: &Image) -> raw::Result<Ended> {
    let Some(header) = header_of(image, set).filter(|header| header.version() == VERSION) else { return Ok(CHANGED) };
    let found = header.describe();
    let layout = kinds::by_kind(report.kind).and_then(|kind| SetLayout::of_size(kind.bells, set.len().ok()?));
    let Some(layout) = layout.filter(|layout| super::read::is_sound(&found, *layout, image)) else {
        return Ok(CHANGED);
    };
    let Ok(Ok(identity)) = u16::try_from(found.identity).map(Amount::new) else { return Ok(CHANGED) };
    // Without our mark nothing proves that the semaphores mean what they mean in this crate.
    if set.value(CREATOR.into())? != MARK.get() {
        return Ok(CHANGED);
    }
    Ok(match remove_if_abandoned(set, image.segment(), layout, identity)? {
        Abandoned::Removed => Ended::Removed,
        Abandoned::InUse => IN_USE,
        Abandoned::Changed => CHANGED,
    })
}

/// Finishes a condemned object, as an opener does.
fn finish(set: &SemaphoreSet, image: Option<&Image>) -> raw::Result<Ended> {
    if set.value(STATE.into())? != CONDEMNED {
        return Ok(CHANGED);
    }
    rights::check_set(set)?;
    remove_both(set, image)
}

/// Removes the parts of a condemned object. The segment first: a process that dies in between leaves a condemned set, which the next
/// opener finishes.
fn remove_both(set: &SemaphoreSet, image: Option<&Image>) -> raw::Result<Ended> {
    // A blank one was made under the key of the set, by a creator that ended before its first word.
    if let Some(image) = image.filter(|image| header_of(image, set).is_some() || image.is_blank(SLOTS)) {
        ignore_gone(image.segment().remove())?;
    }
    ignore_gone(set.remove())?;
    Ok(Ended::Removed)
}

/// Condemns a set that its creator never published, having ended, as an opener does.
fn remove_unfinished(set: &SemaphoreSet, image: Option<&Image>) -> raw::Result<Ended> {
    // Without a pid, only the time decides, and the caller has checked that.
    if set.last_pid(CREATOR.into())?.is_some_and(process::exists) {
        return Ok(Ended::Kept("its creator lives, and may still be at work"));
    }
    rights::check_set(set)?;
    // It tests that STATE is still 0: a creator that publishes at the same moment wins.
    match set.op(&[SemOp::zero(STATE).no_wait(), SemOp::add(STATE, CONDEMN).no_wait()]) {
        Ok(()) => {}
        Err(raw::Error::WouldBlock { .. }) => return Ok(CHANGED),
        Err(error) => return Err(error),
    }
    remove_both(set, image)
}

/// Removes a set of ours that lost its segment, if no member lives.
fn remove_set(set: &SemaphoreSet) -> raw::Result<Ended> {
    let values = set.values()?;
    let value = |semaphore: u16| values.get(usize::from(semaphore)).copied();
    if value(CREATOR) != Some(MARK.get()) {
        return Ok(CHANGED);
    }
    let Some(Ok(state)) = value(STATE).map(Amount::new) else { return Ok(CHANGED) };
    rights::check_set(set)?;
    match set.op(&[&[SemOp::zero(LIVING).no_wait()][..], &change_state(state, CONDEMN)].concat()) {
        Ok(()) => {}
        Err(raw::Error::WouldBlock { .. }) => return Ok(IN_USE),
        Err(error) => return Err(error),
    }
    ignore_gone(set.remove())?;
    Ok(Ended::Removed)
}

/// Removes a segment of ours that lost its set, if no process has it attached.
fn remove_segment(image: &Image) -> raw::Result<Ended> {
    rights::check_segment(image.segment())?;
    // One of them is this process. Another one may attach it right after, but finds no set that it names, and so no object.
    if image.segment().stat()?.attached > 1 {
        return Ok(IN_USE);
    }
    ignore_gone(image.segment().remove())?;
    Ok(Ended::Removed)
}
