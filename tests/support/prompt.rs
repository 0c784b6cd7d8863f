//! What must come soon, though another process is stopped: no deadline of a waiter helps it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{Child, LONG, SHORT, child, process};

/// Longer than a loaded machine takes for what needs no deadline and no obituary.
pub const PROMPT: Duration = Duration::from_secs(10);

/// Returns once the condition holds. Fails if that takes longer than [`PROMPT`].
#[track_caller]
pub fn promptly(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PROMPT, "not after {PROMPT:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits for the good end of a child. Fails if that takes longer than [`PROMPT`].
#[track_caller]
pub fn join_promptly(what: &str, child: Child) {
    promptly(what, || child.is_done());
    child.join();
}

/// Asserts that a child neither ends nor goes on, and returns when it sleeps.
#[track_caller]
pub fn assert_waits(what: &str, child: &Child) {
    thread::sleep(SHORT * 2);
    promptly(what, || child.is_done() || process::is_asleep(child.pid()));
    assert!(!child.is_done(), "it ended, but should wait: {what}");
}

/// Stops a child, wherever it is, and returns when each of its threads is stopped, or has ended.
#[track_caller]
pub fn stop(child: &Child) {
    child.signal(Signal::SIGSTOP);
    let is_stopped = || threads_of(child).iter().all(|stat| stat.starts_with(['T', 'Z', 'X']));
    let begun = Instant::now();
    while !is_stopped() {
        assert!(begun.elapsed() < LONG, "the child does not stop");
        thread::yield_now();
    }
}

/// Two waiters are stopped while they sleep, and a third one that came after them sleeps on. Asserts that `event`, which is
/// for one waiter, wakes the one that runs. Returns the stopped ones.
#[track_caller]
pub fn passes_stopped_sleepers(wait: impl Fn(), event: impl FnOnce()) -> [Child; 2] {
    let asleep = || {
        let waiter = child(&wait);
        waiter.until_asleep();
        waiter
    };
    let stopped = [asleep(), asleep()];
    let running = asleep();
    stopped.iter().for_each(stop);
    event();
    join_promptly("the waiter that runs has what the stopped ones were called for", running);
    stopped
}

/// Does the same. Then lets the stopped ones go on, and asserts that they find nothing, until there is an event for each.
#[track_caller]
pub fn each_event_passes_stopped_sleepers(wait: impl Fn(), mut event: impl FnMut()) {
    let stopped = passes_stopped_sleepers(wait, &mut event);
    stopped.iter().for_each(resume);
    stopped.iter().for_each(|waiter| assert_waits("another one has what it was called for", waiter));
    stopped.iter().for_each(|_| event());
    stopped.into_iter().for_each(|waiter| join_promptly("each waiter has its event", waiter));
}

/// Lets a stopped child go on.
pub fn resume(child: &Child) {
    child.signal(Signal::SIGCONT);
}

/// What the system says of each thread, from its state on. One that has ended meanwhile is left out.
fn threads_of(child: &Child) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", child.id())).expect("the child is ours");
    let stat = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("stat")).ok();
    let state = |stat: String| Some(stat.rsplit_once(')')?.1.trim_start().to_owned());
    threads.filter_map(Result::ok).filter_map(stat).filter_map(state).collect()
}

/// How often a child with one thread went to sleep of its own will.
#[track_caller]
pub fn sleeps_of(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("the child is ours");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("it is counted");
    line.trim().parse().expect("it is a number")
}
