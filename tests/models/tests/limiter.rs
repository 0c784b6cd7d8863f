//! The rate limiter: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    limiter::{Limiter, Rules},
};

const ALL: Rules = Rules::ALL;
const RATE: &str = "N1 the rate";

fn limiter() -> Limiter {
    Limiter { wanted: &[1, 1, 2], calls: 2, end: 11, deaths: 0, is_damaged: false, rules: ALL }
}

fn small() -> Limiter {
    Limiter { wanted: &[1, 2], calls: 2, end: 12, ..limiter() }
}

fn some_die() -> Limiter {
    Limiter { deaths: 2, calls: 1, ..limiter() }
}

fn damaged() -> Limiter {
    Limiter { is_damaged: true, deaths: 1, ..small() }
}

fn found(limiter: Limiter) -> Exploration {
    let text = format!("{limiter:?}");
    let found = explore(limiter);
    println!("{text}: {found}");
    found
}

fn is_complete(limiter: Limiter) -> bool {
    found(limiter).violations.is_empty()
}

fn breaks(rules: Rules, limiter: Limiter, invariant: &'static str) -> bool {
    let found = explore_until_broken(Limiter { rules, ..limiter }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong() {
    assert!(is_complete(limiter()));
    assert!(is_complete(small()));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(some_die()));
}

#[test]
fn nothing_goes_wrong_if_the_word_is_damaged() {
    assert!(is_complete(damaged()));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(damaged());
    for situation in ["a caller sleeps", "a compare-and-swap fails", "all calls are over", "a word was mended"] {
        assert!(found.reaches(situation), "{situation}");
    }
}

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// Two callers read the same word, and both store what follows it.
    compares: breaks(small(), RATE);
    /// A waiter dies, and the permits that it had taken beforehand are gone.
    waits_without_permits: breaks(some_die(), "N3 nothing else is taken");
    /// A caller reads the clock, and later a word that was written later. It takes the word for impossible.
    word_before_clock: breaks(small(), RATE);
    /// A caller sleeps until a time that is far away.
    mends: breaks(damaged(), "N4 no long sleep");
    /// After a long time without callers more permits are given out than the window has room for.
    forgets_the_past: breaks(Limiter { calls: 3, ..small() }, RATE);
    /// A caller sleeps until all permits are paid for that were given out before it.
    sleeps_no_longer: breaks(small(), "N2 no sleep beside permits");
}
