//! The program that drives a pool: how it is told what to do, and what it says.

use std::{
    io::{self, BufRead, Write},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{Job, Task, Work, apalis, lists, ours, rivals};

/// How many jobs there are when a worker is killed, and the number of the one that comes afterwards.
pub(crate) const AFTERWARDS: u64 = 9;

/// How long a result is waited for when a worker was killed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// A pool of workers.
pub(super) trait Pool {
    /// Has these jobs done, and checks the results.
    fn run(&mut self, jobs: &mut dyn ExactSizeIterator<Item = Job>);

    /// Submits these jobs, and says of each what came of it until `deadline`.
    fn outcomes(&mut self, jobs: Vec<Job>, deadline: Instant) -> Vec<Outcome>;

    /// Ends it, as its documentation does at the end.
    fn end(self: Box<Self>);
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Done,
    Failed(String),
    /// There was no result in time.
    Nothing,
}

impl Outcome {
    /// The end of a line that says it.
    fn word(&self) -> String {
        match self {
            Self::Done => "done".to_owned(),
            Self::Failed(why) => format!("failed {}", why.replace('\n', " ")),
            Self::Nothing => "nothing".to_owned(),
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.split_once(' ').unwrap_or((word, "")) {
            ("done", _) => Some(Self::Done),
            ("failed", why) => Some(Self::Failed(why.to_owned())),
            ("nothing", _) => Some(Self::Nothing),
            _ => None,
        }
    }
}

pub(super) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Drives a pool until there is nothing more to do. In a worker of the pool, works, and does not return.
pub(super) fn drive(task: &Task) -> Result<()> {
    // Before anything else, since a worker of it is in the same place.
    procspawn::init();
    let mut pool: Box<dyn Pool> = match task.way.word {
        "workers" | "served-workers" => Box::new(ours::Workers::start(task)?),
        "channel" => Box::new(ours::Bare::start(task)?),
        "procspawn" => Box::new(rivals::Procspawn::start(task)?),
        "served-lists" => Box::new(lists::Lists::start(task, lists::Taking::Pops)?),
        "served-moves" => Box::new(lists::Lists::start(task, lists::Taking::Moves)?),
        "served-apalis" => Box::new(apalis::Apalis::start(task)?),
        "rayon" => Box::new(rivals::Rayon::start(task)?),
        word => bail!("{word} is not driven by this program"),
    };
    match &task.work {
        Work::Mark(_) => observe(&mut *pool, task)?,
        Work::Spin(_) | Work::Sleep(_) => time(&mut *pool, task)?,
    }
    pool.end();
    Ok(())
}

/// Does as many jobs as each line asks for.
fn time(pool: &mut dyn Pool, task: &Task) -> Result<()> {
    // Every worker is there before it counts.
    pool.run(&mut (0..task.workers).map(|number| task.job(number as u64)));
    say("ready")?;
    for line in io::stdin().lock().lines() {
        let count: usize = line?.trim().parse().context("a number of jobs")?;
        let begun = Instant::now();
        pool.run(&mut (0..count).map(|number| task.job(number as u64)));
        say(&begun.elapsed().as_nanos().to_string())?;
    }
    Ok(())
}

/// Says what comes of jobs while a worker is killed, and of another one afterwards.
fn observe(pool: &mut dyn Pool, task: &Task) -> Result<()> {
    for jobs in [0..AFTERWARDS, AFTERWARDS..AFTERWARDS + 1] {
        let outcomes = pool.outcomes(jobs.map(|number| task.job(number)).collect(), Instant::now() + PATIENCE);
        outcomes.iter().try_for_each(|outcome| say(&outcome.word()))?;
    }
    // The workers are counted now.
    io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn an_outcome_comes_through_as_a_line() {
        for outcome in [Outcome::Done, Outcome::Failed("a b".to_owned()), Outcome::Nothing] {
            assert_eq!(Outcome::parse(&outcome.word()), Some(outcome));
        }
        assert_eq!(Outcome::parse("well"), None);
    }
}
