//! Many consumers of an mpmc ring sleep, and few items come: each item wakes one.

use support::{
    Child, SHORT, child, hold_for_ever, name,
    prompt::{promptly, sleeps_of},
};
use sysv_primitives::mpmc;

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

const SLEEPERS: u32 = 64;
const ITEMS: u32 = 8;

/// Asserts that so many of the sleepers are woken, and no other one, and that no sleeper comes in between.
fn each_item_wakes_one(act: impl FnOnce(&mpmc::Producer<u64>, &dyn Fn(u32))) {
    let (name, counted) = (name(), support::memory(4 + 4 * SLEEPERS as usize));
    let popped: &AtomicU32 = counted.view(0).unwrap();
    let is_popped: &[AtomicU32] = counted.slice(4, SLEEPERS as usize).unwrap();
    let ring = mpmc::Ring::<u64>::options().max_handles(SLEEPERS + 1).create(&name, 64).unwrap();
    let producer = ring.producer().unwrap();
    let sleepers: Vec<_> = is_popped
        .iter()
        .map(|is_popped| {
            child(|| {
                let ring = mpmc::Ring::<u64>::open(&name).unwrap();
                let consumer = ring.consumer().unwrap();
                consumer.pop().unwrap();
                is_popped.store(1, SeqCst);
                popped.fetch_add(1, SeqCst);
                hold_for_ever()
            })
        })
        .collect();
    sleepers.iter().for_each(Child::until_asleep);
    let before: Vec<_> = sleepers.iter().map(sleeps_of).collect();
    act(&producer, &|number| promptly("a consumer has each item", || popped.load(SeqCst) == number));
    thread::sleep(SHORT);
    assert_eq!(popped.load(SeqCst), ITEMS);
    let is_asleep = |number: &usize| is_popped[*number].load(SeqCst) == 0;
    let woken: Vec<_> = (0..sleepers.len())
        .filter(is_asleep)
        .map(|number| (number, sleeps_of(&sleepers[number]) - before[number]))
        .filter(|(_, sleeps)| *sleeps > 0)
        .collect();
    assert!(woken.is_empty(), "consumers without an item were woken so often: {woken:?}");
}

#[test]
fn items_one_by_one_wake_one_consumer_each() {
    each_item_wakes_one(|producer, until_popped| {
        for number in 1..=ITEMS {
            producer.push(number.into()).unwrap();
            until_popped(number);
        }
    });
}

#[test]
fn items_at_once_wake_one_consumer_each() {
    each_item_wakes_one(|producer, until_popped| {
        assert_eq!(producer.push_slice(&[0; ITEMS as usize]).unwrap(), ITEMS as usize);
        until_popped(ITEMS);
    });
}
