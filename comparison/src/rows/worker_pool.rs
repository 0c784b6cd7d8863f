//! Jobs to workers and results back, by each way that has any number of receivers.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sysv_ipc::{Key, MessageBuffer, MessageQueueOptions, MessageType, Selector};
use sysv_primitives::{Channel, Options, messages, mpmc};

use super::{name, removed::Removed};
use crate::{
    harness::{Alternative, Comparison, Peer, is_wanted, measure as measure_these},
    report::Section,
};

#[derive(Serialize, Deserialize)]
struct Job(u64);
#[derive(Serialize, Deserialize)]
struct Done(u64);
messages! { 1 => Job; 2 => Done }

/// How many jobs are under way at most: enough for all workers, and no queue is full of them.
const UNDER_WAY: u64 = 64;

/// Works for so long.
fn work(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// Sends so many jobs, and receives as many results.
fn drive(count: u64, mut send: impl FnMut(u64), mut receive: impl FnMut()) {
    for number in 0..count {
        if number >= UNDER_WAY {
            receive();
        }
        send(number);
    }
    (0..count.min(UNDER_WAY)).for_each(|_| receive());
}

fn with_workers(workers: u16, duration: Duration) -> Result<Option<Comparison>> {
    let title = format!("{workers} workers, jobs of {} µs", duration.as_micros());
    if !is_wanted(&title) {
        return Ok(None);
    }
    let options = Options::new().remove_on_drop(true);
    let channel: Channel = options.create_channel(&name("jobs"))?;
    let jobs: mpmc::Ring<u64> = options.create_mpmc(&name("jobs"), 256)?;
    let results: mpmc::Ring<u64> = options.create_mpmc(&name("results"), 256)?;
    let queue = Removed(MessageQueueOptions::new().open(Key::PRIVATE)?);
    let [there, back] = [1, 2].map(|number| MessageType::new(number).expect("it is positive"));
    let mut peers = Vec::new();
    for number in 1..=usize::from(workers) {
        peers.push(Peer::start_on(number, || {
            while let Ok(Job(number)) = channel.recv() {
                work(duration);
                channel.send(&Done(number)).expect("the other side lives");
            }
        }));
        peers.push(Peer::start_on(number, || {
            let (from, to) = (jobs.consumer().expect("it can be had"), results.producer().expect("it can be had"));
            while let Ok(number) = from.pop() {
                work(duration);
                to.push(number).expect("the other side lives");
            }
        }));
        peers.push(Peer::start_on(number, || {
            let mut message = MessageBuffer::with_capacity(there, 8);
            while queue.0.receive_into(&mut message, Selector::Type(there)).is_ok() {
                work(duration);
                message.set_message_type(back);
                queue.0.send(&message).expect("the other side lives");
            }
        }));
    }
    let (to, from) = (jobs.producer()?, results.consumer()?);
    let mut received = MessageBuffer::with_capacity(back, 8);
    let alternatives = vec![
        Alternative::new("mpmc rings", |count| {
            let send = |number| to.push(number).expect("the workers live");
            let receive = || {
                black_box(from.pop().expect("the workers live"));
            };
            drive(count, send, receive);
        })
        .ours(),
        Alternative::new("channel", |count| {
            let send = |number| channel.send(&Job(number)).expect("the workers live");
            let receive = || {
                black_box(channel.recv::<Done>().expect("the workers live").0);
            };
            drive(count, send, receive);
        })
        .ours(),
        Alternative::new("System V queue, eight bytes", |count| {
            let send = |number: u64| {
                queue.0.send(&MessageBuffer::new(there, &number.to_le_bytes())).expect("the workers live");
            };
            let receive = || {
                queue.0.receive_into(&mut received, Selector::Type(back)).expect("the workers live");
            };
            drive(count, send, receive);
        }),
    ];
    Ok(measure_these(&title, alternatives))
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let families = [
        (Duration::ZERO, "Empty jobs, by workers; time for a job"),
        (Duration::from_micros(100), "Jobs of 100 µs, by workers"),
    ];
    for (duration, title) in families {
        let points =
            [1, 2, 4, 8].into_iter().map(|workers| anyhow::Ok((f64::from(workers), with_workers(workers, duration)?)));
        section.add_family(title, "workers", points.collect::<Result<_>>()?);
    }
    Ok(())
}
