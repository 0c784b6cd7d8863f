//! The lock: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    mutex::{FOR_EVER, Mutex, Rules},
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "I2 no lost wake-up";
const PASSED: &str = "I6 new members get by";

/// So many members, of which none dies, stops or times out, and which lock for ever.
const fn members(members: usize) -> Mutex {
    Mutex {
        members,
        outside: 0,
        locks: FOR_EVER,
        joins: 0,
        deaths: 0,
        stops: 0,
        timeouts: 0,
        saturation: 3,
        witness: false,
        rules: ALL,
    }
}

const TWO: Mutex = members(2);
const THREE: Mutex = Mutex { locks: 3, ..members(3) };
/// One member, and two processes that enter.
const ENTRANTS: Mutex = Mutex { outside: 2, locks: 3, joins: 2, ..members(1) };

fn complete(model: Mutex) -> Exploration {
    let name = format!("{model:?}");
    let found = explore(model);
    println!("{name}: {found}");
    found
}

fn holds(model: Mutex) -> bool {
    complete(model).violations.is_empty()
}

fn breaks(rules: Rules, model: Mutex, invariant: &'static str) -> bool {
    let found = explore_until_broken(Mutex { rules, ..model }, invariant);
    println!("mutex, {rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn two_processes_die_stop_and_time_out() {
    assert!(holds(Mutex { joins: 2, deaths: 2, timeouts: 2, ..TWO }));
    assert!(holds(Mutex { joins: 1, deaths: 1, stops: 1, timeouts: 1, ..TWO }));
}

#[test]
fn three_processes_lock() {
    assert!(holds(Mutex { locks: 5, ..THREE }));
}

#[test]
fn three_processes_lock_and_one_dies() {
    assert!(holds(Mutex { locks: 4, deaths: 1, ..THREE }));
    assert!(holds(Mutex { deaths: 2, ..THREE }));
}

#[test]
fn three_processes_lock_and_one_stops() {
    assert!(holds(Mutex { locks: 4, stops: 1, ..THREE }));
    assert!(holds(Mutex { stops: 2, ..THREE }));
}

#[test]
fn three_processes_lock_and_time_out() {
    assert!(holds(Mutex { locks: 4, timeouts: 2, ..THREE }));
}

#[test]
fn three_processes_die_stop_and_time_out() {
    assert!(holds(Mutex { deaths: 1, stops: 1, timeouts: 1, ..THREE }));
}

#[test]
fn three_processes_die_and_come_back() {
    assert!(holds(Mutex { joins: 1, deaths: 1, ..THREE }));
}

#[test]
fn entrants_die() {
    assert!(holds(Mutex { deaths: 2, ..ENTRANTS }));
}

#[test]
fn entrants_die_and_stop() {
    assert!(holds(Mutex { deaths: 1, stops: 1, ..ENTRANTS }));
}

#[test]
#[ignore = "takes minutes"]
fn more_entrants_die() {
    assert!(holds(Mutex { locks: 4, joins: 3, deaths: 2, ..ENTRANTS }));
}

#[test]
#[ignore = "takes half a minute"]
fn three_processes_die_stop_and_come_back() {
    assert!(holds(Mutex { joins: 1, deaths: 1, stops: 1, ..THREE }));
}

#[test]
#[ignore = "takes half a minute"]
fn three_processes_lock_for_ever() {
    assert!(holds(members(3)));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    for (clause, _) in NOT_NEEDED {
        let rules = Rules::without(clause);
        assert!(holds(Mutex { deaths: 2, rules, ..THREE }));
        assert!(holds(Mutex { joins: 1, deaths: 1, timeouts: 1, rules, ..TWO }));
        assert!(holds(Mutex { deaths: 2, rules, ..ENTRANTS }));
    }
}

/// A doorbell that holds one post at most, or that is drained, merges an obituary with a call.
#[test]
fn posts_are_counted() {
    assert!(breaks(ALL, Mutex { deaths: 1, saturation: 1, ..THREE }, LOST));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let two = complete(Mutex { joins: 1, deaths: 1, timeouts: 1, witness: true, ..TWO });
    let three = complete(Mutex { joins: 1, deaths: 1, witness: true, ..THREE });
    let reached = |situation: &str| two.reaches(situation) || three.reaches(situation);
    for situation in [
        "an offer is confirmed",
        "an offer expires",
        "an offeree dies",
        "a late waiter takes its offer",
        "an offered slot is reused",
        "an offer is retracted",
        "an announcement stops the freeing",
    ] {
        assert!(reached(situation), "{situation}");
    }
}

const NOT_NEEDED: [(&str, &str); 8] = [
    ("taker_takes_post", "a post that is left wakes the next wait in vain"),
    ("suspects_at_first", "every death leaves a post on every doorbell, and the new member's first sleep takes it"),
    ("mark_called", "it only spares posts: a waiter that stays UNPOSTED is posted again by each later notifier"),
    ("helper_obituary", "the waiter that it must call was announced when the holder died, and has that obituary"),
    ("reaper_frees_offer", "every sleeper consumes the obituary, sees the offer, and takes the word after 1 ms"),
    ("reaper_keeps_waiters", "every sleeper consumes the obituary, and sets WAITERS again before it sleeps"),
    ("reaper_notifies", "every sleeper consumes the obituary, repairs the slot itself, and then looks"),
    ("room_before_word", "every sleeper consumes the obituary, repairs both, and then sees an offer to the dead slot"),
];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// The holder scans and clears WAITERS between the look and the announcement.
    announce_before_look: breaks(THREE, LOST);
    /// The holder unlocks a word without WAITERS, and calls no waiter.
    set_waiters_before_sleep: breaks(THREE, LOST);
    /// WAITERS is set already when a waiter announces itself after the scan passed its slot. The holder frees the word.
    clear_before_scan: breaks(THREE, LOST);
    /// The same, but the waiter sets WAITERS again.
    announcement_stops_freeing: breaks(THREE, LOST);
    /// Two waiters sleep. The first is called, and its unlock is the fast one.
    keep_waiters_at_call: breaks(THREE, LOST);
    /// Two waiters sleep. A process takes the freed word, and its unlock is the fast one.
    keep_waiters_at_take: breaks(THREE, LOST);
    /// The waiter is called after its last look. It withdraws, and the call is lost.
    awake_before_look: breaks(Mutex { joins: 1, deaths: 1, timeouts: 1, ..TWO }, LOST);
    /// The holder dies. The waiter wakes, finds the word held, and sleeps again.
    uncalled_wake_reaps: breaks(Mutex { deaths: 1, ..TWO }, LOST);
    /// A notifier stops between its call and its post. The waiter that it called takes the obituary of the next holder for
    /// the post of its call. It times out, and waits for the dead holder when it locks again.
    obituary_posts_twice: breaks(Mutex { deaths: 1, stops: 1, timeouts: 1, ..THREE }, PASSED);
    /// A notifier stops between its call and its post. The next holder finds no announced waiter, frees the word, and stops
    /// before its post. Later unlocks are fast.
    post_before_freeing: breaks(Mutex { outside: 1, stops: 2, ..THREE }, PASSED);
    /// A waiter takes the freed word while it is announced. Another notifier has chosen it by then, and offers the lock
    /// to it when it has withdrawn.
    failed_call_retracts: breaks(Mutex { timeouts: 1, ..THREE }, LOST);
    /// The offer is retracted, and another waiter has slept since before.
    retract_calls_another: breaks(Mutex { timeouts: 1, ..THREE }, LOST);
    /// The word is freed. The chosen waiter has withdrawn, and another one sleeps.
    failed_call_calls_another: breaks(Mutex { timeouts: 1, ..THREE }, LOST);
    /// The waiter is called, and its timeout elapses. It returns, and another waiter sleeps at a free word.
    timed_out_looks_again: breaks(Mutex { timeouts: 1, ..THREE }, LOST);
    /// The offeree stops. A new member waits for ever.
    offers_expire: breaks(Mutex { stops: 1, ..THREE }, PASSED);
    /// The notifier dies between its offer and its call, and the offeree has timed out. A waiter wakes by the
    /// obituary, sees the offer, and sleeps again.
    watch_offers: breaks(Mutex { deaths: 1, timeouts: 1, ..THREE }, LOST);
    /// The offer that was taken expires.
    confirm_clears_offered: breaks(THREE, "I1 mutual exclusion");
    /// The offeree dies, and had never held the lock.
    reaper_spares_offer: breaks(Mutex { deaths: 1, ..TWO }, "I3 poison is exact");
    /// A process frees the dead holder's word. The next holder does not learn of the death.
    keep_poison: breaks(Mutex { deaths: 1, ..TWO }, "I3 poison is exact");
    /// A notifier stops between UNPOSTED and its post. No later unlock wakes the waiter.
    post_for_others: breaks(Mutex { stops: 1, ..THREE }, PASSED);
    /// A notifier is late with CALLED. Meanwhile the waiter woke, announced itself again and was called by a second
    /// notifier, which stops before its post. The first one stores CALLED, and no later unlock wakes the waiter.
    rounds_differ: breaks(Mutex { stops: 1, ..THREE }, PASSED);
    calls_name_ticket: breaks(Mutex { stops: 1, ..THREE }, PASSED);
    /// A dead waiter stays announced, and is called instead of a living one.
    reaper_clears_room: breaks(Mutex { joins: 1, deaths: 1, timeouts: 1, ..TWO }, LOST);
    /// The holder dies while the waiter sleeps.
    obituary_posts: breaks(Mutex { deaths: 1, ..TWO }, LOST);
    /// A new member takes the slot of a dead holder, and owns the word without knowing of it.
    new_member_repairs: breaks(Mutex { deaths: 1, ..ENTRANTS }, LOST);
    /// A helper is late. A new member takes the slot and the lock, and the helper frees the word.
    claim_waits_for_helpers: breaks(Mutex { joins: 1, deaths: 1, ..THREE }, "I1 mutual exclusion");
    /// The first helper dies after `used` = 0, and no other process repairs the word.
    unused_last: breaks(Mutex { deaths: 2, ..THREE }, LOST);
}
