//! The mutex: nothing goes wrong with every rule, something does without any one of them.

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
fn what_the_invariants_speak_of_comes_about() {
    let found = complete(2, 1, false);
    assert!(found.reaches("poison is handed on"));
    assert!(found.reaches("a try reaps"));
}

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// A waiter sees the owner dead; a newcomer takes the slot, repairs and locks; the waiter frees the newcomer's word.
    claim_before_reaping: breaks(3, 1, false, "I1 mutual exclusion");
    /// Two sleep; the one that is woken locks and unlocks without WAITERS, and the other sleeps on.
    keep_waiters_after_sleep: breaks(3, 1, false, "I2 no lost wake-up");
    /// The owner dies after a waiter saw it alive, and nobody wakes the waiter.
    obituary_posts: breaks(3, 1, false, "I2 no lost wake-up");
    /// The word is unlocked and posted; a sleeper consumes the post and gives up; another one sleeps on at a free word.
    post_before_leaving: breaks(3, 1, false, "I2 no lost wake-up");
    /// The owner dies; a newcomer takes its slot; the word is owned by somebody who lives and does not know of it.
    newcomer_repairs: breaks(3, 1, false, "I2 no lost wake-up");
    /// A waiter consumes the obituary while a newcomer holds the slot, and sleeps; the newcomer is silent.
    newcomer_posts: breaks(3, 2, false, "I2 no lost wake-up");
    /// While a waiter reaps, another one consumes the obituary, finds the slot claimed, and sleeps; the reaper, which
    /// never slept itself, frees the word in silence, locks and unlocks without WAITERS.
    reaper_posts: breaks(3, 2, false, "I2 no lost wake-up");
    /// A waiter consumes the obituary, finds the word still owned, and sleeps without asking by whom.
    check_owner_before_sleep: breaks(3, 1, false, "I2 no lost wake-up");
    /// The owner unlocks a word without WAITERS, and does not post.
    set_waiters_before_sleep: breaks(3, 1, false, "I2 no lost wake-up");
    /// A newcomer frees its dead predecessor's word; the next owner does not learn of the death.
    keep_poison: breaks(3, 1, false, "I3 poison is exact");
    /// A waiter drains the post that was meant for a sleeper, locks without WAITERS and unlocks; the sleeper sleeps on.
    drained_is_slept: breaks(3, 1, false, "I2 no lost wake-up");
    /// Who leaves with the word in hand frees it in poison; else whoever comes to live in its slot has it.
    leaver_repairs: breaks(2, 0, true, "I4 owners are marked as used");
    repair_before_unused: breaks(2, 0, true, "I4 owners are marked as used");
}
