//! The ring in which every subscriber gets every item, between processes.

mod deaths;
mod ends;
mod items;
mod lagging;
mod waits;

use support::{Child, child, name, until};
use sysv_primitives::{OpenError, broadcast};

type Ring = broadcast::Ring<u64>;

fn ring<T: bytemuck::Pod>(name: &str, capacity: usize) -> broadcast::Ring<T> {
    broadcast::Ring::options().max_handles(8).create(name, capacity).unwrap()
}

fn lagging<T: bytemuck::Pod>(name: &str, capacity: usize) -> broadcast::Ring<T> {
    broadcast::Ring::options().max_handles(8).lagging(true).create(name, capacity).unwrap()
}

fn open(name: &str) -> Ring {
    Ring::open(name).unwrap()
}

/// Starts a subscriber, and returns when it has joined.
fn subscribed(ring: &Ring, name: &str, body: impl FnOnce(broadcast::Subscriber<u64>)) -> Child {
    let before = ring.subscribers().len();
    let started = child(|| body(open(name).subscriber().unwrap()));
    until(|| ring.subscribers().len() > before);
    started
}

#[test]
fn types_names_and_options_are_checked() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    assert!(matches!(broadcast::Ring::<u32>::open(&name), Err(OpenError::WrongType { .. })));
    assert!(matches!(Ring::create(&name, 4), Err(OpenError::NameTaken { .. })));
    assert_eq!(Ring::open_or_create(&name, 4000).unwrap().capacity(), 4);
    let exact = Ring::options().exact(true).max_handles(8);
    assert!(exact.open(&name).is_ok());
    let refused = exact.lagging(true).open(&name);
    assert!(matches!(refused, Err(OpenError::OtherOptions { option: "lagging", found: 0, wanted: 1, .. })));
    assert!(!Ring::options().lagging(true).open(&name).unwrap().is_lagging(), "it is as it was made");
    let huge = Ring::options().create(&support::name(), usize::MAX / 2);
    assert!(matches!(huge, Err(OpenError::TooLarge { .. })), "{huge:?}");
    ring.remove().unwrap();
    assert!(matches!(Ring::open(&name), Err(OpenError::NoSuchName { .. })));
}
