//! Processes that are killed, and how long it is until others go on.

use std::time::{Duration, Instant};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::{pause, pipe, read, write},
};

use crate::harness::Process;

/// How often a process is killed at each point.
pub(crate) const ROUNDS: usize = 5;

/// A process that holds something, and is to die.
pub(crate) struct Death(Process);

impl Death {
    /// Starts the process, and waits until it holds.
    pub(crate) fn new(hold: &dyn Fn()) -> Self {
        let (from, to) = pipe().expect("a pipe can be had");
        let process = Process::start(|| {
            hold();
            write(&to, b"!").expect("the pipe is open");
            loop {
                pause();
            }
        });
        drop(to);
        assert_eq!(read(&from, &mut [0]).expect("the pipe is open"), 1, "the process failed before it held");
        Self(process)
    }

    /// Kills the process, and returns how long it is from then until `next` is done.
    pub(crate) fn until(self, next: &dyn Fn()) -> Duration {
        self.until_both(next).0
    }

    /// The same until its parent can wait for it.
    pub(crate) fn until_ended(self) -> Duration {
        self.until_both(&|| ()).1
    }

    /// Kills the process, and returns how long it is from then until `next` is done, and until its parent can wait for it.
    pub(crate) fn until_both(self, next: &dyn Fn()) -> (Duration, Duration) {
        let begun = Instant::now();
        kill(self.0.pid(), Signal::SIGKILL).expect("it lives");
        next();
        let done = begun.elapsed();
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(self.0.pid()), flags).expect("it is a child");
        (done, begun.elapsed())
    }
}
