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

#[cfg(target_os = "linux")]
mod handlers;
pub mod letters;
mod owned;
mod process;
#[cfg(target_os = "linux")]
pub mod prompt;
pub mod rights;
mod sandbox;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod step;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod step_thread;
pub mod watchdog;

use std::{
    env, thread,
    time::{Duration, Instant},
};

#[cfg(target_os = "linux")]
pub use handlers::{only_this_thread_handles_signals, threads_named};
pub use owned::{
    KeyGuard, Name, Owned, amount, free_key, full_queue, kind, memory, message, name, own, queue, semaphore,
    semaphores, undoing,
};
pub use process::*;
#[cfg(target_os = "linux")]
pub use sandbox::forbid;
use sysv_ipc::{Error, MessageQueue, SemaphoreSet};
use sysv_primitives::{PushError, TypedQueue};

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

/// Returns once the condition holds. It must within a minute.
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns whether the condition comes to hold within some time.
pub fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_micros(200));
    }
    condition()
}

/// Where waiters of a primitive sleep.
#[derive(Clone, Copy, Debug)]
pub enum Waiters {
    /// On a doorbell of all slots.
    Common(usize),
    /// In a room: on one of the doorbells of each slot, which come after so many common ones.
    Room { common: usize, each: usize, room: usize },
}

impl Waiters {
    /// Of a mutex, for the lock.
    pub const OF_MUTEX: Self = Self::Room { common: 0, each: 2, room: 0 };
    /// Of a mutex, for a condition on its value.
    pub const FOR_CONDITION: Self = Self::Room { common: 0, each: 2, room: 1 };
    /// Of a kind that has one room, as the once lock and the barrier have.
    pub const OF_ONE_ROOM: Self = Self::Room { common: 0, each: 1, room: 0 };
    /// Of a watch, to set the value.
    pub const TO_SET: Self = Self::Room { common: 0, each: 2, room: 0 };
    /// Of a watch, for another version.
    pub const FOR_CHANGE: Self = Self::Room { common: 0, each: 2, room: 1 };
    /// Of an rwlock: the writer that has the lock, for the readers to leave.
    pub const FOR_READERS: Self = Self::Common(0);
    /// Of an rwlock, to write.
    pub const TO_WRITE: Self = Self::Room { common: 1, each: 2, room: 0 };
    /// Of an rwlock, to read.
    pub const TO_READ: Self = Self::Room { common: 1, each: 2, room: 1 };
    /// Of a pool, for one permit.
    pub const FOR_ONE: Self = Self::Room { common: 0, each: 2, room: 0 };
    /// Of a pool, for several permits.
    pub const FOR_SEVERAL: Self = Self::Room { common: 0, each: 2, room: 1 };
    /// Producers of an mpmc ring.
    pub const FOR_SLOTS: Self = Self::Room { common: 0, each: 2, room: 0 };
    /// Consumers of an mpmc ring.
    pub const FOR_ITEMS: Self = Self::Room { common: 0, each: 2, room: 1 };
    /// Subscribers of a broadcast ring.
    pub const FOR_NEXT: Self = Self::Room { common: 1, each: 2, room: 1 };
    /// Receivers of a channel.
    pub const FOR_MESSAGES: Self = Self::Room { common: 0, each: 4, room: 0 };
    /// Senders of a channel that wait for room.
    pub const FOR_SPACE: Self = Self::Room { common: 0, each: 4, room: 1 };
    /// Callers of a channel.
    pub const FOR_RESPONSES: Self = Self::Room { common: 0, each: 4, room: 2 };
    /// Of an spsc ring, for the producer's role.
    pub const FOR_PRODUCER: Self = Self::Room { common: 2, each: 2, room: 0 };

    /// Returns the semaphores on which they sleep.
    pub fn semaphores(self, set: &SemaphoreSet) -> Vec<usize> {
        // Three semaphores of the object's own come before the doorbells, and two of each slot after them.
        match self {
            Self::Common(bell) => vec![3 + bell],
            Self::Room { common, each, room } => {
                let slots = (set.len().expect("it is there") - 3 - common) / (each + 2);
                (0..slots).map(|slot| 3 + common + slot * each + room).collect()
            }
        }
    }

    /// Returns how many sleep.
    pub fn asleep(self, set: &SemaphoreSet) -> usize {
        let asleep = |bell| set.waiting_for_nonzero(bell).expect("it is there");
        self.semaphores(set).into_iter().map(asleep).sum()
    }
}

/// Returns when a process sleeps there.
#[track_caller]
pub fn until_rings(set: i32, waiters: Waiters) {
    let set = SemaphoreSet::from_id(set).expect("it is there");
    until(|| waiters.asleep(&set) > 0);
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

/// A typed queue, and the queue underneath.
pub fn typed_queue() -> (TypedQueue, Owned<MessageQueue>) {
    let queue = queue();
    (TypedQueue::new(MessageQueue::clone(&queue)).expect("the queue is there"), queue)
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

/// The programs of the README and of the pages, compiled and run as they are shown.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guide.md")]
    struct Guide;
    #[doc = include_str!("../../docs/operations.md")]
    struct Operations;
    #[doc = include_str!("../../docs/security.md")]
    struct Security;
}
