//! Iterating over what comes, by one rule for all kinds.
//!
//! An iterator ends when the object is closed, or disconnected if that is detected. If values may follow an error, such
//! as that of a message that can't be decoded, the iterator returns the error and goes on. Any other error is the last
//! item.

use std::{iter, result};

/// What an iterator must know of the errors that it passes on.
pub(crate) trait IterError {
    /// Whether the object is closed or disconnected.
    fn is_end(&self) -> bool;
    /// Whether nothing was available in time.
    fn is_busy(&self) -> bool;
    /// Whether values may follow.
    fn is_passing(&self) -> bool;
}

type Result<T, E> = result::Result<T, E>;

/// Returns one value after another until the end.
pub(crate) fn until_the_end<T, E: IterError>(next: impl FnMut() -> Result<T, E>) -> impl Iterator<Item = Result<T, E>> {
    until(next, E::is_end)
}

/// Returns one value after another until the end, or until none is available.
pub(crate) fn while_available<T, E: IterError>(
    next: impl FnMut() -> Result<T, E>,
) -> impl Iterator<Item = Result<T, E>> {
    until(next, |error| error.is_end() || error.is_busy())
}

fn until<T, E: IterError>(
    mut next: impl FnMut() -> Result<T, E>,
    is_end: impl Fn(&E) -> bool,
) -> impl Iterator<Item = Result<T, E>> {
    let mut has_failed = false;
    iter::from_fn(move || {
        if has_failed {
            return None;
        }
        match next() {
            Err(error) if is_end(&error) => None,
            taken => {
                has_failed = taken.as_ref().is_err_and(|error| !error.is_passing());
                Some(taken)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{until_the_end, while_available};
    use crate::{Failure, ObjectName, RecvError, Route, Undecodable, raw::MessageType};

    #[test]
    fn an_error_that_lasts_is_given_once() {
        let object = || ObjectName::new("channel", "jobs");
        let undecodable = Undecodable {
            object: object(),
            route: Route::from(MessageType::ONE),
            bytes: Vec::new(),
            why: String::new(),
        };
        let failed = Failure::MembershipLost { object: object() };
        let mut results = vec![Err(RecvError::from(failed)), Ok(3), Err(undecodable.into()), Ok(1)];
        let told: Vec<bool> = while_available(|| results.pop().expect("it ends")).map(|it| it.is_ok()).collect();
        assert_eq!(told, [true, false, true, false]);
        assert!(results.is_empty());
        let mut ended = vec![Ok(3), Err(RecvError::Closed { object: object() }), Ok(1)];
        assert_eq!(until_the_end(|| ended.pop().expect("it ends")).count(), 1);
    }
}
