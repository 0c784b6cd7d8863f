//! What a process holds up that is stopped at any machine instruction of a broadcast ring's operations.

use std::thread;

use support::{
    LONG, Name, Waiters, name,
    step::{Victim, every_instruction, mark},
    until_rings, within,
};
use sysv_primitives::{Options, broadcast};

use super::held_up::{TRIED, Tally, stop};

type Ring = broadcast::Ring<u64>;

const CAPACITY: usize = 4;
const ITEMS: Waiters = Waiters::Room { common: 1, each: 2, room: 1 };

fn options() -> Options<Ring> {
    Ring::options().max_handles(8)
}

fn open(name: &Name) -> Ring {
    options().open(name).unwrap()
}

/// A subscriber is stopped while it joins, pops and leaves. The others push and pop a lap and more.
fn a_subscriber(is_lagging: bool) -> (Tally, Tally) {
    let (push, pop) = <(Tally, Tally)>::default();
    every_instruction(&format!("broadcast: a subscriber, lagging: {is_lagging}"), |steps| {
        let name = name();
        let ring = options().lagging(is_lagging).create(&name, CAPACITY).unwrap();
        let (mut producer, mut other) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        let victim = Victim::start(|| {
            let ring = open(&name);
            mark();
            let mut subscriber = ring.subscriber().unwrap();
            // It may have joined before the others pushed.
            let _ = subscriber.try_pop();
            drop(subscriber);
            mark();
        });
        stop(victim, steps, || {
            let pushed = (0..=CAPACITY as u64).all(|number| {
                let went_on = producer.push_timeout(number, TRIED).is_ok();
                pop.count(!went_on || other.try_pop().is_ok_and(|found| found == number));
                went_on
            });
            push.count(pushed);
            // It may have to pop what it had joined for.
            drop(producer);
            ring.close().unwrap();
        })
    });
    (push, pop)
}

#[test]
fn a_subscriber_of_a_broadcast_ring() {
    let (push, pop) = a_subscriber(false);
    push.assert_partly("the producer, once the ring is full");
    pop.assert_never("another subscriber");
    let (push, pop) = a_subscriber(true);
    push.assert_never("the producer of a lagging ring");
    pop.assert_never("another subscriber of a lagging ring");
}

/// The victim pushes while a subscriber sleeps. A subscriber that comes finds the item once it is there.
#[test]
fn a_producer_of_a_broadcast_ring() {
    let (awake, asleep) = <(Tally, Tally)>::default();
    every_instruction("broadcast.push, a subscriber sleeps", |steps| {
        let name = name();
        let ring = options().create(&name, CAPACITY).unwrap();
        let (mut first, mut second) = (ring.subscriber().unwrap(), ring.subscriber().unwrap());
        let set = ring.status().unwrap().set;
        let victim = Victim::start(|| {
            let mut producer = open(&name).producer().unwrap();
            mark();
            producer.push(7).unwrap();
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(move || assert_eq!(first.pop_timeout(LONG).expect("it is woken"), 7));
            until_rings(set, ITEMS);
            stop(victim, steps, || {
                awake.count(second.try_pop().is_ok());
                asleep.count(within(TRIED, || sleeper.is_finished()));
            })
        })
    });
    awake.assert_partly("a subscriber that looks");
    asleep.assert_partly("a subscriber that sleeps");
}
