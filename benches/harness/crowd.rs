//! Several that do the same thing at once, and sleep in between.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use sysv_ipc::{Semaphore, SharedMemory};

use super::{
    Process,
    objects::{Removed, memory, semaphore},
    pin,
};

/// What all of a crowd know.
struct Common {
    start: Removed<Semaphore>,
    finish: Removed<Semaphore>,
    batches: SharedMemory,
}

/// How many operations one does before it looks how many are left.
const BATCH: u64 = 64;

impl Common {
    fn new() -> Self {
        let semaphore = || semaphore(0).expect("a semaphore can be made");
        Self { start: semaphore(), finish: semaphore(), batches: memory(8).expect("memory can be had") }
    }

    fn left(&self) -> &AtomicI64 {
        self.batches.view(0).expect("it fits")
    }

    fn work(&self, operation: &dyn Fn()) {
        while self.left().fetch_sub(1, Relaxed) > 0 {
            (0..BATCH).for_each(|_| operation());
        }
    }

    /// Works whenever the others do, until there is nothing to wait for any more.
    fn serve(&self, operation: &dyn Fn()) {
        let _tell = Tell(self);
        while self.start.acquire().is_ok() {
            self.work(operation);
            self.finish.release().expect("the benchmark waits");
        }
    }
}

/// Notifies the processes that wait for one that panics.
struct Tell<'a>(&'a Common);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.start.remove();
            let _ = self.0.finish.remove();
        }
    }
}

/// Several processes, or threads, of which the caller's own is one.
pub struct Crowd {
    common: Arc<Common>,
    processes: Vec<Process>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// Starts all but one of so many processes. The last is the caller's own, in [`run`](Self::run).
    pub fn start(size: usize, operation: &dyn Fn()) -> Self {
        let common = Arc::new(Common::new());
        let start = |number| Process::start_on(number, || common.serve(operation));
        let processes = (1..size).map(start).collect();
        Self { common, processes, threads: Vec::new() }
    }

    /// Starts all but one of so many threads.
    pub fn start_threads<F: Fn() + Send + 'static>(size: usize, operation: impl Fn() -> F) -> Self {
        let common = Arc::new(Common::new());
        let start = |number| {
            let (common, operation) = (Arc::clone(&common), operation());
            thread::spawn(move || {
                pin(number);
                common.serve(&operation);
            })
        };
        let threads = (1..size).map(start).collect();
        Self { common, processes: Vec::new(), threads }
    }

    /// Has all processes together do the operation so often, and some more, to fill the last batch. Returns how often.
    pub fn run(&self, count: u64, operation: &dyn Fn()) -> u64 {
        let batches = count.div_ceil(BATCH);
        self.common.left().store(i64::try_from(batches).expect("it is small"), Relaxed);
        let others = self.processes.len() + self.threads.len();
        (0..others).for_each(|_| self.common.start.release().expect("it counts so far"));
        self.common.work(operation);
        (0..others).for_each(|_| self.common.finish.acquire().expect("the others live"));
        batches * BATCH
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.processes.clear();
        let _ = self.common.start.remove();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
