//! Kills a process after so many machine instructions of a thread that it started. Its other threads run on meanwhile.

use std::{
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use super::{
    process,
    step::{Victim, Walk},
};

/// A thread of a victim, stopped before its first instruction. The victim runs.
pub struct VictimThread<'a> {
    victim: &'a Victim,
    tid: Pid,
}

impl Victim {
    /// Lets the victim run until it starts a thread, and then on, without that thread.
    #[track_caller]
    pub fn run_to_thread(&self) -> VictimThread<'_> {
        let pid = Pid::from_raw(self.pid().cast_signed());
        let options = ptrace::Options::PTRACE_O_EXITKILL | ptrace::Options::PTRACE_O_TRACECLONE;
        ptrace::setoptions(pid, options).expect("the victim is stopped");
        ptrace::cont(pid, None).expect("the victim is stopped");
        let status = waitpid(pid, None).expect("the victim is ours");
        let is_start =
            matches!(status, WaitStatus::PtraceEvent(_, _, event) if event == ptrace::Event::PTRACE_EVENT_CLONE as i32);
        assert!(is_start, "the victim started no thread: {status:?}");
        let tid = ptrace::getevent(pid).expect("the victim is stopped");
        let tid = Pid::from_raw(i32::try_from(tid).expect("it is a number of a thread"));
        ptrace::cont(pid, None).expect("the victim is stopped");
        let started = waitpid(tid, Some(WaitPidFlag::__WALL)).expect("it is traced");
        assert!(matches!(started, WaitStatus::Stopped(_, Signal::SIGSTOP)), "{started:?}");
        VictimThread { victim: self, tid }
    }
}

impl VictimThread<'_> {
    /// Steps through all that the thread does, and kills the victim after `most` steps or when the thread has ended.
    ///
    /// `event` is called once: when the thread sleeps.
    pub fn walk(self, most: u64, event: impl FnOnce()) -> Walk {
        let mut event = Some(event);
        let mut steps = 0;
        let ended = loop {
            if steps == most {
                break false;
            }
            ptrace::step(self.tid, None).expect("the thread is stopped");
            match self.wait(&mut event) {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => steps += 1,
                WaitStatus::Exited(..) => break true,
                other => panic!("the thread failed at step {steps}: {other:?}"),
            }
        };
        kill(Pid::from_raw(self.victim.pid().cast_signed()), Signal::SIGKILL).expect("the victim is ours");
        if !ended {
            // Before the victim itself is over.
            waitpid(self.tid, Some(WaitPidFlag::__WALL)).expect("it is traced");
        }
        if ended { Walk::Ended(steps) } else { Walk::Killed }
    }

    fn wait(&self, event: &mut Option<impl FnOnce()>) -> WaitStatus {
        let begun = Instant::now();
        loop {
            let flags = WaitPidFlag::__WALL | WaitPidFlag::WNOHANG;
            match waitpid(self.tid, Some(flags)).expect("it is traced") {
                WaitStatus::StillAlive if begun.elapsed() < Duration::from_millis(1) => thread::yield_now(),
                WaitStatus::StillAlive => {
                    if event.is_some() && process::is_asleep(self.tid) {
                        event.take().into_iter().for_each(|event| event());
                    }
                    thread::sleep(Duration::from_micros(200));
                }
                status => return status,
            }
        }
    }
}
