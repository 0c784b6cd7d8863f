//! Pools of workers, each in a program of its own, which measures itself.
//!
//! The comparison starts itself again as such a program, or Python. So a pool's threads and settings end with it, and
//! pools with the program itself as worker come to their start at once. A program is told on a line of its standard
//! input how many jobs to do, and says on a line how many nanoseconds they took.

mod apalis;
mod driven;
mod driver;
mod lists;
mod ours;
mod rivals;

use std::{
    env,
    fs::OpenOptions,
    hint::spin_loop,
    io::Write,
    path::PathBuf,
    process, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sysv_primitives::{Request, messages};

pub(crate) use self::{
    driven::{AFTERWARDS, Outcome, PATIENCE},
    driver::{Driver, python, rq},
};
use crate::harness::Kind;

/// How many jobs are under way at most: enough for all workers, and what a `WorkerPool` has by default.
pub(crate) const UNDER_WAY: usize = 64;

/// The first argument of a program that drives a pool, and of its workers.
const DRIVE: &str = "--drive-pool";

/// A way to have jobs done by workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it is called in arguments.
    word: &'static str,
    program: Program,
}

/// Which program drives a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    /// This one.
    Own,
    Python,
    /// A script over RQ, in a virtual environment.
    Rq,
}

const fn way(name: &'static str, kind: Kind, word: &'static str, is_python: bool) -> Way {
    Way { name, kind, word, program: if is_python { Program::Python } else { Program::Own } }
}

const fn served(name: &'static str, kind: Kind, word: &'static str, program: Program) -> Way {
    Way { name, kind, word, program }
}

pub(crate) const WAYS: [Way; 8] = [
    way("WorkerPool::map", Kind::Ours, "workers", false),
    way("channel, request and respond", Kind::Limit, "channel", false),
    way("procspawn", Kind::Rival, "procspawn", false),
    way("ProcessPoolExecutor.map", Kind::Rival, "executor", true),
    way("ProcessPoolExecutor.map, chunks", Kind::Rival, "executor-chunks", true),
    way("multiprocessing.Pool, imap_unordered", Kind::Rival, "pool", true),
    way("multiprocessing.Pool, imap_unordered, chunks", Kind::Rival, "pool-chunks", true),
    way("rayon, threads", Kind::Floor, "rayon", false),
];

/// The ways over a server.
pub(crate) const SERVED: [Way; 6] = [
    served("WorkerPool::map", Kind::Ours, "served-workers", Program::Own),
    served("LPUSH and BRPOP, both ways", Kind::Limit, "served-lists", Program::Own),
    served("LPUSH, BLMOVE and LREM, results by BRPOP", Kind::Rival, "served-moves", Program::Own),
    served("apalis-redis, results by LPUSH and BRPOP", Kind::Rival, "served-apalis", Program::Own),
    served("RQ, SimpleWorker", Kind::Rival, "rq-simple", Program::Rq),
    served("RQ, Worker", Kind::Rival, "rq-worker", Program::Rq),
];

/// Where a program finds the address of the server.
const SERVER: &str = "COMPARISON_SERVER";

/// Returns the address of the server, and a name there that is the same in all processes of a pool.
fn place() -> Result<(String, String)> {
    Ok((env::var(SERVER).with_context(|| format!("{SERVER} is not set"))?, crate::rows::name("jobs")))
}

impl Way {
    /// Whether its jobs go over a server.
    fn is_served(self) -> bool {
        SERVED.contains(&self)
    }

    /// Whether it takes a millisecond for a job, or longer.
    pub(crate) fn is_slow(self) -> bool {
        self.program == Program::Rq
    }

    /// Whether another way is the same pool, with jobs in chunks.
    pub(crate) fn is_in_chunks(self) -> bool {
        self.word.ends_with("-chunks")
    }

    /// Whether this machine has it.
    pub(crate) fn is_there(self) -> bool {
        match self.program {
            Program::Own => true,
            Program::Python => python().is_some(),
            Program::Rq => rq().is_some(),
        }
    }
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    Spin(Duration),
    Sleep(Duration),
    /// It writes its process id to a file of its own in this directory, and sleeps: the first of them longer.
    Mark(PathBuf),
}

/// How long marked jobs sleep: the first one, and the others.
const LONG: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(50);

impl Work {
    fn argument(&self) -> String {
        match self {
            Self::Spin(time) => format!("spin:{}", time.as_micros()),
            Self::Sleep(time) => format!("sleep:{}", time.as_micros()),
            Self::Mark(directory) => format!("mark:{}", directory.display()),
        }
    }

    fn parse(argument: &str) -> Result<Self> {
        let time = |text: &str| anyhow::Ok(Duration::from_micros(text.parse()?));
        Ok(match argument.split_once(':') {
            Some(("spin", text)) => Self::Spin(time(text)?),
            Some(("sleep", text)) => Self::Sleep(time(text)?),
            Some(("mark", directory)) => Self::Mark(directory.into()),
            _ => bail!("no such work: {argument}"),
        })
    }
}

/// Which pool, of how many workers, for which jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) way: Way,
    pub(crate) workers: usize,
    pub(crate) work: Work,
    /// The bytes of a job.
    pub(crate) size: usize,
}

impl Task {
    fn arguments(&self) -> [String; 4] {
        let Self { way, workers, work, size } = self;
        [way.word.to_owned(), workers.to_string(), work.argument(), size.to_string()]
    }

    fn parse(arguments: &[String]) -> Result<Self> {
        let [word, workers, work, size] = arguments else { bail!("{arguments:?} are not four") };
        let way = WAYS.into_iter().chain(SERVED).find(|way| way.word == word).context("no such pool")?;
        Ok(Self { way, workers: workers.parse()?, work: Work::parse(work)?, size: size.parse()? })
    }

    /// Makes the job of this number.
    fn job(&self, number: u64) -> Job {
        Job { number, work: self.work.clone(), bytes: vec![1; self.size] }
    }
}

#[derive(Serialize, Deserialize)]
struct Job {
    number: u64,
    work: Work,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}
messages! { 1 => Job }

impl Request for Job {
    type Response = u64;
}

/// Does a job, in a worker.
fn work(job: Job) -> u64 {
    done(&job)
}

fn done(Job { number, work, bytes }: &Job) -> u64 {
    match work {
        Work::Spin(time) => {
            let begun = Instant::now();
            while begun.elapsed() < *time {
                spin_loop();
            }
        }
        Work::Sleep(time) => thread::sleep(*time),
        Work::Mark(directory) => {
            let marks = OpenOptions::new().create(true).append(true).open(directory.join(number.to_string()));
            writeln!(marks.expect("the directory is there"), "{}", process::id()).expect("it can be written");
            thread::sleep(if *number == 0 { LONG } else { SHORT });
        }
    }
    result(*number, bytes.len())
}

/// What a job of so many bytes comes to.
fn result(number: u64, size: usize) -> u64 {
    number + size as u64
}

/// Drives a pool if this program was started for that, or is a worker of one. Returns whether it was.
pub(crate) fn drive() -> Result<bool> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, task)) if first == DRIVE => driven::drive(&Task::parse(task)?).map(|()| true),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_comes_through_as_arguments() {
        for work in [Work::Spin(Duration::ZERO), Work::Sleep(Duration::from_millis(10)), Work::Mark("/tmp/a:b".into())]
        {
            for way in WAYS.into_iter().chain(SERVED) {
                let task = Task { way, workers: 2, work: work.clone(), size: 100 };
                assert_eq!(Task::parse(&task.arguments()).unwrap(), task);
            }
        }
        assert!(Task::parse(&["pool".to_owned()]).is_err());
        assert!(Work::parse("rest:1").is_err());
    }
}
