//! An object with our magic in its segment: how far it is, its members, and its body.
//!
//! Each number from the header is checked against what the kernel knows before it is used, as an opener does. If it does not
//! hold, the object is damaged, and its body is left alone.

use std::time::{Duration, UNIX_EPOCH};

use super::{age::Clock, foreign, kinds};
use crate::{
    layout::{Description, Header, SLOTS, Slot, VERSION, body_offset},
    name::Name,
    options::MOST_HANDLES,
    raw::{Entry, SegmentStat, SemaphoreSet, SemaphoreStat},
    report::{Findings, Image, Inspected, Kind, Member, Report, Severity, SlotSeen, Source, State},
    set_layout::{CONDEMNED, LIVING, STATE, SetLayout},
};

/// The parts of an object.
pub(super) struct Parts<'a> {
    pub(super) segment: &'a Entry<SegmentStat>,
    pub(super) image: Image,
    pub(super) header: Box<Header>,
    /// The set of the id that the header names, whatever it is for.
    pub(super) set: Option<&'a Entry<SemaphoreStat>>,
}

/// What the parts say together.
struct Verdict {
    state: State,
    why: Option<String>,
    /// Whether the set is the object's.
    has_set: bool,
}

/// Returns the report, and whether the set is the object's. Returns `None` if it was removed meanwhile.
pub(super) fn object(parts: &Parts<'_>) -> Option<(Report, bool)> {
    let Parts { segment, image, header, .. } = parts;
    let (version, found) = (header.version(), header.describe());
    let is_known = version == VERSION;
    let inspected = if is_known { kinds::by_number(found.kind) } else { None };
    let values = match parts.set.map(|set| SemaphoreSet::from_raw_id(set.id).values()) {
        Some(Err(error)) if error.is_gone() => return None,
        values => values,
    };
    let (values, refusal) = match values {
        Some(Ok(values)) => (Some(values), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, None),
    };
    let verdict = judge(parts, &found, inspected, values.as_deref(), refusal);
    let kind = inspected.map_or(Kind::Unknown, |inspected| inspected.kind);
    let mut report = Report {
        why: verdict.why,
        version: Some(version),
        segment: Some(foreign::segment_part(segment)),
        ..Report::new(kind, verdict.state, segment.key.get())
    };
    let set = parts.set.filter(|_| verdict.has_set);
    report.set = set.map(|set| foreign::set_part(set, None));
    report.last_used = set.and_then(|set| set.stat.o_time);
    if is_known {
        // Only this version's header is known to have them there.
        report.name = Some(crate::fingerprint::printable(found.name.as_bytes()));
        report.created = UNIX_EPOCH.checked_add(Duration::from_secs(header.created()));
        report.fingerprint = (found.fingerprint.name_hash != 0).then(|| found.fingerprint.clone());
        report.option("max_handles", found.max_handles.into());
        report.option("schema", found.fingerprint.schema);
    } else {
        report.name = name_by_key(&found.name, segment.key.get());
    }
    let is_whole = matches!(verdict.state, State::Live | State::Idle | State::Condemned | State::RemovedButAttached);
    if let (true, Some(values), Some(inspected)) = (is_whole, values, inspected)
        && let Some(layout) = SetLayout::of_size(inspected.bells, values.len())
        && is_sound(&found, layout, image)
    {
        read_members(&mut report, image, &found, layout, &values, inspected);
    }
    Some((report, verdict.has_set))
}

/// Returns a name if it gives the key, of whichever kind: another version may have something else in its place.
fn name_by_key(name: &str, key: i32) -> Option<String> {
    let checked = Name::new(name).ok()?;
    kinds::keys_of(&checked).any(|(_, of_kind)| of_kind.get() == key).then(|| name.to_owned())
}

/// Returns whether every number of the header that decides where something lies is borne out by the kernel, as an opener checks.
pub(super) fn is_sound(found: &Description, layout: SetLayout, image: &Image) -> bool {
    found.max_handles == layout.max_handles()
        && found.max_handles <= MOST_HANDLES
        && found.doorbells == layout.doorbells()
        && found.segment_size() <= image.len()
}

/// Decides how far the object is.
fn judge(
    parts: &Parts<'_>,
    found: &Description,
    inspected: Option<&Inspected>,
    values: Option<&[u16]>,
    refusal: Option<String>,
) -> Verdict {
    let Parts { segment, image, header, set } = parts;
    let is = |state, why: &str, has_set| Verdict { state, why: Some(why.to_owned()), has_set };
    let is_removed = segment.stat.marked_removed;
    let state = values.and_then(|values| values.get(usize::from(STATE)).copied());
    // The set is the object's if it has its identity, is condemned, or was not published yet, under the same key. A removed segment
    // has lost its key, so only the identity counts.
    let is_unpublished = set.is_some_and(|set| set.stat.o_time.is_none());
    let has_same_key = set.is_some_and(|set| set.key == segment.key);
    let has_identity = state.is_some_and(|state| u32::from(state) == found.identity);
    let has_set = has_identity || (has_same_key && !is_removed);
    if is_removed {
        let why = "its segment was removed, and lasts until the last process detaches";
        return is(State::RemovedButAttached, why, has_identity);
    }
    if !has_set {
        return match header.is_used() {
            true => {
                is(State::Wiped, "its set is gone: it was removed by another program, as ipcrm or systemd does", false)
            }
            false => is(State::Unfinished, "a creator died and left its segment", false),
        };
    }
    if let Some(why) = refusal {
        return is(State::Hidden, &why, true);
    }
    let version = header.version();
    if version != VERSION {
        return is(State::OtherVersion, &format!("layout version {version}, this program knows {VERSION}"), true);
    }
    match state {
        _ if is_unpublished => return is(State::Unfinished, "its creator has not published it", true),
        Some(CONDEMNED) => return is(State::Condemned, "its removal was begun", true),
        Some(_) if has_identity => {}
        _ => return is(State::Damaged, "the identity in its header is not that of its set", true),
    }
    let Some(values) = values else { return is(State::Damaged, "its set is too small", true) };
    let living = values.get(usize::from(LIVING)).copied().unwrap_or(0);
    let Some(inspected) = inspected else {
        let state = if living > 0 { State::Live } else { State::Idle };
        return is(state, &format!("kind {} is not known here", found.kind), true);
    };
    let is_named = Name::new(&found.name).is_ok_and(|name| name.key(inspected.header.1) == segment.key);
    if !is_named {
        return is(State::Damaged, "the name in its header does not give its key", true);
    }
    match SetLayout::of_size(inspected.bells, values.len()) {
        Some(layout) if is_sound(found, layout, image) => {
            let is_live = values[usize::from(layout.all_alive().start)..usize::from(layout.all_alive().end)]
                .iter()
                .any(|&alive| alive != 0);
            Verdict { state: if is_live { State::Live } else { State::Idle }, why: None, has_set: true }
        }
        _ => is(State::Damaged, "the sizes in its header are not those of its parts", true),
    }
}

/// Reads the slots, and then the body by its kind.
fn read_members(
    report: &mut Report,
    image: &Image,
    found: &Description,
    layout: SetLayout,
    values: &[u16],
    inspected: &Inspected,
) {
    let value = |semaphore: u16| values.get(usize::from(semaphore)).copied().unwrap_or(0);
    let (mut slots, clock, mut findings) = (Vec::new(), Clock::now(), Findings::default());
    let read = image.each(SLOTS, found.max_handles as usize, |slot, entry: &Slot| {
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        let seen = SlotSeen::new(entry, value(layout.alive(slot)), value(layout.helpers(slot)));
        if value(layout.alive(slot)) > 1 || (seen.is_alive && seen.helpers > 0) {
            findings.add(Severity::Damage, "alive", || format!("ALIVE or HELPERS of slot {slot} are impossible"));
        }
        let SlotSeen { is_used, is_alive, helpers, pid, start_time } = seen;
        let member = Member { slot, pid, start_time, age: clock.age(start_time), is_alive, helpers, host: None };
        match (is_alive, is_used) {
            (true, true) => report.members.push(member),
            (false, true) => report.dead.push(member),
            (true, false) => {
                findings.add(Severity::Note, "registering", || format!("a member of slot {slot} is coming or leaving"));
            }
            (false, false) => {}
        }
        slots.push(seen);
    });
    if read.is_err() {
        findings.add(Severity::Damage, "cut", || "the segment ends before the slots do".to_owned());
    }
    let alive = slots.iter().filter(|slot| slot.is_alive).count();
    if usize::from(value(LIVING)) != alive {
        findings
            .add(Severity::Damage, "living", || format!("LIVING is {}, and {alive} slots are alive", value(LIVING)));
    }
    if let Some(set) = &mut report.set {
        set.sleepers = sleepers(set.id, layout, &slots);
    }
    if !report.dead.is_empty() {
        let count = report.dead.len();
        findings.add(Severity::Note, "dead", || format!("{count} dead members are repaired by the next that needs it"));
    }
    let mut source = Source::new(image, body_offset(found.max_handles), found, &slots, report);
    if (inspected.read)(&mut source).is_err() {
        findings.add(Severity::Damage, "cut", || "the segment ends before the object does".to_owned());
    }
    source.finish();
    findings.move_to(&mut report.findings);
}

/// Counts the threads that sleep on doorbells: the common ones, and those of slots that have a member.
fn sleepers(set: i32, layout: SetLayout, slots: &[SlotSeen]) -> Option<usize> {
    let set = SemaphoreSet::from_raw_id(set);
    let living = (0..layout.max_handles()).zip(slots).filter(|(_, seen)| seen.is_alive);
    let bells = layout.common_bells().chain(living.flat_map(|(slot, _)| layout.bells_of(slot)));
    bells.map(|bell| set.waiting_for_nonzero(bell.into()).ok()).sum()
}
