//! What the reader of one kind works with: the memory of an object, and the report that it fills in.
//!
//! Each kind has a file `report.rs` beside its state, which alone knows its words. It says to this [`Source`] what it found, and
//! `Source` checks each slot that memory names, adds up, and bounds what is said of damage.

use std::{collections::BTreeMap, time::Duration};

use super::{
    facts::{Fill, Finding, Hold, Holder, Interest, Job, Report, Route, Severity, Subscriber, Value, Waiter},
    image::{Cut, Image},
    kind::Kind,
};
use crate::{
    clock,
    layout::{Description, Slot},
    raw::SharedSafe,
    set_layout::Bells,
    sync::Ordering::Relaxed,
};

/// A kind of object, and how its body is read.
pub(crate) struct Inspected {
    /// The number that its objects have in the header, and the name that is part of their keys.
    pub(crate) header: (u32, &'static str),
    /// Its doorbells.
    pub(crate) bells: Bells,
    pub(crate) kind: Kind,
    /// Reads the body. It ends early if the segment does.
    pub(crate) read: fn(&mut Source<'_>) -> Result<(), Cut>,
}

/// A slot, as it was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotSeen {
    pub(crate) is_used: bool,
    pub(crate) is_alive: bool,
    pub(crate) helpers: u16,
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
}

impl SlotSeen {
    pub(crate) fn new(slot: &Slot, alive: u16, helpers: u16) -> Self {
        Self {
            is_used: slot.used.load(Relaxed) != 0,
            is_alive: alive != 0,
            helpers,
            pid: slot.pid.load(Relaxed),
            start_time: slot.start_time.load(Relaxed),
        }
    }
}

/// The memory of one object, and its report.
pub(crate) struct Source<'a> {
    image: &'a Image,
    body: usize,
    description: &'a Description,
    slots: &'a [SlotSeen],
    /// `CLOCK_MONOTONIC`, when the reading began.
    now: u64,
    report: &'a mut Report,
    holds: BTreeMap<(u32, Hold), u64>,
    routes: BTreeMap<i64, Route>,
    findings: Findings,
}

/// The findings by their codes, so that damaged memory does not fill the report with one of each word.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<&'static str, (Severity, String, u64)>);

impl Findings {
    pub(crate) fn add(&mut self, severity: Severity, code: &'static str, text: impl FnOnce() -> String) {
        self.0.entry(code).and_modify(|(.., count)| *count += 1).or_insert_with(|| (severity, text(), 1));
    }

    /// Moves them into the report, the worst first.
    pub(crate) fn move_to(self, findings: &mut Vec<Finding>) {
        let finding = |(code, (severity, text, count)): (&'static str, (Severity, String, u64))| {
            let text = if count > 1 { format!("{text} (and {} more)", count - 1) } else { text };
            Finding { severity, code, text }
        };
        findings.extend(self.0.into_iter().map(finding));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
}

impl<'a> Source<'a> {
    pub(crate) fn new(
        image: &'a Image,
        body: usize,
        description: &'a Description,
        slots: &'a [SlotSeen],
        report: &'a mut Report,
    ) -> Self {
        let (holds, routes, findings) = Default::default();
        Self { image, body, description, slots, now: clock::monotonic(), report, holds, routes, findings }
    }

    /// Completes the report.
    pub(crate) fn finish(self) {
        let Self { report, holds, routes, findings, slots, .. } = self;
        let holder = |((slot, what), count)| {
            let SlotSeen { pid, is_alive, .. } = slots.get(slot as usize).copied().unwrap_or_default();
            Holder { slot, pid, is_alive, what, count }
        };
        report.holders = holds.into_iter().map(holder).collect();
        report.routes = routes.into_values().collect();
        // The longest wait first. A wait without a time comes last.
        report.waiters.sort_by_key(|waiter| std::cmp::Reverse(waiter.waited));
        findings.move_to(&mut report.findings);
    }

    pub(crate) fn max_handles(&self) -> u32 {
        self.description.max_handles
    }

    /// Returns the number of the primitive's own that the header has.
    pub(crate) fn capacity(&self) -> u64 {
        self.description.capacity
    }

    /// Returns how long ago a time of `CLOCK_MONOTONIC` was.
    pub(crate) fn age(&self, since: u64) -> Duration {
        Duration::from_nanos(self.now.saturating_sub(since))
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    fn at(&self, offset: usize) -> Result<usize, Cut> {
        self.body.checked_add(offset).ok_or(Cut)
    }

    /// Loads a word at an offset of the body.
    pub(crate) fn u32(&self, offset: usize) -> Result<u32, Cut> {
        self.image.u32(self.at(offset)?)
    }

    /// Loads a word of 64 bits at an offset of the body.
    pub(crate) fn u64(&self, offset: usize) -> Result<u64, Cut> {
        self.image.u64(self.at(offset)?)
    }

    /// Copies a value at an offset of the body.
    pub(crate) fn copy<T: SharedSafe>(&self, offset: usize) -> Result<T, Cut> {
        self.image.copy(self.at(offset)?)
    }

    /// Copies values at an offset of the body, and lets each be seen with its number and this source.
    pub(crate) fn each<T: SharedSafe>(
        &mut self,
        offset: usize,
        len: usize,
        mut see: impl FnMut(&mut Self, usize, &T),
    ) -> Result<(), Cut> {
        let (image, at) = (self.image, self.at(offset)?);
        image.each(at, len, |number, value| see(self, number, value))
    }

    pub(crate) fn option(&mut self, name: &'static str, value: u64) {
        self.report.options.insert(name, Value::Number(value));
    }

    pub(crate) fn flag(&mut self, name: &'static str, value: bool) {
        self.report.options.insert(name, Value::Flag(value));
    }

    pub(crate) fn counter(&mut self, name: &'static str, value: u64) {
        self.report.counters.insert(name, value);
    }

    pub(crate) fn fill(&mut self, used: u64, capacity: u64) {
        self.report.fill = Some(Fill { used, capacity });
    }

    pub(crate) fn set_aside(&mut self, messages: u64) {
        self.report.set_aside = Some(messages);
    }

    pub(crate) fn note(&mut self, code: &'static str, text: impl FnOnce() -> String) {
        self.findings.add(Severity::Note, code, text);
    }

    pub(crate) fn warn(&mut self, code: &'static str, text: impl FnOnce() -> String) {
        self.findings.add(Severity::Warning, code, text);
    }

    pub(crate) fn damage(&mut self, code: &'static str, text: impl FnOnce() -> String) {
        self.findings.add(Severity::Damage, code, text);
    }

    /// Returns the slot that a word names as its owner, plus one. Returns `None` for no owner, and for a slot that can own
    /// nothing.
    fn slot_of(&mut self, owner: u32, what: &'static str) -> Option<u32> {
        let slot = owner.checked_sub(1)?;
        match self.slots.get(slot as usize) {
            None => {
                self.damage("no_such_slot", || format!("{what} names slot {slot}, which does not exist"));
                None
            }
            // The next process that meets such a word repairs it. While a member comes or leaves, it may be seen for a moment.
            Some(seen) if !seen.is_used && !seen.is_alive => {
                self.warn("slot_without_member", || format!("{what} names slot {slot}, which has no member"));
                Some(slot)
            }
            Some(_) => Some(slot),
        }
    }

    /// Says that the owner of a word, a slot plus one, holds so many of something. 0 is no owner.
    pub(crate) fn hold(&mut self, owner: u32, what: Hold, count: u64) {
        if let Some(slot) = self.slot_of(owner, "a word of the object") {
            *self.holds.entry((slot, what)).or_default() += count;
        }
    }

    /// Says which member holds a lock, or is offered it.
    pub(crate) fn lock(&mut self, owner: u32, is_offered: bool, what: Hold) {
        self.hold(owner, if is_offered { Hold::Offer } else { what }, 1);
    }

    /// Says that a member of a slot waits. `since` is a time of `CLOCK_MONOTONIC`, if it is recorded.
    pub(crate) fn wait(&mut self, slot: u32, interest: Interest, since: Option<u64>, is_called: bool) {
        let Some(&SlotSeen { pid, is_alive, .. }) = self.slots.get(slot as usize) else { return };
        if self.slot_of(slot + 1, "a waiting room").is_some() {
            let waited = since.map(|since| self.age(since));
            self.report.waiters.push(Waiter { slot, pid, is_alive, interest, waited, is_called });
        }
    }

    /// Adds a message to its route.
    pub(crate) fn message(&mut self, route: i64, bytes: u64, age: Option<Duration>) {
        let found = self.routes.entry(route).or_insert(Route { route, messages: 0, bytes: 0, oldest: age });
        found.messages += 1;
        found.bytes += bytes;
        found.oldest = found.oldest.max(age);
    }

    /// Adds a subscriber. The owner is a slot plus one.
    pub(crate) fn subscriber(&mut self, owner: u32, lag: u64, missed: u64, is_joining: bool) {
        let Some(slot) = self.slot_of(owner, "a cursor") else { return };
        let SlotSeen { pid, is_alive, .. } = self.slots[slot as usize];
        self.report.subscribers.push(Subscriber { slot, pid, is_alive, lag, missed, is_joining });
        *self.holds.entry((slot, Hold::Consumer)).or_default() += 1;
    }

    /// Adds a message that a member works on. Owner and caller are slots plus one.
    pub(crate) fn job(
        &mut self,
        owner: u32,
        caller: u32,
        route: u32,
        age: Option<Duration>,
        attempt: u32,
        is_claim: bool,
    ) {
        let Some(slot) = self.slot_of(owner, "a message") else { return };
        let pid_of = |slot: u32| self.slots.get(slot as usize).map(|seen| seen.pid);
        let caller_pid = caller.checked_sub(1).and_then(pid_of);
        let SlotSeen { pid, is_alive, .. } = self.slots[slot as usize];
        self.report.jobs.push(Job { slot, pid, is_alive, route, age, attempt, is_claim, caller_pid });
        *self.holds.entry((slot, Hold::Claim)).or_default() += 1;
    }
}
