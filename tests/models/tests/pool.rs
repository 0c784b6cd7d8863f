//! The pool: nothing goes wrong with every rule, something does without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    pool::{Pool, Rules},
};

const ALL: Rules = Rules::ALL;

fn pool(singles: usize, manys: usize, deaths: u8, rules: Rules) -> Pool {
    Pool { singles, manys, deaths, saturation: 2, drains: true, leaves: false, sorts_processes: true, rules }
}

fn complete(pool: Pool) -> Exploration {
    let Pool { singles, manys, deaths, leaves, .. } = pool;
    let found = explore(pool);
    println!("pool, {singles}+{manys} processes, {deaths} deaths, leaving {leaves}: {found}");
    found
}

fn is_complete(singles: usize, manys: usize, deaths: u8) -> bool {
    complete(pool(singles, manys, deaths, ALL)).violations.is_empty()
}

fn is_complete_with_leaving(singles: usize, manys: usize, deaths: u8) -> bool {
    complete(Pool { leaves: true, ..pool(singles, manys, deaths, ALL) }).violations.is_empty()
}

fn breaks(singles: usize, manys: usize, deaths: u8, rules: Rules, invariant: &'static str) -> bool {
    let found = explore_until_broken(pool(singles, manys, deaths, rules), invariant);
    println!("pool, {singles}+{manys} processes, {deaths} deaths: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(is_complete(1, 1, 3));
    assert!(is_complete(0, 2, 3));
}

#[test]
fn nothing_goes_wrong_with_3_single_callers() {
    assert!(is_complete(3, 0, 3));
}

#[test]
fn nothing_goes_wrong_with_2_single_callers_and_one_of_many() {
    assert!(is_complete(2, 1, 1));
}

#[test]
fn nothing_goes_wrong_with_2_callers_of_many() {
    assert!(is_complete(1, 2, 0));
}

#[test]
fn nothing_goes_wrong_if_processes_leave() {
    assert!(is_complete_with_leaving(1, 1, 1));
    assert!(is_complete_with_leaving(3, 0, 1));
}

#[test]
fn what_the_invariants_speak_of_comes_about() {
    let found = complete(pool(1, 1, 1, ALL));
    assert!(found.reaches("both permits are held by one"));
    assert!(found.reaches("a reaper frees a permit"));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more_deaths() {
    assert!(is_complete(2, 1, 2));
    assert!(is_complete_with_leaving(2, 1, 0));
    assert!(is_complete(1, 2, 1));
}

#[test]
fn announce_before_try() {
    // A permit is freed after the last try and before the flag is up, and nobody posts.
    assert!(breaks(1, 1, 0, Rules { announce_before_try: false, ..ALL }, "I4 many is not stuck"));
}

#[test]
fn announce_after_token() {
    // Who consumed the obituary tries again without reaping, and sleeps on the permit of the dead.
    assert!(breaks(1, 1, 1, Rules { announce_after_token: false, ..ALL }, "I4 many is not stuck"));
}

#[test]
fn pass_on() {
    // Both permits are freed with one post; the sleeper that it woke takes one, and the other sleeper is not told.
    assert!(breaks(2, 1, 0, Rules { pass_on: false, ..ALL }, "I3 no lost wake-up"));
}

#[test]
fn reap_before_sleep() {
    // A holder dies; whoever wants its permit consumes the obituary and sleeps, for nobody frees it.
    assert!(breaks(1, 1, 1, Rules { reap_before_sleep: false, ..ALL }, "I4 many is not stuck"));
}

#[test]
fn post_before_leaving() {
    // A sleeper consumes the post for a freed permit and gives up; another one sleeps on.
    assert!(breaks(2, 1, 0, Rules { post_before_leaving: false, ..ALL }, "I3 no lost wake-up"));
}

#[test]
fn obituary_posts() {
    // A holder dies after a waiter saw it alive, and nobody wakes the waiter.
    assert!(breaks(1, 1, 1, Rules { obituary_posts: false, ..ALL }, "I4 many is not stuck"));
}

#[test]
fn claim_before_reaping() {
    // A slot is dead and dirty; a newcomer takes it and acquires; the reaper frees the newcomer's permit.
    assert!(breaks(1, 1, 1, Rules { claim_before_reaping: false, ..ALL }, "I1 one holder"));
}

#[test]
fn reaping_posts() {
    // A waiter consumes the obituary while a newcomer holds the dead holder's slot, and sleeps; the newcomer is silent.
    assert!(breaks(1, 1, 1, Rules { reaping_posts: false, ..ALL }, "I4 many is not stuck"));
}

#[test]
fn newcomer_repairs() {
    // A holder dies; a newcomer takes its slot, and nobody reaps a slot whose holder lives.
    assert!(breaks(2, 0, 1, Rules { newcomer_repairs: false, ..ALL }, "I2 nothing is lost"));
}

#[test]
fn bell_of_its_own() {
    // The caller of many consumes the post for a permit that is too little for it; a single caller sleeps on.
    assert!(breaks(2, 1, 0, Rules { bell_of_its_own: false, ..ALL }, "I3 no lost wake-up"));
}

#[test]
fn give_back_wakes() {
    // A single caller sees no permit while the caller of many holds one, and sleeps; that one is given back in silence.
    assert!(breaks(2, 1, 0, Rules { give_back_wakes: false, ..ALL }, "I3 no lost wake-up"));
}

#[test]
fn drained_is_token() {
    // Both permits are freed with one post; a waiter drains it, takes one permit, and tells nobody of the other.
    assert!(breaks(2, 1, 0, Rules { drained_is_token: false, ..ALL }, "I3 no lost wake-up"));
}

#[test]
fn turnstile_gives_back() {
    // Two sleep at the turnstile; the one that is woken gives up, and posts elsewhere; the other one sleeps on.
    let rules = Rules { turnstile_gives_back: false, ..ALL };
    assert!(breaks(0, 3, 0, rules, "I5 the turnstile turns"));
}

#[test]
fn reaping_posts_turnstile() {
    // A waiter consumes the obituary while a newcomer holds the slot, and sleeps; the newcomer is silent.
    let rules = Rules { reaping_posts_turnstile: false, ..ALL };
    assert!(breaks(0, 2, 1, rules, "I5 the turnstile turns"));
}

#[test]
fn leaver_repairs() {
    // Who leaves with a permit in hand leaves a word that names a clean slot.
    let rules = Rules { leaver_repairs: false, ..ALL };
    let model = Pool { leaves: true, ..pool(1, 1, 0, rules) };
    assert!(complete(model).breaks("I2 nothing is lost"));
}
