//! Futures and the clerk: no wake-up is lost with every rule, and one is without any one of them.

use sysv_models::{
    Exploration,
    clerk::{
        Clerks,
        Kind::{Future, Thread},
        Rules,
    },
    explore, explore_until_broken,
};

const LOST: &str = "K1 no lost wake-up";

fn clerks() -> Clerks {
    Clerks { waiters: &[Future, Future], things: 2, drops: 1, withheld: 1, deaths: 0, rules: Rules::ALL }
}

fn one_dies() -> Clerks {
    Clerks { deaths: 1, withheld: 0, ..clerks() }
}

fn mixed() -> Clerks {
    Clerks { waiters: &[Future, Thread], ..clerks() }
}

fn mixed_and_one_dies() -> Clerks {
    Clerks { waiters: &[Future, Thread], ..one_dies() }
}

fn three() -> Clerks {
    Clerks { waiters: &[Future, Future, Future], ..clerks() }
}

fn found(clerks: Clerks) -> Exploration {
    let text = format!("{clerks:?}");
    let found = explore(clerks);
    println!("{text}: {found}");
    found
}

fn is_complete(clerks: Clerks) -> bool {
    found(clerks).violations.is_empty()
}

fn breaks(rules: Rules, clerks: Clerks, invariant: &'static str) -> bool {
    let found = explore_until_broken(Clerks { rules, ..clerks }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn no_wake_up_is_lost() {
    assert!(is_complete(clerks()));
    assert!(is_complete(one_dies()));
}

#[test]
fn no_wake_up_is_lost_beside_a_thread() {
    assert!(is_complete(mixed()));
    assert!(is_complete(mixed_and_one_dies()));
}

#[test]
#[ignore = "some minutes"]
fn no_wake_up_is_lost_among_three() {
    assert!(is_complete(three()));
}

#[test]
fn what_the_rules_speak_of_is_reached() {
    let found = found(mixed());
    for situation in ["a call is revoked", "a clerk posts again"] {
        assert!(found.reaches(situation), "{situation}");
    }
}

const NOT_NEEDED: [(&str, &str); 1] =
    [("obituary_rouses_all", "all waiters of the model want the same, so what the front does not find no other does")];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A thing is made between the check and the announcement.
    announces_before_check: breaks(clerks(), LOST);
    /// The front is dropped, and the other future is announced by no waiter.
    leaver_rouses_next: breaks(clerks(), LOST);
    /// A roused future is dropped, and the other process sleeps.
    drop_passes_on: breaks(clerks(), LOST);
    /// The front is called and dropped before the clerk wakes.
    drop_withdraws: breaks(clerks(), LOST);
    /// A roused future is not polled, and the other process sleeps.
    revoke_passes_on: breaks(clerks(), LOST);
    /// A roused future is not polled, and the future behind it is not announced.
    revoke_rouses_others: breaks(clerks(), LOST);
    /// The clerk takes the post of the thread that leads.
    stale_clerk_posts_again: breaks(mixed(), LOST);
    call_reaches_acting: breaks(clerks(), LOST);
    park_sees_rouse: breaks(clerks(), LOST);
    found_passes_on: breaks(clerks(), LOST);
}
