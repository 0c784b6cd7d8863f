//! What a process holds up that is stopped at any machine instruction of what ends, delays or sets aside a claim.
//!
//! As in `held_up_channel`, others use the route of the victim and another one meanwhile. They also set a message aside, and
//! list what is set aside. The tables of `store/claim.rs`, `store/delays.rs` and `store/aside.rs` say what may be held up.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Instant,
};

use support::{
    LONG, Waiters,
    letters::{Ask, Blob, Number, assert_unused, blob},
    name,
    step::{Victim, Walk, instructions_of_one_of_many as every_instruction, mark},
    until_rings, within,
};
use sysv_primitives::{Channel, Claimed, Delivery, SetAside};

use super::{
    held_up::{TRIED, Tally, stop},
    held_up_channel::{LARGE, Others, SMALL, SOON, Tallies, call, open, options, receive_all, serve},
};

/// What the others were kept from, with what is set aside.
#[derive(Default)]
struct More {
    tallies: Tallies,
    setting_aside: Tally,
    listing: Tally,
}

impl More {
    /// Two messages are sent on the route of the victim, and two received.
    fn exchange(&self, others: &Others, delivery: Delivery) -> Vec<u64> {
        let Tallies { same, .. } = &self.tallies;
        (2..=3).for_each(|seed| same.count(others.sender.try_send_with(&blob(seed, SMALL), delivery).is_ok()));
        let receive = |_| {
            let found = others.receiver.recv_timeout::<Blob>(TRIED);
            same.count(found.is_ok());
            found.ok().map(|found| found.seed)
        };
        (0..2).filter_map(receive).collect()
    }

    /// A message of another route is set aside.
    fn set_aside(&self, others: &Others) {
        others.sender.send_with(&Number(9), Delivery::new().attempts(1)).unwrap();
        let begun = Instant::now();
        let claimed = others.receiver.claim_timeout::<Number>(TRIED);
        self.setting_aside.count(claimed.and_then(|claimed| Ok(claimed.requeue()?)).is_ok() && begun.elapsed() < TRIED);
    }

    /// Stops the victim, and has the others act. The list of what is set aside may be held up until the victim goes on.
    fn stop(&self, victim: Victim, steps: u64, others: &Others, act: impl FnOnce()) -> Walk {
        thread::scope(|scope| {
            stop(victim, steps, || {
                act();
                self.tallies.count_routes(others);
                self.set_aside(others);
                let list = scope.spawn(|| others.receiver.set_aside().unwrap());
                self.listing.count(within(TRIED, || list.is_finished()));
            })
        })
    }

    /// Nothing is held up, but for what needs the lock of the blocks.
    #[track_caller]
    fn assert(&self, uses_lock: bool) {
        self.tallies.assert(uses_lock);
        self.setting_aside.assert_never("setting another message aside");
        if uses_lock {
            self.listing.assert_partly("the list of what is set aside");
        } else {
            self.listing.assert_never("the list of what is set aside");
        }
    }
}

/// Drops what is set aside. Returns how many of the blobs there were.
fn discard_all(channel: &Channel) -> usize {
    let aside = channel.set_aside().unwrap();
    aside.iter().for_each(|aside| assert!(aside.discard().unwrap()));
    assert_unused(channel);
    aside.iter().filter(|aside| aside.decode::<Blob>().is_ok()).count()
}

/// The victim has claimed a message, and ends that.
fn claimer(operation: &str, len: usize, limit: u8, uses_lock: bool, act: impl Fn(Claimed<Blob>)) {
    let more = More::default();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let others = Others::new(&name);
        channel.send_with(&blob(1, len), Delivery::new().attempts(limit)).unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            let claimed = channel.claim::<Blob>().unwrap();
            mark();
            act(claimed);
            mark();
        });
        let mut received = Vec::new();
        let walk = more.stop(victim, steps, &others, || received = more.exchange(&others, Delivery::new()));
        let expected: &[u64] = if limit == 1 { &[2, 3] } else { &[1, 2, 3] };
        receive_all(&channel, received, expected);
        assert_eq!(discard_all(&channel), usize::from(limit == 1), "it is set aside");
        walk
    });
    more.assert(uses_lock);
}

#[test]
fn a_requeue() {
    claimer("claimed.requeue of 10 bytes, others send and receive", SMALL, 0, false, |claimed| {
        claimed.requeue().unwrap()
    });
}

#[test]
fn a_requeue_for_later() {
    claimer("claimed.requeue_after of 300 bytes, others send and receive", LARGE, 0, false, |claimed| {
        claimed.requeue_after(SOON).unwrap();
    });
}

#[test]
fn a_requeue_at_the_limit() {
    claimer("claimed.requeue of 300 bytes at the limit, others send and receive", LARGE, 1, true, |claimed| {
        claimed.requeue().unwrap();
    });
}

/// The victim sends a message for later, and so do the others.
#[test]
fn a_sender_for_later() {
    let more = More::default();
    every_instruction("channel.send_with a delay, others send with a delay and receive", |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let (others, soon) = (Others::new(&name), Delivery::new().delay(SOON));
        let victim = Victim::start(|| {
            let (channel, blob) = (open(&name), blob(1, SMALL));
            mark();
            channel.send_with(&blob, soon).unwrap();
            mark();
        });
        let mut received = Vec::new();
        let walk = more.stop(victim, steps, &others, || received = more.exchange(&others, soon));
        receive_all(&channel, received, &[1, 2, 3]);
        discard_all(&channel);
        walk
    });
    more.assert(false);
}

/// A receiver sleeps, and knows of no time. The victim sends for later, and another member sends for a later time yet.
#[test]
fn a_notifier_of_a_delay() {
    let waiter = Tally::default();
    every_instruction("channel.send_with a delay, one sleeps, another sends with a delay", |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let sleeper = open(&name);
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            channel.send_with(&Number(1), Delivery::new().delay(SOON)).unwrap();
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| sleeper.recv_timeout::<Number>(LONG).expect("it is notified").0);
            until_rings(channel.status().unwrap().set, Waiters::FOR_MESSAGES);
            let walk = stop(victim, steps, || {
                channel.send_with(&Number(2), Delivery::new().delay(5 * SOON)).unwrap();
                waiter.count(within(TRIED, || sleeper.is_finished()));
            });
            let received = [sleeper.join().unwrap(), channel.recv_timeout::<Number>(LONG).unwrap().0];
            assert!(received == [1, 2] || received == [2, 1], "each message comes once");
            walk
        })
    });
    waiter.assert_never("the sleeper, after another delay");
}

/// Two messages are due. The victim makes them ready, and receives one.
#[test]
fn a_receiver_of_what_is_due() {
    let more = More::default();
    every_instruction("channel.try_claim, two messages are due, others send and receive", |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let others = Others::new(&name);
        let soon = Delivery::new().delay(SOON);
        [1, 4].into_iter().for_each(|seed| channel.send_with(&blob(seed, SMALL), soon).unwrap());
        let victim = Victim::start(|| {
            let channel = open(&name);
            thread::sleep(3 * SOON);
            mark();
            let claimed = channel.try_claim::<Blob>();
            mark();
            drop(claimed);
        });
        let mut received = Vec::new();
        let walk = more.stop(victim, steps, &others, || received = more.exchange(&others, soon));
        receive_all(&channel, received, &[1, 2, 3, 4]);
        discard_all(&channel);
        walk
    });
    more.assert(false);
}

/// The victim has claimed a request that may be delivered again, and responds. Another server responds to another call.
fn responder(operation: &str, len: usize) {
    let more = More::default();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let others = Others::new(&name);
        let mut pending = channel.request_with(&Ask { number: 1, len }, Delivery::new().attempts(3)).unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            let (claimed, response) = (channel.claim::<Ask>().unwrap(), blob(1, len));
            mark();
            claimed.respond(&response).unwrap();
            mark();
        });
        let walk = more.stop(victim, steps, &others, || {
            let is_called = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !is_called.load(Relaxed) {
                        serve(&others.receiver, SOON);
                    }
                });
                more.tallies.same.count(call(&others.sender, 5, SMALL, TRIED));
                is_called.store(true, Relaxed);
            });
        });
        assert!(pending.wait_timeout(LONG).expect("it is responded to") == blob(1, len));
        discard_all(&channel);
        walk
    });
    more.assert(len > SMALL);
}

#[test]
fn a_response_beside_the_request() {
    responder("claimed.respond beside the request, another server responds", SMALL);
}

#[test]
fn a_long_response() {
    responder("claimed.respond of 300 bytes, another server responds", LARGE);
}

/// A message is set aside, and the victim retries it, drops it, or reads it.
fn operator(operation: &str, is_retried: bool, act: impl Fn(&Channel, &SetAside)) {
    let more = More::default();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let others = Others::new(&name);
        channel.send_with(&blob(1, LARGE), Delivery::new().attempts(1)).unwrap();
        channel.claim::<Blob>().unwrap().requeue().unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            let aside = channel.set_aside().unwrap();
            mark();
            act(&channel, &aside[0]);
            mark();
        });
        let mut received = Vec::new();
        let walk = more.stop(victim, steps, &others, || received = more.exchange(&others, Delivery::new()));
        let expected: &[u64] = if is_retried { &[1, 2, 3] } else { &[2, 3] };
        receive_all(&channel, received, expected);
        discard_all(&channel);
        walk
    });
    more.assert(true);
}

#[test]
fn a_retry() {
    operator("set_aside.retry, others send and receive", true, |_, aside| assert!(aside.retry().unwrap()));
}

#[test]
fn a_discard() {
    operator("set_aside.discard, others send and receive", false, |_, aside| assert!(aside.discard().unwrap()));
}

#[test]
fn a_list() {
    operator("channel.set_aside, others send and receive", false, |channel, _| {
        assert!((1..=2).contains(&channel.set_aside().unwrap().len()), "the others set one aside");
    });
}

/// A caller leaves a request that is claimed. Others call.
#[test]
fn a_caller_that_cancels() {
    let more = More::default();
    every_instruction("cancel of a claimed request, others call", |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        let others = Others::new(&name);
        let victim = Victim::start(|| {
            let channel = open(&name);
            let pending = channel.request_with(&Ask { number: 1, len: SMALL }, Delivery::new().attempts(3)).unwrap();
            mark();
            drop(pending);
            mark();
        });
        let claimed = channel.claim::<Ask>().unwrap();
        let walk = more.stop(victim, steps, &others, || {
            // Without a caller, or with one, it is done.
            claimed.respond(&blob(1, SMALL)).unwrap();
            more.tallies.same.count(others.sender.depth().is_ok());
        });
        discard_all(&channel);
        walk
    });
    more.assert(false);
}
