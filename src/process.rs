//! Facts about processes that primitives between them need: forks, fences, processors, lives, owners.
#![allow(unsafe_code, reason = "the C library is called here")]

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use nix::{
    errno::Errno,
    sys::signal::kill,
    unistd::{Pid, geteuid},
};

pub use crate::fork::{fork_generation, is_generation, watch_forks};

/// Lets this process, and every child it forks, take part when another calls [`membarrier`].
///
/// Returns whether the system can do that: Linux can, unless a sandbox forbids it. A process that can't must use
/// sequentially consistent fences itself. It takes one system call. The first call in a process with several threads
/// may take some milliseconds. `exec` ends the registration.
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
/// It lets the rare side of a protocol pay for both sides: where two sides store and then load, the frequent side needs
/// a compiler fence only. It takes some microseconds. Returns whether the fence was run.
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

/// Returns which processor this thread runs on, as of a moment ago. Returns `None` where the system has no such
/// call.
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

/// Returns how many processors the system runs processes on, at least one. Those count as well that this process may not use.
///
/// The system is asked once in each process.
///
/// ```
/// assert!(sysv_ipc::process::processors() > 0);
/// ```
#[must_use]
pub fn processors() -> usize {
    /// 0 as long as it was not asked. No lock: a child made by `fork` could find it locked forever.
    static KNOWN: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: the number alone matters, and each thread that asks may store it.
    let known = KNOWN.load(Relaxed);
    if known > 0 {
        return known;
    }
    // SAFETY: the call takes a number, and returns one.
    let number = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    // A system that does not say it has at least this one.
    let number = usize::try_from(number).unwrap_or(1).max(1);
    KNOWN.store(number, Relaxed);
    number
}

pub use crate::users::is_one_user;

/// Returns the effective user id, to which new objects belong.
#[must_use]
pub fn effective_uid() -> u32 {
    geteuid().as_raw()
}

/// Returns whether a process of this id exists and has not ended, as far as this PID namespace shows.
///
/// A process of another user exists as any other. A zombie has ended: it runs nothing more, and waits for its parent
/// only. If the first thread of a process has ended, the process exists as long as another thread of it lives, although
/// tools show it as a zombie. Outside Linux, and where this PID namespace has no `/proc` of its own, a zombie can't be
/// recognised, and exists.
///
/// Ids are used again: `true` may be another process.
///
/// ```
/// assert!(sysv_ipc::process::exists(std::process::id()));
/// assert!(!sysv_ipc::process::exists(u32::MAX));
/// ```
#[must_use]
pub fn exists(pid: u32) -> bool {
    let Ok(number) = i32::try_from(pid) else { return false };
    // `EPERM` means that it belongs to another user, and so that it exists.
    number > 0 && kill(Pid::from_raw(number), None) != Err(Errno::ESRCH) && !has_ended(pid)
}

/// Returns whether all threads of a process have ended, or `false` where that can't be seen.
fn has_ended(pid: u32) -> bool {
    let is_dead = |path: String| Stat::read(&path).is_some_and(|stat| stat.is_dead());
    // The state in the process's own line is the first thread's, so the others are checked as well.
    if !has_own_proc() || !is_dead(format!("/proc/{pid}/stat")) {
        return false;
    }
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    // A thread that has ended meanwhile has no line, and doesn't count as dead. The next call doesn't see it.
    tasks.flatten().all(|task| is_dead(format!("/proc/{pid}/task/{}/stat", task.file_name().display())))
}

/// Returns when a process started, in the kernel's clock ticks since boot. Together with its id it names the process
/// for good.
///
/// `None` if there is no such process, outside Linux, and where `/proc` is another PID namespace's: its ids are those
/// of other processes. The calling process is found there as well.
///
/// ```
/// use sysv_ipc::process;
///
/// let started = process::start_time(std::process::id());
/// assert_eq!(started, process::start_time(std::process::id()));
/// assert_eq!(process::start_time(u32::MAX), None);
/// ```
#[must_use]
pub fn start_time(pid: u32) -> Option<u64> {
    Stat::read(&format!("{}/stat", proc_of(pid)?))?.start_time()
}

/// Returns the command a process runs.
///
/// `None` if there is no such process, outside Linux, and where `/proc` is another PID namespace's: its ids are those
/// of other processes. The calling process is found there as well.
///
/// ```
/// use sysv_ipc::process;
///
/// if cfg!(target_os = "linux") {
///     assert!(process::command(std::process::id()).is_some());
/// }
/// ```
#[must_use]
pub fn command(pid: u32) -> Option<String> {
    fs::read_to_string(format!("{}/comm", proc_of(pid)?)).ok().map(|name| name.trim_end().to_owned())
}

/// Returns the folder in which the kernel tells of a process, if there is one and it is that process's.
fn proc_of(pid: u32) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    // The kernel finds the caller by itself, whatever its number is there.
    if pid == std::process::id() {
        return Some("/proc/self".to_owned());
    }
    has_own_proc().then(|| format!("/proc/{pid}"))
}

/// Returns whether the numbers in `/proc` are those of the PID namespace in which this process lives.
///
/// A process that was put into a new namespace has the old one's `/proc` until one is mounted anew.
fn has_own_proc() -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let own = std::process::id().to_string();
    match status.lines().find_map(|line| line.strip_prefix("NSpid:")) {
        // The first number is the one in the namespace of `/proc`, the last one that in the process's own.
        Some(numbers) => numbers.split_ascii_whitespace().eq([own.as_str()]),
        // A kernel without namespaces, or an old one.
        None => fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == own.as_str()),
    }
}

/// What `/proc` tells of a process or thread, behind its command.
struct Stat(String);

impl Stat {
    fn read(path: &str) -> Option<Self> {
        let stat = fs::read_to_string(path).ok()?;
        // The command in the second field may hold anything, also blanks and brackets.
        stat.rsplit_once(')').map(|(_, after_command)| Self(after_command.to_owned()))
    }

    /// Returns a field by its number in `proc_pid_stat(5)`, from 3 on.
    fn field(&self, number: usize) -> Option<&str> {
        self.0.split_ascii_whitespace().nth(number - 3)
    }

    /// Returns whether it runs nothing more: a zombie, or one that is being removed.
    fn is_dead(&self) -> bool {
        matches!(self.field(3), Some("Z" | "X" | "x"))
    }

    fn start_time(&self) -> Option<u64> {
        self.field(22)?.parse().ok()
    }
}
