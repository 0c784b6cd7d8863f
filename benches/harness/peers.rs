//! Processes that take part in a measurement, and end with it.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, alarm, fork},
};
use sysv_ipc::{Key, Semaphore, SemaphoreOptions, SharedMemory, SharedMemoryOptions};

use super::pin;

/// How many forks lie between the first process and this one. A process's number would do to tell them apart, and is a
/// system call.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Returns a number that a process has not in common with its parent.
pub fn generation() -> u32 {
    GENERATION.load(Relaxed)
}

/// Begins a child's life: it ends by itself in the end, whoever forgets it.
pub fn begin_child(processor: usize, seconds: u32) {
    GENERATION.fetch_add(1, Relaxed);
    alarm::set(seconds);
    pin(processor);
}

/// Several processes that do the same thing at once, and sleep in between.
pub struct Crowd {
    start: Semaphore,
    finish: Semaphore,
    batches: SharedMemory,
    peers: Vec<Peer>,
}

/// How many operations a process does before it looks how many are left.
const BATCH: u64 = 64;

impl Crowd {
    /// Starts all but one of so many processes; the last is the caller's own, in [`run`](Self::run).
    pub fn start(processes: usize, operation: &dyn Fn()) -> Self {
        let semaphore = || SemaphoreOptions::new().open(Key::PRIVATE).expect("a semaphore can be made");
        let batches = SharedMemoryOptions::new().size(8).open(Key::PRIVATE).expect("memory can be had");
        batches.remove().expect("it is ours");
        let mut crowd = Self { start: semaphore(), finish: semaphore(), batches, peers: Vec::new() };
        for number in 1..processes {
            let peer = Peer::start_on(number, || {
                while crowd.start.acquire().is_ok() {
                    crowd.work(operation);
                    crowd.finish.release().expect("the benchmark waits");
                }
            });
            crowd.peers.push(peer);
        }
        crowd
    }

    fn work(&self, operation: &dyn Fn()) {
        let left: &AtomicI64 = self.batches.view(0).expect("it fits");
        while left.fetch_sub(1, Relaxed) > 0 {
            (0..BATCH).for_each(|_| operation());
        }
    }

    /// Has everybody together do the operation so often, and some more, to fill the last batch; returns how often.
    pub fn run(&self, count: u64, operation: &dyn Fn()) -> u64 {
        let left: &AtomicI64 = self.batches.view(0).expect("it fits");
        let batches = count.div_ceil(BATCH);
        left.store(i64::try_from(batches).expect("it is small"), Relaxed);
        self.peers.iter().for_each(|_| self.start.release().expect("it counts so far"));
        self.work(operation);
        self.peers.iter().for_each(|_| self.finish.acquire().expect("the peers live"));
        batches * BATCH
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.peers.clear();
        let _ = self.start.remove();
        let _ = self.finish.remove();
    }
}

/// A process that serves, on another processor, until it is dropped.
pub struct Peer(Pid);

impl Peer {
    pub fn start(serve: impl FnOnce()) -> Self {
        Self::start_on(1, serve)
    }

    pub fn start_on(processor: usize, serve: impl FnOnce()) -> Self {
        // SAFETY: a benchmark has one thread here.
        match unsafe { fork() }.expect("a peer can be forked") {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => {
                begin_child(processor, 300);
                serve();
                // SAFETY: it ends the process at once.
                unsafe { libc::_exit(0) }
            }
        }
    }
}

impl Peer {
    pub fn pid(&self) -> Pid {
        self.0
    }

    /// Waits until it ends by itself.
    pub fn join(self) {
        let _ = waitpid(self.0, None);
        std::mem::forget(self);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, None);
    }
}
