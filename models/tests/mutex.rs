//! The mutex: nothing goes wrong with every rule, something does without any one of them.

use sysv_models::{
    Exploration, explore,
    mutex::{Mutex, Rules},
};

const ALL: Rules = Rules::ALL;

fn run(processes: usize, deaths: u8, rules: Rules) -> Exploration {
    let found = explore(Mutex { processes, deaths, saturation: 2, rules });
    println!("mutex, {processes} processes, {deaths} deaths: {found}");
    found
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(run(2, 3, ALL).violations.is_empty());
}

#[test]
fn nothing_goes_wrong_with_3_processes() {
    assert!(run(3, 2, ALL).violations.is_empty());
}

#[test]
fn claim_before_reaping() {
    // A waiter sees the owner dead; a newcomer takes the slot, repairs and locks; the waiter frees the newcomer's word.
    assert!(run(3, 1, Rules { claim_before_reaping: false, ..ALL }).breaks("I1 mutual exclusion"));
}

#[test]
fn keep_waiters_after_sleep() {
    // Two sleep; the one that is woken locks and unlocks without WAITERS, and the other sleeps on.
    assert!(run(3, 1, Rules { keep_waiters_after_sleep: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn obituary_posts() {
    // The owner dies after a waiter saw it alive, and nobody wakes the waiter.
    assert!(run(3, 1, Rules { obituary_posts: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn post_before_leaving() {
    // The word is unlocked and posted; a sleeper consumes the post and gives up; another one sleeps on at a free word.
    assert!(run(3, 1, Rules { post_before_leaving: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn newcomer_repairs() {
    // The owner dies; a newcomer takes its slot; the word is owned by somebody who lives and does not know of it.
    assert!(run(3, 1, Rules { newcomer_repairs: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn newcomer_posts() {
    // A waiter consumes the obituary while a newcomer holds the slot, and sleeps; the newcomer is silent.
    assert!(run(3, 2, Rules { newcomer_posts: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn reaper_posts() {
    // While a waiter reaps, another one consumes the obituary, finds the slot claimed, and sleeps; the reaper, which
    // never slept itself, frees the word in silence, locks and unlocks without WAITERS.
    assert!(run(3, 2, Rules { reaper_posts: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn check_owner_before_sleep() {
    // A waiter consumes the obituary, finds the word still owned, and sleeps without asking by whom.
    assert!(run(3, 1, Rules { check_owner_before_sleep: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn set_waiters_before_sleep() {
    // The owner unlocks a word without WAITERS, and does not post.
    assert!(run(3, 1, Rules { set_waiters_before_sleep: false, ..ALL }).breaks("I2 no lost wake-up"));
}

#[test]
fn keep_poison() {
    // A newcomer frees its dead predecessor's word; the next owner does not learn of the death.
    assert!(run(3, 1, Rules { keep_poison: false, ..ALL }).breaks("I3 poison is exact"));
}

#[test]
fn drained_is_slept() {
    // A waiter drains the post that was meant for a sleeper, locks without WAITERS and unlocks; the sleeper sleeps on.
    assert!(run(3, 1, Rules { drained_is_slept: false, ..ALL }).breaks("I2 no lost wake-up"));
}
