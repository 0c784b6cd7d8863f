//! How a thread for futures begins.

use std::thread::Thread;

use crate::{
    ObjectName, background,
    failure::{Failure, Result},
    raw::Errno,
};

/// Enough for a system call and what it needs.
const STACK: usize = 128 * 1024;

/// Starts a thread for futures.
pub(super) fn start(object: &ObjectName, work: impl FnOnce() + Send + 'static) -> Result<Thread> {
    let started = background::start("sysv-clerk", Some(STACK), work).map_err(|error| {
        // The system's own refusal always has a number.
        let errno = error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw);
        Failure::NoThread { object: object.clone(), errno }
    })?;
    Ok(started.thread().clone())
}
