//! What a process has of a job that it submitted: the call under way, without a share of the pool.

#[cfg(feature = "async")]
use std::task::{Context, Poll, ready};

use super::{
    JobError,
    report::{Ends, Received},
    shared::Shared,
};
use crate::{CallError, PendingResponse, Request, raw::Deadline};

/// How the refusal of a job that panicked begins.
pub(super) const PANICKED: &str = "the job panicked: ";

/// A job that was submitted. Dropping it cancels the job.
#[derive(Debug)]
pub(super) struct Submitted<R: Request> {
    /// `None` once it is waited for no more.
    pending: Option<PendingResponse<R>>,
}

impl<R: Request> Submitted<R> {
    pub(super) fn new(pending: PendingResponse<R>) -> Self {
        Self { pending: Some(pending) }
    }

    /// Waits for the result until `deadline`. It may be waited for again.
    pub(super) fn wait_deadline(&mut self, shared: &Shared, deadline: Deadline) -> Result<R::Response, JobError> {
        let channel = &shared.channel;
        let Some(pending) = &mut self.pending else {
            return Err(JobError::Lost { object: shared.object(), route: R::ROUTE });
        };
        if deadline != Deadline::NOW && !pending.is_ended() {
            let check = || (pending.is_ended() || shared.has_ended() || channel.is_closed()).then_some(());
            channel.wait_for_calls(deadline, check, check)?;
        }
        // A job that no worker has begun is taken back from a closed channel.
        let result = if channel.is_closed() { pending.wait_deadline(deadline) } else { pending.try_wait() };
        self.conclude(shared, result, deadline)
    }

    /// Polls for the result, or for the end of the pool.
    #[cfg(feature = "async")]
    pub(super) fn poll_wait(&mut self, shared: &Shared, context: &Context<'_>) -> Poll<Result<R::Response, JobError>> {
        let Some(pending) = &mut self.pending else {
            return Poll::Ready(Err(JobError::Lost { object: shared.object(), route: R::ROUTE }));
        };
        let result = ready!(pending.poll_unless(|| shared.has_ended(), context));
        Poll::Ready(self.conclude(shared, result, Deadline::NEVER))
    }

    /// Makes the result of a job of that of its call.
    fn conclude(
        &mut self,
        shared: &Shared,
        result: Result<R::Response, CallError>,
        deadline: Deadline,
    ) -> Result<R::Response, JobError> {
        match result {
            Err(CallError::WouldBlock | CallError::TimedOut) if shared.has_ended() => {
                self.detach();
                Err(shared.why().into())
            }
            Err(CallError::WouldBlock) if deadline == Deadline::NOW => Err(JobError::WouldBlock),
            Err(CallError::WouldBlock | CallError::TimedOut) => Err(JobError::TimedOut),
            result => {
                self.pending = None;
                let result = result.map_err(|error| explained(shared, error));
                count(&shared.received, &result);
                result
            }
        }
    }

    /// Returns whether the result is there, or was returned.
    pub(super) fn is_done(&self) -> bool {
        self.pending.as_ref().is_none_or(PendingResponse::is_ended)
    }

    /// Returns whether a worker has begun the job, in this attempt or an earlier one.
    pub(super) fn is_begun(&self) -> bool {
        self.pending.as_ref().is_none_or(PendingResponse::is_begun)
    }

    /// Leaves the job to the workers.
    pub(super) fn detach(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.detach();
        }
    }
}

fn count<T>(Received { done, panicked, refused }: &Received, result: &Result<T, JobError>) {
    match result {
        Ok(_) => Ends::add(done),
        Err(JobError::Panicked { .. }) => Ends::add(panicked),
        Err(JobError::Refused { .. }) => Ends::add(refused),
        Err(_) => {}
    }
}

/// Makes the error of a job of that of a call.
#[cold]
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
