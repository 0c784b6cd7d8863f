//! Lists of a server: jobs in one, and results in another one.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bincode::config::{Configuration, standard};
use redis::{Connection, cmd};

use super::{
    Job, Task, UNDER_WAY, done,
    driven::{Outcome, Pool, left},
    place, result,
};
use crate::{
    harness::{Process, UNPINNED},
    server::connect,
};

const CODEC: Configuration = standard();

/// After this a job is lost, where none may be.
const LOST: Duration = Duration::from_secs(60);

/// The list in which results come back.
pub(super) struct Results {
    connection: Connection,
    list: String,
}

impl Results {
    pub(super) fn new(server: &str, name: &str) -> Result<Self> {
        Ok(Self { connection: connect(server)?, list: format!("{name}:results") })
    }

    /// Reports one, in a worker: the number of the job and its result.
    pub(super) fn put(&mut self, number: u64, result: u64) -> Result<()> {
        let bytes = bincode::encode_to_vec((number, result), CODEC)?;
        Ok(cmd("LPUSH").arg(&self.list).arg(bytes).exec(&mut self.connection)?)
    }

    /// Waits for one.
    fn take(&mut self, time: Duration) -> Result<Option<(u64, u64)>> {
        // 0 is for ever.
        let seconds = time.as_secs_f64().max(0.001);
        let popped: Option<(String, Vec<u8>)> =
            cmd("BRPOP").arg(&self.list).arg(seconds).query(&mut self.connection)?;
        let decode = |(_, bytes): (String, Vec<u8>)| anyhow::Ok(bincode::decode_from_slice(&bytes, CODEC)?.0);
        popped.map(decode).transpose()
    }

    /// Has jobs done, so many at a time, and checks their results.
    pub(super) fn run(
        &mut self,
        jobs: &mut dyn ExactSizeIterator<Item = Job>,
        mut send: impl FnMut(Job) -> Result<()>,
    ) -> Result<()> {
        let mut sizes = VecDeque::new();
        let mut receive = |size: usize| -> Result<()> {
            let (number, came) = self.take(LOST)?.context("a job is lost")?;
            assert_eq!(came, result(number, size), "a result is of another job");
            Ok(())
        };
        for job in jobs {
            if sizes.len() == UNDER_WAY {
                // All jobs of a run have the same size.
                receive(sizes.pop_front().unwrap_or_default())?;
            }
            sizes.push_back(job.bytes.len());
            send(job)?;
        }
        sizes.into_iter().try_for_each(receive)
    }

    /// What came of these jobs, which were sent.
    pub(super) fn outcomes(&mut self, numbers: &[u64], deadline: Instant) -> Result<Vec<Outcome>> {
        let mut came = HashMap::new();
        while came.len() < numbers.len() && !left(deadline).is_zero() {
            came.extend(self.take(left(deadline))?);
        }
        let outcome = |number| if came.contains_key(number) { Outcome::Done } else { Outcome::Nothing };
        Ok(numbers.iter().map(outcome).collect())
    }
}

/// How a worker takes a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// It is gone then.
    Pops,
    /// It is in a list of the worker's until it is done.
    Moves,
}

pub(super) struct Lists {
    results: Results,
    connection: Connection,
    jobs: String,
    _workers: Vec<Process>,
}

impl Lists {
    pub(super) fn start(task: &Task, taking: Taking) -> Result<Self> {
        UNPINNED.store(true, Relaxed);
        let (server, jobs) = place()?;
        let serve = || serve(&server, &jobs, taking).expect("the server lives");
        let workers = (0..task.workers).map(|number| Process::start_on(number, serve)).collect();
        Ok(Self { results: Results::new(&server, &jobs)?, connection: connect(&server)?, jobs, _workers: workers })
    }
}

fn push(connection: &mut Connection, list: &str, job: &Job) -> Result<()> {
    let bytes = bincode::serde::encode_to_vec(job, CODEC)?;
    Ok(cmd("LPUSH").arg(list).arg(bytes).exec(connection)?)
}

/// Does jobs, without end.
fn serve(server: &str, jobs: &str, taking: Taking) -> Result<()> {
    let (mut connection, mut results) = (connect(server)?, Results::new(server, jobs)?);
    let mine = format!("{jobs}:{}", std::process::id());
    loop {
        let bytes: Vec<u8> = match taking {
            Taking::Pops => cmd("BRPOP").arg(jobs).arg(0).query::<(String, Vec<u8>)>(&mut connection)?.1,
            Taking::Moves => {
                cmd("BLMOVE").arg(jobs).arg(&mine).arg("RIGHT").arg("LEFT").arg(0).query(&mut connection)?
            }
        };
        let (job, _): (Job, usize) = bincode::serde::decode_from_slice(&bytes, CODEC)?;
        results.put(job.number, done(&job))?;
        if taking == Taking::Moves {
            cmd("LREM").arg(&mine).arg(1).arg(bytes).exec(&mut connection)?;
        }
    }
}

impl Pool for Lists {
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>) {
        let Self { results, connection, jobs: list, .. } = self;
        results.run(jobs, |job| push(connection, list, &job)).expect("the server lives");
    }

    fn outcomes(&mut self, jobs: Vec<Job>, deadline: Instant) -> Vec<Outcome> {
        jobs.iter().for_each(|job| push(&mut self.connection, &self.jobs, job).expect("the server lives"));
        let numbers: Vec<u64> = jobs.iter().map(|job| job.number).collect();
        self.results.outcomes(&numbers, deadline).expect("the server lives")
    }

    fn end(self: Box<Self>) {}
}
