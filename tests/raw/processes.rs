//! What a process may know about another one: whether it lives, since when, and what it runs.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "a thread ends by a system call")]

use std::{fs, thread};

use nix::{errno::Errno, sys::signal::Signal, sys::signal::kill, unistd::Pid, unistd::getuid};
use support::{as_nobody, child, hold_for_ever, skip, until};
use sysv_ipc::process;

fn probe(pid: u32) -> nix::Result<()> {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), None)
}

fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// M14: a process that may not be signalled exists.
#[test]
fn case_m14_a_process_of_another_user_exists() {
    if getuid().is_root() {
        let parent = std::process::id();
        return as_nobody(|| {
            assert_eq!(probe(parent), Err(Errno::EPERM));
            assert!(process::exists(parent));
        });
    }
    if probe(1) != Err(Errno::EPERM) {
        return skip("no process belongs to another user");
    }
    assert!(process::exists(1));
}

/// C22: a process that was killed and that its parent has not waited for yet exists for the kernel, and not for us.
#[test]
fn case_c22_a_zombie_does_not_exist() {
    let victim = child(|| hold_for_ever());
    let pid = victim.id();
    assert!(process::exists(pid));
    victim.signal(Signal::SIGKILL);
    until(|| victim.is_done());
    assert_eq!((probe(pid), state_of(pid)), (Ok(()), Some('Z')));
    assert!(!process::exists(pid));
    victim.kill();
    assert_eq!(probe(pid), Err(Errno::ESRCH));
    assert!(!process::exists(pid));
}

/// C22: a process is shown as a zombie when its first thread has ended, and lives as long as another thread does.
#[test]
fn case_c22_a_process_without_its_first_thread_exists() {
    let victim = child(|| {
        thread::spawn(|| hold_for_ever());
        // SAFETY: it ends this thread alone, which has nothing that the other one uses.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    });
    let pid = victim.id();
    until(|| state_of(pid) == Some('Z'));
    assert!(!victim.is_done());
    assert!(process::exists(pid));
    victim.signal(Signal::SIGKILL);
    until(|| victim.is_done());
    assert_eq!(state_of(pid), Some('Z'));
    assert!(!process::exists(pid));
}

/// D9: in a new PID namespace with the old one's `/proc`, a number there is a stranger's, and nothing is better.
#[test]
fn case_d9_the_proc_of_another_pid_namespace() {
    if !getuid().is_root() {
        return skip("only root can make a PID namespace");
    }
    let (command, started) = (process::command(1), process::start_time(1));
    assert!(command.is_some() && started.is_some());
    child(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).unwrap();
        child(|| {
            // It finds itself, and not the first process of the outer namespace, which has the same number.
            assert_eq!(std::process::id(), 1);
            let own = fs::read_to_string("/proc/self/comm").unwrap();
            assert_eq!(process::command(1).as_deref(), Some(own.trim_end()));
            assert!(process::start_time(1) > started);
            child(|| {
                assert_eq!(std::process::id(), 2);
                assert!(process::exists(1));
                assert_eq!((process::command(1), process::start_time(1)), (None, None));
            })
            .join();
        })
        .join();
    })
    .join();
}
