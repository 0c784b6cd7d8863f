//! A process that loses the right to operate on semaphores while it uses an object, and its peers that keep it.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    slice, thread,
};

use sysv_ipc::Error;
use sysv_primitives::Failure;

#[cfg(target_os = "linux")]
use super::forbid;
use super::{Child, NOBODY, Waiters, child, has_user, hold_for_ever, process::become_nobody, until_rings};

/// Runs a scene with each way in which a process can lose the right.
pub fn each_loss(scene: impl Fn(fn())) {
    if has_user(NOBODY) {
        scene(become_nobody);
    }
    #[cfg(target_os = "linux")]
    scene(refuse_semop);
}

/// Enters a sandbox in which no operation on a semaphore is allowed.
#[cfg(target_os = "linux")]
fn refuse_semop() {
    forbid(&[libc::SYS_semop, libc::SYS_semtimedop]);
}

/// Returns whether the failure is that of a call for which the process has no right.
pub fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::System { error: Error::PermissionDenied { .. }, .. })
}

/// One process tells another that it is its turn.
pub struct Turn(PipeReader, PipeWriter);

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}

impl Turn {
    pub fn new() -> Self {
        let (reader, writer) = io::pipe().expect("a pipe can be made");
        Self(reader, writer)
    }

    pub fn give(&self) {
        (&self.1).write_all(&[1]).expect("the other has not left");
    }

    pub fn take(&self) {
        (&self.0).read_exact(slice::from_mut(&mut 0)).expect("the other has not left");
    }
}

/// Gives turns if the process that has them panics: the one that waits for them finds out then.
pub struct GivenOnPanic<'a>(pub &'a [&'a Turn]);

impl Drop for GivenOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.iter().for_each(|turn| turn.give());
        }
    }
}

/// The scene: one process begins something, loses its rights, and ends it while another sleeps on a doorbell of the set.
///
/// `begin` runs with rights, and returns what the process does without them, when the sleeper sleeps. Then it stays alive.
/// When this returns the sleeper has not been woken, and the caller is the next notifier.
#[track_caller]
pub fn refused_while_another_sleeps<End: FnOnce()>(
    (set, waiters): (i32, Waiters),
    lose: fn(),
    begin: impl FnOnce() -> End,
    sleeper: impl FnOnce(),
) -> (Child, Child) {
    let (begun, asleep, ended) = (Turn::new(), Turn::new(), Turn::new());
    let refused = child(|| {
        let _told = GivenOnPanic(&[&begun, &ended]);
        let end = begin();
        lose();
        begun.give();
        asleep.take();
        end();
        ended.give();
        hold_for_ever()
    });
    begun.take();
    let sleeper = child(sleeper);
    until_rings(set, waiters);
    asleep.give();
    ended.take();
    // It was not woken, and nothing was lost by that: the next notifier wakes it.
    until_rings(set, waiters);
    (refused, sleeper)
}
