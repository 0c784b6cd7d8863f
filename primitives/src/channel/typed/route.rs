//! Routes: the number under which values of a type travel. No I/O here.

use std::fmt;

use crate::raw::MessageType;

/// The number under which the values of one type travel: the kernel's message type.
///
/// ```
/// use sysv_primitives::Route;
/// const JOBS: Route = Route::new(1);
/// assert_eq!(JOBS.to_string(), "1");
/// ```
///
/// In a constant, zero doesn't compile:
///
/// ```compile_fail,E0080
/// const NONE: sysv_primitives::Route = sysv_primitives::Route::new(0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(MessageType);

impl Route {
    /// Makes a route of a number from 1 to 2,147,483,647, which every system has.
    ///
    /// # Panics
    ///
    /// If the number is not in this range.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        match MessageType::new(number as _) {
            Ok(message_type) => Self(message_type),
            Err(_) => panic!("a route is a positive number"),
        }
    }

    /// Returns the route as a number of 31 bits. A channel has no larger ones.
    #[inline]
    #[allow(clippy::useless_conversion, reason = "message types are wider on other systems")]
    pub(crate) fn number(self) -> u32 {
        i32::try_from(self.0.get()).unwrap_or(i32::MAX).cast_unsigned()
    }

    /// Returns the route of a number that stands in memory, which may be any.
    pub(crate) fn from_number(number: u32) -> Self {
        Self::new(i32::try_from(number).unwrap_or(i32::MAX).max(1))
    }

    /// Returns the kernel's message type.
    #[must_use]
    pub const fn message_type(self) -> MessageType {
        self.0
    }
}

impl From<MessageType> for Route {
    fn from(message_type: MessageType) -> Self {
        Self(message_type)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
