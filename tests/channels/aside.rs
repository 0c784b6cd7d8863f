//! Limits of attempts, and messages that are set aside.

use std::panic;

use support::{
    LONG, Name, child, hold_for_ever,
    letters::{Blob, Number, assert_unused, blob},
    name, until,
};
use sysv_primitives::{Attempt, Cause, Channel, Delivery, Failure, Message, Options, Route, SendError, messages};

/// How many messages may be set aside in a small channel.
const QUOTA: usize = 16;

fn small() -> (Channel, Name) {
    let name = name();
    (Channel::options().capacity(4).attempts(1).max_message_size(100_000).create(&name).unwrap(), name)
}

fn set_aside(channel: &Channel, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        channel.send(&Number(number)).unwrap();
        drop(channel.claim::<Number>().unwrap());
    }
}

fn numbers(channel: &Channel) -> Vec<u64> {
    channel.set_aside().unwrap().iter().map(|aside| aside.decode::<Number>().unwrap().0).collect()
}

fn causes(attempts: &[Attempt]) -> Vec<(u32, Cause, Option<u32>)> {
    attempts.iter().map(|attempt| (attempt.number, attempt.cause, attempt.pid)).collect()
}

/// How many messages it has room for, which is found out by filling it.
fn room(channel: &Channel) -> usize {
    let sent = (0..1000).take_while(|&number| channel.try_send(&Number(number)).is_ok()).count();
    while channel.try_recv::<Number>().is_ok() {}
    sent
}

/// A message that fails as often as it may is set aside, with the cause of each attempt.
#[test]
fn with_the_cause_of_each_attempt() {
    let name = name();
    let channel = Channel::options().attempts(3).create(&name).unwrap();
    channel.send(&Number(7)).unwrap();

    channel.claim::<Number>().unwrap().requeue().unwrap();
    let ended = panic::catch_unwind(|| {
        let _claimed = channel.claim::<Number>().unwrap();
        panic!("on purpose");
    });
    assert!(ended.is_err());
    let worker = child(|| {
        let claimed = channel.claim::<Number>().unwrap();
        assert!(claimed.is_last_attempt() && claimed.attempts().len() == 2);
        hold_for_ever();
    });
    until(|| channel.depth().unwrap().claimed == 1);
    let pid = worker.id();
    worker.kill();

    until(|| channel.depth().unwrap().set_aside == 1);
    assert!(channel.try_claim::<Number>().unwrap_err().is_busy());
    let aside = channel.set_aside().unwrap();
    let own = Some(std::process::id());
    let expected = [(1, Cause::Requeued, own), (2, Cause::Panicked, own), (3, Cause::Died, Some(pid))];
    assert_eq!(causes(aside[0].attempts()), expected);
    assert_eq!((aside[0].route(), aside[0].decode::<Number>().unwrap()), (Number::ROUTE, Number(7)));
    let said = aside[0].attempts()[2].to_string();
    assert_eq!(said, format!("attempt 3: process {pid} died"));
    assert_unused(&channel);
}

#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
struct Limited(u32);
messages! { 9 => Limited, attempts 2 }

/// The delivery's limit counts before the type's, and that before the channel's.
#[test]
fn limits_of_the_delivery_the_type_and_the_channel() {
    let name = name();
    let channel = Channel::options().attempts(3).create(&name).unwrap();
    channel.send_raw(Route::new(8), b"the channel's").unwrap();
    channel.send(&Limited(1)).unwrap();
    channel.send_with(&Limited(2), Delivery::new().attempts(1)).unwrap();
    channel.send_with(&Limited(3), Delivery::new().attempts(0)).unwrap();
    let mut attempts = std::collections::BTreeMap::new();
    for _ in 0..20 {
        let Ok(claimed) = channel.try_claim_any() else { break };
        *attempts.entry(claimed.bytes().to_vec()).or_insert(0) += 1;
    }
    let of_types = [1_u32, 2, 3].map(|number| {
        attempts.iter().find(|(bytes, _)| bytes[..] == number.to_le_bytes()).map(|(_, attempts)| *attempts)
    });
    assert_eq!(of_types, [Some(2), Some(1), Some(14)], "{attempts:?}");
    assert_eq!(attempts[&b"the channel's"[..]], 3);
    assert_eq!(channel.depth().unwrap().set_aside, 3);
}

/// What is set aside takes no room from others. When there is one more than the quota the oldest one is dropped, and counted.
#[test]
fn a_quota_of_its_own() {
    let (channel, _name) = small();
    for count in 0..=QUOTA + 4 {
        let depth = channel.depth().unwrap();
        let (aside, dropped) = (count.min(QUOTA) as u64, count.saturating_sub(QUOTA) as u64);
        assert_eq!((depth.set_aside, depth.dropped, depth.max_messages), (aside, dropped, 4));
        assert_eq!(room(&channel), 4, "with {count} set aside");
        set_aside(&channel, std::iter::once(count as u64));
    }
    assert_eq!(numbers(&channel), (5..21).collect::<Vec<_>>());
    assert_unused(&channel);
}

/// A dropped one gives its blocks back.
#[test]
fn long_ones_are_dropped_with_their_blocks() {
    let (channel, _name) = small();
    for seed in 0..2 {
        channel.send(&blob(seed, 90_000)).unwrap();
        drop(channel.claim::<Blob>().unwrap());
    }
    let full = channel.try_send(&blob(2, 90_000)).unwrap_err();
    assert!(full.is_busy(), "they keep their blocks: {full}");
    let aside = channel.set_aside().unwrap();
    assert!(aside[1].decode::<Blob>().unwrap() == blob(1, 90_000));
    set_aside(&channel, 0..QUOTA as u64 - 1);
    assert_eq!(channel.depth().unwrap().dropped, 1);
    channel.try_send(&blob(2, 90_000)).unwrap();
    assert!(channel.recv::<Blob>().unwrap() == blob(2, 90_000));
    assert!(aside[1].discard().unwrap() && !aside[1].discard().unwrap() && !aside[0].discard().unwrap());
    assert_unused(&channel);
}

/// A message that is retried has as many attempts again, which are counted on.
#[test]
fn retried() {
    let name = name();
    let channel = Channel::options().attempts(2).create(&name).unwrap();
    channel.send(&blob(1, 5_000)).unwrap();
    for attempts in [[1, 2], [3, 4], [5, 6]] {
        for attempt in attempts {
            let claimed = channel.claim_timeout::<Blob>(LONG).unwrap();
            assert_eq!((claimed.attempt(), claimed.is_last_attempt()), (attempt, attempt % 2 == 0));
            assert_eq!(claimed.attempts().len(), attempt as usize - 1);
        }
        let aside = channel.set_aside().unwrap();
        assert!(aside[0].retry().unwrap() && !aside[0].retry().unwrap());
        assert_eq!(channel.depth().unwrap().set_aside, 0);
    }
    assert!(channel.claim::<Blob>().unwrap().done().unwrap() == blob(1, 5_000));
    assert_unused(&channel);
}

/// A full channel has no room for a message to be retried either. A sleeper is woken by one that is.
#[test]
fn retried_into_a_full_channel() {
    let (channel, _name) = small();
    set_aside(&channel, 0..1);
    (1..5).for_each(|number| channel.send(&Number(number)).unwrap());
    let aside = channel.set_aside().unwrap();
    assert!(matches!(aside[0].retry(), Err(SendError::Full(_))));
    assert_eq!(numbers(&channel), [0]);
    assert_eq!(channel.recv::<Number>().unwrap(), Number(1));
    assert!(aside[0].retry().unwrap());
    assert!(channel.try_send(&Number(9)).unwrap_err().is_busy());
    let left: Vec<_> = channel.try_iter::<Number>().map(Result::unwrap).collect();
    assert_eq!(left, [2, 3, 4, 0].map(Number));
    assert_eq!(room(&channel), 4);

    set_aside(&channel, 5..6);
    let aside = channel.set_aside().unwrap();
    let retries = child(|| {
        until(|| {
            let set = sysv_primitives::raw::SemaphoreSet::from_id(channel.status().unwrap().set).unwrap();
            support::Waiters::FOR_MESSAGES.asleep(&set) > 0
        });
        assert!(aside[0].retry().unwrap());
        hold_for_ever();
    });
    let begun = std::time::Instant::now();
    assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(5));
    assert!(begun.elapsed() < LONG / 2, "it was not woken");
    retries.kill();
    assert_unused(&channel);
}

/// A sender that waits for room has it when the cell of a message that is set aside is made up for.
#[test]
fn a_sender_waits_for_room() {
    let (channel, _name) = small();
    (0..4).for_each(|number| channel.send(&Number(number)).unwrap());
    let claimed = channel.claim::<Number>().unwrap();
    let sender = child(|| channel.send_timeout(&Number(9), LONG).unwrap());
    sender.until_asleep();
    let begun = std::time::Instant::now();
    drop(claimed);
    sender.join();
    assert!(begun.elapsed() < LONG / 2, "it was not woken");
    assert_eq!(channel.depth().unwrap().messages, 4);
}

/// A process that dies with its claim at the limit: a helper sets the message aside, and a sender has its room.
#[test]
fn of_the_dead() {
    let (channel, _name) = small();
    for death in 0..QUOTA as u64 + 3 {
        channel.send(&Number(death)).unwrap();
        let worker = child(|| {
            std::mem::forget(channel.claim::<Number>().unwrap());
        });
        worker.join();
        // It repairs what the worker had.
        assert_eq!(channel.depth().unwrap().claimed, 0);
        assert_eq!(room(&channel), 4, "after {death} deaths");
    }
    assert_eq!(numbers(&channel), (3..19).collect::<Vec<_>>());
    assert_eq!(channel.depth().unwrap().dropped, 3);
    assert_unused(&channel);
}

/// Control messages, and claims of them, have their own.
#[test]
fn options_say_the_limit() {
    let name = name();
    let channel = Channel::options().attempts(2).create(&name).unwrap();
    let other: Options<Channel> = Channel::options().attempts(3).exact(true);
    let refused = other.open(&name).unwrap_err().to_string();
    assert!(refused.contains("attempts"), "{refused}");
    assert_eq!(channel.claims().unwrap(), []);
}

/// The claims under way are seen from outside, and since when.
#[test]
fn claims_in_hand() {
    let (channel, _name) = small();
    channel.send(&Number(1)).unwrap();
    let worker = child(|| {
        let _claimed = channel.claim::<Number>().unwrap();
        hold_for_ever();
    });
    until(|| channel.claims().unwrap().len() == 1);
    let claim = channel.claims().unwrap()[0];
    assert_eq!((claim.route, claim.attempt), (Number::ROUTE, 1));
    assert_eq!(claim.member.pid, worker.id());
    let age = claim.age;
    until(|| channel.claims().unwrap()[0].age > age);
    worker.kill();
    assert_eq!(numbers(&channel), [1]);
    assert_eq!(channel.claims().unwrap(), []);
}

/// A copy that was listed speaks of one message: not of the next one in its cell.
#[test]
fn listed_long_ago() {
    let (channel, _name) = small();
    set_aside(&channel, 0..1);
    let first = channel.set_aside().unwrap();
    assert!(first[0].discard().unwrap());
    set_aside(&channel, 1..QUOTA as u64 + 1);
    assert!(!first[0].retry().unwrap() && !first[0].discard().unwrap());
    assert_eq!(numbers(&channel).len(), QUOTA);
    let gone = channel.remove().and_then(|()| first[0].discard().map(drop));
    assert!(gone.is_ok_and(|()| true) || matches!(channel.set_aside(), Err(Failure::System { .. })));
}
