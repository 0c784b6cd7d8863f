//! Jobs of an iterator, as many at once as are to be in flight.

use std::{collections::VecDeque, iter::Fuse};

use super::{JobError, pool::WorkerPool, shared::Shared, submitted::Submitted};
use crate::{Request, SendError, raw::Deadline};

/// A job of [`map`](WorkerPool::map) that has come to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished<R: Request> {
    /// The job's position in the input, from 0 on.
    pub index: usize,
    /// The job.
    pub job: R,
    /// Its response, or the reason why there is none.
    pub result: Result<R::Response, JobError>,
}

/// An iterator over the results of jobs. Made by [`WorkerPool::map`] and [`WorkerPool::map_ordered`].
///
/// When it is dropped the jobs that were not begun are cancelled.
#[must_use = "jobs are submitted as results are taken"]
#[derive(Debug)]
pub struct Map<'a, R: Request, I> {
    pub(super) pool: &'a WorkerPool,
    input: Fuse<I>,
    /// A job that found no room, or could not be submitted.
    pub(super) held_back: Option<R>,
    /// In the order of the input. Those that are dropped are cancelled.
    pub(super) in_flight: VecDeque<InFlight<R>>,
    next: usize,
    is_ordered: bool,
    /// Whether nothing more is submitted.
    is_over: bool,
}

#[derive(Debug)]
pub(super) struct InFlight<R: Request> {
    pub(super) index: usize,
    pub(super) job: R,
    /// The error of a job that could not be submitted.
    pub(super) submitted: Result<Submitted<R>, JobError>,
}

impl<R: Request> InFlight<R> {
    /// Returns whether a worker has begun it, or its result is there.
    fn is_begun(&self) -> bool {
        self.submitted.as_ref().map_or(true, Submitted::is_begun)
    }

    /// Returns whether its result is there.
    fn is_done(&self) -> bool {
        self.submitted.as_ref().map_or(true, Submitted::is_done)
    }

    fn finish(self, shared: &Shared) -> Finished<R> {
        let Self { index, job, submitted } = self;
        let result = submitted.and_then(|mut submitted| {
            let result = submitted.wait_deadline(shared, Deadline::NEVER);
            // After an error the workers may still do it.
            submitted.detach();
            result
        });
        Finished { index, job, result }
    }
}

impl<'a, R: Request, I: Iterator<Item = R>> Map<'a, R, I> {
    pub(super) fn new(pool: &'a WorkerPool, input: I, is_ordered: bool) -> Self {
        let input = input.fuse();
        Self { pool, input, held_back: None, in_flight: VecDeque::new(), next: 0, is_ordered, is_over: false }
    }

    /// Submits jobs until as many are in flight as may be. Alone, a job waits for the room that others have taken.
    fn fill(&mut self) {
        self.fill_until(Deadline::NEVER);
    }

    /// Submits jobs for which there is room.
    #[cfg(feature = "async")]
    pub(super) fn fill_at_once(&mut self) {
        self.fill_until(Deadline::NOW);
    }

    fn fill_until(&mut self, alone: Deadline) {
        while !self.is_over && self.in_flight.len() < self.pool.shared.in_flight {
            if self.pool.shared.check_submitting().is_err() {
                self.is_over = true;
                return;
            }
            let Some(job) = self.held_back.take().or_else(|| self.input.next()) else { return };
            // With others in flight, their ends make room. On a server the workers alone do, and a wait outlasts a lost connection.
            let waits = self.in_flight.is_empty() || self.pool.shared.channel.is_room_made_by_servers();
            let submitted = self.pool.submit_call_deadline(&job, if waits { alone } else { Deadline::NOW });
            if let Err(JobError::NotSubmitted(SendError::Full(_))) = &submitted {
                self.held_back = Some(job);
                return;
            }
            self.take_in(job, submitted);
        }
    }

    /// Takes in a job that was submitted, or could not be.
    pub(super) fn take_in(&mut self, job: R, submitted: Result<Submitted<R>, JobError>) {
        if let Err(error) = &submitted {
            // The others would fare no better.
            self.is_over = error.is_end() || error.is_gone();
        }
        self.in_flight.push_back(InFlight { index: self.next, job, submitted });
        self.next += 1;
    }

    /// Returns the jobs in flight that may be returned next.
    fn returnable(&self) -> impl Iterator<Item = &InFlight<R>> {
        self.in_flight.iter().take(if self.is_ordered { 1 } else { self.in_flight.len() })
    }

    /// Returns the position of the first job that is done, of those that may be returned next.
    pub(super) fn done(&self) -> Option<usize> {
        if self.pool.shared.has_ended() {
            return Some(0);
        }
        // Most are not begun, which is quickly found out.
        self.returnable().position(|job| job.is_begun() && job.is_done())
    }

    /// Does the same without a check of all jobs. Workers begin them in the order in which they were submitted. So behind one that
    /// was not begun there is rarely one that is done.
    pub(super) fn done_of_begun(&self) -> Option<usize> {
        self.returnable().take_while(|job| job.is_begun()).position(InFlight::is_done)
    }
}

impl<R: Request, I: Iterator<Item = R>> Iterator for Map<'_, R, I> {
    type Item = Finished<R>;

    fn next(&mut self) -> Option<Finished<R>> {
        self.fill();
        if self.in_flight.is_empty() {
            return None;
        }
        let shared = &*self.pool.shared;
        let done = match self.done_of_begun() {
            Some(done) => done,
            // If the channel is gone, each wait says so.
            None => {
                let found = shared.channel.wait_for_calls(Deadline::NEVER, || self.done_of_begun(), || self.done());
                found.ok().flatten().unwrap_or(0)
            }
        };
        self.in_flight.remove(done).map(|job| job.finish(shared))
    }
}

impl WorkerPool {
    /// Submits the jobs of an iterator, and returns an iterator over their results as they come.
    ///
    /// It reads the input as results are taken: at most [`in_flight`](super::WorkerPoolOptions::in_flight) jobs are submitted and not yet
    /// returned. Take results without long pauses. Long results that are not taken fill the channel, a worker then waits for room, and
    /// its [`job_timeout`](super::WorkerPoolOptions::job_timeout) goes on.
    ///
    /// Each job comes back with its result, and with its position in the input.
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
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("map-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// let mut sum = 0;
    /// for done in pool.map((1..=100).map(Square)) {
    ///     assert_eq!(done.job.0, done.index as u64 + 1);
    ///     sum += done.result?;
    /// }
    /// assert_eq!(sum, 338_350);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// When the iterator is dropped, the jobs that were not begun are cancelled. When the pool ends, each job that was submitted and is
    /// not done gives [`JobError::Ended`], and that is the end of the iterator.
    pub fn map<R: Request, I: IntoIterator<Item = R>>(&self, jobs: I) -> Map<'_, R, I::IntoIter> {
        Map::new(self, jobs.into_iter(), false)
    }

    /// Does the same as [`map`](Self::map), and returns results in the order of the jobs.
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
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("map-ordered-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// let squares: Result<Vec<u64>, _> = pool.map_ordered((1..=4).map(Square)).map(|done| done.result).collect();
    /// assert_eq!(squares?, [1, 4, 9, 16]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_ordered<R: Request, I: IntoIterator<Item = R>>(&self, jobs: I) -> Map<'_, R, I::IntoIter> {
        Map::new(self, jobs.into_iter(), true)
    }
}
