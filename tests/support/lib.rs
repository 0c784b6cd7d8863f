//! What the tests of several processes have in common.
//!
//! Objects are removed when their guard goes, also when the test fails; and if a test hangs, the
//! whole program ends, but not before everything it had made is removed.
#![allow(unsafe_code, reason = "children are forked")]
#![allow(
    missing_debug_implementations,
    missing_docs,
    clippy::missing_panics_doc,
    reason = "a test's helpers fail by panicking"
)]

pub mod letters;
mod owned;
mod process;
pub mod rights;
mod sandbox;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod step;
pub mod watchdog;

use std::{
    env, thread,
    time::{Duration, Instant},
};

pub use owned::{
    KeyGuard, Name, Owned, amount, free_key, full_queue, kind, memory, message, name, own, queue, semaphore,
    semaphores, undoing,
};
pub use process::*;
#[cfg(target_os = "linux")]
pub use sandbox::forbid;
use sysv_ipc::{Error, MessageQueue, SemaphoreSet};
use sysv_primitives::{Channel, PushError};

/// Long enough to be noticed, where a wait is to end by its deadline.
pub const SHORT: Duration = Duration::from_millis(30);
/// Longer than anything takes that does not wait for ever.
pub const LONG: Duration = Duration::from_secs(60);

/// Says something at once: the harness captures what std prints, and never shows it for a child.
pub fn say(text: &str) {
    // SAFETY: the text is valid for its length.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Says that something can't be tested here. In CI it must be.
#[track_caller]
pub fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "in CI nothing may be skipped: {why}");
    say(&format!("SKIPPED: {why}\n"));
}

/// A number that the environment may set.
pub fn number_from_env(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Returns once the condition holds; it must within a minute.
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns when somebody sleeps on a doorbell of a primitive's set.
#[track_caller]
pub fn until_rings(set: i32, doorbell: usize) {
    // Three semaphores of the object's own come before the doorbells.
    let set = SemaphoreSet::from_id(set).expect("it is there");
    until(|| set.waiting_for_nonzero(3 + doorbell).expect("it is there") > 0);
}

/// Asserts which error it is, and returns its text.
#[track_caller]
pub fn text_of<T>(result: Result<T, Error>, is_right: impl Fn(&Error) -> bool) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => {
            assert!(is_right(&error), "another error: {error:?}");
            error.to_string()
        }
    }
}

/// A channel over a queue that has no name.
pub fn plain_channel() -> (Channel, Owned<MessageQueue>) {
    let queue = queue();
    (Channel::new(MessageQueue::clone(&queue)).expect("the queue is there"), queue)
}

/// What came back from a push.
#[track_caller]
pub fn refused<T>(result: Result<(), PushError<T>>) -> PushError<T> {
    result.expect_err("it is refused")
}

/// Asserts that a call fails with this variant.
#[macro_export]
macro_rules! assert_fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}

/// The README's programs, compiled and run as they are shown.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
