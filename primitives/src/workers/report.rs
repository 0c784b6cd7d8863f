//! What a pool has done so far.

use std::{
    collections::BTreeMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::{Queued, Route};

/// What a pool has done so far, by cause: for a progress bar, or for an operator. Returned by [`WorkerPool::report`](super::WorkerPool::report).
///
/// Jobs are those of the workers that this pool has started, whichever process submitted them. A worker that is killed
/// right after it responded leaves a job uncounted if another process submitted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Jobs with a response.
    pub done: u64,
    /// Jobs that panicked in their last attempt.
    pub panicked: u64,
    /// Jobs that a worker refused.
    pub refused: u64,
    /// Attempts after the first one.
    pub retried: u64,
    /// Jobs that are set aside in the channel now.
    pub set_aside: u64,
    /// Workers that were killed because a job took too long.
    pub timed_out: u64,
    /// Workers that were started.
    pub started: u64,
    /// Workers that ended after the number of jobs set by [`recycle_after`](super::WorkerPoolOptions::recycle_after).
    pub recycled: u64,
    /// Workers that ended because they were asked to, by [`scale`](super::WorkerPool::scale) or by draining.
    pub stopped: u64,
    /// Workers that ended by themselves, or were killed by another process.
    pub crashed: u64,
    /// Workers that could not allocate memory. They also count as crashed.
    pub out_of_memory: u64,
    /// Workers that the pool killed: those that took too long, and those that drained too slowly.
    pub killed: u64,
    /// Starts that failed.
    pub failed_starts: u64,
    /// Workers that live now.
    pub workers: u64,
    /// Jobs that wait, by route.
    pub queued: BTreeMap<Route, Queued>,
    /// Jobs that are running.
    pub running: u64,
}

impl Report {
    /// Returns how many jobs failed: those that panicked, and those that were refused.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.panicked + self.refused
    }

    /// Returns how many jobs wait.
    #[must_use]
    pub fn depth(&self) -> u64 {
        self.queued.values().map(|queued| queued.messages).sum()
    }

    /// Returns how long the oldest job has waited, to a few milliseconds.
    #[must_use]
    pub fn oldest(&self) -> Duration {
        self.queued.values().map(|queued| queued.oldest).max().unwrap_or_default()
    }
}

/// One line, without what is 0.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} jobs done", self.done)?;
        let further = [
            (self.panicked, "panicked"),
            (self.refused, "refused"),
            (self.retried, "retried"),
            (self.set_aside, "set aside"),
            (self.timed_out, "timed out"),
            (self.depth(), "waiting"),
            (self.running, "running"),
        ];
        further.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))?;
        write!(f, "; workers: {} started", self.started)?;
        let ends = [
            (self.recycled, "recycled"),
            (self.crashed, "crashed"),
            (self.out_of_memory, "of them out of memory"),
            (self.killed, "killed"),
            (self.failed_starts, "starts failed"),
        ];
        ends.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

/// What this process has learnt of its jobs. Workers may be killed before they count what they responded.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) done: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// What the supervisor counts.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) started: AtomicU64,
    pub(super) recycled: AtomicU64,
    pub(super) stopped: AtomicU64,
    pub(super) crashed: AtomicU64,
    pub(super) out_of_memory: AtomicU64,
    pub(super) killed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) failed_starts: AtomicU64,
    pub(super) living: AtomicU64,
}

impl Ends {
    /// Adds one. Counts order nothing.
    pub(super) fn add(count: &AtomicU64) {
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn fill(&self, report: &mut Report) {
        let load = |count: &AtomicU64| count.load(Relaxed);
        report.started = load(&self.started);
        report.recycled = load(&self.recycled);
        report.stopped = load(&self.stopped);
        report.crashed = load(&self.crashed);
        report.out_of_memory = load(&self.out_of_memory);
        report.killed = load(&self.killed);
        report.timed_out = load(&self.timed_out);
        report.failed_starts = load(&self.failed_starts);
        report.workers = load(&self.living);
    }
}
