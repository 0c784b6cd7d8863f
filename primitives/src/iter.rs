//! Iterating over what comes, until its end.

use std::iter;

use crate::{Error, Result};

/// Takes one after another until there is an end. Any other error is the last that is given out, but for a message that
/// can't be decoded: the next one may.
pub(crate) fn until_the_end<T>(
    mut next: impl FnMut() -> Result<T>,
    is_end: impl Fn(&Error) -> bool,
) -> impl Iterator<Item = Result<T>> {
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
    use super::until_the_end;
    use crate::{Error, ObjectName, Route, Side, raw::MessageType};

    fn undecodable() -> Error {
        let object = ObjectName::new("channel", "jobs");
        Error::Undecodable { object, route: Route::from(MessageType::ONE), bytes: Vec::new(), why: String::new() }
    }

    #[test]
    fn an_error_that_lasts_is_told_once() {
        let mut results = vec![Err(Error::Busy), Ok(3), Err(undecodable()), Ok(1)];
        let told: Vec<bool> =
            until_the_end(|| results.pop().expect("it ends"), Error::is_end).map(|it| it.is_ok()).collect();
        assert_eq!(told, [true, false, true, false]);
        assert!(results.is_empty());
        let closed = Error::Closed { object: ObjectName::new("channel", "jobs"), side: Side::Consumer };
        let mut ended = vec![Ok(3), Err(closed), Ok(1)];
        assert_eq!(until_the_end(|| ended.pop().expect("it ends"), Error::is_end).count(), 1);
    }
}
