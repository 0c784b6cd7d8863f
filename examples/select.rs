//! One task that waits for a message, for a new configuration and for a tick, whichever comes first.
//!
//! ```text
//! cargo run --example select
//! ```
//!
//! Another process, this program started again, sends jobs and changes the configuration. It blocks where it must, and knows
//! nothing of tokio. Each branch of `select!` that loses has taken nothing, so no job is lost, and none comes twice.

use std::{env, process::Command, thread, time::Duration};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use serde::{Deserialize, Serialize};
use sysv_primitives::{
    Channel, Watch,
    bytemuck::{Pod, Zeroable},
    messages,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Something to do, with its number.
#[derive(Serialize, Deserialize)]
struct Job(u32);

messages! { 1 => Job }

/// What the jobs are done with.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[bytemuck(crate = "sysv_primitives::bytemuck")]
#[repr(C)]
struct Config {
    generation: u32,
    factor: u32,
}

#[derive(Parser)]
struct Arguments {
    #[arg(long, hide = true)]
    send: Option<String>,
}

const JOBS: u32 = 60;
/// After so many jobs the configuration is changed.
const JOBS_OF_GENERATION: u32 = 20;
/// How long both processes may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    match Arguments::parse().send {
        Some(name) => send(&name),
        None => receive(),
    }
}

/// Sends all jobs, and closes the channel.
fn send(name: &str) -> Result<()> {
    let (jobs, config) = (Channel::open(name)?, Watch::<Config>::open(name)?);
    for number in 0..JOBS {
        if number % JOBS_OF_GENERATION == 0 {
            let generation = number / JOBS_OF_GENERATION + 1;
            config.set(Config { generation, factor: 10 * generation })?;
        }
        jobs.send_timeout(&Job(number), PATIENCE)?;
        thread::sleep(Duration::from_millis(5));
    }
    Ok(jobs.close()?)
}

#[tokio::main(flavor = "current_thread")]
async fn receive() -> Result<()> {
    let name = format!("select-{}", std::process::id());
    let jobs = Channel::options().remove_on_drop(true).create(&name)?;
    let config = Watch::options().remove_on_drop(true).create(&name, Config::zeroed())?;
    let (mut watcher, mut current, mut received, mut ticks) = (config.watcher(), config.get()?, 0, 0);
    let mut sender = Command::new(env::current_exe()?).args(["--send", &name]).spawn()?;

    let mut tick = interval(Duration::from_millis(50));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = Instant::now() + PATIENCE;
    loop {
        tokio::select! {
            job = jobs.recv_async::<Job>() => match job {
                Ok(Job(number)) => {
                    ensure!(number == received, "job {number} came instead of {received}");
                    received += 1;
                }
                Err(error) if error.is_end() => break,
                Err(error) => return Err(error.into()),
            },
            changed = watcher.changed_async() => {
                changed?;
                current = watcher.get()?;
                println!("after {received} jobs: {current:?}");
            }
            _ = tick.tick() => ticks += 1,
            // The channel is removed then, which ends the sender.
            () = sleep_until(end) => bail!("the sender takes too long"),
        }
    }
    ensure!(sender.wait()?.success(), "the sender failed");
    if watcher.has_changed() {
        current = watcher.get()?;
    }
    ensure!(received == JOBS && current.generation == JOBS / JOBS_OF_GENERATION, "{received} jobs, {current:?}");
    println!("{received} jobs with {} configurations and {ticks} ticks", current.generation);
    Ok(())
}
