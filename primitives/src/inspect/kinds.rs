//! The kinds that can be inspected. A new kind is one line here, one in [`Kind`](super::Kind), and a file `report.rs` of its own.

use crate::{
    barrier, channel, limiter, mutex,
    name::Name,
    once, pool,
    raw::Key,
    report::{Inspected, Kind},
    ring, rwlock, watch,
};

pub(super) static KINDS: [&Inspected; 11] = [
    &mutex::report::INSPECTED,
    &pool::report::INSPECTED,
    &ring::spsc::report::INSPECTED,
    &ring::mpmc::report::INSPECTED,
    &channel::report::INSPECTED,
    &rwlock::report::INSPECTED,
    &once::report::INSPECTED,
    &barrier::report::INSPECTED,
    &limiter::report::INSPECTED,
    &watch::report::INSPECTED,
    &ring::broadcast::report::INSPECTED,
];

/// Returns the kind that has a number in the header.
pub(super) fn by_number(number: u32) -> Option<&'static Inspected> {
    KINDS.iter().copied().find(|kind| kind.header.0 == number)
}

/// Returns how a kind is read, if it is one of this crate's.
pub(super) fn by_kind(kind: Kind) -> Option<&'static Inspected> {
    KINDS.iter().copied().find(|inspected| inspected.kind == kind)
}

/// Returns the keys that a name has, with the kind of each.
pub(super) fn keys_of(name: &Name) -> impl Iterator<Item = (&'static Inspected, Key)> {
    KINDS.iter().map(move |kind| (*kind, name.key(kind.header.1)))
}
