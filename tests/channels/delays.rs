//! Delayed messages: none is early, and none is forgotten.

use std::time::{Duration, Instant};

use support::{
    LONG, Name, SHORT, child, hold_for_ever,
    letters::{Ask, Blob, Number, ask, assert_unused, blob},
    name, say, until,
};
use sysv_primitives::{Channel, Delivery, Message, RecvError, raw::SemaphoreSet};

const DELAY: Duration = Duration::from_millis(150);

fn channel() -> (Channel, Name) {
    let name = name();
    (Channel::create(&name).unwrap(), name)
}

fn later(delay: Duration) -> Delivery {
    Delivery::new().delay(delay)
}

fn until_asleep(channel: &Channel) {
    let set = SemaphoreSet::from_id(channel.status().unwrap().set).unwrap();
    until(|| support::Waiters::FOR_MESSAGES.asleep(&set) > 0);
}

/// A delayed message is received when it is due: by a receiver that slept before it was sent, that came later, or that only looks.
#[test]
fn is_received_when_it_is_due() {
    for sleeps_before in [true, false] {
        let (channel, _name) = channel();
        let sender = child(|| {
            if sleeps_before {
                until_asleep(&channel);
            }
            channel.send_with(&Number(1), later(DELAY)).unwrap();
            say("sent");
            hold_for_ever();
        });
        if !sleeps_before {
            until(|| channel.depth().unwrap().delayed == 1);
        }
        let begun = Instant::now();
        assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(1));
        let waited = begun.elapsed();
        assert!(waited < LONG / 2, "it slept too long, before: {sleeps_before}");
        assert!(!sleeps_before || waited >= DELAY, "it was early: {waited:?}");
        sender.kill();
        assert_unused(&channel);
    }
}

#[test]
fn is_not_early() {
    let (channel, _name) = channel();
    let begun = Instant::now();
    channel.send_with(&Number(1), later(DELAY)).unwrap();
    let depth = channel.depth().unwrap();
    assert_eq!((depth.delayed, depth.messages, depth.routes.len()), (1, 1, 0));
    while channel.try_recv::<Number>().is_err() {
        assert!(begun.elapsed() < LONG);
    }
    assert!(begun.elapsed() >= DELAY);
    assert!(channel.recv_timeout::<Number>(SHORT).unwrap_err().is_busy());
    assert_unused(&channel);
}

/// They come in the order in which they are due, from whichever process.
#[test]
fn in_the_order_of_their_times() {
    let (channel, _name) = channel();
    let send = |millis: u64| {
        let delay = Duration::from_millis(millis);
        let before = Instant::now();
        child(|| channel.send_with(&Number(millis), later(delay)).unwrap()).join();
        (millis, before + delay, Instant::now() + delay)
    };
    let times = [90, 30, 60, 120, 31].map(send);
    channel.send(&Number(0)).unwrap();
    let found: Vec<u64> = (0..6).map(|_| channel.recv_timeout::<Number>(LONG).unwrap().0).collect();
    assert_eq!(found[0], 0, "{found:?}");
    let due = |number: &u64| times.iter().find(|(millis, ..)| millis == number).unwrap();
    for pair in found[1..].windows(2) {
        let ((_, from, _), (_, _, until)) = (due(&pair[0]), due(&pair[1]));
        assert!(until >= from, "{found:?}");
    }
    assert_unused(&channel);
}

/// Two messages of one sender keep their order, also if a delayed one is in front of the first. Its time may be ahead of the clock by which
/// messages are ordered.
#[test]
fn the_order_of_others_stays() {
    let (channel, _name) = channel();
    for number in 0..100 {
        channel.send_with(&Number(number), later(Duration::from_micros(700))).unwrap();
        // A wait for another route makes it ready, and leaves it.
        assert!(channel.recv_timeout::<Blob>(Duration::from_millis(1)).unwrap_err().is_busy());
        assert_eq!(channel.depth().unwrap().delayed, 0);
        channel.send(&Number(1000)).unwrap();
        channel.send(&blob(1, 1)).unwrap();
        let routes: Vec<_> = (0..3).map(|_| channel.recv_any().unwrap().route()).collect();
        assert_eq!(routes, [Number::ROUTE, Number::ROUTE, Blob::ROUTE]);
    }
    assert_unused(&channel);
}

/// A long one has its bytes, and other routes go on.
#[test]
fn a_long_one() {
    let (channel, _name) = channel();
    channel.send_with(&blob(1, 50_000), later(DELAY)).unwrap();
    channel.send(&Number(0)).unwrap();
    assert_eq!(channel.recv_any().unwrap().decode::<Number>().unwrap(), Number(0));
    assert!(channel.recv_any_timeout(LONG).unwrap().decode::<Blob>().unwrap() == blob(1, 50_000));
    assert_unused(&channel);
}

/// Each sleeper may be the one that makes it ready: one that waits for another route calls the one that wants it.
#[test]
fn woken_by_another_ones_wait() {
    let (channel, _name) = channel();
    let others: Vec<_> =
        (0..3).map(|_| child(|| assert!(channel.recv_timeout::<Blob>(LONG).unwrap().seed == 1))).collect();
    others.iter().for_each(|other| other.until_asleep());
    channel.send_with(&Number(1), later(DELAY)).unwrap();
    let begun = Instant::now();
    assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(1));
    assert!(begun.elapsed() < LONG / 2);
    others.iter().for_each(|_| channel.send(&blob(1, 1)).unwrap());
    others.into_iter().for_each(support::Child::join);
    assert_unused(&channel);
}

/// A claim that is given back for later counts an attempt, keeps its room, and comes to a receiver that sleeps.
#[test]
fn requeued_for_later() {
    let (channel, _name) = channel();
    channel.send(&blob(3, 20_000)).unwrap();
    let begun = Instant::now();
    channel.claim::<Blob>().unwrap().requeue_after(DELAY).unwrap();
    let depth = channel.depth().unwrap();
    assert_eq!((depth.delayed, depth.claimed, depth.messages), (1, 0, 1));
    let claimed = channel.claim_timeout::<Blob>(LONG).unwrap();
    assert!(begun.elapsed() >= DELAY && begun.elapsed() < LONG / 2);
    assert_eq!(claimed.attempt(), 2);
    assert!(claimed.done().unwrap() == blob(3, 20_000));
    assert_unused(&channel);
}

/// The process that delayed it is dead before it is due, or dies while others sleep.
#[test]
fn of_the_dead() {
    let (channel, _name) = channel();
    child(|| channel.send_with(&Number(1), later(DELAY)).unwrap()).join();
    let begun = Instant::now();
    assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(1));
    assert!(begun.elapsed() < LONG / 2);
    assert_unused(&channel);
}

/// A request can be delayed. Its caller takes it back, or dies with it.
#[test]
fn requests() {
    let (channel, _name) = channel();
    let mut pending = channel.request_with(&ask(1), later(DELAY)).unwrap();
    assert!(channel.try_claim::<Ask>().unwrap_err().is_busy());
    let claimed = channel.claim_timeout::<Ask>(LONG).unwrap();
    claimed.respond(&blob(1, 10)).unwrap();
    assert!(pending.wait_timeout(LONG).unwrap() == blob(1, 10));

    drop(channel.request_with(&ask(2), later(LONG)).unwrap());
    child(|| std::mem::forget(channel.request_with(&ask(3), later(LONG)).unwrap())).join();
    drop(pending);
    assert_unused(&channel);
    assert_eq!(channel.depth().unwrap().delayed, 0);
}

/// Closing makes them due: what is in a closed channel can be received.
#[test]
fn of_a_closed_channel() {
    let (channel, _name) = channel();
    channel.send_with(&Number(1), later(Duration::MAX)).unwrap();
    let receiver = child(|| {
        assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(1));
        assert!(channel.recv_timeout::<Number>(LONG).unwrap_err().is_end());
    });
    receiver.until_asleep();
    channel.close().unwrap();
    receiver.join();
    assert_unused(&channel);
}

/// A receiver that detects the disconnection has what is delayed first.
#[test]
fn of_a_sender_that_has_left() {
    let (channel, name) = channel();
    let sending = Channel::open(&name).unwrap();
    let sender = sending.sender::<Number>().unwrap();
    sender.channel().send_with(&Number(1), later(DELAY)).unwrap();
    drop(sender);
    let mut receiver = channel.receiver::<Number>().unwrap();
    receiver.detect_disconnect(true);
    assert_eq!(receiver.recv().unwrap(), Number(1));
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected { .. })));
}

/// A delayed message does not keep others from being received, and no sleeper runs meanwhile.
#[test]
fn sleepers_sleep() {
    let (channel, _name) = channel();
    channel.send_with(&Number(1), later(Duration::from_secs(3600))).unwrap();
    channel.send(&Number(2)).unwrap();
    assert_eq!(channel.recv::<Number>().unwrap(), Number(2));
    let used = || {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
        Duration::from(now)
    };
    let before = used();
    assert!(channel.recv_timeout::<Number>(Duration::from_millis(300)).unwrap_err().is_busy());
    let used = used() - before;
    assert!(used < Duration::from_millis(100), "it ran for {used:?}");
}
