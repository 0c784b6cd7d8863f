//! What this process can see: namespaces, and what `/proc` shows of others.

use std::fs;

use sysv_primitives::raw::process;

use super::Finding;

/// The numbers that the kernel gives to the namespaces it boots with.
const FIRST_IPC: &str = "ipc:[4026531839]";
const FIRST_PID: &str = "pid:[4026531836]";

pub(super) fn findings() -> Vec<Finding> {
    if fs::read_dir("/proc/self").is_err() {
        let why = "limits are still shown, but no process: members have no age, and waiters are only counted";
        return vec![Finding::attention("proc", "/proc is not mounted", why).change("mount -t proc proc /proc")];
    }
    vec![ipc_namespace(), pid_namespace(), user_namespace(), proc_is_own(), hidden_processes(), trace_scope()]
}

fn link(name: &str) -> String {
    fs::read_link(format!("/proc/self/ns/{name}"))
        .map_or_else(|_| "unknown".to_owned(), |link| link.display().to_string())
}

fn ipc_namespace() -> Finding {
    const CHECK: &str = "ipc-namespace";
    let own = link("ipc");
    if own == FIRST_IPC {
        return Finding::fine(CHECK, format!("that of the machine ({own})"));
    }
    let why = "processes outside do not find the objects of this namespace, nor the other way round. \
               The objects end with the last process of the namespace";
    Finding::note(CHECK, format!("one of its own, as containers have it ({own})"), why)
        .change("docker run --ipc=host …   # or --ipc=container:NAME. Compare: readlink /proc/PID/ns/ipc")
}

fn pid_namespace() -> Finding {
    const CHECK: &str = "pid-namespace";
    let own = link("pid");
    if own == FIRST_PID {
        return Finding::fine(CHECK, format!("that of the machine ({own})"));
    }
    let why = "processes of other PID namespaces may use the same objects, and are not shown here";
    Finding::note(CHECK, format!("one of its own ({own})"), why)
        .change("docker run --pid=host …   # or run sysv on the host")
}

fn user_namespace() -> Finding {
    const CHECK: &str = "user-namespace";
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let all = map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
    if all || map.is_empty() {
        return Finding::fine(CHECK, "each user has the machine's number");
    }
    let why = "objects of users without a number here show as the overflow user, and are refused. \
               Containers that share objects need the same mapping";
    Finding::note(CHECK, "users have other numbers than on the machine", why).change("cat /proc/self/uid_map")
}

fn proc_is_own() -> Finding {
    const CHECK: &str = "proc";
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own = std::process::id().to_string();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    if numbers.is_none_or(|numbers| numbers.split_ascii_whitespace().eq([own.as_str()])) {
        return Finding::fine(CHECK, "/proc shows the processes of this PID namespace");
    }
    let why = "its numbers are those of other processes. So ages and commands of members are not shown, and \
               the dead are known by the kernel's word alone";
    Finding::attention(CHECK, "/proc belongs to another PID namespace", why).change("mount -t proc proc /proc")
}

fn hidden_processes() -> Finding {
    const CHECK: &str = "hidepid";
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // The last mount on the folder is the one that is seen.
    let line = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some("/proc")).unwrap_or_default();
    let options = line.split(" - ").nth(1).unwrap_or_default();
    let hides = options.split([',', ' ']).find_map(|option| option.strip_prefix("hidepid="));
    match hides {
        None | Some("0" | "off") => Finding::fine(CHECK, "/proc shows the processes of all users"),
        Some(mode) if process::effective_uid() == 0 => {
            Finding::fine(CHECK, format!("/proc is mounted with hidepid={mode}, which does not concern root"))
        }
        Some(mode) => {
            let why = "processes of other users have no age and no command here, and their waiters are only counted";
            Finding::attention(CHECK, format!("/proc is mounted with hidepid={mode}"), why)
                .change("sudo sysv …   # or mount -o remount,hidepid=0 /proc")
        }
    }
}

fn trace_scope() -> Finding {
    const CHECK: &str = "ptrace-scope";
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let scope = scope.trim();
    if process::effective_uid() == 0 && scope != "3" {
        return Finding::fine(CHECK, "root may see what each process waits for");
    }
    match scope {
        "" | "0" => Finding::note(
            CHECK,
            "the waits of this user's own processes are seen",
            "what processes of other users wait for is only counted",
        )
        .change("sudo sysv …"),
        scope => Finding::attention(
            CHECK,
            format!("kernel.yama.ptrace_scope={scope}"),
            "what a process waits for can't be read, so waiters are counted, and not named",
        )
        .change("sudo sysv …   # or sysctl -w kernel.yama.ptrace_scope=0"),
    }
}
