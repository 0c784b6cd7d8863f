//! Running a model: some processes, and every interleaving of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use loom::{model::Builder, thread};

use crate::{
    atomics::{be_process, with_death},
    kernel::Session,
};

/// Explores every interleaving with at most so many preemptions. A process that must wait is not preempted.
pub fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    // The steps before the processes start count as well.
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Starts another process, which has this slot.
pub fn process<S: Send + Sync + 'static, R: 'static>(
    scene: &Arc<S>,
    slot: u32,
    body: impl FnOnce(&S, Session) -> R + 'static,
) -> thread::JoinHandle<R> {
    let scene = Arc::clone(scene);
    thread::spawn(move || {
        be_process(slot);
        body(&scene, Session::of(slot))
    })
}

/// Does something as a process that is stopped for ever before so many changes of shared memory and one more. Returns what it did,
/// if it got so far.
pub fn stop_in<R>(changes: u32, body: impl FnOnce() -> R) -> Option<R> {
    with_death(changes, body)
}

/// Explores a scene for each change before which a process dies in it, until it returns that the process got to the end.
pub fn explore_each_death(preemptions: usize, scene: fn(u32) -> bool) {
    for changes in 0.. {
        let is_over = Arc::new(AtomicBool::new(true));
        let ends = Arc::clone(&is_over);
        explore(preemptions, move || {
            let ended = scene(changes);
            ends.fetch_and(ended, Relaxed);
        });
        if is_over.load(Relaxed) {
            break;
        }
    }
}
