//! Jobs to workers and results back, by each way that has any number of receivers.

use std::{
    hint::black_box,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Result;
use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};
use sysv_ipc::{MessageBuffer, MessageQueue, MessageType, Selector};
use sysv_primitives::{Channel, Message, messages, mpmc};

use super::name;
use crate::{
    harness::{
        Alternative, Comparison, Process, is_wanted, measure as measure_these,
        objects::{self, Removed},
    },
    report::Section,
};

#[derive(Serialize, Deserialize)]
struct Job(u64);
#[derive(Serialize, Deserialize)]
struct Done(u64);
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
struct PlainJob(u64);
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
struct PlainDone(u64);
messages! { 1 => Job; 2 => Done; 3 => PlainJob, codec pod; 4 => PlainDone, codec pod }

/// A message that is a number.
trait Numbered: Message {
    fn new(number: u64) -> Self;
    fn number(&self) -> u64;
}

macro_rules! numbered {
    ($($message:ident),*) => {$(
        impl Numbered for $message {
            fn new(number: u64) -> Self {
                Self(number)
            }

            fn number(&self) -> u64 {
                self.0
            }
        }
    )*};
}

numbered!(Job, Done, PlainJob, PlainDone);

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
    let jobs = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
    let title = format!("{jobs}, jobs of {} µs", duration.as_micros());
    if !is_wanted(&title) {
        return Ok(None);
    }
    let [one, jobs, results] = [objects::queue()?, objects::queue()?, objects::queue()?].map(Rc::new);
    let alternatives = vec![
        rings(workers, duration)?,
        channel::<Job, Done>("channel", workers, duration)?,
        channel::<PlainJob, PlainDone>("channel, codec pod", workers, duration)?,
        queues("System V queue, eight bytes", [Rc::clone(&one), one], workers, duration),
        queues("System V queues, one each way", [jobs, results], workers, duration),
    ];
    Ok(measure_these(&title, alternatives))
}

/// Starts so many, the first on the second processor.
fn start(workers: u16, work: impl Fn()) -> Vec<Process> {
    (1..=usize::from(workers)).map(|number| Process::start_on(number, &work)).collect()
}

fn rings<'a>(workers: u16, duration: Duration) -> Result<Alternative<'a>> {
    let options = mpmc::Ring::options().remove_on_drop(true);
    let jobs: mpmc::Ring<u64> = options.create(&name("jobs"), 256)?;
    let results: mpmc::Ring<u64> = options.create(&name("results"), 256)?;
    let peers = start(workers, || {
        let (from, to) = (jobs.consumer().expect("it can be had"), results.producer().expect("it can be had"));
        while let Ok(number) = from.pop() {
            work(duration);
            to.push(number).expect("the other side lives");
        }
    });
    let (to, from) = (jobs.producer()?, results.consumer()?);
    let run = move |count| {
        let send = |number| to.push(number).expect("the workers live");
        let receive = || {
            black_box(from.pop().expect("the workers live"));
        };
        drive(count, send, receive);
    };
    Ok(Alternative::new("mpmc rings", run).ours().keeping((peers, jobs, results)))
}

fn channel<'a, J: Numbered, D: Numbered>(name: &str, workers: u16, duration: Duration) -> Result<Alternative<'a>> {
    let channel = Channel::options().remove_on_drop(true).create(&super::name("jobs"))?;
    let peers = start(workers, || {
        while let Ok(job) = channel.recv::<J>() {
            work(duration);
            channel.send(&D::new(job.number())).expect("the other side lives");
        }
    });
    let run = move |count| {
        let send = |number| channel.send(&J::new(number)).expect("the workers live");
        let receive = || {
            black_box(channel.recv::<D>().expect("the workers live").number());
        };
        drive(count, send, receive);
    };
    Ok(Alternative::new(name, run).ours().keeping(peers))
}

/// Jobs on one queue, and results on another one or the same.
fn queues<'a>(
    name: &str,
    [jobs, results]: [Rc<Removed<MessageQueue>>; 2],
    workers: u16,
    duration: Duration,
) -> Alternative<'a> {
    let [there, back] = [1, 2].map(|number| MessageType::new(number).expect("it is positive"));
    let peers = start(workers, || {
        let mut message = MessageBuffer::with_capacity(there, 8);
        while jobs.receive_into(&mut message, Selector::Type(there)).is_ok() {
            work(duration);
            message.set_message_type(back);
            results.send(&message).expect("the other side lives");
        }
    });
    let mut job = MessageBuffer::new(there, &[0; 8]);
    let mut result = MessageBuffer::with_capacity(back, 8);
    let run = move |count| {
        let send = |number: u64| {
            job.bytes_mut().copy_from_slice(&number.to_le_bytes());
            jobs.send(&job).expect("the workers live");
        };
        let receive = || results.receive_into(&mut result, Selector::Type(back)).expect("the workers live");
        drive(count, send, receive);
    };
    Alternative::new(name, run).keeping(peers)
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let families =
        [(Duration::ZERO, "Empty jobs, by workers"), (Duration::from_micros(100), "Jobs of 100 µs, by workers")];
    for (duration, title) in families {
        let points =
            [1, 2, 4, 8].into_iter().map(|workers| anyhow::Ok((f64::from(workers), with_workers(workers, duration)?)));
        section.add_family("job", title, "workers", points.collect::<Result<_>>()?);
    }
    Ok(())
}
