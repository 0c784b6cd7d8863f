//! Claimed requests: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    retries::{Retries, Rules},
};

const ALL: Rules = Rules::ALL;
const TORN: &str = "Q1 whole";
const LOST: &str = "Q2 not lost";
const TOO_OFTEN: &str = "Q3 limit";
const UNTRUE: &str = "Q4 in hand";
const ASLEEP: &str = "Q5 awake";
const WRONG: &str = "Q6 bytes";
const LEAKED: &str = "Q7 blocks";

/// A caller, and two processes that claim.
fn none_dies() -> Retries {
    Retries {
        claimers: 2,
        calls: 1,
        limit: 2,
        deaths: 0,
        comes_back: false,
        outlives: false,
        long: false,
        leaves: false,
        mixed: false,
        retries: 0,
        rules: ALL,
    }
}

fn one_dies() -> Retries {
    Retries { deaths: 1, ..none_dies() }
}

fn caller_leaves() -> Retries {
    Retries { leaves: true, ..none_dies() }
}

fn long_request() -> Retries {
    Retries { long: true, leaves: true, ..one_dies() }
}

/// The request outlives its caller, and one of two processes that die may be the caller.
fn outlives() -> Retries {
    Retries { outlives: true, deaths: 2, ..none_dies() }
}

/// A request that is set aside is retried, while a helper of its first attempt may be late.
fn retried() -> Retries {
    Retries { retries: 1, ..one_dies() }
}

/// Some attempts are claims, and others are received, or delayed.
fn mixed() -> Retries {
    Retries { mixed: true, leaves: true, long: true, ..one_dies() }
}

/// Everything, with two processes that claim.
fn everything() -> Retries {
    Retries { retries: 1, comes_back: true, leaves: true, long: true, deaths: 2, ..none_dies() }
}

fn found(retries: Retries) -> Exploration {
    let text = format!("{retries:?}");
    let found = explore(retries);
    println!("{text}: {found}");
    found
}

fn is_complete(retries: Retries) -> bool {
    found(retries).violations.is_empty()
}

fn breaks(rules: Rules, retries: Retries, invariant: &'static str) -> bool {
    let retries = Retries { rules, ..retries };
    let text = format!("{retries:?}");
    let found = explore_until_broken(retries, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(none_dies()));
    assert!(is_complete(Retries { long: true, ..caller_leaves() }));
    assert!(is_complete(Retries { calls: 2, leaves: true, claimers: 3, ..none_dies() }));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(one_dies()));
    assert!(is_complete(Retries { leaves: true, ..outlives() }));
    assert!(is_complete(Retries { claimers: 3, deaths: 2, ..none_dies() }));
    assert!(is_complete(Retries { limit: 3, ..long_request() }));
    assert!(is_complete(mixed()));
    assert!(is_complete(Retries { outlives: true, deaths: 2, ..mixed() }));
}

#[test]
fn nothing_goes_wrong_with_reuse_and_retries() {
    assert!(is_complete(everything()));
    assert!(is_complete(Retries { outlives: true, ..everything() }));
    assert!(is_complete(Retries { claimers: 3, ..retried() }));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_more_of_everything() {
    assert!(is_complete(Retries { calls: 2, ..everything() }));
    assert!(is_complete(Retries { claimers: 3, ..everything() }));
    assert!(is_complete(Retries { claimers: 3, outlives: true, ..everything() }));
    assert!(is_complete(Retries { limit: 3, ..everything() }));
    assert!(is_complete(Retries { mixed: true, ..everything() }));
    assert!(is_complete(Retries { claimers: 3, deaths: 2, ..mixed() }));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { helper_calls: false, ..ALL };
    assert!(is_complete(Retries { rules, ..everything() }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(everything());
    assert!(found.reaches("a request is set aside"));
    assert!(found.reaches("a second attempt is responded to"));
    assert!(found.reaches("a helper is late"));
    assert!(found.reaches("a request has no caller"));
}

const NOT_NEEDED: [(&str, &str); 1] =
    [("helper_calls", "the obituary wakes the caller, which repairs the dead slot itself before it looks")];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A process fails while it responds, and the request that comes back is overwritten.
    response_apart: breaks(none_dies(), TORN);
    /// A late helper frees the blocks of the next attempt's response.
    response_is_named: breaks(one_dies(), WRONG);
    /// The attempts of a request that is retried begin anew, and a helper of the first attempt frees blocks of the same name.
    named_by_owner: breaks(retried(), WRONG);
    /// The caller reads a response before the claimer has said where it is.
    fields_before_answered: breaks(none_dies(), WRONG);
    /// The first attempt has said that its response is apart. The second one responds in place.
    says_in_place: breaks(mixed(), WRONG);
    /// The caller cancels while the response is written.
    answer_by_swap: breaks(caller_leaves(), UNTRUE);
    /// The caller cancels while its request is requeued. The cell is HELD for ever.
    failed_looks_again: breaks(caller_leaves(), UNTRUE);
    /// A process fails while it responds, and requeues.
    requeue_frees_response: breaks(none_dies(), LEAKED);
    /// A process dies between the blocks of a request that is done and its cell.
    done_via_held: breaks(long_request(), TORN);
    /// The limit is not reached.
    attempts_grow: breaks(none_dies(), TOO_OFTEN);
    /// A request comes back at its limit.
    limit_sets_aside: breaks(none_dies(), TOO_OFTEN);
    /// A process is between READY and the hint, and is not named: no helper would find out.
    requeue_names_itself: breaks(none_dies(), LOST);
    /// The caller sleeps on.
    end_is_called: breaks(none_dies(), ASLEEP);
    /// A process dies between ANSWERED and its call.
    obituary_posts: breaks(one_dies(), ASLEEP);
    /// The response comes between the look and the announcement.
    announce_before_look: breaks(none_dies(), ASLEEP);
    /// A process dies with a block of its response.
    helper_frees_response: breaks(one_dies(), LEAKED);
    /// The caller cancels, and the claimer has a block of its response.
    held_frees_response: breaks(caller_leaves(), LEAKED);
    /// A late helper overwrites the next attempt.
    help_by_swap: breaks(one_dies(), TOO_OFTEN);
    /// The request is READY before it is marked, and its helper is stopped there.
    mark_before_ready: breaks(one_dies(), LOST);
    /// The cell of a request that was requeued, and then taken back, names the process that requeued it.
    taken_back_is_callers: breaks(caller_leaves(), UNTRUE);
    /// The request is claimed while the caller takes it back.
    cancel_by_swap: breaks(caller_leaves(), TOO_OFTEN);
    /// A request without its caller goes with its claimer.
    outlives_is_kept: breaks(outlives(), LOST);
    /// The claimer of a request that was cancelled dies, and it runs again.
    cancelled_is_held: breaks(caller_leaves(), TOO_OFTEN);
    /// The caller learns that its request is set aside, and the cell names it for ever.
    aside_forgets_caller: breaks(none_dies(), UNTRUE);
}
