//! A kill storm: producers and subscribers of a broadcast ring are killed, stopped and continued at random.
//!
//! An item is made of its position, so one that is lost, doubled, torn or out of order shows at once. `STORM_KILLS` sets how
//! many are killed, 1,000 by default in each mode.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_primitives::{Options, PopError, broadcast};

const KILLS: u64 = 1000;
const PROCESSES: usize = 6;
const CAPACITY: usize = 16;

type Item = [u64; 5];
type Ring = broadcast::Ring<Item>;

fn item(position: u64) -> Item {
    [position, !position, position.wrapping_mul(0x9e37_79b9_7f4a_7c15), 7, position]
}

fn options(lagging: bool) -> Options<Ring> {
    Ring::options().max_handles(32).lagging(lagging).open_timeout(Duration::from_millis(300))
}

/// Pushes from where the last producer stopped, in each way, until it is killed.
fn push(ring: &Ring) {
    let mut producer = ring.producer_timeout(LONG).expect("the dead are no hindrance");
    let mut position = ring.counts().pushed;
    loop {
        match fastrand::u8(..4) {
            0 => {
                let mut places = producer.reserve_up_to(fastrand::usize(1..8)).expect("the dead are not waited for");
                (0..places.len()).for_each(|index| places[index] = item(position + index as u64));
                position += places.len() as u64;
                places.commit_all();
            }
            1 => {
                let items: Vec<_> = (position..position + fastrand::u64(1..24)).map(item).collect();
                position += producer.push_slice(&items).expect("the dead are not waited for") as u64;
            }
            _ => {
                producer.push(item(position)).expect("the dead are not waited for");
                position += 1;
            }
        }
    }
}

/// Subscribes again and again, and checks what it gets. Counts it.
fn pop(ring: &Ring, lagging: bool, popped: &AtomicU64, is_steady: bool) {
    loop {
        let mut subscriber = ring.subscriber().expect("the dead are taken out");
        let mut next = None;
        let mut rounds = if is_steady { u32::MAX } else { fastrand::u32(..200) };
        while rounds > 0 {
            rounds -= 1;
            let mut items = [item(0); 8];
            let some = fastrand::usize(1..8);
            match subscriber.pop_slice_timeout(&mut items[..some], LONG) {
                Ok(count) => {
                    for found in &items[..count] {
                        assert_eq!(*found, item(found[0]), "torn");
                        assert!(next.is_none_or(|next| found[0] == next), "{} after {next:?}", found[0]);
                        next = Some(found[0] + 1);
                    }
                    popped.fetch_add(count as u64, SeqCst);
                }
                Err(PopError::Lagged { missed }) if lagging => next = next.map(|next| next + missed),
                Err(PopError::Closed { .. }) => return,
                Err(error) => panic!("stuck: {error}"),
            }
        }
    }
}

fn storm(lagging: bool) {
    let kills = number_from_env("STORM_KILLS", KILLS);
    let (name, shared) = (name(), memory(64));
    let (popped, steadily): (&AtomicU64, &AtomicU64) =
        (shared.view(0).expect("it fits"), shared.view(8).expect("it fits"));
    let ring = options(lagging).create(&name, CAPACITY).unwrap();
    let open = || options(lagging).open(&name).expect("a slot is free");
    // It is there from the first item on, and never killed.
    let steady = child(|| pop(&open(), lagging, steadily, true));
    support::until(|| ring.subscribers().len() == 1);
    let start = || child(|| if fastrand::bool() { push(&open()) } else { pop(&open(), lagging, popped, false) });
    let mut crowd: Vec<Child> = (0..PROCESSES).map(|_| start()).collect();
    let (mut stops, begun) = (0_u32, Instant::now());
    for _ in 0..kills {
        std::thread::sleep(Duration::from_micros(fastrand::u64(..2000)));
        if fastrand::u8(..8) == 0 {
            let stopped = &crowd[fastrand::usize(..PROCESSES)];
            stopped.signal(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_micros(fastrand::u64(..2000)));
            stopped.signal(Signal::SIGCONT);
            stops += 1;
        }
        crowd.swap_remove(fastrand::usize(..PROCESSES)).kill();
        crowd.push(start());
    }
    crowd.into_iter().for_each(Child::kill);
    // After the storm as before.
    let before = ring.counts().pushed;
    let last = child(|| push(&open()));
    support::until(|| ring.counts().pushed > before + 1000);
    last.kill();
    support::until(|| ring.subscribers().iter().all(|(_, left)| *left == 0) || ring.producer_timeout(LONG).is_err());
    ring.close().unwrap();
    steady.join();
    let (pushed, overwritten) = (ring.counts().pushed, ring.counts().overwritten);
    println!(
        "storm: {kills} kills, {stops} stops, {pushed} items, {} popped, {overwritten} missed, in {:.1?}",
        popped.load(SeqCst),
        begun.elapsed()
    );
    assert!(popped.load(SeqCst) > 0);
    if !lagging {
        assert_eq!(steadily.load(SeqCst), pushed, "each item came to the subscriber that was there");
    }
}

#[test]
fn broadcast_in_a_storm() {
    storm(false);
}

#[test]
fn lagging_broadcast_in_a_storm() {
    storm(true);
}
