//! Rings, killed at every machine instruction of every operation: what was committed comes out exactly
//! once, whole and in order, nobody is stuck, and the whole room is there again.
//!
//! An item says its own number in several ways, so a torn one shows. A survivor at the other end
//! sleeps meanwhile and wants to be told of the end: it gets the item, or learns of the death.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod many_to_many;
mod one_to_one;
#[path = "../support/mod.rs"]
mod support;

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{
    name,
    step::{Victim, Walk, every_instruction, mark},
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{Error, Options, Side, mpmc, spsc};

/// Nothing a survivor does may take longer: no event is ever needed that could have been lost.
const PATIENCE: Duration = Duration::from_secs(20);
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

fn options() -> Options {
    Options::new().max_processes(SLOTS).patience(Duration::from_millis(100))
}

/// Returns when somebody sleeps on a doorbell of the set.
fn until_asleep(set: i32, doorbell: usize) {
    let set = SemaphoreSet::from_id(set).expect("it is there");
    support::until(|| set.waiting_for_nonzero(2 + doorbell).expect("it is there") > 0);
}

/// An operation and the one that sleeps beside it: returns how the walk went, and what the sleeper got.
fn beside<T: Send>(
    victim: Victim,
    steps: u64,
    set: i32,
    doorbell: usize,
    sleeper: impl FnOnce() -> T + Send,
) -> (Walk, T) {
    thread::scope(|scope| {
        let sleeper = scope.spawn(sleeper);
        until_asleep(set, doorbell);
        let walk = victim.walk(steps);
        (walk, sleeper.join().expect("the survivor is well"))
    })
}
