//! Why a pool does not go on, and why a job has no result.

use std::{io, sync::Arc};

use thiserror::Error;

use crate::{Attempt, Failure, ObjectName, OpenError, Route, SendError, Undecodable, raw};

/// Why a pool was not started, or has ended.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum WorkersError {
    /// The channel could not be opened or created.
    #[error("can't start the pool: {0}")]
    Open(Arc<OpenError>),
    /// The channel was removed, is corrupt, or the system refused something.
    #[error("the pool has ended: {0}")]
    Failed(Arc<Failure>),
    /// The system refused what the pool is made of, besides the channel.
    #[error("can't {what} for the pool {pool:?}: {error}")]
    System {
        /// The pool.
        pool: String,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// Workers ended before they took jobs, several times in a row, and the pool has ended. Its jobs stay in the channel.
    #[error(
        "the workers of pool {pool:?} end before they take jobs: {starts} starts in a row failed, the last one with {last}; start one \
         by hand, or read its last words:\n{stderr}"
    )]
    CrashLoop {
        /// The pool.
        pool: String,
        /// How many starts in a row failed.
        starts: u32,
        /// How the last one ended.
        last: String,
        /// The last lines that it wrote to its standard error.
        stderr: String,
    },
    /// The pool was drained. Jobs that were not done stay in the channel, and another pool of this name goes on with them.
    #[error("pool {pool:?} was drained; start it again to go on with its jobs")]
    Drained {
        /// The pool.
        pool: String,
    },
    /// The channel was closed or removed, so there are no more jobs.
    #[error("the channel of pool {pool:?} was closed or removed; remove it and start the pool anew")]
    Closed {
        /// The pool.
        pool: String,
    },
    /// The number of workers is beyond what a pool may have.
    #[error("pool {pool:?} can't have {workers} workers: {most} is the most")]
    TooMany {
        /// The pool.
        pool: String,
        /// How many were asked for.
        workers: usize,
        /// How many there may be.
        most: usize,
    },
}

impl WorkersError {
    pub(super) fn system(pool: &str, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        let pool = pool.to_owned();
        move |error| Self::System { pool, what, error: Arc::new(error) }
    }

    pub(super) fn memory(pool: &str, error: raw::Error) -> Self {
        Self::system(pool, "make shared memory")(error.into())
    }
}

impl WorkersError {
    /// Returns what went wrong below the pool, if that is why it failed.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Open(error) => match &**error {
                OpenError::Failed(failure) => Some(failure),
                _ => None,
            },
            _ => None,
        }
    }
}

impl From<OpenError> for WorkersError {
    fn from(error: OpenError) -> Self {
        Self::Open(Arc::new(error))
    }
}

impl From<Failure> for WorkersError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Arc::new(failure))
    }
}

/// Why a job has no result.
///
/// Errors that the job itself returns are in its response, and not here.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JobError {
    /// The job was not submitted.
    #[error("the job was not submitted: {0}")]
    NotSubmitted(#[from] SendError),
    /// The job is not done yet, and the call does not wait.
    #[error("the job is not done yet")]
    WouldBlock,
    /// The job was not done before the timeout elapsed. It is still under way, and can be waited for again.
    #[error("the job was not done before the timeout elapsed; wait again, or cancel it")]
    TimedOut,
    /// The job panicked.
    #[error("the job panicked: {message}")]
    Panicked {
        /// What it panicked with.
        message: String,
    },
    /// The worker refused the job: it has no handler for the type, or can't decode it, or can't encode or send the response.
    #[error("the worker refused the job: {why}")]
    Refused {
        /// Why.
        why: String,
    },
    /// All attempts that the limit allows ended without a result. The job is [set aside](crate::Channel::set_aside) in the channel.
    #[error(
        "the job of route {route} was set aside in {object} as often as it may be begun: {}; list, retry or discard it with \
         Channel::set_aside",
        listed(attempts)
    )]
    SetAside {
        /// The channel.
        object: ObjectName,
        /// The route of the job.
        route: Route,
        /// How each attempt ended; of many, the last ones.
        attempts: Vec<Attempt>,
    },
    /// The process that did the job died, and the job is not to be begun again.
    #[error(
        "the worker that did the job of route {route} from {object} died, and it was to be begun once; allow more attempts if that does no harm"
    )]
    Lost {
        /// The channel.
        object: ObjectName,
        /// The route of the job.
        route: Route,
    },
    /// The response could not be decoded.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The pool has ended before the job was done. The job stays in the channel.
    #[error(transparent)]
    Ended(#[from] WorkersError),
    /// The channel was removed, is corrupt, or the system refused something.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl JobError {
    /// Returns whether waiting longer could have helped.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            Self::NotSubmitted(error) => error.is_busy(),
            _ => matches!(self, Self::WouldBlock | Self::TimedOut),
        }
    }

    /// Returns whether the channel was removed.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::NotSubmitted(error) => error.is_gone(),
            Self::Failed(failure) => failure.is_gone(),
            Self::Ended(error) => error.failure().is_some_and(Failure::is_gone),
            _ => false,
        }
    }

    /// Returns whether the pool has ended, or its channel is closed.
    #[must_use]
    pub fn is_end(&self) -> bool {
        match self {
            Self::NotSubmitted(error) => error.is_end(),
            _ => matches!(self, Self::Ended(_)),
        }
    }
}

fn listed(attempts: &[Attempt]) -> String {
    let attempts: Vec<String> = attempts.iter().map(Attempt::to_string).collect();
    attempts.join("; ")
}
