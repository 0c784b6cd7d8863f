//! Messages that are set aside: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration,
    aside::{Aside, Rules},
    explore, explore_until_broken,
};

const ALL: Rules = Rules::ALL;
const TOO_FEW: &str = "A1 full is full";
const TOO_MANY: &str = "A2 capacity";
const LOCKED: &str = "A3 the lock comes free";
const NO_BLOCKS: &str = "A4 blocks";

fn aside(processes: usize, deaths: u8) -> Aside {
    Aside { processes, capacity: 2, quota: 1, operations: 5, deaths, callers: false, rules: ALL }
}

/// One message, and room for two that are set aside.
fn large_quota() -> Aside {
    Aside { capacity: 1, quota: 2, ..aside(2, 2) }
}

fn three_processes() -> Aside {
    Aside { operations: 4, ..aside(3, 0) }
}

fn one_of_three_dies() -> Aside {
    Aside { operations: 3, ..aside(3, 1) }
}

/// The callers of messages that are set aside go at any time.
fn callers() -> Aside {
    Aside { callers: true, operations: 3, ..aside(3, 0) }
}

fn found(aside: Aside) -> Exploration {
    let text = format!("{aside:?}");
    let found = explore(aside);
    println!("{text}: {found}");
    found
}

fn is_complete(aside: Aside) -> bool {
    found(aside).violations.is_empty()
}

fn breaks(rules: Rules, aside: Aside, invariant: &'static str) -> bool {
    let aside = Aside { rules, ..aside };
    let text = format!("{aside:?}");
    let found = explore_until_broken(aside, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong_if_none_dies() {
    assert!(is_complete(three_processes()));
    assert!(is_complete(callers()));
}

#[test]
fn nothing_goes_wrong_if_some_die() {
    assert!(is_complete(aside(2, 1)));
    assert!(is_complete(large_quota()));
    assert!(is_complete(Aside { callers: true, operations: 4, ..aside(2, 1) }));
    assert!(is_complete(one_of_three_dies()));
}

#[test]
#[ignore = "some minutes and gigabytes"]
fn nothing_goes_wrong_with_more_of_everything() {
    // 2.6 million states.
    assert!(is_complete(Aside { operations: 4, ..aside(3, 1) }));
    assert!(is_complete(Aside { callers: true, operations: 4, ..aside(3, 1) }));
    assert!(is_complete(Aside { operations: 4, ..aside(3, 2) }));
    assert!(is_complete(aside(3, 0)));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(aside(2, 1));
    assert!(found.reaches("the quota is full"));
    assert!(found.reaches("a message is retried"));
    assert!(found.reaches("a helper sets a message aside"));
    assert!(found.reaches("`unbalanced` is raised during a count"));
}

const NOT_NEEDED: [(&str, &str); 0] = [];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A spare cell is free, and the process dies before its message is aside: the channel holds one more.
    aside_before_spare: breaks(aside(2, 1), TOO_MANY);
    /// `unbalanced` is raised, and lowered by a process that counts before the message is aside.
    raised_after_aside: breaks(three_processes(), TOO_FEW);
    /// A process dies between ASIDE and `unbalanced`, or its helper sets its message aside.
    repair_raises: breaks(aside(2, 1), TOO_FEW);
    /// A message is set aside behind a count, and `unbalanced` is as it was before.
    raise_counts: breaks(three_processes(), TOO_FEW);
    /// A message is set aside behind a count that has not read `unbalanced` yet.
    read_before_count: breaks(aside(2, 1), TOO_FEW);
    /// A message is set aside behind a count.
    lower_by_swap: breaks(aside(2, 1), TOO_FEW);
    /// Two processes count at once, and both make a spare cell free.
    balance_under_lock: breaks(three_processes(), TOO_MANY);
    /// A message is removed after it was counted.
    removed_under_lock: breaks(large_quota(), TOO_MANY);
    /// One message more is aside than the quota, and has the cell of one that could be sent.
    oldest_is_dropped: breaks(aside(2, 1), TOO_FEW);
    /// The caller goes while its message is dropped, and the process takes it for dropped.
    failed_looks_again: breaks(callers(), TOO_FEW);
    /// A process dies between setting a message aside and balancing.
    sender_balances: breaks(aside(2, 1), TOO_FEW);
    /// A message is retried in a cell that no spare one stands for.
    spare_before_retry: breaks(aside(2, 1), TOO_MANY);
    /// The cell of a message that was beside the capacity is free.
    dropped_is_spare: breaks(aside(2, 1), TOO_MANY);
    /// A process dies between the blocks of a message that it drops and its cell.
    own_before_blocks: breaks(aside(2, 1), NO_BLOCKS);
    /// A message is retried, and a process died while it dropped it.
    owned_is_passed_over: breaks(one_of_three_dies(), NO_BLOCKS);
    /// A process dies with the lock.
    lock_is_repaired: breaks(aside(2, 1), LOCKED);
    /// A process dies while it drops a message.
    drop_is_repaired: breaks(aside(2, 1), NO_BLOCKS);
}
