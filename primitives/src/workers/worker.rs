//! A worker: takes jobs until it is told to stop.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    fs::File,
    io::{self, Read},
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{
    assignment::{Inherited, Pipes},
    shared::shown,
    signals::Signals,
    submitted::PANICKED,
    sys,
    tally::{Count, Phase, Row},
};
use crate::{Attempt, Channel, Claimed, RecvError, Result, Router, Stop, channel::Unread, clock};

/// Serves the jobs of a pool in this process, until it is asked to stop.
///
/// For a program that is not the supervisor's own: it is started by a pool with [`program`](super::WorkerPoolOptions::program), by hand, or by the
/// system's service manager, any number of them. It takes jobs of the channel with this name, the lowest route first.
///
/// It returns when the process gets SIGTERM, SIGINT or SIGHUP, after the job that it does, or at once if there is none. A second
/// signal ends the process at once. It also returns when the channel is closed or removed, and, in a worker that a pool
/// started, when the pool tells it to stop or its supervisor dies.
///
/// **When this process dies** its job is begun again, by another worker. A handler that panics does not end it.
///
/// ```no_run
/// use serde::{Deserialize, Serialize};
/// use sysv_primitives::{Request, Router, messages, workers};
///
/// #[derive(Serialize, Deserialize)]
/// struct Square(u64);
/// messages! { 1 => Square }
/// impl Request for Square {
///     type Response = u64;
/// }
///
/// fn main() -> Result<(), sysv_primitives::Error> {
///     let mut jobs = Router::new();
///     jobs.respond(|Square(number)| number * number)?;
///     workers::serve("squares", jobs)
/// }
/// ```
///
/// # Errors
///
/// - As [`Channel::open`]: [`OpenError::NoSuchName`](crate::OpenError::NoSuchName) if no pool was started, and the channel was not created.
/// - [`RecvError::Failed`] if the channel is corrupt, or the system refuses something.
pub fn serve(pool: &str, jobs: Router<'_>) -> Result<()> {
    let inherited = Inherited::get().filter(|inherited| inherited.assignment.pool == pool);
    let (channel, stop) = Channel::open_at(pool)?.stoppable();
    let stopping = Stopping { stop, is_signalled: Arc::default(), is_orphan: Arc::default() };
    let is_orphan = Arc::clone(&stopping.is_orphan);
    let mut worker = Worker {
        row: inherited.and_then(Inherited::row),
        left: inherited.map(|inherited| inherited.assignment.recycle_after).filter(|&jobs| jobs > 0),
        retries_panics: inherited.is_some_and(|inherited| inherited.assignment.retries_panics),
        stop: stopping.stop.clone(),
    };
    if let Some(pipes) = inherited.and_then(Inherited::take_pipes) {
        let stopping = stopping.clone();
        let limit = inherited.map_or(0, |inherited| inherited.assignment.job_timeout);
        thread::spawn(move || watch_supervisor(pipes, &stopping, limit));
    }
    // Without handlers the signals do what they do by default.
    let signals = Signals::each(move |number| stopping.on_signal(number));
    let served = worker.serve(&channel, jobs);
    drop(signals);
    if is_orphan.load(Relaxed) && inherited.is_some_and(|inherited| inherited.assignment.removes) {
        // Another worker may have done it.
        let _ = channel.remove();
    }
    served
}

/// Serves in a process that is to end afterwards. Returns its exit code.
pub(super) fn run(pool: &str, jobs: Router<'_>) -> i32 {
    match serve(pool, jobs) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("a worker of pool {:?} ends: {error}", shown(pool));
            1
        }
    }
}

/// A job that this process has begun.
type Claim = Claimed<Unread>;

/// What stops this process from taking another job.
#[derive(Clone)]
struct Stopping {
    stop: Stop,
    is_signalled: Arc<AtomicBool>,
    /// Whether the supervisor is dead.
    is_orphan: Arc<AtomicBool>,
}

impl Stopping {
    fn stop(&self) {
        // If the channel is gone, the worker finds out.
        let _ = self.stop.stop();
    }

    fn on_signal(&self, number: i32) {
        if self.is_signalled.swap(true, Relaxed) {
            sys::die_by(number);
        }
        self.stop();
    }
}

/// Stops when the supervisor says so, or dies.
///
/// After its death no other process limits the time of the job that is being done, so this one does. Nor does another one read what it
/// writes to standard error, which would wait forever: so it passes that on as well.
fn watch_supervisor(pipes: Pipes, stopping: &Stopping, limit: u64) {
    let mut control = File::from(pipes.control);
    let mut byte = [0];
    while matches!(control.read(&mut byte), Ok(1)) {
        stopping.stop();
    }
    stopping.is_orphan.store(true, Relaxed);
    stopping.stop();
    if limit > 0 {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(limit));
            // As the supervisor would have done it. The job comes back.
            sys::signal_group(process::id(), Signal::SIGKILL);
        });
    }
    if let Some(own) = pipes.own_stderr {
        let mut own = File::from(own);
        let _ = match pipes.pools_stderr {
            Some(theirs) => io::copy(&mut own, &mut File::from(theirs)),
            None => io::copy(&mut own, &mut io::sink()),
        };
    }
}

struct Worker {
    /// `None` if no supervisor counts.
    row: Option<Row>,
    /// How many jobs are left until it ends.
    left: Option<u64>,
    retries_panics: bool,
    stop: Stop,
}

impl Worker {
    fn serve(&mut self, channel: &Channel, mut jobs: Router<'_>) -> Result<()> {
        // A router without handlers would leave every job to others, and wait for ever.
        let up_to = jobs.highest_route().unwrap_or(crate::Route::new(1));
        jobs.serve(channel)?;
        self.enter(Phase::Serving);
        loop {
            // A stopped handle still receives what is there.
            if self.stop.is_stopped() {
                return self.end(Phase::Stopped);
            }
            match channel.claim_unread(Some(up_to)) {
                Ok(claim) => {
                    if self.work(claim, &mut jobs).is_break() {
                        return self.end(Phase::Recycled);
                    }
                }
                Err(RecvError::Stopped) => return self.end(Phase::Stopped),
                Err(error) if error.is_end() || error.is_gone() => return self.end(Phase::Closed),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn enter(&self, phase: Phase) {
        if let Some(row) = &self.row {
            row.enter(phase);
        }
    }

    fn end(&self, phase: Phase) -> Result<()> {
        self.enter(phase);
        Ok(())
    }

    fn count(&self, count: Count) {
        if let Some(row) = &self.row {
            row.add(count);
        }
    }

    /// Does one job. Says whether to go on.
    fn work(&mut self, claim: Claim, jobs: &mut Router<'_>) -> ControlFlow<()> {
        if let Some(row) = &self.row {
            row.begin_job(claim.since().unwrap_or_else(clock::coarse));
        }
        ATTEMPT.set(claim.attempt());
        if claim.attempt() > 1 {
            self.count(Count::Retried);
            EARLIER.set(claim.attempts());
        }
        let is_last = claim.is_last_attempt();
        let mut claim = Some(claim);
        let handled = panic::catch_unwind(AssertUnwindSafe(|| jobs.handle_claim(&mut claim)));
        let flow = match (handled, claim) {
            (Ok(Ok(flow)), None) => {
                self.count(Count::Done);
                flow
            }
            (Err(panicked), Some(claim)) => self.panicked(claim, is_last, &*panicked),
            (Ok(Err(error)), Some(claim)) => self.refuse(claim, Count::Refused, &error.to_string()),
            (Ok(Ok(_)), Some(claim)) => self.refuse(claim, Count::Refused, "the router's fallback took it"),
            // The response could not be sent.
            (_, None) => {
                self.count(Count::Refused);
                ControlFlow::Continue(())
            }
        };
        if ATTEMPT.replace(0) > 1 {
            EARLIER.take();
        }
        if let Some(row) = &self.row {
            row.end_job();
        }
        match &mut self.left {
            Some(left) => {
                *left = left.saturating_sub(1);
                if *left == 0 { ControlFlow::Break(()) } else { flow }
            }
            None => flow,
        }
    }

    fn panicked(&self, claim: Claim, is_last: bool, panicked: &(dyn Any + Send)) -> ControlFlow<()> {
        if self.retries_panics && !is_last {
            // If the claim is no longer this process's, it was taken for dead, and its job comes back all the same.
            let _ = claim.requeue_panicked();
            return ControlFlow::Continue(());
        }
        self.refuse(claim, Count::Panicked, &format!("{PANICKED}{}", message(panicked)))
    }

    fn refuse(&self, claim: Claim, count: Count, why: &str) -> ControlFlow<()> {
        // If the submitter can't be told, the channel is gone.
        let _ = claim.refuse_claim(why);
        self.count(count);
        ControlFlow::Continue(())
    }
}

thread_local! {
    static ATTEMPT: Cell<u32> = const { Cell::new(0) };
    static EARLIER: RefCell<Vec<Attempt>> = const { RefCell::new(Vec::new()) };
}

/// Returns which attempt at its job the calling handler is, from 1 on: 2 if a worker has died of it before.
///
/// A job that is begun again may do with less. Outside a job, and in threads that it starts, it is 0.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use sysv_primitives::{Request, Router, messages, workers};
/// # #[derive(Serialize, Deserialize)]
/// # struct Solve(u64);
/// # messages! { 1 => Solve }
/// # impl Request for Solve { type Response = String; }
/// let mut jobs = Router::new();
/// jobs.respond(|Solve(number)| match workers::attempt() {
///     1 => format!("{number}, exactly"),
///     _ => format!("{number}, roughly: {}", workers::earlier_attempts()[0]), // a worker has died of it
/// })?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
#[must_use]
pub fn attempt() -> u32 {
    ATTEMPT.get()
}

/// Returns how the earlier attempts at the job of the calling handler ended: the last eight.
///
/// The supervisor may not have said yet why the last one died.
#[must_use]
pub fn earlier_attempts() -> Vec<Attempt> {
    EARLIER.with_borrow(Vec::clone)
}

/// Returns what a panic said.
fn message(panicked: &(dyn Any + Send)) -> &str {
    match (panicked.downcast_ref::<&str>(), panicked.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "it gave no text",
    }
}
