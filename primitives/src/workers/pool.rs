//! The handle of a pool.

use std::{
    mem, process, result,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Job, JobError, Map, Report, WorkerPoolOptions, WorkersError,
    assignment::Inherited,
    fleet::Fleet,
    shared::Shared,
    signals::Signals,
    supervisor::{Event, Supervisor},
    tally::{Count, ROWS, Tally},
    worker,
};
use crate::{Channel, Delivery, OpenError, Request, Router, SendError, raw::Deadline};

/// How often a submitter that waits for room checks whether the pool has ended.
const CHECK: Duration = Duration::from_millis(500);

type Result<T, E = WorkersError> = result::Result<T, E>;

/// Worker processes that do jobs, and none is lost or stuck.
///
/// A job is a [`Request`] on a named [`Channel`]. Workers run the program again, up to [`start`](WorkerPoolOptions::start), which serves jobs in them and never
/// returns. They claim jobs, the lowest route first, and respond. See the [module](super) for what happens when one of the
/// processes dies.
///
/// ```no_run
/// use std::time::Duration;
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Request, Router, WorkerPool, messages};
///
/// #[derive(Serialize, Deserialize)]
/// struct Thumbnail { path: String }
/// messages! { 1 => Thumbnail }
/// impl Request for Thumbnail {
///     type Response = Result<Vec<u8>, String>;
/// }
///
/// fn thumbnail(job: Thumbnail) -> Result<Vec<u8>, String> {
///     std::fs::read(job.path).map_err(|error| error.to_string())
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut jobs = Router::new();
///     jobs.respond(thumbnail)?;
///     let pool = WorkerPool::options()
///         .workers(8)
///         .job_timeout(Duration::from_secs(30))
///         .memory_limit(1 << 30)
///         .start("thumbnails", jobs)?; // in a worker process: serves, and never returns
///     let paths = std::env::args().skip(1);
///     for done in pool.map(paths.map(|path| Thumbnail { path })) {
///         match done.result {
///             Ok(Ok(thumbnail)) => println!("{}: {} bytes", done.job.path, thumbnail.len()),
///             Ok(Err(why)) => println!("{}: {why}", done.job.path),
///             Err(error) => println!("{}: {error}", done.job.path), // it panicked, or was set aside
///         }
///     }
///     pool.drain(Duration::from_secs(30))?;
///     Ok(())
/// }
/// ```
///
/// **When it is dropped** no worker takes another job, and the drop waits until the running ones are done. To limit that, [`drain`](Self::drain) it
/// first. Jobs that wait stay in the channel.
#[derive(Debug)]
pub struct WorkerPool {
    pub(super) shared: Arc<Shared>,
    /// `None` in a worker of another pool.
    supervisor: Option<Supervision>,
    removes: bool,
}

#[derive(Debug)]
struct Supervision {
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
    /// A child made by `fork` has no such thread.
    process: u32,
    _signals: Option<Signals>,
}

impl WorkerPool {
    /// Returns the options to start a pool with.
    pub fn options() -> WorkerPoolOptions {
        WorkerPoolOptions::new()
    }

    /// Returns the name of the pool that this process is a worker of.
    ///
    /// A program that makes up a name takes this one in a worker. It may be called before anything else.
    #[must_use]
    pub fn name_in_worker() -> Option<&'static str> {
        Inherited::get().map(|inherited| inherited.assignment.pool.as_str())
    }

    pub(super) fn start(options: WorkerPoolOptions, name: &str, jobs: Router<'_>) -> Result<Self> {
        let pool_here = Self::name_in_worker();
        if pool_here == Some(name) {
            let code = worker::run(name, jobs);
            process::exit(code);
        }
        drop(jobs);
        check_number(name, options.workers)?;
        let channel = options.channel_options().open_or_create(name)?;
        let tally = Tally::new(name).map_err(|error| WorkersError::memory(name, error))?;
        let shared = Shared::new(name, channel, tally, options.attempts, options.in_flight);
        let supervisor = match pool_here {
            Some(_) => None,
            None => Some(Supervision::start(&shared, &options)?),
        };
        Ok(Self { shared, supervisor, removes: options.removes })
    }

    /// Submits a job; waits while the channel is full.
    ///
    /// It outlives this process: if this process dies, the job is still done.
    ///
    /// # Errors
    ///
    /// - [`JobError::NotSubmitted`], with what [`Channel::send`] says.
    /// - [`JobError::Ended`] once the pool has ended, or is being drained.
    pub fn submit<R: Request>(&self, job: &R) -> Result<Job<R>, JobError> {
        loop {
            match self.submit_deadline(job, Deadline::after(CHECK)) {
                Err(JobError::NotSubmitted(SendError::TimedOut(_))) => {}
                submitted => return submitted,
            }
        }
    }

    /// Submits a job; waits for at most `timeout` while the channel is full.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), and [`SendError::TimedOut`] in [`JobError::NotSubmitted`] if the timeout elapses.
    pub fn submit_timeout<R: Request>(&self, job: &R, timeout: Duration) -> Result<Job<R>, JobError> {
        self.submit_deadline(job, Deadline::after(timeout))
    }

    /// Submits a job if there is room in the channel now.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), and [`SendError::Full`] in [`JobError::NotSubmitted`] if there is none.
    pub fn try_submit<R: Request>(&self, job: &R) -> Result<Job<R>, JobError> {
        self.submit_deadline(job, Deadline::NOW)
    }

    fn submit_deadline<R: Request>(&self, job: &R, deadline: Deadline) -> Result<Job<R>, JobError> {
        self.shared.check_submitting()?;
        let pending = self.shared.channel.request_with_deadline(job, self.delivery(), deadline)?;
        Ok(Job::new(&self.shared, pending))
    }

    fn delivery(&self) -> Delivery {
        Delivery::new().attempts(self.shared.attempts).outlives_caller(true)
    }

    /// Submits the jobs of an iterator, and returns an iterator over their results as they come.
    ///
    /// It reads the input as results are taken: no more than [`in_flight`](WorkerPoolOptions::in_flight) jobs are submitted and not
    /// returned. Take results without long pauses: long ones fill the channel, where [`job_timeout`](WorkerPoolOptions::job_timeout) goes on.
    ///
    /// When it is dropped the jobs that were not begun are cancelled. When the pool ends, each job that was submitted and not
    /// done gives [`JobError::Ended`], and that is the end of the iterator.
    pub fn map<R: Request, I: IntoIterator<Item = R>>(&self, jobs: I) -> Map<'_, R, I::IntoIter> {
        Map::new(self, jobs.into_iter(), false)
    }

    /// As [`map`](Self::map), in the order of the jobs.
    pub fn map_ordered<R: Request, I: IntoIterator<Item = R>>(&self, jobs: I) -> Map<'_, R, I::IntoIter> {
        Map::new(self, jobs.into_iter(), true)
    }

    /// Changes how many workers there are. It does not wait for it.
    ///
    /// Workers that are too many end after the job that they do, the youngest first.
    ///
    /// # Errors
    ///
    /// - [`WorkersError::TooMany`] for more than 1,023.
    /// - What the pool has ended with, if it has.
    pub fn scale(&self, workers: usize) -> Result<()> {
        check_number(&self.shared.name, workers)?;
        self.shared.check_submitting()?;
        self.tell(Event::Scale(workers));
        Ok(())
    }

    /// Drains the pool: no worker takes another job, and the running ones are done within `timeout`. Workers that are not ready by then
    /// are killed.
    ///
    /// The jobs of those come back, and stay in the channel with the ones that no worker has begun: another pool of this name goes on
    /// with them. In this process, waits for them return [`JobError::Ended`]. From now on the pool takes no jobs.
    ///
    /// It may be called again, and then returns what it returned. In a worker of another pool it does nothing.
    ///
    /// # Errors
    ///
    /// - [`WorkersError::CrashLoop`] if the workers did not start.
    /// - [`WorkersError::Closed`] if the channel was closed or removed.
    pub fn drain(&self, timeout: Duration) -> Result<Report> {
        if self.supervisor.is_some() {
            self.shared.stop_submitting();
            self.tell(Event::Drain(Instant::now().checked_add(timeout)));
            match self.shared.wait_for_end() {
                WorkersError::Drained { .. } => {}
                error => return Err(error),
            }
        }
        self.report()
    }

    /// Returns what the pool has done so far, by cause, and what waits in its channel.
    ///
    /// # Errors
    ///
    /// [`WorkersError::Failed`] if the channel was removed.
    pub fn report(&self) -> Result<Report> {
        let Shared { channel, tally, ends, received, .. } = &*self.shared;
        let depth = channel.depth()?;
        let mut report = Report {
            done: tally.sum(Count::Done).max(received.done.load(Relaxed)),
            panicked: tally.sum(Count::Panicked).max(received.panicked.load(Relaxed)),
            refused: tally.sum(Count::Refused).max(received.refused.load(Relaxed)),
            retried: tally.sum(Count::Retried),
            set_aside: depth.set_aside,
            running: channel.claims()?.len() as u64,
            queued: depth.routes,
            ..Report::default()
        };
        ends.fill(&mut report);
        Ok(report)
    }

    /// Returns the channel, to see or retry the jobs that were [set aside](Channel::set_aside), or to wait for its depth.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.shared.channel
    }

    /// Returns the process ids of the workers that live.
    #[must_use]
    pub fn worker_ids(&self) -> Vec<u32> {
        self.shared.deaths.living()
    }

    /// Kills the worker with this process id, with `SIGKILL`. It is replaced, and its job begun again. Returns whether it was a worker
    /// of this pool, and had neither ended nor been killed before.
    ///
    /// The supervisor does it, so it hits no other process that has the id by then.
    #[expect(clippy::must_use_candidate, reason = "it kills")]
    pub fn kill_worker(&self, pid: u32) -> bool {
        let (reply, replied) = mpsc::channel();
        self.tell(Event::Kill(pid, reply));
        // A supervisor that has ended has no workers.
        replied.recv().unwrap_or(false)
    }

    /// Removes the channel of a pool by its name, with every job in it.
    ///
    /// # Errors
    ///
    /// As [`Channel::unlink`].
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        Channel::unlink(name)
    }

    fn tell(&self, event: Event) {
        if let Some(Supervision { events, .. }) = &self.supervisor {
            // A supervisor that has ended has nothing to do.
            let _ = events.send(event);
        }
    }
}

fn check_number(pool: &str, workers: usize) -> Result<()> {
    if workers <= ROWS {
        return Ok(());
    }
    Err(WorkersError::TooMany { pool: pool.to_owned(), workers, most: ROWS })
}

impl Supervision {
    fn start(shared: &Arc<Shared>, options: &WorkerPoolOptions) -> Result<Self> {
        let (events, received) = mpsc::channel();
        let signals = match options.signals {
            Some(deadline) => {
                let handled = Signals::handle(events.clone(), deadline);
                Some(handled.map_err(WorkersError::system(&shared.name, "handle signals"))?)
            }
            None => None,
        };
        let fleet = Fleet::new(Arc::clone(shared), options, events.clone());
        let supervisor = Supervisor::new(Arc::clone(shared), options, fleet, received);
        let thread = thread::Builder::new().name("supervisor".to_owned()).spawn(|| supervisor.run());
        let thread = thread.map_err(WorkersError::system(&shared.name, "start a thread"))?;
        Ok(Self { events, thread: Some(thread), process: process::id(), _signals: signals })
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        let Some(supervision) = self.supervisor.take() else { return };
        if supervision.process != process::id() {
            // A copy of the signals' pipe is the parent's as well: closing it there would end the parent's.
            mem::forget(supervision);
            return;
        }
        // A supervisor that has ended has nothing to do.
        let _ = supervision.events.send(Event::Drain(None));
        if let Some(thread) = supervision.thread {
            // It does not panic.
            let _ = thread.join();
        }
        if self.removes {
            // Gone already is as good.
            let _ = self.shared.channel.remove();
        }
    }
}
