//! Which system calls a sandbox forbids: what `/proc` says, and what trying them says.
//!
//! Each call is tried in a process of its own, since a filter may kill instead of refusing. It is tried with an id that
//! no object has, so nothing is made, and the kernel's own answer is known.

use std::{
    fs, io,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use clap::{Args, ValueEnum};
use nix::errno::Errno;
use serde::Serialize;
use sysv_primitives::raw::{
    self, Amount, Key, MessageBuffer, MessageQueue, MessageQueueOptions, MessageType, Segment, Selector, SemOp,
    SemaphoreOptions, SemaphoreSet, SharedMemoryOptions, process,
};

use super::Finding;
use crate::{
    bench::own_program,
    failed::{Ended, Result},
    out::Out,
};

const NO_ID: i32 = -1;

/// A call that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "lower")]
#[serde(rename_all = "lowercase")]
enum Call {
    SemGet,
    SemOp,
    SemTimedOp,
    SemCtl,
    ShmGet,
    ShmAt,
    ShmCtl,
    MsgGet,
    MsgSnd,
    MsgRcv,
    MsgCtl,
    Membarrier,
    /// No call: a process that dies with undo to be done.
    Undo,
}

const OF_QUEUES: [Call; 4] = [Call::MsgGet, Call::MsgSnd, Call::MsgRcv, Call::MsgCtl];

#[derive(Debug, Args)]
pub(crate) struct TryCalls {
    call: Call,
    /// The set that the process which dies has changed.
    #[arg(default_value_t = NO_ID, allow_negative_numbers = true)]
    set: i32,
}

pub(super) fn findings() -> Vec<Finding> {
    let refused: Vec<(Call, String)> = Call::value_variants()
        .iter()
        .filter(|call| !matches!(call, Call::Membarrier | Call::Undo))
        .filter_map(|&call| Some((call, attempt(call)?)))
        .collect();
    let undo = if refused.is_empty() { undo() } else { None };
    [Some(sandbox(&refused)), Some(membarrier()), undo].into_iter().flatten().collect()
}

/// Returns what the kernel says of filters.
fn filters() -> &'static str {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    match status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(str::trim) {
        Some("0") => "no seccomp filter",
        Some("1") => "strict seccomp",
        Some("2") => "a seccomp filter",
        _ => "seccomp is unknown",
    }
}

fn sandbox(refused: &[(Call, String)]) -> Finding {
    const CHECK: &str = "seccomp";
    let filters = filters();
    let Some((_, how)) = refused.first() else {
        return Finding::fine(CHECK, format!("{filters}, and each call of System V IPC is allowed"));
    };
    let names: Vec<String> = refused.iter().map(|(call, _)| name_of(*call)).collect();
    let what = format!("{filters}, and refused: {} ({how})", names.join(", "));
    if refused.iter().all(|(call, _)| OF_QUEUES.contains(call)) {
        return Finding::note(CHECK, what, "MessageQueue and TypedQueue do not work here. The other kinds do");
    }
    Finding::attention(CHECK, what, "no object can be made or opened without these calls")
        .change("docker run --security-opt seccomp=PROFILE.json …   # or SystemCallFilter=@ipc of a unit")
}

fn membarrier() -> Finding {
    const CHECK: &str = "membarrier";
    match attempt(Call::Membarrier) {
        None => Finding::fine(CHECK, "rings and rwlocks may leave fences to their rare operations"),
        Some(how) => Finding::note(
            CHECK,
            format!("membarrier is refused ({how})"),
            "rings and rwlocks that a process creates here fence each operation, and those that were created \
             with light fences elsewhere can't be opened",
        )
        .change("Ring::options().light_fences(false)   # in the program that creates it, or allow the call"),
    }
}

/// Tries a call in a process of its own. Returns how it was refused, or `None` if it is allowed.
fn attempt(call: Call) -> Option<String> {
    match child(call, NO_ID) {
        Ok(end) if end.success() => None,
        Ok(end) => Some(match (end.signal(), end.code()) {
            (Some(signal), _) => format!("the process is killed by signal {signal}"),
            (None, Some(errno)) => Errno::from_raw(errno).desc().to_owned(),
            (None, None) => "it ends in an unknown way".to_owned(),
        }),
        Err(error) => Some(format!("it can't be tried: {error}")),
    }
}

fn child(call: Call, set: i32) -> io::Result<ExitStatus> {
    Command::new(own_program())
        .args(["try-calls", &name_of(call), &set.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
}

fn name_of(call: Call) -> String {
    call.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Runs in the process of its own: exit code 0 if the call is allowed, otherwise the errno.
pub(crate) fn try_calls(arguments: &TryCalls, _out: Out) -> Result<Ended> {
    let tried = match arguments.call {
        Call::Membarrier => Ok(if process::membarrier_register() { None } else { Some(Errno::ENOSYS) }),
        call => tried(call, arguments.set).map(|()| None).or_else(|error| {
            // The kernel's own answers for an id and a key that do not exist.
            match error.errno() {
                Some(Errno::EINVAL | Errno::EIDRM | Errno::ENOENT) => Ok(None),
                errno => Ok::<_, raw::Error>(errno),
            }
        }),
    };
    match tried {
        Ok(Some(errno)) => std::process::exit(errno as i32),
        _ => Ok(Ended::Well),
    }
}

fn tried(call: Call, id: i32) -> raw::Result<()> {
    let operation = [SemOp::add(0, Amount::ONE).undo()];
    let (set, queue, segment) =
        (SemaphoreSet::from_raw_id(id), MessageQueue::from_raw_id(id), Segment::from_raw_id(id));
    // No object is made: `open` without `create` finds one or none.
    let key = Key::new(0x7e57_0001)?;
    match call {
        Call::SemGet => SemaphoreOptions::new().open_set(key, 0).map(drop),
        Call::SemOp | Call::Undo => set.op(&operation),
        Call::SemTimedOp => set.op_timeout(&operation, Duration::from_millis(1)),
        Call::SemCtl => set.len().map(drop),
        Call::ShmGet => SharedMemoryOptions::new().open_segment(key).map(drop),
        Call::ShmAt => segment.attach_read_only().map(drop),
        Call::ShmCtl => segment.stat().map(drop),
        Call::MsgGet => MessageQueueOptions::new().open(key).map(drop),
        Call::MsgSnd => queue.try_send(&MessageBuffer::new(MessageType::ONE, b"")),
        Call::MsgRcv => queue.try_receive(Selector::Any).map(drop),
        Call::MsgCtl => queue.stat().map(drop),
        Call::Membarrier => Ok(()),
    }
}

/// Has a process die that changed a semaphore with undo. `None` if that can't be tried.
fn undo() -> Option<Finding> {
    const CHECK: &str = "undo";
    let set = SemaphoreOptions::new().create(true).open_set(Key::PRIVATE, 1).ok()?;
    let value = child(Call::Undo, set.id()).and_then(|_| Ok(set.value(0)?));
    let removed = set.remove();
    if let Err(error) = removed {
        return Some(Finding::attention(
            CHECK,
            format!("a set that was made to try it remains: {error}"),
            "see `ipcs -s`",
        ));
    }
    Some(match value {
        Ok(0) => Finding::fine(CHECK, "the kernel undoes what a dead process did to a semaphore"),
        Ok(_) => Finding::attention(
            CHECK,
            "what a dead process did to a semaphore is not undone",
            "no death is noticed here: a lock stays with its dead holder. gVisor, Gramine and CRIU are known for it",
        )
        .change("docker run --runtime=runc …   # a runtime that runs on Linux itself"),
        Err(error) => Finding::note(CHECK, format!("undo can't be tried: {error}"), "a death may not be noticed here"),
    })
}
