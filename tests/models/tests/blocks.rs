//! The blocks: no invariant breaks with every rule, and one breaks without any one of them.

use sysv_models::{
    Exploration,
    blocks::{Blocks, Rules},
    explore, explore_until_broken,
};

const ALL: Rules = Rules::ALL;
const CORRUPT: &str = "B1 own bytes";
const LOST: &str = "B2 none is lost";
const LOCKED: &str = "B3 the lock comes free";

fn blocks(processes: usize, deaths: u8) -> Blocks {
    Blocks { processes, cells: 2, blocks: 2, needed: 1, operations: 3, deaths, rules: ALL }
}

/// Each message needs all blocks that there are.
fn large(processes: usize, deaths: u8) -> Blocks {
    Blocks { needed: 2, ..blocks(processes, deaths) }
}

fn found(blocks: Blocks) -> Exploration {
    let text = format!("{blocks:?}");
    let found = explore(blocks);
    println!("{text}: {found}");
    found
}

fn is_complete(blocks: Blocks) -> bool {
    found(blocks).violations.is_empty()
}

fn breaks(rules: Rules, blocks: Blocks, invariant: &'static str) -> bool {
    let blocks = Blocks { rules, ..blocks };
    let text = format!("{blocks:?}");
    let found = explore_until_broken(blocks, invariant);
    println!("{text}: {found}");
    found.breaks(invariant)
}

#[test]
fn nothing_goes_wrong() {
    assert!(is_complete(blocks(2, 1)));
    assert!(is_complete(large(2, 1)));
    assert!(is_complete(blocks(3, 1)));
    assert!(is_complete(Blocks { cells: 1, ..blocks(3, 2) }));
    assert!(is_complete(large(3, 1)));
}

#[test]
fn the_situations_of_the_invariants_are_reached() {
    assert!(found(large(2, 0)).reaches("a sender finds too few"));
    assert!(found(blocks(3, 1)).reaches("two help"));
}

#[test]
fn nothing_goes_wrong_without_what_is_not_needed() {
    let rules = Rules { taken_under_lock: false, ..ALL };
    assert!(is_complete(Blocks { rules, ..large(3, 1) }));
    assert!(is_complete(Blocks { rules, ..blocks(3, 1) }));
}

const NOT_NEEDED: [(&str, &str); 1] = [(
    "taken_under_lock",
    "two senders that take blocks at once may both find too few, and give them back. With the lock one of them gets on",
)];

sysv_models::counterexamples! {
    Rules, not needed: NOT_NEEDED;
    /// A helper that began earlier gives back the blocks of the next message in the cell, which has the same owner.
    name_has_generation: breaks(blocks(3, 1), CORRUPT);
    /// A helper that began earlier gives back a block that has another owner by then.
    helper_swaps: breaks(blocks(2, 1), CORRUPT);
    /// A helper frees the cell, and dies.
    helper_gives_first: breaks(Blocks { cells: 1, ..blocks(3, 2) }, LOST);
    /// A receiver frees the cell, and dies.
    owner_gives_first: breaks(blocks(2, 1), LOST);
    /// Two senders have half of the blocks each.
    gives_back: breaks(large(2, 1), LOST);
    /// A sender dies with the lock.
    lock_is_repaired: breaks(blocks(2, 1), LOCKED);
    /// A sender dies before it writes the chain.
    helper_gives_all: breaks(blocks(2, 1), LOST);
}
