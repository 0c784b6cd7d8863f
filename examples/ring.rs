//! Rings between processes: a stream of numbers, and a job that outlives the process which had claimed it.
//!
//! ```text
//! cargo run --example ring
//! ```
//!
//! The other process is this program, started again.

use std::{
    env,
    process::{Child, Command},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use sysv_primitives::{mpmc, spsc};

/// How long the other process may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
const NUMBERS: u64 = 1_000_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => stream().and_then(|()| hand_on()),
        [role, name] if role == "produce" => produce(name),
        [role, name] if role == "claim" => claim(name),
        _ => bail!("this example takes no arguments"),
    }
}

/// One producer and one consumer: the numbers come in order, as fast as the cache allows.
fn stream() -> Result<()> {
    let name = format!("ring-stream-{}", std::process::id());
    let mut consumer = spsc::Ring::<u64>::options().remove_on_drop(true).create(&name, 1024)?.consumer()?;
    // So the loop ends when the producer leaves, and also if it is killed.
    consumer.detect_disconnect(true);
    let _producer = Other::start("produce", &name)?;
    let mut sum = consumer.pop_timeout(PATIENCE).context("the producer didn't come")?;
    for number in consumer.iter() {
        sum += number?;
    }
    println!("the sum of {NUMBERS} numbers is {sum}");
    ensure!(sum == NUMBERS * (NUMBERS + 1) / 2, "some numbers are lost");
    Ok(())
}

fn produce(name: &str) -> Result<()> {
    let mut producer = spsc::Ring::open(name)?.producer()?;
    (1..=NUMBERS).try_for_each(|number| producer.push(number)).context("can't push")
}

/// Any number of consumers: a job in the hand of one that dies goes to the next.
fn hand_on() -> Result<()> {
    let name = format!("ring-jobs-{}", std::process::id());
    let ring = mpmc::Ring::<u64>::options().remove_on_drop(true).create(&name, 16)?;
    ring.producer()?.push(7)?;
    let mut worker = Other::start("claim", &name)?;
    while !ring.is_empty() {
        ensure!(worker.0.try_wait()?.is_none(), "the worker ended without the job");
        thread::sleep(Duration::from_millis(1));
    }
    println!("process {} has the job in hand, and is killed", worker.0.id());
    drop(worker);
    let job = ring.consumer()?.pop_timeout(PATIENCE)?;
    println!("job {job} is here again");
    Ok(())
}

fn claim(name: &str) -> Result<()> {
    let consumer = mpmc::Ring::<u64>::open(name)?.consumer()?;
    let _job = consumer.claim()?;
    thread::sleep(Duration::MAX);
    Ok(())
}

/// The other process. It is killed when this one has no more use for it.
struct Other(Child);

impl Other {
    fn start(role: &str, name: &str) -> Result<Self> {
        Command::new(env::current_exe()?).args([role, name]).spawn().map(Self).context("can't start the other process")
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
