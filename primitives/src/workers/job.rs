//! A job that was submitted.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    JobError,
    report::{Ends, Received},
    shared::Shared,
};
use crate::{CallError, PendingResponse, Request, raw::Deadline};

/// How the refusal of a job that panicked begins.
pub(super) const PANICKED: &str = "the job panicked: ";

/// A job that was submitted: to wait for, to cancel, or to drop.
///
/// When it is dropped the job is done all the same, and its result goes nowhere.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use sysv_primitives::{Request, Router, WorkerPool, messages};
/// # use std::time::Duration;
/// # #[derive(Serialize, Deserialize)]
/// # struct Square(u64);
/// # messages! { 1 => Square }
/// # impl Request for Square { type Response = u64; }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut jobs = Router::new();
/// # jobs.respond(|Square(number)| number * number)?;
/// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("job-example-{}", std::process::id()), str::to_owned);
/// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
/// let mut job = pool.submit(&Square(12))?;
/// match job.wait_timeout(Duration::from_secs(60)) {
///     Ok(square) => assert_eq!(square, 144),
///     Err(error) if error.is_busy() => job.cancel(),
///     Err(error) => return Err(error.into()),
/// }
/// pool.submit(&Square(5))?.detach();
/// # Ok(())
/// # }
/// ```
///
/// **When this process dies** the job is done all the same. **When a worker dies** that does it, it is begun again.
#[must_use = "if the job is to go on without a handle, say so with `detach`"]
pub struct Job<R: Request> {
    shared: Arc<Shared>,
    /// `None` once it is waited for no more.
    pending: Option<PendingResponse<R>>,
}

impl<R: Request> Job<R> {
    pub(super) fn new(shared: &Arc<Shared>, pending: PendingResponse<R>) -> Self {
        Self { shared: Arc::clone(shared), pending: Some(pending) }
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// - [`JobError::Panicked`], [`JobError::Refused`]: the worker says why.
    /// - [`JobError::SetAside`] with how each attempt ended.
    /// - [`JobError::Ended`] if the pool was drained before, or its workers do not start. The job stays in the channel.
    /// - [`JobError::Undecodable`], with the bytes, if the response is no such value.
    /// - [`JobError::Failed`] if the channel was removed or is corrupt.
    pub fn wait(mut self) -> Result<R::Response, JobError> {
        self.wait_deadline(Deadline::NEVER)
    }

    /// Waits for the result for at most `timeout`. It may be waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`JobError::TimedOut`] if the timeout elapses. Once the result was returned, [`JobError::Lost`].
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<R::Response, JobError> {
        self.wait_deadline(Deadline::after(timeout))
    }

    /// Returns the result, if it is there.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`JobError::WouldBlock`] if it is not there. Once the result was returned, [`JobError::Lost`].
    pub fn try_wait(&mut self) -> Result<R::Response, JobError> {
        self.wait_deadline(Deadline::NOW)
    }

    /// Waits for the result until `deadline`. It may be waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&mut self, deadline: Deadline) -> Result<R::Response, JobError> {
        let channel = &self.shared.channel;
        let Some(pending) = &mut self.pending else {
            return Err(JobError::Lost { object: self.shared.object(), route: R::ROUTE });
        };
        if !pending.is_ended() && deadline != Deadline::NOW {
            let shared = &self.shared;
            let check = || (pending.is_ended() || shared.has_ended() || channel.is_closed()).then_some(());
            channel.wait_for_calls(deadline, check)?;
        }
        // A job that no worker has begun is taken back from a closed channel.
        let result = if channel.is_closed() { pending.wait_deadline(deadline) } else { pending.try_wait() };
        match result {
            Err(CallError::WouldBlock | CallError::TimedOut) if self.shared.has_ended() => {
                self.let_go();
                Err(self.shared.why().into())
            }
            Err(CallError::WouldBlock) if deadline == Deadline::NOW => Err(JobError::WouldBlock),
            Err(CallError::WouldBlock | CallError::TimedOut) => Err(JobError::TimedOut),
            result => {
                self.pending = None;
                let result = result.map_err(|error| explained(&self.shared, error));
                let Received { done, panicked, refused } = &self.shared.received;
                match &result {
                    Ok(_) => Ends::add(done),
                    Err(JobError::Panicked { .. }) => Ends::add(panicked),
                    Err(JobError::Refused { .. }) => Ends::add(refused),
                    Err(_) => {}
                }
                result
            }
        }
    }

    /// Returns whether a wait would return at once.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.shared.has_ended() || self.pending.as_ref().is_none_or(PendingResponse::is_ended)
    }

    /// Cancels the job. If a worker has begun it, it is done, and not begun again, and its result goes nowhere.
    pub fn cancel(mut self) {
        // That of a call that is dropped is taken back.
        self.pending = None;
    }

    /// Leaves the job to the workers. Its result goes nowhere.
    pub fn detach(self) {}

    fn let_go(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.detach();
        }
    }
}

/// Makes the error of a job of that of a call.
fn explained(shared: &Shared, error: CallError) -> JobError {
    match error {
        CallError::Refused { why, .. } => match why.strip_prefix(PANICKED) {
            Some(message) => JobError::Panicked { message: message.to_owned() },
            None => JobError::Refused { why },
        },
        CallError::SetAside { object, route, mut attempts } => {
            shared.deaths.explain(&mut attempts);
            JobError::SetAside { object, route, attempts }
        }
        CallError::NoResponse { object, route } => JobError::Lost { object, route },
        CallError::NotSent(error) => error.into(),
        CallError::Undecodable(error) => error.into(),
        CallError::Failed(failure) => failure.into(),
        CallError::WouldBlock => JobError::WouldBlock,
        CallError::TimedOut => JobError::TimedOut,
    }
}

impl<R: Request> Drop for Job<R> {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl<R: Request> fmt::Debug for Job<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("pool", &self.shared.name).field("route", &R::ROUTE).finish_non_exhaustive()
    }
}
