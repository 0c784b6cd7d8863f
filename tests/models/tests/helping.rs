//! Recovery by helping: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    helping::{Helping, Rules},
};

const ALL: Rules = Rules::ALL;

/// Processes, slots, words, deaths.
type Bounds = (usize, u8, u8, u8);

fn helping((processes, slots, words, deaths): Bounds, leaves: bool, rules: Rules) -> Helping {
    Helping { processes, slots, words, deaths, leaves, rules }
}

fn complete(bounds: Bounds, leaves: bool) -> Exploration {
    let found = explore(helping(bounds, leaves, ALL));
    let (processes, slots, words, deaths) = bounds;
    let size = format!("{processes} processes, {slots} slots, {words} words, {deaths} deaths");
    println!("helping, {size}, leaving {leaves}: {found}");
    found
}

fn breaks(rules: Rules, bounds: Bounds, invariant: &'static str) -> bool {
    let found = explore_until_broken(helping(bounds, true, rules), invariant);
    println!("helping, {bounds:?}, {rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(complete((2, 2, 2, 4), true).violations.is_empty());
    assert!(complete((2, 3, 2, 3), true).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_with_3_processes() {
    assert!(complete((3, 2, 2, 2), true).violations.is_empty());
    assert!(complete((3, 3, 2, 2), false).violations.is_empty());
    assert!(complete((3, 3, 1, 3), true).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_with_4_processes() {
    assert!(complete((4, 3, 1, 2), false).violations.is_empty());
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = complete((3, 3, 1, 1), false);
    assert!(found.reaches("a slot has two helpers"));
    assert!(found.reaches("a helper is late"));
}

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// A member finds an owner dead. Another one repairs the slot, and a new member moves in. The first one enters.
    helper_tests_alive: breaks((3, 3, 1, 1), "I1 members keep their words");
    /// A helper is slow. Another one repairs the slot, and a new member moves in and takes the word.
    helper_is_counted: breaks((3, 3, 1, 1), "I1 members keep their words");
    /// As above, with a helper that is counted and a new member that does not ask.
    member_tests_helpers: breaks((3, 3, 1, 1), "I3 helpers exclude owners");
    /// A helper has loaded a word. Another one frees it, and a member of a third slot takes it.
    compare_and_swap: breaks((3, 3, 1, 1), "I1 members keep their words");
    /// A helper is stopped, and no other one may enter.
    any_number: breaks((3, 3, 1, 1), "I4 one recovers alone");
    /// A helper marks the slot as unused, and dies before it has repaired the words.
    used_cleared_last: breaks((2, 2, 1, 2), "I2 owners are marked as used");
    /// A helper has left HELPERS. A new member moves in, and takes a word. The helper marks its slot as unused.
    helper_leaves_last: breaks((3, 3, 1, 1), "I2 owners are marked as used");
    /// A new member gets the words of the dead owner, of which it knows nothing.
    member_repairs: breaks((2, 2, 1, 1), "I6 owners know their words");
    /// A new member finds a clean slot, in which another one comes to live, takes a word and dies. The new member claims the
    /// slot, and is stopped before it sees that it is dirty.
    member_helps_first: breaks((3, 2, 1, 1), "I4 one recovers alone");
    /// A member takes a word before its slot is marked.
    member_marks_used: breaks((1, 1, 1, 0), "I2 owners are marked as used");
    /// A member leaves with a word, and its slot is clean.
    leaver_repairs: breaks((1, 1, 1, 0), "I2 owners are marked as used");
    /// A member has given ALIVE back. A new one moves in, and takes a word. The first one marks the slot as unused.
    leaver_clears_first: breaks((2, 1, 1, 0), "I2 owners are marked as used");
}
