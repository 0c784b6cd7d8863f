//! The roles of an spsc ring: nothing goes wrong with every rule, something does without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    spsc::{Rules, Spsc},
};

const ALL: Rules = Rules::ALL;

/// Those who want the producer's role, the consumer's role, places, items, deaths.
type Bounds = (usize, usize, u8, u8, u8);

/// What processes may do besides pushing and popping.
#[derive(Clone, Copy, Debug, PartialEq)]
enum May {
    Nothing,
    Drain,
    Close,
    Leave,
}

fn spsc((producers, consumers, capacity, items, deaths): Bounds, may: May, rules: Rules) -> Spsc {
    let (drains, closes, leaves) = (may == May::Drain, may == May::Close, may == May::Leave);
    Spsc { producers, consumers, capacity, items, deaths, saturation: 2, watches: true, drains, closes, leaves, rules }
}

fn report((producers, consumers, capacity, items, deaths): Bounds, may: May, rules: Rules, found: &Exploration) {
    let ring = format!("{capacity} places, {items} items");
    println!("spsc, {producers} to {consumers} processes, {ring}, {deaths} deaths, {may:?}, {rules:?}: {found}");
}

fn complete(bounds: Bounds, may: May) -> bool {
    let found = explore(spsc(bounds, may, ALL));
    report(bounds, may, ALL, &found);
    found.violations.is_empty()
}

fn breaks(rules: Rules, bounds: Bounds, may: May, invariant: &'static str) -> bool {
    let found = explore_until_broken(spsc(bounds, may, rules), invariant);
    report(bounds, may, rules, &found);
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(complete((1, 1, 2, 3, 2), May::Nothing));
    assert!(complete((1, 1, 1, 2, 2), May::Drain));
}

#[test]
fn nothing_goes_wrong_if_the_ring_is_closed() {
    assert!(complete((1, 1, 1, 2, 1), May::Close));
}

#[test]
fn nothing_goes_wrong_with_a_second_producer() {
    assert!(complete((2, 1, 1, 1, 1), May::Nothing));
}

#[test]
fn nothing_goes_wrong_with_a_second_consumer() {
    assert!(complete((1, 2, 1, 1, 1), May::Nothing));
}

#[test]
fn nothing_goes_wrong_if_processes_leave() {
    assert!(complete((1, 1, 1, 2, 1), May::Leave));
}

#[test]
fn what_the_invariants_speak_of_comes_about() {
    let (bounds, may) = ((1, 1, 1, 2, 0), May::Nothing);
    let found = explore(spsc(bounds, may, ALL));
    report(bounds, may, ALL, &found);
    assert!(found.reaches("the end is found"));
    assert!(found.reaches("a flag is left up"));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more() {
    assert!(complete((2, 1, 1, 2, 1), May::Drain));
    assert!(complete((2, 1, 1, 1, 1), May::Close));
    assert!(complete((1, 2, 1, 2, 1), May::Nothing));
    assert!(complete((2, 1, 1, 1, 2), May::Nothing));
}

sysv_models::counterexamples! {
    Rules, not needed: [];
    /// A standby loads the indices, waits for the role, and pushes where its predecessor has pushed.
    reload_indices: breaks((2, 1, 1, 1, 0), May::Nothing, "I2 items come once");
    /// The first producer says that it arrived and has no role yet; the consumer is told that it is gone.
    arrive_with_role: breaks((1, 1, 1, 1, 0), May::Nothing, "I7 the end is true");
    /// A producer dies between taking the role and saying that it arrived; the consumer waits for the first one.
    reaper_says_arrived: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is told");
    /// As above: the consumer finds that nobody arrived, and so does not reap who would have to be said to have.
    reap_before_arrived: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is told");
    /// An item is committed after the last look and before the flag is up, and nobody posts.
    announce_before_look: breaks((1, 1, 1, 1, 0), May::Nothing, "I4 no holder is stuck");
    /// The consumer consumes a post that came late, finds nothing, and sleeps again with its flag down.
    announce_after_token: breaks((1, 1, 1, 2, 0), May::Nothing, "I4 no holder is stuck");
    /// The producer dies; the consumer consumes the obituary, and the role still seems to be taken.
    watcher_reaps: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is told");
    /// The consumer finds no item; the producer pushes one and leaves; the consumer is told that it is gone.
    end_before_look: breaks((1, 1, 1, 1, 0), May::Nothing, "I7 the end is true");
    /// The consumer comes first, and is told that the producer is gone.
    watcher_asks_arrived: breaks((1, 1, 1, 1, 0), May::Nothing, "I7 the end is true");
    leaving_wakes_other: breaks((1, 1, 1, 1, 0), May::Nothing, "I6 the end is told");
    leaving_posts_role: breaks((2, 1, 1, 1, 0), May::Nothing, "I5 no standby is stuck");
    /// Two sleep for the role; the one that is woken takes it without WAITERS, leaves, and the other sleeps on.
    keep_waiters_after_sleep: breaks((3, 0, 1, 1, 0), May::Nothing, "I5 no standby is stuck");
    /// A standby consumes the post of the role's doorbell and gives up; another one sleeps on.
    post_before_leaving: breaks((3, 0, 1, 1, 0), May::Nothing, "I5 no standby is stuck");
    /// A standby drains the post of the role's doorbell, takes the role without WAITERS and leaves.
    drained_is_slept: breaks((3, 0, 1, 1, 0), May::Drain, "I5 no standby is stuck");
    /// A standby consumes the obituary, finds the role taken, and sleeps without asking by whom.
    standby_checks_owner: breaks((2, 1, 1, 1, 1), May::Nothing, "I5 no standby is stuck");
    closing_posts: breaks((1, 1, 1, 1, 0), May::Close, "I4 no holder is stuck");
    /// The producer dies while the consumer sleeps, which asked to be told.
    obituary_posts_holders: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is told");
    /// The producer dies while a standby sleeps.
    obituary_posts_roles: breaks((2, 1, 1, 1, 1), May::Nothing, "I5 no standby is stuck");
    /// The consumer sees the producer dead; a newcomer takes its slot and the role; the consumer frees that role.
    claim_before_reaping: breaks((1, 1, 1, 1, 1), May::Nothing, "I1 one holder");
    /// A standby consumes the obituary while another process reaps, and sleeps; the reaper is silent.
    reaping_posts_role: breaks((2, 1, 1, 1, 1), May::Nothing, "I5 no standby is stuck");
    /// The consumer consumes the obituary while a newcomer holds the producer's slot, and sleeps; the newcomer is silent.
    reaping_posts_other: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is told");
    /// A newcomer takes a dead producer's slot, and with it a role that it does not know of.
    newcomer_repairs: breaks((1, 1, 1, 1, 1), May::Nothing, "I3 no role is lost");
    /// Who leaves without leaving its role leaves a word that names a clean slot.
    leaver_repairs: breaks((1, 1, 1, 1, 0), May::Leave, "I3 no role is lost");
    repair_before_unused: breaks((1, 1, 1, 1, 0), May::Leave, "I8 owners are marked as used");
}
