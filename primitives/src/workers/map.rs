//! Jobs of an iterator, as many at once as are to be in flight.

use std::{collections::VecDeque, iter::Fuse};

use super::{JobError, job::Job, pool::WorkerPool};
use crate::{Request, SendError, raw::Deadline};

/// A job of [`map`](WorkerPool::map) that has come to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished<R: Request> {
    /// The job's position in the input, from 0 on.
    pub index: usize,
    /// The job.
    pub job: R,
    /// Its response, or why there is none.
    pub result: Result<R::Response, JobError>,
}

/// An iterator over the results of jobs. Made by [`WorkerPool::map`] and [`WorkerPool::map_ordered`].
///
/// When it is dropped the jobs that were not begun are cancelled.
#[must_use = "jobs are submitted as results are taken"]
#[derive(Debug)]
pub struct Map<'a, R: Request, I> {
    pool: &'a WorkerPool,
    input: Fuse<I>,
    /// A job that found no room, or could not be submitted.
    held_back: Option<R>,
    /// In the order of the input.
    in_flight: VecDeque<InFlight<R>>,
    next: usize,
    is_ordered: bool,
    /// Whether nothing more is submitted.
    is_over: bool,
}

#[derive(Debug)]
struct InFlight<R: Request> {
    index: usize,
    job: R,
    submitted: Submitted<R>,
}

#[derive(Debug)]
enum Submitted<R: Request> {
    Job(Job<R>),
    Not(JobError),
}

impl<R: Request> InFlight<R> {
    fn is_done(&self) -> bool {
        match &self.submitted {
            Submitted::Job(job) => job.is_done(),
            Submitted::Not(_) => true,
        }
    }

    fn finish(self) -> Finished<R> {
        let Self { index, job, submitted } = self;
        let result = match submitted {
            Submitted::Job(submitted) => submitted.wait(),
            Submitted::Not(error) => Err(error),
        };
        Finished { index, job, result }
    }
}

impl<'a, R: Request, I: Iterator<Item = R>> Map<'a, R, I> {
    pub(super) fn new(pool: &'a WorkerPool, input: I, is_ordered: bool) -> Self {
        let input = input.fuse();
        Self { pool, input, held_back: None, in_flight: VecDeque::new(), next: 0, is_ordered, is_over: false }
    }

    /// Submits jobs until as many are in flight as may be.
    fn fill(&mut self) {
        while !self.is_over && self.in_flight.len() < self.pool.shared.in_flight {
            if self.pool.shared.check_submitting().is_err() {
                self.is_over = true;
                return;
            }
            let Some(job) = self.held_back.take().or_else(|| self.input.next()) else { return };
            // With others in flight, their ends make room. Alone it waits for that which others have submitted.
            let submitted = match self.in_flight.is_empty() {
                true => self.pool.submit(&job),
                false => self.pool.try_submit(&job),
            };
            let submitted = match submitted {
                Ok(submitted) => Submitted::Job(submitted),
                Err(JobError::NotSubmitted(SendError::Full(_))) => {
                    self.held_back = Some(job);
                    return;
                }
                Err(error) => {
                    // The others would fare no better.
                    self.is_over = error.is_end() || error.is_gone();
                    Submitted::Not(error)
                }
            };
            self.in_flight.push_back(InFlight { index: self.next, job, submitted });
            self.next += 1;
        }
    }

    /// Returns which of those in flight is the next to return, if it is done.
    fn done(&self) -> Option<usize> {
        let at_most = if self.is_ordered { 1 } else { self.in_flight.len() };
        self.in_flight.iter().take(at_most).position(InFlight::is_done)
    }
}

impl<R: Request, I: Iterator<Item = R>> Iterator for Map<'_, R, I> {
    type Item = Finished<R>;

    fn next(&mut self) -> Option<Finished<R>> {
        self.fill();
        if self.in_flight.is_empty() {
            return None;
        }
        let done = match self.done() {
            Some(done) => done,
            // If the channel is gone, each wait says so.
            None => {
                let found = self.pool.shared.channel.wait_for_calls(Deadline::NEVER, || self.done());
                found.ok().flatten().unwrap_or(0)
            }
        };
        self.in_flight.remove(done).map(InFlight::finish)
    }
}

impl<R: Request, I> Drop for Map<'_, R, I> {
    fn drop(&mut self) {
        for InFlight { submitted, .. } in self.in_flight.drain(..) {
            if let Submitted::Job(job) = submitted {
                job.cancel();
            }
        }
    }
}

impl WorkerPool {
    /// Submits the jobs of an iterator, and returns an iterator over their results as they come.
    ///
    /// It reads the input as results are taken: no more than [`in_flight`](super::WorkerPoolOptions::in_flight) jobs are submitted and not
    /// returned. Take results without long pauses: long ones fill the channel, where [`job_timeout`](super::WorkerPoolOptions::job_timeout) goes on.
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
    /// When it is dropped the jobs that were not begun are cancelled. When the pool ends, each job that was submitted and not
    /// done gives [`JobError::Ended`], and that is the end of the iterator.
    pub fn map<R: Request, I: IntoIterator<Item = R>>(&self, jobs: I) -> Map<'_, R, I::IntoIter> {
        Map::new(self, jobs.into_iter(), false)
    }

    /// As [`map`](Self::map), in the order of the jobs.
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
