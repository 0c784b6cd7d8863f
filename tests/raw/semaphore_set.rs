//! Sets of semaphores: several operations as one, values, and safe initialisation.

use std::time::Duration;

use support::{KeyGuard, as_nobody, assert_fails, child, free_key, hold_for_ever, own, semaphores, until};
use sysv_ipc::{Amount, Deadline, Error, Key, SemOp, SemaphoreOptions, SemaphoreSet};

const ONE: Amount = Amount::ONE;

/// Several operations happen all together or not at all.
#[test]
fn operations_are_one_step() {
    let set = semaphores(3);
    set.op(&[SemOp::add(0, ONE), SemOp::add(1, ONE), SemOp::add(0, ONE)]).unwrap();
    assert_fails!(set.op(&[SemOp::sub(0, ONE), SemOp::sub(2, ONE).no_wait()]), Error::WouldBlock { .. });
    assert_eq!(set.values().unwrap(), [2, 1, 0]);

    let mover = child(|| set.op(&[SemOp::sub(0, ONE), SemOp::sub(2, ONE)]).unwrap());
    until(|| set.waiting_for_nonzero(2).unwrap() == 1);
    assert_eq!(set.values().unwrap(), [2, 1, 0]);
    set.op(&[SemOp::add(2, ONE)]).unwrap();
    mover.join();
    assert_eq!(set.values().unwrap(), [1, 1, 0]);
}

/// The classic lock of two operations excludes, and survives the death of its holder.
#[test]
fn a_lock_of_two_operations_survives_its_holder() {
    let set = semaphores(1);
    let lock = [SemOp::zero(0), SemOp::add(0, ONE).undo()];
    let holder = child(|| {
        set.op(&lock).unwrap();
        hold_for_ever()
    });
    until(|| set.value(0).unwrap() == 1);
    assert_fails!(set.op_timeout(&lock, Duration::from_millis(20)), Error::TimedOut { .. });
    assert_fails!(set.op_deadline(&lock, Deadline::NOW), Error::WouldBlock { .. });
    assert_fails!(set.try_op(&lock), Error::WouldBlock { .. });
    holder.kill();
    set.op_timeout(&lock, Duration::from_secs(10)).unwrap();
}

/// R152: all values are read and set at once, one for each semaphore.
#[test]
fn r152_all_values() {
    let set = semaphores(3);
    set.set_values(&[1, 2, 3]).unwrap();
    assert_eq!(set.values().unwrap(), [1, 2, 3]);
    assert_eq!((set.len().unwrap(), set.stat().unwrap().len), (3, 3));
    assert!(set.stat().unwrap().c_time.is_some());
    assert_fails!(set.set_values(&[1, 2]), Error::WrongCount { given: 2, len: 3, .. });
    assert_fails!(set.set_values(&[1, 2, 32_768]), Error::ValueOutOfRange { .. });
    assert_eq!(set.values().unwrap(), [1, 2, 3]);
}

/// Bad input is distinguished from good, and changes nothing.
#[test]
fn bad_input() {
    let set = semaphores(2);
    assert_fails!(set.op(&[]), Error::NoOperations);
    assert_fails!(set.op(&[SemOp::add(0, ONE), SemOp::add(2, ONE)]), Error::NoSuchSemaphore { index: 2, .. });
    assert_fails!(set.value(2), Error::NoSuchSemaphore { index: 2, .. });
    assert_fails!(set.value(usize::MAX), Error::NoSuchSemaphore { index: usize::MAX, .. });
    assert_fails!(set.set_value(2, 1), Error::NoSuchSemaphore { index: 2, .. });
    assert_fails!(set.last_pid(2), Error::NoSuchSemaphore { .. });
    assert_eq!(set.values().unwrap(), [0, 0]);
}

/// Sizes: any set opens with 0, a smaller one than asked for doesn't, a new one needs members.
#[test]
fn sizes() {
    let key = free_key();
    let mut options = SemaphoreOptions::new();
    options.create(true);
    assert_fails!(options.open_set(key, 0), Error::SizeZero { .. });
    let set = own(options.open_set(key, 2).unwrap());
    assert_eq!(SemaphoreOptions::new().open_set(key, 0).unwrap(), SemaphoreSet::clone(&set));
    assert_eq!(SemaphoreOptions::new().open_set(key, 1).unwrap().len().unwrap(), 2);
    assert_fails!(SemaphoreOptions::new().open_set(key, 3), Error::SizeMismatch { requested: 3, .. });
}

/// R34: a mode that lets the owner write but not read takes its initial value all the same.
#[test]
fn r34_initial_value_without_permission_to_read() {
    as_nobody(|| {
        let set =
            own(SemaphoreOptions::new().create(true).mode(0o200).initial_value(3).open_set(Key::PRIVATE, 2).unwrap());
        assert_fails!(set.values(), Error::PermissionDenied { .. });
        assert_fails!(set.set_value(7, 1), Error::NoSuchSemaphore { index: 7, .. });
        // What can't be read can't be changed by halves, but whole.
        assert_fails!(set.set_mode(0o600), Error::PermissionDenied { .. });
        set.set_owner_and_mode(65_534, 65_534, 0o600).unwrap();
        assert_eq!(set.values().unwrap(), [3, 3]);
    });
}

/// An owner that doesn't exist is not taken for an object that doesn't.
#[test]
fn owners_that_do_not_exist() {
    let set = semaphores(1);
    assert_fails!(set.set_owner(Some(u32::MAX), None), Error::System { errno: sysv_ipc::Errno::EINVAL, .. });
    let (memory, queue) = (support::memory(1), support::queue());
    assert_fails!(memory.set_owner(None, Some(u32::MAX)), Error::System { .. });
    assert_fails!(queue.set_owner(Some(u32::MAX), None), Error::System { .. });
}

// Initialisation -----------------------------------------------------------------------------

/// R157: of many processes that open at once, one initialises, and none sees the semaphore before.
#[test]
fn r157_no_initialisation_race() {
    const ROUNDS: usize = 25;
    for _ in 0..ROUNDS {
        let key = free_key();
        let _cleanup = KeyGuard::new(key);
        let openers: Vec<_> = (0..4)
            .map(|_| {
                child(|| {
                    let mut options = SemaphoreOptions::new();
                    let semaphore = options.initial_value(1).open_initialized(key, Duration::from_secs(20)).unwrap();
                    assert!(semaphore.o_time().unwrap().is_some(), "opened before it was initialised");
                    // The lock of six steps: with the race, two would own it.
                    semaphore.acquire().unwrap();
                    assert_eq!(semaphore.value().unwrap(), 0);
                    semaphore.release().unwrap();
                })
            })
            .collect();
        openers.into_iter().for_each(support::Child::join);
        assert_eq!(SemaphoreOptions::new().open(key).unwrap().value().unwrap(), 1);
    }
}

/// An opener never finds a semaphore that has its time and not its value: the creator is looked at between its system calls.
#[test]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn si2_the_value_comes_with_the_time() {
    use support::step::{Pace, Victim, mark};
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let creator = Victim::start(|| {
        mark();
        SemaphoreOptions::new().initial_value(1).open_initialized(key, Duration::from_secs(20)).unwrap();
        mark();
    });
    let mut was_half_made = false;
    creator.stop_when(Pace::Call, || {
        if let Ok(semaphore) = SemaphoreOptions::new().open(key) {
            match semaphore.o_time().unwrap() {
                Some(_) => assert_eq!(semaphore.value().unwrap(), 1),
                None => was_half_made = true,
            }
        }
        false
    });
    assert!(was_half_made, "it was looked at in time");
}

/// R157: a creator that died in between is an error that names it, after patience is over.
#[test]
fn r157_a_creator_that_dies_is_noticed() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let creator = child(|| {
        // What `open_initialized` does up to the moment before it publishes.
        let set = SemaphoreOptions::new().create(true).exclusive(true).open_set(key, 1).unwrap();
        set.set_value(0, 0).unwrap();
        hold_for_ever()
    });
    let half_made = || SemaphoreOptions::new().open(key);
    until(|| half_made().is_ok_and(|semaphore| semaphore.last_pid().unwrap().is_some()));
    let pid = creator.id();
    creator.kill();
    let opened = SemaphoreOptions::new().initial_value(1).open_initialized(key, Duration::from_millis(50));
    assert_fails!(opened, Error::Uninitialized { creator: Some(creator), .. } if creator == pid);
}

/// R157: an opener waits as long as the creator takes, and sees the value when it is published.
#[test]
fn r157_openers_wait_for_the_creator() {
    let key = free_key();
    let set = own(SemaphoreOptions::new().create(true).exclusive(true).open_set(key, 1).unwrap());
    set.set_value(0, 0).unwrap();
    let published = support::memory(1);
    let opener = child(|| {
        let semaphore = SemaphoreOptions::new().open_initialized(key, Duration::from_secs(30)).unwrap();
        assert_eq!((published.read(1, 0).unwrap(), semaphore.value().unwrap()), (vec![1], 4));
    });
    opener.until_asleep();
    std::thread::sleep(Duration::from_millis(100));
    published.write(&[1], 0).unwrap();
    set.op(&[SemOp::zero(0).no_wait(), SemOp::add(0, Amount::new(4).unwrap())]).unwrap();
    opener.join();
}

/// R157: creating, opening and removing may race. Each opener gets a semaphore or makes one.
#[test]
fn r157_creation_races_with_removal() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let churn = || {
        child(|| {
            for _ in 0..2000 {
                let semaphore = SemaphoreOptions::new().create(true).open(key).unwrap();
                if let Err(error) = semaphore.remove() {
                    assert!(error.is_gone(), "{error}");
                }
            }
        })
    };
    let all = [churn(), churn(), churn()];
    all.into_iter().for_each(support::Child::join);
}

/// R157: if the half-made semaphore is removed, an opener that waits for it makes a new one.
#[test]
fn r157_a_removal_while_waiting_starts_again() {
    let key = free_key();
    let _cleanup = KeyGuard::new(key);
    let half_made = SemaphoreOptions::new().create(true).open(key).unwrap();
    let opener = child(|| {
        let patience = Duration::from_secs(30);
        let semaphore = SemaphoreOptions::new().initial_value(4).open_initialized(key, patience).unwrap();
        assert_eq!(semaphore.value().unwrap(), 4);
    });
    opener.until_asleep();
    half_made.remove().unwrap();
    opener.join();
}

/// The recipe works for a value of zero too, and for the private key.
#[test]
fn initialised_with_zero() {
    let patience = Duration::from_millis(200);
    let key = free_key();
    let semaphore = own(SemaphoreOptions::new().open_initialized(key, patience).unwrap());
    assert!(semaphore.o_time().unwrap().is_some());
    assert_eq!(SemaphoreOptions::new().open_initialized(key, patience).unwrap().value().unwrap(), 0);
    let private = own(SemaphoreOptions::new().initial_value(2).open_initialized(Key::PRIVATE, patience).unwrap());
    assert_eq!(private.value().unwrap(), 2);
}
