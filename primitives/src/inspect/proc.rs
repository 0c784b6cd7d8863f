//! What `/proc` tells of processes. Whatever can't be read is a value, and no error: it is what an operator has to know.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use super::{
    age::Clock,
    processes::{Activity, Process, Unreadable},
};
use crate::raw::process;

/// Returns what keeps `/proc` from telling of the processes of this PID namespace.
pub(super) fn trouble() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("this system has no /proc as Linux has".to_owned());
    }
    let status = match fs::read_to_string("/proc/self/status") {
        Ok(status) => status,
        Err(error) => return Some(format!("/proc can't be read: {error}; mount it, or run where it is mounted")),
    };
    let own = std::process::id().to_string();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    match numbers {
        Some(numbers) if !numbers.split_ascii_whitespace().eq([own.as_str()]) => {
            Some("/proc is that of another PID namespace; mount it anew in this one".to_owned())
        }
        _ => None,
    }
}

/// Returns the numbers of a folder of processes or threads. What is no number is left out.
pub(super) fn numbers_in(path: &str) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(path)?;
    let mut numbers: Vec<u32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Returns the namespace of a kind that a process is in, as `/proc` names it.
pub(super) fn namespace(pid: u32, kind: &str) -> io::Result<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}"))?;
    Ok(link.display().to_string())
}

/// Returns why a process could not be read, or `None` if it has ended.
pub(super) fn unreadable(pid: u32, error: &io::Error) -> Option<Unreadable> {
    let is_gone = error.raw_os_error() == Some(libc::ESRCH) || error.kind() == io::ErrorKind::NotFound;
    if is_gone && !is_hidden(pid) {
        return None;
    }
    let uid = fs::metadata(format!("/proc/{pid}")).ok().map(|folder| folder.uid());
    let reason = match (is_gone, uid) {
        (true, None) => "/proc hides it (hidepid): ask as its user or as root".to_owned(),
        (true, Some(_)) => "the kernel does not tell in which system call a thread is".to_owned(),
        (false, Some(uid)) if uid != process::effective_uid() => {
            format!("{error}: it belongs to user {uid}; ask as that user or as root")
        }
        (false, _) => format!(
            "{error}: the kernel refuses to look into other processes (kernel.yama.ptrace_scope, or a process that is not \
             dumpable); ask as root"
        ),
    };
    Some(Unreadable { pid, uid, reason })
}

/// Returns whether a process exists that `/proc` does not show in full.
fn is_hidden(pid: u32) -> bool {
    let has_threads = Path::new(&format!("/proc/{pid}/task")).exists();
    process::exists(pid) && (!has_threads || !Path::new(&format!("/proc/{pid}/syscall")).exists())
}

/// Returns what `/proc` tells of a process.
pub(super) fn process(pid: u32) -> Process {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    // The command in the second field may hold anything, also blanks and brackets.
    let state = stat.as_deref().and_then(|stat| stat.rsplit_once(')')?.1.split_ascii_whitespace().next());
    let activity = match state {
        Some("R") => Activity::Running,
        Some("D") => Activity::Uninterruptible,
        Some("T") => Activity::Stopped,
        Some("t") => Activity::Traced,
        Some("Z" | "X" | "x") => Activity::Zombie,
        Some(_) => Activity::Sleeping,
        None if process::exists(pid) => Activity::Hidden,
        None => Activity::Gone,
    };
    let start_time = process::start_time(pid);
    Process {
        pid,
        command: process::command(pid).map(|command| crate::fingerprint::printable(command.as_bytes())),
        uid: effective_uid(pid),
        activity,
        age: start_time.and_then(|start_time| Clock::now().age(start_time)),
    }
}

fn effective_uid(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_ascii_whitespace().nth(1)?.parse().ok()
}
