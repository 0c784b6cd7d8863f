//! Items of some pages, so that a copy takes a while.

use support::{LONG, child, name, until};
use sysv_primitives::{broadcast, spsc};

const WORDS: usize = 2048;

type Large = [u64; WORDS];

const ITEMS: u64 = 3_000;

#[track_caller]
fn assert_whole(item: &Large, expected: u64) {
    assert!(item.iter().all(|&word| word == expected), "item {expected} is {:?}", &item[..4]);
}

/// An item stays until it is read, though the producer waits for its slot.
#[test]
fn bc2_an_item_stays_until_it_is_read() {
    let name = name();
    let ring = broadcast::Ring::<Large>::options().create(&name, 1).unwrap();
    let subscriber = child(|| {
        let mut subscriber = broadcast::Ring::<Large>::open(&name).unwrap().subscriber().unwrap();
        (0..ITEMS).for_each(|number| assert_whole(&subscriber.pop_timeout(LONG).unwrap(), number));
    });
    until(|| ring.subscribers().len() == 1);
    let mut producer = ring.producer().unwrap();
    (0..ITEMS).for_each(|number| producer.push_timeout([number; WORDS], LONG).unwrap());
    subscriber.join();
}

/// An item is whole when it is there, and stays until it is read.
#[test]
fn sp2_an_item_is_whole() {
    let name = name();
    let ring = spsc::Ring::<Large>::options().create(&name, 1).unwrap();
    let consumer = child(|| {
        let mut consumer = spsc::Ring::<Large>::open(&name).unwrap().consumer().unwrap();
        (0..ITEMS).for_each(|number| assert_whole(&consumer.pop_timeout(LONG).unwrap(), number));
    });
    let mut producer = ring.producer().unwrap();
    (0..ITEMS).for_each(|number| producer.push_timeout([number; WORDS], LONG).unwrap());
    consumer.join();
}
