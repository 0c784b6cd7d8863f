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

fn breaks(processes: usize, deaths: u8, rules: Rules, invariant: &'static str) -> bool {
    let leaves = !rules.leaver_repairs || !rules.repair_before_unused;
    let found = explore_until_broken(mutex(processes, deaths, leaves, rules), invariant);
    println!("mutex, {processes} processes, {deaths} deaths: {found}");
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

#[test]
fn claim_before_reaping() {
    // A waiter sees the owner dead; a newcomer takes the slot, repairs and locks; the waiter frees the newcomer's word.
    assert!(breaks(3, 1, Rules { claim_before_reaping: false, ..ALL }, "I1 mutual exclusion"));
}

#[test]
fn keep_waiters_after_sleep() {
    // Two sleep; the one that is woken locks and unlocks without WAITERS, and the other sleeps on.
    assert!(breaks(3, 1, Rules { keep_waiters_after_sleep: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn obituary_posts() {
    // The owner dies after a waiter saw it alive, and nobody wakes the waiter.
    assert!(breaks(3, 1, Rules { obituary_posts: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn post_before_leaving() {
    // The word is unlocked and posted; a sleeper consumes the post and gives up; another one sleeps on at a free word.
    assert!(breaks(3, 1, Rules { post_before_leaving: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn newcomer_repairs() {
    // The owner dies; a newcomer takes its slot; the word is owned by somebody who lives and does not know of it.
    assert!(breaks(3, 1, Rules { newcomer_repairs: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn newcomer_posts() {
    // A waiter consumes the obituary while a newcomer holds the slot, and sleeps; the newcomer is silent.
    assert!(breaks(3, 2, Rules { newcomer_posts: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn reaper_posts() {
    // While a waiter reaps, another one consumes the obituary, finds the slot claimed, and sleeps; the reaper, which
    // never slept itself, frees the word in silence, locks and unlocks without WAITERS.
    assert!(breaks(3, 2, Rules { reaper_posts: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn check_owner_before_sleep() {
    // A waiter consumes the obituary, finds the word still owned, and sleeps without asking by whom.
    assert!(breaks(3, 1, Rules { check_owner_before_sleep: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn set_waiters_before_sleep() {
    // The owner unlocks a word without WAITERS, and does not post.
    assert!(breaks(3, 1, Rules { set_waiters_before_sleep: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn keep_poison() {
    // A newcomer frees its dead predecessor's word; the next owner does not learn of the death.
    assert!(breaks(3, 1, Rules { keep_poison: false, ..ALL }, "I3 poison is exact"));
}

#[test]
fn drained_is_slept() {
    // A waiter drains the post that was meant for a sleeper, locks without WAITERS and unlocks; the sleeper sleeps on.
    assert!(breaks(3, 1, Rules { drained_is_slept: false, ..ALL }, "I2 no lost wake-up"));
}

#[test]
fn leaver_repairs() {
    // Who leaves with the word in hand frees it in poison; else whoever comes to live in its slot has it.
    assert!(breaks(2, 0, Rules { leaver_repairs: false, ..ALL }, "I4 owners are marked as used"));
}

#[test]
fn repair_before_unused() {
    assert!(breaks(2, 0, Rules { repair_before_unused: false, ..ALL }, "I4 owners are marked as used"));
}
