//! Counts the words of all files under a directory in several processes.
//!
//! ```text
//! cargo run --release --example worker_pool -- --workers 4 --kill 5 --verify <DIR>
//! ```
//!
//! The supervisor starts this program again as its workers. Jobs and results travel as typed values
//! over one named channel, chosen by type, however long they are. Workers may be killed at any moment; whatever
//! they had in hand is done again. Nothing stays behind, even if the supervisor itself is killed (not if
//! all of them are, at once). Receiving all but jobs is Linux's, and so is this example.

mod count;
mod messages;
mod supervisor;
mod worker;

use std::{num::NonZero, path::PathBuf, thread};

use anyhow::{Result, bail};
use clap::Parser;

use crate::{count::Summary, supervisor::Report};

/// Counts the words of all files under a directory in several processes.
///
/// A word is a run of letters; runs of more than 64 bytes are taken for data. A file that is not
/// UTF-8 text is binary and has no words.
#[derive(Parser)]
struct Arguments {
    /// The directory.
    #[arg(required_unless_present = "channel")]
    directory: Option<PathBuf>,
    /// How many worker processes. By default as many as there are processors.
    #[arg(long)]
    workers: Option<NonZero<usize>>,
    /// Kills this many workers with SIGKILL at random moments.
    #[arg(long, default_value_t = 0, value_name = "K")]
    kill: usize,
    /// Counts again in one process and compares.
    #[arg(long)]
    verify: bool,
    #[arg(long, hide = true, requires = "channel")]
    as_worker: Option<usize>,
    #[arg(long, hide = true, requires = "as_worker")]
    channel: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let (Some(worker), Some(channel)) = (arguments.as_worker, &arguments.channel) {
        return worker::run(channel, worker);
    }
    let directory = arguments.directory.unwrap_or_default();
    let workers = arguments.workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let (files, errors) = count::files(&directory);
    for error in &errors {
        eprintln!("can't list: {error}");
    }
    if files.is_empty() && !errors.is_empty() {
        bail!("nothing to count in {}", directory.display());
    }
    let report = supervisor::run(&files, workers, arguments.kill)?;
    print(&report, files.len());
    if report.stopped {
        bail!("stopped before the end");
    }
    if arguments.verify {
        if Summary::of(&files) != report.summary {
            bail!("verified: different; did a file change meanwhile?");
        }
        println!("verified: identical");
    }
    Ok(())
}

fn print(report: &Report, files: usize) {
    let summary = &report.summary;
    println!(
        "files: {files} ({} text, {} binary, {} empty, {} unreadable)",
        summary.text, summary.binary, summary.empty, summary.unreadable
    );
    println!("bytes: {}", summary.bytes);
    println!("words: {}", summary.words);
    for (word, count) in summary.most_frequent(20) {
        println!("{count:>10} {word}");
    }
    let jobs: u64 = report.jobs_by_worker.values().sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = jobs as f64 / report.elapsed.as_secs_f64();
    println!("jobs: {jobs} in {:.2?}, {rate:.0} per second", report.elapsed);
    if report.killed > 0 {
        println!("killed: {} workers; jobs were sent again {} times", report.killed, report.repeated);
    }
    for (worker, jobs) in &report.jobs_by_worker {
        println!("worker {worker}: {jobs} jobs");
    }
}
