//! An alarm that makes one thread's system call end with `EINTR` once a deadline has passed.
//!
//! For calls that know no timeout: `msgsnd`, `msgrcv`, and `semop` where there is no `semtimedop`.
//!
//! States of an alarm:
//!
//! | state | signals | ends by |
//! | --- | --- | --- |
//! | set | none before the deadline | the deadline |
//! | ringing | one each millisecond, to the thread that set it | `drop` |
//! | dropped | none more | – |
//!
//! - **A1** Once the deadline has passed, a call that waits returns within about a millisecond: one
//!   signal could come just before the call begins and be spent, the next one can't.
//! - **A2** Only the thread that set it is signalled, and only until the drop has returned. One signal may still be
//!   pending then, and runs a handler that does nothing.
//! - **A3** The signal is unblocked while the alarm is set. Afterwards the thread's mask is as before.
//! - **A4** A handler of the program's own stays, and must expect to be called. A signal that is ignored or left at its
//!   default gets a handler that does nothing, and keeps it.
//! - A thread or process that dies takes its alarm along. `fork` from a signal handler inherits none.
#![allow(unsafe_code, reason = "signals are installed and sent here")]

use std::{mem::MaybeUninit, ptr, time::Duration};

use nix::{
    errno::Errno,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction},
};

use crate::{Error, Limit, ObjectId};

/// Ignored by default, and hardly ever used otherwise: it reports urgent data on sockets.
const SIGNAL: Signal = Signal::SIGURG;

/// How often it rings once the deadline has passed.
const AGAIN: Duration = Duration::from_millis(1);

#[cfg(target_os = "linux")]
type Bell = timer::Bell;
#[cfg(not(target_os = "linux"))]
type Bell = thread::Bell;

/// Rings from the deadline on, until it is dropped.
pub(crate) struct Alarm {
    bell: Option<Bell>,
    mask_before: SigSet,
}

/// The error of an alarm that can't be set.
///
/// `EAGAIN` of a timer or thread is no wait that may be tried again: it comes as long as the limit is reached.
#[cold]
pub(crate) fn refused(object: ObjectId, errno: Errno) -> Error {
    match errno {
        Errno::EAGAIN => Limit::Timers.reached("alarm", object, errno),
        errno => Error::System { call: "alarm", object, errno },
    }
}

impl Alarm {
    /// Sets an alarm for the calling thread, in which it must be dropped.
    pub(crate) fn set(left: Duration) -> Result<Self, Errno> {
        ensure_handler()?;
        let mut signal = SigSet::empty();
        signal.add(SIGNAL);
        let mask_before = signal.thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
        let mut alarm = Self { bell: None, mask_before };
        alarm.bell = Some(Bell::set(left)?);
        Ok(alarm)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        drop(self.bell.take());
        // It was this thread's mask a moment ago, so it is a valid one.
        let _ = self.mask_before.thread_set_mask();
    }
}

extern "C" fn do_nothing(_signal: libc::c_int) {}

/// Gives the signal a handler that does nothing, unless the program has one of its own.
///
/// Asked each time, because a program may ignore the signal at any time, and then nothing would ring.
fn ensure_handler() -> Result<(), Errno> {
    let mut current = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only fills in the current one.
    Errno::result(unsafe { libc::sigaction(SIGNAL as libc::c_int, ptr::null(), current.as_mut_ptr()) })?;
    // SAFETY: a `sigaction` is made of integers and pointers, for which zeroes are valid, and the call filled it.
    let current = unsafe { current.assume_init() };
    if current.sa_sigaction != libc::SIG_DFL && current.sa_sigaction != libc::SIG_IGN {
        return Ok(());
    }
    // Other system calls are restarted after it. On Linux the calls of System V end all the same. For other systems the
    // manuals don't say so.
    let flags = if cfg!(target_os = "linux") { SaFlags::SA_RESTART } else { SaFlags::empty() };
    let nothing = SigAction::new(SigHandler::Handler(do_nothing), flags, SigSet::empty());
    // SAFETY: the handler does nothing, which is safe at any moment.
    unsafe { sigaction(SIGNAL, &nothing) }.map(drop)
}

#[cfg(target_os = "linux")]
mod timer {
    use std::{mem::MaybeUninit, time::Duration};

    use nix::{
        errno::Errno,
        sys::{
            signal::SigEvent,
            timer::{Expiration, Timer, TimerSetTimeFlags},
        },
        time::ClockId,
        unistd::gettid,
    };

    /// A kernel timer that signals one thread.
    pub(super) struct Bell {
        _timer: Timer,
    }

    impl Bell {
        pub(super) fn set(left: Duration) -> Result<Self, Errno> {
            // SAFETY: a `sigevent` is made of integers and a null pointer, for which zeroes are valid.
            let mut to_this_thread: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
            to_this_thread.sigev_notify = libc::SIGEV_THREAD_ID;
            to_this_thread.sigev_signo = super::SIGNAL as libc::c_int;
            to_this_thread.sigev_notify_thread_id = gettid().as_raw();
            let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::from(&to_this_thread))?;
            // Zero would disarm it, and the kernel refuses more seconds than it has bits for.
            let first = left.clamp(Duration::from_nanos(1), Duration::from_secs(u32::MAX.into()));
            let expiration = Expiration::IntervalDelayed(first.into(), super::AGAIN.into());
            timer.set(expiration, TimerSetTimeFlags::empty())?;
            Ok(Self { _timer: timer })
        }
    }
}

/// For systems that have no timer which signals a thread: a thread that does.
#[cfg(any(test, not(target_os = "linux")))]
mod thread {
    use std::{
        sync::mpsc::{self, RecvTimeoutError, Sender},
        thread::{self, JoinHandle},
        time::Duration,
    };

    use nix::{errno::Errno, sys::pthread};

    /// The thread that set the alarm.
    struct Waiting(pthread::Pthread);

    // SAFETY: the name of a thread may be used in any thread, though some systems make it a pointer.
    unsafe impl Send for Waiting {}

    /// A thread that signals the thread that set the alarm.
    pub(super) struct Bell {
        stop: Option<Sender<()>>,
        ringer: Option<JoinHandle<()>>,
    }

    impl Bell {
        pub(super) fn set(left: Duration) -> Result<Self, Errno> {
            let waiting = Waiting(pthread::pthread_self());
            let (stop, stopped) = mpsc::channel();
            let ring = move || {
                let Waiting(waiting) = { waiting };
                let mut pause = left;
                while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    // The thread is alive: it joins this one before it drops the alarm.
                    let _ = pthread::pthread_kill(waiting, super::SIGNAL);
                    pause = super::AGAIN;
                }
            };
            let ringer = thread::Builder::new()
                .name("sysv-ipc-alarm".into())
                .spawn(ring)
                .map_err(|error| error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw))?;
            Ok(Self { stop: Some(stop), ringer: Some(ringer) })
        }
    }

    impl Drop for Bell {
        fn drop(&mut self) {
            drop(self.stop.take());
            if let Some(ringer) = self.ringer.take() {
                // It can't panic, and if it did there would be nothing to stop.
                let _ = ringer.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use nix::{errno::Errno, poll};

    use super::{Alarm, ensure_handler, thread};

    /// Waits by `poll` on nothing, since `thread::sleep` would go on after a signal.
    fn wait(milliseconds: u16) -> Result<i32, Errno> {
        poll::poll(&mut [], poll::PollTimeout::from(milliseconds))
    }

    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn a_call_that_waits_is_interrupted_and_not_early() {
        let started = Instant::now();
        let alarm = Alarm::set(SHORT).expect("an alarm can be set");
        assert_eq!(wait(20_000), Err(Errno::EINTR));
        assert!(started.elapsed() >= SHORT);
        drop(alarm);
        assert_eq!(wait(20), Ok(0), "it went on after the drop");
    }

    /// A1: a signal that came before the call began is spent, and the next one comes.
    #[test]
    fn a_call_that_begins_late_is_interrupted() {
        let _alarm = Alarm::set(Duration::from_millis(1)).expect("an alarm can be set");
        let begin = Instant::now() + SHORT;
        while Instant::now() < begin {}
        assert_eq!(wait(20_000), Err(Errno::EINTR));
    }

    #[test]
    fn the_thread_bell_does_the_same() {
        ensure_handler().expect("a handler can be installed");
        let bell = thread::Bell::set(Duration::from_millis(1)).expect("a thread can be started");
        let begin = Instant::now() + SHORT;
        while Instant::now() < begin {}
        assert_eq!(wait(20_000), Err(Errno::EINTR));
        drop(bell);
        let silent = thread::Bell::set(Duration::from_secs(3600)).expect("a thread can be started");
        assert_eq!(wait(50), Ok(0));
        let dropping = Instant::now();
        drop(silent);
        assert!(dropping.elapsed() < Duration::from_secs(60));
    }
}
