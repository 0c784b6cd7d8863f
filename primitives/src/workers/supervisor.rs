//! The supervisor: one thread in the pool's process, which replaces workers that die and ends those that are to end.
//!
//! It waits on events until the next timer, and does nothing at any other time.
//!
//! | timer | set by | what it does |
//! | --- | --- | --- |
//! | `start_at` | a start that failed | starts what is missing |
//! | `check_at` | a job time limit | checks the jobs, and kills the workers of those that are too old |
//! | `kill_at` | draining with a deadline | kills what has not ended |

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    WorkersError,
    event::Event,
    fleet::{End, Fleet, Reason},
    options::WorkerPoolOptions,
    report::Ends,
    shared::Shared,
    sys,
};

/// How long the supervisor waits after the first failed start, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The supervisor of a pool.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    events: Receiver<Event>,
    fleet: Fleet,
    job_timeout: Option<Duration>,
    most_failed_starts: u32,
    /// How many workers are to be there.
    wanted: usize,
    failed_starts: u32,
    /// Starts before this worker belong to one that failed.
    round: u64,
    is_draining: bool,
    start_at: Option<Instant>,
    check_at: Option<Instant>,
    kill_at: Option<Instant>,
    end: Option<WorkersError>,
}

impl Supervisor {
    pub(super) fn new(shared: Arc<Shared>, options: &WorkerPoolOptions, fleet: Fleet, events: Receiver<Event>) -> Self {
        Self {
            shared,
            events,
            fleet,
            job_timeout: options.job_timeout,
            most_failed_starts: options.most_failed_starts,
            wanted: options.workers,
            failed_starts: 0,
            round: 0,
            is_draining: false,
            start_at: None,
            check_at: options.job_timeout.map(|timeout| Instant::now() + timeout),
            kill_at: None,
            end: None,
        }
    }

    /// Supervises until the pool ends.
    pub(super) fn run(mut self) {
        self.start_missing();
        while !self.is_over() {
            match self.next_event() {
                Some(event) => self.attend(event),
                None => self.act_on_timers(),
            }
        }
    }

    fn is_over(&self) -> bool {
        (self.is_draining || self.end.is_some()) && self.fleet.is_empty()
    }

    /// Waits for an event, until the next timer.
    fn next_event(&self) -> Option<Event> {
        let timer = [self.start_at, self.check_at, self.kill_at].into_iter().flatten().min();
        let received = match timer {
            Some(timer) => self.events.recv_timeout(timer.saturating_duration_since(Instant::now())),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            // The pool's handle drains before it goes.
            Err(RecvTimeoutError::Disconnected) => Some(Event::Drain(None)),
        }
    }

    fn attend(&mut self, event: Event) {
        match event {
            Event::Ended(worker) => self.bury(worker),
            Event::Scale(workers) => {
                self.wanted = workers;
                self.fleet.stop_beyond(workers);
                self.start_missing();
            }
            Event::Kill(pid, killed) => {
                let worker = self.fleet.of_pid(pid);
                // If the thread that asked is gone it wants no reply.
                let _ = killed.send(worker.is_some_and(|worker| self.fleet.kill(worker, Reason::Asked)));
            }
            Event::Drain(deadline) => self.drain(deadline),
            Event::Signal { number, .. } if self.is_draining => {
                self.fleet.kill_all(Reason::Drain);
                sys::die_by(number);
            }
            Event::Signal { deadline, .. } => self.drain(Instant::now().checked_add(deadline)),
        }
    }

    fn drain(&mut self, deadline: Option<Instant>) {
        self.is_draining = true;
        self.start_at = None;
        // The nearest of several deadlines counts.
        self.kill_at = [self.kill_at, deadline].into_iter().flatten().min();
        self.fleet.stop_beyond(0);
        self.shared.stop_submitting();
    }

    fn act_on_timers(&mut self) {
        let now = Instant::now();
        let has_come = |timer: &mut Option<Instant>| timer.take_if(|at| *at <= now).is_some();
        if has_come(&mut self.kill_at) {
            self.fleet.kill_all(Reason::Drain);
        }
        if has_come(&mut self.start_at) {
            self.start_missing();
        }
        if has_come(&mut self.check_at) {
            self.check_for_late_jobs();
        }
    }

    /// Starts as many workers as are missing, unless a failed start is to be waited for.
    fn start_missing(&mut self) {
        if self.is_draining || self.end.is_some() || self.start_at.is_some() {
            return;
        }
        if self.fleet.is_serving_since(self.round) {
            self.failed_starts = 0;
        }
        while self.fleet.working() < self.wanted {
            if let Err(error) = self.fleet.start() {
                return self.start_failed(self.fleet.next(), &error.to_string(), &[]);
            }
            if self.failed_starts > 0 {
                // One at a time, until it serves.
                self.start_at = Some(Instant::now() + self.pause());
                return;
            }
        }
    }

    /// Buries a worker that has ended, and replaces it.
    fn bury(&mut self, worker: u64) {
        let Some(buried) = self.fleet.bury(worker) else { return };
        if buried.end == End::Closed {
            self.end.get_or_insert_with(|| WorkersError::Closed { pool: self.shared.name.clone() });
            return self.drain(None);
        }
        if !buried.has_served && !buried.was_stopped {
            return self.start_failed(worker, &buried.status.to_string(), &buried.stderr);
        }
        if buried.has_served && worker >= self.round {
            self.failed_starts = 0;
        }
        self.start_missing();
    }

    /// A worker ended before it took jobs, or could not be started: waits, longer each time, or ends the pool.
    fn start_failed(&mut self, worker: u64, last: &str, stderr: &[String]) {
        Ends::add(&self.shared.ends.failed_starts);
        if self.is_draining || self.end.is_some() {
            return;
        }
        if worker >= self.round {
            self.failed_starts += 1;
            self.round = self.fleet.next();
        }
        if self.failed_starts >= self.most_failed_starts && !self.fleet.is_serving_since(0) {
            self.end = Some(WorkersError::CrashLoop {
                pool: self.shared.name.clone(),
                starts: self.failed_starts,
                last: last.to_owned(),
                stderr: if stderr.is_empty() { "(nothing)".to_owned() } else { stderr.join("\n") },
            });
            self.shared.stop_submitting();
            return self.fleet.kill_all(Reason::Drain);
        }
        self.start_at = Some(Instant::now() + self.pause());
    }

    fn pause(&self) -> Duration {
        FIRST_PAUSE.saturating_mul(1 << self.failed_starts.min(16)).min(LONGEST_PAUSE)
    }

    /// Kills the workers with jobs that take too long, and sets the timer for the next one that could.
    fn check_for_late_jobs(&mut self) {
        let Some(timeout) = self.job_timeout else { return };
        let mut next = timeout;
        for (worker, age) in self.fleet.ages_of_jobs() {
            if age < timeout {
                next = next.min(timeout - age);
            } else {
                self.end_late_job(worker, timeout);
            }
        }
        self.check_at = Some(Instant::now() + next);
    }

    /// Kills a worker with a job that was found to be late, unless it has come to another job since then (WP5).
    fn end_late_job(&mut self, worker: u64, timeout: Duration) {
        if self.fleet.is_still_late(worker, timeout) && self.fleet.kill(worker, Reason::TimedOut) {
            Ends::add(&self.shared.ends.timed_out);
        }
    }
}

/// Whatever ends it, no thread waits for it any longer.
impl Drop for Supervisor {
    fn drop(&mut self) {
        let pool = self.shared.name.clone();
        self.shared.end(self.end.take().unwrap_or(WorkersError::Drained { pool }));
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process, sync::mpsc};

    use nix::sys::signal::Signal;

    use super::{super::tally::Tally, *};
    use crate::{
        Channel, clock,
        workers::{Report, Stream, tally::Row},
    };

    const LIMIT: Duration = Duration::from_secs(60);

    /// Makes the supervisor of a worker that is another program. It is in the first row.
    fn supervisor(test: &str) -> Supervisor {
        let name = format!("{test}-{}", process::id());
        let channel = Channel::options().remove_on_drop(true).create(&name).unwrap();
        let shared = Shared::new(&name, channel, Tally::new(&name).unwrap(), 1, 1);
        let options = WorkerPoolOptions::new().workers(1).job_timeout(LIMIT).program("sleep").arguments(["300"]);
        let (events, received) = mpsc::channel();
        let options = options.stdin(Stream::Null).stdout(Stream::Null).stderr(Stream::Null);
        let fleet = Fleet::new(Arc::clone(&shared), &options, events);
        let mut supervisor = Supervisor::new(shared, &options, fleet, received);
        supervisor.start_missing();
        supervisor
    }

    fn timed_out(supervisor: &Supervisor) -> u64 {
        let mut report = Report::default();
        supervisor.shared.ends.fill(&mut report);
        report.timed_out
    }

    /// A job is late. Its worker is done with it, and begins another one, before the supervisor acts on what it has found.
    #[test]
    fn wp5_the_next_job_of_a_late_one_goes_on() {
        let mut supervisor = supervisor("next-job");
        let (worker, pid) = (supervisor.fleet.next() - 1, supervisor.shared.deaths.living()[0]);
        let row = Row::attach(supervisor.shared.tally.id(), 0, &supervisor.shared.name).unwrap();
        row.begin_job(clock::coarse());
        supervisor.end_late_job(worker, LIMIT);
        assert_eq!(timed_out(&supervisor), 0, "it was killed for the job before");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(!status.contains("(stopped)"), "{status}");

        row.begin_job(1);
        supervisor.end_late_job(worker, LIMIT);
        assert_eq!(timed_out(&supervisor), 1);
        supervisor.drain(None);
        supervisor.run();
    }

    /// The thread that waits for a worker's end leaves it unreaped, so no other process gets its id before it is buried.
    #[test]
    fn wp2_a_worker_that_has_ended_is_a_zombie_until_it_is_buried() {
        let mut supervisor = supervisor("unreaped");
        let pid = supervisor.shared.deaths.living()[0];
        sys::signal_group(pid, Signal::SIGKILL);
        let ended = supervisor.events.recv().unwrap();
        let process = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&process).unwrap_or_default();
        assert!(status.contains("(zombie)"), "it was reaped: {status}");
        supervisor.drain(None);
        supervisor.attend(ended);
        assert!(!fs::exists(process).unwrap());
        supervisor.run();
    }
}
