//! Facts about processes: which thread sleeps in which object, and what a process waits for in the end.

use std::time::Duration;

use crate::report::{Hold, Interest, Kind};

/// The threads of this machine that sleep in System V objects, as far as this process may see them.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WaitingProcesses {
    /// The threads that sleep.
    pub threads: Vec<WaitingThread>,
    /// The processes that could not be read, and why.
    pub unreadable: Vec<Unreadable>,
    /// What keeps `/proc` as a whole from being read: it is not mounted, or belongs to another PID namespace.
    pub trouble: Option<String>,
}

/// A thread that sleeps in a System V object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WaitingThread {
    /// Its process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The command that the process runs.
    pub command: Option<String>,
    /// The system call that it sleeps in.
    pub call: SleepingCall,
    /// The id of the set or queue.
    pub id: i32,
    /// The type that a receiver asks the queue for.
    pub message_type: Option<i64>,
    /// The object that the id belongs to, if it is one of this crate.
    pub object: Option<ObjectRef>,
}

/// A system call in which a thread sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SleepingCall {
    /// `semop`.
    Semop,
    /// `semtimedop`.
    Semtimedop,
    /// `msgrcv`.
    Msgrcv,
    /// `msgsnd`.
    Msgsnd,
}

/// An object, by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// A process that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unreadable {
    /// The process.
    pub pid: u32,
    /// Its user, if that is known.
    pub uid: Option<u32>,
    /// Why: the system's error, and what it means.
    pub reason: String,
}

/// What `/proc` tells of a process.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Process {
    /// The process.
    pub pid: u32,
    /// The command that it runs.
    pub command: Option<String>,
    /// Its effective user.
    pub uid: Option<u32>,
    /// Whether it runs, sleeps, is stopped, or has ended.
    pub activity: Activity,
    /// How long ago it started.
    #[cfg_attr(feature = "serde", serde(rename = "age_seconds", serialize_with = "crate::report::serial::or_null"))]
    pub age: Option<Duration>,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Activity {
    /// It runs, or is ready to.
    Running,
    /// It sleeps.
    Sleeping,
    /// It sleeps in the kernel, and no signal wakes it.
    Uninterruptible,
    /// It was stopped by a signal.
    Stopped,
    /// A debugger holds it.
    Traced,
    /// It has ended, and its parent has not waited for it.
    Zombie,
    /// There is no such process here.
    Gone,
    /// It can't be seen.
    Hidden,
}

/// What a process waits for, and which processes are in its way, to the end of the chain.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Why {
    /// The process that was asked about.
    pub pid: u32,
    /// The waits of this process first, then those of the processes in its way, and so on.
    pub links: Vec<Link>,
    /// The processes at the ends of the chain: they are in the way, and wait for no object themselves.
    pub ends: Vec<Process>,
    /// The circles in the chain. Each process of one waits for the next, and the last for the first.
    pub deadlocks: Vec<Vec<u32>>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What keeps `/proc` as a whole from being read.
    pub trouble: Option<String>,
}

/// One wait in a chain.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Link {
    /// The process that waits.
    pub process: Process,
    /// The object that it waits at, if it is one of this crate.
    pub object: Option<ObjectRef>,
    /// The id of the set or queue.
    pub id: i32,
    /// What it waits for there, if the object says so.
    pub interest: Option<Interest>,
    /// How long it has waited.
    #[cfg_attr(feature = "serde", serde(rename = "waited_seconds", serialize_with = "crate::report::serial::or_null"))]
    pub waited: Option<Duration>,
    /// The processes in its way, without itself. Empty if any process may end the wait.
    pub in_the_way: Vec<InTheWay>,
}

/// A process in the way of another one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct InTheWay {
    /// The process.
    pub pid: u32,
    /// What it has that the other one waits for.
    pub holds: Hold,
    /// Whether the kernel counts it as alive. A dead one is repaired by the waiter.
    pub is_alive: bool,
}

/// Why two processes do not meet at an object of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Apart {
    /// The processes.
    pub pids: [u32; 2],
    /// What was compared.
    pub differences: Vec<Difference>,
    /// The objects that both are members of.
    pub common: Vec<ObjectRef>,
    /// The objects that only one of them is a member of.
    pub only: [Vec<ObjectRef>; 2],
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// Something in which two processes were compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Difference {
    /// What was compared: `"ipc namespace"`, `"user"` …
    pub what: &'static str,
    /// What each of them has. `None` if it can't be read.
    pub values: [Option<String>; 2],
    /// Whether they are the same. `None` if it is not known.
    pub is_same: Option<bool>,
    /// What a difference means, and what to do.
    pub meaning: &'static str,
}
