//! apalis over its Redis backend. Its workers report results in a list, since it waits for them with pauses of 100 ms.

use std::{
    cell::RefCell,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use anyhow::Result;
use apalis::prelude::{BackendExt, BoxDynError, PollSnapshot, PollStrategy, TaskSink, WorkerBuilder};
use apalis_redis::{Config, RedisStorage};
use tokio::{
    runtime::{Builder, Runtime},
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    Job, Task, Work, done,
    driven::{Outcome, Pool},
    lists::Results,
    place,
};
use crate::harness::{Process, UNPINNED};

/// How long an idle worker pauses between two looks. It has no wake-up for jobs that are due at once.
const PAUSE: Duration = Duration::from_millis(1);

/// Has an idle worker look again after each pause. `IntervalStrategy` of apalis 1.0 does not: where a pause has just ended it begins
/// another one without being woken by it, so an idle worker sleeps until its next heartbeat.
struct Often(Interval);

impl PollStrategy for Often {
    fn poll_drive(&mut self, context: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        // The last look is one that is not ready, which has it woken.
        match self.0.poll_tick(context) {
            Poll::Ready(_) => {
                while self.0.poll_tick(context).is_ready() {}
                Poll::Ready(Some(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Where a worker is killed: one that has not been heard of for two of these is dead. It counts in seconds.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Which queue of which server.
struct Place {
    server: String,
    name: String,
    /// Whether a worker is to be killed. Elsewhere a heartbeat is what it is by default.
    is_fatal: bool,
}

impl Place {
    fn config(&self) -> Config {
        let config = Config::default().queue(&self.name);
        if self.is_fatal { config.heartbeat_interval(HEARTBEAT).missed_heartbeats(2) } else { config }
    }

    async fn storage(&self) -> Result<RedisStorage<Job>> {
        Ok(RedisStorage::new(apalis_redis::connect(self.server.as_str()).await?).with_config(self.config()))
    }
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

pub(super) struct Apalis {
    runtime: Runtime,
    storage: RedisStorage<Job>,
    results: Results,
    _workers: Vec<Process>,
}

impl Apalis {
    pub(super) fn start(task: &Task) -> Result<Self> {
        UNPINNED.store(true, Relaxed);
        let (server, name) = place()?;
        let place = Place { server, name, is_fatal: matches!(task.work, Work::Mark(_)) };
        // Before there is any thread.
        let serve = || serve(&place).expect("the server lives");
        let workers = (0..task.workers).map(|number| Process::start_on(number, serve)).collect();
        let runtime = runtime()?;
        let storage = runtime.block_on(place.storage())?;
        Ok(Self { runtime, storage, results: Results::new(&place.server, &place.name)?, _workers: workers })
    }
}

thread_local! {
    /// Of a worker.
    static RESULTS: RefCell<Option<Results>> = const { RefCell::new(None) };
}

/// Does a job, in a worker.
async fn work(job: Job) -> Result<(), BoxDynError> {
    let number = job.number;
    // What takes a while is for another thread, so that heartbeats go on.
    let came = match &job.work {
        Work::Spin(_) => done(&job),
        Work::Sleep(_) | Work::Mark(_) => tokio::task::spawn_blocking(move || done(&job)).await?,
    };
    RESULTS.with_borrow_mut(|results| results.as_mut().map(|results| results.put(number, came))).transpose()?;
    Ok(())
}

/// Does jobs, without end.
fn serve(place: &Place) -> Result<()> {
    RESULTS.set(Some(Results::new(&place.server, &place.name)?));
    runtime()?.block_on(async {
        let mut often = interval(PAUSE);
        often.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let storage = place.storage().await?.poll_with_strategy(Often(often));
        let name = format!("worker-{}", std::process::id());
        Ok(WorkerBuilder::new(name).backend(storage).build(work).run().await?)
    })
}

impl Pool for Apalis {
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>) {
        let Self { runtime, storage, results, .. } = self;
        let send = |job| Ok(runtime.block_on(storage.push(job))?);
        results.run(jobs, send).expect("the server lives");
    }

    fn outcomes(&mut self, jobs: Vec<Job>, deadline: Instant) -> Vec<Outcome> {
        let numbers: Vec<u64> = jobs.iter().map(|job| job.number).collect();
        for job in jobs {
            self.runtime.block_on(self.storage.push(job)).expect("the server lives");
        }
        self.results.outcomes(&numbers, deadline).expect("the server lives")
    }

    fn end(self: Box<Self>) {}
}
