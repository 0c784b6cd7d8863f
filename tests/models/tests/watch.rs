//! A watched value: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    watch::{Part, Rules, Watch},
};

const ALL: Rules = Rules::ALL;
const STOPPED: &str = "V5 a process is about to post";
const LOST: &str = "V1 no lost wake-up";
const WHOLE: &str = "V3 the version is whole";
const COPY: &str = "V4 a copy is whole";

/// Two set it, and one reads it.
fn read() -> Watch {
    Watch { parts: &[Part::Sets(2), Part::Sets(1), Part::Reads], deaths: 0, rules: ALL }
}

/// One sets it, and two wait for what it sets.
fn wait() -> Watch {
    Watch { parts: &[Part::Sets(2), Part::Waits(1), Part::Waits(2)], ..read() }
}

/// Two set it, and one waits.
fn two_set() -> Watch {
    Watch { parts: &[Part::Sets(1), Part::Sets(1), Part::Waits(2)], ..read() }
}

/// One sets it, and two want to know of the end.
fn end() -> Watch {
    Watch { parts: &[Part::Sets(1), Part::Detects(1), Part::Detects(2)], ..read() }
}

fn with_deaths(deaths: u8, watch: Watch) -> Watch {
    Watch { deaths, ..watch }
}

fn found(watch: Watch) -> Exploration {
    let text = format!("{:?}, {} deaths", watch.parts, watch.deaths);
    let found = explore(watch);
    println!("{text}: {found}");
    found
}

fn is_complete(watch: Watch) -> bool {
    found(watch).violations.is_empty()
}

fn breaks(rules: Rules, watch: Watch, invariant: &'static str) -> bool {
    let found = explore_until_broken(Watch { rules, ..watch }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(read()));
    assert!(is_complete(wait()));
    assert!(is_complete(two_set()));
    assert!(is_complete(end()));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(with_deaths(2, read())));
    assert!(is_complete(with_deaths(2, wait())));
    assert!(is_complete(with_deaths(1, two_set())));
    assert!(is_complete(with_deaths(2, end())));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { helper_calls: false, ..ALL };
    for watch in [with_deaths(2, end()), with_deaths(1, two_set())] {
        assert!(is_complete(Watch { rules, ..watch }));
    }
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let of_readers = ["a reader is disturbed", "a dead setter's version is taken"];
    let of_waiters = ["a waiter sleeps", "two help at once", "another one calls", "a waiter is called twice"];
    let of_the_end = ["a waiter is told of the end"];
    let expected = [
        (with_deaths(1, read()), &of_readers[..]),
        (with_deaths(1, two_set()), &of_waiters[..1]),
        (with_deaths(1, wait()), &of_waiters[1..]),
        (end(), &of_the_end),
    ];
    for (watch, situations) in expected {
        let found = found(watch);
        situations.iter().for_each(|situation| assert!(found.reaches(situation), "{situation}"));
    }
}

const NOT_NEEDED: [(&str, &str); 1] = [(
    "helper_calls",
    "each waiter has the obituary of the dead writer, and repairs the slot itself. Damaged words have no obituary",
)];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// Two write the same buffer.
    takes_the_lock: breaks(read(), WHOLE);
    /// A reader copies what is written, and finds that none has begun.
    begun_before_bytes: breaks(read(), COPY);
    /// The version is there before its bytes.
    bytes_before_published: breaks(read(), WHOLE);
    /// After a death, the next one writes the buffer that counts.
    number_by_published: breaks(with_deaths(1, read()), WHOLE);
    /// The version that counts is written over.
    another_buffer: breaks(read(), WHOLE);
    /// A reader is disturbed, and does not notice.
    reader_checks: breaks(read(), COPY);
    /// A reader looks, and is disturbed afterwards.
    checks_after_copy: breaks(read(), COPY);
    /// The setter died, and no other may set the value.
    helper_frees: breaks(with_deaths(1, two_set()), "V2 the lock comes free");
    /// A late helper frees the lock of a setter that lives.
    helper_compares: breaks(
        Watch { parts: &[Part::Sets(1), Part::Sets(1), Part::Sets(1), Part::Waits(4)], deaths: 1, ..read() },
        WHOLE
    );
    /// A waiter sleeps beside the version, until the setter is a writer no more.
    calls_when_set: breaks(wait(), STOPPED);
    /// It is called, finds nothing new, and sleeps on.
    publishes_before_call: breaks(wait(), STOPPED);
    /// One is called, and another one sleeps on.
    calls_all: breaks(Watch { parts: &[Part::Sets(1), Part::Waits(1), Part::Waits(1)], ..read() }, LOST);
    /// A waiter was announced after the scan, and the next setter finds the flag down.
    flag_compares: breaks(wait(), LOST);
    /// The version is published after the check.
    announce_before_check: breaks(wait(), LOST);
    /// The same, and the setter finds the flag down.
    raise_before_check: breaks(wait(), LOST);
    /// The setter is stopped before it calls, and a process that comes does not know.
    says_when_called: breaks(wait(), "V6 told");
    /// The same, and a process that comes does nothing about it.
    comer_calls: breaks(wait(), "V7 one that came");
    /// The writer sets the value and detaches between the two checks.
    end_before_version: breaks(end(), "V8 the end comes last");
    /// A waiter sleeps, and no writer is left.
    calls_when_detached: breaks(end(), LOST);
    /// The writer died, and counts for ever.
    helper_detaches: breaks(with_deaths(1, end()), LOST);
    /// A waiter takes the obituary for nothing, and sleeps on without a writer.
    uncalled_wake_suspects: breaks(with_deaths(1, end()), LOST);
    /// No process tells of the death.
    obituary_posts: breaks(with_deaths(1, wait()), LOST);
    /// A setter died after it called a waiter, which takes the obituary for its post and sleeps on without a writer.
    obituary_posts_twice: breaks(with_deaths(1, end()), LOST);
}
