//! The waiting room: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration, explore, explore_until_broken,
    room::{Room, Rules},
};

const ALL: Rules = Rules::ALL;
const LOST: &str = "I1 no lost wake-up";
const DELAYED: &str = "I2 a stop delays one";
const TAKEN_TWICE: &str = "I3 one holder";
const NOT_FREED: &str = "I3 nothing is lost";

/// So many members, each with a slot, and one thing. They don't leave, and those that die come back.
fn members(processes: usize, deaths: u8) -> Room {
    Room {
        processes,
        slots: processes,
        things: 1,
        most_held: 1,
        acquires: None,
        held: 0,
        deaths,
        saturation: 3,
        starts_inside: true,
        comes_back: true,
        leaves: false,
        cancels: false,
        sorts_processes: true,
        rules: ALL,
    }
}

/// So many members and two things. A member may hold both.
fn two_things(processes: usize, deaths: u8) -> Room {
    Room { things: 2, most_held: 2, acquires: Some(4), ..members(processes, deaths) }
}

/// Two processes that do everything.
fn everything(things: usize, slots: usize, deaths: u8) -> Room {
    Room { things, most_held: things, slots, leaves: true, cancels: true, ..members(2, deaths) }
}

/// Four members, of which so many hold a thing each. The others acquire once.
fn waiters_and_holders(held: usize) -> Room {
    let acquires = u8::try_from(4 - held).ok();
    Room { things: held, held, acquires, saturation: 1, ..members(4, 0) }
}

fn found(room: Room) -> Exploration {
    let text = format!("{room:?}");
    let found = explore(room);
    println!("{text}: {found}");
    found
}

fn is_complete(room: Room) -> bool {
    found(room).violations.is_empty()
}

fn breaks(rules: Rules, room: Room, invariant: &'static str) -> bool {
    let room = Room { rules, ..room };
    let text = format!("{room:?}");
    let found = explore_until_broken(room, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

/// On a system where a notifier can't look. Where it can, it calls another waiter instead.
fn breaks_without_look(rules: Rules, room: Room, invariant: &'static str) -> bool {
    breaks(Rules { look_after_call: false, ..rules }, room, invariant)
}

/// Leaves out what the counterexample does not need, because it has many states.
fn breaks_without_marks(rules: Rules, room: Room, invariant: &'static str) -> bool {
    breaks(Rules { mark_called: false, suspects_at_first: false, look_after_call: false, ..rules }, room, invariant)
}

#[test]
fn nothing_goes_wrong_with_2_processes() {
    assert!(is_complete(members(2, 2)));
    assert!(is_complete(everything(1, 3, 1)));
    assert!(is_complete(everything(2, 2, 1)));
}

#[test]
fn nothing_goes_wrong_if_all_have_to_enter() {
    assert!(is_complete(Room { starts_inside: false, ..everything(1, 2, 1) }));
}

#[test]
fn nothing_goes_wrong_with_3_processes_that_live() {
    assert!(is_complete(Room { acquires: Some(5), saturation: 1, ..members(3, 0) }));
}

#[test]
fn nothing_goes_wrong_with_3_processes_and_2_things() {
    assert!(is_complete(two_things(3, 0)));
    assert!(is_complete(Room { acquires: Some(3), comes_back: false, ..two_things(3, 1) }));
}

#[test]
fn nothing_goes_wrong_with_3_processes_if_2_die() {
    assert!(is_complete(Room { acquires: Some(4), comes_back: false, ..members(3, 2) }));
    assert!(is_complete(Room { acquires: Some(2), ..members(3, 1) }));
}

/// No wake-up is lost where a notifier can't look.
#[test]
fn nothing_is_lost_where_no_notifier_looks() {
    let rules = Rules::without("look_after_call");
    let is_served = |room| !breaks(rules, room, LOST);
    assert!(is_served(everything(2, 2, 1)));
    assert!(is_served(Room { acquires: Some(4), comes_back: false, ..members(3, 2) }));
    assert!(is_served(Room { acquires: Some(3), comes_back: false, ..two_things(3, 1) }));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { found_takes_post: false, helper_notifies: false, mark_called: false, ..ALL };
    assert!(is_complete(Room { rules, ..everything(1, 2, 2) }));
    assert!(is_complete(Room { rules, acquires: Some(3), comes_back: false, ..two_things(3, 1) }));
}

/// Only N4 compares epochs of rounds that are over.
#[test]
fn an_epoch_may_return_if_no_waiter_is_marked_as_called() {
    let rules = Rules { epoch_of_its_own: false, mark_called: false, ..ALL };
    assert!(is_complete(Room { rules, ..two_things(3, 0) }));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_2_processes_and_more_slots() {
    assert!(is_complete(everything(1, 3, 2)));
    assert!(is_complete(everything(2, 3, 2)));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_1_thing() {
    assert!(is_complete(Room { comes_back: false, ..members(3, 1) }));
    assert!(is_complete(members(3, 0)));
    assert!(is_complete(Room { acquires: Some(3), ..members(3, 1) }));
    assert!(is_complete(Room { comes_back: false, ..two_things(3, 1) }));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_3_processes_and_more_acquiring() {
    assert!(is_complete(Room { acquires: Some(5), ..two_things(3, 0) }));
    assert!(is_complete(Room { rules: Rules::without("helper_notifies"), ..two_things(3, 1) }));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(members(2, 1));
    assert!(found.reaches("two help one slot"));
    assert!(found.reaches("a waiter is called while it checks"));
    assert!(found.reaches("a dead waiter is called"));
    assert!(found.reaches("another notifier posts"));
    assert!(found.reaches("a waiter sleeps"));
    assert!(found.reaches("a stop delays a waiter"));
}

/// A death posts a doorbell that is up already, and the waiter takes the one post for its call.
#[test]
fn a_doorbell_counts() {
    assert!(breaks(ALL, Room { saturation: 1, comes_back: false, ..members(3, 1) }, LOST));
}

const NOT_NEEDED: [(&str, &str); 3] = [
    ("found_takes_post", "a post that is left wakes the next wait in vain"),
    ("helper_notifies", "each waiter has an obituary of its own: it repairs the slot itself, and then checks"),
    ("mark_called", "a waiter that stays UNPOSTED gets more posts than it needs, and loses none"),
];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A waiter is called and posted. It drains the post, finds nothing, and sleeps. It stays CALLED, so no later notifier
    /// calls it.
    drain_before_announcement: breaks(members(2, 0), LOST);
    /// A waiter finds no dead member. Then a holder dies, and the waiter drains the obituary.
    drain_before_reap: breaks(members(2, 1), LOST);
    /// A waiter checks, then repairs the slot of a dead holder, and sleeps.
    reap_before_check: breaks(Room { slots: 3, ..members(2, 1) }, LOST);
    /// A thing is freed after the check and before the flag is set, and the notifier finds the flag down.
    announce_before_check: breaks(members(2, 0), LOST);
    /// The flag is set. A notifier scans before the word is set, and clears the flag. The next one finds it down.
    word_before_flag: breaks(members(2, 0), LOST);
    /// A notifier posts. The waiter finds nothing, announces itself again, and is called by a second notifier, which is
    /// stopped before the post. The first one marks it as CALLED. Further notifiers do not post.
    epoch_of_its_own: breaks(two_things(3, 0), DELAYED);
    /// A waiter that was called announces itself again, is called for a second thing, and is stopped. Another waiter
    /// sleeps while two things are free.
    check_while_awake: breaks(two_things(3, 0), DELAYED);
    /// A waiter is called when its timeout elapses. Another waiter sleeps on.
    timed_wait_checks: breaks_without_look(members(3, 0), LOST);
    /// A notifier calls a waiter, and dies before the post, while it holds another thing. The waiter takes one post of the
    /// obituary for that of its call, and consumes the other in its next wait, which is cancelled. It leaves. A new member
    /// in its slot sleeps for the dead holder.
    suspects_at_first: breaks(everything(2, 2, 1), LOST);
    /// A waiter consumes the obituary, and sleeps again for the dead holder.
    uncalled_wake_suspects: breaks(members(2, 1), LOST);
    /// A notifier calls a waiter, and dies before the post, while it holds another thing. The waiter takes the obituary
    /// for the post of its call.
    obituary_posts_twice: breaks(Room { comes_back: false, ..two_things(3, 1) }, LOST);
    /// A waiter checks and finds a thing. Before its word is AWAKE, it is called for another one. A second waiter sleeps
    /// on.
    found_announced_passes_on: breaks(Room { most_held: 1, ..two_things(3, 0) }, LOST);
    /// A waiter is called while it leaves. Another waiter sleeps on.
    called_leaver_passes_on: breaks(Room { cancels: true, ..members(3, 0) }, LOST);
    /// The waiter that a notifier has chosen is cancelled. Another waiter sleeps on.
    scan_again: breaks(Room { cancels: true, ..members(3, 0) }, LOST);
    /// A notifier is stopped between its call and its post. A second notifier finds the waiter UNPOSTED, and does not
    /// post.
    others_post: breaks(Room { most_held: 1, ..two_things(3, 0) }, DELAYED);
    /// A notifier is stopped between its call and its post. A second one calls the other waiter, and clears the flag. The
    /// first waiter sleeps on while both things are free.
    unposted_keep_flag: breaks_without_marks(waiters_and_holders(2), DELAYED);
    /// A notifier is stopped between its call and its post, and a second one after it cleared the flag. The third one
    /// finds it down, and the waiter sleeps while three things are free.
    post_before_clearing: breaks(waiters_and_holders(3), DELAYED);
    /// A waiter announces itself after a notifier has read its word and before the flag is cleared.
    clear_by_version: breaks(members(2, 0), LOST);
    /// The waiter that is called is stopped while it sleeps. Another one sleeps on.
    look_after_call: breaks(members(3, 0), DELAYED);
    /// A notifier is stopped between its call and its post. A second one calls the other waiter, which is stopped while it
    /// sleeps. The first waiter sleeps on while both things are free.
    others_post_after_call: breaks(waiters_and_holders(2), DELAYED);
    /// A holder dies after a waiter found it alive.
    obituary_posts: breaks(members(2, 1), LOST);
    /// A helper is stopped. A waiter leaves the repair to it.
    several_help: breaks(Room { slots: 3, ..members(2, 1) }, DELAYED);
    /// A helper frees the thing of a new member, because it began when the slot had a dead owner.
    helpers_are_counted: breaks(members(2, 1), TAKEN_TWICE);
    /// A new member has the slot of a dead waiter. It is called, and does not wait.
    word_is_reset: breaks_without_look(members(3, 1), LOST);
    /// A helper dies after it cleared `used`, and no process repairs the rest.
    used_is_last: breaks(members(2, 2), NOT_FREED);
    /// A new member takes a dirty slot, and the words name it.
    new_member_repairs: breaks(members(2, 1), NOT_FREED);
}
