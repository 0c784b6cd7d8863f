//! Worker processes that do jobs, and none is lost or stuck.
//!
//! A pool is a named [`Channel`](crate::Channel), a [`Router`](crate::Router) of job types, processes that serve it, and a supervisor that replaces them. A job
//! is a [`Request`](crate::Request): it and its result travel in the channel, so both outlive any worker. See [`WorkerPool`] for an example.
//!
//! | it happens | what comes of it |
//! | --- | --- |
//! | a worker dies with a job, for whatever reason | the job is begun again at once, before others; no other job is affected |
//! | a job kills each worker that begins it | after as many [`attempts`](WorkerPoolOptions::attempts) it is set aside, with the cause of each death |
//! | a job takes longer than [`job_timeout`](WorkerPoolOptions::job_timeout) | its worker is killed and replaced; the job is begun again or set aside |
//! | a job needs more memory than [`memory_limit`](WorkerPoolOptions::memory_limit) | the same |
//! | a job panics | its submitter gets the message; the worker goes on |
//! | a worker dies before it takes jobs | it is started again, after a pause that doubles; after [5](WorkerPoolOptions::most_failed_starts) the pool ends, with the last lines of its standard error |
//! | a worker is stopped (SIGSTOP) | its job waits, up to the time limit, and no other one |
//! | the supervisor's process dies | each worker does the job that it has begun to its end, at most for another `job_timeout`, and ends; the other jobs stay, and another pool of the same name goes on with them |
//! | a submitter dies | its jobs are done; their results go nowhere |
//! | SIGTERM, or Ctrl-C, with [`handle_signals`](WorkerPoolOptions::handle_signals) | the pool drains; a second signal ends all at once |
//! | Ctrl-C without it | the supervisor's process dies of it. Workers are in process groups of their own, and do not |
//!
//! A worker:
//!
//! | phase | it ends | what comes of it |
//! | --- | --- | --- |
//! | starting | in any way | a start that failed |
//! | serving | after [`recycle_after`](WorkerPoolOptions::recycle_after) jobs | it is recycled, and replaced |
//! | serving | stopped: by the supervisor, by its death, by SIGTERM | it does its job to the end. It is replaced if more workers are wanted |
//! | serving | otherwise | it crashed, and is replaced at once |
//!
//! - **WP1** A job is begun by a claim, and ended by its response, in one step of the channel. So it is done at least once. It is done twice if a
//!   worker dies between the work and the response.
//! - **WP2** The supervisor learns of each end of a worker by `waitid`, in a thread for each. It never reaps one before it has
//!   reported its end, and never signals one that is reaped. So no other process is hit.
//! - **WP3** A worker learns of the supervisor's death by the end of file of a pipe. No other process has its writing end.
//! - **WP4** The supervisor sleeps until an event, or until a job that is running could be too old. It never polls.
//! - **WP5** Before it kills a worker for a job that is too old it stops it and checks once more. So it kills for that job, and not for the next one.
//! - **WP6** A worker's standard error is a pipe that the worker itself can read. So writing to it never fails, and after the supervisor's
//!   death the worker empties it itself.
//!
//! Not promised: that a job's effects happen once, if a worker dies at its end. That a supervisor's death is noticed while a child lives that
//! it made by a plain `fork`, without exec: the child has copies of the pipes of WP3. A program that a job has started is killed with its worker
//! if it has stayed in the worker's process group.

mod assignment;
mod control;
mod deaths;
mod error;
mod event;
mod fleet;
mod job;
mod map;
mod options;
mod pool;
mod program;
mod report;
mod shared;
mod signals;
mod spawn;
mod supervision;
mod supervisor;
mod sys;
mod tally;
mod worker;

pub use self::{
    error::{JobError, WorkersError},
    job::Job,
    map::{Finished, Map},
    options::WorkerPoolOptions,
    pool::WorkerPool,
    program::Stream,
    report::Report,
    worker::{attempt, earlier_attempts, serve},
};
