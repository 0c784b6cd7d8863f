//! How many items at once: what was asked for, or what there is.

/// Returns the smaller one of two numbers, by a jump: what an index allows is known only when its cache line has come
/// from the other processor, and until then ours goes on with what was asked for, which mostly is right.
#[inline]
pub(super) fn at_most(count: usize, allowed: u64) -> usize {
    if allowed >= count as u64 { count } else { fewer(allowed) }
}

#[cold]
fn fewer(allowed: u64) -> usize {
    usize::try_from(allowed).unwrap_or(usize::MAX)
}
