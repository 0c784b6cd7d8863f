//! `sysv doctor`: every finding that can be provoked in a namespace is.

use std::fs::{self, File};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::getuid,
};
use serde_json::Value;
use support::{NOBODY, alone, as_nobody, forbid, has_user, in_own_namespace, set_limit, skip};

use crate::{
    hidden::{cover, in_own_mounts},
    tool::{Ran, TOOL, sysv, sysv_from_anywhere},
};

/// Returns what a check found, of a run that may have ended either way. The exit code must be right.
fn found(ran: &Ran, check: &str) -> Value {
    let page = ran.json();
    let findings = page["findings"].as_array().unwrap();
    let attention = findings.iter().filter(|finding| finding["level"] == "attention").count();
    assert_eq!((page["attention"].as_u64(), ran.code), (Some(attention as u64), i32::from(attention > 0)), "{page}");
    for finding in findings {
        // Whatever is not fine has its reason.
        assert!(finding["level"] == "fine" || finding["why"].is_string(), "{finding}");
    }
    let finding = findings.iter().find(|finding| finding["check"] == check);
    finding.unwrap_or_else(|| panic!("no check {check} in {page}")).clone()
}

fn level(check: &str, arguments: &[&str]) -> Value {
    let mut all = vec!["doctor", "--json"];
    all.extend(arguments);
    found(&sysv(&all), check)["level"].clone()
}

/// A table for people has what the JSON has.
#[test]
fn a_table() {
    let ran = sysv(&["doctor"]);
    for check in
        ["remove-ipc", "shm-rmid-forced", "semopm", "semmsl", "msgmnb", "seccomp", "membarrier", "ipc-namespace"]
    {
        assert!(ran.out.contains(check), "no {check} in {}", ran.out);
    }
}

/// The kernel's settings, in an IPC namespace of the test's own.
#[test]
fn settings_of_the_kernel() {
    in_own_namespace(|| {
        set_limit("msgmnb", "1000000");
        assert_eq!(level("msgmnb", &[]), "fine");
        set_limit("msgmnb", "16384");
        assert_eq!(level("msgmnb", &[]), "note");
        set_limit("msgmnb", "4096");
        assert_eq!(level("msgmnb", &[]), "attention");
        set_limit("shm_rmid_forced", "1");
        assert_eq!(level("shm-rmid-forced", &[]), "attention");
        set_limit("shm_rmid_forced", "0");
        assert_eq!(level("shm-rmid-forced", &[]), "fine");
        for (sem, check, wanted) in [
            ("32000 1024000000 5 32000", "semopm", "attention"),
            ("32000 1024000000 30 32000", "semopm", "attention"),
            ("32000 1024000000 100 32000", "semopm", "fine"),
            ("250 1024000000 500 32000", "semmsl", "attention"),
            ("400 1024000000 500 32000", "semmsl", "fine"),
        ] {
            set_limit("sem", sem);
            assert_eq!(level(check, &[]), wanted, "{check} with {sem}");
        }
        set_limit("sem", "32000 1024000000 500 4");
        let _sets: Vec<_> = (0..4).map(|_| support::semaphore(1)).collect();
        let finding = found(&sysv(&["doctor", "--json"]), "limits");
        assert_eq!(finding["level"], "attention");
        assert!(finding["change"].as_str().unwrap().contains("kernel.sem="), "{finding}");
    });
}

/// Calls that a sandbox forbids.
#[test]
fn a_sandbox() {
    assert_eq!(level("seccomp", &[]), "fine");
    alone(|| {
        forbid(&[libc::SYS_msgsnd]);
        let finding = found(&sysv(&["doctor", "--json"]), "seccomp");
        assert_eq!(finding["level"], "note", "{finding}");
        assert!(finding["what"].as_str().unwrap().contains("a seccomp filter, and refused: msgsnd"), "{finding}");
    });
    // The C library makes `semop` of `semtimedop`, so that one counts.
    for call in
        [libc::SYS_semget, libc::SYS_semtimedop, libc::SYS_semctl, libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmctl]
    {
        alone(|| {
            forbid(&[call]);
            assert_eq!(level("seccomp", &[]), "attention", "call {call}");
        });
    }
    alone(|| {
        forbid(&[libc::SYS_membarrier]);
        assert_eq!(level("membarrier", &[]), "note");
        assert_eq!(level("seccomp", &[]), "fine");
    });
}

/// logind's settings, in a mount namespace: its files are read as systemd reads them.
#[test]
fn remove_ipc() {
    in_own_mounts(|| {
        for folder in ["/etc", "/run", "/usr/lib/systemd", "/usr/local/lib/systemd", "/var/lib"] {
            if fs::exists(folder).unwrap() {
                cover(folder);
            }
        }
        let user = ["--uid", "12345"];
        let judged = || level("remove-ipc", &user);
        assert_eq!(judged(), "fine", "logind does not run");
        for folder in [
            "/run/systemd/seats",
            "/etc/systemd/logind.conf.d",
            "/run/systemd/logind.conf.d",
            "/var/lib/systemd/linger",
        ] {
            fs::create_dir_all(folder).unwrap();
        }
        assert_eq!(judged(), "attention", "the default");
        assert_eq!(level("remove-ipc", &["--uid", "0"]), "fine", "root");
        assert_eq!(level("remove-ipc", &["--uid", "999"]), "fine", "a system user");
        assert_eq!(level("remove-ipc", &["--uid", "61184"]), "attention", "a dynamic user");
        let main = "/etc/systemd/logind.conf";
        fs::write(main, "[Login]\n#RemoveIPC=no\n").unwrap();
        assert_eq!(judged(), "fine", "the distribution's default");
        fs::write(main, "[Login]\nRemoveIPC=yes\n").unwrap();
        assert_eq!(judged(), "attention");
        fs::write(main, "[Other]\nRemoveIPC=no\n").unwrap();
        assert_eq!(judged(), "attention", "another section");
        fs::write("/run/systemd/logind.conf.d/10-a.conf", "[Login]\nRemoveIPC = no\n").unwrap();
        fs::write("/run/systemd/logind.conf.d/10-b.conf", "[Login]\nRemoveIPC=off\n").unwrap();
        assert_eq!(judged(), "fine", "a drop-in");
        fs::write("/etc/systemd/logind.conf.d/10-b.conf", "[Login]\nRemoveIPC=1\n").unwrap();
        assert_eq!(judged(), "attention", "a file in /etc hides that of its name in /run");
        fs::write("/var/lib/systemd/linger/12345", "").unwrap();
        assert_eq!(judged(), "fine", "the user lingers");
    });
}

/// An IPC namespace of its own, as in a container.
#[test]
fn an_ipc_namespace() {
    in_own_namespace(|| assert_eq!(level("ipc-namespace", &[]), "note"));
}

/// A PID namespace of its own: with the old `/proc` and with its own.
#[test]
fn a_pid_namespace() {
    in_own_mounts(|| {
        if let Err(errno) = unshare(CloneFlags::CLONE_NEWPID) {
            return skip(&format!("no PID namespace: {errno}"));
        }
        // The first child is in it, and so are the children of that one.
        alone(|| {
            assert_eq!(level("proc", &[]), "attention", "the old /proc");
            mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>).unwrap();
            assert_eq!(level("proc", &[]), "fine");
            assert_eq!(level("pid-namespace", &[]), "note");
        });
    });
}

/// A user namespace, in which users have other numbers.
#[test]
fn a_user_namespace() {
    if !getuid().is_root() {
        return skip("another user may not be allowed to make one");
    }
    alone(|| match unshare(CloneFlags::CLONE_NEWUSER) {
        Ok(()) => {
            fs::write("/proc/self/uid_map", "0 0 1").unwrap();
            assert_eq!(level("user-namespace", &[]), "note");
        }
        Err(errno) => skip(&format!("no user namespace: {errno}")),
    });
}

/// `/proc` that hides processes, and a kernel that hides what they wait for, as another user than root sees it.
#[test]
fn hidden_processes() {
    if !has_user(NOBODY) {
        return;
    }
    let tool = File::open(TOOL).unwrap();
    let judged = |check: &str| {
        let mut level = Value::Null;
        level.clone_from(&found(&sysv_from_anywhere(&tool, &["doctor", "--json"]), check)["level"]);
        level
    };
    in_own_mounts(|| {
        mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), Some("hidepid=2")).unwrap();
        assert_eq!(level("hidepid", &[]), "fine", "root");
        as_nobody(|| assert_eq!(judged("hidepid"), "attention"));
        cover("/proc/sys/kernel");
        fs::create_dir("/proc/sys/kernel/yama").unwrap();
        for (scope, wanted) in [("0", "note"), ("1", "attention"), ("3", "attention")] {
            fs::write("/proc/sys/kernel/yama/ptrace_scope", scope).unwrap();
            as_nobody(|| assert_eq!(judged("ptrace-scope"), wanted, "scope {scope}"));
            assert_eq!(level("ptrace-scope", &[]), if scope == "3" { "attention" } else { "fine" }, "root, {scope}");
        }
    });
}
