//! What the tests of several processes have in common.
//!
//! A child is a fork that runs a closure. It dies with its parent, and by itself after a minute.
//! Objects are removed when their guard goes, also when the test fails; and if a test hangs, the
//! whole program ends, but not before everything it had made is removed.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(unsafe_code, reason = "children are forked")]

use std::{
    fs,
    ops::Deref,
    panic::{self, AssertUnwindSafe},
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Gid, Pid, Uid, alarm, fork, getuid, setgid, setgroups, setuid},
};
use sysv_ipc::{
    Error, Key, Kind, MessageQueue, MessageQueueOptions, Semaphore, SemaphoreOptions, SemaphoreSet, SharedMemory,
    SharedMemoryOptions, remove_message_queue, remove_semaphore, remove_shared_memory,
};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod step;

const PATIENCE: Duration = Duration::from_secs(30);
const CHILD_LIFE: u32 = 60;
const PROGRAM_LIFE: Duration = Duration::from_secs(240);

// Objects -----------------------------------------------------------------------------------

static OWNED: Mutex<Vec<(Kind, i32)>> = Mutex::new(Vec::new());

fn owned() -> MutexGuard<'static, Vec<(Kind, i32)>> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove(kind: Kind, id: i32) {
    // Gone already is as good; and there is nobody else to tell.
    let _ = match kind {
        Kind::Semaphores => remove_semaphore(id),
        Kind::SharedMemory => remove_shared_memory(id),
        Kind::MessageQueue => remove_message_queue(id),
    };
}

/// Ends a program in which a test hangs.
fn watch() {
    // No lock: a child would find it held if another thread forked just now.
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !WATCHED.swap(true, Relaxed) {
        thread::spawn(|| {
            thread::sleep(PROGRAM_LIFE);
            owned().drain(..).for_each(|(kind, id)| remove(kind, id));
            eprintln!("a test hangs");
            process::abort();
        });
    }
}

/// A handle whose object is removed when the test is done with it, in the process that made it.
#[derive(Debug)]
pub struct Owned<T> {
    handle: T,
    kind: Kind,
    id: i32,
    maker: u32,
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handle
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if process::id() == self.maker {
            remove(self.kind, self.id);
            owned().retain(|&object| object != (self.kind, self.id));
        }
    }
}

/// Handles that can be owned.
pub trait Object {
    const KIND: Kind;
    fn id_of(&self) -> i32;
}

macro_rules! objects {
    ($($handle:ty, $kind:expr);*) => {$(
        impl Object for $handle {
            const KIND: Kind = $kind;
            fn id_of(&self) -> i32 {
                self.id()
            }
        }
    )*};
}

objects! {
    Semaphore, Kind::Semaphores;
    SemaphoreSet, Kind::Semaphores;
    SharedMemory, Kind::SharedMemory;
    SharedMemory<sysv_ipc::ReadOnly>, Kind::SharedMemory;
    sysv_ipc::Segment, Kind::SharedMemory;
    MessageQueue, Kind::MessageQueue
}

/// Has the object removed when the guard goes.
pub fn own<T: Object>(handle: T) -> Owned<T> {
    watch();
    let (kind, id) = (T::KIND, handle.id_of());
    owned().push((kind, id));
    Owned { handle, kind, id, maker: process::id() }
}

pub fn semaphore(value: u16) -> Owned<Semaphore> {
    own(SemaphoreOptions::new().initial_value(value).open_random().expect("a semaphore can be made"))
}

pub fn semaphores(count: u16) -> Owned<SemaphoreSet> {
    own(SemaphoreOptions::new().create(true).open_set(Key::PRIVATE, count).expect("a set can be made"))
}

pub fn memory(size: usize) -> Owned<SharedMemory> {
    own(SharedMemoryOptions::new().size(size).open_random().expect("a segment can be made"))
}

pub fn queue() -> Owned<MessageQueue> {
    own(MessageQueueOptions::new().open_random().expect("a queue can be made"))
}

/// A key that nothing has now: one that was random, and is free again.
pub fn free_key() -> Key {
    let probe = SemaphoreOptions::new().open_random().expect("a semaphore can be made");
    probe.remove().expect("it is ours");
    let key = probe.key().expect("it was drawn");
    let taken = SharedMemoryOptions::new().open_segment(key).is_ok() || MessageQueueOptions::new().open(key).is_ok();
    if taken { free_key() } else { key }
}

/// A key whose objects of every kind are removed when the test is done with it.
#[derive(Debug)]
pub struct KeyGuard(pub Key);

impl Drop for KeyGuard {
    fn drop(&mut self) {
        let found = [
            SemaphoreOptions::new().open(self.0).map(|semaphore| (Kind::Semaphores, semaphore.id())),
            SharedMemoryOptions::new().open_segment(self.0).map(|segment| (Kind::SharedMemory, segment.id())),
            MessageQueueOptions::new().open(self.0).map(|queue| (Kind::MessageQueue, queue.id())),
        ];
        found.into_iter().flatten().for_each(|(kind, id)| remove(kind, id));
    }
}

/// A name of this test's own; what it names is removed when the test is done with it.
#[derive(Debug)]
pub struct Name(String);

/// Makes a name that nothing else has.
pub fn name() -> Name {
    watch();
    Name(format!("test-{}-{:016x}", process::id(), fastrand::u64(..)))
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // A child's copy must not remove what its parent uses; what was never made needs no removing.
        if self.0.starts_with(&format!("test-{}-", process::id())) {
            let _ = sysv_primitives::Mutex::<()>::remove_name(&self.0);
            let _ = sysv_primitives::Pool::remove_name(&self.0);
            let _ = sysv_primitives::spsc::Ring::<u8>::remove_name(&self.0);
            let _ = sysv_primitives::mpmc::Ring::<u8>::remove_name(&self.0);
            let _ = sysv_primitives::Channel::remove_name(&self.0);
        }
    }
}

// Processes ---------------------------------------------------------------------------------

/// A child process; killed if the test is done with it before its end.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    waited: bool,
}

impl Child {
    pub fn id(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Waits for the end, which must be a good one.
    #[track_caller]
    pub fn join(mut self) {
        assert_eq!(self.wait(), WaitStatus::Exited(self.pid, 0), "the child failed");
    }

    /// Kills it with `SIGKILL`, and waits until it is dead.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        assert_eq!(self.wait(), WaitStatus::Signaled(self.pid, Signal::SIGKILL, false));
    }

    /// Kills it, unless it has come to a good end already.
    #[track_caller]
    pub fn kill_unless_done(mut self) {
        self.signal(Signal::SIGKILL);
        let status = self.wait();
        let is_well = matches!(status, WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _));
        assert!(is_well, "the child failed: {status:?}");
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("the child is ours");
    }

    fn wait(&mut self) -> WaitStatus {
        self.waited = true;
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                status => return status.expect("the child is ours"),
            }
        }
    }

    /// Returns when the child has gone to sleep in a system call.
    #[track_caller]
    pub fn until_asleep(&self) {
        let asleep = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("the child lives");
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
        };
        until(|| {
            // Twice, some time apart: what sleeps for a moment only is not there yet.
            asleep() && {
                thread::sleep(Duration::from_millis(10));
                asleep()
            }
        });
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.waited {
            let _ = kill(self.pid, Signal::SIGKILL);
            self.wait();
        }
    }
}

/// Runs a closure in a child process.
#[track_caller]
pub fn child(body: impl FnOnce()) -> Child {
    // SAFETY: the harness has other threads. The child uses the allocator, which the C libraries we
    // test with make usable after a fork, and leaves by `_exit`; it prints nothing by std.
    match unsafe { fork() }.expect("a child can be forked") {
        ForkResult::Parent { child } => Child { pid: child, waited: false },
        ForkResult::Child => {
            alarm::set(CHILD_LIFE);
            #[cfg(target_os = "linux")]
            // SAFETY: `prctl` with this option takes no pointers.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            }
            let failed = panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| tell(&*payload)).is_err();
            // SAFETY: it ends the process at once.
            unsafe { libc::_exit(i32::from(failed)) }
        }
    }
}

/// Says what a child panicked with, by the system alone: the harness captures what std prints, and
/// its locks may have been held by another thread when the child was forked.
fn tell(payload: &(dyn std::any::Any + Send)) {
    let message = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    let text = format!("in the child: {}\n", message.unwrap_or("a panic"));
    // SAFETY: the text is valid for its length.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Runs a closure in a child without any privilege; needs root, and says so if it isn't there.
#[track_caller]
pub fn as_nobody(body: impl FnOnce()) {
    const NOBODY: u32 = 65_534;
    if !getuid().is_root() {
        eprintln!("SKIPPED: only root can become nobody");
        return;
    }
    let nobody = child(|| {
        setgroups(&[]).expect("root may");
        setgid(Gid::from_raw(NOBODY)).expect("root may");
        setuid(Uid::from_raw(NOBODY)).expect("root may");
        body();
    });
    nobody.join();
}

/// Runs a closure in a child with an IPC namespace of its own, whose limits it may set by
/// [`set_limit`]; needs root, and says so if it isn't there.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn in_own_namespace(body: impl FnOnce()) {
    if !getuid().is_root() {
        eprintln!("SKIPPED: only root can make an IPC namespace");
        return;
    }
    let lonely = child(|| {
        if let Err(errno) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWIPC) {
            let text = format!("SKIPPED: no IPC namespace: {errno}\n");
            // SAFETY: the text is valid for its length.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
            return;
        }
        body();
    });
    lonely.join();
}

/// Sets a limit of this IPC namespace, as `sysctl kernel.` does.
pub fn set_limit(name: &str, value: &str) {
    fs::write(format!("/proc/sys/kernel/{name}"), value).expect("root may set limits");
}

/// How often this process went to sleep of its own will.
pub fn switches() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// Returns once the condition holds; it must within half a minute.
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came true");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Asserts which error it is, and returns its text.
#[track_caller]
pub fn text_of<T>(result: Result<T, Error>, is_right: impl Fn(&Error) -> bool) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => {
            assert!(is_right(&error), "another error: {error:?}");
            error.to_string()
        }
    }
}

/// Asserts that a call fails with this variant.
#[macro_export]
macro_rules! assert_fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}
