//! The creation handshake: no invariant breaks with every rule, and one breaks without any one of them, but for two.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    handshake::{Budget, Handshake, Rules},
};

const ALL: Rules = Rules::ALL;
const CALM: Budget = Budget { deaths: 1, removes: 1, set_wipes: 0, segment_wipes: 0 };
const SET_WIPED: Budget = Budget { deaths: 1, removes: 0, set_wipes: 1, segment_wipes: 0 };
const SEGMENT_WIPED: Budget = Budget { deaths: 1, removes: 0, set_wipes: 0, segment_wipes: 1 };

fn explore_all(processes: usize, lives: u8, budget: Budget, rules: Rules) -> Exploration {
    let found = explore(Handshake { processes, lives, budget, sorts_processes: true, rules });
    println!("handshake, {processes} processes, {lives} lives, {budget:?}, {rules:?}: {found}");
    found
}

fn complete(processes: usize, lives: u8, budget: Budget) -> bool {
    explore_all(processes, lives, budget, ALL).violations.is_empty()
}

fn breaks(rules: Rules, lives: u8, budget: Budget, invariant: &'static str) -> bool {
    let model = Handshake { processes: 2, lives, budget, sorts_processes: false, rules };
    let found = explore_until_broken(model, invariant);
    println!("handshake, 2 processes, {lives} lives, {budget:?}, {rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(complete(2, 2, Budget { deaths: 2, ..CALM }));
    assert!(complete(2, 2, SET_WIPED));
    assert!(complete(2, 2, SEGMENT_WIPED));
}

#[test]
fn nothing_goes_wrong_with_3_processes() {
    assert!(complete(3, 1, Budget { deaths: 2, ..CALM }));
    assert!(complete(3, 2, CALM));
}

#[test]
fn nothing_goes_wrong_with_3_processes_and_wipes() {
    assert!(complete(3, 1, Budget { deaths: 2, removes: 1, ..SET_WIPED }));
    assert!(complete(3, 1, Budget { deaths: 2, removes: 1, ..SEGMENT_WIPED }));
}

#[test]
fn the_situations_of_the_protocol_are_reached() {
    assert!(explore_all(2, 2, CALM, ALL).reaches("a name is removed"));
    assert!(explore_all(2, 2, SET_WIPED, ALL).reaches("a creator refuses"));
    assert!(explore_all(2, 2, SEGMENT_WIPED, ALL).reaches("an opener finds it damaged"));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_in_larger_bounds() {
    assert!(complete(3, 2, Budget { deaths: 2, ..CALM }));
    assert!(complete(3, 2, SET_WIPED));
    assert!(complete(3, 2, SEGMENT_WIPED));
    assert!(complete(4, 1, CALM));
}

const NOT_NEEDED: [(&str, &str); 2] = [
    ("publish_tests_state", "a set that was condemned and then published has STATE 3, so that no process registers"),
    ("failed_creator_cleans_up", "the next creator removes the segment that is left, because its `used` is 0"),
];

fn is_complete_without_each(processes: usize, lives: u8, budget: Budget) -> bool {
    NOT_NEEDED
        .iter()
        .all(|(clause, _)| explore_all(processes, lives, budget, Rules::without(clause)).violations.is_empty())
}

#[test]
fn two_clauses_are_not_needed() {
    assert!(is_complete_without_each(2, 2, CALM));
    assert!(is_complete_without_each(2, 2, SET_WIPED));
    assert!(is_complete_without_each(2, 2, SEGMENT_WIPED));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn two_clauses_are_not_needed_in_larger_bounds() {
    assert!(is_complete_without_each(3, 2, CALM));
}

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// An opener loses patience. The creator publishes and registers. The opener removes the object that is now in use.
    condemn_before_finish: breaks(1, CALM, "I4 a user's segment stays");
    /// A slow creator that lost its set takes the next creator's fresh segment for a leftover.
    creator_checks_own_set: breaks(1, CALM, "I4 a user's segment stays");
    /// Two openers finish the same set. The slower one finds the segment of the next creator, and removes it.
    header_names_set: breaks(1, CALM, "I4 a user's segment stays");
    /// A user's segment is wiped. An opener condemns the set under the user, and makes a second object.
    heal_tests_alive: breaks(2, SEGMENT_WIPED, "I2 users agree");
    /// A live set's segment is wiped. A slow creator leaves an empty one. An opener uses it.
    opener_reads_header: breaks(2, SEGMENT_WIPED, "I1 headers are complete");
    /// The set is wiped. A creator finds the segment in its way, used and attached, and removes it from under its user.
    refuse_when_attached: breaks(1, SET_WIPED, "I4 a user's segment stays");
    /// An opener is about to register. `remove()` condemns. The opener registers all the same, and loses its segment.
    register_tests_state: breaks(1, CALM, "I4 a user's segment stays");
    /// A creator fails to publish, and removes the segment that the key finds: that of the next object's user.
    remove_by_id: breaks(1, CALM, "I4 a user's segment stays");
    /// `remove()` is about to remove the segment. An opener finds STATE 1 and registers in between.
    remove_condemns: breaks(1, CALM, "I4 a user's segment stays");
    /// An opener condemns. The creator's `SETVAL` makes STATE 0 again, and it publishes. The opener finishes anyway.
    setval_spares_state: breaks(1, CALM, "I4 a user's segment stays");
    /// A user has registered but not stored `used`. The set is wiped. A creator takes its segment for a leftover.
    used_before_register: breaks(1, SET_WIPED, "I4 a user's segment stays");
    /// A creator is about to publish when the object is removed by name.
    name_spares_unfinished: breaks(1, CALM, "I4 a user's segment stays");
    /// No process condemns the set of a creator that died, and every opener waits for it.
    condemn_unfinished: breaks(1, CALM, "I3 every opener ends");
}
