//! Which sets and segments belong together, and which are no objects of this crate.
//!
//! A segment says in its header which set it belongs to. So the segments come first: each is attached for a moment, its header is
//! read, and the set that it names is its own if that bears it out. What is left over is another program's, or an object that
//! lost a part.
//!
//! | segment | set | what it is |
//! | --- | --- | --- |
//! | with our magic | the one that it names | an object: see `read` |
//! | with our magic | none, or another one | wiped; removed; or left by a creator that died |
//! | blank, or none | with our mark, or condemned | wiped, condemned |
//! | blank | of the same key, never used | half made |
//! | any other | any other | another program's |
//!
//! Without the right to read, nothing tells which program a part belongs to. Then it is hidden, and the kernel's facts are all that is shown.

use std::collections::HashMap;

use super::{
    foreign,
    kinds::{KINDS, keys_of},
    read::{self, Parts},
};
use crate::{
    layout::{Header, SLOTS},
    name::Name,
    object::MARK,
    raw::{self, Entry, SegmentStat, SemaphoreSet, SemaphoreStat},
    report::{Image, Inspected, Kind, Report, State},
    set_layout::{CONDEMNED, CREATOR, STATE, SetLayout},
};

/// What a segment is, seen from its first bytes.
enum Segment {
    Ours(Image, Box<Header>),
    /// Never written to.
    Blank,
    Other,
    Hidden(raw::Error),
    Gone,
}

/// Which objects are asked for.
pub(super) enum Wanted<'a> {
    All,
    Named(&'a Name),
}

impl Wanted<'_> {
    /// Returns whether a part with this key may be of an object that is asked for.
    fn has_key(&self, key: i32) -> bool {
        match self {
            Self::All => true,
            Self::Named(name) => keys_of(name).any(|(_, of_kind)| of_kind.get() == key),
        }
    }

    /// Returns whether a segment is to be looked into. A removed one has lost its key, and only its header has the name.
    fn wants(&self, segment: &Entry<SegmentStat>) -> bool {
        segment.stat.marked_removed || self.has_key(segment.key.get())
    }

    fn is(&self, report: &Report) -> bool {
        match self {
            Self::All => true,
            Self::Named(name) => report.key != 0 || report.name.as_deref() == Some(name.as_str()),
        }
    }
}

/// Returns the reports of what is asked for.
pub(super) fn find(wanted: &Wanted<'_>) -> raw::Result<Vec<Report>> {
    let raw::Inventory { semaphores, shared_memory, message_queues, .. } = raw::inventory()?;
    let mut sets: HashMap<i32, &Entry<SemaphoreStat>> = semaphores.iter().map(|set| (set.id, set)).collect();
    let (mut reports, mut left) = (Vec::new(), Vec::new());
    for segment in shared_memory.iter().filter(|segment| wanted.wants(segment)) {
        match look(segment) {
            Segment::Ours(image, header) => {
                let set = header.set();
                let parts = Parts { segment, image, header, set: sets.get(&set).copied() };
                if let Some((report, has_set)) = read::object(&parts) {
                    if has_set {
                        sets.remove(&set);
                    }
                    reports.push(report);
                }
            }
            Segment::Gone => {}
            other => left.push((segment, other)),
        }
    }
    // Sets in the order of their ids: a map has none.
    let others = semaphores.iter().filter(|set| sets.contains_key(&set.id) && wanted.has_key(set.key.get()));
    for set in others {
        let beside = left.iter().position(|(segment, _)| segment.key == set.key && set.key.get() != 0);
        let is_blank = beside.is_some_and(|at| matches!(left[at].1, Segment::Blank));
        let Some(report) = set_without_header(set, is_blank.then(|| beside.map(|at| left[at].0)).flatten(), wanted)
        else {
            continue;
        };
        if report.segment.is_some()
            && let Some(at) = beside
        {
            left.remove(at);
        }
        reports.push(report);
    }
    reports.extend(left.into_iter().filter(|(segment, _)| wanted.has_key(segment.key.get())).map(|(segment, seen)| {
        let mut report = foreign::segment(segment);
        if let Segment::Hidden(error) = seen {
            report.state = State::Hidden;
            report.why = Some(error.to_string());
        }
        report
    }));
    let queues = message_queues.iter().filter(|queue| wanted.has_key(queue.key.get()));
    reports.extend(queues.map(foreign::queue));
    reports.retain(|report| wanted.is(report));
    Ok(reports)
}

fn look(segment: &Entry<SegmentStat>) -> Segment {
    // Too small for a header.
    if segment.stat.size < SLOTS {
        return Segment::Other;
    }
    let image = match Image::attach(segment.id) {
        Ok(image) => image,
        Err(error) if error.is_gone() => return Segment::Gone,
        Err(error) => return Segment::Hidden(error),
    };
    match image.copy::<Header>(0) {
        Ok(header) if header.is_ours() => Segment::Ours(image, Box::new(header)),
        Ok(_) if image.is_blank(SLOTS) => Segment::Blank,
        _ => Segment::Other,
    }
}

/// Returns the report of a set that no segment names, perhaps with a blank segment of its key.
fn set_without_header(
    set: &Entry<SemaphoreStat>,
    blank: Option<&Entry<SegmentStat>>,
    wanted: &Wanted<'_>,
) -> Option<Report> {
    let mut report = foreign::set(set);
    let expected = expected(set.key.get(), wanted);
    let values = match SemaphoreSet::from_raw_id(set.id).values() {
        Ok(values) => values,
        Err(error) if error.is_gone() => return None,
        Err(error) => {
            report.state = State::Hidden;
            report.why = Some(error.to_string());
            return Some(report);
        }
    };
    let value = |semaphore: u16| values.get(usize::from(semaphore)).copied().unwrap_or(0);
    let (state, why) = if !SetLayout::has_state(values.len()) {
        return Some(report);
    } else if set.stat.o_time.is_none() {
        // It was never operated on, so nothing but the key, or a segment beside it, says that it is of this crate.
        if expected.is_none() && blank.is_none() {
            return Some(report);
        }
        (State::Unfinished, "its creator has not written a header")
    } else if value(STATE) == CONDEMNED {
        (State::Condemned, "its removal was begun, and its segment is gone")
    } else if value(CREATOR) == MARK.get() {
        (State::Wiped, "its segment is gone: it was removed by another program, as ipcrm or systemd does")
    } else {
        return Some(report);
    };
    report.state = state;
    report.why = Some(why.to_owned());
    report.kind = expected.map_or(Kind::Unknown, |(kind, _)| kind.kind);
    report.name = expected.map(|(_, name)| name.as_str().to_owned());
    // While the set has the key, no other object makes a segment under it.
    if matches!(state, State::Unfinished | State::Condemned) {
        report.segment = blank.map(foreign::segment_part);
    }
    Some(report)
}

/// Returns which object the key belongs to, if it is asked for by name: that is all that tells.
fn expected<'a>(key: i32, wanted: &Wanted<'a>) -> Option<(&'static Inspected, &'a Name)> {
    let Wanted::Named(name) = wanted else { return None };
    let kind = KINDS.iter().copied().find(|kind| name.key(kind.header.1).get() == key)?;
    Some((kind, name))
}
