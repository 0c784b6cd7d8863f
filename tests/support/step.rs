//! Kills a process after so many machine instructions of an operation.
//!
//! The victim is a child that is traced: it stops itself where the operation begins and where it ends. In
//! between it is single-stepped, and after `k` steps killed with `SIGKILL`. A system call is one step.

use std::{
    env,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        ptrace,
        signal::{Signal, kill, raise},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, alarm, fork},
};

/// How a stepped operation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// It was killed on its way.
    Killed,
    /// It ended after so many steps, and was killed then.
    Ended(u64),
}

/// The traced process.
pub struct Victim {
    pid: Pid,
}

impl Victim {
    /// Starts a victim, which calls [`mark`] where the operation begins and where it ends; returns
    /// when it has come to the beginning.
    pub fn start(body: impl FnOnce()) -> Self {
        // SAFETY: as in `child`.
        match unsafe { fork() }.expect("a victim can be forked") {
            ForkResult::Parent { child } => {
                let victim = Self { pid: child };
                assert_eq!(victim.wait(), WaitStatus::Stopped(child, Signal::SIGSTOP), "it never began");
                victim
            }
            ForkResult::Child => {
                alarm::set(60);
                ptrace::traceme().expect("a child may be traced");
                let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err();
                // SAFETY: it ends the process at once.
                unsafe { libc::_exit(i32::from(failed)) }
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Runs to the end of the operation, and returns how many system calls it made.
    pub fn count_calls(self) -> u64 {
        let mut stops = 0;
        loop {
            ptrace::syscall(self.pid, None).expect("the victim is stopped");
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => stops += 1,
                WaitStatus::Stopped(_, Signal::SIGSTOP) => break,
                other => panic!("the victim failed: {other:?}"),
            }
        }
        // Each call stops when it begins and when it ends; the one that marks the end, and what `raise`
        // needs around it, are not the operation's.
        stops / 2
    }

    fn wait(&self) -> WaitStatus {
        waitpid(self.pid, None).expect("the victim is ours")
    }

    /// Steps through the operation, and kills after `most` steps or at the end.
    pub fn walk(self, most: u64) -> Walk {
        let mut outcome = Walk::Killed;
        for step in 0..most {
            ptrace::step(self.pid, None).expect("the victim is stopped");
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
                WaitStatus::Stopped(_, Signal::SIGSTOP) => {
                    outcome = Walk::Ended(step);
                    break;
                }
                other => panic!("the victim failed at step {step}: {other:?}"),
            }
        }
        outcome
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        kill(self.pid, Signal::SIGKILL).expect("the victim is ours");
        assert_eq!(self.wait(), WaitStatus::Signaled(self.pid, Signal::SIGKILL, false));
    }
}

/// Stops the victim here: the operation begins, or has ended.
pub fn mark() {
    raise(Signal::SIGSTOP).expect("a signal can be sent to oneself");
}

/// The most kills of one operation, unless all are asked for by the environment.
const MOST_KILLS: u64 = 1000;
const MOST_TIME: Duration = Duration::from_secs(15);

/// Kills a victim after every number of steps of an operation, and has the survivors look each time.
///
/// `attempt` sets the scene, walks the victim with so many steps, looks, and says how the walk went.
/// A long operation is sampled, unless `EVERY_INSTRUCTION` is set.
pub fn every_instruction(operation: &str, mut attempt: impl FnMut(u64) -> Walk) {
    let Walk::Ended(instructions) = attempt(u64::MAX) else { panic!("{operation} never ended") };
    let all = env::var_os("EVERY_INSTRUCTION").is_some();
    let stride = if all { 1 } else { instructions.div_ceil(MOST_KILLS).max(1) };
    // Not always the same ones.
    let first = fastrand::u64(..stride);
    let begun = Instant::now();
    let mut kills = 0;
    for steps in (first..=instructions).step_by(usize::try_from(stride).expect("it is small")) {
        attempt(steps);
        kills += 1;
        if !all && begun.elapsed() > MOST_TIME {
            break;
        }
    }
    assert!(kills > 0);
    println!("{operation}: {instructions} instructions, {kills} kills, 0 stuck, 0 lost, 0 duplicated");
}
