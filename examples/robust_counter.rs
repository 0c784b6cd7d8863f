//! Several processes add to one number. One is killed inside the lock. The next one learns of it, repairs the number, and goes
//! on.
//!
//! ```text
//! cargo run --example robust_counter [-- --workers 4 --rounds 100000]
//! ```
//!
//! The value has two halves that must agree. The victim dies between changing the first and the
//! second, which is as bad as it gets: the next process that locks finds the mutex poisoned, sees that the
//! halves differ, and makes them agree.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use sysv_primitives::{LockError, Mutex};

#[derive(Parser)]
struct Arguments {
    /// How many processes count.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    workers: u64,
    /// How far each of them counts.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    #[arg(long, hide = true)]
    name: Option<String>,
    /// Stops in the middle of a change, says so, and is to be killed there.
    #[arg(long, hide = true)]
    dawdle: bool,
}

/// The number of counts that were begun, and of those that were ended.
type Counter = Mutex<[u64; 2]>;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.name {
        Some(name) => work(&Mutex::open(name)?, &arguments),
        None => supervise(&arguments),
    }
}

fn supervise(arguments: &Arguments) -> Result<()> {
    let name = format!("robust-counter-{}", std::process::id());
    let counter: Counter = Mutex::options().remove_on_drop(true).create(&name, [0, 0])?;
    let mut victim = Worker::start(&name, arguments, true)?;
    victim.until_it_says("half changed")?;
    let workers = (0..arguments.workers).map(|_| Worker::start(&name, arguments, false)).collect::<Result<Vec<_>>>()?;
    println!("process {} dies inside the lock", victim.0.id());
    drop(victim);
    for mut worker in workers {
        ensure!(worker.0.wait()?.success(), "a worker failed");
    }
    let [begun, ended] = *counter.lock()?;
    println!("counted to {ended}");
    ensure!(begun == ended && ended == arguments.workers * arguments.rounds, "{begun} and {ended}");
    Ok(())
}

/// One of the processes that count. It is killed if it is still there in the end.
struct Worker(Child);

impl Worker {
    fn start(name: &str, arguments: &Arguments, dawdle: bool) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--name", name, "--rounds", &arguments.rounds.to_string()]);
        if dawdle {
            command.arg("--dawdle").stdout(Stdio::piped());
        }
        command.spawn().map(Self).context("can't start a worker")
    }

    /// Waits until its output begins with this. A process that ends says nothing.
    fn until_it_says(&mut self, expected: &str) -> Result<()> {
        let mut said = String::new();
        BufReader::new(self.0.stdout.take().context("its output is not ours")?).read_line(&mut said)?;
        ensure!(said.trim_end() == expected, "the victim said {said:?}");
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn work(counter: &Counter, arguments: &Arguments) -> Result<()> {
    for _ in 0..arguments.rounds {
        let mut guard = match counter.lock() {
            Err(LockError::Poisoned { .. }) => {
                let mut guard = counter.ignore_poison().lock()?;
                let [begun, ended] = *guard;
                println!("process {} is told: {begun} counts begun, {ended} ended; mending", std::process::id());
                guard[0] = ended;
                counter.clear_poison();
                guard
            }
            locked => locked?,
        };
        guard[0] += 1;
        if arguments.dawdle {
            println!("half changed");
            thread::sleep(Duration::MAX);
        }
        guard[1] += 1;
    }
    Ok(())
}
