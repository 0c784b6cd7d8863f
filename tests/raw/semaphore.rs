//! The single semaphore: acquire and release, attributes. How it is made and opened is in `semaphore_open.rs`, how it is
//! undone in `semaphore_undo.rs`.

use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{SigHandler, Signal};
use support::{
    SHORT, amount, as_nobody, assert_fails, child, hold_for_ever, install, own, semaphore, semaphores, skip, undoing,
    until,
};
use sysv_ipc::{Amount, Deadline, Error, SEMAPHORE_VALUE_MAX, SemOp, Semaphore, SemaphoreOptions, remove_semaphore};

// Acquire, release, wait for zero ------------------------------------------------------------

/// R38 R46 R49: acquire takes and release gives, one or several.
#[test]
fn r38_acquire_and_release() {
    let semaphore = semaphore(3);
    semaphore.acquire().unwrap();
    semaphore.acquire_many(amount(2)).unwrap();
    assert_eq!(semaphore.value().unwrap(), 0);
    semaphore.release().unwrap();
    semaphore.release_many(amount(4)).unwrap();
    assert_eq!(semaphore.value().unwrap(), 5);
}

/// R39 R67: a waiter for more than there is waits. A later one that wants less overtakes it.
#[test]
fn r39_all_or_nothing_and_no_queue() {
    let semaphore = semaphore(3);
    let greedy = child(|| semaphore.acquire_many(amount(4)).unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    assert_eq!(semaphore.value().unwrap(), 3);
    semaphore.acquire_timeout(Duration::from_secs(10)).unwrap();
    semaphore.release_many(amount(2)).unwrap();
    greedy.join();
    assert_eq!((semaphore.value().unwrap(), semaphore.waiting_for_nonzero().unwrap()), (0, 0));
}

/// R40 R51 R54: without a timeout it waits until a release, in another process or another thread of its own, which runs
/// on meanwhile.
#[test]
fn r40_waits_without_limit() {
    let semaphore = semaphore(0);
    let waiter = child(|| semaphore.p().unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    std::thread::sleep(SHORT);
    semaphore.v().unwrap();
    waiter.join();
    std::thread::scope(|scope| {
        scope.spawn(|| semaphore.p().unwrap());
        until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
        semaphore.v().unwrap();
    });
}

/// R41 R42: a timeout of zero doesn't wait, a longer one is an upper bound, and both take what is there.
#[test]
fn r41_timeouts() {
    let semaphore = semaphore(1);
    semaphore.acquire_timeout(Duration::ZERO).unwrap();
    assert_fails!(semaphore.acquire_timeout(Duration::ZERO), Error::TimedOut { .. });
    assert_fails!(semaphore.try_acquire(), Error::WouldBlock { .. });
    let started = Instant::now();
    assert_fails!(semaphore.acquire_timeout(SHORT), Error::TimedOut { call: "semop", .. });
    assert!(started.elapsed() >= SHORT);
    semaphore.release().unwrap();
    semaphore.acquire_timeout(SHORT).unwrap();
    assert_fails!(semaphore.acquire_many_timeout(amount(2), SHORT), Error::TimedOut { .. });
    assert_fails!(semaphore.acquire_guard_deadline(Deadline::NOW), Error::WouldBlock { .. });
    assert_fails!(semaphore.acquire_deadline(Deadline::from(started)), Error::TimedOut { .. });
}

/// R43: the longest duration there is waits as long as it takes, and ends when it may.
#[test]
fn r43_durations_beyond_the_clock() {
    let semaphore = semaphore(0);
    let waiter = child(|| {
        semaphore.acquire_timeout(Duration::MAX).unwrap();
        semaphore.acquire_timeout(Duration::from_secs(u64::MAX / 4)).unwrap();
    });
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    semaphore.release_many(amount(2)).unwrap();
    waiter.join();
}

/// R12 R44: timeouts work on every system. This constant says only whether the kernel does it.
#[test]
fn r44_timeouts_are_never_ignored() {
    assert_eq!(sysv_ipc::SEMAPHORE_TIMEOUT_SUPPORTED, cfg!(target_os = "linux"));
    assert_fails!(semaphore(0).acquire_timeout(SHORT), Error::TimedOut { .. });
}

/// R45 R61 R175: a handle that doesn't block never waits, whatever timeout is given.
#[test]
fn r45_block_false_trumps_every_timeout() {
    let kept = semaphore(0);
    let mut semaphore = Semaphore::clone(&kept);
    semaphore.set_block(false);
    assert!(!semaphore.block());
    assert_fails!(semaphore.acquire(), Error::WouldBlock { .. });
    assert_fails!(semaphore.acquire_timeout(Duration::from_secs(20)), Error::WouldBlock { .. });
    semaphore.release().unwrap();
    assert_fails!(semaphore.wait_zero_timeout(Duration::from_secs(20)), Error::WouldBlock { .. });
    semaphore.acquire().unwrap();
}

/// R47 R48 R176: amounts are 1 to 32,767. Nothing else can be said.
#[test]
fn r47_amounts() {
    assert_fails!(Amount::new(0), Error::AmountOutOfRange { amount: 0 });
    assert_fails!(Amount::new(32_768), Error::AmountOutOfRange { amount: 32_768 });
    for number in [0, -1, -32_768, 32_768, 1 << 32, i64::MIN] {
        assert_fails!(Amount::try_from(number), Error::AmountOutOfRange { amount } if amount == number);
    }
    let semaphore = semaphore(0);
    semaphore.release_many(Amount::MAX).unwrap();
    semaphore.acquire_many(Amount::MAX).unwrap();
    assert_eq!(semaphore.value().unwrap(), 0);
}

/// R49: beyond the largest value a release is refused and changes nothing. Any process may release.
#[test]
fn r49_release_beyond_the_maximum() {
    let semaphore = semaphore(SEMAPHORE_VALUE_MAX);
    assert_fails!(semaphore.release(), Error::ValueOutOfRange { call: "semop", .. });
    assert_eq!(semaphore.value().unwrap(), SEMAPHORE_VALUE_MAX);
    semaphore.acquire().unwrap();
    child(|| semaphore.release().unwrap()).join();
    assert_eq!(semaphore.value().unwrap(), SEMAPHORE_VALUE_MAX);
}

/// R50 R52 R68 R69: Z waits for zero, needs read permission alone, and counts as an operation.
#[test]
fn r52_wait_zero() {
    let semaphore = semaphore(1);
    assert_fails!(semaphore.try_wait_zero(), Error::WouldBlock { .. });
    assert_fails!(semaphore.wait_zero_timeout(SHORT), Error::TimedOut { .. });
    assert_eq!(semaphore.o_time().unwrap(), None);
    let waiter = child(|| semaphore.z().unwrap());
    until(|| semaphore.waiting_for_zero().unwrap() == 1);
    semaphore.p().unwrap();
    waiter.join();

    let readable = own(SemaphoreOptions::new().mode(0o604).open_random().unwrap());
    as_nobody(|| Semaphore::from_id(readable.id()).unwrap().wait_zero().unwrap());
    until(|| readable.o_time().unwrap().is_some() || !support::has_user(support::NOBODY));
}

/// R1 R53 R170: removal wakes the waiters, then nothing is there, and another one gets another id.
#[test]
fn r53_removal() {
    let semaphore = semaphore(0);
    let waiters: Vec<_> = (0..2)
        .map(|_| child(|| assert_fails!(semaphore.acquire_timeout(Duration::from_secs(50)), Error::Removed { .. })))
        .collect();
    until(|| semaphore.waiting_for_nonzero().unwrap() == 2);
    semaphore.remove().unwrap();
    waiters.into_iter().for_each(support::Child::join);
    assert_fails!(semaphore.value(), Error::Removed { .. });
    assert_fails!(semaphore.acquire(), Error::Removed { .. });
    assert_fails!(semaphore.remove(), Error::Removed { .. });
    assert_fails!(remove_semaphore(semaphore.id()), Error::NotFound { .. });
    assert_fails!(remove_semaphore(-1), Error::NotFound { .. });
    let key = semaphore.key().unwrap();
    let again = own(SemaphoreOptions::new().create(true).exclusive(true).open(key).unwrap());
    assert_ne!(again.id(), semaphore.id());
}

/// R18 R55: a signal doesn't end a wait, nor prolong it, unless the handle asked to be notified.
#[test]
fn r55_signals() {
    let semaphore = semaphore(0);
    let patient = child(|| {
        count_signals();
        let started = Instant::now();
        // The signal has that long to come.
        let timeout = Duration::from_secs(3);
        assert_fails!(semaphore.acquire_timeout(timeout), Error::TimedOut { .. });
        assert!(started.elapsed() >= timeout && SIGNALS.load(std::sync::atomic::Ordering::Relaxed) > 0);
    });
    let interrupted = child(|| {
        count_signals();
        let mut impatient = Semaphore::clone(&semaphore);
        impatient.set_interruptible(true);
        assert_fails!(impatient.acquire(), Error::Interrupted { call: "semop", .. });
    });
    until(|| semaphore.waiting_for_nonzero().unwrap() == 2);
    patient.signal(Signal::SIGUSR1);
    interrupted.signal(Signal::SIGUSR1);
    interrupted.join();
    patient.join();
}

static SIGNALS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SIGNALS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

fn count_signals() {
    install(Signal::SIGUSR1, SigHandler::Handler(count));
}

/// A guard releases when it is dropped, on a panic too.
#[test]
fn guard_releases_on_panic() {
    let semaphore = semaphore(1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = semaphore.acquire_guard().unwrap();
        assert_eq!(semaphore.value().unwrap(), 0);
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    assert_eq!(semaphore.value().unwrap(), 1);
    let _guard = semaphore.try_acquire_guard().unwrap();
    assert_fails!(semaphore.acquire_guard_timeout(SHORT), Error::TimedOut { .. });
    assert_fails!(semaphore.try_acquire_guard(), Error::WouldBlock { .. });
}

/// What a guard took is given back once: by the process that took it.
#[test]
fn forked_child_drops_its_parents_guard() {
    let semaphore = semaphore(1);
    // Both processes have it after the fork, and the parent keeps its own.
    let mut guard = Some(semaphore.acquire_guard().unwrap());
    child(|| {
        drop(guard.take());
        assert_eq!(semaphore.value().unwrap(), 0, "the parent still has it");
        semaphore.release().unwrap();
        drop(semaphore.acquire_guard().unwrap());
        assert_eq!(semaphore.value().unwrap(), 1, "the child's own is given back");
        semaphore.acquire().unwrap();
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 0);
    drop(guard);
    assert_eq!(semaphore.value().unwrap(), 1);
}

/// D3: whether a child returns, panics or is killed, the parent gets the semaphore.
#[test]
fn d3_the_parent_gets_the_semaphore_however_the_child_ends() {
    let semaphore = semaphore(1);
    child(|| drop(semaphore.acquire_guard().unwrap())).join();
    child(|| {
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = semaphore.acquire_guard().unwrap();
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(unwound.is_err());
    })
    .join();
    let killed = child(|| {
        let mut undone = Semaphore::clone(&semaphore);
        undone.set_undo(true);
        let _guard = undone.acquire_guard().unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 0);
    killed.kill();
    semaphore.acquire_timeout(Duration::from_secs(10)).unwrap();
}

// Attributes ---------------------------------------------------------------------------------

/// R57 R58 R172: the value can be set within its range. Setting clears undo, wakes, and leaves o_time.
#[test]
fn r58_set_value() {
    let semaphore = semaphore(0);
    assert!(semaphore.id() >= 0);
    let waiter = child(|| semaphore.acquire().unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    semaphore.set_value(3).unwrap();
    waiter.join();
    assert_eq!(semaphore.value().unwrap(), 2);
    assert_fails!(semaphore.set_value(SEMAPHORE_VALUE_MAX + 1), Error::ValueOutOfRange { .. });
    assert_eq!(semaphore.value().unwrap(), 2);

    let holder = child(|| {
        undoing(&semaphore).acquire().unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 1);
    semaphore.set_value(7).unwrap();
    holder.kill();
    assert_eq!(semaphore.value().unwrap(), 7, "the account was cleared");
}

/// R10: the largest value.
#[test]
fn r10_value_max() {
    assert_eq!(SEMAPHORE_VALUE_MAX, 32_767);
}

/// R66: the process of the last operation, and none at first.
#[test]
fn r66_last_pid() {
    let set = semaphores(1);
    assert_eq!(set.last_pid(0).unwrap(), None);
    let worker = child(|| set.op(&[SemOp::add(0, Amount::ONE)]).unwrap());
    let pid = worker.id();
    worker.join();
    assert_eq!(set.last_pid(0).unwrap(), Some(pid));
    set.set_value(0, 0).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(set.last_pid(0).unwrap(), Some(std::process::id()));
    }
}

/// R69: no time at first, none by failures or by setting the value, then whole seconds.
#[test]
fn r69_o_time() {
    let semaphore = semaphore(0);
    assert_fails!(semaphore.try_acquire(), Error::WouldBlock { .. });
    assert_fails!(semaphore.acquire_timeout(SHORT), Error::TimedOut { .. });
    semaphore.set_value(1).unwrap();
    assert_eq!(semaphore.o_time().unwrap(), None);
    semaphore.acquire().unwrap();
    let time = semaphore.o_time().unwrap().unwrap();
    assert_eq!(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos(), 0);
    assert!(SystemTime::now().duration_since(time).unwrap() < Duration::from_secs(60));
}

/// R62: the mode can be changed, and keeps nine bits alone.
#[test]
fn r62_mode() {
    let semaphore = semaphore(0);
    semaphore.set_mode(0o107_777).unwrap();
    assert_eq!(semaphore.permissions().unwrap().mode.bits(), 0o777);
    semaphore.set_mode(0o640).unwrap();
    assert_eq!(semaphore.permissions().unwrap().mode.to_string(), "0640");
}

/// R64 R65: the owner can be changed. The creator stays, and keeps control.
#[test]
fn r64_owner_and_creator() {
    let semaphore = semaphore(0);
    let before = semaphore.permissions().unwrap();
    if !support::has_user(support::NOBODY) {
        semaphore.set_owner(Some(before.uid), None).unwrap();
        return skip("only root can give a semaphore away");
    }
    semaphore.set_owner(Some(65_534), None).unwrap();
    let after = semaphore.permissions().unwrap();
    assert_eq!((after.uid, after.gid), (65_534, before.gid));
    assert_eq!((after.cuid, after.cgid), (before.cuid, before.cgid));
    as_nobody(|| {
        let mine = own(SemaphoreOptions::new().open_random().unwrap());
        mine.set_owner(Some(1), None).unwrap();
        mine.set_mode(0o666).unwrap();
        mine.remove().unwrap();
    });
}

/// R20: without permission to read, attributes are refused. EPERM is the same error.
#[test]
fn r20_permission_errors() {
    let semaphore = semaphore(1);
    as_nobody(|| {
        let stranger = Semaphore::from_id(semaphore.id()).unwrap();
        assert_fails!(stranger.value(), Error::PermissionDenied { errno: sysv_ipc::Errno::EACCES, .. });
        assert_fails!(stranger.acquire(), Error::PermissionDenied { .. });
        assert_fails!(stranger.remove(), Error::PermissionDenied { errno: sysv_ipc::Errno::EPERM, .. });
        assert_fails!(remove_semaphore(stranger.id()), Error::PermissionDenied { .. });
    });
    assert_eq!(semaphore.value().unwrap(), 1);
}

/// R153: what a handle shows has key and id.
#[test]
fn r153_debug() {
    let semaphore = semaphore(0);
    let text = format!("{semaphore:?}");
    assert!(text.contains(&semaphore.id().to_string()) && text.contains(&semaphore.key().unwrap().to_string()));
}

/// R21: never there and removed are distinguished, and both are gone.
#[test]
fn r21_gone() {
    assert_fails!(Semaphore::from_id(i32::MAX), Error::NotFound { .. });
    let semaphore = semaphore(0);
    semaphore.remove().unwrap();
    assert!(semaphore.value().unwrap_err().is_gone());
}

/// R22: one question covers would-block and timed-out.
#[test]
fn r22_busy() {
    let semaphore = semaphore(0);
    assert!(semaphore.try_acquire().unwrap_err().is_busy());
    assert!(semaphore.acquire_timeout(SHORT).unwrap_err().is_busy());
    assert!(!semaphore.release().is_err_and(|error| error.is_busy()));
}

/// G9: a creation with the value 0 is no operation on Linux, and one with another value is.
#[test]
#[cfg(target_os = "linux")]
fn case_g9_last_pid_after_a_creation() {
    assert_eq!(semaphore(0).last_pid().unwrap(), None);
    assert_eq!(semaphore(1).last_pid().unwrap(), Some(std::process::id()));
    let zero = semaphore(0);
    zero.release().unwrap();
    assert_eq!(zero.last_pid().unwrap(), Some(std::process::id()));
}
