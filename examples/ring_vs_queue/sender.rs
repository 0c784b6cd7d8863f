//! The sender: starts a receiver for every measurement, sends, and takes its answer.

use std::{
    env,
    hint::{black_box, spin_loop},
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytemuck::Zeroable;
use sysv_primitives::{
    Error,
    raw::{MessageBuffer, MessageType},
    spsc,
};

use crate::{
    Carrier, Figure, Task,
    figures::Latency,
    item::{Item, by_size, now},
    links::{self, Links},
};

/// How long after each other items are sent, at least, when it is their latency that counts.
const PACE: Duration = Duration::from_micros(50);

/// Returns how many items get through in about so long. Also warms everything up.
pub(crate) fn count(task: &Task, links: &Links, time: Duration) -> Result<u64> {
    let mut task = Task { figure: Figure::Throughput, count: 1000, ..task.clone() };
    loop {
        let rate = throughput(&task, links)?;
        let wanted = rate * time.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive, and saturates")]
        let wanted = wanted as u64;
        // What took an eighth of the time says well enough what the whole of it takes.
        if task.count >= wanted / 8 {
            return Ok(wanted.max(1000));
        }
        task.count = wanted.min(task.count * 16);
    }
}

/// Measures how many items get through in a second.
pub(crate) fn throughput(task: &Task, links: &Links) -> Result<f64> {
    match by_size!(task.size, send(task, links))?[..] {
        [rate] => Ok(rate),
        ref figures => bail!("the receiver said {figures:?}"),
    }
}

/// Measures how long items take one by one. Sends for about so long.
pub(crate) fn latency(task: &Task, links: &Links, time: Duration) -> Result<Latency> {
    let count = u64::try_from(time.as_nanos() / PACE.as_nanos()).unwrap_or(u64::MAX).max(100);
    let task = Task { figure: Figure::Latency, count, ..task.clone() };
    match by_size!(task.size, send(&task, links))?[..] {
        [p50, p99, p999, longest] => Ok(Latency { p50, p99, p999, longest }),
        ref figures => bail!("the receiver said {figures:?}"),
    }
}

/// Starts the receiver, sends, and returns what the receiver says.
fn send<const WORDS: usize>(task: &Task, links: &Links) -> Result<Vec<f64>> {
    if task.pin {
        crate::pin(0)?;
    }
    let receiver = Receiver::start(task)?;
    let sent = match task.carrier {
        Carrier::Ring => {
            let mut producer = spsc::Ring::<Item<WORDS>>::open(&links.name)?.producer()?;
            send_all(task, |item| Ok(producer.push(*item).map_err(Error::from)?))
        }
        Carrier::Queue => {
            let mut message = MessageBuffer::new(MessageType::ONE, &vec![0; task.size]);
            send_all(task, |item: &Item<WORDS>| {
                message.bytes_mut().copy_from_slice(bytemuck::bytes_of(item));
                Ok(links.queue.send(&message)?)
            })
        }
    };
    // If the receiver failed, so did sending, but that is not the reason.
    let answer = receiver.respond()?;
    sent.map(|()| answer)
}

/// Sends all items, as fast as they go or each at its time.
fn send_all<const WORDS: usize>(task: &Task, mut send: impl FnMut(&Item<WORDS>) -> Result<()>) -> Result<()> {
    let mut item = Item::zeroed();
    let mut last = now();
    for number in 0..task.count {
        let sent = (task.figure == Figure::Latency).then(|| {
            last = wait_until(last + u64::try_from(PACE.as_nanos()).unwrap_or(u64::MAX));
            last
        });
        item.mark(number, sent);
        send(black_box(&item))?;
    }
    Ok(())
}

/// Looks at the clock until it is time, and returns what it then says. A sleeper would be woken too late.
fn wait_until(time: u64) -> u64 {
    loop {
        let now = now();
        if now >= time {
            return now;
        }
        spin_loop();
    }
}

/// The process at the other end.
struct Receiver {
    child: Child,
    said: JoinHandle<String>,
}

impl Receiver {
    fn start(task: &Task) -> Result<Self> {
        let mut child = Command::new(env::current_exe().context("where is this program?")?)
            .arg("receive")
            .args(task.as_arguments())
            // A pipe that nothing is written to: its end is ours.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("can't start the receiver")?;
        let mut stdout = BufReader::new(child.stdout.take().context("the receiver has no output")?);
        // It says so when it is ready. If it doesn't, `answer` says why.
        let _ = stdout.read_line(&mut String::new());
        let said = thread::spawn(move || {
            let mut said = String::new();
            if stdout.read_to_string(&mut said).is_err() || said.is_empty() {
                // It is gone without an answer, and the sender may wait for room.
                links::remove_made();
            }
            said
        });
        Ok(Self { child, said })
    }

    fn respond(mut self) -> Result<Vec<f64>> {
        let said = self.said.join().map_err(|_| anyhow!("the receiver can't be heard"))?;
        let status = self.child.wait().context("can't wait for the receiver")?;
        ensure!(status.success(), "the receiver failed: {status}");
        let figures = said.split_whitespace().map(str::parse).collect::<Result<_, _>>();
        figures.with_context(|| format!("the receiver said {said}"))
    }
}
