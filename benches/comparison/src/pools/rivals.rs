//! Pools that one would take instead, in Rust.

use std::{collections::VecDeque, time::Instant};

use anyhow::{Result, ensure};
use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator},
};

use super::{
    Job, Task, UNDER_WAY,
    driven::{Outcome, Pool, left},
    result, work,
};

/// Longer jobs don't fit into a socket that is not read yet.
const LONG: usize = 64 << 10;

pub(super) struct Procspawn {
    pool: procspawn::Pool,
    under_way: usize,
}

impl Procspawn {
    /// A long job is sent only when a worker reads it, and no worker takes a job before its last result was taken. So no
    /// more long ones can be under way than there are workers: see `examples/procspawn_stops.rs`.
    pub(super) fn start(task: &Task) -> Result<Self> {
        let under_way = if task.size > LONG { task.workers } else { UNDER_WAY };
        Ok(Self { pool: procspawn::Pool::new(task.workers)?, under_way })
    }
}

impl Pool for Procspawn {
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>) {
        let mut pending: VecDeque<(u64, procspawn::JoinHandle<u64>)> = VecDeque::new();
        let receive = |pending: &mut VecDeque<(u64, procspawn::JoinHandle<u64>)>| {
            if let Some((expected, handle)) = pending.pop_front() {
                assert_eq!(handle.join().expect("it is done"), expected, "a result is of another job");
            }
        };
        for job in jobs {
            if pending.len() == self.under_way {
                receive(&mut pending);
            }
            let expected = result(job.number, job.bytes.len());
            pending.push_back((expected, self.pool.spawn(job, work)));
        }
        while !pending.is_empty() {
            receive(&mut pending);
        }
    }

    fn outcomes(&mut self, jobs: Vec<Job>, deadline: Instant) -> Vec<Outcome> {
        let handles: Vec<_> = jobs.into_iter().map(|job| self.pool.spawn(job, work)).collect();
        let outcome = |mut handle: procspawn::JoinHandle<u64>| match handle.join_timeout(left(deadline)) {
            Ok(_) => Outcome::Done,
            Err(error) if error.is_timeout() => Outcome::Nothing,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        handles.into_iter().map(outcome).collect()
    }

    fn end(self: Box<Self>) {
        self.pool.shutdown();
    }
}

/// Threads of this process.
pub(super) struct Rayon {
    pool: ThreadPool,
    task: Task,
}

impl Rayon {
    pub(super) fn start(task: &Task) -> Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(task.workers).build()?;
        ensure!(pool.current_num_threads() == task.workers, "it has other threads");
        Ok(Self { pool, task: task.clone() })
    }
}

impl Pool for Rayon {
    /// Each thread makes the jobs that it does, as the crate advises.
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>) {
        let (count, task) = (jobs.len(), &self.task);
        let done = |number: usize| work(task.job(number as u64));
        let results: Vec<u64> = self.pool.install(|| (0..count).into_par_iter().map(done).collect());
        let expected = |number: usize| result(number as u64, task.size);
        assert!(results.iter().copied().eq((0..count).map(expected)), "a result is of another job");
    }

    fn outcomes(&mut self, jobs: Vec<Job>, _: Instant) -> Vec<Outcome> {
        // One at a time, as a worker of the others takes them.
        let jobs = jobs.into_par_iter().with_max_len(1);
        self.pool.install(|| jobs.map(|job| (work(job), Outcome::Done).1).collect())
    }

    fn end(self: Box<Self>) {}
}
