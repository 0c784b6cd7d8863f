//! The clauses of the blocks' protocol.

crate::rules! {
    /// BL: the name of a block's owner has the generation of the cell.
    name_has_generation,
    /// BL: a helper gives blocks back by compare-and-swap from the name, not by stores.
    helper_swaps,
    /// BL: a helper gives the blocks back before it frees the cell, not after it.
    helper_gives_first,
    /// BL: the owner gives the blocks back before it frees the cell, not after it.
    owner_gives_first,
    /// BL2: a taker that finds too few blocks gives back those that it has.
    gives_back,
    /// Blocks are taken by the holder of the lock alone.
    taken_under_lock,
    /// A helper frees the lock of a dead holder.
    lock_is_repaired,
    /// A helper looks for all blocks with the name, and not only for those of the message's chain.
    helper_gives_all,
}
