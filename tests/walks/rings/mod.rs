//! Rings, killed at every machine instruction of every operation: what was committed comes out exactly once, whole and
//! in order, no process is stuck, and the whole room is there again.
//!
//! An item says its own number in several ways, so a torn one shows. A survivor at the other end
//! sleeps meanwhile and wants to be notified of the end: it gets the item, or learns of the death.

mod many_to_many;
mod one_to_all;
mod one_to_one;

use std::time::Duration;

use support::{
    LONG, Waiters, name,
    step::{Victim, Walk, every_instruction, mark},
};
use sysv_primitives::{Options, PopError, PushError, mpmc, spsc};

const SLOTS: u32 = 5;
const CAPACITY: usize = 4;

type Item = [u64; 3];

fn item(number: u64) -> Item {
    [number, !number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

#[track_caller]
fn number(found: Item) -> u64 {
    assert_eq!(found, item(found[0]), "torn");
    found[0]
}

fn options<K>() -> Options<K> {
    Options::new().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}
