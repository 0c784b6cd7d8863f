//! Every form of opening, for a given key, for the private one and for a random one.

use std::time::Duration;

use support::{alone, as_nobody, assert_fails, free_key, own};
use sysv_ipc::{
    Access, Error, Key, MessageQueue, MessageQueueOptions, ReadOnly, Result, Segment, Semaphore, SemaphoreOptions,
    SemaphoreSet, SharedMemory, SharedMemoryOptions,
};

/// G1: a segment that its owner may not write can be made under a random key, attached for reading or not at all.
#[test]
fn case_g1_random_key_of_a_read_only_segment() {
    as_nobody(|| {
        let mut options = SharedMemoryOptions::new();
        options.mode(0o400).size(64).init_character(b'x');
        let reader = own(options.open_random_read_only().unwrap());
        assert!(reader.key().unwrap().get() > 0);
        // R79: the fill is skipped if the owner may not write.
        assert_eq!(reader.read(0, 0).unwrap(), [0; 64]);
        let segment = own(options.open_random_segment().unwrap());
        assert_eq!((segment.stat().unwrap().attached, segment.stat().unwrap().size), (0, 64));
        assert_ne!(segment.key(), reader.key());
        let chosen = options.open_random_as(Access::ReadOnly).unwrap();
        let _cleanup = own(chosen.segment().clone());
        assert_eq!(chosen.access(), Access::ReadOnly);
        assert_fails!(options.open_random(), Error::PermissionDenied { call: "shmat", .. });
        assert_fails!(options.open_random_as(Access::ReadWrite), Error::PermissionDenied { call: "shmat", .. });
    });
}

/// G1: a segment that was made under a random key is removed again if its attachment is refused.
#[test]
#[cfg(target_os = "linux")]
fn case_g1_nothing_is_left_of_a_refused_attachment() {
    support::in_own_namespace(|| {
        // A creator that may not even read.
        as_nobody(|| {
            let mut options = SharedMemoryOptions::new();
            options.mode(0o000).size(64);
            assert_fails!(options.open_random_read_only(), Error::PermissionDenied { .. });
            assert_fails!(options.open_random_as(Access::ReadWrite), Error::PermissionDenied { .. });
            assert!(sysv_ipc::inventory().unwrap().is_empty());
        });
    });
}

/// G1: each form of a segment has the same result for each way to name it.
#[test]
fn case_g1_forms_of_segments() {
    alone(|| {
        let mut options = SharedMemoryOptions::new();
        options.create(true).exclusive(true).size(100).init_character(b'x');
        let check = |segment: &Segment, bytes: Option<Vec<u8>>| {
            assert_eq!(segment.stat().unwrap().size, 100);
            assert_eq!(segment.stat().unwrap().attached, u64::from(bytes.is_some()));
            assert!(bytes.is_none_or(|bytes| bytes == [b'x'; 100]));
            segment.remove().unwrap();
        };
        let both: [Result<SharedMemory>; 3] =
            [options.open(free_key()), options.open(Key::PRIVATE), options.open_random()];
        for memory in both.map(Result::unwrap) {
            check(memory.segment(), Some(memory.read(0, 0).unwrap()));
        }
        let read: [Result<SharedMemory<ReadOnly>>; 3] =
            [options.open_read_only(free_key()), options.open_read_only(Key::PRIVATE), options.open_random_read_only()];
        for memory in read.map(Result::unwrap) {
            check(memory.segment(), Some(memory.read(0, 0).unwrap()));
        }
        for access in [Access::ReadOnly, Access::ReadWrite] {
            let any = [
                options.open_as(free_key(), access),
                options.open_as(Key::PRIVATE, access),
                options.open_random_as(access),
            ];
            for memory in any.map(Result::unwrap) {
                assert_eq!(memory.access(), access);
                check(memory.segment(), Some(memory.read(0, 0).unwrap()));
            }
        }
        let none =
            [options.open_segment(free_key()), options.open_segment(Key::PRIVATE), options.open_random_segment()];
        for segment in none.map(Result::unwrap) {
            check(&segment, None);
        }
    });
}

/// G1: semaphores and queues have each form for each way to name them, too.
#[test]
fn case_g1_forms_of_semaphores_and_queues() {
    let patience = Duration::ZERO;
    let mut options = SemaphoreOptions::new();
    options.create(true).exclusive(true).initial_value(3);
    let single: [Result<Semaphore>; 6] = [
        options.open(free_key()),
        options.open(Key::PRIVATE),
        options.open_random(),
        options.open_initialized(free_key(), patience),
        options.open_initialized(Key::PRIVATE, patience),
        options.open_random_initialized(),
    ];
    for semaphore in single.map(|made| own(made.unwrap())) {
        assert_eq!(semaphore.value().unwrap(), 3);
    }
    let sets: [Result<SemaphoreSet>; 3] =
        [options.open_set(free_key(), 2), options.open_set(Key::PRIVATE, 2), options.open_random_set(2)];
    for set in sets.map(|made| own(made.unwrap())) {
        assert_eq!(set.values().unwrap(), [3, 3]);
    }
    assert_fails!(options.open_random_set(0), Error::SizeZero { .. });
    let mut options = MessageQueueOptions::new();
    options.create(true).exclusive(true).mode(0o640);
    let queues: [Result<MessageQueue>; 3] =
        [options.open(free_key()), options.open(Key::PRIVATE), options.open_random()];
    for queue in queues.map(|made| own(made.unwrap())) {
        assert_eq!(queue.permissions().unwrap().mode.bits(), 0o640);
    }
}

/// G1: a semaphore that was made initialised under a random key makes no opener wait, and any other does.
#[test]
fn case_g1_random_key_of_an_initialised_semaphore() {
    let patience = Duration::from_millis(1);
    let live = own(SemaphoreOptions::new().initial_value(3).open_random_initialized().unwrap());
    let opened = SemaphoreOptions::new().open_initialized(live.key().unwrap(), patience).unwrap();
    assert_eq!((opened.id(), opened.value().unwrap()), (live.id(), 3));
    let plain = own(SemaphoreOptions::new().initial_value(3).open_random().unwrap());
    let refused = SemaphoreOptions::new().open_initialized(plain.key().unwrap(), patience);
    assert_fails!(refused, Error::Uninitialized { .. });
    assert_fails!(
        SemaphoreOptions::new().initial_value(u16::MAX).open_random_initialized(),
        Error::ValueOutOfRange { .. }
    );
    as_nobody(|| {
        let refused = SemaphoreOptions::new().mode(0o400).initial_value(3).open_random_initialized();
        assert_fails!(refused, Error::PermissionDenied { .. });
    });
}

/// Access is chosen by a value, and what it denies is an error and no crash.
#[test]
fn access_chosen_at_run_time() {
    alone(|| {
        let made = support::memory(64);
        made.write(b"before", 0).unwrap();
        let reader = made.segment().attach_as(Access::ReadOnly).unwrap();
        assert_fails!(reader.write(b"no", 0), Error::AttachedReadOnly { .. });
        assert_fails!(reader.write_truncating(b"no", 0), Error::AttachedReadOnly { .. });
        assert_fails!(reader.fill(b'n'), Error::AttachedReadOnly { .. });
        assert_fails!(reader.as_read_write(), Error::AttachedReadOnly { .. });
        assert_eq!(reader.read(6, 0).unwrap(), b"before");
        assert_eq!(maps(reader.address()).as_deref().unwrap_or("r--s"), "r--s");

        let writer = made.segment().attach_as(Access::ReadWrite).unwrap();
        writer.write(b"after ", 0).unwrap();
        assert_eq!(writer.write_truncating(b"longer", 60).unwrap(), 4);
        let word = reader.view::<std::sync::atomic::AtomicU8>(0).unwrap();
        assert_eq!(word.load(std::sync::atomic::Ordering::Relaxed), b'a');
        assert_eq!(writer.slice::<std::sync::atomic::AtomicU8>(0, 64).unwrap().len(), 64);
        writer.fill(b'-').unwrap();
        assert_eq!(reader.read(0, 0).unwrap(), [b'-'; 64]);
        assert_eq!(made.stat().unwrap().attached, 3);

        // From one type to another it stays the same mapping.
        let address = reader.address();
        let reader = reader.into_read_write().unwrap_err();
        assert_eq!((reader.address(), made.stat().unwrap().attached), (address, 3));
        let reader: SharedMemory<ReadOnly> = reader.into_read_only();
        let reader = SharedMemory::<sysv_ipc::AnyAccess>::from(reader);
        assert_eq!(reader.access(), Access::ReadOnly);
        let writer: SharedMemory = writer.into_read_write().unwrap();
        writer.write(b"typed", 0).unwrap();
        assert_eq!(SharedMemory::<sysv_ipc::AnyAccess>::from(writer).access(), Access::ReadWrite);
        assert_eq!(made.stat().unwrap().attached, 2);
    });
}

/// How the memory at an address is mapped, where the system tells.
pub(crate) fn maps(address: usize) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = table.lines().find(|line| line.starts_with(&format!("{address:08x}-")))?;
    line.split(' ').nth(1).map(str::to_owned)
}
