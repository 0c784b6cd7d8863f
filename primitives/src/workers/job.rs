//! A job that was submitted.

use std::{fmt, sync::Arc, time::Duration};
#[cfg(feature = "async")]
use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::{JobError, shared::Shared, submitted::Submitted};
use crate::{Request, raw::Deadline};

/// A job that was submitted: to wait for, to cancel, or to drop.
///
/// If it is dropped, the job is still done, and its result is discarded.
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
/// **When this process dies**, the job is still done. **When the worker dies** that does the job, the job is begun again.
#[must_use = "if the job is to go on without a handle, say so with `detach`"]
pub struct Job<R: Request> {
    shared: Arc<Shared>,
    submitted: Submitted<R>,
    /// Whether the job ends with this handle, if it was not begun.
    is_cancelled: bool,
}

impl<R: Request> Job<R> {
    pub(super) fn new(shared: &Arc<Shared>, submitted: Submitted<R>) -> Self {
        Self { shared: Arc::clone(shared), submitted, is_cancelled: false }
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// - [`JobError::Panicked`], [`JobError::Refused`], with the reason.
    /// - [`JobError::SetAside`] with how each attempt ended.
    /// - [`JobError::Ended`] if the pool was drained before, or its workers do not start. The job stays in the channel.
    /// - [`JobError::Undecodable`], with the bytes, if the response can't be decoded.
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
        self.submitted.wait_deadline(&self.shared, deadline)
    }

    /// Returns whether a wait would return at once.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.shared.has_ended() || self.submitted.is_done()
    }

    /// Cancels the job. If a worker has already begun it, this attempt is completed, is not repeated, and its result is discarded.
    pub fn cancel(mut self) {
        self.is_cancelled = true;
    }

    /// Leaves the job to the workers. Its result is discarded.
    pub fn detach(self) {}
}

/// Waits for the result, without blocking the thread. It needs no particular runtime.
///
/// **Cancel safety.** Dropping it leaves the job to the workers, as [`detach`](Job::detach) does. To keep the job, await
/// `&mut job`. Between two polls it may be used by any other method: the result is returned once, by one poll or wait. After
/// that, another poll returns [`JobError::Lost`].
///
/// It fails as [`wait`](Job::wait) does: with [`JobError::Ended`] when the pool ends, for example.
#[cfg(feature = "async")]
impl<R: Request> Future for Job<R> {
    type Output = Result<R::Response, JobError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, submitted, .. } = self.get_mut();
        submitted.poll_wait(shared, context)
    }
}

impl<R: Request> Drop for Job<R> {
    fn drop(&mut self) {
        if !self.is_cancelled {
            self.submitted.detach();
        }
    }
}

impl<R: Request> fmt::Debug for Job<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("pool", &self.shared.name).field("route", &R::ROUTE).finish_non_exhaustive()
    }
}
