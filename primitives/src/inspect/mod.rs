//! Reports on any object, for operators, without opening it.
//!
//! A report takes no slot, registers nothing and posts nothing: the segment is attached read-only by its id for a moment, and the
//! set's values are read once. So no member notices it. The only traces are the kernel's own: the time of the attachment, and its
//! process. While the segment is attached, that counts as a use: a creator that finds a wiped object under its key at that moment
//! may refuse it.
//!
//! | you want to know | take |
//! | --- | --- |
//! | which objects exist, and in which state | [`objects`], [`named`] |
//! | the same of channels on a Redis server | [`on_server`] |
//! | which processes hold an object, wait for it, or died while they had it open | [`Report`] |
//! | what a process waits for, to the end of the chain | [`why`] |
//! | which threads sleep in any object | [`waiting_processes`] |
//! | why two processes don't meet | [`why_apart`] |
//! | which objects can be removed, and why | [`Clean`] |
//!
//! Everything that another process wrote is read once, and checked before it is used. So an object with any contents gives a
//! report. The [findings](Report::findings) say what is wrong with it.
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
    Severity, State, Subscriber, Value, Waiter,
};
use crate::{OpenError, name::Name, raw};

/// Returns a report of every System V object of this IPC namespace: those of this crate, and all others.
///
/// # Errors
///
/// [`Error::Unsupported`](raw::Error::Unsupported) outside Linux, where no call lists the objects. An object that can't be read
/// has a report that says so.
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// use sysv_primitives::inspect;
///
/// for report in inspect::objects()? {
///     println!("{:16} {:10} {}", report.kind, report.state, report.name.as_deref().unwrap_or("-"));
/// }
/// # Ok::<(), sysv_primitives::raw::Error>(())
/// ```
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
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// use sysv_primitives::inspect;
///
/// assert!(inspect::named("nothing has this name")?.is_empty());
/// # Ok::<(), sysv_primitives::raw::Error>(())
/// ```
pub fn named(name: &str) -> raw::Result<Vec<Report>> {
    // A text that is no name names nothing.
    Name::new(name).map_or(Ok(Vec::new()), |name| find::find(&Wanted::Named(&name)))
}

/// Returns a report of the channel at an address, or of every channel of a server: `redis://host/name`, `redis://host`.
///
/// The addresses are those of [`Channel::connect`](crate::Channel::connect), with user and password if the server wants them. No report has
/// them. It needs the feature `redis`.
///
/// It changes nothing, so the server may be a replica. One that is not fit for channels is looked at, and the report has a finding. A server
/// knows a process by its claims and calls alone. So each handle that has some is a member. A member is dead if all of
/// its leases have ended. All keys of the server are scanned for a list, some at a time.
///
/// # Errors
///
/// As [`Channel::connect`](crate::Channel::connect). Of a server's settings, only a version that is too old is an error.
///
/// ```no_run
/// use sysv_primitives::inspect;
///
/// for report in inspect::on_server("redis://host")? {
///     println!("{} {}: {} claims", report.name.as_deref().unwrap_or("-"), report.state, report.jobs.len());
/// }
/// # Ok::<(), sysv_primitives::OpenError>(())
/// ```
pub fn on_server(address: &str) -> Result<Vec<Report>, OpenError> {
    #[cfg(feature = "redis")]
    return crate::remote::inspect(address);
    #[cfg(not(feature = "redis"))]
    {
        let _ = address;
        Err(OpenError::BadAddress { why: "this program was built without the feature `redis`" })
    }
}

/// Returns which threads sleep in System V objects, as `/proc` tells: also in those of other programs.
///
/// The kernel shows this for processes of the same user, and to root for all. It may hide more (`kernel.yama.ptrace_scope`,
/// `hidepid`). A process that can't be read is in the result, with the reason. Processes of another IPC namespace are left out.
///
/// ```
/// use sysv_primitives::inspect;
///
/// let waiting = inspect::waiting_processes();
/// for thread in &waiting.threads {
///     println!("process {} sleeps in {:?} at {}", thread.pid, thread.call, thread.id);
/// }
/// println!("{} could not be read", waiting.unreadable.len());
/// ```
#[must_use]
pub fn waiting_processes() -> WaitingProcesses {
    // Without the objects it is only unknown what the ids are.
    waiting::read(&objects().unwrap_or_default())
}

/// Returns what `/proc` tells of a process.
///
/// ```
/// use sysv_primitives::inspect::{self, Activity};
///
/// # if !cfg!(target_os = "linux") { return }
/// assert_eq!(inspect::process(std::process::id()).activity, Activity::Running);
/// ```
#[must_use]
pub fn process(pid: u32) -> Process {
    proc::process(pid)
}

/// Returns what a process waits for, which processes are in its way, what those wait for, and so on.
///
/// What a process waits for is known from the objects: also of a process that `/proc` hides. Waits in other programs' objects
/// are known from `/proc` alone, and have no process in the way. In a process with several threads, another thread than the waiting
/// one may end a deadlock that is reported.
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// use sysv_primitives::inspect;
///
/// let why = inspect::why(std::process::id())?;
/// for link in &why.links {
///     let others: Vec<u32> = link.in_the_way.iter().map(|other| other.pid).collect();
///     println!("{} waits for {:?}, in the way: {others:?}", link.process.pid, link.object);
/// }
/// assert!(why.deadlocks.is_empty());
/// # Ok::<(), sysv_primitives::raw::Error>(())
/// ```
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
///
/// ```
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// use sysv_primitives::inspect;
///
/// let me = std::process::id();
/// let apart = inspect::why_apart(me, me)?;
/// assert!(apart.differences.iter().all(|difference| difference.is_same != Some(false)));
/// # Ok::<(), sysv_primitives::raw::Error>(())
/// ```
pub fn why_apart(first: u32, second: u32) -> raw::Result<Apart> {
    Ok(apart::compare([first, second], &objects()?))
}
