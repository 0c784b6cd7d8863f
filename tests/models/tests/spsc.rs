//! The roles of an spsc ring: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    spsc::{Rules, Spsc},
};

const ALL: Rules = Rules::ALL;

/// The processes for the producer's role, those for the consumer's role, places, items, deaths.
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
fn the_situations_of_the_invariants_are_reached() {
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
    /// The first producer stores `arrived` before it has the role. The consumer is notified that it disconnected.
    arrive_with_role: breaks((1, 1, 1, 1, 0), May::Nothing, "I7 the end is true");
    /// A producer dies between taking the role and storing `arrived`. The consumer waits for the first producer.
    reaper_says_arrived: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is reported");
    /// As above: the consumer finds that no producer arrived, and so does not reap the one that died.
    reap_before_arrived: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is reported");
    /// An item is committed after the last load and before the flag is up, without a post.
    announce_before_look: breaks((1, 1, 1, 1, 0), May::Nothing, "I4 no holder is stuck");
    /// The consumer consumes a post that came late, finds nothing, and sleeps again with its flag down.
    announce_after_token: breaks((1, 1, 1, 2, 0), May::Nothing, "I4 no holder is stuck");
    /// The producer dies. The consumer consumes the obituary, and the role still seems to be taken.
    watcher_reaps: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is reported");
    /// The consumer finds no item. The producer pushes one and leaves. The consumer is notified that it disconnected.
    end_before_look: breaks((1, 1, 1, 1, 0), May::Nothing, "I7 the end is true");
    /// The consumer comes first, and is notified that the producer disconnected.
    watcher_asks_arrived: breaks((1, 1, 1, 1, 0), May::Nothing, "I7 the end is true");
    leaving_wakes_other: breaks((1, 1, 1, 1, 0), May::Nothing, "I6 the end is reported");
    leaving_posts_role: breaks((2, 1, 1, 1, 0), May::Nothing, "I5 no standby is stuck");
    /// Two standbys sleep. The one that is woken takes the role without WAITERS, leaves, and the other sleeps on.
    keep_waiters_after_sleep: breaks((3, 0, 1, 1, 0), May::Nothing, "I5 no standby is stuck");
    /// A standby consumes the post of the role's doorbell and times out. Another one sleeps on.
    post_before_leaving: breaks((3, 0, 1, 1, 0), May::Nothing, "I5 no standby is stuck");
    /// A standby drains the post of the role's doorbell, takes the role without WAITERS and leaves.
    drained_is_slept: breaks((3, 0, 1, 1, 0), May::Drain, "I5 no standby is stuck");
    /// A standby consumes the obituary, finds the role taken, and sleeps without a check of its owner.
    standby_checks_owner: breaks((2, 1, 1, 1, 1), May::Nothing, "I5 no standby is stuck");
    closing_posts: breaks((1, 1, 1, 1, 0), May::Close, "I4 no holder is stuck");
    /// The producer dies while the consumer sleeps that asked for the notice.
    obituary_posts_holders: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is reported");
    /// The producer dies while a standby sleeps.
    obituary_posts_roles: breaks((2, 1, 1, 1, 1), May::Nothing, "I5 no standby is stuck");
    /// The consumer finds the producer dead. A new member takes its slot and the role. The consumer frees that role.
    claim_before_reaping: breaks((1, 1, 1, 1, 1), May::Nothing, "I1 one holder");
    /// A standby consumes the obituary while another process reaps, and sleeps. The reaper does not post.
    reaping_posts_role: breaks((2, 1, 1, 1, 1), May::Nothing, "I5 no standby is stuck");
    /// The consumer consumes the obituary while a new member holds the producer's slot, and sleeps. The new member does
    /// not post.
    reaping_posts_other: breaks((1, 1, 1, 1, 1), May::Nothing, "I6 the end is reported");
    /// A new member takes a dead producer's slot, and with it a role that it does not know of.
    new_member_repairs: breaks((1, 1, 1, 1, 1), May::Nothing, "I3 no role is lost");
    /// A process leaves with its role. The word of the role then names a clean slot.
    leaver_repairs: breaks((1, 1, 1, 1, 0), May::Leave, "I3 no role is lost");
    repair_before_unused: breaks((1, 1, 1, 1, 0), May::Leave, "I8 owners are marked as used");
}
