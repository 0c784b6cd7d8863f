//! A value that is set once: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    once::{Once, Rules},
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "O1 no lost wake-up";

fn once() -> Once {
    Once { initialises: &[true, true, false], failures: 1, deaths: 0, rules: ALL }
}

fn all_initialise() -> Once {
    Once { initialises: &[true, true, true], failures: 2, ..once() }
}

fn one_dies() -> Once {
    Once { deaths: 1, ..once() }
}

fn two_die() -> Once {
    Once { deaths: 2, failures: 0, ..all_initialise() }
}

fn found(once: Once) -> Exploration {
    let text = format!("{once:?}");
    let found = explore(once);
    println!("{text}: {found}");
    found
}

fn is_complete(once: Once) -> bool {
    found(once).violations.is_empty()
}

fn breaks(rules: Rules, once: Once, invariant: &'static str) -> bool {
    let found = explore_until_broken(Once { rules, ..once }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(once()));
    assert!(is_complete(all_initialise()));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(one_dies()));
    assert!(is_complete(two_die()));
    assert!(is_complete(Once { deaths: 2, ..once() }));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { calls_when_freed: false, obituary_posts_twice: false, ..ALL };
    let found = found(Once { rules, ..two_die() });
    assert!(!found.breaks(LOST), "{found}");
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(two_die());
    for situation in ["a waiter sleeps", "the value is set after a death", "two help at once", "another one calls"] {
        assert!(found.reaches(situation), "{situation}");
    }
}

const NOT_NEEDED: [(&str, &str); 2] = [
    (
        "calls_when_freed",
        "each waiter has the obituary of the dead initialiser, and repairs the slot itself. Damaged words have no obituary",
    ),
    ("obituary_posts_twice", "a dead process leaves nothing that one waiter alone was called for. See `room`"),
];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// Two initialisers see an unset word.
    takes_by_compare: breaks(all_initialise(), "O2 one initialiser");
    /// A reader finds half of the value.
    value_before_word: breaks(once(), "O3 whole, and for good");
    /// A late helper makes unset what was set after the death.
    helper_compares: breaks(two_die(), "O3 whole, and for good");
    /// The initialiser died, and no other process may begin.
    helper_frees: breaks(one_dies(), LOST);
    /// A waiter sleeps beside the value.
    calls_when_set: breaks(once(), LOST);
    /// The initialiser is stopped before it calls, and no process that comes knows.
    says_when_called: breaks(once(), "O5 told");
    /// The initialiser failed, and another one that would begin sleeps.
    calls_when_failed: breaks(all_initialise(), LOST);
    /// The called one waits only, and the one that would initialise sleeps.
    calls_all: breaks(Once { initialises: &[true, false, true], ..once() }, LOST);
    /// The value is set after the check.
    announce_before_check: breaks(once(), LOST);
    /// A waiter takes the obituary for nothing, and sleeps beside a dead initialiser.
    uncalled_wake_suspects: breaks(one_dies(), LOST);
    /// No process tells of the death.
    obituary_posts: breaks(one_dies(), LOST);
}
