//! Which threads sleep in System V objects: `/proc/PID/task/TID/syscall` has the call and the id.

use std::{collections::HashMap, fs, io};

use super::{
    proc,
    processes::{ObjectRef, SleepingCall, WaitingProcesses, WaitingThread},
};
use crate::{raw::process, report::Report};

/// Reads all processes. Those of another IPC namespace are left out: an id means another object there.
pub(super) fn read(reports: &[Report]) -> WaitingProcesses {
    let mut found = WaitingProcesses { trouble: proc::trouble(), ..WaitingProcesses::default() };
    if found.trouble.is_some() {
        return found;
    }
    let objects = Objects::of(reports);
    let pids = match proc::numbers_in("/proc") {
        Ok(pids) => pids,
        Err(error) => {
            found.trouble = Some(format!("/proc can't be listed: {error}"));
            return found;
        }
    };
    let ours = proc::namespace(std::process::id(), "ipc").ok();
    for pid in pids {
        if let Err(error) = read_process(pid, ours.as_deref(), &objects, &mut found.threads) {
            found.unreadable.extend(proc::unreadable(pid, &error));
        }
    }
    found
}

/// The objects by the ids of their sets and queues.
struct Objects {
    sets: HashMap<i32, ObjectRef>,
}

impl Objects {
    fn of(reports: &[Report]) -> Self {
        let of = |report: &Report| Some((report.set.as_ref()?.id, ObjectRef::of(report)?));
        Self { sets: reports.iter().filter_map(of).collect() }
    }
}

impl ObjectRef {
    /// Returns which object a report is of, if it has a name.
    pub(super) fn of(report: &Report) -> Option<Self> {
        let name = report.name.clone()?;
        Some(Self { kind: report.kind, name })
    }
}

fn read_process(pid: u32, ours: Option<&str>, objects: &Objects, threads: &mut Vec<WaitingThread>) -> io::Result<()> {
    // Reading it needs the same right as `syscall`, so a refusal is told once.
    if Some(proc::namespace(pid, "ipc")?.as_str()) != ours {
        return Ok(());
    }
    let mut result = Ok(());
    for tid in proc::numbers_in(&format!("/proc/{pid}/task"))? {
        let line = match fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")) {
            Ok(line) => line,
            // A thread that has ended meanwhile tells nothing, and is no failure of the others.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => continue,
            Err(error) => {
                result = Err(error);
                continue;
            }
        };
        if let Some((call, id, message_type)) = parse(&line) {
            let is_set = matches!(call, SleepingCall::Semop | SleepingCall::Semtimedop);
            let object = if is_set { objects.sets.get(&id).cloned() } else { None };
            let command = process::command(pid).map(|command| crate::fingerprint::printable(command.as_bytes()));
            threads.push(WaitingThread { pid, tid, command, call, id, message_type, object });
        }
    }
    result
}

/// Reads a line of `syscall`: the number of the call, and its arguments in hexadecimal digits.
fn parse(line: &str) -> Option<(SleepingCall, i32, Option<i64>)> {
    let mut fields = line.split_ascii_whitespace();
    let call = call_of(fields.next()?.parse().ok()?)?;
    let mut argument = |skipped: usize| u64::from_str_radix(fields.nth(skipped)?.strip_prefix("0x")?, 16).ok();
    // An id is an int: the upper half of the register means nothing.
    #[expect(clippy::cast_possible_truncation, reason = "an int is passed in a register")]
    let id = (argument(0)? as u32).cast_signed();
    let message_type = if call == SleepingCall::Msgrcv { argument(2).map(u64::cast_signed) } else { None };
    Some((call, id, message_type))
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn call_of(number: i64) -> Option<SleepingCall> {
    match number {
        libc::SYS_semop => Some(SleepingCall::Semop),
        libc::SYS_semtimedop => Some(SleepingCall::Semtimedop),
        libc::SYS_msgrcv => Some(SleepingCall::Msgrcv),
        libc::SYS_msgsnd => Some(SleepingCall::Msgsnd),
        _ => None,
    }
}

/// Some systems of 32 bits have one call for all of these, and pass the id elsewhere.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn call_of(_: i64) -> Option<SleepingCall> {
    None
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::{SleepingCall, parse};

    #[test]
    fn a_line_says_the_call_and_the_id() {
        let semop = format!("{} 0x2a 0x7ffe 0x1 0x0 0x0 0x0 0x7ffd 0x7f00\n", libc::SYS_semop);
        assert_eq!(parse(&semop), Some((SleepingCall::Semop, 42, None)));
        let msgrcv = format!("{} 0xffffffff00000007 0x7ffe 0x80 0xfffffffffffffffb 0x0 0x0 0x1 0x2", libc::SYS_msgrcv);
        assert_eq!(parse(&msgrcv), Some((SleepingCall::Msgrcv, 7, Some(-5))));
        for line in ["running", "-1 0x7ffd 0x7f00", "", "65", "202 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
