//! A telemetry fan-out: one process publishes readings, and each of several processes gets all of them. One of these is
//! killed, and one is too slow.
//!
//! ```text
//! cargo run --example telemetry
//! ```
//!
//! The readings go into two broadcast rings. In the lossless one, the recorder loses nothing: the publisher waits for
//! the slowest subscriber, but not for a dead one. In the lagging one, the publisher waits for none, and the dashboard is told how
//! many readings it missed.

use std::{
    env,
    process::{Child, Command},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use sysv_primitives::{
    Barrier, PopError, broadcast,
    bytemuck::{Pod, Zeroable},
};

const READINGS: u64 = 20_000;
const ROOM: usize = 256;
/// The subscribers and the publisher.
const PROCESSES: u16 = 4;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Pod, Zeroable)]
#[bytemuck(crate = "sysv_primitives::bytemuck")]
#[repr(C)]
struct Reading {
    number: u64,
    celsius: f64,
}

type Readings = broadcast::Ring<Reading>;

#[derive(Parser)]
struct Arguments {
    /// What the process is, and the name of the objects.
    #[arg(long, hide = true, num_args = 2)]
    start: Option<Vec<String>>,
}

fn main() -> Result<()> {
    let Some(start) = Arguments::parse().start else { return publish() };
    let (role, name) = (start[0].as_str(), &start[1]);
    let ring = if role == "dashboard" { "newest" } else { "all" };
    let mut subscriber = Readings::open(&format!("{name}-{ring}"))?.subscriber()?;
    Barrier::open(name)?.wait_timeout(PATIENCE).context("not all came")?;
    match role {
        "recorder" => record(&mut subscriber),
        "dashboard" => show(&mut subscriber),
        // It hangs.
        _ => loop {
            thread::park();
        },
    }
}

fn publish() -> Result<()> {
    let name = format!("telemetry-{}", std::process::id());
    let all = Readings::options().remove_on_drop(true).create(&format!("{name}-all"), ROOM)?;
    let newest = Readings::options().remove_on_drop(true).lagging(true).create(&format!("{name}-newest"), ROOM)?;
    let all_are_there = Barrier::options().remove_on_drop(true).create(&name, PROCESSES)?;
    let mut recorder = Subscriber::start("recorder", &name)?;
    let mut dashboard = Subscriber::start("dashboard", &name)?;
    let hanging = Subscriber::start("one that hangs", &name)?;
    all_are_there.wait_timeout(PATIENCE).context("a subscriber did not come")?;
    println!("publisher: {} subscribers want everything", all.subscribers().len());

    let (mut to_all, mut to_newest) = (all.producer()?, newest.producer()?);
    let mut victim = Some(hanging);
    for number in 0..READINGS {
        let reading = Reading { number, celsius: 20.0 + f64::from(u32::try_from(number % 100)?) / 10.0 };
        to_newest.push(reading)?;
        while let Err(refused) = to_all.push_timeout(reading, Duration::from_millis(200)) {
            ensure!(refused.is_busy(), "the ring failed: {refused}");
            let Some((slowest, lag)) = all.subscribers().into_iter().max_by_key(|(_, lag)| *lag) else { continue };
            println!("publisher: process {} has {lag} readings still to pop, and holds me up", slowest.pid);
            if let Some(hanging) = victim.take_if(|hanging| hanging.0.id() == slowest.pid) {
                println!("publisher: process {} is killed, and its place is free at once", slowest.pid);
                drop(hanging);
            }
        }
    }
    all.close()?;
    newest.close()?;
    ensure!(recorder.0.wait()?.success() && dashboard.0.wait()?.success(), "a subscriber failed");
    println!("publisher: {READINGS} readings for each, {} left to pop", all.len());
    Ok(())
}

/// Gets every reading, whatever happens to the others.
fn record(subscriber: &mut broadcast::Subscriber<Reading>) -> Result<()> {
    let (mut sum, mut count) = (0.0, 0);
    for reading in subscriber.iter() {
        let Reading { number, celsius } = reading?;
        ensure!(number == count, "reading {count} is missing");
        sum += celsius;
        count += 1;
    }
    println!("recorder: {count} readings, none missing, {:.2} °C on average", sum / f64::from(u32::try_from(count)?));
    Ok(())
}

/// Shows a reading now and then, and goes on at the oldest one that is left.
fn show(subscriber: &mut broadcast::Subscriber<Reading>) -> Result<()> {
    let (mut shown, mut missed) = (0, 0);
    for reading in subscriber.iter() {
        match reading {
            Ok(_) => shown += 1,
            Err(PopError::Lagged { missed: some }) => missed += some,
            Err(error) => bail!(error),
        }
        if shown % 100 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    ensure!(shown + missed == READINGS, "some are not accounted for");
    println!("dashboard: {shown} readings shown, {missed} missed, and it was told of each");
    Ok(())
}

/// A subscriber's process. It is killed if it is still there in the end.
struct Subscriber(Child);

impl Subscriber {
    fn start(role: &str, name: &str) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--start", role, name]);
        command.spawn().map(Self).context("can't start a subscriber")
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
