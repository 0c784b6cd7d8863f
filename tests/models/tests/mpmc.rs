//! The places of an mpmc ring: no invariant breaks with every rule, and one breaks without any one of them, but for
//! one.

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

fn report(bounds: Bounds, may: May, rules: Rules, found: &Exploration) {
    let (producers, consumers, capacity, filled, items, deaths) = bounds;
    let ring = format!("{capacity} places, {filled}+{items} items");
    println!("mpmc, {producers} to {consumers} processes, {ring}, {deaths} deaths, {may:?}, {rules:?}: {found}");
}

fn complete(bounds: Bounds, may: May) -> bool {
    is_complete(ALL, bounds, may)
}

fn is_complete(rules: Rules, bounds: Bounds, may: May) -> bool {
    let found = explore(mpmc(bounds, may, rules));
    report(bounds, may, rules, &found);
    found.violations.is_empty()
}

fn breaks(rules: Rules, bounds: Bounds, may: May, invariant: &'static str) -> bool {
    let found = explore_until_broken(mpmc(bounds, may, rules), invariant);
    report(bounds, may, rules, &found);
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
fn the_situations_of_the_invariants_are_reached() {
    let (bounds, may) = ((1, 1, 1, 0, 5, 0), May::Overwrite);
    let found = explore(mpmc(bounds, may, ALL));
    report(bounds, may, ALL, &found);
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

const NOT_NEEDED: [(&str, &str); 1] =
    [("recheck_tail", "a place that is a lap behind can't have been passed since `tail` was loaded")];

#[test]
fn one_clause_is_not_needed() {
    for (clause, _) in NOT_NEEDED {
        let rules = Rules::without(clause);
        assert!(is_complete(rules, (2, 1, 1, 0, 2, 1), May::Nothing));
        assert!(is_complete(rules, (1, 1, 2, 0, 4, 1), May::ChangeMind));
    }
}

#[test]
fn reaping_without_a_claim_loses_items() {
    // The reaper takes a place from a new member that writes there. So two write, and one item is overwritten.
    let rules = Rules::without("claim_before_reaping");
    assert!(breaks(rules, (2, 1, 1, 0, 3, 1), May::Nothing, "I1 no item is lost"));
}

#[test]
fn reaping_without_a_claim_delivers_items_twice() {
    // The reaper requeues an item that a new member reads.
    let rules = Rules::without("claim_before_reaping");
    assert!(breaks(rules, (0, 2, 1, 1, 0, 1), May::Nothing, "I2 no item comes twice"));
}

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// `tail` is in lap 0, its place still in the greatest one, which seems to be ahead: `tail` is helped past it.
    laps_wrap: breaks((1, 1, 1, 0, 2, 0), May::Nothing, "I7 all places are usable");
    /// A producer has claimed the tail's place and is slow to move `tail`. Another one takes the ring for full.
    help: breaks((2, 1, 2, 0, 2, 0), May::Nothing, "I6 no producer is stuck");
    /// A consumer is about to help `head` past an item being read. The reader dies. Its reaper stores FULL, dies, and
    /// is reaped in turn. The item is not behind `head`, so `dirty` is cleared. Then `head` is helped past it.
    head_before_full: breaks((0, 2, 1, 1, 0, 2), May::ChangeMind, "I4 nothing is forgotten");
    /// A process that requeues an item stores FULL and dies. Nothing is left to requeue for it.
    always_raise_dirty: breaks((1, 1, 1, 0, 2, 1), May::ChangeMind, "I4 nothing is forgotten");
    /// An item is requeued in a place that the scan has passed already.
    compare_dirty: breaks((0, 2, 1, 1, 0, 0), May::ChangeMind, "I4 nothing is forgotten");
    /// An item is committed after the last try and before the flag is up, without a post.
    announce_before_try: breaks((1, 1, 1, 0, 1, 0), May::Nothing, "I5 no consumer is stuck");
    /// A consumer takes an item before the post for it comes, and consumes that post later, with the flag down.
    announce_after_token: breaks((1, 1, 1, 0, 2, 0), May::Nothing, "I5 no consumer is stuck");
    /// A producer dies writing. Another one consumes the obituary, and sleeps in front of the place.
    reap_before_sleep: breaks((2, 1, 1, 0, 2, 1), May::Nothing, "I6 no producer is stuck");
    /// Two items come with one post. The consumer that it woke takes one, and the other consumer is not woken.
    consumers_pass_on: breaks((1, 2, 2, 0, 2, 0), May::Nothing, "I5 no consumer is stuck");
    /// A consumer drains the post for an item that was requeued, and takes another one that was. `head` has nothing.
    pass_on_dirty: breaks((0, 4, 2, 2, 0, 0), May::DrainAndChangeMind, "I5 no consumer is stuck");
    /// Three items come with one post. The consumer that it woke takes the first. Another one has the second and is
    /// slow to move `head`. A third one sleeps while the third item is there.
    pass_on_gone: breaks((1, 3, 3, 0, 3, 0), May::Nothing, "I5 no consumer is stuck");
    /// Two places become free with one post.
    producers_pass_on: breaks((2, 1, 2, 2, 2, 0), May::Nothing, "I6 no producer is stuck");
    /// As with consumers: the second place is claimed by a producer that is slow to move `tail`.
    pass_on_taken: breaks((3, 1, 3, 3, 3, 0), May::Nothing, "I6 no producer is stuck");
    /// A producer consumes the post for a free place and times out. Another one sleeps on.
    post_before_leaving: breaks((2, 1, 1, 1, 2, 0), May::Nothing, "I6 no producer is stuck");
    /// A producer drains the post for a free place and times out. Another one sleeps on.
    drained_is_token: breaks((2, 1, 1, 1, 2, 0), May::DrainAndChangeMind, "I6 no producer is stuck");
    /// A consumer, or a producer that had not posted yet, dies, and nothing wakes the consumer that sleeps.
    obituary_posts_not_empty: breaks((1, 1, 1, 0, 1, 1), May::Nothing, "I5 no consumer is stuck");
    /// A consumer frees a place and dies before it posts.
    obituary_posts_not_full: breaks((1, 1, 1, 1, 1, 1), May::Nothing, "I6 no producer is stuck");
    /// A slot is dead and dirty. A new member takes it and claims a place. The reaper takes that place away.
    claim_before_reaping: breaks((1, 1, 1, 0, 2, 1), May::Nothing, "I3 one at a place");
    /// A consumer consumes the obituary while another process reaps, finds nothing, and sleeps. The reaper does not
    /// post.
    reaping_posts_not_empty: breaks((0, 2, 1, 1, 0, 1), May::Nothing, "I5 no consumer is stuck");
    /// As above, with a producer and a place that was being written.
    reaping_posts_not_full: breaks((2, 1, 1, 0, 2, 1), May::Nothing, "I6 no producer is stuck");
    /// A new member takes a dead producer's slot, and with it a place that it does not know of.
    new_member_repairs: breaks((1, 1, 1, 0, 2, 1), May::Nothing, "I4 nothing is forgotten");
    /// An item lies behind a place that is being written. The place is cancelled, and a consumer sleeps on.
    give_up_wakes_consumers: breaks((2, 1, 2, 0, 2, 0), May::ChangeMind, "I5 no consumer is stuck");
    /// The only place is being written, is cancelled, and a producer sleeps on.
    give_up_wakes_producers: breaks((2, 1, 1, 0, 2, 0), May::ChangeMind, "I6 no producer is stuck");
    /// The only item is being read, is requeued, and a consumer sleeps on.
    put_back_wakes: breaks((0, 2, 1, 1, 0, 0), May::ChangeMind, "I5 no consumer is stuck");
    /// A producer that cancelled its place is slow to help `head`, and others go round. `head` is helped past an item
    /// that no process consumed.
    far_is_finished: breaks((1, 1, 2, 0, 6, 0), May::Overwrite, "I4 nothing is forgotten");
    /// A process leaves with a claimed place, whose word then names a clean slot.
    leaver_repairs: breaks((1, 1, 1, 0, 1, 0), May::Leave, "I4 nothing is forgotten");
    repair_before_unused: breaks((1, 1, 1, 0, 1, 0), May::Leave, "I8 owners are marked as used");
}
