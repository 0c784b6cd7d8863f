//! What each pool does when a worker is killed in the middle of a job: observed, not claimed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::ways;
use crate::{
    figures::time,
    harness::is_wanted,
    pools::{AFTERWARDS, Driver, Outcome, PATIENCE, Task, Way, Work},
    report::{Cell, Fact, Section},
    rows::name,
    server::Server,
};

const TITLE: &str = "What happens when a worker is killed in the middle of a job";
const COLUMNS: [&str; 5] = ["its job", "the 8 other jobs", "workers afterwards", "a later job", "shutting down"];

/// When the killed worker's job was begun again.
const AGAIN: &str = "its job begins again after";

pub(super) fn measure(section: &mut Section) -> Result<()> {
    // A pool does the same whether jobs are in chunks or not.
    if is_wanted(TITLE) { observe_all(section, TITLE, ways().filter(|way| !way.is_in_chunks()), None) } else { Ok(()) }
}

/// Adds a table of what comes of a kill in each of these, on a server if there is one.
pub(in crate::rows) fn observe_all(
    section: &mut Section,
    title: &str,
    ways: impl Iterator<Item = Way>,
    server: Option<&Server>,
) -> Result<()> {
    let mut columns: Vec<&str> = COLUMNS.into();
    if server.is_some() {
        columns.insert(1, AGAIN);
    }
    let row = |way: Way| {
        let (cells, again) = observe(way, server).with_context(|| format!("a kill, {}", way.name))?;
        let mut cells: Vec<Cell> = cells.into();
        if server.is_some() {
            let again = again.map_or("never".to_owned(), |again| time(again.as_secs_f64() * 1e9));
            cells.insert(1, again.into());
        }
        Ok(Fact::new(short(way), way.kind, cells))
    };
    let rows = ways.map(row).collect::<Result<_>>()?;
    section.add_facts(title, &columns, rows);
    Ok(())
}

/// The pool, without how its results are taken.
fn short(way: Way) -> &'static str {
    let ends = ["::map", ".map", ", imap_unordered"];
    ends.into_iter().find_map(|end| way.name.strip_suffix(end)).unwrap_or(way.name)
}

/// A directory for marks, which goes with this.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(name("killed"));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Returns which processes have begun a job, in turn.
    fn begun(&self, job: u64) -> Vec<i32> {
        let text = fs::read_to_string(self.0.join(job.to_string())).unwrap_or_default();
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect()
    }

    fn output(&self) -> PathBuf {
        self.0.join("output")
    }

    /// Returns what the pool's program has said of its jobs so far.
    fn outcomes(&self) -> Vec<Outcome> {
        let text = fs::read_to_string(self.output()).unwrap_or_default();
        let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        lines.filter_map(Outcome::parse).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until this is so, or the time has passed.
fn wait(timeout: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < timeout {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Kills a worker, and returns what comes of it, and when its job was begun again.
fn observe(way: Way, server: Option<&Server>) -> Result<([Cell; 5], Option<Duration>)> {
    let directory = Directory::new()?;
    let task = Task { way, workers: 2, work: Work::Mark(directory.0.clone()), size: 100 };
    let mut driver = Driver::start_into(&task, server, &directory.output())?;
    ensure!(wait(Duration::from_secs(20), || !directory.begun(0).is_empty()), "the first job does not begin");
    let before = children(driver.pid());
    let worker = directory.begun(0)[0];
    let begun = Instant::now();
    kill(Pid::from_raw(worker), Signal::SIGKILL)?;
    let mut again = None;
    let all = usize::try_from(AFTERWARDS + 1)?;
    // Both waits of the program, and some time for itself.
    wait(2 * PATIENCE + PATIENCE, || {
        if again.is_none() && directory.begun(0).len() > 1 {
            again = Some(begun.elapsed());
        }
        driver.has_ended() || directory.outcomes().len() == all
    });
    let after = children(driver.pid());
    let is_dead = driver.has_ended();
    let ends = driver.tell("end").is_ok() && driver.ends_within(PATIENCE);
    let outcomes = directory.outcomes();
    let outcome = |job: usize| if is_dead { None } else { outcomes.get(job) };
    let jobs: Vec<_> = (1..AFTERWARDS).map(|job| (outcome(job as usize), directory.begun(job).len())).collect();
    let shutdown = match (is_dead, ends) {
        (true, _) => "the program is dead".to_owned(),
        (false, true) => "ends".to_owned(),
        (false, false) => format!("hangs, for {} s at least", PATIENCE.as_secs()),
    };
    let cells = [
        one(outcome(0), directory.begun(0).len()).into(),
        several(&jobs).into(),
        workers(&before, &after).into(),
        one(outcome(all - 1), directory.begun(AFTERWARDS).len()).into(),
        shutdown.into(),
    ];
    Ok((cells, again))
}

/// What came of a job, and how often it was begun if that is not once.
fn one(outcome: Option<&Outcome>, begun: usize) -> String {
    let times = match begun {
        0 => ", never begun".to_owned(),
        1 => String::new(),
        2 => ", begun twice".to_owned(),
        more => format!(", begun {more} times"),
    };
    let what = match outcome {
        Some(Outcome::Done) => "done".to_owned(),
        Some(Outcome::Failed(why)) => why.clone(),
        Some(Outcome::Nothing) => format!("no result in {} s", PATIENCE.as_secs()),
        None => "lost".to_owned(),
    };
    what + &times
}

/// The same of several jobs: how many of each.
fn several(jobs: &[(Option<&Outcome>, usize)]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for &(outcome, begun) in jobs {
        *counts.entry(one(outcome, begun)).or_default() += 1;
    }
    let texts: Vec<String> = counts.into_iter().map(|(what, count)| format!("{count} × {what}")).collect();
    texts.join("; ")
}

fn workers(before: &BTreeSet<u32>, after: &BTreeSet<u32>) -> String {
    if before.is_empty() {
        return "it has no processes".to_owned();
    }
    format!("{} of {}, {} new", after.len(), before.len(), after.difference(before).count())
}

/// Returns the children of a process that live.
fn children(of: u32) -> BTreeSet<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeSet::new() };
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
        // The name, which may hold anything, ends with the last bracket. Then come the state and the parent.
        let Some((_, fields)) = stat.rsplit_once(')') else { return false };
        let mut fields = fields.split_whitespace();
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(&of.to_string())
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_jobs_is_told_in_words() {
        let failed = Outcome::Failed("BrokenProcessPool".to_owned());
        assert_eq!(one(Some(&Outcome::Done), 2), "done, begun twice");
        assert_eq!(one(Some(&Outcome::Nothing), 1), "no result in 4 s");
        let done = Some(&Outcome::Done);
        let jobs = [(done, 1), (Some(&failed), 0), (done, 1), (None, 3)];
        let expected = "1 × BrokenProcessPool, never begun; 2 × done; 1 × lost, begun 3 times";
        assert_eq!(several(&jobs), expected);
    }

    #[test]
    fn a_child_is_one_until_it_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        wait(Duration::from_secs(10), || !children(std::process::id()).contains(&child.id()));
        assert!(!children(std::process::id()).contains(&child.id()));
        child.wait().unwrap();
    }

    #[test]
    fn workers_are_told_old_and_new() {
        assert_eq!(workers(&BTreeSet::from([1, 2]), &BTreeSet::from([2, 3])), "2 of 2, 1 new");
    }
}
