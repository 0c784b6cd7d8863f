//! Message queues: waits that end by the clock, which the kernel doesn't offer.

use std::{
    io,
    time::{Duration, Instant},
};

use nix::sys::signal::{SigHandler, SigSet, Signal};
use support::{LONG, SHORT, assert_fails, child, full_queue, install, kind, message, queue};
use sysv_ipc::{Errno, Error, Limit, MessageQueue, Selector};

/// A timed receive ends on time, and not before.
#[test]
fn a_timed_receive_ends_on_time() {
    let queue = queue();
    for timeout in [Duration::ZERO, Duration::from_nanos(1), SHORT, Duration::from_millis(150)] {
        let started = Instant::now();
        assert_fails!(queue.receive_timeout(Selector::Any, timeout), Error::TimedOut { call: "msgrcv", .. });
        assert!(started.elapsed() >= timeout);
    }
}

/// A timed send ends on time, and a message or room that comes earlier ends the wait.
#[test]
fn timed_waits_end_by_what_they_wait_for() {
    let full = full_queue();
    assert_fails!(full.send_timeout(&message(2, b"x"), SHORT), Error::TimedOut { call: "msgsnd", .. });
    let sender = child(|| full.send_timeout(&message(2, b"x"), LONG).unwrap());
    sender.until_asleep();
    full.receive(Selector::Any).unwrap();
    sender.join();

    let queue = queue();
    let receiver = child(|| {
        assert_eq!(queue.receive_timeout(Selector::Any, LONG).unwrap().bytes(), b"early");
        queue.receive_timeout(Selector::Any, Duration::MAX).unwrap();
    });
    receiver.until_asleep();
    queue.send(&message(1, b"early")).unwrap();
    queue.send(&message(1, b"also")).unwrap();
    receiver.join();
}

/// G5: a message that is longer than the queue's size waits until another process raises it, if the handle says so.
#[test]
#[cfg(target_os = "linux")]
fn case_g5_a_send_waits_for_a_larger_queue() {
    for timeout in [None, Some(LONG)] {
        let queue = queue();
        queue.set_max_size(10).unwrap();
        let eleven = message(1, &[b'x'; 11]);
        let mut patient = MessageQueue::clone(&queue);
        assert!(!patient.waits_for_resize());
        patient.set_wait_for_resize(true);
        assert_fails!(patient.try_send(&eleven), Error::WouldBlock { call: "msgsnd", .. });
        let started = Instant::now();
        assert_fails!(patient.send_timeout(&eleven, SHORT), Error::TimedOut { call: "msgsnd", .. });
        assert!(started.elapsed() >= SHORT);
        let sender = child(|| match timeout {
            None => patient.send(&eleven).unwrap(),
            Some(timeout) => patient.send_timeout(&eleven, timeout).unwrap(),
        });
        sender.until_asleep();
        // Another handle keeps the default, and is refused at once.
        assert_fails!(queue.send_timeout(&eleven, LONG), Error::MessageExceedsQueue { len: 11, max_size: 10, .. });
        queue.set_max_size(64).unwrap();
        sender.join();
        assert_eq!(queue.try_receive(Selector::Any).unwrap(), eleven);
    }
}

/// G5: such a wait ends if the queue is removed, or if a signal may end it.
#[test]
#[cfg(target_os = "linux")]
fn case_g5_a_wait_for_a_larger_queue_can_end() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    let queue = queue();
    queue.set_max_size(0).unwrap();
    let mut patient = MessageQueue::clone(&queue);
    patient.set_wait_for_resize(true);
    let interrupted = child(|| {
        install(Signal::SIGUSR1, SigHandler::Handler(nothing));
        let mut handle = patient.clone();
        handle.set_interruptible(true);
        assert_fails!(handle.send(&message(1, b"")), Error::Interrupted { call: "msgsnd", .. });
    });
    let removed = child(|| assert_fails!(patient.send(&message(1, b"")), Error::Removed { call: "msgsnd", .. }));
    interrupted.until_asleep();
    removed.until_asleep();
    interrupted.signal(Signal::SIGUSR1);
    interrupted.join();
    queue.remove().unwrap();
    removed.join();
}

/// Timed waits in many threads at once disturb neither each other nor plain receivers elsewhere.
#[test]
fn timed_waits_disturb_no_other() {
    let queue = queue();
    let mut plain = MessageQueue::clone(&queue);
    plain.set_interruptible(true);
    // An interruptible receiver would notice any signal.
    let bystander = child(|| assert_eq!(plain.receive(Selector::Type(kind(7))).unwrap().bytes(), b"done"));
    bystander.until_asleep();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let queue = &queue;
            scope.spawn(move || {
                for round in 0..20 {
                    let timeout = Duration::from_micros(300 * (thread + round));
                    let received = queue.receive_timeout(Selector::Type(kind(9)), timeout);
                    assert_fails!(received, Error::TimedOut { .. });
                }
            });
        }
        // Signals to the other threads must not reach this one, which waits all the while.
        let plain = &plain;
        let waiting = scope.spawn(move || plain.receive(Selector::Type(kind(8))));
        std::thread::sleep(Duration::from_millis(50));
        queue.send(&message(8, b"")).unwrap();
        waiting.join().unwrap().unwrap();
    });
    queue.send(&message(7, b"done")).unwrap();
    bystander.join();
}

/// A program's own handler of the signal stays, and a blocked or ignored signal times out all the same.
#[test]
fn timed_waits_and_the_programs_own_signals() {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    static RUNS: AtomicU32 = AtomicU32::new(0);
    extern "C" fn own_handler(_signal: libc::c_int) {
        RUNS.fetch_add(1, Relaxed);
    }
    let queue = queue();
    child(|| {
        let times_out = || assert_fails!(queue.receive_timeout(Selector::Any, SHORT), Error::TimedOut { .. });
        times_out();
        install(Signal::SIGURG, SigHandler::SigIgn);
        times_out();
        install(Signal::SIGURG, SigHandler::Handler(own_handler));
        let mut urgent = SigSet::empty();
        urgent.add(Signal::SIGURG);
        urgent.thread_block().unwrap();
        times_out();
        assert!(RUNS.load(Relaxed) > 0);
        assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGURG), "the mask is as it was");
        assert!(
            matches!(install(Signal::SIGURG, SigHandler::SigDfl).handler(), SigHandler::Handler(_)),
            "the handler stays"
        );
    })
    .join();
}

/// D8: a timer that can't be had is an error of its own, and not a queue that is not ready: a loop that tries again
/// where it would block would spin.
#[test]
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "a limit is set")]
fn case_d8_no_timer_for_a_timed_wait() {
    let (queue, full) = (queue(), full_queue());
    child(|| {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the limit is read alone.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &raw const none) }, 0);
        for result in
            [queue.receive_timeout(Selector::Any, LONG).map(drop), full.send_timeout(&message(1, &[0; 1024]), LONG)]
        {
            let error = result.unwrap_err();
            assert_fails!(
                Err::<(), _>(&error),
                Error::LimitReached { call: "alarm", limit: Limit::Timers, value: Some(0), errno: Errno::EAGAIN, .. }
            );
            assert!(!error.is_busy());
            assert!(error.to_string().contains("raise `ulimit -i` (RLIMIT_SIGPENDING)"), "{error}");
            let io = io::Error::from(error);
            assert_eq!((io.kind(), io.raw_os_error()), (io::ErrorKind::QuotaExceeded, None));
        }
        // What need not wait needs no timer.
        assert_fails!(queue.try_receive(Selector::Any), Error::WouldBlock { .. });
        assert!(full.receive_timeout(Selector::Any, LONG).is_ok());
    })
    .join();
}

/// R142: a signal doesn't end a wait unless the handle asked to be notified.
#[test]
fn r142_signals() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    let listen = || install(Signal::SIGUSR1, SigHandler::Handler(nothing));
    let queue = queue();
    let patient = child(|| {
        listen();
        assert_eq!(queue.receive(Selector::Type(kind(1))).unwrap().bytes(), b"after");
    });
    let timed = child(|| {
        listen();
        let started = Instant::now();
        // The signal has that long to come.
        let timeout = Duration::from_secs(3);
        assert_fails!(queue.receive_timeout(Selector::Type(kind(2)), timeout), Error::TimedOut { .. });
        assert!(started.elapsed() >= timeout);
    });
    let interrupted = child(|| {
        listen();
        let mut handle = MessageQueue::clone(&queue);
        handle.set_interruptible(true);
        assert_fails!(handle.receive(Selector::Type(kind(3))), Error::Interrupted { call: "msgrcv", .. });
    });
    let all = [patient, timed, interrupted];
    all.iter().for_each(support::Child::until_asleep);
    all.iter().for_each(|child| child.signal(Signal::SIGUSR1));
    let [patient, timed, interrupted] = all;
    interrupted.join();
    queue.send(&message(1, b"after")).unwrap();
    patient.join();
    timed.join();
}
