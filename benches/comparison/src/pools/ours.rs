//! `WorkerPool`, and what it is made of: the calls of a channel.

use std::{collections::VecDeque, fmt::Debug, time::Instant};

use anyhow::Result;
use sysv_primitives::{
    CallError, Channel, Options, PendingResponse, Router, SendError, WorkerPool,
    raw::Deadline,
    workers::{JobError, Stream},
};

use super::{
    Job, Task, UNDER_WAY, done,
    driven::{Outcome, Pool, left},
    place, result, work,
};
use crate::{
    harness::{Process, UNPINNED},
    rows::name,
};

/// Room for the workers, and for the longest jobs.
fn options() -> Options<Channel> {
    Channel::options().max_message_size(2 << 20)
}

/// The name of an error's kind, without what differs from run to run.
fn kind(error: &impl Debug) -> Outcome {
    let text = format!("{error:?}");
    Outcome::Failed(text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned())
}

fn check(job: &Job, came: u64) {
    assert_eq!(came, result(job.number, job.bytes.len()), "a result is of another job");
}

/// As its documentation begins.
pub(super) struct Workers(WorkerPool);

impl Workers {
    /// In a worker it serves, and does not return.
    pub(super) fn start(task: &Task) -> Result<Self> {
        let mut jobs = Router::new();
        jobs.respond(work)?;
        let fresh = || {
            if task.way.is_served() {
                place().map(|(server, name)| format!("{server}/{name}"))
            } else {
                Ok(name("pool"))
            }
        };
        let name = WorkerPool::name_in_worker().map_or_else(fresh, |name| Ok(name.to_owned()))?;
        let pool = WorkerPool::options()
            .workers(task.workers)
            .in_flight(UNDER_WAY)
            .channel(options())
            .stdout(Stream::Null)
            .remove_on_drop(true)
            .start(&name, jobs)?;
        Ok(Self(pool))
    }
}

impl Pool for Workers {
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>) {
        for finished in self.0.map(jobs) {
            check(&finished.job, finished.result.expect("it is done"));
        }
    }

    fn outcomes(&mut self, jobs: Vec<Job>, deadline: Instant) -> Vec<Outcome> {
        let submitted: Vec<_> = jobs.iter().map(|job| self.0.submit(job)).collect();
        let outcome = |submitted: Result<_, JobError>| {
            let mut submitted: sysv_primitives::workers::Job<Job> = match submitted {
                Ok(submitted) => submitted,
                Err(error) => return kind(&error),
            };
            match submitted.wait_timeout(left(deadline)) {
                Ok(_) => Outcome::Done,
                Err(JobError::TimedOut) => Outcome::Nothing,
                Err(error) => kind(&error),
            }
        };
        submitted.into_iter().map(outcome).collect()
    }

    fn end(self: Box<Self>) {}
}

/// Calls alone, to workers that were forked.
pub(super) struct Bare {
    channel: Channel,
    _workers: Vec<Process>,
}

impl Bare {
    pub(super) fn start(task: &Task) -> Result<Self> {
        UNPINNED.store(true, std::sync::atomic::Ordering::Relaxed);
        let channel = options().remove_on_drop(true).create(&name("calls"))?;
        let serve = || {
            while let Ok(request) = channel.recv_request::<Job>() {
                let result = done(&request);
                // The caller may be dead.
                let _ = request.respond(&result);
            }
        };
        let workers = (0..task.workers).map(|number| Process::start_on(number, serve)).collect();
        Ok(Self { channel, _workers: workers })
    }
}

type Pending = VecDeque<(Job, PendingResponse<Job>)>;

/// Waits for the oldest of them.
fn receive(pending: &mut Pending) {
    if let Some((job, response)) = pending.pop_front() {
        check(&job, response.wait().expect("it is done"));
    }
}

impl Pool for Bare {
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>) {
        let mut pending = Pending::new();
        for job in jobs {
            if pending.len() == UNDER_WAY {
                receive(&mut pending);
            }
            let response = loop {
                match self.channel.try_request(&job) {
                    Ok(response) => break response,
                    Err(SendError::Full(_)) => receive(&mut pending),
                    Err(error) => panic!("a job can't be sent: {error}"),
                }
            };
            pending.push_back((job, response));
        }
        while !pending.is_empty() {
            receive(&mut pending);
        }
    }

    fn outcomes(&mut self, jobs: Vec<Job>, deadline: Instant) -> Vec<Outcome> {
        let deadline = Deadline::after(left(deadline));
        let pending: Vec<_> = jobs.iter().map(|job| self.channel.request_deadline(job, deadline)).collect();
        let outcome = |pending: Result<PendingResponse<Job>, SendError>| {
            let waited = pending.map_err(CallError::from).and_then(|mut pending| pending.wait_deadline(deadline));
            match waited {
                Ok(_) => Outcome::Done,
                Err(CallError::TimedOut) => Outcome::Nothing,
                Err(error) => kind(&error),
            }
        };
        pending.into_iter().map(outcome).collect()
    }

    fn end(self: Box<Self>) {}
}
