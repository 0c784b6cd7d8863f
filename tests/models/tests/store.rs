//! The store: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    store::{
        Job::{self, Call, Claim, Promote, Receive, Send},
        Rules,
        Selection::{Any, Except, Only, UpTo},
        Store,
    },
};

const ALL: Rules = Rules::ALL;
const ONCE: &str = "M1 once";
const LOST: &str = "M2 not lost";
const UNFOUND: &str = "M3 found";
const UNTRUE: &str = "M4 in hand";
const HIDDEN: &str = "M5 shown";
const DISORDER: &str = "M6 in order";
const OVERLOOKED: &str = "M7 not overlooked";
const HELD_UP: &str = "M8 not held up";
const ENDLESS: &str = "M9 a call ends";

/// Two cells, and a lane with two places. All processes are members at first.
fn store(jobs: &'static [&'static [Job]]) -> Store {
    Store {
        jobs,
        cells: 2,
        lanes: 1,
        reads_used: false,
        span: 2,
        shared: false,
        slots: jobs.len(),
        deaths: 0,
        comes_back: false,
        cancels: false,
        requeues: 0,
        drains: true,
        runs_alone: true,
        rules: ALL,
    }
}

/// More messages than places.
fn two_receivers() -> Store {
    store(&[&[Send(1), Send(1), Send(1)], &[Receive(Only(1)), Receive(Only(1))], &[Receive(Only(1))]])
}

/// More cells than places, so a message may be a whole lap old.
fn two_senders() -> Store {
    let cells = 3;
    Store { cells, ..store(&[&[Send(1), Send(1)], &[Send(1), Send(1)], &[Receive(Only(1)), Receive(Only(1))]]) }
}

/// Senders look for the one cell that there is.
fn one_cell() -> Store {
    Store { cells: 1, ..store(&[&[Send(1), Send(1)], &[Send(1)], &[Receive(Only(1)), Receive(Only(1))]]) }
}

/// A process dies, and comes back in a slot that was used.
fn one_comes_back() -> Store {
    Store { deaths: 1, comes_back: true, ..store(&[&[Send(1), Send(1)], &[Send(1)], &[Receive(Only(1))]]) }
}

/// Two deaths: of both processes, or of one and then of its helper.
fn two_die_and_come_back() -> Store {
    let jobs: &[&[Job]] = &[&[Send(1), Send(1), Send(1)], &[Receive(Only(1)), Receive(Only(1))]];
    Store { deaths: 2, comes_back: true, ..store(jobs) }
}

fn two_die() -> Store {
    Store { deaths: 2, ..store(&[&[Send(1), Send(1)], &[Receive(Only(1))], &[Receive(Only(1))]]) }
}

fn two_lanes() -> Store {
    Store { lanes: 2, cells: 3, ..store(&[&[Send(1), Send(2)], &[Receive(Any), Receive(Any)], &[Receive(Any)]]) }
}

/// A message that was delayed is in front of one of two that are sent in order.
fn promoted() -> Store {
    let jobs: &[&[Job]] = &[&[Promote(1)], &[Send(1), Send(2)], &[Receive(Any), Receive(Any)]];
    Store { lanes: 2, cells: 3, ..store(jobs) }
}

fn lowest_route_first() -> Store {
    Store { lanes: 2, cells: 3, ..store(&[&[Send(2), Send(1), Send(2)], &[Receive(Any), Receive(UpTo(2))]]) }
}

/// A lane is used, and then another one before it.
fn another_lane() -> Store {
    let jobs: &[&[Job]] = &[&[Send(2), Send(1), Send(2)], &[Receive(UpTo(2)), Receive(Any)]];
    Store { lanes: 2, cells: 3, reads_used: true, ..store(jobs) }
}

/// A sender dies, or a receiver, and only one lane is used.
fn one_lane_of_two() -> Store {
    let jobs: &[&[Job]] = &[&[Send(2), Send(2)], &[Claim(UpTo(2)), Claim(Any)], &[Receive(UpTo(2))]];
    Store { lanes: 2, deaths: 1, reads_used: true, ..store(jobs) }
}

/// Two routes share a lane, and the first messages in it are of the route that is received late.
fn shared_lane() -> Store {
    let jobs: &[&[Job]] = &[&[Send(2), Send(2), Send(1)], &[Receive(Only(1)), Receive(Except(1))]];
    Store { shared: true, cells: 3, ..store(jobs) }
}

/// A route that no process receives, and one that is received.
fn never_received() -> Store {
    let jobs: &[&[Job]] = &[&[Send(2), Send(2)], &[Send(1), Send(1)], &[Receive(Only(1)), Receive(Only(1))]];
    Store { shared: true, cells: 3, deaths: 1, ..store(jobs) }
}

fn calls() -> Store {
    let jobs: &[&[Job]] = &[&[Call(1), Call(1)], &[Receive(Only(1)), Receive(Only(1))]];
    Store { deaths: 1, comes_back: true, cancels: true, ..store(jobs) }
}

fn calls_beside_messages() -> Store {
    let jobs: &[&[Job]] = &[&[Call(1), Send(1)], &[Receive(Only(1)), Receive(Only(1))], &[Send(1)]];
    Store { deaths: 1, cancels: true, ..store(jobs) }
}

/// Two processes claim, requeue and die.
fn claims() -> Store {
    let jobs: &[&[Job]] = &[&[Send(1), Send(1)], &[Claim(Only(1)), Claim(Only(1)), Claim(Only(1))]];
    Store { requeues: 1, deaths: 2, comes_back: true, ..store(jobs) }
}

fn two_claim() -> Store {
    let jobs: &[&[Job]] = &[&[Send(1)], &[Claim(Only(1)), Claim(Only(1))], &[Claim(Only(1))]];
    Store { requeues: 1, deaths: 1, ..store(jobs) }
}

fn claims_beside_receivers() -> Store {
    let jobs: &[&[Job]] = &[&[Send(1), Send(1)], &[Claim(Any), Receive(Any)], &[Claim(Only(1)), Receive(Only(1))]];
    Store { requeues: 1, deaths: 1, ..store(jobs) }
}

/// A message that is returned and has a hint is claimed, requeued, and its claimer dies before it pushes.
fn claims_of_returned() -> Store {
    Store { cells: 1, deaths: 2, comes_back: true, ..two_claim() }
}

fn found(store: Store) -> Exploration {
    let text = format!("{store:?}");
    let found = explore(store);
    println!("{text}: {found}");
    found
}

fn is_complete(store: Store) -> bool {
    found(store).violations.is_empty()
}

fn breaks(rules: Rules, store: Store, invariant: &'static str) -> bool {
    let store = Store { rules, ..store };
    let text = format!("{store:?}");
    let found = explore_until_broken(store, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

/// Leaves out the invariants that are found out by running: the counterexample has many states.
fn breaks_at_length(rules: Rules, store: Store, invariant: &'static str) -> bool {
    let drains = invariant == UNFOUND;
    breaks(rules, Store { drains, runs_alone: false, ..store }, invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(two_receivers()));
    assert!(is_complete(one_cell()));
    assert!(is_complete(Store { runs_alone: false, ..two_senders() }));
}

#[test]
fn nothing_goes_wrong_between_lanes() {
    assert!(is_complete(two_lanes()));
    assert!(is_complete(lowest_route_first()));
    assert!(is_complete(shared_lane()));
    assert!(is_complete(promoted()));
    assert!(is_complete(another_lane()));
    assert!(is_complete(Store { reads_used: true, ..two_lanes() }));
    assert!(is_complete(Store { reads_used: true, ..promoted() }));
    assert!(is_complete(one_lane_of_two()));
}

#[test]
fn nothing_goes_wrong_if_one_dies() {
    assert!(is_complete(one_comes_back()));
}

#[test]
fn nothing_goes_wrong_if_two_die() {
    assert!(is_complete(two_die()));
    assert!(is_complete(two_die_and_come_back()));
}

#[test]
fn nothing_goes_wrong_with_calls() {
    assert!(is_complete(calls()));
}

#[test]
fn nothing_goes_wrong_with_claims() {
    assert!(is_complete(claims()));
    assert!(is_complete(two_claim()));
    assert!(is_complete(Store { requeues: 2, deaths: 0, ..claims() }));
}

#[test]
#[ignore = "some minutes"]
fn nothing_goes_wrong_with_more_of_everything() {
    assert!(is_complete(claims_of_returned()));
    assert!(is_complete(claims_beside_receivers()));
    assert!(is_complete(calls_beside_messages()));
    assert!(is_complete(never_received()));
    assert!(is_complete(two_senders()));
    assert!(is_complete(Store { cancels: true, comes_back: true, ..calls_beside_messages() }));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { receivers_pass: false, requeued_at_the_tail: false, ..ALL };
    assert!(is_complete(Store { rules, ..two_receivers() }));
    assert!(is_complete(Store { rules, ..two_die_and_come_back() }));
    assert!(is_complete(Store { rules, ..calls() }));
    assert!(is_complete(Store { rules, ..claims() }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = [two_die_and_come_back(), calls(), two_die(), shared_lane(), two_claim()].map(found);
    let is_reached = |situation| found.iter().any(|found| found.reaches(situation));
    assert!(is_reached("a message is returned"));
    assert!(is_reached("dirty is lowered"));
    assert!(is_reached("a cell is passed over"));
    assert!(is_reached("a lane goes round"));
    assert!(is_reached("a receiver is a lap behind"));
    assert!(is_reached("two help one slot"));
    assert!(is_reached("a call is cancelled while it is held"));
    assert!(is_reached("a call is lost"));
    assert!(is_reached("a claim comes back"));
    assert!(is_reached("all messages are received"));
}

/// A helper that repairs with plain stores gives a message back that a receiver has taken meanwhile.
#[test]
fn a_message_is_received_twice() {
    assert!(breaks(Rules { repair_by_swap: false, ..ALL }, two_die(), ONCE));
}

const NOT_NEEDED: [(&str, &str); 2] = [
    (
        "receivers_pass",
        "a sender that comes to the place a lap later empties it. Receivers look at more places until then",
    ),
    (
        "requeued_at_the_tail",
        "the process that requeues it would receive it at once, again and again. No message is lost by that",
    ),
];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A sender dies after READY. What is kept is what the cell's last message said.
    fields_before_ready: breaks(calls(), LOST);
    /// A hint of an old life is one to the message that is in the cell now.
    generation_grows: breaks_at_length(two_die_and_come_back(), UNFOUND);
    /// A receiver meets the hint before the message is READY, and empties its place.
    ready_before_push: breaks(two_receivers(), UNFOUND);
    /// A sender is stopped between its place and `tail`. Another one looks at the same place for ever.
    senders_help_tail: breaks(one_cell(), HELD_UP);
    /// A message of a route that no process receives stands where the next sender pushes.
    make_way: breaks(shared_lane(), HELD_UP);
    /// The message of the place that was emptied has no hint.
    make_way_marks: breaks(shared_lane(), UNFOUND);
    /// A sender is stopped between both.
    mark_before_emptying: breaks(shared_lane(), UNFOUND);
    /// A receiver is stopped after it emptied the place. The message can be taken, and has no hint.
    take_before_emptying: breaks(two_receivers(), UNFOUND);
    /// A receiver finds a message. It is taken, and another one is in the cell when the first receiver takes that.
    take_expects_word: breaks_at_length(two_receivers(), DISORDER);
    /// A receiver that lags a whole lap takes the lane for empty.
    catch_up: breaks(shared_lane(), UNFOUND);
    /// A receiver looks at the returned messages. A sender marks one, and empties its place. The receiver looks at the lane.
    returned_after_lanes: breaks_at_length(calls_beside_messages(), OVERLOOKED);
    /// `dirty` is raised. A receiver scans the bits, and lowers it. The bit is set.
    bit_before_dirty: breaks(two_die(), UNFOUND);
    /// A receiver scans the bits. One is set, and `dirty` raised. The receiver lowers it.
    dirty_counts: breaks_at_length(two_die_and_come_back(), UNFOUND);
    /// A receiver frees the cell, and clears the bit that was set for the message that came next.
    clear_before_free: breaks_at_length(calls_beside_messages(), UNFOUND);
    /// So does a helper.
    helpers_leave_bits: breaks_at_length(two_die_and_come_back(), UNFOUND);
    /// A sender dies before it pushes.
    kept_is_marked: breaks(two_die(), UNFOUND);
    /// A helper dies between both.
    mark_before_keeping: breaks(two_die(), UNFOUND);
    /// A message that is returned and has a hint is claimed and requeued. The claimer dies before it pushes, and the hint that
    /// a helper sees is one that a receiver is about to empty.
    marked_despite_hint: breaks_at_length(claims_of_returned(), UNFOUND);
    /// The same, since a helper can't know that the message was claimed before.
    attempts_grow: breaks_at_length(claims_of_returned(), UNFOUND);
    /// A claimer dies.
    claims_come_back: breaks(two_claim(), LOST);
    /// A sender pushes to a lane that was passed, and then to one that was not.
    look_twice: breaks(two_lanes(), DISORDER);
    /// A sender pushes to the lane after a receiver has seen it empty, and dies before it pushes the next message.
    look_twice_for_returned: breaks_at_length(two_die(), DISORDER);
    /// A receiver finds no lane used, and overlooks a message that was pushed.
    used_before_push: breaks(another_lane(), OVERLOOKED);
    /// One lane is used. A sender pushes to another one, and then to this one.
    used_again: breaks(another_lane(), DISORDER);
    /// The second of two messages is in the first lane.
    oldest_first: breaks(lowest_route_first(), DISORDER);
    /// Two messages have one stamp.
    stamps_grow: breaks(lowest_route_first(), DISORDER);
    /// The stamp of a message that was delayed is higher than those of messages that were sent behind it.
    promoted_raises_latest: breaks(promoted(), DISORDER);
    /// A message that was pushed has the stamp of the cell's last message.
    stamp_before_push: breaks(lowest_route_first(), DISORDER);
    /// A sender sees that the cell is taken, the holder frees it and sees no bit, and the sender sets the bit.
    look_after_bit: breaks(one_cell(), HIDDEN);
    /// The holder clears the bit. A sender sets it, and sees that the cell is taken. The holder frees it.
    free_before_bit: breaks(one_cell(), HIDDEN);
    /// A holder dies between FREE and the bit.
    helper_shows_cells: breaks(calls(), HIDDEN);
    /// The caller cancels, and the response is for no process.
    answer_by_swap: breaks(calls(), UNTRUE);
    /// A receiver takes the request, and the caller takes it back.
    take_back_by_swap: breaks_at_length(calls_beside_messages(), UNFOUND);
    /// The cell of a call is free while its caller waits.
    lost_for_caller: breaks(calls(), ENDLESS);
    /// A request names a caller of a slot that is free.
    caller_is_detached: breaks(calls(), UNTRUE);
    /// Two helpers repair one cell, and it has another message when the second one does.
    repair_by_swap: breaks(one_comes_back(), LOST);
    /// A helper that began when the slot had a dead owner loses the call of a new member.
    helpers_are_counted: breaks(calls(), ENDLESS);
    /// A helper dies after it cleared `used`, and no process repairs the rest.
    used_is_last: breaks(calls(), UNTRUE);
    /// A new member takes a dirty slot, and the words name it.
    new_member_repairs: breaks(calls(), UNTRUE);
}
