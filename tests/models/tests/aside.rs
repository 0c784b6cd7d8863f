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

fn aside(processes: usize, deaths: u8) -> Aside {
    Aside { processes, capacity: 2, quota: 1, operations: 5, deaths, rules: ALL }
}

/// One message, and room for two that are set aside.
fn large_quota() -> Aside {
    Aside { capacity: 1, quota: 2, ..aside(2, 2) }
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
fn nothing_goes_wrong() {
    assert!(is_complete(aside(2, 1)));
    assert!(is_complete(aside(3, 0)));
    assert!(is_complete(aside(3, 1)));
    assert!(is_complete(large_quota()));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    let found = found(aside(2, 1));
    assert!(found.reaches("the quota is full"));
    assert!(found.reaches("a message is retried"));
}

const NOT_NEEDED: [(&str, &str); 0] = [];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A spare cell is free, and the process dies before its message is aside: the channel holds one more.
    aside_before_spare: breaks(aside(2, 1), TOO_MANY);
    /// Two processes count at once, and both make a spare cell free.
    balance_under_lock: breaks(aside(3, 0), TOO_MANY);
    /// A message is removed after it was counted.
    removed_under_lock: breaks(large_quota(), TOO_MANY);
    /// One message more is aside than the quota, and has the cell of one that could be sent.
    oldest_is_dropped: breaks(aside(2, 1), TOO_FEW);
    /// A process dies between setting a message aside and balancing.
    sender_balances: breaks(aside(2, 1), TOO_FEW);
    /// A message is retried in a cell that no spare one stands for.
    spare_before_retry: breaks(aside(2, 1), TOO_MANY);
    /// The cell of a message that was beside the capacity is free.
    dropped_is_spare: breaks(aside(2, 1), TOO_MANY);
    /// A process dies with the lock.
    lock_is_repaired: breaks(aside(2, 1), LOCKED);
}
