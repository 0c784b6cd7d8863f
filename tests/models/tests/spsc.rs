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

fn report((producers, consumers, capacity, items, deaths): Bounds, may: May, found: &Exploration) {
    let ring = format!("{capacity} places, {items} items");
    println!("spsc, {producers} to {consumers} processes, {ring}, {deaths} deaths, {may:?}: {found}");
}

fn complete(bounds: Bounds, may: May) -> bool {
    let found = explore(spsc(bounds, may, ALL));
    report(bounds, may, &found);
    found.violations.is_empty()
}

fn breaks(bounds: Bounds, may: May, rules: Rules, invariant: &'static str) -> bool {
    let found = explore_until_broken(spsc(bounds, may, rules), invariant);
    report(bounds, may, &found);
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
    report(bounds, may, &found);
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

#[test]
fn reload_indices() {
    // A standby loads the indices, waits for the role, and pushes where its predecessor has pushed.
    let rules = Rules { reload_indices: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 0), May::Nothing, rules, "I2 items come once"));
}

#[test]
fn arrive_with_role() {
    // The first producer says that it arrived and has no role yet; the consumer is told that it is gone.
    let rules = Rules { arrive_with_role: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Nothing, rules, "I7 the end is true"));
}

#[test]
fn reaper_says_arrived() {
    // A producer dies between taking the role and saying that it arrived; the consumer waits for the first one.
    let rules = Rules { reaper_says_arrived: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I6 the end is told"));
}

#[test]
fn reap_before_arrived() {
    // As above: the consumer finds that nobody arrived, and so does not reap who would have to be said to have.
    let rules = Rules { reap_before_arrived: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I6 the end is told"));
}

#[test]
fn announce_before_look() {
    // An item is committed after the last look and before the flag is up, and nobody posts.
    let rules = Rules { announce_before_look: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Nothing, rules, "I4 no holder is stuck"));
}

#[test]
fn announce_after_token() {
    // The consumer consumes a post that came late, finds nothing, and sleeps again with its flag down.
    let rules = Rules { announce_after_token: false, ..ALL };
    assert!(breaks((1, 1, 1, 2, 0), May::Nothing, rules, "I4 no holder is stuck"));
}

#[test]
fn watcher_reaps() {
    // The producer dies; the consumer consumes the obituary, and the role still seems to be taken.
    let rules = Rules { watcher_reaps: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I6 the end is told"));
}

#[test]
fn end_before_look() {
    // The consumer finds no item; the producer pushes one and leaves; the consumer is told that it is gone.
    let rules = Rules { end_before_look: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Nothing, rules, "I7 the end is true"));
}

#[test]
fn watcher_asks_arrived() {
    // The consumer comes first, and is told that the producer is gone.
    let rules = Rules { watcher_asks_arrived: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Nothing, rules, "I7 the end is true"));
}

#[test]
fn leaving_wakes_other() {
    let rules = Rules { leaving_wakes_other: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Nothing, rules, "I6 the end is told"));
}

#[test]
fn leaving_posts_role() {
    let rules = Rules { leaving_posts_role: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 0), May::Nothing, rules, "I5 no standby is stuck"));
}

#[test]
fn keep_waiters_after_sleep() {
    // Two sleep for the role; the one that is woken takes it without WAITERS, leaves, and the other sleeps on.
    let rules = Rules { keep_waiters_after_sleep: false, ..ALL };
    assert!(breaks((3, 0, 1, 1, 0), May::Nothing, rules, "I5 no standby is stuck"));
}

#[test]
fn post_before_leaving() {
    // A standby consumes the post of the role's doorbell and gives up; another one sleeps on.
    let rules = Rules { post_before_leaving: false, ..ALL };
    assert!(breaks((3, 0, 1, 1, 0), May::Nothing, rules, "I5 no standby is stuck"));
}

#[test]
fn drained_is_slept() {
    // A standby drains the post of the role's doorbell, takes the role without WAITERS and leaves.
    let rules = Rules { drained_is_slept: false, ..ALL };
    assert!(breaks((3, 0, 1, 1, 0), May::Drain, rules, "I5 no standby is stuck"));
}

#[test]
fn standby_checks_owner() {
    // A standby consumes the obituary, finds the role taken, and sleeps without asking by whom.
    let rules = Rules { standby_checks_owner: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 1), May::Nothing, rules, "I5 no standby is stuck"));
}

#[test]
fn closing_posts() {
    let rules = Rules { closing_posts: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Close, rules, "I4 no holder is stuck"));
}

#[test]
fn obituary_posts_holders() {
    // The producer dies while the consumer sleeps, which asked to be told.
    let rules = Rules { obituary_posts_holders: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I6 the end is told"));
}

#[test]
fn obituary_posts_roles() {
    // The producer dies while a standby sleeps.
    let rules = Rules { obituary_posts_roles: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 1), May::Nothing, rules, "I5 no standby is stuck"));
}

#[test]
fn claim_before_reaping() {
    // The consumer sees the producer dead; a newcomer takes its slot and the role; the consumer frees that role.
    let rules = Rules { claim_before_reaping: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I1 one holder"));
}

#[test]
fn reaping_posts_role() {
    // A standby consumes the obituary while another process reaps, and sleeps; the reaper is silent.
    let rules = Rules { reaping_posts_role: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 1), May::Nothing, rules, "I5 no standby is stuck"));
}

#[test]
fn reaping_posts_other() {
    // The consumer consumes the obituary while a newcomer holds the producer's slot, and sleeps; the newcomer is silent.
    let rules = Rules { reaping_posts_other: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I6 the end is told"));
}

#[test]
fn newcomer_repairs() {
    // A newcomer takes a dead producer's slot, and with it a role that it does not know of.
    let rules = Rules { newcomer_repairs: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1), May::Nothing, rules, "I3 no role is lost"));
}

#[test]
fn leaver_repairs() {
    // Who leaves without leaving its role leaves a word that names a clean slot.
    let rules = Rules { leaver_repairs: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Leave, rules, "I3 no role is lost"));
}

#[test]
fn repair_before_unused() {
    let rules = Rules { repair_before_unused: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 0), May::Leave, rules, "I8 owners are marked as used"));
}
