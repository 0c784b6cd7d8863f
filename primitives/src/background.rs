//! Threads that this crate starts in a program's process.

use std::{
    io,
    thread::{Builder, JoinHandle},
};
#[cfg(feature = "async")]
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Starts a thread that runs no handler of the program's signals. By default its stack is as large as that of any thread.
///
/// The program's signals are for its own threads: a handler may expect to interrupt one of them, or to find there what it has stored for
/// it. SIGURG is left: where the system has no timeouts for `semop`, it ends the sleep.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    stack: Option<usize>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let builder = Builder::new().name(name.to_owned());
    let builder = match stack {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    };
    let mut signals = SigSet::all();
    signals.remove(Signal::SIGURG);
    // The new thread has the mask of the one that starts it, from its first instruction on.
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
    let started = builder.spawn(work);
    if let Some(before) = before {
        // It fails for no mask that was the thread's own.
        let _ = before.thread_set_mask();
    }
    started
}

/// Calls wakers, which may run any code. No lock is to be held.
///
/// A panic ends in the waker that it began in: its thread has more to do for the others. The program's panic hook has reported it.
#[cfg(feature = "async")]
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        // What the waker left behind is the program's own. Nothing of ours is in its reach.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}
