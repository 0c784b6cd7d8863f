//! The same typed items through a ring and through a kernel message queue, between two processes.
//!
//! ```text
//! cargo run --release --example ring_vs_queue
//! ```
//!
//! For each size of item it measures how many get through in a second when they are sent as fast as they go,
//! and how long one takes that is sent every 50 microseconds, so that the receiver mostly sleeps. It
//! prints a table and writes a plot that any browser opens. Ring and queue take turns, several times
//! each; the medians count. The receiver is this program, started again.

mod links;
mod measure;
mod plot;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::measure::{Latency, Task};

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
struct Arguments {
    /// How often everything is measured; the medians count.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// For about how long each time, in milliseconds.
    #[arg(long, default_value_t = 200)]
    millis: u64,
    /// Where to write the plot.
    #[arg(long, default_value = "target/ring_vs_queue.svg")]
    plot: PathBuf,
    /// Keeps the two processes on a processor each.
    #[arg(long)]
    pin: bool,
    #[command(flatten)]
    receiver: Receiver,
}

/// What the started process is told.
#[derive(clap::Args)]
struct Receiver {
    #[arg(long, hide = true)]
    receive: Option<usize>,
    #[arg(long, hide = true, requires = "receive")]
    carrier: Option<Carrier>,
    #[arg(long, hide = true, requires = "receive")]
    figure: Option<Figure>,
    #[arg(long, hide = true, requires = "receive")]
    name: Option<String>,
    #[arg(long, hide = true, requires = "receive", allow_hyphen_values = true)]
    queue: Option<i32>,
    #[arg(long, hide = true, requires = "receive", default_value_t = 0)]
    count: u64,
}

/// What came out for one size.
struct Row {
    size: usize,
    ring: (f64, Latency),
    queue: (f64, Latency),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ring_vs_queue: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let Receiver { receive, carrier, figure, name, queue, count } = &arguments.receiver;
    if let (Some(size), Some(carrier), Some(figure), Some(name), Some(queue)) = (receive, carrier, figure, name, queue)
    {
        let task = Task { size: *size, carrier: *carrier, figure: *figure, count: *count, pin: arguments.pin };
        return measure::receive(task, name, *queue);
    }
    links::clear_up_on_signals()?;
    let steps = measure::SIZES.len() as u64 * 4 * u64::from(arguments.rounds);
    let progress = ProgressBar::new(steps)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}").context("the progress bar")?);
    let rows: Vec<Row> = measure::SIZES
        .into_iter()
        .map(|size| {
            progress.set_message(format!("{size} bytes"));
            row(arguments, size, &progress)
        })
        .collect::<Result<_>>()?;
    progress.finish_and_clear();
    print(&rows);
    plot::write(&arguments.plot, &rows).with_context(|| format!("can't write {}", arguments.plot.display()))?;
    println!("\nThe plot is in {}.", arguments.plot.display());
    Ok(())
}

/// Measures one size: everything in turn, several times.
fn row(arguments: &Arguments, size: usize, progress: &ProgressBar) -> Result<Row> {
    let links = links::Links::new(size)?;
    let time = Duration::from_millis(arguments.millis);
    let mut rates = [Vec::new(), Vec::new()];
    let mut latencies = [Vec::new(), Vec::new()];
    for _ in 0..arguments.rounds {
        for carrier in [Carrier::Ring, Carrier::Queue] {
            let index = carrier as usize;
            let task = Task { size, carrier, figure: Figure::Throughput, count: 0, pin: arguments.pin };
            rates[index].push(measure::throughput(task, &links, time)?);
            progress.inc(1);
            latencies[index].push(measure::latency(Task { figure: Figure::Latency, ..task }, &links, time)?);
            progress.inc(1);
        }
    }
    let [ring, queue] = [0, 1].map(|index| (median(&mut rates[index]), Latency::median(&latencies[index])));
    Ok(Row { size, ring, queue })
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn print(rows: &[Row]) {
    println!(
        "{:>6}  {:>24}  {:>7}   {:>26}  {:>26}",
        "", "items in a second", "", "ring, microseconds", "queue, microseconds"
    );
    println!(
        "{:>6}  {:>12}{:>12}  {:>7}   {:>8}{:>9}{:>9}  {:>8}{:>9}{:>9}",
        "bytes", "ring", "queue", "ratio", "p50", "p99", "p99.9", "p50", "p99", "p99.9"
    );
    for Row { size, ring, queue } in rows {
        println!(
            "{size:>6}  {:>12.0}{:>12.0}  {:>6.0}x   {:>8.1}{:>9.1}{:>9.1}  {:>8.1}{:>9.1}{:>9.1}",
            ring.0,
            queue.0,
            ring.0 / queue.0,
            ring.1.p50,
            ring.1.p99,
            ring.1.p999,
            queue.1.p50,
            queue.1.p99,
            queue.1.p999
        );
    }
}
