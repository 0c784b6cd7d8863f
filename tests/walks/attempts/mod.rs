//! Limits, delays and responses written apart: the process is killed at every machine instruction.
//!
//! Afterwards the message is there exactly once, with its attempts counted, or it has ended in a way that this instruction
//! allows. A caller that sleeps has one end. The channel has its whole capacity, every block and its whole quota.

use std::{
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use support::{
    LONG, Waiters,
    step::{Victim, mark},
    until_rings,
};
use sysv_primitives::{CallError, Channel, Delivery, Options, PendingResponse, Request, messages};

mod aside;
mod calls;
mod delays;

const SLOTS: u32 = 5;
const CAPACITY: u64 = 4;
/// As many messages may be set aside, and as many requests. So many calls may be under way.
const QUOTA: usize = 16;
const CALLS: u64 = 16;

/// In the cell, and in blocks.
const SHORT: usize = 10;
const LONG_ONE: usize = 300;
/// A request and a response that do not fit into the cell together.
const HALF: usize = 120;
/// Two of them have all blocks for messages, and one all blocks for responses.
const LONGEST: usize = 39_950;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Text(#[serde(with = "serde_bytes")] Vec<u8>);

/// A request for another number, and the response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ask {
    number: u64,
    #[serde(with = "serde_bytes")]
    padding: Vec<u8>,
}

messages! { 1 => Text; 2 => Ask }

impl Request for Ask {
    type Response = Self;
}

/// What the victim responds with, and another server.
const OF_VICTIM: u64 = 42;
const OF_ANOTHER: u64 = 43;

fn text(len: usize) -> Text {
    Text((0..len).map(|index| index.to_le_bytes()[0]).collect())
}

fn ask(number: u64, len: usize) -> Ask {
    Ask { number, padding: vec![number.to_le_bytes()[0]; len] }
}

fn options() -> Options<Channel> {
    let patience = Duration::from_millis(100);
    Channel::options().capacity(4).max_handles(SLOTS).open_timeout(patience).max_message_size(40_000)
}

fn open(name: &str) -> Channel {
    options().open(name).expect("a slot is free")
}

fn limit(attempts: u8) -> Delivery {
    Delivery::new().attempts(attempts)
}

/// Starts a victim that has the channel open, and prepares something before the walk begins.
fn victim<T>(name: &str, prepare: impl FnOnce(&Channel) -> T, act: impl FnOnce(&Channel, T)) -> Victim {
    Victim::start(|| {
        let channel = open(name);
        let prepared = prepare(&channel);
        mark();
        act(&channel, prepared);
        mark();
    })
}

/// Nothing is in the channel, but for what is set aside.
#[track_caller]
fn assert_empty(channel: &Channel) {
    let depth = channel.depth().unwrap();
    let found = (depth.messages, depth.calls, depth.bytes, depth.claimed, depth.delayed);
    assert_eq!(found, (0, 0, 0, 0, 0), "leaked: {depth:?}");
    assert!(depth.routes.is_empty() && channel.try_recv_any().unwrap_err().is_busy(), "a message is left");
}

/// Fills the channel, and empties it. Returns how many messages and calls there was room for.
fn fill(channel: &Channel) -> (u64, u64) {
    let (mut messages, mut calls) = (0, Vec::new());
    while channel.try_send(&text(SHORT)).is_ok() {
        messages += 1;
    }
    while let Ok(call) = channel.try_request(&ask(1, SHORT)) {
        calls.push(call);
    }
    (0..messages).for_each(|_| assert_eq!(channel.try_recv::<Text>().unwrap(), text(SHORT)));
    (messages, calls.len().try_into().unwrap())
}

/// Sets more messages and requests aside than there is room for, and drops them.
fn use_quota(channel: &Channel) {
    let dropped = channel.depth().unwrap().dropped;
    for _ in 0..=QUOTA {
        channel.try_send_with(&text(SHORT), limit(1)).unwrap();
        drop(channel.try_claim::<Text>().unwrap());
        channel.try_request_with(&ask(1, SHORT), limit(2)).unwrap().detach();
        drop(channel.try_claim::<Ask>().unwrap());
        drop(channel.try_claim::<Ask>().unwrap());
    }
    let aside = channel.set_aside().unwrap();
    assert_eq!((aside.len(), channel.depth().unwrap().dropped), (2 * QUOTA, dropped + 2), "the quota");
    aside.iter().for_each(|aside| assert!(aside.discard().unwrap()));
}

/// All blocks for messages and all for responses are there.
fn use_blocks(channel: &Channel) {
    (0..2).for_each(|_| channel.try_send(&text(LONGEST)).expect("a block for messages is lost"));
    let mut pending = channel.try_request(&ask(1, SHORT)).unwrap();
    let asked = channel.try_claim::<Ask>().unwrap();
    asked.try_respond(&ask(2, LONGEST)).expect("a block for responses is lost");
    assert_eq!(pending.try_wait().unwrap(), ask(2, LONGEST));
    (0..2).for_each(|_| assert!(channel.try_recv::<Text>().unwrap() == text(LONGEST)));
}

/// Nothing is missing, and nothing is too much. A slot of the channel is free for each other member.
#[track_caller]
fn survey(channel: &Channel, name: &str) {
    assert_empty(channel);
    assert_eq!(fill(channel), (CAPACITY, CALLS), "the capacity");
    use_quota(channel);
    use_blocks(channel);
    assert_eq!(fill(channel), (CAPACITY, CALLS), "the capacity afterwards");
    assert_empty(channel);
    let others: Vec<_> = (0..SLOTS - 1).map(|_| open(name)).collect();
    drop(others);
}

/// Starts a caller that sleeps. Without a deadline, at which it would look once more: only what wakes it can tell it.
fn sleeping_caller<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    channel: &Channel,
    pending: PendingResponse<Ask>,
) -> ScopedJoinHandle<'scope, Result<Ask, CallError>> {
    let caller = scope.spawn(|| pending.wait());
    until_rings(channel.status().unwrap().set, Waiters::FOR_RESPONSES);
    caller
}

/// Claims the message that another process left or delayed: it comes once, and a receiver that sleeps is woken for it.
#[track_caller]
fn claim_once(channel: &Channel, attempts: std::ops::RangeInclusive<u32>, expected: &Text) -> u32 {
    let begun = Instant::now();
    let claimed = channel.claim_timeout::<Text>(LONG).expect("it comes back");
    // At its end a wait looks once more, and finds what it was not woken for.
    assert!(begun.elapsed() < LONG / 2, "it was not woken");
    let attempt = claimed.attempt();
    assert!(*claimed == *expected && attempts.contains(&attempt), "attempt {attempt}");
    claimed.done().unwrap();
    attempt
}

fn until_a_receiver_sleeps(channel: &Channel) {
    until_rings(channel.status().unwrap().set, Waiters::FOR_MESSAGES);
}
