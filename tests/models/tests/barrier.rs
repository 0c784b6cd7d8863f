//! A barrier: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration,
    barrier::{Barrier, Rules},
    explore, explore_until_broken,
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "N1 no lost wake-up";
const COMPLETE: &str = "N2 complete when all arrived";
const ONCE: &str = "N3 one break for a death";
const TOLD: &str = "N4 each is told";

fn barrier() -> Barrier {
    Barrier { processes: 3, parties: 3, goes_on: false, calls: 2, dead_at_first: 0, deaths: 0, timeouts: 0, rules: ALL }
}

fn two() -> Barrier {
    Barrier { processes: 2, parties: 2, calls: 3, ..barrier() }
}

fn some_time_out() -> Barrier {
    Barrier { timeouts: 1, ..barrier() }
}

fn one_dies() -> Barrier {
    Barrier { deaths: 1, ..barrier() }
}

fn two_die() -> Barrier {
    Barrier { deaths: 2, calls: 1, ..barrier() }
}

fn two_of_four_die() -> Barrier {
    Barrier { processes: 4, parties: 4, dead_at_first: 1, ..two_die() }
}

fn two_of_three_go_on() -> Barrier {
    Barrier { parties: 2, goes_on: true, deaths: 1, ..barrier() }
}

fn found(barrier: Barrier) -> Exploration {
    let text = format!("{barrier:?}");
    let found = explore(barrier);
    println!("{text}: {found}");
    found
}

fn is_complete(barrier: Barrier) -> bool {
    found(barrier).violations.is_empty()
}

fn breaks(rules: Rules, barrier: Barrier, invariant: &'static str) -> bool {
    let found = explore_until_broken(Barrier { rules, ..barrier }, invariant);
    println!("{rules:?}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(barrier()));
    assert!(is_complete(Barrier { timeouts: 2, ..two() }));
    assert!(is_complete(some_time_out()));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(one_dies()));
    assert!(is_complete(two_die()));
    assert!(is_complete(Barrier { deaths: 1, timeouts: 1, ..two() }));
    assert!(is_complete(Barrier { calls: 1, ..two_of_three_go_on() }));
    assert!(is_complete(two_of_four_die()));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    assert!(is_complete(Barrier { rules: Rules { calls_when_broken: false, ..ALL }, ..one_dies() }));
}

#[test]
#[ignore = "some minutes"]
fn nothing_goes_wrong_if_two_of_four_die_at_any_time() {
    assert!(is_complete(Barrier { dead_at_first: 0, ..two_of_four_die() }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(one_dies());
    for situation in ["a waiter sleeps", "all go through", "a death after the generation", "a member is told later"] {
        assert!(found.reaches(situation), "{situation}");
    }
}

const NOT_NEEDED: [(&str, &str); 1] = [(
    "calls_when_broken",
    "each waiter has the obituary of the dead member, and repairs the slot to the end before it checks",
)];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// Two read the same number of arrivals, and one of them is forgotten.
    arrives_by_compare: breaks(barrier(), LOST);
    /// A waiter is called, finds nothing, and sleeps again before the generation ends.
    changes_before_calling: breaks(two(), LOST);
    /// The others sleep on.
    calls_when_complete: breaks(two(), LOST);
    /// The arrivals of those that were notified count for the next generation.
    break_forgets: breaks(two_of_three_go_on(), COMPLETE);
    /// A late helper breaks another generation for the same death.
    agrees_on_generation: breaks(one_dies(), ONCE);
    /// A member dies after it arrived, and those that wait for it the next time are not notified.
    breaks_a_later_one: breaks(one_dies(), LOST);
    /// A member comes late to a generation that broke, and waits alone in the next one.
    tells_later: breaks(one_dies(), TOLD);
    /// A waiter sees the break, and no name.
    names_first: breaks(one_dies(), TOLD);
    /// Two die. A helper of the second one changes the name that others got.
    names_once: breaks(two_of_four_die(), TOLD);
    /// A member arrives and dies. The last one comes, and passes as if it were there.
    last_one_checks: breaks(one_dies(), "N5 the dead complete nothing");
    /// The wait times out as the generation ends, and takes an arrival from the next one.
    leaves_its_own: breaks(some_time_out(), LOST);
    /// The last one arrives after the check.
    announce_before_check: breaks(two(), LOST);
    /// A waiter takes the obituary for nothing.
    uncalled_wake_suspects: breaks(one_dies(), LOST);
    /// No process tells of the death.
    obituary_posts: breaks(one_dies(), LOST);
    /// The last one dies between calling a waiter and posting for it. The waiter takes the obituary for its call.
    obituary_posts_twice: breaks(one_dies(), LOST);
}
