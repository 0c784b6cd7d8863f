//! What workers count, in memory that they share with their supervisor.
//!
//! On Linux the segment is marked as removed as soon as the supervisor has attached it. So it goes with the last process that
//! has it, whatever dies. Each worker has a row of its own, and a later worker takes it over: the counts go on, and the phase
//! begins anew.
//!
//! A worker counts a job right after it responded. So a result may be there a moment before it is counted, and a worker that is
//! killed in between leaves it uncounted.

use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    time::Duration,
};

use crate::{
    clock,
    fingerprint::fnv1a,
    raw::{self, Segment, SharedMemory, SharedMemoryOptions},
};

/// The most workers of one pool at once.
pub(super) const ROWS: usize = 1023;
/// A row has a cache line of its own.
const WORDS: usize = 8;

/// The word of a row that says since when its worker does a job, in nanoseconds. 0: it does none.
const BUSY_SINCE: usize = WORDS - 1;

/// What is counted.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(super) enum Count {
    Done = 1,
    Refused,
    Panicked,
    /// Jobs that were taken up again.
    Retried,
}

/// How far a worker is: the first word of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Phase {
    Starting,
    /// It takes jobs.
    Serving,
    /// It has done as many jobs as it was to do, and ends.
    Recycled,
    /// It was told to stop, and ends.
    Stopped,
    /// The channel was closed or removed, and it ends.
    Closed,
}

/// The rows of all workers.
#[derive(Debug)]
pub(super) struct Tally {
    memory: SharedMemory,
}

/// The row of one worker, in that worker.
#[derive(Debug)]
pub(super) struct Row {
    tally: Tally,
    index: usize,
}

impl Tally {
    /// Makes the memory that the supervisor of this pool shares with its workers.
    pub(super) fn new(pool: &str) -> raw::Result<Self> {
        let bytes = (ROWS + 1) * WORDS * size_of::<u64>();
        let tally = Self { memory: SharedMemoryOptions::new().size(bytes).open_random()? };
        tally.word(0, 0).store(name_hash(pool), Relaxed);
        if cfg!(target_os = "linux") {
            tally.memory.remove()?;
        }
        Ok(tally)
    }

    pub(super) fn id(&self) -> i32 {
        self.memory.segment().id()
    }

    fn word(&self, row: usize, word: usize) -> &AtomicU64 {
        match self.memory.view(8 * (row * WORDS + word)) {
            Ok(word) => word,
            Err(error) => unreachable!("rows are checked, and the memory was made for them: {error}"),
        }
    }

    /// Gives a row to a new worker.
    pub(super) fn begin(&self, row: usize) {
        self.word(row + 1, BUSY_SINCE).store(0, Relaxed);
        self.word(row + 1, 0).store(Phase::Starting as u64, Relaxed);
    }

    /// Returns how long a worker has done its job. It is exact to some milliseconds.
    pub(super) fn age_of_job(&self, row: usize) -> Option<Duration> {
        let since = self.word(row + 1, BUSY_SINCE).load(Relaxed);
        (since != 0).then(|| Duration::from_nanos(clock::coarse().saturating_sub(since)))
    }

    pub(super) fn phase(&self, row: usize) -> Phase {
        // SYNC: pairs with the store in `Row::enter`.
        match self.word(row + 1, 0).load(Acquire) {
            1 => Phase::Serving,
            2 => Phase::Recycled,
            3 => Phase::Stopped,
            4 => Phase::Closed,
            _ => Phase::Starting,
        }
    }

    /// Returns the sum over all workers, also those that have ended.
    pub(super) fn sum(&self, count: Count) -> u64 {
        // Counts order nothing.
        (1..=ROWS).map(|row| self.word(row, count as usize).load(Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if !cfg!(target_os = "linux") {
            // The last handle, or another's: gone already is as good.
            let _ = self.memory.remove();
        }
    }
}

impl Row {
    /// Attaches what the supervisor made. Returns `None` if that is gone, as it is when the supervisor died.
    pub(super) fn attach(id: i32, index: usize, pool: &str) -> Option<Self> {
        let tally = Tally { memory: Segment::from_raw_id(id).attach().ok()? };
        let fits = tally.memory.len() >= (ROWS + 1) * WORDS * size_of::<u64>() && index < ROWS;
        (fits && tally.word(0, 0).load(Relaxed) == name_hash(pool)).then_some(Self { tally, index })
    }

    pub(super) fn enter(&self, phase: Phase) {
        // SYNC: pairs with the load in `Tally::phase`.
        self.tally.word(self.index + 1, 0).store(phase as u64, Release);
    }

    /// Records that the worker does a job, since this time of the coarse clock.
    pub(super) fn begin_job(&self, since: u64) {
        // 0 is no job.
        self.tally.word(self.index + 1, BUSY_SINCE).store(since.max(1), Relaxed);
    }

    /// Records that the worker's job has come to its end.
    pub(super) fn end_job(&self) {
        self.tally.word(self.index + 1, BUSY_SINCE).store(0, Relaxed);
    }

    pub(super) fn add(&self, count: Count) {
        self.tally.word(self.index + 1, count as usize).fetch_add(1, Relaxed);
    }
}

fn name_hash(pool: &str) -> u64 {
    fnv1a(pool.bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Count, Phase, ROWS, Row, Tally};
    use crate::clock;

    #[test]
    fn rows_are_taken_over_with_their_counts() {
        let tally = Tally::new("pool").unwrap();
        let row = Row::attach(tally.id(), ROWS - 1, "pool").expect("the supervisor has it");
        assert!(Row::attach(tally.id(), 0, "another pool").is_none());
        assert!(Row::attach(tally.id(), ROWS, "pool").is_none());
        assert_eq!(tally.age_of_job(ROWS - 1), None);
        row.begin_job(clock::coarse());
        assert!(tally.age_of_job(ROWS - 1).is_some_and(|age| age < Duration::from_secs(60)));
        row.end_job();
        assert_eq!(tally.age_of_job(ROWS - 1), None);
        row.enter(Phase::Recycled);
        row.add(Count::Done);
        row.add(Count::Done);
        assert_eq!((tally.phase(ROWS - 1), tally.sum(Count::Done)), (Phase::Recycled, 2));
        tally.begin(ROWS - 1);
        assert_eq!((tally.phase(ROWS - 1), tally.sum(Count::Done)), (Phase::Starting, 2));
    }
}
