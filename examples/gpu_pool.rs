//! Permits with identity: jobs in several processes share four GPUs, and one of the jobs is killed.
//!
//! ```text
//! cargo run --example gpu_pool
//! ```
//!
//! Each permit is a GPU, by its index. A job that needs two takes both or waits. The permit of the
//! killed job comes back by itself.

use std::{
    env,
    process::{Child, Command},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use sysv_primitives::Pool;

const GPUS: u32 = 4;

#[derive(Parser)]
struct Arguments {
    #[arg(long, hide = true)]
    name: Option<String>,
    /// How many GPUs the job needs.
    #[arg(long, default_value_t = 1, hide = true)]
    gpus: u32,
    /// How long it takes.
    #[arg(long, default_value_t = 50, hide = true)]
    milliseconds: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.name {
        Some(name) => work(&Pool::open(name)?, &arguments),
        None => schedule(),
    }
}

fn schedule() -> Result<()> {
    let name = format!("gpus-{}", std::process::id());
    let pool = Pool::options().remove_on_drop(true).create(&name, GPUS)?;
    let mut endless = Job::start(&name, 1, u64::MAX)?;
    while pool.holders().is_empty() {
        ensure!(endless.0.try_wait()?.is_none(), "a job ended too early");
        thread::sleep(Duration::from_millis(1));
    }
    let jobs = [1, 2, 1, 4, 2, 1].map(|gpus| Job::start(&name, gpus, 50));
    let jobs = jobs.into_iter().collect::<Result<Vec<_>>>()?;
    for (gpu, holder) in pool.holders() {
        let command = holder.command().unwrap_or_default();
        println!("GPU {gpu} is used by process {} ({command})", holder.pid);
    }
    println!("process {} is killed; the job for four GPUs needs its one", endless.0.id());
    drop(endless);
    for mut job in jobs {
        ensure!(job.0.wait()?.success(), "a job failed");
    }
    println!("{} GPUs are free", pool.acquire_many(GPUS)?.indices().len());
    Ok(())
}

/// A job's process. It is killed if it is still there in the end.
struct Job(Child);

impl Job {
    fn start(name: &str, gpus: u32, milliseconds: u64) -> Result<Self> {
        let numbers = [gpus.to_string(), milliseconds.to_string()];
        let mut command = Command::new(env::current_exe()?);
        command.args(["--name", name, "--gpus", &numbers[0], "--milliseconds", &numbers[1]]);
        command.spawn().map(Self).context("can't start a job")
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn work(pool: &Pool, arguments: &Arguments) -> Result<()> {
    let gpus = pool.acquire_many(arguments.gpus)?;
    println!("process {} works on {:?}", std::process::id(), gpus.indices());
    thread::sleep(Duration::from_millis(arguments.milliseconds));
    Ok(())
}
