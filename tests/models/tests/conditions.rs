//! Waiting for a condition: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration,
    conditions::{Conditions, Rules, Task},
    explore, explore_until_broken,
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "C1 no lost wake-up";
const RIGHT: &str = "C2 a right return";
const ONCE: &str = "C3 one call a change";

/// Two that wait for different values, and one change after the other.
fn changes() -> Conditions {
    let tasks = &[Task::Wait(1), Task::Wait(2), Task::Change, Task::Change];
    Conditions { tasks, timeouts: 1, poisonings: 0, deaths: 0, stops: 0, rules: ALL }
}

/// Two that wait for the same, a change, and a process that changes nothing.
fn with_reader() -> Conditions {
    Conditions { tasks: &[Task::Wait(1), Task::Wait(1), Task::Change, Task::Read], ..changes() }
}

/// Each changes what the other waits for.
fn turns() -> Conditions {
    Conditions { tasks: &[Task::Wait(1), Task::ChangeAndWait(2), Task::Change], ..changes() }
}

fn one_stops() -> Conditions {
    Conditions { stops: 1, timeouts: 0, ..with_reader() }
}

fn one_dies() -> Conditions {
    Conditions { deaths: 1, ..with_reader() }
}

fn one_poisons() -> Conditions {
    Conditions { poisonings: 1, ..with_reader() }
}

fn found(model: Conditions) -> Exploration {
    let text = format!("{model:?}");
    let found = explore(model);
    println!("{text}: {found}");
    found
}

fn is_complete(model: Conditions) -> bool {
    found(model).violations.is_empty()
}

fn breaks(rules: Rules, model: Conditions, invariant: &'static str) -> bool {
    let found = explore_until_broken(Conditions { rules, ..model }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    for model in [changes(), with_reader(), turns(), one_poisons()] {
        assert!(is_complete(model));
    }
}

#[test]
fn nothing_goes_wrong_if_one_dies_or_is_stopped() {
    for model in [one_dies(), one_stops()] {
        assert!(is_complete(model));
    }
    for model in [Conditions { timeouts: 0, ..changes() }, turns()] {
        assert!(is_complete(Conditions { deaths: 1, ..model.clone() }));
        assert!(is_complete(Conditions { stops: 1, ..model }));
    }
}

#[test]
fn nothing_goes_wrong_if_much_comes_together() {
    let three = Conditions { tasks: &[Task::Wait(1), Task::Wait(2), Task::ChangeAndWait(2)], ..changes() };
    assert!(is_complete(Conditions { deaths: 2, stops: 1, poisonings: 1, ..three }));
    assert!(is_complete(Conditions { deaths: 1, stops: 1, poisonings: 1, ..turns() }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(one_stops());
    for situation in ["a waiter sleeps", "all waiters are called", "another one posts", "nothing is left"] {
        assert!(found.reaches(situation), "{situation}");
    }
}

const NOT_NEEDED: [(&str, &str); 0] = [];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// The value is changed after the waiter gave the lock back, and before it is announced.
    announce_before_free: breaks(changes(), LOST);
    /// The holder that changes the value does not know of the waiter.
    sets_the_bit: breaks(changes(), LOST);
    /// A holder is stopped before it chooses, and no other one knows of the change.
    choose_before_free: breaks(one_stops(), LOST);
    /// The one that is chosen needs another value.
    chooses_all: breaks(with_reader(), LOST);
    /// Both wait, one for what the other has changed.
    waiter_chooses: breaks(Conditions { tasks: &[Task::Wait(1), Task::ChangeAndWait(2)], ..turns() }, LOST);
    /// A reader takes the bit away from a waiter.
    bit_stays_for_announced: breaks(with_reader(), LOST);
    /// A notifier is stopped before it posts, and the next unlock has no reason to look.
    bit_stays_for_unposted: breaks(one_stops(), LOST);
    /// It looks, and leaves the post to the one that is stopped.
    unlock_posts_unposted: breaks(one_stops(), LOST);
    /// The change was not enough.
    checks_when_woken: breaks(changes(), RIGHT);
    /// The change came with the end of the time.
    checks_when_late: breaks(changes(), RIGHT);
    /// Waiters that find nothing wake each other.
    only_changes_choose: breaks(with_reader(), ONCE);
    /// A waiter sleeps beside a poisoned lock.
    poison_chooses: breaks(one_poisons(), LOST);
    /// It leaves without an obituary.
    leaver_calls: breaks(one_poisons(), LOST);
    /// The holder dies, or one that has not posted yet.
    obituary_posts: breaks(one_dies(), LOST);
}
