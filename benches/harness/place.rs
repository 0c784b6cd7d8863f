//! Which processor a process or a thread is on.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Set while the kernel places processes: then none is pinned.
pub static UNPINNED: AtomicBool = AtomicBool::new(false);

/// Returns the processors that this process was allowed when it asked first, which is before it pins itself.
pub fn processors() -> &'static [usize] {
    static PROCESSORS: OnceLock<Vec<usize>> = OnceLock::new();
    PROCESSORS.get_or_init(allowed)
}

#[cfg(target_os = "linux")]
fn allowed() -> Vec<usize> {
    use nix::sched::{CpuSet, sched_getaffinity};
    let is_in = |set: &CpuSet, processor| set.is_set(processor).unwrap_or(false);
    match sched_getaffinity(nix::unistd::Pid::from_raw(0)) {
        Ok(set) => (0..CpuSet::count()).filter(|&processor| is_in(&set, processor)).collect(),
        Err(_) => vec![0],
    }
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).collect()
}

/// Keeps the calling thread on one of the allowed processors, counted round them.
pub fn pin(number: usize) {
    let processors = processors();
    match UNPINNED.load(Relaxed) {
        true => keep_on(processors),
        false => keep_on(&[processors[number % processors.len()]]),
    }
}

/// Lets the calling thread run on any of the allowed processors.
pub fn unpin() {
    keep_on(processors());
}

#[cfg(target_os = "linux")]
fn keep_on(processors: &[usize]) {
    use nix::sched::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    processors.iter().for_each(|&processor| set.set(processor).expect("it is in range"));
    // Where it can't be had, the spread shows it.
    let _ = sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
}

#[cfg(not(target_os = "linux"))]
fn keep_on(_: &[usize]) {}
