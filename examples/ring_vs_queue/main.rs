//! The same typed items through a ring and through a kernel message queue, between two processes.
//!
//! ```text
//! cargo run --release --example ring_vs_queue [-- --size 8,200 --count 100000 --pin --plot ring.svg]
//! ```
//!
//! Two things are measured for each size of item, by the receiver, which is this program started again:
//!
//! - **throughput**: the items in a second after the first one, when they are sent as fast as they go. A
//!   full carrier makes the sender wait.
//! - **latency**: from just before an item is sent until it is there and copied out, one way, by one clock. Items are
//!   sent one by one, at least 50 microseconds apart, so that none waits behind another, unless the receiver is kept
//!   from a processor. The sender spins till then, and the receiver waits as the ring or the kernel has it wait.
//!
//! Both carry the same items, by `push` and `pop` and by `msgsnd` and `msgrcv`. The receiver checks each. The ring has
//! room for 1,024 of them, the queue for as many as the kernel grants: 16 KiB by default. Ring and queue take turns, in
//! several rounds. The figures are medians of the rounds, and the spread is from the least round to the greatest.
//! A warning follows if other programs used the processors meanwhile.

mod draw;
mod figures;
mod item;
mod links;
#[path = "../../benches/harness/load.rs"]
#[allow(dead_code, unreachable_pub, reason = "benchmarks use it as well")]
mod load;
#[path = "../../benches/harness/plot/mod.rs"]
mod plot;
mod receiver;
mod sender;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    figures::{Course, Row},
    item::DEFAULT_SIZES,
    links::Links,
    load::Load,
};

/// What carries the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Carrier {
    Ring,
    Queue,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Figure {
    Throughput,
    Latency,
}

/// Compares a ring with a message queue, by size of item.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Arguments {
    /// The size of an item in bytes, or several sizes with commas between.
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_values_t = DEFAULT_SIZES, value_parser = item::size)]
    size: Vec<usize>,
    /// How many items are sent for a throughput. By default as many as take `--seconds`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    count: Option<u64>,
    /// About how long one measurement takes.
    #[arg(long, default_value = "0.2", value_parser = duration)]
    seconds: Duration,
    /// In how many rounds everything is measured.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measures once and shortly, to see that it works.
    #[arg(long, conflicts_with_all = ["seconds", "rounds"])]
    quick: bool,
    /// Keeps the sender on processor 0 and the receiver on processor 1.
    #[arg(long)]
    pin: bool,
    /// Where to write the plot.
    #[arg(long, value_name = "FILE", default_value = "target/ring_vs_queue.svg")]
    plot: PathBuf,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    #[command(hide = true)]
    Receive(Task),
}

/// One measurement, as the receiver gets it.
#[derive(Clone, clap::Args)]
struct Task {
    carrier: Carrier,
    figure: Figure,
    size: usize,
    count: u64,
    name: String,
    #[arg(allow_negative_numbers = true)]
    queue: i32,
    #[arg(long)]
    pin: bool,
}

impl Task {
    fn as_arguments(&self) -> Vec<String> {
        let word = |word: &dyn std::fmt::Debug| format!("{word:?}").to_lowercase();
        let mut arguments = vec![word(&self.carrier), word(&self.figure), self.size.to_string()];
        arguments.extend([self.count.to_string(), self.name.clone(), self.queue.to_string()]);
        arguments.extend(self.pin.then(|| "--pin".to_owned()));
        arguments
    }
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    match &arguments.role {
        Some(Role::Receive(task)) => receiver::run(task),
        None => {
            if arguments.quick {
                (arguments.seconds, arguments.rounds) = (Duration::from_millis(20), 1);
            }
            compare(&arguments)
        }
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    links::clear_up_on_signals()?;
    let steps = arguments.size.len() as u64 * 4 * u64::from(arguments.rounds);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left")?;
    // It is hidden if the output is not a terminal.
    let progress = ProgressBar::new(steps).with_style(style);
    let sizes = BTreeSet::from_iter(&arguments.size);
    let rows = sizes.into_iter().map(|&size| row(arguments, size, &progress)).collect::<Result<Vec<_>>>()?;
    let warning = figures::warning(&rows);
    progress.finish_and_clear();
    draw::write(&arguments.plot, &rows, arguments.rounds, warning.as_deref())
        .with_context(|| format!("can't write {}", arguments.plot.display()))?;
    let tables = figures::tables(&rows, arguments.rounds);
    // A reader such as `head` may have closed the output: then the rest is not wanted.
    let _ = writeln!(io::stdout(), "{tables}\n\nThe plot is in {}.", arguments.plot.display());
    if let Some(warning) = warning {
        eprintln!("\nwarning: {warning}");
    }
    Ok(())
}

/// Measures one size: everything in turn, several times.
fn row(arguments: &Arguments, size: usize, progress: &ProgressBar) -> Result<Row> {
    progress.set_message(format!("{size} bytes"));
    let load = Load::begin();
    let links = Links::new(size)?;
    let mut ring = Course::new(arguments, Carrier::Ring, size, &links)?;
    let mut queue = Course::new(arguments, Carrier::Queue, size, &links)?;
    for _ in 0..arguments.rounds {
        for course in [&mut ring, &mut queue] {
            course.rates.push(sender::throughput(&course.task, &links)?);
            progress.inc(1);
            course.latencies.push(sender::latency(&course.task, &links, arguments.seconds)?);
            progress.inc(1);
        }
    }
    Ok(Row { size, ring, queue, others: load.too_much() })
}

fn duration(seconds: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(seconds.parse()?)?)
}

/// Keeps this process on one processor.
fn pin(processor: usize) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        use nix::{
            sched::{CpuSet, sched_setaffinity},
            unistd::Pid,
        };
        let mut set = CpuSet::new();
        set.set(processor)?;
        sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("can't stay on processor {processor}"))?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
    Ok(())
}
