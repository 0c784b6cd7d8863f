//! The places of an mpmc ring: no invariant breaks with every rule, and one breaks without any one of them, but for
//! two.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    mpmc::{Mpmc, Rules},
};

const ALL: Rules = Rules::ALL;
const FORGOTTEN: &str = "I4 nothing is forgotten";
const CONSUMER: &str = "I5 no consumer is stuck";
const PRODUCER: &str = "I6 no producer is stuck";
const ENDED: &str = "I9 the end is true";
const UNREPORTED: &str = "I10 the end is reported";

/// Producers, consumers, places, items that are there, items to come, deaths.
type Bounds = (usize, usize, u8, u8, u8, u8);

/// Processes that only push and pop.
fn ring((producers, consumers, capacity, filled, items, deaths): Bounds) -> Mpmc {
    Mpmc {
        producers,
        consumers,
        capacity,
        filled,
        items,
        deaths,
        saturation: 3,
        sleepers: 0,
        times_out: false,
        comes_back: false,
        cancels: false,
        requeues: false,
        overwrites: false,
        leaves: false,
        closes: false,
        detaches: false,
        sorts_processes: true,
        rules: ALL,
    }
}

/// Producers cancel, and consumers requeue.
fn undoing(bounds: Bounds) -> Mpmc {
    Mpmc { cancels: true, requeues: true, ..ring(bounds) }
}

/// Processes requeue, and close the ring.
fn closing(bounds: Bounds) -> Mpmc {
    Mpmc { closes: true, requeues: true, ..ring(bounds) }
}

fn found(ring: Mpmc) -> Exploration {
    let text = format!("{ring:?}");
    let found = explore(ring);
    println!("{text}: {found}");
    found
}

fn is_complete(ring: Mpmc) -> bool {
    found(ring).violations.is_empty()
}

fn breaks(rules: Rules, ring: Mpmc, invariant: &'static str) -> bool {
    let ring = Mpmc { rules, ..ring };
    let text = format!("{ring:?}");
    let found = explore_until_broken(ring, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

/// No helper calls every waiter, as if the first one died before it could.
fn breaks_quietly(rules: Rules, ring: Mpmc, invariant: &'static str) -> bool {
    breaks(Rules { repair_notifies: false, ..rules }, ring, invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(is_complete(Mpmc { times_out: true, ..ring((1, 1, 1, 0, 3, 0)) }));
    assert!(is_complete(Mpmc { times_out: true, comes_back: true, ..undoing((1, 1, 1, 0, 2, 1)) }));
    assert!(is_complete(Mpmc { comes_back: true, ..undoing((0, 2, 2, 2, 0, 1)) }));
}

#[test]
fn nothing_goes_wrong_with_3_processes() {
    assert!(is_complete(Mpmc { times_out: true, ..undoing((2, 1, 1, 0, 2, 0)) }));
    assert!(is_complete(ring((1, 2, 2, 0, 2, 0))));
    assert!(is_complete(Mpmc { sleepers: 2, ..ring((1, 2, 2, 0, 2, 1)) }));
}

#[test]
fn nothing_goes_wrong_with_4_processes() {
    assert!(is_complete(Mpmc { sleepers: 2, ..ring((2, 2, 2, 0, 2, 0)) }));
}

#[test]
fn nothing_goes_wrong_if_the_ring_is_closed() {
    assert!(is_complete(Mpmc { closes: true, cancels: true, ..ring((2, 1, 2, 0, 2, 0)) }));
    assert!(is_complete(Mpmc { closes: true, comes_back: true, requeues: true, ..ring((1, 1, 2, 0, 2, 1)) }));
}

#[test]
fn nothing_goes_wrong_if_a_role_is_disconnected() {
    assert!(is_complete(Mpmc { detaches: true, ..ring((1, 2, 1, 0, 1, 0)) }));
    assert!(is_complete(Mpmc { detaches: true, ..undoing((0, 2, 1, 1, 0, 1)) }));
}

#[test]
fn nothing_goes_wrong_with_producers_that_overwrite() {
    assert!(is_complete(Mpmc { overwrites: true, times_out: true, ..undoing((1, 1, 1, 0, 4, 0)) }));
}

#[test]
fn nothing_goes_wrong_if_processes_leave() {
    assert!(is_complete(Mpmc { leaves: true, comes_back: true, ..ring((1, 1, 1, 0, 1, 1)) }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let overwriting = found(Mpmc { overwrites: true, requeues: true, ..ring((1, 1, 1, 0, 5, 0)) });
    assert!(overwriting.violations.is_empty());
    assert!(overwriting.reaches("an item is overwritten"));
    assert!(overwriting.reaches("head is helped over laps"));
    assert!(overwriting.reaches("an item is taken over"));
    let dying = found(Mpmc { comes_back: true, ..ring((0, 2, 1, 1, 0, 1)) });
    assert!(dying.violations.is_empty());
    assert!(dying.reaches("two help one slot"));
    let closing = found(closing((0, 2, 1, 1, 0, 0)));
    assert!(closing.violations.is_empty());
    assert!(closing.reaches("a consumer waits for a claim to be completed"));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more() {
    assert!(is_complete(closing((0, 2, 2, 2, 0, 0))));
    assert!(is_complete(Mpmc { times_out: true, closes: true, ..undoing((1, 2, 1, 0, 2, 0)) }));
    assert!(is_complete(Mpmc { closes: true, ..ring((1, 2, 1, 0, 1, 0)) }));
    assert!(is_complete(Mpmc { sleepers: 2, closes: true, ..ring((1, 2, 1, 0, 2, 0)) }));
    assert!(is_complete(Mpmc { detaches: true, requeues: true, ..ring((1, 2, 2, 0, 2, 0)) }));
    assert!(is_complete(Mpmc { sleepers: 2, ..ring((2, 1, 2, 2, 2, 1)) }));
    assert!(is_complete(Mpmc { times_out: true, comes_back: true, leaves: true, ..ring((1, 1, 1, 0, 2, 1)) }));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_4_processes_and_more() {
    assert!(is_complete(Mpmc { sleepers: 2, cancels: true, ..ring((3, 2, 3, 0, 3, 0)) }));
    assert!(is_complete(Mpmc { sleepers: 3, ..ring((3, 1, 3, 3, 3, 0)) }));
}

const NOT_NEEDED: [(&str, &str); 2] = [
    ("suspects_at_first", "a doorbell keeps a post of each obituary until its member has repaired the slot"),
    ("end_before_item", "the check of all places sees what was there before the end, also if it comes afterwards"),
];

#[test]
fn two_clauses_are_not_needed() {
    for (clause, _) in NOT_NEEDED {
        let rules = Rules::without(clause);
        assert!(is_complete(Mpmc { rules, comes_back: true, leaves: true, ..ring((0, 2, 1, 1, 0, 1)) }));
        assert!(is_complete(Mpmc { rules, closes: true, ..undoing((1, 1, 1, 0, 2, 0)) }));
    }
}

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// `tail` is in lap 0, its place still in the greatest one, which seems to be ahead: `tail` is helped past it.
    laps_wrap: breaks(ring((1, 1, 1, 0, 2, 0)), "I7 all places are usable");
    /// A producer has claimed the tail's place and is slow to move `tail`. Another one takes the ring for full.
    help: breaks(ring((2, 1, 2, 0, 2, 0)), PRODUCER);
    /// A producer that cancelled its place is slow to help `head`, and others go round. `head` is helped past an item
    /// that no process consumed.
    far_is_finished: breaks(Mpmc { overwrites: true, cancels: true, ..ring((1, 1, 2, 0, 6, 0)) }, FORGOTTEN);
    /// A consumer stores FULL and is slow to help `head` past it. Another one claims the item there once more.
    head_before_full: breaks(Mpmc { comes_back: true, ..undoing((0, 2, 1, 1, 0, 2)) }, "I3 one at a place");
    /// A consumer stores FULL and dies. Its helper detaches it and dies, and the next one finds nothing to do.
    always_raise_dirty: breaks(Mpmc { comes_back: true, ..undoing((0, 2, 1, 1, 0, 2)) }, FORGOTTEN);
    /// An item is requeued in a place that the scan has passed already.
    compare_dirty: breaks(undoing((0, 2, 1, 1, 0, 0)), FORGOTTEN);
    /// A waiter is woken by the obituary of a reader, and sleeps again.
    suspicion_reaps: breaks(ring((0, 2, 1, 1, 0, 1)), CONSUMER);
    /// A waiter takes the post of the call that came after its announcement.
    drain_before_announcement: breaks(Mpmc { comes_back: true, ..ring((1, 1, 1, 0, 2, 1)) }, CONSUMER);
    /// An item is committed after the check and before the announcement.
    announce_before_check: breaks(ring((1, 1, 1, 0, 1, 0)), CONSUMER);
    /// A consumer is called when its timeout elapses. Another one sleeps on.
    timed_wait_checks: breaks(Mpmc { times_out: true, ..ring((1, 2, 1, 0, 1, 0)) }, CONSUMER);
    /// A waiter consumes the obituary of a reader, and sleeps again.
    uncalled_wake_suspects: breaks(ring((0, 2, 1, 1, 0, 1)), CONSUMER);
    /// A producer calls a consumer and dies before the post. The consumer takes the obituary for the post, finds the item,
    /// and waits in vain for the end: the dead producer is attached.
    obituary_posts_twice: breaks(Mpmc { detaches: true, ..ring((1, 1, 1, 0, 1, 1)) }, UNREPORTED);
    /// A consumer finds an item while it is announced, and is called for the next one. Another one sleeps on.
    found_announced_passes_on: breaks(ring((1, 2, 2, 0, 2, 0)), CONSUMER);
    /// As above, with items that were requeued. `head` has nothing.
    pass_on_dirty: breaks(undoing((0, 3, 2, 2, 0, 0)), CONSUMER);
    /// As above. The item at `head` is claimed by a consumer that is slow to move `head`, and there is one behind it.
    pass_on_gone: breaks(Mpmc { sleepers: 2, ..ring((1, 3, 3, 0, 3, 0)) }, CONSUMER);
    /// A consumer begins to wait before the last item is consumed, and is notified of the end when it was called for that
    /// item. Another one sleeps on.
    ended_passes_on: breaks(Mpmc { closes: true, ..ring((1, 2, 1, 0, 2, 0)) }, CONSUMER);
    /// A consumer announces itself after a producer has called the only one, and before that clears the flag.
    clear_by_version: breaks(ring((1, 2, 2, 0, 2, 0)), CONSUMER);
    /// The second item is committed first. Its consumer finds the first place being written, and sleeps again. The first
    /// item is committed, with one call.
    behind_calls_consumers: breaks(Mpmc { sleepers: 2, ..ring((2, 2, 2, 0, 2, 0)) }, CONSUMER);
    /// The same at the other end: the second place is freed first.
    behind_calls_producers: breaks(ring((2, 2, 2, 2, 2, 0)), PRODUCER);
    /// The same, and a cancelled place lies between the two items.
    behind_passes_over: breaks(Mpmc { cancels: true, ..ring((3, 2, 3, 0, 3, 0)) }, CONSUMER);
    /// An item lies behind a place that is being written. The place is cancelled, and a consumer sleeps on.
    give_up_calls_consumers: breaks(Mpmc { cancels: true, ..ring((2, 1, 2, 0, 2, 0)) }, CONSUMER);
    /// The only place is being written, is cancelled, and a producer sleeps on.
    give_up_calls_producers: breaks(Mpmc { cancels: true, ..ring((2, 1, 1, 0, 2, 0)) }, PRODUCER);
    /// The only item is being read, is requeued, and a consumer sleeps on.
    requeue_calls: breaks(undoing((0, 2, 1, 1, 0, 0)), CONSUMER);
    /// A consumer is notified of the end while another one reads the last item.
    end_sees_reading: breaks(closing((0, 2, 1, 1, 0, 0)), ENDED);
    /// A consumer has stored FULL, to requeue, and not raised `dirty` yet. Another one finds no reader, no item, and the
    /// end.
    end_sees_full: breaks(closing((0, 2, 1, 1, 0, 0)), ENDED);
    /// A consumer finds an item at `head`. Then that is consumed, and the next place, which is being written, is at `head`.
    end_sees_writing: breaks(Mpmc { closes: true, ..ring((1, 2, 2, 0, 2, 0)) }, ENDED);
    /// The last item is consumed, and no flag says that a consumer waits for that.
    raises_both_flags: breaks(closing((0, 2, 1, 1, 0, 0)), UNREPORTED);
    completion_calls_all: breaks(closing((0, 2, 1, 1, 0, 0)), UNREPORTED);
    close_calls: breaks(Mpmc { closes: true, ..ring((1, 1, 1, 0, 1, 0)) }, UNREPORTED);
    detach_calls: breaks(Mpmc { detaches: true, ..ring((1, 1, 1, 0, 1, 0)) }, UNREPORTED);
    /// A process leaves with an item that it reads, and there is no obituary.
    repair_notifies: breaks(Mpmc { leaves: true, ..ring((0, 2, 1, 1, 0, 0)) }, CONSUMER);
    /// A helper detaches a dead waiter and dies, and the next one has no cause to call every waiter. A new member in the
    /// slot is called, and does not wait.
    word_is_reset: breaks_quietly(Mpmc { sleepers: 2, comes_back: true, ..ring((1, 2, 1, 0, 1, 1)) }, CONSUMER);
    /// A new member has a dead producer's slot, and with it a place that it does not know of.
    new_member_repairs: breaks(Mpmc { comes_back: true, ..ring((1, 1, 1, 0, 2, 1)) }, "I7 all places are usable");
    /// A process leaves with a claimed slot. The word of that then names a clean member slot.
    leaver_repairs: breaks(Mpmc { leaves: true, ..ring((0, 2, 1, 1, 0, 0)) }, "I8 owners are marked as used");
    /// A helper dies after it cleared `used`, and no process repairs the rest.
    used_is_last: breaks(ring((0, 2, 1, 1, 0, 2)), FORGOTTEN);
}
