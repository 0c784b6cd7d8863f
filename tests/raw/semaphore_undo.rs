//! Semaphores whose operations the kernel reverses when a process ends.

use support::{amount, child, hold_for_ever, semaphore, undoing, until};

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
