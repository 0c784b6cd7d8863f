//! Kills or stops a process after so many machine instructions of an operation.
//!
//! The victim is a child that is traced: it stops itself where the operation begins and where it ends. In
//! between it is single-stepped, and after `k` steps killed with `SIGKILL`. A system call is one step.

use std::{
    cell::Cell,
    env, thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        ptrace,
        signal::{Signal, kill, raise},
        wait::WaitStatus,
    },
    unistd::Pid,
};

use super::{Waiters, number_from_env, process, prompt::promptly, until, until_rings};

/// How a stepped operation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// It was killed on its way, or stopped, if others act before it goes on.
    Killed,
    /// It ended after so many steps. It was killed then, or stopped.
    Ended(u64),
}

/// How far a victim goes in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One machine instruction.
    Instruction,
    /// To where the next system call begins or ends.
    Call,
}

impl Pace {
    fn step(self, pid: Pid) {
        let stepped = match self {
            Self::Instruction => ptrace::step(pid, None),
            Self::Call => ptrace::syscall(pid, None),
        };
        stepped.expect("the victim is stopped");
    }
}

/// The traced process.
pub struct Victim {
    pid: Pid,
    is_reaped: Cell<bool>,
}

impl Victim {
    /// Starts a victim, which calls [`mark`] where the operation begins and where it ends. Returns
    /// when it has come to the beginning.
    #[track_caller]
    pub fn start(body: impl FnOnce()) -> Self {
        let pid = process::start(|| {
            ptrace::traceme().expect("a child may be traced");
            body();
        });
        let victim = Self { pid, is_reaped: Cell::new(false) };
        assert_eq!(victim.wait(), WaitStatus::Stopped(pid, Signal::SIGSTOP), "it never began");
        ptrace::setoptions(pid, ptrace::Options::PTRACE_O_EXITKILL).expect("the victim is stopped");
        victim
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
        // Each call stops when it begins and when it ends. The one that marks the end, and what `raise`
        // needs around it, are not the operation's.
        stops / 2
    }

    fn wait(&self) -> WaitStatus {
        let status = process::wait_for(self.pid).expect("the victim is ours");
        self.is_reaped.set(matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)));
        status
    }

    /// Steps through the operation, and kills after `most` steps or at the end.
    pub fn walk(self, most: u64) -> Walk {
        self.stop_after(Pace::Instruction, most)
    }

    /// Steps through the operation, and kills as soon as the condition holds, or at the end.
    pub fn walk_until(self, is_enough: impl FnMut() -> bool) -> Walk {
        self.stop_when(Pace::Instruction, is_enough)
    }

    /// Steps through the operation, and stops as soon as the condition holds, or at the end. Others can act then, before
    /// the victim [goes on](Self::go_on).
    pub fn stop_when(&self, pace: Pace, mut is_enough: impl FnMut() -> bool) -> Walk {
        let mut steps = 0;
        while !is_enough() {
            pace.step(self.pid);
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => steps += 1,
                WaitStatus::Stopped(_, Signal::SIGSTOP) => return Walk::Ended(steps),
                other => panic!("the victim failed at step {steps}: {other:?}"),
            }
        }
        Walk::Killed
    }

    /// Steps through the operation, and stops after `most` steps or at the end.
    pub fn stop_after(&self, pace: Pace, most: u64) -> Walk {
        if let Some(most) = most.checked_sub(PUBLIC).filter(|most| *most < PUBLIC) {
            let (mut left, mut is_public) = (most, false);
            return self.stop_when(pace, || {
                left -= u64::from(is_public);
                is_public = self.is_next_public();
                left == 0
            });
        }
        let mut steps = 0..most;
        self.stop_when(pace, || steps.next().is_none())
    }

    /// Runs to the end of the operation, and returns how many instructions others may see: atomic changes, and system calls.
    #[cfg(target_arch = "x86_64")]
    pub fn count_public(self) -> u64 {
        let mut count = 0;
        let walk = self.stop_when(Pace::Instruction, || {
            count += u64::from(self.is_next_public());
            false
        });
        assert!(matches!(walk, Walk::Ended(_)));
        // Those of the signal that ends the operation are among them.
        count
    }

    /// Returns whether the next instruction is a system call, or has the bus locked: `lock`, or an exchange with memory.
    #[cfg(target_arch = "x86_64")]
    fn is_next_public(&self) -> bool {
        const LOCK: u8 = 0xf0;
        let at = ptrace::getregs(self.pid).expect("the victim is stopped").rip;
        let word = ptrace::read(self.pid, at as ptrace::AddressType).expect("it is the victim's code");
        let bytes = word.to_le_bytes();
        let is_prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf2 | 0xf3);
        match bytes.iter().position(|byte| !is_prefix(byte)).map(|first| &bytes[first..]) {
            Some([LOCK, ..] | [0x0f, 0x05, ..]) => true,
            Some([0x86 | 0x87, operands, ..]) => *operands < 0xc0,
            _ => false,
        }
    }

    /// Returns true: every instruction may be seen by others.
    #[cfg(not(target_arch = "x86_64"))]
    fn is_next_public(&self) -> bool {
        true
    }

    /// Kills the victim, which then is a zombie until this handle is dropped.
    pub fn kill(&self) {
        kill(self.pid, Signal::SIGKILL).expect("the victim is ours");
        until(|| process::has_changed(self.pid, libc::WEXITED));
    }

    /// Lets the victim run to its end, which must be a good one.
    #[track_caller]
    pub fn go_on(self) {
        loop {
            ptrace::cont(self.pid, None).expect("the victim is stopped");
            match self.wait() {
                WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
                WaitStatus::Exited(_, 0) => return,
                other => panic!("the victim failed: {other:?}"),
            }
        }
    }

    /// Runs until it sleeps in a system call.
    #[track_caller]
    pub fn until_asleep(self) -> Self {
        let has_changed = || process::has_changed(self.pid, libc::WEXITED | libc::WSTOPPED);
        loop {
            ptrace::syscall(self.pid, None).expect("the victim is stopped");
            // The begin or the end of a system call is next; or nothing, for as long as it sleeps in one.
            until(|| has_changed() || process::is_asleep(self.pid));
            if !has_changed() {
                return self;
            }
            self.expect_trap();
        }
    }

    /// Returns when the system call in which it slept is over, and nothing else has happened.
    #[track_caller]
    pub fn until_woken(&self) {
        self.expect_trap();
    }

    /// Returns whether the system call in which it slept is over, or it ended.
    pub fn is_woken(&self) -> bool {
        process::has_changed(self.pid, libc::WEXITED | libc::WSTOPPED)
    }

    /// Lets a victim that is, or was, [asleep](Self::until_asleep) run to its end, which must be a good one.
    #[track_caller]
    pub fn finish(self) {
        loop {
            promptly("the victim goes on", || self.is_woken());
            match self.wait() {
                WaitStatus::Exited(_, 0) => return,
                WaitStatus::Stopped(_, Signal::SIGTRAP | Signal::SIGSTOP) => {
                    ptrace::cont(self.pid, None).expect("the victim is stopped");
                }
                other => panic!("the victim failed: {other:?}"),
            }
        }
    }

    #[track_caller]
    fn expect_trap(&self) {
        let status = self.wait();
        assert_eq!(status, WaitStatus::Stopped(self.pid, Signal::SIGTRAP), "the victim failed");
    }

    /// Walks while a process sleeps on a doorbell. Returns how the walk went, and what the sleeper got.
    pub fn walk_beside<T: Send>(
        self,
        steps: u64,
        (set, waiters): (i32, Waiters),
        sleeper: impl FnOnce() -> T + Send,
    ) -> (Walk, T) {
        thread::scope(|scope| {
            let sleeper = scope.spawn(sleeper);
            until_rings(set, waiters);
            let walk = self.walk(steps);
            (walk, sleeper.join().expect("the survivor is well"))
        })
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // A victim that failed is gone already, and the test that tells so is about to unwind.
        if !self.is_reaped.get() {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = process::wait_for(self.pid);
        }
    }
}

/// Stops the victim here: the operation begins, or has ended.
pub fn mark() {
    raise(Signal::SIGSTOP).expect("a signal can be sent to oneself");
}

/// The most kills of one operation, unless all are asked for by the environment.
const MOST_KILLS: u64 = 1000;

/// How long the kills of one operation may take. `WALK_SECONDS` sets another number.
fn most_time() -> Duration {
    Duration::from_secs(number_from_env("WALK_SECONDS", 1))
}

/// After how many steps to kill: all numbers, or as many as there is time for, in an order that the seed decides.
fn sample(instructions: u64, is_whole: bool, seed: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let stride = if is_whole { 1 } else { instructions.div_ceil(MOST_KILLS).max(1) };
    let first = random.u64(..stride);
    let stride = usize::try_from(stride).expect("it is small");
    let mut steps: Vec<u64> = (first..=instructions).step_by(stride).collect();
    // Late ones must not be the ones for which there is no time.
    random.shuffle(&mut steps);
    steps
}

/// Says which kill it was, if the test fails there.
struct Attempt<'a>(&'a str, u64, u64);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self(operation, steps, seed) = self;
            let when = match steps.checked_sub(PUBLIC) {
                _ if *steps == u64::MAX => "unharmed".to_owned(),
                None => format!("stopped after {steps} steps"),
                Some(steps) => format!("stopped after {steps} that others see"),
            };
            println!("{operation}: failed when {when}; STEP_SEED={seed} gives the same order");
        }
    }
}

fn told(operation: &str, steps: u64, seed: u64, attempt: &mut impl FnMut(u64) -> Walk) -> Walk {
    let _told = Attempt(operation, steps, seed);
    attempt(steps)
}

/// Stops a victim at the begin and at the end of each system call of an operation, and has the others act each time.
///
/// `attempt` is as for [`every_instruction`]. Nothing is left out: other processes see semaphores and ids change by system
/// calls alone.
pub fn every_call(operation: &str, mut attempt: impl FnMut(u64) -> Walk) {
    let stops = (0..).find(|&stops| matches!(told(operation, stops, 0, &mut attempt), Walk::Ended(_)));
    println!("{operation}: stopped {} times, none failed", stops.expect("it ended"));
}

/// Kills a victim after every number of steps of an operation, and has the survivors look each time.
///
/// `attempt` sets the scene, walks the victim with so many steps, looks, and says how the walk went.
/// A long operation is sampled, unless `EVERY_INSTRUCTION` is set. Returns how often the victim was killed.
pub fn every_instruction(operation: &str, attempt: impl FnMut(u64) -> Walk) -> usize {
    walk_through(operation, most_time(), attempt)
}

/// From here on a number of steps is one of instructions that others see at once: atomic changes, and system calls.
const PUBLIC: u64 = 1 << 48;

/// The most instructions that others see at once of which a stop comes right after.
const MOST_PUBLIC: u64 = 128;

/// As [`every_instruction`], in less time: for one of many operations that have their steps in common.
///
/// Half of the time is for stops right after an instruction that other processes see. There are far fewer of these.
pub fn instructions_of_one_of_many(operation: &str, mut attempt: impl FnMut(u64) -> Walk) {
    let (begun, mut stops, mut most) = (Instant::now(), 0, MOST_PUBLIC);
    if env::var_os("EVERY_INSTRUCTION").is_none() {
        let mut steps: Vec<u64> = (1..=MOST_PUBLIC).collect();
        let seed = number_from_env("STEP_SEED", fastrand::u64(..));
        fastrand::Rng::with_seed(seed).shuffle(&mut steps);
        for step in steps {
            if begun.elapsed() > most_time() / 16 {
                break;
            }
            if step < most {
                let walk = told(operation, PUBLIC + step, seed, &mut attempt);
                most = if walk == Walk::Killed { most } else { step };
                stops += 1;
            }
        }
        println!("{operation}: {stops} stops of {most} after instructions that others see");
    }
    walk_through(operation, most_time() / 16, attempt);
}

fn walk_through(operation: &str, most_time: Duration, mut attempt: impl FnMut(u64) -> Walk) -> usize {
    let is_whole = env::var_os("EVERY_INSTRUCTION").is_some();
    let seed = number_from_env("STEP_SEED", fastrand::u64(..));
    let mut attempt = |steps| told(operation, steps, seed, &mut attempt);
    let Walk::Ended(instructions) = attempt(u64::MAX) else { panic!("{operation} never ended") };
    let (begun, steps) = (Instant::now(), sample(instructions, is_whole, seed));
    let mut kills = 0;
    for &steps in &steps {
        if !is_whole && kills > 0 && begun.elapsed() > most_time {
            break;
        }
        attempt(steps);
        kills += 1;
    }
    let skipped = steps.len() - kills;
    println!(
        "{operation}: {instructions} instructions, {kills} stops, {skipped} left out for want of time, none failed"
    );
    kills
}
