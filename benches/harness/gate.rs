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
    unistd::Pid,
};
use sysv_ipc::{Semaphore, SharedMemory};

use super::{
    fork_child,
    objects::{Removed, memory, semaphore},
    pin,
};

/// Tells a peer that there is nothing more to do.
const END: u64 = u64::MAX;

/// Where one side says how many, and both wait for each other.
struct Gate {
    begin: Removed<Semaphore>,
    done: Removed<Semaphore>,
    orders: SharedMemory,
}

impl Gate {
    fn new() -> Arc<Self> {
        let semaphore = || semaphore(0).expect("a semaphore can be made");
        let orders = memory(8).expect("memory can be had");
        Arc::new(Self { begin: semaphore(), done: semaphore(), orders })
    }

    fn order(&self) -> &AtomicU64 {
        self.orders.view(0).expect("it fits")
    }

    /// Serves orders until the end. Says first that it is there.
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

    fn begin(&self, order: u64) {
        self.order().store(order, SeqCst);
        self.begin.release().expect("it counts");
    }

    fn end(&self) {
        self.done.acquire().expect("the peer lives");
    }
}

/// Notifies the side that waits for one that panics.
struct Tell<'a>(&'a Gate);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.begin.remove();
            let _ = self.0.done.remove();
        }
    }
}

enum Role {
    Process(Pid),
    Thread(thread::JoinHandle<()>),
}

/// The other side: a process or a thread, mostly on the second processor.
pub struct Other {
    gate: Arc<Gate>,
    side: Option<Role>,
}

impl Other {
    /// Starts a process on the second processor, which makes its end and then serves.
    pub fn process<S: FnMut(u64)>(make: impl FnOnce() -> S) -> Self {
        Self::process_on(1, make)
    }

    /// The same on the processor of one's choice.
    pub fn process_on<S: FnMut(u64)>(processor: usize, make: impl FnOnce() -> S) -> Self {
        let gate = Gate::new();
        let child = fork_child(processor, 300, || {
            let _tell = Tell(&gate);
            gate.serve(make());
        });
        gate.done.acquire().expect("the peer lives");
        Self { gate, side: Some(Role::Process(child)) }
    }

    /// Starts a thread.
    pub fn thread(serve: impl FnMut(u64) + Send + 'static) -> Self {
        let gate = Gate::new();
        let theirs = Arc::clone(&gate);
        let thread = thread::spawn(move || {
            let _tell = Tell(&theirs);
            pin(1);
            theirs.serve(serve);
        });
        gate.done.acquire().expect("the thread lives");
        Self { gate, side: Some(Role::Thread(thread)) }
    }

    /// Has the other side do its part so often, while this one does its own.
    pub fn run(&self, count: u64, act: impl FnOnce()) {
        Self::run_all(std::slice::from_ref(self), count, act);
    }

    /// Has several other sides do their parts at once. All of them sleep before and afterwards.
    pub fn run_all(others: &[Self], count: u64, act: impl FnOnce()) {
        others.iter().for_each(|other| other.gate.begin(count));
        act();
        others.iter().for_each(|other| other.gate.end());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let side = self.side.take();
        if thread::panicking() {
            // It may wait for what never comes.
            if let Some(Role::Process(pid)) = side {
                let _ = kill(pid, Signal::SIGKILL);
                let _ = waitpid(pid, None);
            }
            return;
        }
        self.gate.begin(END);
        match side {
            Some(Role::Process(pid)) => drop(waitpid(pid, None)),
            Some(Role::Thread(thread)) => drop(thread.join()),
            None => {}
        }
    }
}
