//! What at least once costs: claims beside receiving, and how soon a message of a dead process comes to another one.
//!
//! ```text
//! cargo bench --bench claims
//! ```
#![allow(unsafe_code, reason = "children are forked")]

mod harness;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use harness::{Alternative, Process, compare};
use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::{pause, pipe, read, write},
};
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Claimed, Delivery, Request, messages};

#[derive(Serialize, Deserialize)]
struct Job {
    number: u64,
    text: String,
}
messages! { 1 => Job }

impl Request for Job {
    type Response = u64;
}

fn job(number: u64, len: usize) -> Job {
    Job { number, text: "x".repeat(len) }
}

fn channel(tag: &str) -> Channel {
    let name = format!("bench-claims-{tag}-{}", std::process::id());
    let options = Channel::options().remove_on_drop(true);
    options.create(&name).expect("a channel can be created")
}

fn main() {
    for (title, len) in [("64 bytes", 44), ("5,000 bytes", 4_980)] {
        once_and_at_least_once(&format!("a message of {title}, in one process"), len);
    }
    calls();
    redelivery();
}

fn once_and_at_least_once(title: &str, len: usize) {
    let (received, claimed, limited) = (channel("recv"), channel("claim"), channel("limit"));
    let job = job(1, len);
    let claims = |channel: Channel, delivery: Delivery| {
        let job = &job;
        move |count| {
            for _ in 0..count {
                channel.send_with(job, delivery).expect("there is room");
                let claim = channel.claim::<Job>().expect("it is there");
                black_box(claim.done().expect("it is ours"));
            }
        }
    };
    compare(
        title,
        vec![
            Alternative::new("send, recv", |count| {
                for _ in 0..count {
                    received.send(&job).expect("there is room");
                    black_box(received.recv::<Job>().expect("it is there"));
                }
            }),
            Alternative::new("send, claim, done", claims(claimed, Delivery::new())).ours(),
            Alternative::new("the same with a limit of attempts", claims(limited, Delivery::new().attempts(3))).ours(),
        ],
    );
}

fn calls() {
    let once = channel("once");
    let again = channel("again");
    compare(
        "a request of 64 bytes and its response, in one process",
        vec![
            Alternative::new("recv_request, respond", |count| {
                for number in 0..count {
                    let mut pending = once.request(&job(number, 44)).expect("there is room");
                    let request = once.recv_request::<Job>().expect("it is there");
                    request.respond(&number).expect("there is room");
                    assert_eq!(pending.try_wait().expect("it is there"), number);
                }
            }),
            Alternative::new("claim, respond, delivered again if need be", |count| {
                for number in 0..count {
                    let delivery = Delivery::new().attempts(3);
                    let mut pending = again.request_with(&job(number, 44), delivery).expect("there is room");
                    let claim = again.claim::<Job>().expect("it is there");
                    claim.respond(&number).expect("there is room");
                    assert_eq!(pending.try_wait().expect("it is there"), number);
                }
            })
            .ours(),
        ],
    );
}

/// A child that claims a message and says so is killed. How long it is until the kernel says that it has ended, and until another
/// process has the message.
fn redelivery() {
    let (claimed, ended) = (channel("dead"), channel("ended"));
    let until_ended = |_: &Channel, child: &Process| {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(child.pid()), flags).expect("it is a child");
        None
    };
    let until_claimed = |channel: &Channel, _: &Process| Some(channel.claim::<Job>().expect("it comes back"));
    compare(
        "a process is killed that has claimed a message",
        vec![
            Alternative::of_a_part("until its parent can wait for it", |count| {
                (0..count).map(|number| killed(&ended, number, until_ended)).sum()
            })
            .limit(),
            Alternative::of_a_part("until another process has the message", |count| {
                (0..count).map(|number| killed(&claimed, number, until_claimed)).sum()
            })
            .ours(),
        ],
    );
}

/// Kills a child that has claimed a message, and returns how long the rest takes. The channel is empty afterwards.
fn killed(channel: &Channel, number: u64, rest: impl Fn(&Channel, &Process) -> Option<Claimed<Job>>) -> Duration {
    channel.send(&job(number, 44)).expect("there is room");
    let (from, to) = pipe().expect("a pipe can be had");
    let child = Process::start(|| {
        let _claim = channel.claim::<Job>().expect("it is there");
        write(&to, b"!").expect("the pipe is open");
        loop {
            pause();
        }
    });
    read(&from, &mut [0]).expect("the child writes");
    let begun = Instant::now();
    kill(child.pid(), Signal::SIGKILL).expect("it lives");
    let claim = rest(channel, &child);
    let took = begun.elapsed();
    drop(child);
    let claim = claim.unwrap_or_else(|| channel.claim::<Job>().expect("it comes back"));
    assert_eq!((claim.number, claim.attempt()), (number, 2));
    claim.done().expect("it is ours");
    took
}
