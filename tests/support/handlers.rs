//! Which threads run the handlers of a program's signals.

use std::{
    fs,
    sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst},
    thread,
};

use nix::{
    sys::signal::{SigHandler, SigSet, Signal, kill},
    unistd::{Pid, gettid},
};

use super::{SHORT, install, until};

/// The thread that may run them.
static ALLOWED: AtomicI32 = AtomicI32::new(0);
static RAN: AtomicU32 = AtomicU32::new(0);
static RAN_ELSEWHERE: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    let ran = if gettid().as_raw() == ALLOWED.load(SeqCst) { &RAN } else { &RAN_ELSEWHERE };
    ran.fetch_add(1, SeqCst);
}

/// Returns how many threads of this process have a name.
#[must_use]
pub fn threads_named(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("it is there");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.trim_end() == name).count()
}

/// Sends this process signals that its own thread blocks meanwhile. Only that thread may run the handlers, when it does not block them any more.
///
/// For a process with one thread of its own, and those of the library, which have started.
#[track_caller]
pub fn only_this_thread_handles_signals() {
    let signals = [Signal::SIGUSR1, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGALRM, Signal::SIGCHLD];
    ALLOWED.store(gettid().as_raw(), SeqCst);
    let blocked: SigSet = signals.into_iter().collect();
    blocked.thread_block().unwrap();
    for signal in signals {
        install(signal, SigHandler::Handler(count));
        kill(Pid::this(), signal).unwrap();
    }
    // A thread that does not block them would run the handlers at once.
    thread::sleep(SHORT);
    assert_eq!((RAN.load(SeqCst), RAN_ELSEWHERE.load(SeqCst)), (0, 0), "a thread of the library ran a handler");
    blocked.thread_unblock().unwrap();
    until(|| RAN.load(SeqCst) == 6);
    assert_eq!(RAN_ELSEWHERE.load(SeqCst), 0, "a thread of the library ran a handler");
}
