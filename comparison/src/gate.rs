//! Both sides of a comparison begin together, and sleep while others have their turn.
#![allow(unsafe_code, reason = "peers are forked")]

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
};

use anyhow::Result;
use nix::{
    sys::wait::waitpid,
    unistd::{ForkResult, Pid, alarm, fork},
};
use sysv_ipc::{Key, Semaphore, SemaphoreOptions, SharedMemory, SharedMemoryOptions};

/// Tells a peer that there is nothing more to do.
const END: u64 = u64::MAX;

/// Where one side says how many, and both wait for each other.
struct Gate {
    begin: Semaphore,
    done: Semaphore,
    orders: SharedMemory,
}

impl Gate {
    fn new() -> Result<Self> {
        let semaphore = || SemaphoreOptions::new().open(Key::PRIVATE);
        let orders = SharedMemoryOptions::new().size(8).open(Key::PRIVATE)?;
        orders.remove()?;
        Ok(Self { begin: semaphore()?, done: semaphore()?, orders })
    }

    fn order(&self) -> &AtomicU64 {
        self.orders.view(0).expect("it fits")
    }

    /// Serves orders until the end; says first that it is there.
    fn serve(&self, mut serve: impl FnMut(u64)) {
        self.done.release().expect("it counts");
        while self.begin.acquire().is_ok() {
            match self.order().load(SeqCst) {
                END => return,
                count => serve(count),
            }
            self.done.release().expect("it counts");
        }
    }

    fn run(&self, count: u64, act: impl FnOnce()) {
        self.order().store(count, SeqCst);
        self.begin.release().expect("it counts");
        act();
        if count != END {
            self.done.acquire().expect("the peer lives");
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.begin.remove();
        let _ = self.done.remove();
    }
}

enum Peer {
    Process(Pid),
    Thread(thread::JoinHandle<()>),
}

/// The other side: a process or a thread on the second processor.
pub struct Other {
    gate: std::sync::Arc<Gate>,
    peer: Option<Peer>,
}

impl Other {
    /// Starts a process, which makes its end and then serves.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn process<S: FnMut(u64)>(pin: fn(usize), make: impl FnOnce() -> S) -> Result<Self> {
        let gate = std::sync::Arc::new(Gate::new()?);
        // SAFETY: this process has one thread while peers are forked.
        let peer = match unsafe { fork() }? {
            ForkResult::Parent { child } => Peer::Process(child),
            ForkResult::Child => {
                alarm::set(600);
                pin(1);
                gate.serve(make());
                // SAFETY: it ends the process at once.
                unsafe { libc::_exit(0) }
            }
        };
        gate.done.acquire()?;
        Ok(Self { gate, peer: Some(peer) })
    }

    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn thread(pin: fn(usize), serve: impl FnMut(u64) + Send + 'static) -> Result<Self> {
        let gate = std::sync::Arc::new(Gate::new()?);
        let theirs = std::sync::Arc::clone(&gate);
        let thread = thread::spawn(move || {
            pin(1);
            theirs.serve(serve);
        });
        gate.done.acquire()?;
        Ok(Self { gate, peer: Some(Peer::Thread(thread)) })
    }

    /// Has the other side do its part so often, while this one does its own.
    pub fn run(&self, count: u64, act: impl FnOnce()) {
        self.gate.run(count, act);
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.gate.run(END, || ());
        match self.peer.take() {
            Some(Peer::Process(pid)) => drop(waitpid(pid, None)),
            Some(Peer::Thread(thread)) => drop(thread.join()),
            None => {}
        }
    }
}
