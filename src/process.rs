//! Facts about processes that primitives between them need: forks, fences, processors, lives, owners.
#![allow(unsafe_code, reason = "membarrier is called here")]

use std::fs;

use nix::{
    errno::Errno,
    sys::signal::kill,
    unistd::{Pid, geteuid},
};

pub use crate::fork::{fork_generation, watch_forks};

/// Lets this process, and every child it forks, take part when another calls [`membarrier`].
///
/// Returns whether the system can do that: Linux can, unless a sandbox forbids it. A process that can't
/// must use sequentially consistent fences itself. One system call; the first one of a process with
/// several threads may take some milliseconds. `exec` ends it.
///
/// [`membarrier(2)`](https://man7.org/linux/man-pages/man2/membarrier.2.html)
///
/// ```
/// use sysv_ipc::process;
///
/// if process::membarrier_register() {
///     assert!(process::membarrier());
/// }
/// ```
#[must_use]
pub fn membarrier_register() -> bool {
    #[cfg(target_os = "linux")]
    return call_membarrier(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
    #[cfg(not(target_os = "linux"))]
    return false;
}

/// Runs a sequentially consistent fence in this thread and in every running thread of all processes
/// that [registered](membarrier_register).
///
/// It lets the rare side of a protocol pay for both: where two sides store and then look, the
/// frequent one needs a compiler fence only. Returns whether it was done; some microseconds.
#[must_use]
pub fn membarrier() -> bool {
    #[cfg(target_os = "linux")]
    return call_membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED);
    #[cfg(not(target_os = "linux"))]
    return false;
}

#[cfg(target_os = "linux")]
fn call_membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes no pointers.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Returns which processor this thread runs on, as it was a moment ago; `None` where the system doesn't tell.
///
/// On Linux that takes no system call.
///
/// ```
/// if cfg!(target_os = "linux") {
///     assert!(sysv_ipc::process::current_processor().is_some());
/// }
/// ```
#[inline]
#[must_use]
pub fn current_processor() -> Option<u32> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call takes nothing, and returns a number or -1.
        u32::try_from(unsafe { libc::sched_getcpu() }).ok()
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Returns the effective user id, to which new objects belong.
#[must_use]
pub fn effective_uid() -> u32 {
    geteuid().as_raw()
}

/// Returns whether a process of this id exists, as far as this PID namespace shows.
///
/// Ids are used again: `true` may be another process.
///
/// ```
/// assert!(sysv_ipc::process::exists(std::process::id()));
/// assert!(!sysv_ipc::process::exists(u32::MAX));
/// ```
#[must_use]
pub fn exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Returns when a process started, in the kernel's clock ticks since boot; with its id it names the process for good.
///
/// `None` if there is no such process, and outside Linux.
#[must_use]
pub fn start_time(pid: u32) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command in the second field may hold anything, also blanks and brackets.
    let (_, after_command) = stat.rsplit_once(')')?;
    after_command.split_whitespace().nth(19)?.parse().ok()
}

/// Returns the command a process runs; `None` if there is no such process, and outside Linux.
#[must_use]
pub fn command(pid: u32) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim_end().to_owned())
}
