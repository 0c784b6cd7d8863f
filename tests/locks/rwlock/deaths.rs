//! Users of an rwlock that die, panic or stop.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{
    Child, Name, SHORT, Waiters, assert_fails, child, hold_for_ever, name, prompt::stop, until, until_rings,
};
use sysv_primitives::{LockError, RwLock, RwLockWriteGuard};

use super::{create, open};

/// Starts a process that reads until it is killed, and returns when it does.
fn reader(lock: &RwLock<[u64; 2]>, name: &Name) -> Child {
    let before = lock.readers().len();
    let reader = child(|| {
        let lock = open(name);
        let _guard = lock.read().unwrap();
        hold_for_ever()
    });
    until(|| lock.readers().len() > before);
    reader
}

/// Starts a process that writes until it is killed, and returns when it does.
fn writer(lock: &RwLock<[u64; 2]>, name: &Name) -> Child {
    let writer = child(|| {
        let lock = open(name);
        let mut guard = lock.write().unwrap();
        guard[0] = 8;
        hold_for_ever()
    });
    // While it waits for readers, it is named as well.
    until(|| lock.writer().is_some_and(|member| member.pid == writer.id()));
    writer
}

/// A reader that is killed keeps no writer out, whether that sleeps already or comes later, and poisons nothing.
#[test]
fn a_killed_reader_keeps_no_writer_out() {
    let name = name();
    let lock = create(&name);
    let dying = reader(&lock, &name);
    let waiting = child(|| open(&name).write().unwrap()[0] = 9);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    let begun = Instant::now();
    dying.kill();
    waiting.join();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(*lock.read().unwrap(), [9, 7]);
    // None waits for it.
    reader(&lock, &name).kill();
    assert_eq!(lock.readers().len(), 1, "it is not reaped yet");
    drop(lock.try_write().unwrap());
    assert!(lock.readers().is_empty() && !lock.is_poisoned());
}

/// One reader is killed while another reads on: the writer waits for the living one alone.
#[test]
fn a_writer_waits_for_the_living_readers() {
    let name = name();
    let lock = create(&name);
    let (dying, living) = (reader(&lock, &name), lock.read().unwrap());
    let waiting = child(|| drop(open(&name).write().unwrap()));
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    dying.kill();
    until(|| lock.readers().len() == 1);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    assert!(!waiting.is_done());
    drop(living);
    waiting.join();
}

#[test]
fn a_killed_writer_poisons() {
    let name = name();
    let lock = create(&name);
    let dying = writer(&lock, &name);
    until(|| matches!(lock.try_read(), Err(LockError::WouldBlock)));
    let waiting: Vec<_> = [true, false]
        .into_iter()
        .map(|reads| {
            child(|| {
                let lock = open(&name);
                if reads {
                    assert_fails!(lock.read(), LockError::Poisoned { .. });
                } else {
                    assert_fails!(lock.write(), LockError::Poisoned { .. });
                }
            })
        })
        .collect();
    waiting.iter().for_each(Child::until_asleep);
    thread::sleep(SHORT);
    dying.kill();
    waiting.into_iter().for_each(Child::join);
    assert!(lock.is_poisoned());
    assert_fails!(lock.try_read(), LockError::Poisoned { .. });
    assert_fails!(lock.try_write(), LockError::Poisoned { .. });
    assert_eq!(*lock.ignore_poison().read().unwrap(), [8, 7]);
    assert_eq!(*lock.ignore_poison().try_read().unwrap(), [8, 7]);
    drop(lock.ignore_poison().write_timeout(SHORT).unwrap());
    assert!(lock.is_poisoned(), "to look at it does not mend it");
    let mut guard = lock.ignore_poison().try_write().unwrap();
    guard[0] = 7;
    lock.clear_poison();
    drop(guard);
    assert_eq!(*lock.read().unwrap(), [7; 2]);
}

/// A writer that waits for a reader has changed nothing.
#[test]
fn a_writer_that_is_killed_while_it_waits_does_not_poison() {
    let name = name();
    let lock = create(&name);
    let reading = lock.read().unwrap();
    let dying = writer(&lock, &name);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    let waiting = child(|| assert_eq!(*open(&name).read().unwrap(), [7; 2]));
    until_rings(lock.status().unwrap().set, Waiters::TO_READ);
    dying.kill();
    waiting.join();
    assert!(!lock.is_poisoned());
    drop(lock.try_read().unwrap());
    drop(reading);
    drop(lock.write().unwrap());
}

#[test]
fn a_panic_of_a_writer_poisons_and_one_of_a_reader_does_not() {
    let name = name();
    let lock = create(&name);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.read().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err() && !lock.is_poisoned());
    drop(lock.try_write().unwrap());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.write().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err() && lock.is_poisoned());
    let Err(error) = lock.read() else { panic!("it is poisoned") };
    assert!(error.to_string().contains(&*name), "{error}");
    lock.clear_poison();
    drop(lock.write().unwrap());
}

/// What is stopped while it waits holds up none.
#[test]
fn stopped_waiters_hold_up_none() {
    let name = name();
    let lock = create(&name);
    let writing = lock.write().unwrap();
    let set = lock.status().unwrap().set;
    let stopped = [child(|| drop(open(&name).read().unwrap())), child(|| drop(open(&name).write().unwrap()))];
    until_rings(set, Waiters::TO_READ);
    until_rings(set, Waiters::TO_WRITE);
    stopped.iter().for_each(stop);
    let others = [child(|| drop(open(&name).read().unwrap())), child(|| drop(open(&name).write().unwrap()))];
    others.iter().for_each(Child::until_asleep);
    drop(writing);
    drop(lock.write().unwrap());
    drop(lock.read().unwrap());
    others.into_iter().for_each(Child::join);
    stopped.iter().for_each(|waiter| waiter.signal(Signal::SIGCONT));
    stopped.into_iter().for_each(Child::join);
}

/// A reader that is stopped holds up a writer, and that one goes on as soon as it does, or is killed.
#[test]
fn a_stopped_reader_holds_up_writers_until_it_is_killed() {
    let name = name();
    let lock = create(&name);
    let stopped = reader(&lock, &name);
    stop(&stopped);
    assert!(matches!(lock.write_timeout(SHORT), Err(LockError::TimedOut)));
    drop(lock.try_read().unwrap());
    stopped.kill();
    drop(lock.write().unwrap());
}

#[test]
fn a_writer_that_dies_after_a_downgrade_does_not_poison() {
    let name = name();
    let lock = create(&name);
    let dying = child(|| {
        let lock = open(&name);
        let mut writing = lock.write().unwrap();
        writing[0] = 1;
        let _reading = RwLockWriteGuard::downgrade(writing);
        hold_for_ever()
    });
    until(|| lock.readers().len() == 1 && lock.writer().is_none());
    dying.kill();
    assert_eq!(*lock.write().unwrap(), [1, 7]);
}

#[test]
fn a_downgraded_guard_keeps_the_poison() {
    let name = name();
    let lock = create(&name);
    writer(&lock, &name).kill();
    let reading = RwLockWriteGuard::downgrade(lock.ignore_poison().write().unwrap());
    assert!(lock.is_poisoned());
    drop(reading);
    assert_fails!(lock.read(), LockError::Poisoned { .. });
}

#[test]
fn a_forgotten_guard_is_given_back_with_the_handle() {
    let name = name();
    let (lock, other) = (create(&name), open(&name));
    std::mem::forget(lock.read().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(lock.read().unwrap()));
    });
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    drop(lock);
    drop(other.try_write().unwrap());
}

/// A lock that is offered to a writer is held by none: readers come in, also if that writer is stopped.
#[test]
fn a_lock_that_is_offered_is_open_to_readers() {
    let name = name();
    let lock = create(&name);
    let writing = lock.write().unwrap();
    let stopped = child(|| drop(open(&name).write().unwrap()));
    until_rings(lock.status().unwrap().set, Waiters::TO_WRITE);
    stop(&stopped);
    // It has waited for so long that it is offered the lock.
    thread::sleep(SHORT);
    drop(writing);
    drop(lock.try_read().unwrap());
    drop(lock.read_timeout(SHORT).unwrap());
    stopped.signal(Signal::SIGCONT);
    stopped.join();
}
