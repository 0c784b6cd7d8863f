//! What a pool is started with.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    thread,
    time::Duration,
};

use super::{
    program::{Program, Stream},
    sys::Limits,
};
use crate::{Channel, Options};

/// Options of a [`WorkerPool`](super::WorkerPool). Made by [`WorkerPool::options`](super::WorkerPool::options).
///
/// | option | by default |
/// | --- | --- |
/// | [`workers`](Self::workers) | as many as there are processors |
/// | [`attempts`](Self::attempts) | 3 |
/// | [`job_timeout`](Self::job_timeout), [`memory_limit`](Self::memory_limit), [`recycle_after`](Self::recycle_after) | none |
/// | [`retry_panics`](Self::retry_panics) | no: a panic is the job's result |
/// | [`in_flight`](Self::in_flight) | 64 jobs of a `map` |
/// | [`program`](Self::program), [`arguments`](Self::arguments) | this program, with its own arguments |
/// | [`stdin`](Self::stdin), [`stdout`](Self::stdout), [`stderr`](Self::stderr) | nothing, inherited, inherited |
/// | [`handle_signals`](Self::handle_signals) | no |
///
/// ```no_run
/// # use sysv_primitives::{Router, WorkerPool};
/// use std::{fs::File, sync::Arc, time::Duration};
/// use sysv_primitives::{Channel, workers::Stream};
///
/// # fn start(jobs: Router<'_>) -> Result<(), Box<dyn std::error::Error>> {
/// let log = Arc::new(File::create("workers.log")?);
/// let pool = WorkerPool::options()
///     .workers(8)
///     .attempts(5)
///     .job_timeout(Duration::from_secs(30))
///     .memory_limit(2 << 30)
///     .recycle_after(10_000)
///     .handle_signals(Duration::from_secs(20))
///     .channel(Channel::options().capacity(10_000).max_message_size(16 << 20).max_handles(100))
///     .env("OMP_NUM_THREADS", "1")
///     .current_dir("/tmp")
///     .stdout(Stream::File(log))
///     .nice(10)
///     .cpus(0..4)
///     .start("images", jobs)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "`start` starts the pool"]
pub struct WorkerPoolOptions {
    pub(super) workers: usize,
    pub(super) attempts: u8,
    pub(super) job_timeout: Option<Duration>,
    pub(super) recycle_after: u64,
    pub(super) retries_panics: bool,
    pub(super) in_flight: usize,
    pub(super) most_failed_starts: u32,
    pub(super) signals: Option<Duration>,
    pub(super) removes: bool,
    pub(super) channel: Option<Options<Channel>>,
    pub(super) program: Program,
    pub(super) limits: Limits,
}

impl WorkerPoolOptions {
    pub(super) fn new() -> Self {
        Self {
            workers: thread::available_parallelism().map_or(1, Into::into),
            attempts: 3,
            job_timeout: None,
            recycle_after: 0,
            retries_panics: false,
            in_flight: 64,
            most_failed_starts: 5,
            signals: None,
            removes: false,
            channel: None,
            program: Program::default(),
            limits: Limits::default(),
        }
    }

    /// Sets how many workers there are. By default one for each processor. With 0, the pool starts none: jobs are done by workers
    /// that are started elsewhere. [`WorkerPool::scale`](super::WorkerPool::scale) changes the number later.
    pub fn workers(mut self, number: usize) -> Self {
        self.workers = number;
        self
    }

    /// Sets how many times a job is begun at most, if its workers die. After the last attempt it is set aside. By default 3, and at
    /// least 1.
    ///
    /// With 1 a job is not begun again when its worker dies, and its submitter gets [`JobError::SetAside`](super::JobError::SetAside).
    pub fn attempts(mut self, number: u8) -> Self {
        self.attempts = number.max(1);
        self
    }

    /// Sets how long a job may take. By default there is no limit. A worker that takes longer is killed and replaced, and its job
    /// is begun again, or set aside at the limit of attempts.
    ///
    /// The time begins when a worker takes the job, and ends when the response is in the channel. A long response waits there
    /// for room, so take results as they come.
    pub fn job_timeout(mut self, timeout: Duration) -> Self {
        self.job_timeout = Some(timeout);
        self
    }

    /// Sets how many bytes of address space a worker may have (`RLIMIT_AS`). On Linux only: on other systems no worker starts if it
    /// is set.
    ///
    /// The program, its threads' stacks and the channel count too, and not only memory in use. Rust aborts a program that can't
    /// allocate: the job is begun again, and the cause is [`OutOfMemory`](crate::Cause::OutOfMemory).
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.limits.memory = Some(bytes);
        self
    }

    /// Ends each worker after this many jobs, and starts another one. By default 0, which is never.
    pub fn recycle_after(mut self, jobs: u64) -> Self {
        self.recycle_after = jobs;
        self
    }

    /// Sets whether a job that panics is begun again, up to the limit of attempts. By default, and in the last attempt, its
    /// submitter gets [`JobError::Panicked`](super::JobError::Panicked) with the message.
    pub fn retry_panics(mut self, retry: bool) -> Self {
        self.retries_panics = retry;
        self
    }

    /// Sets how many jobs [`map`](super::WorkerPool::map) and [`map_ordered`](super::WorkerPool::map_ordered) have in flight at
    /// once. By default 64.
    pub fn in_flight(mut self, jobs: usize) -> Self {
        self.in_flight = jobs.max(1);
        self
    }

    /// Sets after how many failed starts in a row the pool [ends](super::WorkersError::CrashLoop). By default 5.
    ///
    /// A start succeeds when the worker takes jobs. Workers that are started at once count as one start.
    pub fn most_failed_starts(mut self, number: u32) -> Self {
        self.most_failed_starts = number.max(1);
        self
    }

    /// Handles SIGTERM, SIGINT and SIGHUP: the first one [drains](super::WorkerPool::drain) the pool with this deadline, and a second one
    /// kills the workers and ends the process at once, as the signal does by default.
    ///
    /// Off by default: a library does not take signals from its program. Waits for jobs that are not done then return
    /// [`JobError::Ended`](super::JobError::Ended), so that the program can end.
    pub fn handle_signals(mut self, deadline: Duration) -> Self {
        self.signals = Some(deadline);
        self
    }

    /// Removes the channel when the pool is dropped or its process dies, with every job that is still in it. By default the channel
    /// stays, and another pool of the same name goes on with its jobs.
    ///
    /// If the pool's process dies, the first worker that has completed its job removes the channel. If all of them die at once, it
    /// stays.
    pub fn remove_on_drop(mut self, remove: bool) -> Self {
        self.removes = remove;
        self
    }

    /// Sets the options of the channel, if it is created. By default it has room for twice as many handles as there are workers,
    /// and 64 more.
    pub fn channel(mut self, options: Options<Channel>) -> Self {
        self.channel = Some(options);
        self
    }

    /// Sets another program to start as worker, which calls [`workers::serve`](super::serve). It gets no arguments unless
    /// [`arguments`](Self::arguments) are set.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program.path = Some(path.into());
        self
    }

    /// Sets the arguments of the workers. By default they get those of this program, if they run the same program.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.program.arguments = Some(arguments.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the arguments with which a test program runs only one test. Workers run this test up to [`start`](Self::start).
    ///
    /// The name is the test's path, as `cargo test` prints it: `resize::tests::many_files`. What the test does before `start` runs
    /// in each worker too. The workers' standard output is discarded.
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// # use sysv_primitives::{Request, Router, WorkerPool, messages};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Square(u64);
    /// # messages! { 1 => Square }
    /// # impl Request for Square { type Response = u64; }
    /// #[test]
    /// fn squares() -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut jobs = Router::new();
    ///     jobs.respond(|Square(number)| number * number)?;
    ///     // Another one in each run, and in a worker that of its pool.
    ///     let name = WorkerPool::name_in_worker().map_or_else(|| format!("squares-{}", std::process::id()), str::to_owned);
    ///     let options = WorkerPool::options().workers(2).rerun_test("squares").remove_on_drop(true);
    ///     let pool = options.start(&name, jobs)?;
    ///     assert_eq!(pool.submit(&Square(12))?.wait()?, 144);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// In an example of the documentation no option is needed: a worker runs the same example again.
    pub fn rerun_test(self, name: &str) -> Self {
        self.arguments(["--exact", name, "--nocapture", "--test-threads", "1", "--include-ignored"])
            .stdout(Stream::Null)
    }

    /// Sets a variable of the workers' environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let change = (key.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self.program.environment.push(change);
        self
    }

    /// Removes a variable from the workers' environment.
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.program.environment.push((key.as_ref().to_owned(), None));
        self
    }

    /// Sets the workers' working directory.
    pub fn current_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.program.directory = Some(path.into());
        self
    }

    /// Sets the workers' standard input. By default it is empty.
    pub fn stdin(mut self, stream: Stream) -> Self {
        self.program.stdin = stream;
        self
    }

    /// Sets the workers' standard output. By default it is the supervisor's.
    pub fn stdout(mut self, stream: Stream) -> Self {
        self.program.stdout = stream;
        self
    }

    /// Sets the workers' standard error. By default it is the supervisor's, and the supervisor keeps the last lines.
    pub fn stderr(mut self, stream: Stream) -> Self {
        self.program.stderr = stream;
        self
    }

    /// Sets the workers' niceness (`setpriority`), from -20, the highest priority, to 19. A value below that of this process needs
    /// a privilege.
    pub fn nice(mut self, niceness: i32) -> Self {
        self.limits.niceness = Some(niceness);
        self
    }

    /// Sets on which processors the workers run (`sched_setaffinity`). On Linux only: on other systems no worker starts if it is
    /// set.
    pub fn cpus(mut self, cpus: impl IntoIterator<Item = usize>) -> Self {
        self.limits.cpus = cpus.into_iter().collect();
        self
    }

    /// Returns the options of the channel, which has room for the workers and for others.
    pub(super) fn channel_options(&self) -> Options<Channel> {
        self.channel.clone().unwrap_or_else(|| {
            let handles = u32::try_from(2 * self.workers + 64).unwrap_or(u32::MAX);
            Channel::options().max_handles(handles)
        })
    }
}
