//! What a channel keeps of messages that failed, and until when a process waits.

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{LONG, SHORT};
use sysv_primitives::Delivery;

use crate::conformance::{Job, Place, assert_unused};

/// How many messages a small channel keeps aside.
const QUOTA: u64 = 16;

/// Beyond the quota the oldest message is dropped, and counted.
pub(crate) fn beyond_the_quota(place: &Place) {
    const TOO_MANY: u64 = 4;
    let channel = place.create(|options| options.capacity(4).attempts(1));
    for job in 0..QUOTA + TOO_MANY {
        channel.send(&Job(job)).unwrap();
        channel.claim::<Job>().unwrap().requeue().unwrap();
    }
    let aside = channel.set_aside().unwrap();
    let found: Vec<u64> = aside.iter().map(|message| message.decode::<Job>().unwrap().0).collect();
    assert_eq!(found, (TOO_MANY..QUOTA + TOO_MANY).collect::<Vec<_>>());
    let depth = channel.depth().unwrap();
    assert_eq!((depth.set_aside, depth.dropped), (QUOTA, TOO_MANY));
    aside.iter().for_each(|message| assert!(message.discard().unwrap()));
    assert_unused(&channel);
}

/// The ends of the last eight attempts are kept.
pub(crate) fn the_last_ends(place: &Place) {
    const KEPT: usize = 8;
    let channel = place.create(|options| options);
    channel.send(&Job(1)).unwrap();
    for attempt in 1..=3 * KEPT {
        let claimed = channel.claim::<Job>().unwrap();
        let numbers: Vec<usize> = claimed.attempts().iter().map(|ended| ended.number as usize).collect();
        assert_eq!(numbers, (attempt.saturating_sub(KEPT).max(1)..attempt).collect::<Vec<_>>());
        claimed.requeue().unwrap();
    }
    channel.claim::<Job>().unwrap().done().unwrap();
    assert_unused(&channel);
}

/// A wait ends when a delay is over, though no process notifies the waiter then. On a server it would end two seconds later.
pub(crate) fn a_delay_ends_a_wait(place: &Place) {
    let channel = place.create(|options| options);
    let other = place.open();
    // A busy machine is late at times.
    let is_in_time = |round| {
        let begun = Instant::now();
        channel.send_with(&Job(round), Delivery::new().delay(10 * SHORT)).unwrap();
        thread::scope(|scope| assert_eq!(scope.spawn(|| other.recv::<Job>().unwrap()).join().unwrap(), Job(round)));
        begun.elapsed() < Duration::from_millis(1800)
    };
    assert!((0..10).any(is_in_time));
}

/// When a delay is over, the next one is not forgotten.
pub(crate) fn one_delay_after_another(place: &Place) {
    let channel = place.create(|options| options);
    for (job, delay) in [(3, 8), (1, 2), (2, 5)] {
        channel.send_with(&Job(job), Delivery::new().delay(delay * SHORT)).unwrap();
    }
    (1..=3).for_each(|job| assert_eq!(channel.recv_timeout::<Job>(LONG).unwrap(), Job(job)));
    assert_unused(&channel);
}
