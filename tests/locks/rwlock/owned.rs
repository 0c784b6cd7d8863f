//! Guards that own a share of the handle, and go to other threads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use support::{SHORT, child, name};
use sysv_primitives::{LockError, OwnedRwLockWriteGuard, RwLock, raw::Deadline};

use super::{create, open};

#[test]
fn owned_guards_end_in_other_threads() {
    let name = name();
    let (lock, other) = (Arc::new(create(&name)), open(&name));
    let reads = [lock.read_owned().unwrap(), lock.try_read_owned().unwrap(), lock.read_owned_timeout(SHORT).unwrap()];
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    for read in reads {
        thread::spawn(move || assert_eq!(*read, [7; 2])).join().unwrap();
    }
    assert!(lock.readers().is_empty());
    let mut written = lock.write_owned().unwrap();
    assert!(matches!(lock.try_read_owned(), Err(LockError::WouldBlock)));
    assert!(matches!(lock.read_owned_timeout(SHORT), Err(LockError::TimedOut)));
    assert!(matches!(lock.try_write_owned(), Err(LockError::WouldBlock)));
    assert!(matches!(lock.write_owned_timeout(SHORT), Err(LockError::TimedOut)));
    assert!(matches!(lock.write_owned_deadline(Deadline::NOW), Err(LockError::TimedOut)));
    thread::spawn(move || written[0] = 8).join().unwrap();
    assert_eq!(*other.read().unwrap(), [8, 7]);
    // The last one has the last share of the handle.
    let last = lock.read_owned_deadline(Deadline::NEVER).unwrap();
    drop(lock);
    assert_eq!(other.members().unwrap().len(), 2);
    drop(last);
    assert_eq!(other.members().unwrap().len(), 1);
}

#[test]
fn a_downgraded_guard_reads_on() {
    let name = name();
    let (lock, other) = (Arc::new(create(&name)), open(&name));
    let mut written = lock.write_owned().unwrap();
    written[0] = 8;
    let read = OwnedRwLockWriteGuard::downgrade(written);
    assert_eq!(*other.try_read().unwrap(), *read);
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    thread::spawn(move || drop(read)).join().unwrap();
    assert!(other.try_write().is_ok());
}

#[test]
fn a_panic_with_an_owned_guard_poisons() {
    let name = name();
    let lock = Arc::new(create(&name));
    let written = lock.write_owned().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _written = written;
        panic!("while it writes");
    }));
    assert!(panicked.is_err());
    assert!(matches!(lock.read_owned(), Err(LockError::Poisoned { .. })));
    assert!(matches!(lock.write_owned(), Err(LockError::Poisoned { .. })));
    assert!(lock.readers().is_empty(), "a refused reader is not counted");
}

/// A child made by `fork` drops its parent's guards, which does nothing.
#[test]
fn a_child_drops_no_guard_of_its_parent() {
    let name = name();
    let lock = Arc::new(create(&name));
    let mut reads = Some(lock.read_owned().unwrap());
    child(|| drop(reads.take())).join();
    let other: RwLock<[u64; 2]> = open(&name);
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    drop(reads);
    let mut written = Some(lock.write_owned().unwrap());
    child(|| drop(written.take())).join();
    assert!(matches!(other.try_read(), Err(LockError::WouldBlock)));
    drop(written);
    assert!(other.try_write().is_ok());
}
