//! How a thread for futures begins.

use std::thread::{Builder, Thread};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use crate::{
    ObjectName,
    failure::{Failure, Result},
    raw::Errno,
};

/// Enough for a system call and what it needs.
const STACK: usize = 128 * 1024;

/// Starts a thread for futures.
pub(super) fn start(object: &ObjectName, work: impl FnOnce() + Send + 'static) -> Result<Thread> {
    // The program's signals are for its own threads. SIGURG is left: where the system has no timeouts for `semop`, it
    // ends the sleep.
    let mut signals = SigSet::all();
    signals.remove(Signal::SIGURG);
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
    let started = Builder::new().name("sysv-clerk".to_owned()).stack_size(STACK).spawn(work);
    if let Some(before) = before {
        // It fails for no mask that was the thread's own.
        let _ = before.thread_set_mask();
    }
    let started = started.map_err(|error| {
        // The system's own refusal always has a number.
        let errno = error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw);
        Failure::NoThread { object: object.clone(), errno }
    })?;
    Ok(started.thread().clone())
}
