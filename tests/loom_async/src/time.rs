//! Time, as far as the desk and the clerk measure it.
//!
//! It goes on by 10 milliseconds when the scene says so, and when a thread that parks for so long is the only one that can run. A
//! thread that parks for longer is not woken by the time.

use std::time::Duration;

use loom::{
    lazy_static,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

/// By what it goes on.
pub(crate) const STEP: Duration = Duration::from_millis(10);

lazy_static! {
    static ref STEPS: AtomicU32 = AtomicU32::new(0);
}

/// A step of time is over.
pub(crate) fn pass() {
    STEPS.fetch_add(1, SeqCst);
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(u32);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(STEPS.load(SeqCst))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        STEP * (STEPS.load(SeqCst) - self.0)
    }
}
