//! The pool: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    pool::{Pool, Rules},
};

const ALL: Rules = Rules::ALL;

fn pool(singles: usize, manys: usize, deaths: u8, rules: Rules) -> Pool {
    Pool { singles, manys, deaths, saturation: 2, drains: true, leaves: false, sorts_processes: true, rules }
}

fn complete(pool: Pool) -> Exploration {
    let Pool { singles, manys, deaths, leaves, rules, .. } = pool;
    let found = explore(pool);
    println!("pool, {singles}+{manys} processes, {deaths} deaths, leaving {leaves}, {rules:?}: {found}");
    found
}

fn is_complete(singles: usize, manys: usize, deaths: u8) -> bool {
    complete(pool(singles, manys, deaths, ALL)).violations.is_empty()
}

fn is_complete_with_leaving(singles: usize, manys: usize, deaths: u8) -> bool {
    complete(Pool { leaves: true, ..pool(singles, manys, deaths, ALL) }).violations.is_empty()
}

fn breaks(rules: Rules, singles: usize, manys: usize, deaths: u8, invariant: &'static str) -> bool {
    let found = explore_until_broken(pool(singles, manys, deaths, rules), invariant);
    println!("pool, {singles}+{manys} processes, {deaths} deaths, {rules:?}: {found}");
    found.breaks(invariant)
}

/// Whether this invariant is the first that breaks if processes leave.
fn breaks_first_with_leaving(rules: Rules, singles: usize, manys: usize, deaths: u8, invariant: &str) -> bool {
    complete(Pool { leaves: true, ..pool(singles, manys, deaths, rules) }).breaks(invariant)
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
fn the_situations_of_the_invariants_are_reached() {
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

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// A permit is freed after the last try and before the flag is up, without a post.
    announce_before_try: breaks(1, 1, 0, "I4 many is not stuck");
    /// A waiter that consumed the obituary tries again without reaping, and sleeps for the permit of the dead holder.
    announce_after_token: breaks(1, 1, 1, "I4 many is not stuck");
    /// Both permits are freed with one post. The sleeper that it woke takes one, and the other sleeper is not woken.
    pass_on: breaks(2, 1, 0, "I3 no lost wake-up");
    /// A holder dies. A waiter consumes the obituary and sleeps, and no process frees the permit.
    reap_before_sleep: breaks(1, 1, 1, "I4 many is not stuck");
    /// A sleeper consumes the post for a freed permit and times out. Another one sleeps on.
    post_before_leaving: breaks(2, 1, 0, "I3 no lost wake-up");
    /// A holder dies after a waiter found it alive, and nothing wakes the waiter.
    obituary_posts: breaks(1, 1, 1, "I4 many is not stuck");
    /// A slot is dead and dirty. A new member takes it and acquires. The reaper frees the permit of the new member.
    claim_before_reaping: breaks(1, 1, 1, "I1 one holder");
    /// A waiter consumes the obituary while a new member holds the slot, and sleeps. The new member does not post.
    reaping_posts: breaks(1, 1, 1, "I4 many is not stuck");
    /// A holder dies. A new member takes its slot, and no process reaps a slot with a living owner.
    new_member_repairs: breaks(2, 0, 1, "I2 nothing is lost");
    /// The caller of many consumes the post for a permit that is too little for it. A single caller sleeps on.
    bell_of_its_own: breaks(2, 1, 0, "I3 no lost wake-up");
    /// A single caller finds no permit while the caller of many holds one, and sleeps. That one is freed without a
    /// post.
    give_back_wakes: breaks(2, 1, 0, "I3 no lost wake-up");
    /// Both permits are freed with one post. A waiter drains it, takes one permit, and posts nothing for the other.
    drained_is_token: breaks(2, 1, 0, "I3 no lost wake-up");
    /// Two processes sleep at the turnstile. The one that is woken times out, and posts elsewhere. The other sleeps on.
    turnstile_gives_back: breaks(0, 3, 0, "I5 the turnstile turns");
    /// A waiter consumes the obituary while a new member holds the slot, and sleeps. The new member does not post.
    reaping_posts_turnstile: breaks(0, 2, 1, "I5 the turnstile turns");
    /// A process leaves with a permit, whose word then names a clean slot.
    leaver_repairs: breaks_first_with_leaving(1, 1, 0, "I2 nothing is lost");
}
