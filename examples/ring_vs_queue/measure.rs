//! What the two processes do.
//!
//! An item's first word is the time at which it was sent, on the clock that all processes of a machine share; its
//! second word, if there is one, is its number. The receiver checks both.

use std::{
    env,
    hint::{black_box, spin_loop},
    io::Read,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use bytemuck::Pod;
use nix::time::{ClockId, clock_gettime};
use sysv_primitives::{
    raw::{MessageBuffer, MessageQueue, MessageType, Selector},
    spsc,
};

use crate::{Carrier, Figure, links::Links};

/// The sizes of items in bytes; 8,192 is the longest message that the kernel takes unless it was told otherwise.
pub(crate) const SIZES: [usize; 6] = [8, 64, 512, 1024, 4096, 8192];

/// How long after each other items are sent when it is their latency that counts.
const PACE: Duration = Duration::from_micros(50);

/// One measurement.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) size: usize,
    pub(crate) carrier: Carrier,
    pub(crate) figure: Figure,
    pub(crate) count: u64,
    pub(crate) pin: bool,
}

/// How many microseconds items took: half of them less than `p50`, and so on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Latency {
    pub(crate) fn median(all: &[Self]) -> Self {
        let of = |part: fn(&Self) -> f64| crate::median(&mut all.iter().map(part).collect::<Vec<_>>());
        Self { p50: of(|one| one.p50), p99: of(|one| one.p99), p999: of(|one| one.p999) }
    }
}

fn now() -> u64 {
    // It can't fail: every Unix has this clock.
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Calls a function for the item type of a size.
macro_rules! by_size {
    ($size:expr, $function:ident($($argument:expr),*)) => {
        match $size {
            8 => $function::<1>($($argument),*),
            64 => $function::<8>($($argument),*),
            512 => $function::<64>($($argument),*),
            1024 => $function::<128>($($argument),*),
            4096 => $function::<512>($($argument),*),
            8192 => $function::<1024>($($argument),*),
            size => bail!("{size} is not among the sizes"),
        }
    };
}

/// Measures how many items get through in a second; sends for about so long.
pub(crate) fn throughput(task: Task, links: &Links, time: Duration) -> Result<f64> {
    // A first try says how many that is.
    let mut count = 2000;
    loop {
        let seconds = by_size!(task.size, send(Task { count, ..task }, links))?[0];
        if seconds > time.as_secs_f64() / 4.0 || count > 1 << 30 {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            return Ok(count as f64 / seconds);
        }
        count *= 8;
    }
}

/// Measures how long items take one by one; sends for about so long.
pub(crate) fn latency(task: Task, links: &Links, time: Duration) -> Result<Latency> {
    let count = u64::try_from(time.as_nanos() / PACE.as_nanos()).unwrap_or(u64::MAX).max(100);
    let figures = by_size!(task.size, send(Task { count, ..task }, links))?;
    let [p50, p99, p999] = figures[..] else { bail!("the receiver said {figures:?}") };
    Ok(Latency { p50, p99, p999 })
}

/// Starts the receiver, sends, and returns what the receiver says.
fn send<const WORDS: usize>(task: Task, links: &Links) -> Result<Vec<f64>>
where
    [u64; WORDS]: Pod,
{
    if task.pin {
        pin(0)?;
    }
    let receiver = start(task, links)?;
    match task.carrier {
        Carrier::Ring => {
            let mut producer = spsc::Ring::<[u64; WORDS]>::open(&links.name)?.producer()?;
            producer.tell_when_abandoned(true);
            pace(task, |item| Ok(producer.push(item)?))?;
        }
        Carrier::Queue => {
            let mut message = MessageBuffer::new(MessageType::ONE, &vec![0; task.size]);
            pace(task, |item: [u64; WORDS]| {
                message.bytes_mut().copy_from_slice(bytemuck::bytes_of(&item));
                Ok(links.queue.send(&message)?)
            })?;
        }
    }
    answer(receiver)
}

/// Sends all items, as fast as they go or each at its time.
fn pace<const WORDS: usize>(task: Task, mut send: impl FnMut([u64; WORDS]) -> Result<()>) -> Result<()> {
    let mut item = [0; WORDS];
    let mut next = now();
    for number in 0..task.count {
        if task.figure == Figure::Latency {
            next += u64::try_from(PACE.as_nanos()).unwrap_or(u64::MAX);
            while now() < next {
                spin_loop();
            }
            item[0] = now();
        }
        if let Some(second) = item.get_mut(1) {
            *second = number;
        }
        send(black_box(item))?;
    }
    Ok(())
}

fn start(task: Task, links: &Links) -> Result<Child> {
    let value = |carrier: &dyn std::fmt::Debug| format!("{carrier:?}").to_lowercase();
    let mut command = Command::new(env::current_exe().context("where is this program?")?);
    command.args(["--receive", &task.size.to_string(), "--count", &task.count.to_string()]);
    command.args(["--carrier", &value(&task.carrier), "--figure", &value(&task.figure)]);
    command.args(["--name", &links.name, "--queue", &links.queue.id().to_string()]);
    if task.pin {
        command.arg("--pin");
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("can't start the receiver")?;
    // It says so when it is ready.
    let mut ready = [0];
    let stdout = child.stdout.as_mut().context("the receiver has no output")?;
    stdout.read_exact(&mut ready).context("the receiver did not begin")?;
    Ok(child)
}

fn answer(mut receiver: Child) -> Result<Vec<f64>> {
    let mut text = String::new();
    receiver.stdout.take().context("the receiver has no output")?.read_to_string(&mut text)?;
    let status = receiver.wait()?;
    ensure!(status.success(), "the receiver failed: {status}");
    text.split_whitespace().map(|figure| Ok(figure.parse()?)).collect()
}

/// The started process: receives, and prints what it found.
pub(crate) fn receive(task: Task, name: &str, queue: i32) -> Result<()> {
    if task.pin {
        pin(1)?;
    }
    let mut queue = MessageQueue::from_id(queue)?;
    queue.set_max_message_size(task.size);
    // A sender that waits for room in the queue learns of our failure by its removal.
    let received = (|| by_size!(task.size, receive_all(task, name, &queue)))();
    received.inspect_err(|_| drop(queue.remove()))
}

fn receive_all<const WORDS: usize>(task: Task, name: &str, queue: &MessageQueue) -> Result<()>
where
    [u64; WORDS]: Pod,
{
    match task.carrier {
        Carrier::Ring => {
            let mut consumer = spsc::Ring::<[u64; WORDS]>::open(name)?.consumer()?;
            // An empty ring whose producer is gone would be the end of the sender.
            consumer.tell_when_abandoned(false);
            collect(task, || Ok(consumer.pop()?))
        }
        Carrier::Queue => {
            let mut message = MessageBuffer::new(MessageType::ONE, &vec![0; task.size]);
            collect(task, || {
                queue.receive_into(&mut message, Selector::Any)?;
                let mut item = [0; WORDS];
                bytemuck::bytes_of_mut(&mut item).copy_from_slice(message.bytes());
                Ok(item)
            })
        }
    }
}

/// Receives all items: says how many seconds passed from the first to the last, or how long they took.
fn collect<const WORDS: usize>(task: Task, mut receive: impl FnMut() -> Result<[u64; WORDS]>) -> Result<()> {
    println!(".");
    let (mut begun, mut latencies) = (0, Vec::new());
    for number in 0..task.count {
        let item = black_box(receive()?);
        if item.get(1).is_some_and(|&found| found != number) {
            bail!("item {number} is not there");
        }
        match task.figure {
            Figure::Throughput if number == 0 => begun = now(),
            Figure::Throughput => {}
            Figure::Latency => latencies.push(now().saturating_sub(item[0])),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds are far below 2^52")]
    match task.figure {
        Figure::Throughput => println!("{}", (now() - begun) as f64 / 1e9),
        Figure::Latency => {
            latencies.sort_unstable();
            let part = |thousandths: usize| latencies[(latencies.len() * thousandths / 1000).min(latencies.len() - 1)];
            println!("{} {} {}", part(500) as f64 / 1e3, part(990) as f64 / 1e3, part(999) as f64 / 1e3);
        }
    }
    Ok(())
}

fn pin(processor: usize) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        use nix::{
            sched::{CpuSet, sched_setaffinity},
            unistd::Pid,
        };
        let mut set = CpuSet::new();
        set.set(processor)?;
        sched_setaffinity(Pid::from_raw(0), &set).context("can't pin")?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
    Ok(())
}
