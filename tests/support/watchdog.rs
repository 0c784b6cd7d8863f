//! Ends a test program that hangs, and distinguishes a hang from a slow machine.
//!
//! A program hangs if none of its threads and descendants used a processor, or waited for one, for a while. A process
//! that is starved waits for a processor, so it counts as busy however slow the machine is. A program that is busy is
//! ended after half an hour of one test.

#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::{
    process, thread,
    time::{Duration, Instant},
};

use super::{owned::registry, say};

/// How long a program may do nothing at all: longer than any timeout that a test waits for.
const IDLE: Duration = Duration::from_secs(100);
/// How long one test may be busy. There is no limit to what is asked for by the environment.
const BUSY: Duration = Duration::from_secs(1800);

/// The tests that run.
#[derive(Debug)]
pub(super) struct Tests {
    running: Vec<(thread::Thread, Instant)>,
    is_watched: bool,
}

impl Tests {
    pub(super) const NONE: Self = Self { running: Vec::new(), is_watched: false };

    fn late(&self) -> Option<&str> {
        let asked = [
            "EVERY_INSTRUCTION",
            "STORM_KILLS",
            "STREAM_ITEMS",
            "HOSTILE_INPUTS",
            "CLEAN_ROUNDS",
            "CHANNEL_OPERATIONS",
        ];
        if asked.iter().any(|name| std::env::var_os(name).is_some()) {
            return None;
        }
        let late = self.running.iter().find(|(_, begun)| begun.elapsed() > BUSY)?;
        Some(late.0.name().unwrap_or("a test"))
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.running.iter().map(|(test, _)| test.name().unwrap_or("a test")).collect();
        names.join(", ")
    }
}

/// Watches the test that runs in this thread, until the thread ends.
pub(super) fn watch() {
    thread_local! {
        static WATCHED: Watched = Watched::new();
    }
    WATCHED.with(|_| ());
}

/// A test: the harness runs each in a thread of its own.
struct Watched(thread::Thread);

impl Watched {
    fn new() -> Self {
        let test = thread::current();
        let mut registry = registry();
        registry.tests.running.push((test.clone(), Instant::now()));
        if !registry.tests.is_watched {
            registry.tests.is_watched = true;
            thread::spawn(watch_for_hangs);
        }
        Self(test)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        registry().tests.running.retain(|(test, _)| test.id() != self.0.id());
    }
}

fn watch_for_hangs() {
    let mut last = (activity(process::id()), Instant::now());
    loop {
        thread::sleep(Duration::from_secs(2));
        let now = activity(process::id());
        let mut registry = registry();
        if now.is_none() || now != last.0 || registry.tests.running.is_empty() {
            last = (now, Instant::now());
        }
        let hung = (last.1.elapsed() > IDLE).then(|| format!("nothing runs: {}", registry.tests.names()));
        let hung = hung.or_else(|| registry.tests.late().map(|name| format!("{name} does not end")));
        if let Some(why) = hung {
            registry.remove_all();
            say(&format!("{why}\n"));
            process::abort();
        }
    }
}

/// Returns `None`: only Linux counts.
#[cfg(not(target_os = "linux"))]
pub fn activity(_root: u32) -> Option<u64> {
    None
}

/// Returns a number that changes while a thread of a process, or of its descendants, runs or waits for a processor.
///
/// The thread that calls this does not count. See `schedstat` in Linux's Documentation/scheduler/sched-stats.rst.
/// `None` if the kernel does not count.
#[cfg(target_os = "linux")]
pub fn activity(root: u32) -> Option<u64> {
    use std::{collections::BTreeMap, fs, iter};

    fn numbered(folder: &str) -> impl Iterator<Item = u32> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    /// The fields of `stat` behind the name of the program.
    fn stat(path: &str) -> Option<Vec<String>> {
        let stat = fs::read_to_string(format!("{path}/stat")).ok()?;
        Some(stat.rsplit(')').next()?.split_ascii_whitespace().map(str::to_owned).collect())
    }

    /// The milliseconds that a thread ran, and something new at each call while it wants to run.
    fn ran(task: &str) -> Option<u64> {
        let counted = fs::read_to_string(format!("{task}/schedstat")).ok()?;
        let ran: u64 = counted.split_ascii_whitespace().next()?.parse().ok()?;
        let new = AtomicU64::fetch_add(&CALLS, 1, Ordering::Relaxed) << 32;
        Some(ran / 1_000_000 + if stat(task)?[0] == "R" { new } else { 0 })
    }

    static CALLS: AtomicU64 = AtomicU64::new(1);
    ran("/proc/thread-self")?;
    let parent = |pid: u32| stat(&format!("/proc/{pid}"))?[1].parse().ok();
    let parents: BTreeMap<u32, u32> = numbered("/proc").filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let is_ours = |pid: &u32| iter::successors(Some(*pid), |pid| parents.get(pid).copied()).any(|pid| pid == root);
    let caller = nix::unistd::gettid().as_raw().unsigned_abs();
    let mut sum = 0_u64;
    for pid in parents.keys().filter(|pid| is_ours(pid)) {
        for task in numbered(&format!("/proc/{pid}/task")).filter(|task| *task != caller) {
            let ran = ran(&format!("/proc/{pid}/task/{task}")).unwrap_or(0);
            sum = sum.wrapping_add(u64::from(*pid)).wrapping_add(ran);
        }
    }
    Some(sum)
}
