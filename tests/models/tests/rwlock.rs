//! `RwLock`: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    rwlock::{Rules, RwLock},
};

const ALL: Rules = Rules::ALL;
const EXCLUSION: &str = "I1 exclusion";
const LOST: &str = "I2 no lost wake-up";
const POISON: &str = "I3 poison is exact";

/// So many members, of which none dies, stops or times out.
const fn members(members: usize, reads: u8, writes: u8) -> RwLock {
    RwLock {
        members,
        processes: members,
        slots: members,
        reads,
        writes,
        joins: 0,
        deaths: 0,
        stops: 0,
        timeouts: 0,
        saturation: 3,
        rules: ALL,
    }
}

const TWO: RwLock = members(2, 2, 2);
const THREE: RwLock = members(3, 2, 1);

fn complete(model: RwLock) -> Exploration {
    let name = format!("{model:?}");
    let found = explore(model);
    println!("{name}: {found}");
    found
}

fn holds(model: RwLock) -> bool {
    complete(model).violations.is_empty()
}

fn breaks(rules: Rules, model: RwLock, invariant: &'static str) -> bool {
    let found = explore_until_broken(RwLock { rules, ..model }, invariant);
    println!("rwlock, {rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn two_processes_read_and_write() {
    assert!(holds(members(2, 3, 3)));
}

#[test]
fn two_processes_die_and_come_back() {
    assert!(holds(RwLock { deaths: 1, joins: 1, timeouts: 1, ..TWO }));
    assert!(holds(RwLock { deaths: 2, joins: 1, ..members(2, 1, 2) }));
}

#[test]
fn two_processes_stop() {
    assert!(holds(RwLock { stops: 1, timeouts: 1, ..TWO }));
}

#[test]
fn three_processes_read_and_write() {
    assert!(holds(THREE));
    assert!(holds(members(3, 1, 2)));
}

#[test]
#[ignore = "takes minutes"]
fn three_processes_read_and_write_more() {
    assert!(holds(members(3, 2, 2)));
    assert!(holds(RwLock { deaths: 1, timeouts: 1, ..members(3, 1, 2) }));
}

#[test]
fn three_processes_die() {
    let found = complete(ONE_OF_THREE_DIES);
    assert!(found.violations.is_empty());
    // What the invariants speak of is reached.
    for situation in ["two read", "a reader is called", "a look overtakes a count", "a writer dies inside"] {
        assert!(found.reaches(situation), "{situation}");
    }
}

#[test]
fn three_processes_stop() {
    assert!(holds(RwLock { stops: 1, ..members(3, 1, 1) }));
}

#[test]
#[ignore = "takes half a minute"]
fn three_processes_stop_more() {
    assert!(holds(RwLock { stops: 1, ..THREE }));
}

const NOT_NEEDED: [(&str, &str); 6] = [
    (
        "inside_is_cleared",
        "the lock stays poisoned until a writer goes inside, which writes over it: only poison that is cleared without the lock needs it",
    ),
    ("last_leaver_posts", "it only spares posts: a writer that is woken too early checks, and sleeps again"),
    (
        "seat_is_cleared",
        "all readers are called at once, so one that is dead is posted in vain, and keeps no call from others",
    ),
    ("helper_notifies", "every sleeper consumes the obituary, repairs the slot itself, and then looks"),
    ("helper_posts_writer", "the writer consumes the obituary, repairs the slot itself, and then looks"),
    (
        "obituary_posts_twice",
        "a reader that takes an obituary for its call finds the gate of the dead only if the notifier was stopped, and the next \
         process that comes repairs it",
    ),
];

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    for (clause, _) in NOT_NEEDED {
        let rules = Rules::without(clause);
        assert!(holds(RwLock { deaths: 2, rules, ..members(2, 1, 2) }), "{clause}");
        assert!(holds(RwLock { deaths: 1, rules, ..members(3, 1, 1) }), "{clause}");
        assert!(holds(RwLock { stops: 1, rules, ..members(3, 1, 1) }), "{clause}");
    }
}

const ONE_DIES: RwLock = RwLock { deaths: 1, ..TWO };
const ONE_OF_THREE_DIES: RwLock = RwLock { deaths: 1, ..THREE };
const ONE_COMES_BACK: RwLock = RwLock { deaths: 1, joins: 1, ..TWO };

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    count_before_look: breaks(TWO, EXCLUSION);
    look_after_count: breaks(TWO, EXCLUSION);
    fence_before_scan: breaks(TWO, EXCLUSION);
    scan_before_inside: breaks(TWO, EXCLUSION);
    fence_every_round: breaks(TWO, LOST);
    leaver_looks: breaks(TWO, LOST);
    refused_looks: breaks(TWO, LOST);
    leaver_fences: breaks(THREE, LOST);
    uncalled_wake_suspects: breaks(ONE_DIES, LOST);
    open_before_notify: breaks(TWO, LOST);
    writer_notifies: breaks(TWO, LOST);
    late_writer_notifies: breaks(RwLock { timeouts: 1, ..THREE }, LOST);
    by_lock_notifies: breaks(THREE, LOST);
    announce_before_look: breaks(TWO, LOST);
    clear_by_version: breaks(members(3, 2, 2), LOST);
    inside_poisons: breaks(ONE_DIES, POISON);
    inside_before_change: breaks(ONE_DIES, POISON);
    outside_before_free: breaks(ONE_DIES, POISON);
    inside_before_word: breaks(ONE_OF_THREE_DIES, POISON);
    inside_cleared_last: breaks(ONE_OF_THREE_DIES, POISON);
    downgrade_counts_first: breaks(TWO, EXCLUSION);
    by_lock_counts_first: breaks(TWO, EXCLUSION);
    count_is_cleared: breaks(ONE_DIES, LOST);
    obituary_posts: breaks(ONE_DIES, LOST);
    new_member_repairs: breaks(ONE_COMES_BACK, LOST);
    claim_waits_for_helpers: breaks(ONE_COMES_BACK, EXCLUSION);
    unused_last: breaks(RwLock { deaths: 2, ..THREE }, LOST);
}
