//! Iterating over what comes, by one rule for all kinds.
//!
//! An iterator ends when the object is closed, or disconnected if that is detected. An error that may be followed by
//! values, a message that can't be decoded, is given and passed over. Any other error is the last that is given.

use std::iter;

use crate::{Error, Result};

/// Takes one after another until the end.
pub(crate) fn until_the_end<T>(next: impl FnMut() -> Result<T>) -> impl Iterator<Item = Result<T>> {
    until(next, Error::is_end)
}

/// Takes one after another until the end, or until there is none now.
pub(crate) fn while_available<T>(next: impl FnMut() -> Result<T>) -> impl Iterator<Item = Result<T>> {
    until(next, |error| error.is_end() || error.is_busy())
}

fn until<T>(mut next: impl FnMut() -> Result<T>, is_end: impl Fn(&Error) -> bool) -> impl Iterator<Item = Result<T>> {
    let mut has_failed = false;
    iter::from_fn(move || {
        if has_failed {
            return None;
        }
        match next() {
            Err(error) if is_end(&error) => None,
            taken => {
                has_failed = taken.as_ref().is_err_and(|error| !matches!(error, Error::Undecodable { .. }));
                Some(taken)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{until_the_end, while_available};
    use crate::{Error, ObjectName, Role, Route, raw::MessageType};

    fn undecodable() -> Error {
        let object = ObjectName::new("channel", "jobs");
        Error::Undecodable { object, route: Route::from(MessageType::ONE), bytes: Vec::new(), why: String::new() }
    }

    #[test]
    fn an_error_that_lasts_is_given_once() {
        let mut results =
            vec![Err(Error::RouteTaken { route: Route::from(MessageType::ONE) }), Ok(3), Err(undecodable()), Ok(1)];
        let told: Vec<bool> = while_available(|| results.pop().expect("it ends")).map(|it| it.is_ok()).collect();
        assert_eq!(told, [true, false, true, false]);
        assert!(results.is_empty());
        let closed = Error::Closed { object: ObjectName::new("channel", "jobs"), role: Role::Consumer };
        let mut ended = vec![Ok(3), Err(closed), Ok(1)];
        assert_eq!(until_the_end(|| ended.pop().expect("it ends")).count(), 1);
    }
}
