//! How a push ends that did not take its item.

use std::fmt;

use crate::Error;

/// A push that took nothing; the item is in it.
///
/// `?` turns it into an [`Error`] in functions that can do without the item.
///
/// ```
/// use sysv_primitives::spsc;
///
/// # let name = format!("push-error-example-{}", std::process::id());
/// let ring = spsc::Ring::create(&name, 1)?;
/// let mut producer = ring.producer()?;
/// producer.push(1_u64)?;
/// let refused = producer.try_push(2).unwrap_err();
/// assert!(refused.error.is_busy());
/// assert_eq!(refused.item, 2);
/// ring.remove()?;
/// # Ok::<(), sysv_primitives::Error>(())
/// ```
pub struct PushError<T> {
    /// The item, as it was.
    pub item: T,
    /// Why it was not taken.
    pub error: Error,
}

impl<T> From<PushError<T>> for Error {
    fn from(refused: PushError<T>) -> Self {
        refused.error
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the item was not pushed: {}", self.error)
    }
}

impl<T> std::error::Error for PushError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
