//! The same typed items through a ring and through a kernel message queue, between two processes.
//!
//! ```text
//! cargo run --release --example ring_vs_queue [-- --sizes 8,512 --seconds 1 --pin --plot ring.svg]
//! ```
//!
//! Two things are measured for each size of item, by the receiver, which is this program started again:
//!
//! - **throughput**: the items after the first one in a second, when they are sent as fast as they go. A
//!   carrier that is full makes the sender wait.
//! - **latency**: from just before an item is sent until it is there and copied out, one way, by one clock. Items are
//!   sent one by one, at least 50 microseconds apart, so that none waits behind another, unless the receiver is kept
//!   from a processor; the sender spins till then, and the receiver waits as the ring or the kernel has it wait.
//!
//! Both carry the same items, by `push` and `pop` and by `msgsnd` and `msgrcv`; the receiver checks each. The ring has
//! room for 1,024 of them, the queue for what the kernel grants: 16 KiB unless it was told otherwise. Ring and queue
//! take turns, several times each; the medians count. Percentiles are the medians of the rounds' own.

mod item;
mod links;
mod plot;
mod receiver;
mod sender;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{item::SIZES, links::Links};

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
    /// The sizes of items in bytes, with commas between.
    #[arg(long, value_delimiter = ',', default_values_t = SIZES, value_parser = size)]
    sizes: Vec<usize>,
    /// How many items are sent for a throughput; as many as take `--seconds` unless said.
    #[arg(long, value_parser = clap::value_parser!(u64).range(2..))]
    items: Option<u64>,
    /// About how long one measurement takes.
    #[arg(long, default_value = "0.2", value_parser = duration)]
    seconds: Duration,
    /// How often everything is measured; the medians count.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measures once and shortly: that it works, not how fast.
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

/// One measurement, as the receiver is told of it.
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

/// How many microseconds items took: half of them at most `p50`, and so on.
#[derive(Clone, Copy)]
struct Latency {
    p50: f64,
    p99: f64,
    p999: f64,
}

/// What came out for one carrier.
struct Figures {
    rate: f64,
    latency: Latency,
}

/// What came out for one size.
struct Row {
    size: usize,
    ring: Figures,
    queue: Figures,
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
    let steps = arguments.sizes.len() as u64 * 4 * u64::from(arguments.rounds);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left")?;
    // It is hidden if nobody looks.
    let progress = ProgressBar::new(steps).with_style(style);
    let rows = arguments.sizes.iter().map(|&size| row(arguments, size, &progress)).collect::<Result<Vec<_>>>()?;
    progress.finish_and_clear();
    print(&rows);
    plot::write(&arguments.plot, &rows).with_context(|| format!("can't write {}", arguments.plot.display()))?;
    println!("\nThe plot is in {}.", arguments.plot.display());
    Ok(())
}

/// Measures one size: everything in turn, several times.
fn row(arguments: &Arguments, size: usize, progress: &ProgressBar) -> Result<Row> {
    progress.set_message(format!("{size} bytes"));
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
    Ok(Row { size, ring: ring.figures(), queue: queue.figures() })
}

/// What one carrier does in all rounds.
struct Course {
    task: Task,
    rates: Vec<f64>,
    latencies: Vec<Latency>,
}

impl Course {
    fn new(arguments: &Arguments, carrier: Carrier, size: usize, links: &Links) -> Result<Self> {
        let (name, queue) = (links.name.clone(), links.queue.id());
        let mut task = Task { carrier, figure: Figure::Throughput, size, count: 0, name, queue, pin: arguments.pin };
        task.count = match arguments.items {
            Some(items) => items,
            None => sender::count(&task, links, arguments.seconds)?,
        };
        Ok(Self { task, rates: Vec::new(), latencies: Vec::new() })
    }

    fn figures(self) -> Figures {
        let of = |part: fn(&Latency) -> f64| median(self.latencies.iter().map(part).collect());
        let latency = Latency { p50: of(|one| one.p50), p99: of(|one| one.p99), p999: of(|one| one.p999) };
        Figures { rate: median(self.rates), latency }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn print(rows: &[Row]) {
    println!("{:>6} | {:^33} | {:^26} | {:^26}", "", "items in a second", "ring, microseconds", "queue, microseconds");
    let percentiles = format!("{:>8} {:>8} {:>8}", "p50", "p99", "p99.9");
    println!("{:>6} | {:>12} {:>12} {:>7} | {percentiles} | {percentiles}", "bytes", "ring", "queue", "ratio");
    for Row { size, ring, queue } in rows {
        let [in_ring, in_queue] = [ring, queue]
            .map(|Figures { latency: Latency { p50, p99, p999 }, .. }| format!("{p50:>8.1} {p99:>8.1} {p999:>8.1}"));
        let ratio = ring.rate / queue.rate;
        println!("{size:>6} | {:>12.0} {:>12.0} {ratio:>7.1} | {in_ring} | {in_queue}", ring.rate, queue.rate);
    }
}

fn size(size: &str) -> Result<usize> {
    let size = size.parse()?;
    ensure!(SIZES.contains(&size), "it must be one of {SIZES:?}");
    Ok(size)
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
