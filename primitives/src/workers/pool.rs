//! The handle of a pool.

use std::{process, result, sync::Arc, time::Duration};

use super::{
    JobError, WorkersError,
    assignment::Inherited,
    job::Job,
    options::WorkerPoolOptions,
    shared::{Shared, shown},
    submitted::Submitted,
    supervision::{Supervision, check_number},
    tally::Tally,
    worker,
};
use crate::{Channel, Delivery, OpenError, PendingResponse, Request, Router, SendError, raw::Deadline, store::Until};

type Result<T, E = WorkersError> = result::Result<T, E>;

/// Worker processes that do jobs. No job is lost, and none waits forever.
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
/// **When it is dropped** no worker takes another job, and the drop waits until the running ones are done. To limit that,
/// [`drain`](Self::drain) the pool first: a job may take long, or wait for room for a long result while other results are not
/// taken. Queued jobs stay in the channel.
#[derive(Debug)]
pub struct WorkerPool {
    pub(super) shared: Arc<Shared>,
    /// `None` in a worker of another pool.
    pub(super) supervisor: Option<Supervision>,
    pub(super) removes: bool,
}

impl WorkerPool {
    /// Returns the options to start a pool with.
    pub fn options() -> WorkerPoolOptions {
        WorkerPoolOptions::new()
    }

    /// Returns the name of the pool that this process is a worker of.
    ///
    /// A program that generates the name of its pool must use this name in a worker. This function may be called before anything
    /// else.
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
        let channel = options.channel_options().connect(name)?;
        let tally = Tally::new(name).map_err(|error| WorkersError::memory(&shown(name), error))?;
        let shared = Shared::new(name, channel, tally, options.attempts, options.in_flight);
        let supervisor = match pool_here {
            Some(_) => None,
            None => Some(Supervision::start(&shared, &options)?),
        };
        Ok(Self { shared, supervisor, removes: options.removes })
    }

    /// Submits a job. Blocks while the channel is full, until there is room or the pool takes no more jobs.
    ///
    /// The job outlives this process: if this process dies, the job is still done.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use sysv_primitives::{Request, Router, WorkerPool, messages};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Square(u64);
    /// # messages! { 1 => Square }
    /// # impl Request for Square { type Response = u64; }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut jobs = Router::new();
    /// # jobs.respond(|Square(number)| number * number)?;
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("submit-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// let one = pool.submit(&Square(12))?;
    /// let other = pool.submit(&Square(5))?;
    /// assert_eq!((one.wait()?, other.wait()?), (144, 25));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`JobError::NotSubmitted`], with what [`Channel::send`] says.
    /// - [`JobError::Ended`] once the pool has ended, or is being drained.
    pub fn submit<R: Request>(&self, job: &R) -> Result<Job<R>, JobError> {
        self.submit_deadline(job, Deadline::NEVER)
    }

    /// Submits a job. Blocks for at most `timeout` while the channel is full.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), and [`SendError::TimedOut`](crate::SendError::TimedOut) in [`JobError::NotSubmitted`] if the timeout elapses.
    pub fn submit_timeout<R: Request>(&self, job: &R, timeout: Duration) -> Result<Job<R>, JobError> {
        self.submit_deadline(job, Deadline::after(timeout))
    }

    /// Submits a job if there is room in the channel now.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), and [`SendError::Full`](crate::SendError::Full) in [`JobError::NotSubmitted`] if there is none.
    pub fn try_submit<R: Request>(&self, job: &R) -> Result<Job<R>, JobError> {
        self.submit_deadline(job, Deadline::NOW)
    }

    fn submit_deadline<R: Request>(&self, job: &R, deadline: Deadline) -> Result<Job<R>, JobError> {
        self.submit_call_deadline(job, deadline).map(|submitted| Job::new(&self.shared, submitted))
    }

    #[inline]
    pub(super) fn submit_call_deadline<R: Request>(
        &self,
        job: &R,
        deadline: Deadline,
    ) -> Result<Submitted<R>, JobError> {
        let shared = &*self.shared;
        shared.check_submitting()?;
        // The end of the pool ends the wait for room.
        let until = Until { deadline, stop: Some(shared.stops_submitting()) };
        self.submitted(shared.channel.request_until(job, self.delivery(), until))
    }

    /// Submits a job. Waits while the channel is full, without blocking the thread. A [`Job`] is a future of the result.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use sysv_primitives::{Request, Router, WorkerPool, messages};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Square(u64);
    /// # messages! { 1 => Square }
    /// # impl Request for Square { type Response = u64; }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut jobs = Router::new();
    /// # jobs.respond(|Square(number)| number * number)?;
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("async-submit-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// let square = pollster::block_on(async { pool.submit_async(&Square(12)).await?.await })?;
    /// assert_eq!(square, 144);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// **Cancel safety.** The job is submitted only in the poll that returns `Ok`. A future that is dropped has submitted nothing.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[cfg(feature = "async")]
    pub async fn submit_async<R: Request>(&self, job: &R) -> Result<Job<R>, JobError> {
        self.submit_call_async(job).await.map(|submitted| Job::new(&self.shared, submitted))
    }

    #[cfg(feature = "async")]
    pub(super) async fn submit_call_async<R: Request>(&self, job: &R) -> Result<Submitted<R>, JobError> {
        let shared = &*self.shared;
        shared.check_submitting()?;
        let until = Until { deadline: Deadline::NEVER, stop: Some(shared.stops_submitting()) };
        self.submitted(shared.channel.request_until_async(job, self.delivery(), until).await)
    }

    #[inline]
    fn submitted<R: Request>(&self, sent: Result<PendingResponse<R>, SendError>) -> Result<Submitted<R>, JobError> {
        let shared = &*self.shared;
        match sent {
            Ok(pending) => Ok(Submitted::new(pending)),
            Err(error) if error.is_end() => {
                Err(shared.check_submitting().map_or_else(JobError::from, |()| error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn delivery(&self) -> Delivery {
        Delivery::new().attempts(self.shared.attempts).outlives_caller(true)
    }

    /// Returns the channel, to see or retry the jobs that were [set aside](Channel::set_aside), or to read its depth.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.shared.channel
    }

    /// Removes the channel of a pool by its name, with every job in it.
    ///
    /// # Errors
    ///
    /// As [`Channel::unlink`].
    pub fn unlink(name: &str) -> Result<(), OpenError> {
        Channel::unlink(name)
    }
}

impl WorkerPoolOptions {
    /// Starts the pool. In a worker of this pool it serves jobs instead, and never returns.
    ///
    /// So each worker also runs the code before `start`. Read arguments there. Print, and change files, only after it.
    ///
    /// In a worker of another pool it returns a pool without workers. So a program may start several pools, and a job of one may
    /// submit jobs to another.
    ///
    /// # Errors
    ///
    /// - [`WorkersError::Open`] if the channel can't be opened or created.
    /// - [`WorkersError::Failed`], [`WorkersError::System`] if the system refuses memory, a thread, a pipe, or a handler of a signal.
    ///
    /// A worker that does not start is not an error here. See [`most_failed_starts`](Self::most_failed_starts).
    pub fn start(self, name: &str, jobs: Router<'_>) -> Result<WorkerPool, WorkersError> {
        WorkerPool::start(self, name, jobs)
    }
}
