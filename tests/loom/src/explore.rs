//! Running a model: some processes, and every interleaving of them.

use std::sync::Arc;

use loom::{model::Builder, thread};

use crate::{atomics::be_process, kernel::Session};

/// Explores every interleaving with at most so many preemptions; a process that must wait is not preempted.
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
