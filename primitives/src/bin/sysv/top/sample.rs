//! What changed between two looks.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use sysv_primitives::inspect::{Kind, Report};

use crate::words;

/// What an object is known by, as long as it exists.
pub(super) type Id = (Kind, Option<i32>, Option<i32>, Option<i32>);

/// A dead member: the object, the slot, the process, and when that started.
type Death = (Id, u32, u32, u64);

/// One object at one look.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: Id,
    pub(super) report: Report,
    /// What came in and went out, a second. `None` if its kind does not count that, and at the first look.
    pub(super) rate_in: Option<f64>,
    pub(super) rate_out: Option<f64>,
    /// How often a member went to sleep, a second.
    pub(super) sleeps: Option<f64>,
    /// The longest wait: as the object records it, or as it was seen to last.
    pub(super) longest: Option<Duration>,
    /// The deaths that were seen since this program started.
    pub(super) deaths: u64,
    /// Those of the last minute.
    pub(super) recent: usize,
}

/// What is kept from look to look.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    counters: HashMap<Id, (Instant, Counts)>,
    /// Since when each process was seen to wait there.
    waits: HashMap<(Id, u32, u32), Instant>,
    dead: HashSet<Death>,
    deaths: HashMap<Id, u64>,
    recent: VecDeque<(Instant, Id)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    entered: Option<u64>,
    left: Option<u64>,
    slept: Option<u64>,
}

impl Counts {
    fn of(report: &Report) -> Self {
        let count = |name| report.counters.get(name).copied();
        let slept = report.counters.iter().filter(|(name, _)| name.ends_with("slept")).map(|(_, count)| *count);
        Self { entered: count("pushed"), left: count("popped"), slept: slept.reduce(u64::wrapping_add) }
    }
}

pub(super) fn id_of(report: &Report) -> Id {
    (
        report.kind,
        report.set.as_ref().map(|set| set.id),
        report.segment.as_ref().map(|segment| segment.id),
        report.queue.as_ref().map(|queue| queue.id),
    )
}

impl Sampler {
    /// Compares a look with the one before.
    pub(super) fn take(&mut self, reports: Vec<Report>, now: Instant) -> Vec<Row> {
        self.count_deaths(&reports, now);
        let waits = std::mem::take(&mut self.waits);
        let counters = std::mem::take(&mut self.counters);
        let mut rows = Vec::with_capacity(reports.len());
        for report in reports {
            let id = id_of(&report);
            let counts = Counts::of(&report);
            let rate = |pick: fn(&Counts) -> Option<u64>| {
                let (then, before) = counters.get(&id)?;
                // A counter that went back is that of another object, or was overwritten.
                let change = pick(&counts)?.checked_sub(pick(before)?)?;
                #[allow(clippy::cast_precision_loss, reason = "some digits are shown")]
                Some(change as f64 / now.duration_since(*then).as_secs_f64().max(1e-6))
            };
            let (rate_in, rate_out) = (rate(|counts| counts.entered), rate(|counts| counts.left));
            let sleeps = rate(|counts| counts.slept);
            self.counters.insert(id, (now, counts));
            let longest = self.longest(id, &report, &waits, now);
            let deaths = self.deaths.get(&id).copied().unwrap_or(0);
            let recent = self.recent.iter().filter(|(_, of)| *of == id).count();
            rows.push(Row { id, report, rate_in, rate_out, sleeps, longest, deaths, recent });
        }
        rows
    }

    /// A dead member is seen until it is repaired. One that is repaired between two looks is not.
    fn count_deaths(&mut self, reports: &[Report], now: Instant) {
        let mut seen = HashSet::new();
        for report in reports {
            let id = id_of(report);
            seen.extend(report.dead.iter().map(|member| (id, member.slot, member.pid, member.start_time)));
        }
        for death in &seen {
            if !self.dead.contains(death) {
                *self.deaths.entry(death.0).or_default() += 1;
                self.recent.push_back((now, death.0));
            }
        }
        self.dead = seen;
        self.recent.retain(|(death, _)| now.duration_since(*death) < Duration::from_secs(60));
    }

    fn longest(
        &mut self,
        id: Id,
        report: &Report,
        before: &HashMap<(Id, u32, u32), Instant>,
        now: Instant,
    ) -> Option<Duration> {
        let mut longest = None;
        for waiter in &report.waiters {
            let key = (id, waiter.slot, waiter.pid);
            let since = before.get(&key).copied().unwrap_or(now);
            self.waits.insert(key, since);
            longest = longest.max(Some(waiter.waited.unwrap_or_else(|| now.duration_since(since))));
        }
        longest
    }
}

impl Row {
    pub(super) fn waiting(&self) -> usize {
        words::waiting(&self.report)
    }

    pub(super) fn share(&self) -> f64 {
        words::share(self.report.fill).unwrap_or(0.0)
    }
}
