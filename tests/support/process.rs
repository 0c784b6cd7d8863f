//! Children: forks that run a closure.

use std::{
    cell::Cell,
    fs,
    panic::{self, AssertUnwindSafe},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Gid, Pid, Uid, fork, getuid, setgid, setgroups, setuid},
};

use super::{owned::registry, say, skip, until};

/// The processor time that a child may use.
const LIFE_SECONDS: libc::time_t = 120;

/// Forks a process that runs a closure, says what it panics with, and ends by its result. It dies with the
/// thread that forked it, and by itself when it has used its processor time up: a slow machine does not end it.
#[track_caller]
pub(super) fn start(body: impl FnOnce()) -> Pid {
    // SAFETY: the harness has other threads. The child uses the allocator, which the C libraries we
    // test with make usable after a fork, and the list, which is locked by this thread. It leaves by `_exit`.
    start_by(|| unsafe { fork() }, body)
}

#[track_caller]
fn start_by(make: impl FnOnce() -> nix::Result<ForkResult>, body: impl FnOnce()) -> Pid {
    install_hook();
    let list = registry();
    let forked = make().expect("a child can be made");
    drop(list);
    match forked {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            limit_life();
            die_with_parent();
            // Brothers are not to draw the same numbers.
            fastrand::seed(fastrand::u64(..) ^ u64::from(std::process::id()));
            IS_CHILD.store(true, Relaxed);
            let failed = panic::catch_unwind(AssertUnwindSafe(body)).is_err();
            exit_now(i32::from(failed))
        }
    }
}

static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// Has a child say itself what it panics with: the harness would capture what std prints, and a backtrace takes hours in
/// single steps.
///
/// It is installed before the first fork. A child can't install it: another test may have been panicking at the fork,
/// and then the lock of the hook is held in the child for ever.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_CHILD.load(Relaxed) { say(&format!("in the child: {panic}\n")) } else { usual(panic) }
        }));
    });
}

fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: `prctl` with this option takes no pointers.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

fn limit_life() {
    let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let life = libc::itimerval { it_interval: zero, it_value: libc::timeval { tv_sec: LIFE_SECONDS, ..zero } };
    // SAFETY: the structure is valid, and no old one is asked for.
    let set = unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const life, std::ptr::null_mut()) };
    assert_eq!(set, 0, "a timer can be set");
}

/// Ends the process at once, with everything that it has in its hands: nothing is dropped.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: it ends the process at once.
    unsafe { libc::_exit(status) }
}

/// Waits for signals, and so for the one that kills.
pub fn hold_for_ever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Installs a handler, or another disposition. Returns the former one.
pub fn install(signal: Signal, handler: SigHandler) -> SigAction {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the tests' handlers change atomics alone.
    unsafe { sigaction(signal, &action) }.expect("the signal can be caught")
}

/// Returns whether a child has changed so. It is still to be waited for.
pub(super) fn has_changed(pid: Pid, how: libc::c_int) -> bool {
    // SAFETY: zeroes are such a structure.
    let mut found: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = how | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the structure is valid and ours.
    let result = unsafe { libc::waitid(libc::P_PID, pid.as_raw().unsigned_abs(), &raw mut found, options) };
    assert_eq!(result, 0, "the child is ours");
    // SAFETY: what is there is zeroes, or what a child's change fills in.
    unsafe { found.si_pid() != 0 }
}

/// Returns whether a child sleeps in a system call.
#[track_caller]
pub(super) fn is_asleep(pid: Pid) -> bool {
    let asleep = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the child lives");
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
    };
    // Twice, some time apart: what sleeps for a moment only is not there yet.
    asleep() && {
        thread::sleep(Duration::from_millis(10));
        asleep()
    }
}

pub(super) fn wait_for(pid: Pid) -> nix::Result<WaitStatus> {
    loop {
        match waitpid(pid, None) {
            Err(Errno::EINTR) => {}
            status => return status,
        }
    }
}

/// A child process. Killed if the test is done with it before its end.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    is_reaped: Cell<bool>,
}

impl Child {
    pub fn id(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    #[cfg(target_os = "linux")]
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for the end, which must be a good one.
    #[track_caller]
    pub fn join(self) {
        assert_eq!(self.wait(), WaitStatus::Exited(self.pid, 0), "the child failed");
    }

    /// Kills it with `SIGKILL`, and waits until it is dead.
    #[track_caller]
    pub fn kill(self) {
        self.signal(Signal::SIGKILL);
        assert_eq!(self.wait(), WaitStatus::Signaled(self.pid, Signal::SIGKILL, false), "the child had ended");
    }

    /// Kills it, unless it has come to a good end already. Returns whether it was killed.
    #[track_caller]
    pub fn kill_unless_done(self) -> bool {
        self.signal(Signal::SIGKILL);
        match self.wait() {
            WaitStatus::Exited(_, 0) => false,
            WaitStatus::Signaled(_, Signal::SIGKILL, _) => true,
            status => panic!("the child failed: {status:?}"),
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("the child is ours");
    }

    /// Returns whether it has ended. It is still to be waited for.
    pub fn is_done(&self) -> bool {
        has_changed(self.pid, libc::WEXITED)
    }

    fn wait(&self) -> WaitStatus {
        self.is_reaped.set(true);
        wait_for(self.pid).expect("the child is ours")
    }

    /// Returns when the child has gone to sleep in a system call.
    #[track_caller]
    pub fn until_asleep(&self) {
        until(|| is_asleep(self.pid));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.is_reaped.get() {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = wait_for(self.pid);
        }
    }
}

/// Runs a closure in a child process.
#[track_caller]
pub fn child(body: impl FnOnce()) -> Child {
    Child { pid: start(body), is_reaped: Cell::new(false) }
}

/// Runs a closure in a child that the `clone` system call makes: no fork handler runs.
///
/// For processes with one thread, as in [`alone`]: in the child, a lock that another thread held is held for ever.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn cloned(body: impl FnOnce()) -> Child {
    let threads = fs::read_dir("/proc/self/task").expect("it is there").count();
    assert_eq!(threads, 1, "the child could find the allocator locked");
    let clone = || {
        // SAFETY: without flags and a stack it is as `fork`, and this process has one thread.
        let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
        Ok(match Errno::result(pid)? {
            0 => ForkResult::Child,
            pid => ForkResult::Parent { child: Pid::from_raw(pid.try_into().expect("a pid is an int")) },
        })
    };
    Child { pid: start_by(clone, body), is_reaped: Cell::new(false) }
}

/// Runs a test's body in a child, to its good end. What it maps, and the number of its mappings, is its own affair:
/// no other test of this program forks a copy.
#[track_caller]
pub fn alone(body: impl FnOnce()) {
    child(body).join();
}

/// Runs a closure in a child without any privilege. Needs root.
#[track_caller]
pub fn as_nobody(body: impl FnOnce()) {
    as_user(NOBODY, body);
}

/// Runs a closure in a child of this user. Needs root, and a user namespace that has the user.
#[track_caller]
pub fn as_user(uid: u32, body: impl FnOnce()) {
    if has_user(uid) {
        alone(|| {
            become_user(uid);
            body();
        });
    }
}

/// Returns whether this process may become a user, and says why the test is skipped if not.
#[must_use]
pub fn has_user(uid: u32) -> bool {
    if !getuid().is_root() {
        skip("only root can become another user");
        return false;
    }
    // Where the namespace has one user only, as after `unshare --map-root-user`, there is no other to become.
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let fields: Vec<u64> = map.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    let is_mapped = fields.chunks_exact(3).any(|map| (map[0]..map[0] + map[2]).contains(&uid.into()));
    if !is_mapped && cfg!(target_os = "linux") {
        skip(&format!("this user namespace has no user {uid}"));
        return false;
    }
    true
}

/// The user without any privilege.
pub const NOBODY: u32 = 65_534;

/// Gives up every privilege of this process, which is a child of root's.
pub(super) fn become_nobody() {
    become_user(NOBODY);
}

fn become_user(uid: u32) {
    setgroups(&[]).expect("root may");
    setgid(Gid::from_raw(uid)).expect("root may");
    setuid(Uid::from_raw(uid)).expect("root may");
    // Another user's process has to say so again.
    die_with_parent();
}

/// Runs a closure in a child with an IPC namespace of its own. It may set the limits of that by [`set_limit`]. Needs
/// root.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn in_own_namespace(body: impl FnOnce()) {
    if !getuid().is_root() {
        return skip("only root can make an IPC namespace");
    }
    alone(|| match nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWIPC) {
        Ok(()) => body(),
        Err(errno) => skip(&format!("no IPC namespace: {errno}")),
    });
}

/// Sets a limit of this IPC namespace, as `sysctl kernel.` does.
pub fn set_limit(name: &str, value: &str) {
    fs::write(format!("/proc/sys/kernel/{name}"), value).expect("root may set limits");
}

/// How often this thread went to sleep of its own will.
#[cfg(target_os = "linux")]
pub fn switches() -> u32 {
    let status = fs::read_to_string("/proc/thread-self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("it is counted");
    line.trim().parse().expect("it is a number")
}
