//! The places of an mpmc ring: nothing goes wrong with every rule; without one of them something does, but for one.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    mpmc::{Mpmc, Rules},
};

const ALL: Rules = Rules::ALL;

/// Producers, consumers, places, items that are there, items to come, deaths.
type Bounds = (usize, usize, u8, u8, u8, u8);

/// What processes may do besides pushing and popping.
#[derive(Clone, Copy, Debug, PartialEq)]
enum May {
    Nothing,
    ChangeMind,
    DrainAndChangeMind,
    Overwrite,
    Leave,
    LeaveAndChangeMind,
}

fn mpmc((producers, consumers, capacity, filled, items, deaths): Bounds, may: May, rules: Rules) -> Mpmc {
    Mpmc {
        producers,
        consumers,
        capacity,
        filled,
        items,
        deaths,
        saturation: 2,
        drains: may == May::DrainAndChangeMind,
        changes_mind: !matches!(may, May::Nothing | May::Leave),
        overwrites: may == May::Overwrite,
        leaves: matches!(may, May::Leave | May::LeaveAndChangeMind),
        sorts_processes: true,
        rules,
    }
}

fn report((producers, consumers, capacity, filled, items, deaths): Bounds, may: May, found: &Exploration) {
    let ring = format!("{capacity} places, {filled}+{items} items");
    println!("mpmc, {producers} to {consumers} processes, {ring}, {deaths} deaths, {may:?}: {found}");
}

fn complete(bounds: Bounds, may: May) -> bool {
    is_complete(bounds, may, ALL)
}

fn is_complete(bounds: Bounds, may: May, rules: Rules) -> bool {
    let found = explore(mpmc(bounds, may, rules));
    report(bounds, may, &found);
    found.violations.is_empty()
}

fn breaks(bounds: Bounds, may: May, rules: Rules, invariant: &'static str) -> bool {
    let found = explore_until_broken(mpmc(bounds, may, rules), invariant);
    report(bounds, may, &found);
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(complete((1, 1, 1, 0, 3, 2), May::DrainAndChangeMind));
    assert!(complete((1, 1, 2, 0, 4, 1), May::DrainAndChangeMind));
    assert!(complete((0, 2, 2, 2, 0, 2), May::DrainAndChangeMind));
}

#[test]
fn nothing_goes_wrong_with_2_producers() {
    assert!(complete((2, 1, 1, 0, 2, 1), May::DrainAndChangeMind));
}

#[test]
fn nothing_goes_wrong_with_2_consumers() {
    assert!(complete((1, 2, 1, 0, 2, 1), May::Nothing));
}

#[test]
fn nothing_goes_wrong_with_3_consumers() {
    assert!(complete((0, 3, 2, 2, 0, 1), May::ChangeMind));
}

#[test]
fn nothing_goes_wrong_with_2_producers_and_2_consumers() {
    assert!(complete((2, 2, 2, 0, 2, 0), May::Nothing));
    assert!(complete((2, 2, 1, 0, 1, 0), May::DrainAndChangeMind));
}

#[test]
fn nothing_goes_wrong_with_producers_that_overwrite() {
    assert!(complete((1, 1, 1, 0, 5, 1), May::Overwrite));
    assert!(complete((2, 1, 1, 0, 3, 0), May::Overwrite));
}

#[test]
fn nothing_goes_wrong_if_processes_leave() {
    assert!(complete((1, 1, 1, 0, 2, 1), May::Leave));
    assert!(complete((0, 2, 2, 2, 0, 1), May::LeaveAndChangeMind));
}

#[test]
fn what_the_invariants_speak_of_comes_about() {
    let (bounds, may) = ((1, 1, 1, 0, 5, 0), May::Overwrite);
    let found = explore(mpmc(bounds, may, ALL));
    report(bounds, may, &found);
    assert!(found.violations.is_empty());
    assert!(found.reaches("an item is overwritten"));
    assert!(found.reaches("head is helped over laps"));
    assert!(found.reaches("an item is taken over"));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more() {
    assert!(complete((1, 2, 1, 0, 3, 1), May::DrainAndChangeMind));
    assert!(complete((1, 2, 2, 0, 3, 1), May::Nothing));
    assert!(complete((1, 2, 1, 0, 2, 2), May::Nothing));
    assert!(complete((2, 1, 1, 0, 2, 2), May::DrainAndChangeMind));
    assert!(complete((2, 1, 2, 2, 2, 1), May::Overwrite));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_4_processes_and_more() {
    assert!(complete((2, 2, 1, 0, 2, 0), May::DrainAndChangeMind));
    assert!(complete((2, 2, 2, 0, 3, 0), May::Nothing));
    assert!(complete((2, 2, 1, 0, 2, 1), May::Nothing));
}

#[test]
fn recheck_tail_is_not_needed() {
    // A place that is a lap behind can't have been passed since `tail` was loaded.
    let rules = Rules { recheck_tail: false, ..ALL };
    assert!(is_complete((2, 1, 1, 0, 2, 1), May::Nothing, rules));
    assert!(is_complete((1, 1, 2, 0, 4, 1), May::ChangeMind, rules));
}

#[test]
fn laps_wrap() {
    // `tail` is in lap 0, its place still in the greatest one, which seems to be ahead: `tail` is helped past it.
    let rules = Rules { laps_wrap: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 2, 0), May::Nothing, rules, "I7 all places are usable"));
}

#[test]
fn help() {
    // A producer has claimed the tail's place and is slow to move `tail`; another one takes the ring for full.
    let rules = Rules { help: false, ..ALL };
    assert!(breaks((2, 1, 2, 0, 2, 0), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn head_before_full() {
    // Somebody is about to help `head` past an item being read. Its reader dies; who reaps stores FULL and dies, and
    // is reaped in turn. The item is not behind `head`, so `dirty` is cleared; then `head` is helped past it.
    let rules = Rules { head_before_full: false, ..ALL };
    assert!(breaks((0, 2, 1, 1, 0, 2), May::ChangeMind, rules, "I4 nothing is forgotten"));
}

#[test]
fn always_raise_dirty() {
    // Who puts an item back stores FULL and dies; nothing is left to put back for it.
    let rules = Rules { always_raise_dirty: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 2, 1), May::ChangeMind, rules, "I4 nothing is forgotten"));
}

#[test]
fn compare_dirty() {
    // An item is put back in a place that the scan has passed already.
    let rules = Rules { compare_dirty: false, ..ALL };
    assert!(breaks((0, 2, 1, 1, 0, 0), May::ChangeMind, rules, "I4 nothing is forgotten"));
}

#[test]
fn announce_before_try() {
    // An item is committed after the last try and before the flag is up, and nobody posts.
    let rules = Rules { announce_before_try: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 1, 0), May::Nothing, rules, "I5 no consumer is stuck"));
}

#[test]
fn announce_after_token() {
    // A consumer takes an item before the post for it comes, and consumes that post later, with the flag down.
    let rules = Rules { announce_after_token: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 2, 0), May::Nothing, rules, "I5 no consumer is stuck"));
}

#[test]
fn reap_before_sleep() {
    // A producer dies writing; another one consumes the obituary, and sleeps in front of the place.
    let rules = Rules { reap_before_sleep: false, ..ALL };
    assert!(breaks((2, 1, 1, 0, 2, 1), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn consumers_pass_on() {
    // Two items come with one post; the consumer that it woke takes one, and the other consumer is not told.
    let rules = Rules { consumers_pass_on: false, ..ALL };
    assert!(breaks((1, 2, 2, 0, 2, 0), May::Nothing, rules, "I5 no consumer is stuck"));
}

#[test]
fn pass_on_dirty() {
    // A consumer drains the post for an item that was put back, and takes another one that was; `head` has nothing.
    let rules = Rules { pass_on_dirty: false, ..ALL };
    assert!(breaks((0, 4, 2, 2, 0, 0), May::DrainAndChangeMind, rules, "I5 no consumer is stuck"));
}

#[test]
fn pass_on_gone() {
    // Three items come with one post. The consumer that it woke takes the first; another one has the second and is
    // slow to move `head`; a third one sleeps while the third item is there.
    let rules = Rules { pass_on_gone: false, ..ALL };
    assert!(breaks((1, 3, 3, 0, 3, 0), May::Nothing, rules, "I5 no consumer is stuck"));
}

#[test]
fn producers_pass_on() {
    // Two places become free with one post.
    let rules = Rules { producers_pass_on: false, ..ALL };
    assert!(breaks((2, 1, 2, 2, 2, 0), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn pass_on_taken() {
    // As with consumers: the second place is somebody's who is slow to move `tail`.
    let rules = Rules { pass_on_taken: false, ..ALL };
    assert!(breaks((3, 1, 3, 3, 3, 0), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn post_before_leaving() {
    // A producer consumes the post for a free place and gives up; another one sleeps on.
    let rules = Rules { post_before_leaving: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 2, 0), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn drained_is_token() {
    // A producer drains the post for a free place and gives up; another one sleeps on.
    let rules = Rules { drained_is_token: false, ..ALL };
    assert!(breaks((2, 1, 1, 1, 2, 0), May::DrainAndChangeMind, rules, "I6 no producer is stuck"));
}

#[test]
fn obituary_posts_not_empty() {
    // A consumer, or a producer that had not posted yet, dies, and nobody wakes the consumer that sleeps.
    let rules = Rules { obituary_posts_not_empty: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 1, 1), May::Nothing, rules, "I5 no consumer is stuck"));
}

#[test]
fn obituary_posts_not_full() {
    // A consumer frees a place and dies before it posts.
    let rules = Rules { obituary_posts_not_full: false, ..ALL };
    assert!(breaks((1, 1, 1, 1, 1, 1), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn claim_before_reaping() {
    // A slot is dead and dirty; a newcomer takes it and claims a place; the reaper takes that place away.
    let rules = Rules { claim_before_reaping: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 2, 1), May::Nothing, rules, "I3 one at a place"));
}

#[test]
fn reaping_posts_not_empty() {
    // A consumer takes the obituary while another process reaps, finds nothing yet, and sleeps; the reaper is silent.
    let rules = Rules { reaping_posts_not_empty: false, ..ALL };
    assert!(breaks((0, 2, 1, 1, 0, 1), May::Nothing, rules, "I5 no consumer is stuck"));
}

#[test]
fn reaping_posts_not_full() {
    // As above, with a producer and a place that was being written.
    let rules = Rules { reaping_posts_not_full: false, ..ALL };
    assert!(breaks((2, 1, 1, 0, 2, 1), May::Nothing, rules, "I6 no producer is stuck"));
}

#[test]
fn newcomer_repairs() {
    // A newcomer takes a dead producer's slot, and with it a place that it does not know of.
    let rules = Rules { newcomer_repairs: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 2, 1), May::Nothing, rules, "I4 nothing is forgotten"));
}

#[test]
fn give_up_wakes_consumers() {
    // An item lies behind a place that is being written; a consumer sleeps until that is settled.
    let rules = Rules { give_up_wakes_consumers: false, ..ALL };
    assert!(breaks((2, 1, 2, 0, 2, 0), May::ChangeMind, rules, "I5 no consumer is stuck"));
}

#[test]
fn give_up_wakes_producers() {
    // The only place is being written, is given up, and a producer sleeps on.
    let rules = Rules { give_up_wakes_producers: false, ..ALL };
    assert!(breaks((2, 1, 1, 0, 2, 0), May::ChangeMind, rules, "I6 no producer is stuck"));
}

#[test]
fn put_back_wakes() {
    // The only item is being read, is put back, and a consumer sleeps on.
    let rules = Rules { put_back_wakes: false, ..ALL };
    assert!(breaks((0, 2, 1, 1, 0, 0), May::ChangeMind, rules, "I5 no consumer is stuck"));
}

#[test]
fn far_is_finished() {
    // A producer that gave its place up is slow to help `head`; others go round. `head` is helped past an item that
    // nobody consumed.
    let rules = Rules { far_is_finished: false, ..ALL };
    assert!(breaks((1, 1, 2, 0, 6, 0), May::Overwrite, rules, "I4 nothing is forgotten"));
}

#[test]
fn leaver_repairs() {
    // Who leaves with a place in hand leaves a word that names a clean slot.
    let rules = Rules { leaver_repairs: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 1, 0), May::Leave, rules, "I4 nothing is forgotten"));
}

#[test]
fn repair_before_unused() {
    let rules = Rules { repair_before_unused: false, ..ALL };
    assert!(breaks((1, 1, 1, 0, 1, 0), May::Leave, rules, "I8 owners are marked as used"));
}

#[test]
fn who_reaps_without_a_claim_loses_items() {
    // The reaper takes a place from a newcomer that writes there; so two write, and one's item is written over.
    let rules = Rules { claim_before_reaping: false, ..ALL };
    assert!(breaks((2, 1, 1, 0, 3, 1), May::Nothing, rules, "I1 no item is lost"));
}

#[test]
fn who_reaps_without_a_claim_delivers_items_twice() {
    // The reaper puts an item back that a newcomer reads.
    let rules = Rules { claim_before_reaping: false, ..ALL };
    assert!(breaks((0, 2, 1, 1, 0, 1), May::Nothing, rules, "I2 no item comes twice"));
}
