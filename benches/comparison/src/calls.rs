//! System calls, counted.
//!
//! A child does a thing some times, and many times more. Whatever it calls is seen by `ptrace(2)`, in its own
//! children too. The difference, for each of the many, is what one costs.

use std::{collections::BTreeSet, sync::atomic::Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill, raise},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::harness;

const WARM: u64 = 16;
const MORE: u64 = 250;

/// Returns how many system calls one takes, in all processes that take part. `act` gets the number of them to do.
pub(crate) fn count(act: impl Fn(u64)) -> Result<f64> {
    count_more(MORE, act)
}

/// The same, with so many more of them: for what begins and ends with many calls.
pub(crate) fn count_more(more: u64, act: impl Fn(u64)) -> Result<f64> {
    ensure!(!harness::STOP.load(Relaxed), "interrupted");
    let (warm, all) = (count_all(|| act(WARM))?, count_all(|| act(WARM + more))?);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    Ok((all as f64 - warm as f64) / more as f64)
}

fn count_all(act: impl Fn()) -> Result<u64> {
    let child = harness::fork_child(0, 60, || {
        ptrace::traceme().expect("it may be traced");
        raise(Signal::SIGSTOP).expect("it may stop");
        act();
    });
    let counted = follow(child);
    if counted.is_err() {
        let _ = kill(child, Signal::SIGKILL);
        let _ = waitpid(child, None);
    }
    counted.context("can't count system calls")
}

/// Follows a child, which has stopped itself, and its children, until all have ended.
fn follow(child: Pid) -> Result<u64> {
    if !matches!(waitpid(child, None)?, WaitStatus::Stopped(_, Signal::SIGSTOP)) {
        bail!("the child can't be traced");
    }
    // A program that is started stops at that, and gets no signal for it.
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE;
    ptrace::setoptions(child, options)?;
    ptrace::syscall(child, None)?;
    let (mut inside, mut stops, mut new) = (BTreeSet::from([child]), 0_u64, BTreeSet::new());
    while !inside.is_empty() {
        let (process, signal) = match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Exited(process, code)) => {
                if process == child && code != 0 {
                    bail!("it ended with {code}");
                }
                inside.remove(&process);
                continue;
            }
            Ok(WaitStatus::Signaled(process, signal, _)) => {
                // A peer is killed when it is not needed any more.
                if process == child {
                    bail!("it was killed by {signal}");
                }
                inside.remove(&process);
                continue;
            }
            Ok(WaitStatus::PtraceSyscall(process)) => {
                stops += 1;
                (process, None)
            }
            // A new one stops once before it begins.
            Ok(WaitStatus::Stopped(process, Signal::SIGSTOP)) if new.insert(process) => {
                inside.insert(process);
                (process, None)
            }
            Ok(WaitStatus::Stopped(process, signal)) => (process, Some(signal)),
            Ok(status) => match status.pid() {
                Some(process) => (process, None),
                None => continue,
            },
            Err(Errno::ECHILD) => break,
            Err(error) => return Err(error.into()),
        };
        match ptrace::syscall(process, signal) {
            // It was killed meanwhile, and its end comes next.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Each call stops twice: before and after.
    Ok(stops / 2)
}
