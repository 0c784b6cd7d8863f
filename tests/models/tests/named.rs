//! Named calls: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    named::{Job, Named, Rules},
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "N on its way";

const FIRST: Job = Job::Send(0);
const SECOND: Job = Job::Send(1);
const OF_FIRST: Job = Job::Receive(0b01);
const OF_SECOND: Job = Job::Receive(0b10);
const OF_BOTH: Job = Job::Receive(0b11);

/// Two routes, each with a lane of its own.
fn named(jobs: &'static [&'static [Job]]) -> Named {
    Named { jobs, shared: false, deaths: 0, gives_up: false, rules: ALL }
}

fn one_route() -> Named {
    named(&[&[FIRST, FIRST], &[OF_FIRST], &[OF_FIRST]])
}

fn of_different_routes() -> Named {
    Named { gives_up: true, ..named(&[&[FIRST, SECOND], &[OF_FIRST], &[OF_SECOND]]) }
}

fn of_both_and_of_one() -> Named {
    Named { gives_up: true, ..named(&[&[FIRST, SECOND], &[OF_BOTH], &[OF_FIRST]]) }
}

fn two_senders() -> Named {
    named(&[&[FIRST], &[SECOND], &[OF_BOTH], &[OF_FIRST]])
}

fn receivers_that_change() -> Named {
    named(&[&[FIRST, SECOND], &[OF_BOTH, OF_FIRST], &[OF_FIRST, OF_SECOND]])
}

fn shared_lane() -> Named {
    Named { shared: true, ..of_different_routes() }
}

fn one_dies() -> Named {
    Named { deaths: 1, ..named(&[&[FIRST, SECOND], &[OF_BOTH], &[OF_FIRST]]) }
}

fn two_die() -> Named {
    Named { deaths: 2, ..named(&[&[FIRST, SECOND], &[OF_BOTH], &[OF_SECOND]]) }
}

fn found(named: Named) -> Exploration {
    let text = format!("{named:?}");
    let found = explore(named);
    println!("{text}: {found}");
    found
}

fn is_complete(named: Named) -> bool {
    found(named).violations.is_empty()
}

fn breaks(rules: Rules, named: Named) -> bool {
    let named = Named { rules, ..named };
    let text = format!("{named:?}");
    let found = explore_until_broken(named, LOST);
    println!("{text}: {found}");
    found.breaks(LOST)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(one_route()));
    assert!(is_complete(of_different_routes()));
    assert!(is_complete(of_both_and_of_one()));
    assert!(is_complete(receivers_that_change()));
    assert!(is_complete(two_senders()));
}

#[test]
fn nothing_goes_wrong_in_a_shared_lane() {
    assert!(is_complete(shared_lane()));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(one_dies()));
    assert!(is_complete(two_die()));
    assert!(is_complete(Named { deaths: 1, ..two_senders() }));
    assert!(is_complete(Named { deaths: 1, ..shared_lane() }));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_4_processes_in_a_shared_lane() {
    assert!(is_complete(Named { shared: true, ..named(&[&[FIRST], &[SECOND], &[OF_FIRST], &[OF_SECOND]]) }));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { check_while_awake: false, obituary_posts_twice: false, ..ALL };
    assert!(is_complete(Named { rules, ..two_die() }));
    assert!(is_complete(Named { rules, ..of_both_and_of_one() }));
}

#[test]
fn the_situations_of_the_invariant_are_reached() {
    let found = found(two_senders());
    assert!(found.reaches("a waiter sleeps"));
    assert!(found.reaches("a call is passed on"));
    assert!(found.reaches("another notifier posts"));
    assert!(found.reaches("a waiter is called for what another one took"));
}

const NOT_NEEDED: [(&str, &str); 2] = [
    (
        "check_while_awake",
        "the check after the next announcement finds the same. Interchangeable things need it: see `room`",
    ),
    (
        "obituary_posts_twice",
        "a dead process has nothing here that others wait for, but for the message that it called for. See `room`",
    ),
];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A waiter that wants the other route is called. It finds nothing, and the one that wants it sleeps.
    calls_what_fits: breaks(of_different_routes());
    /// A receiver of several lanes has raised the other flag.
    looks_at_wide: breaks(of_both_and_of_one());
    /// A notifier calls one of two waiters, and lowers the flag. The next notifier finds it down.
    flag_is_kept: breaks(one_route());
    /// A waiter announces itself after a notifier has read its word, and before that lowers the flag.
    lower_by_version: breaks(one_route());
    /// A waiter is called while it leaves with another message. The next one sleeps on.
    leaver_passes_on: breaks(one_route());
    /// A waiter checks and finds a message. Before it withdraws, it is called for another one.
    finder_passes_on: breaks(one_route());
    /// A message is sent after the check and before the flag is raised, and the notifier finds that down.
    announce_before_check: breaks(one_route());
    /// The flag is raised. A notifier scans before the word is set, and lowers the flag.
    word_before_flag: breaks(one_route());
    /// A notifier is stopped between its call and its post. A second one finds the waiter UNPOSTED, and does not post.
    posts_for_others: breaks(one_route());
    /// The waiter that was called wants another route of the same lane.
    shared_calls_all: breaks(shared_lane());
    /// A waiter consumes the obituary of a sender that had not called yet, and sleeps again.
    uncalled_wake_suspects: breaks(one_dies());
    /// A sender dies before it calls.
    obituary_posts: breaks(one_dies());
}
