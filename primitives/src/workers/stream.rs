//! The results of the jobs of an iterator, as a `Stream`.

use std::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{
    JobError,
    map::{Finished, InFlight, Map},
    shared::Shared,
    submitted::Submitted,
};
use crate::{Request, channel::CallsWait};

/// A job that waits for room, and what came of it.
type Submitting<'a, R> = Pin<Box<dyn Future<Output = (R, Result<Submitted<R>, JobError>)> + Send + 'a>>;

/// A stream of the results of jobs. Made by [`Map::into_stream`].
///
/// As long as jobs are in flight it waits for all of them together, by one wake-up for the stream. It needs no particular runtime.
///
/// **Cancel safety.** A result is taken only in the poll that returns it. When the stream is dropped the jobs that were not begun
/// are cancelled.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use std::{future::poll_fn, pin::Pin};
/// # use futures_core::Stream;
/// # use sysv_primitives::{Request, Router, WorkerPool, messages};
/// # #[derive(Serialize, Deserialize)]
/// # struct Square(u64);
/// # messages! { 1 => Square }
/// # impl Request for Square { type Response = u64; }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut jobs = Router::new();
/// # jobs.respond(|Square(number)| number * number)?;
/// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("map-stream-example-{}", std::process::id()), str::to_owned);
/// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
/// let mut squares = pool.map((1..=100).map(Square)).into_stream();
/// let mut sum = 0;
/// // With the crate `futures`: `while let Some(done) = squares.next().await`.
/// while let Some(done) = pollster::block_on(poll_fn(|context| Pin::new(&mut squares).poll_next(context))) {
///     sum += done.result?;
/// }
/// assert_eq!(sum, 338_350);
/// # Ok(())
/// # }
/// ```
#[must_use = "jobs are submitted as results are taken"]
pub struct MapStream<'a, R: Request, I> {
    map: Map<'a, R, I>,
    wait: CallsWait,
    /// A job that found no room, while none is in flight.
    submitting: Option<Submitting<'a, R>>,
}

impl<'a, R: Request, I> Map<'a, R, I> {
    /// Returns the same results as a stream, which waits without blocking the thread.
    pub fn into_stream(self) -> MapStream<'a, R, I> {
        MapStream { map: self, wait: CallsWait::default(), submitting: None }
    }
}

// Nothing of it is pinned.
impl<R: Request, I> Unpin for MapStream<'_, R, I> {}

impl<R: Request> InFlight<R> {
    fn poll_result(&mut self, shared: &Shared, context: &Context<'_>) -> Poll<Result<R::Response, JobError>> {
        match &mut self.submitted {
            Ok(submitted) => {
                let result = ready!(submitted.poll_wait(shared, context));
                // After an error the workers may still do it.
                submitted.detach();
                Poll::Ready(result)
            }
            // It is returned once.
            Err(error) => Poll::Ready(Err(mem::replace(error, JobError::WouldBlock))),
        }
    }
}

impl<'a, R: Request + Send + Sync + 'a, I: Iterator<Item = R>> MapStream<'a, R, I> {
    /// Submits jobs, until there is one in flight. Returns whether there is.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            if let Some(submitting) = &mut self.submitting {
                let (job, submitted) = ready!(submitting.as_mut().poll(context));
                self.submitting = None;
                self.map.take_in(job, submitted);
            }
            self.map.fill_at_once();
            if !self.map.in_flight.is_empty() {
                return Poll::Ready(true);
            }
            let Some(job) = self.map.held_back.take() else { return Poll::Ready(false) };
            let pool = self.map.pool;
            self.submitting = Some(Box::pin(async move {
                let submitted = pool.submit_call_async(&job).await;
                (job, submitted)
            }));
        }
    }

    /// Polls for the position of a job that may be returned next.
    fn poll_done(&mut self, context: &Context<'_>) -> Poll<usize> {
        let Self { map, wait, .. } = self;
        // A wait that has begun goes on: it may have been called.
        if !wait.is_taken()
            && let Some(done) = map.done_of_begun()
        {
            return Poll::Ready(done);
        }
        let found = ready!(map.pool.shared.channel.poll_for_calls(wait, || map.done(), context));
        // If the channel is gone, each job says so.
        Poll::Ready(found.unwrap_or(0))
    }
}

impl<'a, R: Request + Send + Sync + 'a, I: Iterator<Item = R>> Stream for MapStream<'a, R, I> {
    type Item = Finished<R>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Finished<R>>> {
        let this = self.get_mut();
        if !ready!(this.poll_fill(context)) {
            return Poll::Ready(None);
        }
        let done = ready!(this.poll_done(context));
        let Map { pool, in_flight, .. } = &mut this.map;
        let Some(job) = in_flight.get_mut(done) else { return Poll::Ready(None) };
        let result = ready!(job.poll_result(&pool.shared, context));
        Poll::Ready(in_flight.remove(done).map(|InFlight { index, job, .. }| Finished { index, job, result }))
    }
}

impl<R: Request, I> Drop for MapStream<'_, R, I> {
    fn drop(&mut self) {
        self.map.pool.shared.channel.cancel_wait_for_calls(&mut self.wait);
    }
}

impl<R: Request, I> fmt::Debug for MapStream<'_, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapStream").field("in_flight", &self.map.in_flight.len()).finish_non_exhaustive()
    }
}
