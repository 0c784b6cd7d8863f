//! Loom's atomics, for a process that may die before any change that it makes.
//!
//! Loom explores another order of two accesses of one word if they are by two processes and one of them is a change. But it
//! compares a change with the *last* access alone. So if a process reads a word, and another one reads and then changes it, loom
//! takes the change for one that follows the process's own reading, and never lets it come before the first one's. All code
//! that compares and swaps reads before. So a thorough word has shadows, one for each process: a process that reads
//! the word changes its own shadow, and one that changes the word changes all of them. The shadows order nothing.

use std::{
    cell::Cell,
    fmt,
    panic::{self, AssertUnwindSafe},
};

use loom::sync::atomic::Ordering::{self, Relaxed};

std::thread_local! {
    /// How many shadows words have that are made now. All processes of a model are one thread of the test's.
    static SHADOWS: Cell<usize> = const { Cell::new(0) };
}

loom::thread_local! {
    /// Which process this is.
    static PROCESS: Cell<usize> = Cell::new(0);
    /// How many changes this process makes before it dies, if it does.
    static CHANGES_LEFT: Cell<Option<u32>> = Cell::new(None);
}

/// Says which process this is, for thorough words. The first one is 0.
pub(crate) fn be_process(number: u32) {
    PROCESS.with(|process| process.set(number as usize));
}

/// Makes words that are thorough, for so many processes.
pub(crate) fn thoroughly<R>(processes: usize, make: impl FnOnce() -> R) -> R {
    SHADOWS.set(processes);
    let made = make();
    SHADOWS.set(0);
    made
}

/// See the module.
struct Shadows(Vec<loom::sync::atomic::AtomicBool>);

impl Default for Shadows {
    fn default() -> Self {
        Self((0..SHADOWS.get()).map(|_| loom::sync::atomic::AtomicBool::new(false)).collect())
    }
}

impl Shadows {
    fn before_read(&self) {
        if !self.0.is_empty() {
            let mine = PROCESS.with(Cell::get);
            self.0[mine].fetch_or(false, Relaxed);
        }
    }

    fn before_change(&self) {
        self.0.iter().for_each(|shadow| {
            shadow.fetch_or(false, Relaxed);
        });
    }
}

/// What a process that dies unwinds with.
struct Death;

/// Does something as a process that dies before so many changes of shared memory and one more. Returns what it did, if it
/// survives.
pub(crate) fn with_death<R>(changes: u32, body: impl FnOnce() -> R) -> Option<R> {
    CHANGES_LEFT.with(|left| left.set(Some(changes)));
    let done = panic::catch_unwind(AssertUnwindSafe(body));
    CHANGES_LEFT.with(|left| left.set(None));
    match done {
        Ok(done) => Some(done),
        Err(death) if death.is::<Death>() => None,
        Err(panic) => panic::resume_unwind(panic),
    }
}

/// Called before each change: a process that is to die dies here.
pub(crate) fn before_change() {
    CHANGES_LEFT.with(|left| match left.get() {
        None => {}
        Some(0) => {
            left.set(None);
            // No message is printed: this is no failure.
            panic::resume_unwind(Box::new(Death));
        }
        Some(some) => left.set(Some(some - 1)),
    });
}

macro_rules! atomic {
    ($name:ident, $number:ty) => {
        /// See the module.
        #[derive(Default)]
        pub(crate) struct $name {
            value: loom::sync::atomic::$name,
            shadows: Shadows,
        }

        impl $name {
            fn before_change(&self) {
                before_change();
                self.shadows.before_change();
            }

            #[track_caller]
            pub(crate) fn new(value: $number) -> Self {
                Self { value: loom::sync::atomic::$name::new(value), shadows: Shadows::default() }
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $number {
                self.shadows.before_read();
                self.value.load(order)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $number, order: Ordering) {
                self.before_change();
                self.value.store(value, order);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $number, order: Ordering) -> $number {
                self.before_change();
                self.value.swap(value, order)
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                from: $number,
                to: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                self.before_change();
                self.value.compare_exchange(from, to, success, failure)
            }

            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                from: $number,
                to: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                self.compare_exchange(from, to, success, failure)
            }

            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $number, order: Ordering) -> $number {
                self.before_change();
                self.value.fetch_add(value, order)
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $number, order: Ordering) -> $number {
                self.before_change();
                self.value.fetch_sub(value, order)
            }

            #[track_caller]
            pub(crate) fn fetch_and(&self, value: $number, order: Ordering) -> $number {
                self.before_change();
                self.value.fetch_and(value, order)
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $number, order: Ordering) -> $number {
                self.before_change();
                self.value.fetch_or(value, order)
            }

            #[track_caller]
            pub(crate) fn fetch_max(&self, value: $number, order: Ordering) -> $number {
                self.before_change();
                self.value.fetch_max(value, order)
            }

            #[track_caller]
            pub(crate) fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                update: impl FnMut($number) -> Option<$number>,
            ) -> Result<$number, $number> {
                self.before_change();
                self.value.fetch_update(set, fetch, update)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.value.fmt(f)
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
