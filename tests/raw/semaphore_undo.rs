//! Semaphore operations that the kernel reverses when a process ends.

use support::{amount, as_nobody, assert_fails, child, hold_for_ever, semaphore, undoing, until};
use sysv_ipc::{Amount, Errno, Error, Limit, SEMAPHORE_VALUE_MAX, SemOp, SemaphoreOptions};

/// R59: the end of a process reverses what it did with undo, by kill as well as by exit.
#[test]
fn r59_undo_at_every_end() {
    let semaphore = semaphore(5);
    child(|| undoing(&semaphore).acquire_many(amount(2)).unwrap()).join();
    assert_eq!(semaphore.value().unwrap(), 5);
    let killed = child(|| {
        undoing(&semaphore).acquire_many(amount(3)).unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 2);
    killed.kill();
    assert_eq!(semaphore.value().unwrap(), 5);
    // R69 R66: it counts as an operation, of the process that ended.
    assert!(semaphore.o_time().unwrap().is_some());
}

/// R59: the account is the process's, not the thread's, and `fork` doesn't inherit it.
#[test]
fn r59_undo_belongs_to_the_process() {
    let semaphore = semaphore(2);
    child(|| {
        let undone = undoing(&semaphore);
        std::thread::scope(|scope| scope.spawn(|| undone.acquire().unwrap()).join()).unwrap();
        assert_eq!(semaphore.value().unwrap(), 1, "a thread that ends gives nothing back");
        child(|| {}).join();
        assert_eq!(semaphore.value().unwrap(), 1, "a child inherits no account");
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 2);
}

/// R59: with undo on one side alone, the value is one too high afterwards.
#[test]
fn r59_undo_must_be_on_both_sides() {
    let semaphore = semaphore(1);
    child(|| {
        undoing(&semaphore).acquire().unwrap();
        semaphore.release().unwrap();
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 2);
}

/// R60: on Linux a reversal stops at 0.
#[test]
#[cfg(target_os = "linux")]
fn r60_undo_is_clamped() {
    let semaphore = semaphore(0);
    child(|| {
        undoing(&semaphore).release_many(amount(3)).unwrap();
        semaphore.acquire_many(amount(2)).unwrap();
    })
    .join();
    assert_eq!(semaphore.value().unwrap(), 0);
}

/// D1: what is done with undo on one side alone fills the process's account, whatever the value is, and the error names it.
#[test]
#[cfg(target_os = "linux")]
fn case_d1_a_full_undo_account() {
    let semaphore = semaphore(1);
    child(|| {
        let undone = undoing(&semaphore);
        for _ in 0..SEMAPHORE_VALUE_MAX {
            undone.acquire().unwrap();
            semaphore.release().unwrap();
        }
        assert_eq!(semaphore.value().unwrap(), 1);
        assert_account_is_full(undone.acquire());
        // In one list as well, in which another semaphore or the sum tells nothing else.
        let one = Amount::ONE;
        assert_account_is_full(semaphore.as_set().op(&[SemOp::add(0, one), SemOp::sub(0, one).undo()]));
        assert_eq!(semaphore.value().unwrap(), 1, "nothing was changed");
        // The cure: the same with undo in the other direction.
        undone.release().unwrap();
        undone.acquire().unwrap();
    })
    .join();
    child(|| {
        let undone = undoing(&semaphore);
        semaphore.set_value(0).unwrap();
        undone.release_many(Amount::MAX).unwrap();
        assert_fails!(undone.release(), Error::ValueOutOfRange { call: "semop", .. });
        semaphore.acquire_many(Amount::MAX).unwrap();
        // One more than in the other direction.
        undone.release().unwrap();
        assert_account_is_full(undone.release());
        assert_fails!(semaphore.as_set().op(&[SemOp::add(0, Amount::MAX)]), Error::ValueOutOfRange { .. });
    })
    .join();
}

/// D1: without permission to read the value, an operation that only takes can't have been refused for it.
#[test]
#[cfg(target_os = "linux")]
fn case_d1_a_full_undo_account_that_can_not_be_read() {
    as_nobody(|| {
        let semaphore = support::own(SemaphoreOptions::new().initial_value(1).open_random().unwrap());
        let undone = undoing(&semaphore);
        semaphore.set_mode(0o200).unwrap();
        for _ in 0..SEMAPHORE_VALUE_MAX {
            undone.acquire().unwrap();
            semaphore.release().unwrap();
        }
        assert_fails!(semaphore.value(), Error::PermissionDenied { .. });
        assert_account_is_full(undone.acquire());
    });
}

#[track_caller]
fn assert_account_is_full(result: sysv_ipc::Result<()>) {
    let error = result.unwrap_err();
    assert!(
        error.to_string().contains("the undo account of this process), which is 32767; do an operation"),
        "{error}"
    );
    assert_fails!(
        Err::<(), _>(error),
        Error::LimitReached { call: "semop", limit: Limit::Semaem, value: Some(32_767), errno: Errno::ERANGE, .. }
    );
}
