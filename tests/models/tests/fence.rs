//! The fences: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore,
    fence::{
        Fence,
        Publisher::{self, Light, Strong},
        Rules,
        Sleeper::{self, Heavy, Own, Unsure},
    },
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "I1 no lost wake-up";

fn run(publishers: &[Publisher], sleeper: Sleeper, rules: Rules) -> Exploration {
    let found = explore(Fence { publishers: publishers.to_vec(), sleeper, items: 3, rules });
    println!("fence, {publishers:?} and {sleeper:?}, {rules:?}: {found}");
    found
}

fn breaks(rules: Rules, publishers: &[Publisher], sleeper: Sleeper, invariant: &str) -> bool {
    run(publishers, sleeper, rules).breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_the_sleeper_fences_for_all() {
    assert!(run(&[Light], Heavy, ALL).violations.is_empty());
    assert!(run(&[Light, Light], Heavy, ALL).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_if_each_process_fences_for_itself() {
    assert!(run(&[Strong], Own, ALL).violations.is_empty());
    assert!(run(&[Strong, Strong], Own, ALL).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_if_some_publishers_could_not_join() {
    assert!(run(&[Light, Strong], Heavy, ALL).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_for_long_if_the_sleeper_naps() {
    assert!(run(&[Light, Strong], Unsure, ALL).violations.is_empty());
}

#[test]
fn a_look_overtakes_a_store() {
    assert!(run(&[Light], Heavy, ALL).reaches("a look overtakes a store"));
}

#[test]
fn a_light_publisher_needs_a_heavy_fence() {
    // The item is still in the publisher's buffer when it finds no flag, and the sleeper no item.
    assert!(run(&[Light], Own, ALL).breaks(LOST));
    assert!(run(&[Light, Strong], Own, ALL).breaks(LOST));
}

#[test]
fn a_strong_publisher_does_not_help_a_sleeper_without_a_fence() {
    // The flag is still in the sleeper's buffer when the publisher loads it.
    assert!(run(&[Strong], Own, Rules::without("fence_before_look")).breaks(LOST));
}

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// The heavy fence passes over the publisher, and the item stays in the publisher's buffer.
    join_first: breaks(&[Light], Heavy, LOST);
    fence_before_look: breaks(&[Light], Heavy, LOST);
    /// The sleeper consumes a post that was late for an item it has seen, and sets its flag again. Then as above.
    fence_every_round: breaks(&[Light], Heavy, LOST);
    nap_if_unsure: breaks(&[Light], Unsure, LOST);
    look_after_nap: breaks(&[Light], Unsure, LOST);
}
