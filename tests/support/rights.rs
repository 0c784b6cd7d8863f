//! A process that loses the right to operate on semaphores while it uses an object, and its peers that keep it.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    slice, thread,
};

use nix::unistd::getuid;
use sysv_ipc::Error;
use sysv_primitives::Failure;

use super::{Child, child, hold_for_ever, process::become_nobody, skip, until_rings};

/// Runs a scene with each way in which a process can lose the right.
pub fn each_loss(scene: impl Fn(fn())) {
    if getuid().is_root() {
        scene(become_nobody);
    } else {
        skip("only root can become nobody");
    }
    #[cfg(target_os = "linux")]
    scene(refuse_semop);
}

/// Enters a sandbox in which no operation on a semaphore is allowed.
#[cfg(target_os = "linux")]
#[expect(clippy::cast_possible_truncation, reason = "codes of instructions and numbers of calls are small")]
fn refuse_semop() {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IS_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        // The number of the call is what comes first.
        instruction(LOAD, 0, 0, 0),
        instruction(IS_EQUAL, libc::SYS_semtimedop as u32, 2, 0),
        instruction(IS_EQUAL, libc::SYS_semop as u32, 1, 0),
        instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
        instruction(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs(), 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: this option takes no pointers.
    let forbidden = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(forbidden, 0, "a process may promise that");
    // SAFETY: the program is valid, and so are its instructions.
    let entered = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(entered, 0, "this kernel has filters");
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
    (set, doorbell): (i32, usize),
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
    until_rings(set, doorbell);
    asleep.give();
    ended.take();
    // It was not woken, and nothing was lost by that: the next notifier wakes it.
    until_rings(set, doorbell);
    (refused, sleeper)
}
