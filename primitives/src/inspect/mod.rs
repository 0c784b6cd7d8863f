//! What an operator may know about any object, without opening it.
//!
//! A report takes no slot, registers nothing and posts nothing: the segment is attached read-only by its id for a moment, and the
//! set's values are read once. So no member notices it. What is left are the kernel's own marks of an attachment: its time
//! and the process.
//!
//! ```
//! use sysv_primitives::{Mutex, inspect};
//!
//! # if !cfg!(target_os = "linux") { return Ok(()) }
//! # let name = format!("inspect-example-{}", std::process::id());
//! let mutex = Mutex::create(&name, 0_u64)?;
//! let guard = mutex.lock()?;
//! let report = &inspect::named(&name)?[0];
//! assert_eq!((report.kind, report.state), (inspect::Kind::Mutex, inspect::State::Live));
//! assert_eq!(report.holders[0].pid, std::process::id());
//! drop(guard);
//! mutex.remove()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod age;
mod apart;
mod clean;
mod find;
mod foreign;
mod kinds;
mod proc;
mod processes;
mod read;
mod removal;
mod waiting;
mod why;

use self::find::Wanted;
pub use self::{
    clean::{Clean, Decision, Verdict},
    processes::{
        Activity, Apart, Difference, InTheWay, Link, ObjectRef, Process, SleepingCall, Unreadable, WaitingProcesses,
        WaitingThread, Why,
    },
};
pub use crate::report::{
    Access, Fill, Finding, Hold, Holder, Interest, Job, Kind, Member, QueuePart, Report, Route, SegmentPart, SetPart,
    Severity, State, Value, Waiter,
};
use crate::{name::Name, raw};

/// Returns a report of every System V object of this IPC namespace: those of this crate, and all others.
///
/// # Errors
///
/// [`Error::Unsupported`](raw::Error::Unsupported) outside Linux, where no call lists the objects. An object that can't be read
/// has a report that says so.
pub fn objects() -> raw::Result<Vec<Report>> {
    find::find(&Wanted::All)
}

/// Returns a report of each object with a name. There is one of each kind at most.
///
/// It also shows what has the key of such an object, and is half-made, condemned, wiped or another program's.
///
/// # Errors
///
/// As [`objects`].
pub fn named(name: &str) -> raw::Result<Vec<Report>> {
    // A text that is no name names nothing.
    Name::new(name).map_or(Ok(Vec::new()), |name| find::find(&Wanted::Named(&name)))
}

/// Returns which threads sleep in System V objects, as `/proc` tells.
#[must_use]
pub fn waiting_processes() -> WaitingProcesses {
    // Without the objects it is only unknown what the ids are.
    waiting::read(&objects().unwrap_or_default())
}

/// Returns what `/proc` tells of a process.
#[must_use]
pub fn process(pid: u32) -> Process {
    proc::process(pid)
}

/// Returns what a process waits for, which processes are in its way, what those wait for, and so on.
///
/// # Errors
///
/// As [`objects`].
pub fn why(pid: u32) -> raw::Result<Why> {
    let reports = objects()?;
    let waiting = waiting::read(&reports);
    Ok(why::follow(pid, &reports, waiting))
}

/// Returns why two processes do not meet: their namespaces, their users, and the objects that both use.
///
/// # Errors
///
/// As [`objects`].
pub fn why_apart(first: u32, second: u32) -> raw::Result<Apart> {
    Ok(apart::compare([first, second], &objects()?))
}
