//! Sent, requeued and received with a delay.

use std::{cell::Cell, thread, time::Duration};

use support::{
    LONG, name,
    step::{Walk, instructions_of_one_of_many as every_instruction},
    until,
};
use sysv_primitives::{Channel, Delivery};

use super::{Ask, LONG_ONE, SHORT, Text, claim_once, options, survey, text, until_a_receiver_sleeps, victim};

fn requeuing_later(operation: &str, len: usize) {
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        channel.send(&text(len)).unwrap();
        let prepare = |channel: &Channel| channel.claim::<Text>().unwrap();
        let later = Duration::from_millis(1);
        let victim = victim(&name, prepare, |_, claimed| claimed.requeue_after(later).unwrap());
        let walk = thread::scope(|scope| {
            scope.spawn(|| claim_once(&channel, 2..=2, &text(len)));
            until_a_receiver_sleeps(&channel);
            victim.walk(steps)
        });
        survey(&channel, &name);
        walk
    });
}

#[test]
fn requeue_after() {
    requeuing_later("claimed.requeue_after of 10 bytes, a receiver sleeps", SHORT);
}

#[test]
fn requeue_after_long() {
    requeuing_later("claimed.requeue_after of 300 bytes, a receiver sleeps", LONG_ONE);
}

/// Receivers sleep, one of them until a later time. If the victim sent the message, it comes, and once.
fn sending_later(operation: &str, len: usize) {
    let came = Cell::new(0);
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let delivery = Delivery::new().delay(Duration::from_millis(1));
        let sent = text(len);
        let victim = victim(&name, |_| (), |channel, ()| channel.send_with(&sent, delivery).unwrap());
        let walk = thread::scope(|scope| {
            let receiver = scope.spawn(|| {
                let found = channel.recv_timeout::<Text>(LONG).expect("what ends this wait was sent");
                if found.0.is_empty() {
                    return 0;
                }
                assert!(found == text(len), "changed");
                assert!(channel.recv_timeout::<Text>(LONG).unwrap().0.is_empty(), "it came twice");
                1
            });
            until_a_receiver_sleeps(&channel);
            let walk = victim.walk(steps);
            until(|| channel.depth().unwrap().delayed == 0);
            // It ends the wait. What was due before comes before.
            let ends = || channel.send_with(&text(0), Delivery::new().delay(Duration::from_millis(2))).unwrap();
            ends();
            let received = receiver.join().unwrap();
            assert!(walk == Walk::Killed || received == 1, "{received} after {walk:?}");
            came.set(came.get() + received);
            walk
        });
        survey(&channel, &name);
        walk
    });
    println!("{operation}: it came {} times", came.get());
}

#[test]
fn send_later() {
    sending_later("channel.send_with a delay, 10 bytes, a receiver sleeps", SHORT);
}

#[test]
fn send_later_long() {
    sending_later("channel.send_with a delay, 300 bytes, a receiver sleeps", LONG_ONE);
}

/// How far apart the messages are that must keep their order: more than a tick of the stamps.
const APART: Duration = Duration::from_millis(3);

/// Two messages are due, and one is later. The victim makes the two ready, and claims the first one.
#[test]
fn promotion() {
    let claims = Cell::new([0; 2]);
    every_instruction("channel.try_claim, two delayed messages are due", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let delay = |times: u32| Delivery::new().delay(APART * times);
        channel.send_with(&text(SHORT + 1), delay(2)).unwrap();
        channel.send_with(&text(SHORT), delay(1)).unwrap();
        channel.send_with(&text(SHORT + 2), delay(5)).unwrap();
        let victim = victim(
            &name,
            |_| thread::sleep(3 * APART),
            |channel, ()| std::mem::forget(channel.try_claim::<Text>().unwrap()),
        );
        let walk = victim.walk(steps);
        // It has others repair what the victim left: until then the second message would come first.
        channel.depth().unwrap();
        let first = claim_once(&channel, 1..=2, &text(SHORT));
        claim_once(&channel, 1..=1, &text(SHORT + 1));
        claim_once(&channel, 1..=1, &text(SHORT + 2));
        assert!(walk == Walk::Killed || first == 2);
        let mut counts = claims.get();
        counts[first as usize - 1] += 1;
        claims.set(counts);
        survey(&channel, &name);
        walk
    });
    println!("the first one was another's {} times, the victim's {} times", claims.get()[0], claims.get()[1]);
}

/// The victim promotes, and a receiver of another route sleeps for the message.
#[test]
fn promotion_for_another() {
    every_instruction("channel.try_recv, a delayed message for a sleeper is due", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let victim = victim(&name, |_| (), |channel, ()| drop(channel.try_claim::<Ask>()));
        let walk = thread::scope(|scope| {
            scope.spawn(|| claim_once(&channel, 1..=1, &text(SHORT)));
            until_a_receiver_sleeps(&channel);
            channel.send_with(&text(SHORT), Delivery::new().delay(Duration::from_micros(300))).unwrap();
            victim.walk(steps)
        });
        survey(&channel, &name);
        walk
    });
}
