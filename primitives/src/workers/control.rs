//! What a pool's handle asks of its supervisor: to scale, to drain, to know.

use std::{
    mem, result,
    sync::{atomic::Ordering::Relaxed, mpsc},
    time::{Duration, Instant},
};

use super::{
    WorkersError, event::Event, pool::WorkerPool, report::Report, shared::Shared, supervision::check_number,
    tally::Count,
};

type Result<T, E = WorkersError> = result::Result<T, E>;

impl WorkerPool {
    /// Changes the number of workers. It does not wait until they have started or ended.
    ///
    /// Surplus workers end after their current job, the youngest first.
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
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("scale-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// pool.scale(4)?; // there is much to do
    /// assert_eq!(pool.submit(&Square(3))?.wait()?, 9);
    /// pool.scale(1)?; // there is little to do
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`WorkersError::TooMany`] for more than 1,023.
    /// - The error that ended the pool, if it has ended.
    pub fn scale(&self, workers: usize) -> Result<()> {
        check_number(&self.shared.name, workers)?;
        self.shared.check_submitting()?;
        self.tell(Event::Scale(workers));
        Ok(())
    }

    /// Drains the pool: no worker takes another job, and running jobs may take up to `timeout`. Workers that have not completed
    /// their job by then are killed.
    ///
    /// The jobs of killed workers are requeued. They stay in the channel with the jobs that no worker has begun: another pool of
    /// this name goes on with them. In this process, waits for them return [`JobError::Ended`](super::JobError::Ended). From then
    /// on the pool takes no jobs.
    ///
    /// Further calls return the same result.
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
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("drain-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// pool.submit(&Square(12))?.wait()?;
    /// let report = pool.drain(Duration::from_secs(30))?;
    /// assert_eq!((report.done, report.depth(), report.crashed), (1, 0, 0));
    /// assert!(pool.submit(&Square(1)).is_err());
    /// # Ok(())
    /// # }
    /// ```
    /// In a worker of another pool it does nothing.
    ///
    /// # Errors
    ///
    /// - [`WorkersError::CrashLoop`] if the workers did not start.
    /// - [`WorkersError::Closed`] if the channel was closed or removed.
    pub fn drain(&self, timeout: Duration) -> Result<Report> {
        if self.supervisor.is_some() {
            self.shared.stop_submitting();
            self.tell(Event::Drain(Instant::now().checked_add(timeout)));
            match self.shared.wait_for_end() {
                WorkersError::Drained { .. } => {}
                error => return Err(error),
            }
        }
        self.report()
    }

    /// Returns counters of what the pool has done so far, by cause, and the jobs that are queued.
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
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("report-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// pool.submit(&Square(12))?.wait()?;
    /// let report = pool.report()?;
    /// assert_eq!((report.done, report.failed()), (1, 0));
    /// println!("{report}"); // 1 jobs done; workers: 2 started
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`WorkersError::Failed`] if the channel was removed.
    pub fn report(&self) -> Result<Report> {
        let Shared { channel, tally, ends, received, .. } = &*self.shared;
        let depth = channel.depth()?;
        let mut report = Report {
            done: tally.sum(Count::Done).max(received.done.load(Relaxed)),
            panicked: tally.sum(Count::Panicked).max(received.panicked.load(Relaxed)),
            refused: tally.sum(Count::Refused).max(received.refused.load(Relaxed)),
            retried: tally.sum(Count::Retried),
            set_aside: depth.set_aside,
            running: channel.count_claims(&depth)?,
            queued: depth.routes,
            ..Report::default()
        };
        ends.fill(&mut report);
        Ok(report)
    }

    /// Returns the process ids of the workers that live.
    #[must_use]
    pub fn worker_ids(&self) -> Vec<u32> {
        self.shared.deaths.living()
    }

    /// Kills the worker with this process id, with `SIGKILL`. It is replaced, and its job begun again. Returns `true` if it was a
    /// worker of this pool that had neither ended nor been killed.
    ///
    /// The supervisor sends the signal, so it never reaches another process that reuses the id.
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
    /// # let name = WorkerPool::name_in_worker().map_or_else(|| format!("kill-example-{}", std::process::id()), str::to_owned);
    /// let pool = WorkerPool::options().workers(2).remove_on_drop(true).start(&name, jobs)?;
    /// let job = pool.submit(&Square(12))?;
    /// pool.worker_ids().into_iter().for_each(|worker| assert!(pool.kill_worker(worker)));
    /// assert_eq!(job.wait()?, 144);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::must_use_candidate, reason = "it kills")]
    pub fn kill_worker(&self, pid: u32) -> bool {
        let (reply, replied) = mpsc::channel();
        self.tell(Event::Kill(pid, reply));
        // A supervisor that has ended has no workers.
        replied.recv().unwrap_or(false)
    }

    fn tell(&self, event: Event) {
        if let Some(supervision) = &self.supervisor {
            supervision.tell(event);
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        let Some(mut supervision) = self.supervisor.take() else { return };
        if !supervision.is_ours() {
            // A copy of the signals' pipe is the parent's as well: closing it there would end the parent's.
            mem::forget(supervision);
            return;
        }
        supervision.end();
        if self.removes {
            // Gone already is as good.
            let _ = self.shared.channel.remove();
        }
    }
}
