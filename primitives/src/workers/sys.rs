//! What a pool asks of the system that std does not offer: the only file here with unsafe code.
#![allow(unsafe_code, reason = "a child is prepared between fork and exec, and inherits descriptors")]

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::{
        signal::{Signal, killpg},
        stat::{SFlag, fstat},
    },
    unistd::Pid,
};

/// What a worker is given before its program begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// The most bytes of address space.
    pub(super) memory: Option<u64>,
    pub(super) niceness: Option<i32>,
    pub(super) cpus: Vec<usize>,
}

/// Sets up a command, so that its process leads a group of its own, has these limits, and inherits these descriptors.
///
/// The descriptors must stay open until it is spawned.
pub(super) fn prepare(command: &mut Command, limits: &Limits, inherited: Vec<RawFd>) {
    command.process_group(0);
    let limits = limits.clone();
    let prepare = move || {
        for &fd in &inherited {
            // SAFETY: its owner keeps it open until the process is spawned, and this is a copy of that process.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        limits.apply()
    };
    // SAFETY: it makes system calls alone. It neither allocates nor takes a lock, which another thread may hold at the fork.
    unsafe { command.pre_exec(prepare) };
}

impl Limits {
    /// Sets the limits of the calling process. Neither allocates nor takes a lock.
    fn apply(&self) -> io::Result<()> {
        if let Some(bytes) = self.memory {
            limit_memory(bytes)?;
        }
        if let Some(niceness) = self.niceness {
            // SAFETY: it takes no pointers.
            Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, niceness) })?;
        }
        self.pin()
    }

    #[cfg(target_os = "linux")]
    fn pin(&self) -> io::Result<()> {
        use nix::sched::{CpuSet, sched_setaffinity};

        if !self.cpus.is_empty() {
            let mut set = CpuSet::new();
            self.cpus.iter().try_for_each(|&cpu| set.set(cpu))?;
            sched_setaffinity(Pid::from_raw(0), &set)?;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn pin(&self) -> io::Result<()> {
        if self.cpus.is_empty() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_memory(bytes: u64) -> io::Result<()> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, rlim_t, setrlimit};

    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions, reason = "narrower on other systems")]
    let most = rlim_t::try_from(bytes).unwrap_or(RLIM_INFINITY);
    Ok(setrlimit(Resource::RLIMIT_AS, most, most)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_memory(_: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns the number by which a descriptor of a pipe is known again.
pub(super) fn identity(fd: &impl AsFd) -> io::Result<u64> {
    #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions, reason = "narrower on other systems")]
    fstat(fd.as_fd())?.st_ino.try_into().map_err(io::Error::other)
}

/// Takes over a descriptor that the supervisor left open for this process. No child of this process inherits it.
///
/// Returns `None` if it is no pipe, or another one: then it is not the supervisor's.
pub(super) fn take_inherited(fd: RawFd, identity_of_it: Option<u64>) -> Option<OwnedFd> {
    if fd <= 2 {
        return None;
    }
    // SAFETY: it is used for system calls alone, which refuse one that is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let stat = fstat(borrowed).ok()?;
    let is_pipe = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFIFO;
    if identity_of_it.is_some_and(|wanted| !is_pipe || identity(&borrowed).ok() != Some(wanted)) {
        return None;
    }
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    // SAFETY: the supervisor opened it for this process, which takes it over once.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until a child has ended, and leaves it as a zombie: so its id is not used again before it is reaped.
pub(super) fn wait_for_end(pid: u32) {
    loop {
        // SAFETY: zeroes are such a structure.
        let mut found: libc::siginfo_t = unsafe { std::mem::zeroed() };
        #[allow(clippy::useless_conversion, reason = "wider on other systems")]
        let id = pid.into();
        // SAFETY: the structure is valid and ours.
        let waited = unsafe { libc::waitid(libc::P_PID, id, &raw mut found, libc::WEXITED | libc::WNOWAIT) };
        if waited == 0 || Errno::last() != Errno::EINTR {
            return;
        }
    }
}

/// Sends a signal to a child that is not reaped, and to what it has started.
pub(super) fn signal_group(pid: u32, signal: Signal) {
    // It leads its group from before its program began. A child that has ended is a zombie until it is reaped.
    let _ = killpg(Pid::from_raw(pid.cast_signed()), signal);
}

/// Returns the raw descriptor of each, in order.
pub(super) fn raw(fds: &[&dyn AsRawFd]) -> Vec<RawFd> {
    fds.iter().map(|fd| fd.as_raw_fd()).collect()
}

/// Ends this process by what a signal does by default.
pub(super) fn die_by(signal: i32) -> ! {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    std::process::exit(128 + signal)
}
