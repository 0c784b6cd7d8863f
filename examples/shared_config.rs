//! A configuration that several processes share, and that is reloaded while they run.
//!
//! ```text
//! cargo run --example shared_config [-- --workers 3 --reloads 3]
//! ```
//!
//! A `Watch` has what is small and read all the time, and tells of each reload. An `RwLock` has a table that is too large to be
//! copied, and is read in place. One process is killed while it reads the table, and the next reload goes on at once. When the
//! process that reloads ends, the others are told, and end too.

use std::{
    env,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use sysv_primitives::{
    RwLock, Watch,
    bytemuck::{Pod, Zeroable},
};

#[derive(Parser)]
struct Arguments {
    /// How many processes use the configuration.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=30))]
    workers: u16,
    /// How often it is reloaded.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    reloads: u32,
    #[arg(long, hide = true)]
    name: Option<String>,
    /// Reads the table until it is killed.
    #[arg(long, hide = true)]
    dawdle: bool,
}

/// What is read all the time.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[bytemuck(crate = "sysv_primitives::bytemuck")]
#[repr(C)]
struct Config {
    generation: u32,
    timeout_ms: u32,
}

/// The prices of all goods: too many to be copied.
type Prices = RwLock<[u32; 100_000]>;

/// How long the others may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Of the watch that counts how often a generation was applied.
fn applied_name(name: &str) -> String {
    format!("{name}-applied")
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.name {
        Some(name) => work(name, arguments.dawdle),
        None => reload(&arguments),
    }
}

/// Reloads the configuration, and waits each time until all workers use it.
fn reload(arguments: &Arguments) -> Result<()> {
    let name = format!("shared-config-{}", std::process::id());
    let first = Config { generation: 0, timeout_ms: 100 };
    let config = Watch::options().remove_on_drop(true).create(&name, first)?;
    let prices: Prices = RwLock::options().remove_on_drop(true).create_zeroed(&name)?;
    let applied = Watch::<u32>::options().remove_on_drop(true).create(&applied_name(&name), 0)?;
    let writer = config.writer()?;
    let mut dawdler = Some(Worker::start(&name, true)?);
    let workers = (0..arguments.workers).map(|_| Worker::start(&name, false)).collect::<Result<Vec<_>>>()?;
    let mut expected = u32::from(arguments.workers);
    applied.wait_for_timeout(PATIENCE, |applied| *applied == expected).context("the workers didn't come")?;

    for generation in 1..=arguments.reloads {
        if let Some(dawdler) = dawdler.take() {
            wait_for_reader(&prices, dawdler.0.id())?;
            println!("process {} is killed while it reads the table", dawdler.0.id());
        }
        let begun = Instant::now();
        prices.write_timeout(PATIENCE)?.fill(1000 + generation);
        config.update(|config| *config = Config { generation, timeout_ms: config.timeout_ms + 50 })?;
        expected += u32::from(arguments.workers);
        applied.wait_for_timeout(PATIENCE, |applied| *applied == expected).context("a worker missed it")?;
        println!("generation {generation} is used by all after {:.1?}", begun.elapsed());
    }
    // The workers are told: no writer is left.
    drop(writer);
    for mut worker in workers {
        ensure!(worker.0.wait()?.success(), "a worker failed");
    }
    println!("all have ended, with {:?}", config.get()?);
    Ok(())
}

fn wait_for_reader(prices: &Prices, pid: u32) -> Result<()> {
    let begun = Instant::now();
    while !prices.readers().iter().any(|reader| reader.pid == pid) {
        ensure!(begun.elapsed() < PATIENCE, "no process reads the table");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// One of the processes that use the configuration. It is killed if it is still there in the end.
struct Worker(Child);

impl Worker {
    fn start(name: &str, dawdle: bool) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--name", name]);
        if dawdle {
            command.arg("--dawdle");
        }
        command.spawn().map(Self).context("can't start a worker")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Applies each generation that it sees, until the process that reloads is gone.
fn work(name: &str, dawdle: bool) -> Result<()> {
    let (config, applied): (Watch<Config>, Watch<u32>) = (Watch::open(name)?, Watch::open(&applied_name(name))?);
    let prices: Prices = RwLock::open(name)?;
    if dawdle {
        let _reading = prices.read()?;
        thread::sleep(Duration::MAX);
    }
    let mut watcher = config.watcher();
    watcher.detect_disconnect(true);
    loop {
        let Config { generation, timeout_ms } = watcher.get()?;
        let price = prices.read()?[99_999];
        println!("process {}: generation {generation}, timeout {timeout_ms} ms, price {price}", std::process::id());
        applied.update(|applied| *applied += 1)?;
        match watcher.changed() {
            Err(error) if error.is_end() => return Ok(()),
            changed => changed?,
        }
    }
}
