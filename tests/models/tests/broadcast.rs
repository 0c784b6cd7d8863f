//! A broadcast ring: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration,
    broadcast::{Broadcast, Rules},
    explore, explore_until_broken,
};

const ALL: Rules = Rules::ALL;
const KEPT: &str = "B1 what is not popped stays";
const PRODUCER: &str = "B2 the producer is woken";
const SUBSCRIBERS: &str = "B3 subscribers are woken";

fn one_to_one() -> Broadcast {
    Broadcast {
        producers: 1,
        subscribers: 1,
        capacity: 1,
        items: 3,
        pops: 2,
        cursors: 1,
        is_lagging: false,
        deaths: 0,
        rules: ALL,
    }
}

fn one_to_two() -> Broadcast {
    Broadcast { subscribers: 2, cursors: 2, pops: 1, ..one_to_one() }
}

fn one_dies() -> Broadcast {
    Broadcast { deaths: 1, ..one_to_two() }
}

/// The producer dies, and another one takes its role.
fn two_producers() -> Broadcast {
    Broadcast { producers: 2, deaths: 1, ..one_to_one() }
}

/// A subscriber dies, and the next one takes its cursor.
fn one_cursor() -> Broadcast {
    Broadcast { subscribers: 2, deaths: 1, ..one_to_one() }
}

fn lagging() -> Broadcast {
    Broadcast { capacity: 2, items: 4, pops: 3, is_lagging: true, ..one_to_one() }
}

fn found(broadcast: Broadcast) -> Exploration {
    let text = format!("{broadcast:?}");
    let found = explore(broadcast);
    println!("{text}: {found}");
    found
}

fn is_complete(broadcast: Broadcast) -> bool {
    found(broadcast).violations.is_empty()
}

fn breaks(rules: Rules, broadcast: Broadcast, invariant: &'static str) -> bool {
    let found = explore_until_broken(Broadcast { rules, ..broadcast }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(one_to_one()));
    assert!(is_complete(Broadcast { capacity: 2, items: 4, pops: 3, ..one_to_one() }));
    assert!(is_complete(Broadcast { items: 2, ..one_to_two() }));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(Broadcast { deaths: 2, ..one_to_one() }));
    assert!(is_complete(one_cursor()));
    assert!(is_complete(two_producers()));
}

#[test]
fn nothing_goes_wrong_if_the_producer_overwrites() {
    assert!(is_complete(lagging()));
    assert!(is_complete(Broadcast { producers: 2, deaths: 1, ..lagging() }));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let without = Rules { reaping_wakes: false, ..ALL };
    assert!(is_complete(Broadcast { rules: without, ..one_cursor() }));
    assert!(is_complete(Broadcast { rules: without, deaths: 2, ..one_to_one() }));
}

#[test]
#[ignore = "some minutes"]
fn nothing_goes_wrong_with_more_of_all() {
    assert!(is_complete(one_dies()));
    assert!(is_complete(Broadcast { deaths: 2, ..one_to_two() }));
    assert!(is_complete(Broadcast { subscribers: 3, ..one_cursor() }));
    assert!(is_complete(Broadcast { subscribers: 2, cursors: 2, deaths: 1, ..lagging() }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let lossless = found(one_to_one());
    for situation in ["the producer sleeps", "a subscriber sleeps", "all items are pushed"] {
        assert!(lossless.reaches(situation), "{situation}");
    }
    assert!(found(lagging()).reaches("a subscriber lags"));
}

const NOT_NEEDED: [(&str, &str); 1] = [(
    "reaping_wakes",
    "the producer has the obituary of the dead subscriber, and repairs the slot to the end before it scans",
)];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A subscriber sees the tail, and reads what was there a lap ago.
    writes_before_publishing: breaks(one_to_one(), KEPT);
    /// The second producer takes the ring for empty, and writes over what the first one has pushed.
    new_producer_scans: breaks(two_producers(), KEPT);
    /// The producer writes over an item while it is read.
    reads_before_moving: breaks(one_to_one(), KEPT);
    /// The producer scanned, and went on, after the subscriber saw the tail.
    join_loads_again: breaks(one_to_one(), KEPT);
    /// The producer goes on between the second load and the cursor.
    scan_counts_joining: breaks(one_to_one(), KEPT);
    /// The producer waits for a cursor of long ago, and the subscriber sets it and finds no item.
    joining_wakes: breaks(one_to_one(), PRODUCER);
    /// The subscriber moves on after the scan.
    announces_before_scan: breaks(one_to_one(), PRODUCER);
    /// The producer announces itself after the subscriber has looked.
    moves_before_looking: breaks(Broadcast { pops: 3, ..one_to_one() }, PRODUCER);
    /// Another one was the last to move.
    scans_after_moving: breaks(Broadcast { pops: 3, ..one_to_two() }, PRODUCER);
    /// The one that holds the producer up leaves.
    leaving_wakes: breaks(Broadcast { pops: 0, ..one_to_one() }, PRODUCER);
    /// A subscriber announces itself after the flag was read.
    publishes_before_flag: breaks(one_to_one(), SUBSCRIBERS);
    /// An item comes after the look.
    announces_before_look: breaks(one_to_one(), SUBSCRIBERS);
    /// Another subscriber announces itself before the flag is lowered.
    lowers_by_compare: breaks(Broadcast { items: 2, pops: 2, ..one_to_two() }, SUBSCRIBERS);
    /// A late helper frees the cursor of the next subscriber.
    frees_by_compare: breaks(one_cursor(), KEPT);
    /// A subscriber copies what is written over, and is not told.
    window_before_write: breaks(lagging(), KEPT);
    checks_after_copy: breaks(lagging(), KEPT);
    /// The producer takes the obituary for nothing.
    uncalled_wake_suspects: breaks(Broadcast { deaths: 1, ..one_to_one() }, PRODUCER);
    obituary_posts: breaks(Broadcast { deaths: 1, ..one_to_one() }, PRODUCER);
    /// A subscriber dies between taking the producer's announcement and posting. The producer takes the obituary for its call.
    obituary_posts_twice: breaks(Broadcast { deaths: 1, pops: 3, ..one_to_one() }, PRODUCER);
}
