//! An image service: jobs, results and control messages, each with a type of its own.
//!
//! ```text
//! cargo run --release --example typed_channel -- --workers 3 --images 30
//! ```
//!
//! Workers are this program, started again. On one channel they get jobs, with pictures that are larger than any System
//! V message, and control messages, which overtake jobs: theirs is the lower route, and workers take the lowest first.
//! On the other channel results come back, to a router with a handler for each type.
//!
//! No process counts what is under way: once the last job is sent the channel of jobs is closed, the workers end
//! when it is empty, and the router when the last of them is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ops::ControlFlow,
    process::{Child, Command},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Message, Router, messages};

/// To the workers: what overtakes jobs.
#[derive(Serialize, Deserialize)]
enum Control {
    /// One of them is to end, whichever takes it. Sent if there are several.
    StopOne,
}

/// To a worker: an image, in shades of grey, to be halved.
#[derive(Serialize, Deserialize)]
struct Job {
    number: usize,
    image: Image,
}

/// From a worker: it is there.
#[derive(Serialize, Deserialize)]
struct Ready;

/// From a worker: the thumbnail.
#[derive(Serialize, Deserialize)]
struct Done {
    number: usize,
    worker: usize,
    thumbnail: Image,
}

/// From a worker: what can't be halved.
#[derive(Serialize, Deserialize)]
struct Failed {
    number: usize,
    why: String,
}

messages! {
    1 => Control;
    2 => Job;
    3 => Done;
    4 => Failed;
    5 => Ready;
}

#[derive(Serialize, Deserialize)]
struct Image {
    width: usize,
    #[serde(with = "serde_bytes")]
    shades: Vec<u8>,
}

impl Image {
    /// Returns a picture of one shade, as wide as it is high.
    fn plain(width: usize, shade: u8) -> Self {
        Self { width, shades: vec![shade; width * width] }
    }

    fn halved(&self) -> Result<Self, String> {
        if !self.width.is_multiple_of(2) || self.width == 0 {
            return Err(format!("a width of {} can't be halved", self.width));
        }
        let shade = |x: usize, y: usize| u16::from(self.shades[y * self.width + x]);
        let pixel = |x: usize, y: usize| (shade(x, y) + shade(x + 1, y) + shade(x, y + 1) + shade(x + 1, y + 1)) / 4;
        let rows = (0..self.shades.len() / self.width / 2).flat_map(|row| {
            (0..self.width / 2).map(move |column| u8::try_from(pixel(2 * column, 2 * row)).unwrap_or(u8::MAX))
        });
        Ok(Self { width: self.width / 2, shades: rows.collect() })
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

/// Halves images in several processes.
#[derive(Parser)]
struct Arguments {
    /// How many worker processes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=200))]
    workers: u32,
    /// How many images. Every tenth can't be halved.
    #[arg(long, default_value_t = 30)]
    images: usize,
    #[arg(long, hide = true, requires = "service")]
    as_worker: Option<usize>,
    #[arg(long, hide = true, requires = "as_worker")]
    service: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match (arguments.as_worker, &arguments.service) {
        (Some(worker), Some(service)) => work(service, worker),
        _ => serve(arguments.workers, arguments.images),
    }
}

/// The names of the channels to workers and from them.
fn names(service: &str) -> (String, String) {
    (format!("{service}-jobs"), format!("{service}-results"))
}

/// Takes control messages and jobs, in this order, until it is asked to stop, or until there are no more.
fn work(service: &str, worker: usize) -> Result<()> {
    let (jobs, results) = names(service);
    let (jobs, results) = (Channel::open(&jobs)?, Channel::open(&results)?);
    // By this sender the other side knows that one more works here.
    let counted = results.sender::<Ready>()?;
    let mut unsent = None;
    let mut router = Router::new();
    router.until(|Control::StopOne| ControlFlow::Break(()))?;
    router.until(|Job { number, image }| {
        let sent = match image.halved() {
            Ok(thumbnail) => results.send(&Done { number, worker, thumbnail }),
            Err(why) => results.send(&Failed { number, why }),
        };
        unsent = sent.err();
        if unsent.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    counted.send(&Ready)?;
    router.run_lowest(&jobs, Job::ROUTE)?;
    drop(router);
    unsent.map_or(Ok(()), |error| Err(error.into()))
}

/// A worker's process. It is killed if it is still there in the end.
struct Worker(Child);

impl Worker {
    fn start(number: u32, service: &str) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--as-worker", &number.to_string(), "--service", service]);
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

fn serve(workers: u32, images: usize) -> Result<()> {
    let service = format!("typed-channel-{}", std::process::id());
    let (jobs, results) = names(&service);
    let options = Channel::options().max_handles(workers + 8).remove_on_drop(true);
    let (jobs, mut results) = (options.create(&jobs)?, options.create(&results)?);
    results.detect_disconnect(true);

    let children = (1..=workers).map(|number| Worker::start(number, &service)).collect::<Result<Vec<_>>>()?;
    // A disconnect is detected only after the first has come, so all of them should.
    (0..workers).try_for_each(|_| results.recv_timeout::<Ready>(PATIENCE).map(drop)).context("a worker didn't come")?;
    let feed = || -> sysv_primitives::Result<()> {
        for number in 0..images {
            if workers > 1 && number == images / 2 {
                jobs.send(&Control::StopOne)?;
            }
            let width = if number % 10 == 9 { 201 } else { 200 };
            jobs.send(&Job { number, image: Image::plain(width, u8::try_from(number % 256).unwrap_or(0)) })?;
        }
        Ok(jobs.close()?)
    };

    let (mut done, mut failed) = (BTreeSet::new(), Vec::new());
    let mut by_worker: BTreeMap<usize, usize> = BTreeMap::new();
    let mut router = Router::new();
    router.on(|Done { number, worker, thumbnail }| {
        assert_eq!((thumbnail.width, thumbnail.shades.len()), (100, 10_000));
        *by_worker.entry(worker).or_default() += 1;
        done.insert(number);
    })?;
    router.on(|Failed { number, why }| failed.push((number, why)))?;
    thread::scope(|scope| -> Result<()> {
        // On its own thread, since a full channel makes it wait while results come back.
        let feeder = scope.spawn(feed);
        let outcome = router.run(&results);
        // If no worker is left, or this failed, no process makes room any more, and the feeder would wait for ever.
        jobs.remove()?;
        outcome?;
        feeder.join().expect("it doesn't panic").context("can't send jobs")
    })?;
    drop(router);
    for mut child in children {
        ensure!(child.0.wait()?.success(), "a worker failed");
    }
    println!("{} images halved, {} could not be{}", done.len(), failed.len(), first(&failed));
    by_worker.iter().for_each(|(worker, images)| println!("worker {worker}: {images} images"));
    ensure!(done.len() + failed.len() == images, "some images are lost");
    Ok(())
}

fn first(failed: &[(usize, String)]) -> String {
    failed.first().map_or(String::new(), |(number, why)| format!(": image {number}, {why}"))
}
