//! The mutex: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    mutex::{Mutex, Rules},
};

const ALL: Rules = Rules::ALL;

fn mutex(processes: usize, deaths: u8, leaves: bool, rules: Rules) -> Mutex {
    Mutex { processes, deaths, saturation: 2, leaves, rules }
}

fn complete(processes: usize, deaths: u8, leaves: bool) -> Exploration {
    let found = explore(mutex(processes, deaths, leaves, ALL));
    println!("mutex, {processes} processes, {deaths} deaths, leaving {leaves}: {found}");
    found
}

fn breaks(rules: Rules, processes: usize, deaths: u8, leaves: bool, invariant: &'static str) -> bool {
    let found = explore_until_broken(mutex(processes, deaths, leaves, rules), invariant);
    println!("mutex, {processes} processes, {deaths} deaths, leaving {leaves}, {rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(complete(2, 3, true).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_with_3_processes() {
    assert!(complete(3, 3, false).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_with_4_processes() {
    assert!(complete(4, 1, false).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_if_processes_leave() {
    assert!(complete(3, 2, true).violations.is_empty());
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = complete(2, 1, false);
    assert!(found.reaches("poison is handed on"));
    assert!(found.reaches("a try reaps"));
}

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// A waiter finds the owner dead. A new member takes the slot, repairs and locks. The waiter frees its word.
    claim_before_reaping: breaks(3, 1, false, "I1 mutual exclusion");
    /// Two processes sleep. The one that is woken locks and unlocks without WAITERS, and the other sleeps on.
    keep_waiters_after_sleep: breaks(3, 1, false, "I2 no lost wake-up");
    /// The owner dies after a waiter found it alive, and nothing wakes the waiter.
    obituary_posts: breaks(3, 1, false, "I2 no lost wake-up");
    /// The word is unlocked and posted. A sleeper consumes the post and times out. Another one sleeps on at a free
    /// word.
    post_before_leaving: breaks(3, 1, false, "I2 no lost wake-up");
    /// The owner dies. A new member takes its slot, and owns the word without knowing of it.
    new_member_repairs: breaks(3, 1, false, "I2 no lost wake-up");
    /// A waiter consumes the obituary while a new member holds the slot, and sleeps. The new member does not post.
    new_member_posts: breaks(3, 2, false, "I2 no lost wake-up");
    /// While a waiter reaps, another one consumes the obituary, finds the slot claimed, and sleeps. The reaper, which
    /// never slept itself, frees the word without a post, locks and unlocks without WAITERS.
    reaper_posts: breaks(3, 2, false, "I2 no lost wake-up");
    /// A waiter consumes the obituary, finds the word still owned, and sleeps without a check of the owner.
    check_owner_before_sleep: breaks(3, 1, false, "I2 no lost wake-up");
    /// The owner unlocks a word without WAITERS, and does not post.
    set_waiters_before_sleep: breaks(3, 1, false, "I2 no lost wake-up");
    /// A new member frees the word of the dead owner of its slot. The next owner does not learn of the death.
    keep_poison: breaks(3, 1, false, "I3 poison is exact");
    /// A waiter drains the post that was meant for a sleeper, locks without WAITERS and unlocks. The sleeper sleeps on.
    drained_is_slept: breaks(3, 1, false, "I2 no lost wake-up");
    /// A process leaves with the word. If it does not free the word, the next owner of its slot has it.
    leaver_repairs: breaks(2, 0, true, "I4 owners are marked as used");
    repair_before_unused: breaks(2, 0, true, "I4 owners are marked as used");
}
