//! The pool: nothing goes wrong with every rule, something does without any one of them.

use sysv_models::{
    Exploration, explore,
    pool::{Pool, Rules},
};

const ALL: Rules = Rules::ALL;

fn complete(singles: usize, manys: usize, deaths: u8) -> bool {
    let found =
        explore(Pool { singles, manys, deaths, saturation: 2, drains: true, sorts_processes: true, rules: ALL });
    println!("pool, {singles}+{manys} processes, {deaths} deaths: {found}");
    found.violations.is_empty()
}

fn without(singles: usize, manys: usize, deaths: u8, rules: Rules) -> Exploration {
    let found = explore(Pool { singles, manys, deaths, saturation: 2, drains: true, sorts_processes: false, rules });
    println!("pool, {singles}+{manys} processes, {deaths} deaths: {found}");
    found
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(complete(1, 1, 3));
    assert!(complete(0, 2, 3));
}

#[test]
fn nothing_goes_wrong_with_3_single_callers() {
    assert!(complete(3, 0, 3));
}

#[test]
fn nothing_goes_wrong_with_2_single_callers_and_one_of_many() {
    assert!(complete(2, 1, 1));
}

#[test]
fn nothing_goes_wrong_with_2_callers_of_many() {
    assert!(complete(1, 2, 0));
}

#[test]
#[ignore = "half a minute and some gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more_deaths() {
    assert!(complete(2, 1, 2));
    assert!(complete(1, 2, 1));
}

#[test]
fn announce_before_try() {
    // A permit is freed after the last try and before the flag is up, and nobody posts.
    assert!(without(1, 1, 0, Rules { announce_before_try: false, ..ALL }).breaks("I4 many is not stuck"));
}

#[test]
fn announce_after_token() {
    // Who consumed the obituary tries again without reaping, and sleeps on the permit of the dead.
    assert!(without(1, 1, 1, Rules { announce_after_token: false, ..ALL }).breaks("I4 many is not stuck"));
}

#[test]
fn pass_on() {
    // Both permits are freed with one post; the sleeper that it woke takes one, and the other sleeper is not told.
    assert!(without(2, 1, 0, Rules { pass_on: false, ..ALL }).breaks("I3 no lost wake-up"));
}

#[test]
fn reap_before_sleep() {
    // A holder dies; whoever wants its permit consumes the obituary and sleeps, for nobody frees it.
    assert!(without(1, 1, 1, Rules { reap_before_sleep: false, ..ALL }).breaks("I4 many is not stuck"));
}

#[test]
fn post_before_leaving() {
    // A sleeper consumes the post for a freed permit and gives up; another one sleeps on.
    assert!(without(2, 1, 0, Rules { post_before_leaving: false, ..ALL }).breaks("I3 no lost wake-up"));
}

#[test]
fn obituary_posts() {
    // A holder dies after a waiter saw it alive, and nobody wakes the waiter.
    assert!(without(1, 1, 1, Rules { obituary_posts: false, ..ALL }).breaks("I4 many is not stuck"));
}

#[test]
fn claim_before_reaping() {
    // A slot is dead and dirty; a newcomer takes it and acquires; the reaper frees the newcomer's permit.
    assert!(without(1, 1, 1, Rules { claim_before_reaping: false, ..ALL }).breaks("I1 one holder"));
}

#[test]
fn reaping_posts() {
    // A waiter consumes the obituary while a newcomer holds the dead holder's slot, and sleeps; the newcomer is silent.
    assert!(without(1, 1, 1, Rules { reaping_posts: false, ..ALL }).breaks("I4 many is not stuck"));
}

#[test]
fn newcomer_repairs() {
    // A holder dies; a newcomer takes its slot, and nobody reaps a slot whose holder lives.
    assert!(without(2, 0, 1, Rules { newcomer_repairs: false, ..ALL }).breaks("I2 nothing is lost"));
}

#[test]
fn bell_of_its_own() {
    // The caller of many consumes the post for a permit that is too little for it; a single caller sleeps on.
    assert!(without(2, 1, 0, Rules { bell_of_its_own: false, ..ALL }).breaks("I3 no lost wake-up"));
}

#[test]
fn give_back_wakes() {
    // A single caller sees no permit while the caller of many holds one, and sleeps; that one is given back in silence.
    assert!(without(2, 1, 0, Rules { give_back_wakes: false, ..ALL }).breaks("I3 no lost wake-up"));
}

#[test]
fn drained_is_token() {
    // Both permits are freed with one post; a waiter drains it, takes one permit, and tells nobody of the other.
    assert!(without(2, 1, 0, Rules { drained_is_token: false, ..ALL }).breaks("I3 no lost wake-up"));
}
