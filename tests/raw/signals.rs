//! Signals while a call waits: handlers that run again and again, and stops.
#![cfg(target_os = "linux")]

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::{SigHandler, Signal};
use support::{Child, LONG, assert_fails, child, full_queue, install, message, queue, semaphore, until};
use sysv_ipc::{Error, MessageQueue, Selector, SemOp, Semaphore};

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SIGNALS.fetch_add(1, Relaxed);
}

/// A wait of one second, in a process to which a signal comes each 10 milliseconds.
///
/// If each signal gave it the whole second anew, it would not end as long as signals come.
#[track_caller]
fn assert_ends_on_time(wait: impl FnOnce(Duration) -> sysv_ipc::Result<()>) {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let waiter = child(|| {
        install(Signal::SIGUSR1, SigHandler::Handler(count));
        let started = Instant::now();
        assert_fails!(wait(TIMEOUT), Error::TimedOut { .. });
        assert!(started.elapsed() >= TIMEOUT && SIGNALS.load(Relaxed) > 0);
    });
    waiter.until_asleep();
    let started = Instant::now();
    while !waiter.is_done() {
        assert!(started.elapsed() < LONG, "signals prolong the wait");
        waiter.signal(Signal::SIGUSR1);
        thread::sleep(Duration::from_millis(10));
    }
    waiter.join();
}

/// M4: a timed wait keeps its deadline, however often a signal handler interrupts it.
#[test]
fn case_m4_signals_do_not_prolong_a_semaphores_wait() {
    let semaphore = semaphore(0);
    assert_ends_on_time(|timeout| semaphore.acquire_timeout(timeout));
}

/// M4: for several operations at once as well.
#[test]
fn case_m4_signals_do_not_prolong_a_sets_wait() {
    let semaphore = semaphore(1);
    assert_ends_on_time(|timeout| semaphore.as_set().op_timeout(&[SemOp::zero(0)], timeout));
}

/// M4: a queue's wait ends by an alarm, which other signals don't put off.
#[test]
fn case_m4_signals_do_not_prolong_a_receivers_wait() {
    let queue = queue();
    assert_ends_on_time(|timeout| queue.receive_timeout(Selector::Any, timeout).map(drop));
}

/// M4: the same for a sender.
#[test]
fn case_m4_signals_do_not_prolong_a_senders_wait() {
    let full = full_queue();
    assert_ends_on_time(|timeout| full.send_timeout(&message(1, &[b'x'; 1024]), timeout));
}

/// Stops a process that waits, and lets it go on.
fn stop_and_continue(waiter: &Child) {
    let state_is = |wanted| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", waiter.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with(wanted)
    };
    waiter.until_asleep();
    waiter.signal(Signal::SIGSTOP);
    until(|| state_is('T'));
    waiter.signal(Signal::SIGCONT);
    until(|| !state_is('T'));
}

/// D2: a stop ends an interruptible wait on a semaphore, without any handler. The kernel doesn't distinguish it from a handler,
/// so this is documented, and the caller waits again.
#[test]
fn case_d2_a_stop_ends_an_interruptible_wait_on_a_semaphore() {
    let semaphore = semaphore(0);
    let waiter = child(|| {
        let mut interruptible = Semaphore::clone(&semaphore);
        interruptible.set_interruptible(true);
        assert_fails!(interruptible.acquire(), Error::Interrupted { call: "semop", .. });
        interruptible.acquire().unwrap();
    });
    stop_and_continue(&waiter);
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    semaphore.release().unwrap();
    waiter.join();
}

/// D2: no other wait ends by a stop: neither on a queue, nor on a semaphore without the attribute, nor with a timeout.
#[test]
fn case_d2_a_stop_ends_no_other_wait() {
    let (semaphore, queue) = (semaphore(0), queue());
    let mut interruptible = MessageQueue::clone(&queue);
    interruptible.set_interruptible(true);
    let waiters = [
        child(|| semaphore.acquire().unwrap()),
        child(|| semaphore.acquire_timeout(LONG).unwrap()),
        child(|| assert_eq!(interruptible.receive(Selector::Any).unwrap().bytes(), b"x")),
        child(|| assert_eq!(interruptible.receive_timeout(Selector::Any, LONG).unwrap().bytes(), b"x")),
    ];
    waiters.iter().for_each(stop_and_continue);
    waiters.iter().for_each(Child::until_asleep);
    for _ in 0..2 {
        semaphore.release().unwrap();
        queue.send(&message(1, b"x")).unwrap();
    }
    waiters.into_iter().for_each(Child::join);
}
