//! Counts the words of all files under a directory in several processes.
//! `cargo run --release --example worker_pool -- --workers 4 --kill 5 --verify <DIR>`
//!
//! The pool starts this program again as its workers. Any may be killed at any moment, and each file is counted once.
//! Ctrl-C drains the pool, a second one ends it at once. Nothing stays behind, even if this process itself is killed.
//!
//! With the feature `redis` and `--at redis://host/name` the pool is on a server. Then `--serve` starts a worker on another machine,
//! which has the same files.

mod count;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process, time::Duration};

use anyhow::{Result, ensure};
use clap::Parser;
use count::Summary;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use sysv_primitives::{
    Channel, Request, Router, WorkerPool, messages,
    workers::{self, JobError},
};

/// Counts the words of all files under a directory, runs of up to 64 letters, in several processes.
#[derive(Parser)]
struct Arguments {
    directory: PathBuf,
    /// How many worker processes.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    workers: usize,
    /// Kills this many workers with SIGKILL at random moments.
    #[arg(long, default_value_t = 0, value_name = "K")]
    kill: usize,
    /// Where the pool is: a name in shared memory, or an address of a server. By default it has a name of its own.
    #[arg(long)]
    at: Option<String>,
    /// Takes jobs of the pool at that place, and submits none.
    #[arg(long, requires = "at")]
    serve: bool,
    /// Counts again in one process and compares.
    #[arg(long)]
    verify: bool,
}

#[derive(Serialize, Deserialize)]
struct File(OsString);
messages! { 1 => File }
impl Request for File {
    type Response = (u32, Summary);
}

fn main() -> Result<()> {
    let Arguments { directory, workers: count, mut kill, at, serve, verify } = Arguments::parse();
    let mut jobs = Router::new();
    jobs.respond(|File(path)| (process::id(), Summary::of(path.as_ref())))?;
    if let (true, Some(pool)) = (serve, &at) {
        return Ok(workers::serve(pool, jobs)?);
    }
    let new_name = || format!("worker-pool-{}-{:016x}", process::id(), fastrand::u64(..));
    let pool = WorkerPool::options()
        .workers(count.max(1))
        .attempts(20)
        .channel(Channel::options().max_handles(u32::try_from(2 * count)? + 8).max_message_size(64 << 20))
        .handle_signals(Duration::from_secs(30))
        .remove_on_drop(true)
        .start(&WorkerPool::name_in_worker().map(str::to_owned).or(at).unwrap_or_else(new_name), jobs)?;
    // From here on this is no worker.
    let files = count::files(&directory);
    ensure!(!files.is_empty(), "nothing to count in {}", directory.display());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {per_sec}, {eta} left")?;
    let progress = ProgressBar::new(files.len() as u64).with_style(style);
    let (mut summary, mut by_worker) = (Summary::default(), BTreeMap::new());
    for (done, counted) in pool.map(files.iter().map(|path| File(path.into()))).enumerate() {
        match counted.result {
            Err(JobError::Ended(_)) => break,
            Ok((worker, counted)) => {
                summary = summary.plus(counted);
                *by_worker.entry(worker).or_insert(0) += 1;
            }
            Err(error) => progress.suspend(|| eprintln!("{}: {error}", counted.job.0.display())),
        }
        progress.inc(1);
        // Each of the moments that are left is as likely as any other.
        if kill > 0 && fastrand::usize(done..files.len()) < done + kill {
            let killed = fastrand::choice(pool.worker_ids()).is_some_and(|worker| pool.kill_worker(worker));
            kill -= usize::from(killed);
        }
    }
    let (done, elapsed, rate) = (progress.position(), progress.elapsed(), progress.per_sec());
    progress.finish_and_clear();
    println!("{summary}jobs: {done} in {elapsed:.2?}, {rate:.0} per second");
    by_worker.iter().for_each(|(worker, jobs)| println!("worker {worker}: {jobs} jobs"));
    println!("{}", pool.drain(Duration::from_secs(30))?);
    ensure!(done == files.len() as u64, "stopped before the end");
    if verify {
        let again = files.iter().map(|path| Summary::of(path)).fold(Summary::default(), Summary::plus);
        ensure!(again == summary, "verified: different; did a file change meanwhile?");
        println!("verified: identical");
    }
    Ok(())
}
