//! Processes that take part in a measurement, and end with it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, alarm, fork},
};

use super::pin;

/// How many forks lie between the first process and this one. A process's number would do to distinguish them, and is a
/// system call.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Returns a number that a process has not in common with its parent.
pub fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// Forks a child that does this on one of the processors, and ends. It ends after so many seconds in any case, whatever
/// forgets it; and a panic ends it, too: it never unwinds what is its parent's.
pub fn fork_child(processor: usize, seconds: u32, act: impl FnOnce()) -> Pid {
    // SAFETY: this process has one thread while peers are forked.
    match unsafe { fork() }.expect("a child can be forked") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let act = AssertUnwindSafe(|| {
                GENERATION.fetch_add(1, Relaxed);
                alarm::set(seconds);
                pin(processor);
                act();
            });
            let code = if catch_unwind(act).is_ok() { 0 } else { 101 };
            // SAFETY: it ends the process at once.
            unsafe { libc::_exit(code) }
        }
    }
}

/// A process that serves until it is dropped.
pub struct Process(Pid);

impl Process {
    /// Starts one on the second processor.
    pub fn start(serve: impl FnOnce()) -> Self {
        Self::start_on(1, serve)
    }

    pub fn start_on(processor: usize, serve: impl FnOnce()) -> Self {
        Self(fork_child(processor, 300, serve))
    }

    pub fn pid(&self) -> Pid {
        self.0
    }

    pub fn is_alive(&self) -> bool {
        matches!(waitpid(self.0, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
    }

    /// Waits until it ends by itself.
    pub fn join(self) {
        let _ = waitpid(self.0, None);
        std::mem::forget(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, None);
    }
}
