//! Iterating over what comes, which ends as a ring does.

use std::iter;

use crate::{Error, Result};

/// Pops until the ring is closed or abandoned; any other error is the last that is given out.
pub(crate) fn until_the_end<T>(mut pop: impl FnMut() -> Result<T>) -> impl Iterator<Item = Result<T>> {
    let mut has_failed = false;
    iter::from_fn(move || {
        if has_failed {
            return None;
        }
        match pop() {
            Err(Error::Closed | Error::Abandoned(_)) => None,
            popped => {
                has_failed = popped.is_err();
                Some(popped)
            }
        }
    })
}
