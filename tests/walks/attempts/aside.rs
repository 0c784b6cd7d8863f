//! Set aside at the limit, retried and discarded.

use std::{cell::Cell, thread};

use support::{
    LONG, name,
    step::{Walk, instructions_of_one_of_many as every_instruction},
};
use sysv_primitives::{CallError, Cause, Channel, Claimed, SetAside};

use super::{
    Ask, CALLS, CAPACITY, LONG_ONE, QUOTA, SHORT, Text, ask, assert_empty, fill, limit, options, sleeping_caller,
    survey, text, victim,
};

/// Returns the one message that is set aside, the attempts on which ended so.
#[track_caller]
fn only_aside(channel: &Channel, walk: Walk, last: Cause, pid: u32) -> SetAside {
    let mut aside = channel.set_aside().unwrap();
    let found = aside.pop().expect("it is set aside");
    assert!(aside.is_empty(), "it is there twice");
    let attempts: Vec<_> =
        found.attempts().iter().map(|attempt| (attempt.number, attempt.cause, attempt.pid)).collect();
    let expected = |cause| vec![(1, Cause::Requeued, Some(std::process::id())), (2, cause, Some(pid))];
    let is_killed = matches!(walk, Walk::Killed);
    assert!(
        attempts == expected(last) || is_killed && attempts == expected(Cause::Died),
        "{attempts:?} after {walk:?}"
    );
    found
}

/// Retries or discards what is set aside, by turns. A message that is retried has one attempt more.
#[track_caller]
fn end_aside(channel: &Channel, aside: &SetAside, steps: u64) {
    if steps.is_multiple_of(2) {
        assert!(aside.discard().unwrap());
    } else {
        assert!(aside.retry().unwrap());
        let claimed = channel.try_claim_any().expect("it was retried");
        assert_eq!((claimed.attempt(), claimed.bytes()), (3, aside.bytes()));
        drop(claimed.done().unwrap());
    }
    assert!(!aside.retry().unwrap() && !aside.discard().unwrap(), "it is aside no more");
}

/// A message of which the second attempt, which is the last one, is the victim's to requeue.
fn setting_aside(operation: &str, len: usize, last: Cause, act: impl Fn(Claimed<Text>)) {
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        channel.send_with(&text(len), limit(2)).unwrap();
        channel.claim::<Text>().unwrap().requeue().unwrap();
        let victim = victim(&name, |channel| channel.claim::<Text>().unwrap(), |_, claimed| act(claimed));
        let pid = victim.pid();
        let walk = victim.walk(steps);
        let aside = only_aside(&channel, walk, last, pid);
        assert_eq!(aside.decode::<Text>().unwrap(), text(len), "changed");
        assert!(channel.try_claim_any().unwrap_err().is_busy(), "it is there twice");
        end_aside(&channel, &aside, steps);
        survey(&channel, &name);
        walk
    });
}

#[test]
fn requeue_at_the_limit() {
    setting_aside("claimed.requeue of 10 bytes at the limit", SHORT, Cause::Requeued, |claimed| {
        claimed.requeue().unwrap();
    });
}

#[test]
fn requeue_at_the_limit_long() {
    setting_aside("claimed.requeue of 300 bytes at the limit", LONG_ONE, Cause::Requeued, |claimed| {
        claimed.requeue().unwrap();
    });
}

/// The delay of a message that is set aside is none.
#[test]
fn requeue_after_at_the_limit() {
    setting_aside("claimed.requeue_after of 10 bytes at the limit", SHORT, Cause::Requeued, |claimed| {
        claimed.requeue_after(LONG).unwrap();
    });
}

/// As above, and a caller sleeps, which learns it.
fn setting_a_request_aside(operation: &str, len: usize) {
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let pending = channel.request_with(&ask(1, len), limit(2)).unwrap();
        channel.claim::<Ask>().unwrap().requeue().unwrap();
        let prepare = |channel: &Channel| channel.claim::<Ask>().unwrap();
        let victim = victim(&name, prepare, |_, claimed| claimed.requeue().unwrap());
        let pid = victim.pid();
        let walk = thread::scope(|scope| {
            let caller = sleeping_caller(scope, &channel, pending);
            let walk = victim.walk(steps);
            match caller.join().unwrap() {
                Err(CallError::SetAside { attempts, .. }) => assert_eq!(attempts.len(), 2),
                other => panic!("another end: {other:?}"),
            }
            walk
        });
        let aside = only_aside(&channel, walk, Cause::Requeued, pid);
        assert_eq!(aside.decode::<Ask>().unwrap(), ask(1, len), "changed");
        assert!(channel.try_claim_any().unwrap_err().is_busy(), "it is there twice");
        end_aside(&channel, &aside, steps);
        survey(&channel, &name);
        walk
    });
}

#[test]
fn requeue_of_a_request_at_the_limit() {
    setting_a_request_aside("claimed.requeue of a request of 10 bytes at the limit, the caller sleeps", SHORT);
}

#[test]
fn requeue_of_a_request_at_the_limit_long() {
    setting_a_request_aside("claimed.requeue of a request of 300 bytes at the limit, the caller sleeps", LONG_ONE);
}

/// As many are set aside as may be, and the victim sets one more aside: the oldest one is dropped.
#[test]
fn requeue_at_the_limit_with_a_full_quota() {
    every_instruction("claimed.requeue of 300 bytes at the limit, the quota is full", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        for _ in 0..QUOTA {
            channel.send_with(&text(LONG_ONE), limit(1)).unwrap();
            drop(channel.claim::<Text>().unwrap());
        }
        channel.send_with(&text(LONG_ONE + 1), limit(1)).unwrap();
        let prepare = |channel: &Channel| channel.claim::<Text>().unwrap();
        let walk = victim(&name, prepare, |_, claimed| claimed.requeue().unwrap()).walk(steps);
        // Senders that need the room have the cells balanced, if the victim has not.
        assert_eq!(fill(&channel), (CAPACITY, CALLS), "the capacity");
        let (aside, dropped) = (channel.set_aside().unwrap(), channel.depth().unwrap().dropped);
        assert_eq!(aside.len(), QUOTA, "the quota after {walk:?}");
        // A process that dies after it has counted the drop drops none, and another one is counted.
        assert!(dropped == 1 || walk == Walk::Killed && dropped == 2, "{dropped} were dropped");
        assert!(aside.iter().any(|aside| aside.bytes().len() > LONG_ONE + 2), "it is not the oldest");
        aside.iter().for_each(|aside| assert!(aside.discard().unwrap()));
        survey(&channel, &name);
        walk
    });
}

/// A cell of a dead process that discarded becomes free, and no spare one. The next message that is set aside makes up for it.
#[track_caller]
fn balance_after_a_discard(channel: &Channel) {
    let (messages, calls) = fill(channel);
    assert!((CAPACITY..=CAPACITY + 1).contains(&messages) && calls == CALLS, "{messages} messages, {calls} calls");
    channel.send_with(&text(SHORT), limit(1)).unwrap();
    drop(channel.claim::<Text>().unwrap());
    channel.set_aside().unwrap().iter().for_each(|aside| assert!(aside.discard().unwrap()));
}

/// One message is set aside, and the victim ends that.
fn ending_aside(operation: &str, len: usize, act: impl Fn(&SetAside), is_retry: bool) {
    let ended = Cell::new([0; 2]);
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        channel.send_with(&text(len), limit(1)).unwrap();
        channel.claim::<Text>().unwrap().requeue().unwrap();
        let prepare = |channel: &Channel| channel.set_aside().unwrap();
        let walk = victim(&name, prepare, |_, aside| act(&aside[0])).walk(steps);
        let aside = channel.set_aside().unwrap();
        let ready = channel.try_claim::<Text>();
        let found = aside.len() + usize::from(ready.is_ok());
        assert!(found == 1 || !is_retry && found == 0, "it is there {found} times");
        let mut counts = ended.get();
        counts[usize::from(aside.is_empty())] += 1;
        ended.set(counts);
        if let Ok(claimed) = ready {
            assert!(*claimed == text(len) && claimed.attempt() == 2, "changed");
            claimed.done().unwrap();
        }
        for aside in aside {
            assert_eq!((aside.decode::<Text>().unwrap(), walk), (text(len), Walk::Killed), "changed");
            assert!(aside.discard().unwrap());
        }
        assert_empty(&channel);
        if !is_retry && walk == Walk::Killed {
            balance_after_a_discard(&channel);
        }
        survey(&channel, &name);
        walk
    });
    println!("{operation}: {} times it stayed aside, {} times not", ended.get()[0], ended.get()[1]);
}

#[test]
fn retry() {
    ending_aside("set_aside.retry of 10 bytes", SHORT, |aside| assert!(aside.retry().unwrap()), true);
}

#[test]
fn retry_long() {
    ending_aside("set_aside.retry of 300 bytes", LONG_ONE, |aside| assert!(aside.retry().unwrap()), true);
}

#[test]
fn discard() {
    ending_aside("set_aside.discard of 10 bytes", SHORT, |aside| assert!(aside.discard().unwrap()), false);
}

#[test]
fn discard_long() {
    ending_aside("set_aside.discard of 300 bytes", LONG_ONE, |aside| assert!(aside.discard().unwrap()), false);
}

/// The victim reads what is set aside, under the lock.
#[test]
fn a_list_of_what_is_set_aside() {
    every_instruction("channel.set_aside of two of 300 bytes", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        for _ in 0..2 {
            channel.send_with(&text(LONG_ONE), limit(1)).unwrap();
            channel.claim::<Text>().unwrap().requeue().unwrap();
        }
        let act = |channel: &Channel, ()| assert_eq!(channel.set_aside().unwrap().len(), 2);
        let walk = victim(&name, |_| (), act).walk(steps);
        let aside = channel.set_aside().unwrap();
        assert_eq!(aside.len(), 2);
        aside.iter().for_each(|aside| assert!(aside.discard().unwrap()));
        survey(&channel, &name);
        walk
    });
}
