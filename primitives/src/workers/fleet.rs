//! The workers of a pool, as their supervisor has them.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
    sync::{Arc, atomic::Ordering::Relaxed, mpsc::Sender},
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{
    assignment::Assignment,
    deaths::{Death, OomKills},
    event::Event,
    options::WorkerPoolOptions,
    program::Program,
    report::Ends,
    shared::Shared,
    spawn::{LastLines, Lines, Started},
    sys::{self, Limits},
    tally::{Phase, ROWS},
};
use crate::{Cause, background};

/// Why the supervisor kills a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    TimedOut,
    Drain,
    /// It was asked for.
    Asked,
}

/// How a worker came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Stopped,
    Recycled,
    /// The channel is closed or removed.
    Closed,
    Killed,
    Crashed,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    row: usize,
    stderr: LastLines,
    /// It stops when this is written to. If this is closed, its supervisor is dead, and it stops as well.
    control: io::PipeWriter,
    is_stopping: bool,
    killed: Option<Reason>,
}

/// What is left of a worker.
#[derive(Debug)]
pub(super) struct Buried {
    pub(super) end: End,
    pub(super) status: ExitStatus,
    pub(super) stderr: Vec<String>,
    /// Whether it ever took jobs.
    pub(super) has_served: bool,
    /// Whether the supervisor stopped or killed it.
    pub(super) was_stopped: bool,
}

/// The workers of a pool. Each has a number that is never used again.
#[derive(Debug)]
pub(super) struct Fleet {
    shared: Arc<Shared>,
    program: Program,
    limits: Limits,
    assignment: Assignment,
    events: Sender<Event>,
    oom_kills: OomKills,
    workers: BTreeMap<u64, Worker>,
    next: u64,
}

impl Fleet {
    pub(super) fn new(shared: Arc<Shared>, options: &WorkerPoolOptions, events: Sender<Event>) -> Self {
        let assignment = Assignment {
            recycle_after: options.recycle_after,
            job_timeout: options.job_timeout.map_or(0, |timeout| {
                // At least one, since 0 is any time.
                u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1)
            }),
            retries_panics: options.retries_panics,
            removes: options.removes,
            pool: shared.address.0.clone(),
            tally: shared.tally.id(),
            ..Assignment::default()
        };
        let (program, limits) = (options.program.clone(), options.limits.clone());
        let (oom_kills, workers) = (OomKills::new(), BTreeMap::new());
        Self { shared, program, limits, assignment, events, oom_kills, workers, next: 1 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Returns the number that the next worker gets.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Returns how many workers there are that are not stopping.
    pub(super) fn working(&self) -> usize {
        self.workers.values().filter(|worker| !worker.is_stopping).count()
    }

    /// Returns whether a worker serves that was started with this number or a later one.
    pub(super) fn is_serving_since(&self, number: u64) -> bool {
        self.workers.range(number..).any(|(_, worker)| self.shared.tally.phase(worker.row) == Phase::Serving)
    }

    pub(super) fn of_pid(&self, pid: u32) -> Option<u64> {
        self.workers.iter().find(|(_, worker)| worker.child.id() == pid).map(|(&number, _)| number)
    }

    /// Returns which workers do a job, and how long each has done it.
    ///
    /// A worker says itself when it begins. It may be stopped between its claim and that, so claims count as well. A job that was cancelled
    /// is no claim any more, and is done all the same.
    pub(super) fn ages_of_jobs(&self) -> BTreeMap<u64, Duration> {
        let ages = self.workers.iter().map(|(&number, worker)| (number, self.shared.tally.age_of_job(worker.row)));
        let mut ages: BTreeMap<u64, Duration> = ages.filter_map(|(number, age)| Some((number, age?))).collect();
        for claim in self.shared.channel.claims().unwrap_or_default() {
            if let Some(number) = self.of_pid(claim.member.pid) {
                let age = ages.entry(number).or_default();
                *age = claim.age.max(*age);
            }
        }
        ages
    }

    /// Stops a worker with a job that is late, and checks once more: it may have just finished, and taken another job. Returns whether it has not;
    /// then it stays stopped.
    pub(super) fn is_still_late(&self, number: u64, limit: Duration) -> bool {
        let Some(worker) = self.workers.get(&number) else { return false };
        sys::signal_group(worker.child.id(), Signal::SIGSTOP);
        let is_late = self.ages_of_jobs().get(&number).is_some_and(|age| *age >= limit);
        if !is_late {
            sys::signal_group(worker.child.id(), Signal::SIGCONT);
        }
        is_late
    }

    /// Starts a worker.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let is_free = |row: &usize| self.workers.values().all(|worker| worker.row != *row);
        let row = (0..ROWS).find(is_free).ok_or(io::ErrorKind::QuotaExceeded)?;
        self.shared.tally.begin(row);
        let assignment = Assignment { row, ..self.assignment.clone() };
        let start = || self.program.start(assignment, &self.limits).map(|started| (started.child.id(), started));
        let Started { mut child, control, stderr } = self.shared.deaths.born(start)?;
        let (number, pid, events) = (self.next, child.id(), self.events.clone());
        let watching = background::start("worker's end", None, move || {
            sys::wait_for_end(pid);
            // A supervisor that has ended has no workers.
            let _ = events.send(Event::Ended(number));
        });
        if let Err(error) = watching {
            // Without the thread its end would be missed.
            sys::signal_group(pid, Signal::SIGKILL);
            let waited = child.wait();
            self.shared.deaths.died(pid, None);
            return Err(waited.err().unwrap_or(error));
        }
        self.next += 1;
        Ends::add(&self.shared.ends.started);
        self.workers.insert(number, Worker { child, row, stderr, control, is_stopping: false, killed: None });
        self.shared.ends.living.store(self.workers.len() as u64, Relaxed);
        Ok(())
    }

    /// Stops the youngest workers, so that so many are left.
    pub(super) fn stop_beyond(&mut self, most: usize) {
        let excess = self.working().saturating_sub(most);
        for worker in self.workers.values_mut().rev().filter(|worker| !worker.is_stopping).take(excess) {
            worker.is_stopping = true;
            // One that is dead already is about to be buried.
            let _ = worker.control.write_all(&[0]);
        }
    }

    /// Kills a worker. Returns whether it had not been killed before.
    pub(super) fn kill(&mut self, worker: u64, reason: Reason) -> bool {
        let Some(worker) = self.workers.get_mut(&worker) else { return false };
        let pid = worker.child.id();
        sys::signal_group(pid, Signal::SIGKILL);
        self.shared.deaths.killed(pid);
        let is_new = worker.killed.is_none();
        worker.killed.get_or_insert(reason);
        is_new
    }

    pub(super) fn kill_all(&mut self, reason: Reason) {
        let numbers: Vec<u64> = self.workers.keys().copied().collect();
        for number in numbers {
            self.kill(number, reason);
        }
    }

    /// Reaps a worker that has ended, and says how it died to those that want to know.
    pub(super) fn bury(&mut self, number: u64) -> Option<Buried> {
        let mut worker = self.workers.remove(&number)?;
        self.shared.ends.living.store(self.workers.len() as u64, Relaxed);
        let pid = worker.child.id();
        // What it has started goes with it, while its group can't be another one's.
        sys::signal_group(pid, Signal::SIGKILL);
        // It has ended already.
        let status = worker.child.wait().unwrap_or_default();
        let phase = self.shared.tally.phase(worker.row);
        let was_stopped = worker.is_stopping || worker.killed.is_some();
        let stderr = if status.success() { Lines::default() } else { worker.stderr.of_the_dead() };
        let end = match (status.success(), phase) {
            (true, Phase::Recycled) => End::Recycled,
            (true, Phase::Stopped) => End::Stopped,
            (true, Phase::Closed) => End::Closed,
            // It ended before it had come to serving.
            (true, Phase::Starting) if was_stopped => End::Stopped,
            _ if worker.killed.is_some() => End::Killed,
            _ => End::Crashed,
        };
        let has_died = matches!(end, End::Killed | End::Crashed);
        let cause = match (end, worker.killed) {
            (End::Killed, Some(Reason::TimedOut)) => Cause::TimedOut,
            (End::Crashed, _) => self.cause_of(status, stderr.says_no_memory),
            _ => Cause::Died,
        };
        self.count(end, cause);
        let death = has_died.then_some(Death { cause, status });
        if let Some(death) = death {
            // If the channel is gone there is nothing to explain.
            let _ = self.shared.channel.explain_death(pid, cause, death.raw_status());
        }
        self.shared.deaths.died(pid, death);
        let stderr = stderr.last.into();
        Some(Buried { end, status, stderr, has_served: phase != Phase::Starting, was_stopped })
    }

    /// Returns why a worker crashed, as far as that can be told.
    fn cause_of(&mut self, status: ExitStatus, says_no_memory: bool) -> Cause {
        let is_killed = status.signal() == Some(Signal::SIGKILL as i32);
        let is_aborted = status.signal() == Some(Signal::SIGABRT as i32);
        // The kernel's own killing is counted for the whole system, so it is likely and not certain.
        let is_out_of_memory = (is_aborted && says_no_memory) || (is_killed && self.oom_kills.have_happened());
        if !is_out_of_memory {
            return Cause::Died;
        }
        Cause::OutOfMemory
    }

    /// Counts an end, before those that wait for the job can learn of it.
    fn count(&self, end: End, cause: Cause) {
        let ends = &self.shared.ends;
        Ends::add(match end {
            End::Stopped | End::Closed => &ends.stopped,
            End::Recycled => &ends.recycled,
            End::Killed => &ends.killed,
            End::Crashed => &ends.crashed,
        });
        if cause == Cause::OutOfMemory {
            Ends::add(&ends.out_of_memory);
        }
    }
}
