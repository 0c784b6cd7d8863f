//! What a supervisor is asked for, or learns.

use std::{
    sync::mpsc::Sender,
    time::{Duration, Instant},
};

/// One of the things that a supervisor waits for.
#[derive(Debug)]
pub(super) enum Event {
    /// The worker of this number has ended, and is not reaped yet.
    Ended(u64),
    /// So many workers are to be there.
    Scale(usize),
    /// The worker with this process id is to be killed. Says whether it was.
    Kill(u32, Sender<bool>),
    /// No worker is to take another job. Those that work then are killed at the deadline.
    Drain(Option<Instant>),
    /// A signal came.
    Signal { number: i32, deadline: Duration },
}
