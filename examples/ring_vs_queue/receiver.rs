//! The receiver: takes one measurement's items, checks them, and prints what it found.

use std::{
    hint::black_box,
    io::{self, Read},
    process,
    sync::Arc,
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use sysv_primitives::{
    Error,
    raw::{MessageBuffer, MessageQueue, MessageType, Selector},
    spsc,
};

use crate::{
    Carrier, Figure, Task,
    item::{Item, by_size, now},
    links::{self, ENDINGS},
};

/// Receives what the sender sends, until that is all.
pub(crate) fn run(task: &Task) -> Result<()> {
    // An interrupt from the terminal reaches the whole group. Ending is the sender's business.
    for signal in ENDINGS {
        signal_hook::flag::register(signal, Arc::default()).context("can't handle signals")?;
    }
    end_with_the_sender(task.clone());
    if task.pin {
        crate::pin(1)?;
    }
    by_size!(task.size, receive(task))
}

/// Watches standard input, which ends with the sender. A sender that was killed has left everything where it was.
fn end_with_the_sender(task: Task) {
    thread::spawn(move || {
        let _ = io::stdin().lock().read(&mut [0]);
        links::remove(&task.name, task.queue);
        process::exit(1);
    });
}

fn receive<const WORDS: usize>(task: &Task) -> Result<()> {
    let mut found = Found::new(task);
    let received = match task.carrier {
        Carrier::Ring => receive_from_ring::<WORDS>(task, &mut found),
        Carrier::Queue => receive_from_queue::<WORDS>(task, &mut found),
    };
    match received {
        // The sender was asked to end.
        Err(error) if error.downcast_ref().is_some_and(Error::is_gone) => process::exit(1),
        received => received?,
    }
    println!("{}", found.respond(now()));
    Ok(())
}

fn receive_from_ring<const WORDS: usize>(task: &Task, found: &mut Found) -> Result<()> {
    let mut consumer = spsc::Ring::<Item<WORDS>>::open(&task.name)?.consumer()?;
    println!("ready");
    for number in 0..task.count {
        found.take(number, black_box(&consumer.pop()?))?;
    }
    Ok(())
}

fn receive_from_queue<const WORDS: usize>(task: &Task, found: &mut Found) -> Result<()> {
    let mut queue = MessageQueue::from_id(task.queue).map_err(Error::from)?;
    queue.set_max_message_size(task.size);
    let mut message = MessageBuffer::new(MessageType::ONE, &vec![0; task.size]);
    println!("ready");
    for number in 0..task.count {
        queue.receive_into(&mut message, Selector::Any).map_err(Error::from)?;
        let item = bytemuck::try_pod_read_unaligned::<Item<WORDS>>(message.bytes());
        found.take(number, black_box(&item.map_err(|error| anyhow!("a message of another size: {error}"))?))?;
    }
    Ok(())
}

/// What came so far.
struct Found {
    figure: Figure,
    /// When the first item was there.
    begun: u64,
    last_sent: u64,
    /// How many nanoseconds each item took.
    latencies: Vec<u64>,
    count: u64,
}

impl Found {
    fn new(task: &Task) -> Self {
        let room = if task.figure == Figure::Latency { usize::try_from(task.count).unwrap_or(0) } else { 0 };
        Self { figure: task.figure, begun: 0, last_sent: 0, latencies: Vec::with_capacity(room), count: task.count }
    }

    #[inline]
    fn take<const WORDS: usize>(&mut self, number: u64, item: &Item<WORDS>) -> Result<()> {
        match self.figure {
            Figure::Throughput => {
                item.check(number, false)?;
                if number == 0 {
                    self.begun = now();
                }
            }
            Figure::Latency => {
                let received = now();
                let sent = item.check(number, true)?;
                ensure!((self.last_sent..=received).contains(&sent), "item {number} came before its time");
                self.latencies.push(received - sent);
                self.last_sent = sent;
            }
        }
        Ok(())
    }

    /// Returns items in a second after the first one, or microseconds: p50, p99, p99.9, and the longest.
    #[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds are far below 2^52")]
    fn respond(mut self, ended: u64) -> String {
        if self.figure == Figure::Throughput {
            let seconds = ended.saturating_sub(self.begun).max(1) as f64 / 1e9;
            return (self.count.saturating_sub(1) as f64 / seconds).to_string();
        }
        self.latencies.sort_unstable();
        let part = |thousandths: usize| {
            let rank = (self.latencies.len() * thousandths).div_ceil(1000).max(1) - 1;
            self.latencies.get(rank).map_or(0.0, |&nanoseconds| nanoseconds as f64 / 1e3)
        };
        format!("{} {} {} {}", part(500), part(990), part(999), part(1000))
    }
}
