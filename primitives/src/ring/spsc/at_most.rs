//! How many items at once: as many as were asked for, or as there are.

/// Returns the smaller of two numbers, by a branch. The allowed number is known only when the cache line of the other
/// index has come from the other processor. Until then this processor speculates on the number that was asked for,
/// which is mostly right.
#[inline]
pub(super) fn at_most(count: usize, allowed: u64) -> usize {
    if allowed >= count as u64 { count } else { fewer(allowed) }
}

#[cold]
fn fewer(allowed: u64) -> usize {
    usize::try_from(allowed).unwrap_or(usize::MAX)
}
