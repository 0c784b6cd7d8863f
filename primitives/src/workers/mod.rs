//! Worker processes that do jobs. No job is lost, and none waits forever.
//!
//! A pool is a named [`Channel`](crate::Channel), a [`Router`](crate::Router) of job types, processes that serve it, and a supervisor that replaces them. A job
//! is a [`Request`](crate::Request): it and its result travel in the channel, so both outlive any worker. See [`WorkerPool`] for an example.
//!
//! | event | consequence |
//! | --- | --- |
//! | a worker dies while it does a job | another worker begins the job again at once, before other jobs. No other job is affected |
//! | each worker that begins a job dies | after the last of its [`attempts`](WorkerPoolOptions::attempts) the job is set aside, with the cause of each death |
//! | a job takes longer than [`job_timeout`](WorkerPoolOptions::job_timeout) | its worker is killed and replaced. The job is begun again or set aside |
//! | a job needs more memory than [`memory_limit`](WorkerPoolOptions::memory_limit) | its worker aborts and is replaced. The job is begun again or set aside |
//! | a job panics | its submitter gets the message of the panic. The worker goes on |
//! | a worker dies before it takes jobs | it is started again, after a pause that doubles each time. After [5](WorkerPoolOptions::most_failed_starts) failed starts the pool ends, with the last lines of its standard error |
//! | a worker is stopped (SIGSTOP) | its job waits, for at most `job_timeout`. No other job waits |
//! | the supervisor's process dies | each worker completes the job that it has begun, within another `job_timeout`, and ends. The other jobs stay in the channel, and another pool of the same name does them |
//! | a submitter dies | its jobs are still done. Their results are dropped |
//! | SIGTERM, or Ctrl-C, with [`handle_signals`](WorkerPoolOptions::handle_signals) | the pool drains. A second signal ends the pool and its workers at once |
//! | Ctrl-C without `handle_signals` | the supervisor's process is killed. Workers do not get the signal, since they are in process groups of their own |
//!
//! A worker:
//!
//! | phase | it ends | consequence |
//! | --- | --- | --- |
//! | starting | in any way | a start that failed |
//! | serving | after [`recycle_after`](WorkerPoolOptions::recycle_after) jobs | it is recycled, and replaced |
//! | serving | after a request to stop: by the supervisor, by the supervisor's death, or by SIGTERM | it completes its job first. It is replaced unless the pool is to have fewer workers |
//! | serving | otherwise | it crashed, and is replaced at once |
//!
//! - **WP1** A job is begun by a claim, and ended by its response, in one step of the channel. So it is done at least once. It is done twice if a
//!   worker dies between the work and the response.
//! - **WP2** A thread for each worker waits for its end with `waitid`, which leaves the worker unreaped. Only the supervisor signals and
//!   reaps workers, and it signals none that is reaped. So a signal never hits another process that has got the same id.
//! - **WP3** A worker learns of the supervisor's death by the end of file of a pipe. No other process has its writing end.
//! - **WP4** The supervisor sleeps until an event, or until a running job could exceed the `job_timeout`. A submitter that waits for
//!   room sleeps until there is some, or the pool ends. Neither polls.
//! - **WP5** Before the supervisor kills a worker because its job is too old, it stops the worker and checks the job's age again. The worker
//!   may have completed that job, and begun the next one, after the first check. Then it is continued.
//! - **WP6** A worker's standard error is a pipe, and the worker has its reading end too. So a write never fails with `EPIPE`, and after the
//!   supervisor's death the worker empties the pipe itself.
//!
//! Not promised:
//!
//! - That a job's effects happen once, if a worker dies between the effects and the response.
//! - That workers notice the supervisor's death while a child lives that it made by a plain `fork`, without exec. The child has copies of the
//!   pipes of WP3.
//! - That a program started by a job outlives the worker. It is killed with it if it has stayed in the worker's process group.

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
#[cfg(feature = "async")]
mod stream;
mod submitted;
mod supervision;
mod supervisor;
mod sys;
mod tally;
mod worker;

#[cfg(feature = "async")]
pub use self::stream::MapStream;
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
