//! Both sides of a comparison begin together, and sleep while others have their turn.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, fork},
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
    fn new() -> Arc<Self> {
        let semaphore = || SemaphoreOptions::new().open(Key::PRIVATE).expect("a semaphore can be made");
        let orders = SharedMemoryOptions::new().size(8).open(Key::PRIVATE).expect("memory can be had");
        orders.remove().expect("it is ours");
        Arc::new(Self { begin: semaphore(), done: semaphore(), orders })
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

/// The other side: a process or a thread, mostly on the second processor.
pub struct Other {
    gate: Arc<Gate>,
    peer: Option<Peer>,
}

impl Other {
    /// Starts a process on the second processor, which makes its end and then serves.
    pub fn process<S: FnMut(u64)>(make: impl FnOnce() -> S) -> Self {
        Self::process_on(1, make)
    }

    /// The same on the processor of one's choice.
    pub fn process_on<S: FnMut(u64)>(processor: usize, make: impl FnOnce() -> S) -> Self {
        let gate = Gate::new();
        // SAFETY: this process has one thread while peers are forked.
        let peer = match unsafe { fork() }.expect("a peer can be forked") {
            ForkResult::Parent { child } => Peer::Process(child),
            ForkResult::Child => {
                super::begin_child(processor, 300);
                gate.serve(make());
                // SAFETY: it ends the process at once.
                unsafe { libc::_exit(0) }
            }
        };
        gate.done.acquire().expect("the peer lives");
        Self { gate, peer: Some(peer) }
    }

    /// Starts a thread.
    pub fn thread(serve: impl FnMut(u64) + Send + 'static) -> Self {
        let gate = Gate::new();
        let theirs = Arc::clone(&gate);
        let thread = thread::spawn(move || {
            super::pin(1);
            theirs.serve(serve);
        });
        gate.done.acquire().expect("the thread lives");
        Self { gate, peer: Some(Peer::Thread(thread)) }
    }

    /// Has the other side do its part so often, while this one does its own.
    pub fn run(&self, count: u64, act: impl FnOnce()) {
        self.gate.run(count, act);
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let peer = self.peer.take();
        if thread::panicking() {
            // It may wait for what never comes.
            if let Some(Peer::Process(pid)) = peer {
                let _ = kill(pid, Signal::SIGKILL);
                let _ = waitpid(pid, None);
            }
            return;
        }
        self.gate.run(END, || ());
        match peer {
            Some(Peer::Process(pid)) => drop(waitpid(pid, None)),
            Some(Peer::Thread(thread)) => drop(thread.join()),
            None => {}
        }
    }
}
