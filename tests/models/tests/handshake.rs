//! The creation handshake: nothing goes wrong with every rule; without one of them something does, but for two.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    handshake::{Budget, Handshake, Rules},
};

const ALL: Rules = Rules::ALL;
const CALM: Budget = Budget { deaths: 1, removes: 1, set_wipes: 0, segment_wipes: 0 };
const SET_WIPED: Budget = Budget { deaths: 1, removes: 0, set_wipes: 1, segment_wipes: 0 };
const SEGMENT_WIPED: Budget = Budget { deaths: 1, removes: 0, set_wipes: 0, segment_wipes: 1 };

fn explore_all(processes: usize, lives: u8, budget: Budget) -> Exploration {
    let found = explore(Handshake { processes, lives, budget, sorts_processes: true, rules: ALL });
    println!("handshake, {processes} processes, {lives} lives, {budget:?}: {found}");
    found
}

fn complete(processes: usize, lives: u8, budget: Budget) -> bool {
    explore_all(processes, lives, budget).violations.is_empty()
}

fn breaks(lives: u8, budget: Budget, rules: Rules, invariant: &'static str) -> bool {
    let model = Handshake { processes: 2, lives, budget, sorts_processes: false, rules };
    let found = explore_until_broken(model, invariant);
    println!("handshake, 2 processes, {lives} lives, {budget:?}: {found}");
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
fn what_the_protocol_speaks_of_comes_about() {
    assert!(explore_all(2, 2, CALM).reaches("a name is removed"));
    assert!(explore_all(2, 2, SET_WIPED).reaches("a creator refuses"));
    assert!(explore_all(2, 2, SEGMENT_WIPED).reaches("an opener finds it damaged"));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_in_larger_bounds() {
    assert!(complete(3, 2, Budget { deaths: 2, ..CALM }));
    assert!(complete(3, 2, SET_WIPED));
    assert!(complete(3, 2, SEGMENT_WIPED));
    assert!(complete(4, 1, CALM));
}

const NOT_NEEDED: [Rules; 2] =
    [Rules { publish_tests_state: false, ..ALL }, Rules { failed_creator_cleans_up: false, ..ALL }];

fn is_complete_without_them(processes: usize, lives: u8, budget: Budget) -> bool {
    NOT_NEEDED.into_iter().all(|rules| {
        let found = explore(Handshake { processes, lives, budget, sorts_processes: true, rules });
        println!("handshake, {processes} processes, {lives} lives, {budget:?}, without one: {found}");
        found.violations.is_empty()
    })
}

#[test]
fn two_clauses_are_not_needed() {
    assert!(is_complete_without_them(2, 2, CALM));
    assert!(is_complete_without_them(2, 2, SET_WIPED));
    assert!(is_complete_without_them(2, 2, SEGMENT_WIPED));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn two_clauses_are_not_needed_in_larger_bounds() {
    assert!(is_complete_without_them(3, 2, CALM));
}

#[test]
fn condemn_before_finish() {
    // An opener loses patience; the creator publishes and registers; the opener removes what is now in use.
    assert!(breaks(1, CALM, Rules { condemn_before_finish: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn creator_checks_own_set() {
    // A slow creator, whose set was condemned and removed, takes the next creator's fresh segment for a leftover.
    assert!(breaks(1, CALM, Rules { creator_checks_own_set: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn header_names_set() {
    // Two finish the same set; the slower one finds the segment of the next creator, and removes it.
    assert!(breaks(1, CALM, Rules { header_names_set: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn heal_tests_alive() {
    // A user's segment is wiped; an opener condemns the set under the user, and makes a second object.
    assert!(breaks(2, SEGMENT_WIPED, Rules { heal_tests_alive: false, ..ALL }, "I2 users agree"));
}

#[test]
fn opener_reads_header() {
    // A live set's segment is wiped; a slow creator leaves an empty one; an opener uses it.
    assert!(breaks(2, SEGMENT_WIPED, Rules { opener_reads_header: false, ..ALL }, "I1 headers are complete"));
}

#[test]
fn refuse_when_attached() {
    // The set is wiped; a creator finds the segment in its way, used and attached, and removes it from under its user.
    assert!(breaks(1, SET_WIPED, Rules { refuse_when_attached: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn register_tests_state() {
    // An opener was about to register; `remove()` condemns; the opener registers all the same, and loses its segment.
    assert!(breaks(1, CALM, Rules { register_tests_state: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn remove_by_id() {
    // A creator fails to publish, and removes what the key finds: the segment of the next object's user.
    assert!(breaks(1, CALM, Rules { remove_by_id: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn remove_condemns() {
    // `remove()` is about to remove the segment; an opener finds STATE 1 and registers in between.
    assert!(breaks(1, CALM, Rules { remove_condemns: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn setval_spares_state() {
    // An opener condemns; the creator's `SETVAL` makes STATE 0 again, and it publishes; the opener finishes anyway.
    assert!(breaks(1, CALM, Rules { setval_spares_state: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn used_before_register() {
    // A user has registered but not stored `used`; the set is wiped; a creator takes its segment for a leftover.
    assert!(breaks(1, SET_WIPED, Rules { used_before_register: false, ..ALL }, "I4 a user's segment stays"));
}

#[test]
fn name_spares_unfinished() {
    // A creator is about to publish when the object is removed by name.
    let rules = Rules { name_spares_unfinished: false, ..ALL };
    assert!(breaks(1, CALM, rules, "I4 a user's segment stays"));
}

#[test]
fn who_leaves_a_dead_creators_set_waits_for_ever() {
    // Nobody condemns the set of a creator that died, and whoever comes waits for it.
    let rules = Rules { condemn_unfinished: false, ..ALL };
    assert!(breaks(1, CALM, rules, "I3 every opener ends"));
}
