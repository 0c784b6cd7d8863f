//! The single semaphore: construction.

use support::{as_nobody, assert_fails, child, free_key, own, semaphore};
use sysv_ipc::{Error, Key, Mode, SEMAPHORE_VALUE_MAX, Semaphore, SemaphoreOptions, SharedMemoryOptions};

/// R25 R29 R30 R31 R154: opening, opening or creating, creating. Two handles are independent.
#[test]
fn r25_open_create_exclusive() {
    let key = free_key();
    let mut options = SemaphoreOptions::new();
    assert_fails!(options.open(key), Error::NotFound { call: "semget", .. });
    let made = own(options.create(true).mode(0o640).initial_value(3).open(key).unwrap());
    let opened = options.open(key).unwrap();
    assert_eq!((opened.id(), opened.value().unwrap()), (made.id(), 3));
    assert_fails!(options.exclusive(true).open(key), Error::AlreadyExists { call: "semget", .. });

    let mut other = SemaphoreOptions::new().open(key).unwrap();
    other.set_undo(true).set_block(false);
    assert!(!opened.undo() && opened.block());
}

/// R7: exclusive without create is refused before any system call.
#[test]
fn r7_exclusive_needs_create() {
    assert_fails!(SemaphoreOptions::new().exclusive(true).open(free_key()), Error::ExclusiveWithoutCreate);
}

/// R8 R27: the private key makes a new semaphore whatever the options say. Children share it.
#[test]
fn r8_private_key() {
    let first = own(SemaphoreOptions::new().open(Key::PRIVATE).unwrap());
    let second = own(SemaphoreOptions::new().open(Key::PRIVATE).unwrap());
    assert_ne!(first.id(), second.id());
    assert_eq!(first.key(), Some(Key::PRIVATE));
    child(|| first.release().unwrap()).join();
    assert_eq!(first.value().unwrap(), 1);
    // Any process with the id can use it.
    Semaphore::from_id(first.id()).unwrap().acquire().unwrap();
}

/// R28 R56: a random key is positive, new, and known afterwards. Forks draw different ones.
#[test]
fn r28_random_keys() {
    let first = semaphore(0);
    let second = semaphore(0);
    let key = first.key().unwrap();
    assert!(key.get() > 0);
    assert_ne!(first.key(), second.key());
    // The whole range: a key of 15 bits, or of 30, would show in so many.
    let highest = (0..64).map(|_| semaphore(0).key().unwrap().get()).max();
    assert!(highest > Some(1 << 30), "{highest:?}");
    assert_eq!(SemaphoreOptions::new().open(key).unwrap().id(), first.id());

    let drawn = support::memory(8);
    let draw = |offset: usize| {
        let mine = own(SemaphoreOptions::new().open_random().unwrap());
        drawn.write(&mine.key().unwrap().get().to_ne_bytes(), offset).unwrap();
    };
    let (one, other) = (child(|| draw(0)), child(|| draw(4)));
    one.join();
    other.join();
    assert_ne!(drawn.read(4, 0).unwrap(), drawn.read(4, 4).unwrap());
}

/// R26: a handle of a larger set reaches its first member alone.
#[test]
fn r26_first_member_of_a_larger_set() {
    let key = free_key();
    let set = own(SemaphoreOptions::new().create(true).initial_value(5).open_set(key, 3).unwrap());
    let first = SemaphoreOptions::new().open(key).unwrap();
    first.acquire().unwrap();
    assert_eq!(set.values().unwrap(), [4, 5, 5]);
}

/// R155: what is made is its owner's alone, unless the options say otherwise.
#[test]
fn r155_private_by_default() {
    let made = [
        semaphore(0).permissions().unwrap(),
        support::memory(1).permissions().unwrap(),
        support::queue().permissions().unwrap(),
    ];
    assert!(made.iter().all(|permissions| permissions.mode == Mode::PRIVATE && permissions.mode.bits() == 0o600));
}

/// R178: a handle knows the key it was opened with, and claims none when it was made from an id.
#[test]
fn r178_key_of_a_handle() {
    let made = semaphore(0);
    assert!(made.key().is_some());
    assert_eq!(Semaphore::from_id(made.id()).unwrap().key(), None);
    let memory = support::memory(1);
    assert_eq!(sysv_ipc::Segment::from_id(memory.id()).unwrap().key(), None);
    let queue = support::queue();
    assert_eq!(sysv_ipc::MessageQueue::from_id(queue.id()).unwrap().key(), None);
}

/// R32: bits of the mode beyond permissions don't become flags.
#[test]
fn r32_mode_bits_are_no_flags() {
    assert_fails!(SemaphoreOptions::new().mode(0o1600).open(free_key()), Error::NotFound { .. });
    let made = own(SemaphoreOptions::new().mode(0o3600).open_random().unwrap());
    assert_eq!(made.permissions().unwrap().mode, Mode::new(0o600));
}

/// R6 R33 R173: opening by create leaves value, mode and undo of an existing semaphore alone.
#[test]
fn r33_initial_value_only_when_created() {
    let key = free_key();
    let made = own(SemaphoreOptions::new().create(true).initial_value(5).open(key).unwrap());
    SemaphoreOptions::new().create(true).mode(0o666).initial_value(1).open(key).unwrap();
    assert_eq!(made.value().unwrap(), 5);
    assert_eq!(made.permissions().unwrap().mode, Mode::new(0o600));
}

/// R34 R171: a read-only semaphore can be made. Its initial value is skipped.
#[test]
fn r34_read_only_semaphore() {
    let made = own(SemaphoreOptions::new().mode(0o400).initial_value(5).open_random().unwrap());
    assert_eq!(made.value().unwrap(), 0);
}

/// R35: a plain open asks for no access, and one that asks is refused at once.
#[test]
fn r35_access_wanted_is_not_the_mode() {
    let made = own(SemaphoreOptions::new().mode(0o604).initial_value(1).open_random().unwrap());
    let key = made.key().unwrap();
    as_nobody(|| {
        let opened = SemaphoreOptions::new().open(key).unwrap();
        assert_eq!(opened.value().unwrap(), 1);
        assert_fails!(opened.acquire(), Error::PermissionDenied { .. });
        assert!(SemaphoreOptions::new().read(true).open(key).is_ok());
        assert_fails!(SemaphoreOptions::new().write(true).open(key), Error::PermissionDenied { .. });
    });
}

/// R36 R37 R158 R172: a value out of range is refused before anything is made. 0 and the largest are not.
#[test]
fn r36_initial_value_out_of_range() {
    let key = free_key();
    let mut options = SemaphoreOptions::new();
    options.create(true).exclusive(true);
    assert_fails!(options.initial_value(SEMAPHORE_VALUE_MAX + 1).open(key), Error::ValueOutOfRange { .. });
    assert_fails!(SemaphoreOptions::new().open(key), Error::NotFound { .. });
    let largest = own(options.initial_value(SEMAPHORE_VALUE_MAX).open(key).unwrap());
    assert_eq!(largest.value().unwrap(), SEMAPHORE_VALUE_MAX);
    assert_eq!(semaphore(0).value().unwrap(), 0);
}

/// R73: each kind of object has keys of its own.
#[test]
fn r73_key_spaces_are_separate() {
    let semaphore = semaphore(1);
    let key = semaphore.key().unwrap();
    let memory = own(SharedMemoryOptions::new().create(true).exclusive(true).open(key).unwrap());
    assert_eq!(memory.key(), semaphore.key());
}
