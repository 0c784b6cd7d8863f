//! The registered handles of an object: facts for operators, on which no protocol depends.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use crate::raw::process;

/// Returns when this process started. The system is asked once in each process.
pub(crate) fn own_start_time() -> u64 {
    static TIME: AtomicU64 = AtomicU64::new(0);
    /// The fork generation that it is the time of, plus one.
    static OF: AtomicU64 = AtomicU64::new(0);
    let generation = u64::from(process::fork_generation()) + 1;
    // SYNC: pairs with the store of `OF` below. Two threads may both ask, and store the same.
    if OF.load(Acquire) == generation {
        return TIME.load(Relaxed);
    }
    let time = process::start_time(std::process::id()).unwrap_or(0);
    TIME.store(time, Relaxed);
    OF.store(generation, Release);
    time
}

/// A registered handle: its slot, and its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its slot.
    pub slot: u32,
    /// The id of its process in that process's own PID namespace. Other namespaces have other ids for it.
    pub pid: u32,
    /// When the process started, in clock ticks since boot. 0 if the system has no such number.
    pub start_time: u64,
}

impl Member {
    /// Returns the command the process runs, if it can be seen from here.
    ///
    /// Returns `None` when in doubt: if the process has ended, outside Linux, if this process has no `/proc` of its
    /// own PID namespace, and if the process that has this id here started at another time. Members of two PID
    /// namespaces may share an object. A member of another namespace is taken for a process of this one only if both
    /// have the same id and started in the same clock tick, 10 milliseconds.
    ///
    /// ```
    /// use sysv_primitives::Mutex;
    ///
    /// # let name = format!("command-example-{}", std::process::id());
    /// let mutex = Mutex::create(&name, 0_u32)?;
    /// let guard = mutex.lock()?;
    /// let holder = mutex.holder().expect("this process holds it");
    /// assert_eq!(holder.command().is_some(), cfg!(target_os = "linux"));
    /// drop(guard);
    /// mutex.remove()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let is_the_same = process::start_time(self.pid) == Some(self.start_time);
        if is_the_same { process::command(self.pid) } else { None }
    }
}
