//! What must come soon, though another process is stopped: no deadline of a waiter helps it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{Child, LONG, SHORT, process};

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

/// Stops a child, wherever it is, and returns when it is stopped, or has ended.
#[track_caller]
pub fn stop(child: &Child) {
    child.signal(Signal::SIGSTOP);
    let is_stopped = || stat_of(child).starts_with(['T', 'Z']);
    let begun = Instant::now();
    while !is_stopped() {
        assert!(begun.elapsed() < LONG, "the child does not stop");
        thread::yield_now();
    }
}

/// Lets a stopped child go on.
pub fn resume(child: &Child) {
    child.signal(Signal::SIGCONT);
}

fn stat_of(child: &Child) -> String {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("the child is ours");
    stat.rsplit(')').next().expect("it has fields").trim_start().to_owned()
}

/// How often a child with one thread went to sleep of its own will.
#[track_caller]
pub fn sleeps_of(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("the child is ours");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("it is counted");
    line.trim().parse().expect("it is a number")
}
