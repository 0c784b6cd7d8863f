//! Delayed messages: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration,
    delays::{
        Delays,
        Job::{self, Delay, Receive, RequestAt, Send, SendAt},
        Rules,
    },
    explore, explore_until_broken,
};

const ALL: Rules = Rules::ALL;
const ASLEEP: &str = "D1 on its way";
const TWICE: &str = "D2 once";
const EARLY: &str = "D3 not early";
const LATE: &str = "D4 earliest";
const UNFOUND: &str = "D5 found";

fn delays(jobs: &'static [&'static [Job]]) -> Delays {
    Delays { jobs, last: 2, deaths: 0, gives_up: false, rules: ALL }
}

fn one_receiver() -> Delays {
    delays(&[&[SendAt(1)], &[Receive]])
}

fn one_sender() -> Delays {
    delays(&[&[SendAt(2), SendAt(1)], &[Receive]])
}

fn two_senders() -> Delays {
    delays(&[&[SendAt(2)], &[SendAt(1)], &[Receive]])
}

fn two_receivers() -> Delays {
    delays(&[&[SendAt(2)], &[SendAt(1)], &[Receive], &[Receive]])
}

/// One of two receivers leaves with the message that is not delayed.
fn beside_messages() -> Delays {
    delays(&[&[SendAt(1), Send], &[Receive], &[Receive]])
}

fn detached() -> Delays {
    delays(&[&[RequestAt(1)], &[Receive], &[Receive]])
}

fn delayed_again() -> Delays {
    delays(&[&[SendAt(1)], &[Delay(2), Receive], &[Receive]])
}

/// A process delays a message that it had delayed before.
fn delayed_by_one() -> Delays {
    delays(&[&[SendAt(1), Delay(2)], &[Receive]])
}

fn three_senders() -> Delays {
    Delays { last: 1, ..delays(&[&[SendAt(2)], &[SendAt(1)], &[SendAt(1)], &[Receive]]) }
}

fn two_die() -> Delays {
    Delays { deaths: 2, ..delays(&[&[SendAt(1)], &[Receive], &[Receive]]) }
}

fn one_of_two_dies() -> Delays {
    Delays { deaths: 1, ..two_senders() }
}

fn a_claimer_dies() -> Delays {
    Delays { deaths: 1, ..delays(&[&[SendAt(1)], &[Delay(2)], &[Receive]]) }
}

fn found(delays: Delays) -> Exploration {
    let text = format!("{delays:?}");
    let found = explore(delays);
    println!("{text}: {found}");
    found
}

fn is_complete(delays: Delays) -> bool {
    found(delays).violations.is_empty()
}

fn breaks(rules: Rules, delays: Delays, invariant: &'static str) -> bool {
    let delays = Delays { rules, ..delays };
    let text = format!("{delays:?}");
    let found = explore_until_broken(delays, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(one_receiver()));
    assert!(is_complete(one_sender()));
    assert!(is_complete(two_senders()));
    assert!(is_complete(beside_messages()));
    assert!(is_complete(detached()));
    assert!(is_complete(delayed_again()));
    assert!(is_complete(delayed_by_one()));
    assert!(is_complete(three_senders()));
    assert!(is_complete(Delays { gives_up: true, ..beside_messages() }));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(Delays { deaths: 1, ..one_receiver() }));
    assert!(is_complete(two_die()));
    assert!(is_complete(one_of_two_dies()));
    assert!(is_complete(a_claimer_dies()));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_more_of_everything() {
    // 9.1 million states.
    assert!(is_complete(two_receivers()));
    // 1.5 million states.
    assert!(is_complete(Delays { deaths: 1, ..beside_messages() }));
    assert!(is_complete(Delays { deaths: 2, ..delayed_again() }));
    assert!(is_complete(Delays { deaths: 1, ..three_senders() }));
    assert!(is_complete(Delays { deaths: 2, ..detached() }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let again = found(delayed_again());
    assert!(again.reaches("a message is delayed again"));
    assert!(again.reaches("a receiver sleeps with a bound"));
    assert!(again.reaches("two promote at once"));
    let dying = found(two_die());
    assert!(dying.reaches("a word is renamed while it is promoted"));
    assert!(dying.reaches("a helper notifies"));
}

const NOT_NEEDED: [(&str, &str); 0] = [];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// `earliest` is lowered, and raised by a scan that does not find the message. Then it is DELAYED.
    delayed_before_lower: breaks(one_receiver(), UNFOUND);
    /// A second message is DELAYED behind the scan, and has no earlier time than the first one.
    version_changes: breaks(two_senders(), LATE);
    /// The time of a message that was delayed meanwhile is overwritten.
    raise_by_swap: breaks(one_sender(), LATE);
    /// A receiver sleeps without a bound while a message is delayed.
    calls_sleepers: breaks(one_receiver(), ASLEEP);
    /// The sleeper that is called leaves with another message, and the other one sleeps without a bound.
    calls_all: breaks(beside_messages(), ASLEEP);
    /// A process lowers `earliest`, and is stopped before it calls. The next one has a later time, and calls no sleeper.
    others_call_too: breaks(two_senders(), ASLEEP);
    /// A process takes away the mark of another one, which is stopped before it calls. A third one calls no sleeper.
    clear_by_swap: breaks(three_senders(), ASLEEP);
    /// A process is stopped before it calls, and its message is promoted. The next one finds no mark, and calls no sleeper.
    raise_keeps_mark: breaks(two_receivers(), ASLEEP);
    /// A receiver sleeps until it is called.
    sleep_is_bounded: breaks(one_receiver(), ASLEEP);
    /// A message is delayed between the bound and the announcement.
    bound_after_announcement: breaks(one_receiver(), ASLEEP);
    /// The time that is read is the one of before the message was written.
    word_before_due: breaks(two_senders(), EARLY);
    /// A message that was received meanwhile is READY again.
    promote_by_swap: breaks(detached(), TWICE);
    /// The caller detaches between the read and the swap. The message is not promoted, and not left either.
    failed_is_read_again: breaks(detached(), UNFOUND);
    /// A process dies between READY and the hint.
    promoter_is_named: breaks(two_die(), ASLEEP);
    /// A message is delayed until later by the process that delayed it before. A swap from the old word succeeds.
    attempts_grow: breaks(delayed_by_one(), EARLY);
    /// A process dies between DELAYED and `earliest`.
    helper_lowers: breaks(Delays { deaths: 1, ..one_receiver() }, UNFOUND);
    /// A helper is stopped between the name and `earliest`, or dies there.
    helper_lowers_first: breaks(two_die(), ASLEEP);
    /// A process dies between DELAYED and its calls.
    obituary_posts: breaks(Delays { deaths: 1, ..one_receiver() }, ASLEEP);
    /// A waiter is called for a message, and leaves with another one that became READY meanwhile.
    leaver_passes_on: breaks(beside_messages(), ASLEEP);
}
