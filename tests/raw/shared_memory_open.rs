//! How segments are made and opened, and what they begin with.
//!
//! What counts attachments runs alone: a child that another test forks has a copy of each.

use support::{alone, as_nobody, assert_fails, free_key, memory, own};
use sysv_ipc::{Error, Key, Mode, SharedMemoryOptions, page_size};

/// R71 R72 R74: opening, opening or creating, creating. Attached on return.
#[test]
fn r74_open_create_exclusive() {
    alone(|| {
        let key = free_key();
        let mut options = SharedMemoryOptions::new();
        assert_fails!(options.open(key), Error::NotFound { call: "shmget", .. });
        let made = own(options.create(true).size(100).open(key).unwrap());
        assert_eq!((made.len(), made.stat().unwrap().attached), (100, 1));
        let opened = options.open(key).unwrap();
        assert_eq!((opened.id(), made.stat().unwrap().attached), (made.id(), 2));
        assert_fails!(options.exclusive(true).open(key), Error::AlreadyExists { call: "shmget", .. });
        assert_fails!(SharedMemoryOptions::new().exclusive(true).open(key), Error::ExclusiveWithoutCreate);
    });
}

/// R8: a private segment needs a size, unless the creation is exclusive.
#[test]
fn r8_private_key() {
    assert_fails!(SharedMemoryOptions::new().open(Key::PRIVATE), Error::SizeZero { .. } | Error::SizeMismatch { .. });
    let private = own(SharedMemoryOptions::new().size(8).open(Key::PRIVATE).unwrap());
    assert_eq!(private.key(), Some(Key::PRIVATE));
    let exclusive = own(SharedMemoryOptions::new().create(true).exclusive(true).open(Key::PRIVATE).unwrap());
    assert_eq!(exclusive.len(), page_size());
}

/// R75 R105 R159 R174: opening takes any size up to the real one, and never assumes a page.
#[test]
fn r75_size_when_opening() {
    let made = memory(3333);
    let key = made.key().unwrap();
    for size in [0, 1, 3333] {
        assert_eq!(SharedMemoryOptions::new().size(size).open(key).unwrap().len(), 3333);
    }
    assert_fails!(SharedMemoryOptions::new().size(3334).open(key), Error::SizeMismatch { requested: 3334, .. });
    let created = SharedMemoryOptions::new().create(true).open(key).unwrap();
    assert_eq!(created.len(), 3333);
}

/// R11 R76: a new segment has a size. Only an exclusive creation takes a page for none.
#[test]
fn r76_size_when_creating() {
    let key = free_key();
    assert_fails!(SharedMemoryOptions::new().create(true).open(key), Error::SizeZero { .. });
    let page = own(SharedMemoryOptions::new().open_random().unwrap());
    assert_eq!(page.len(), page_size());
    let huge = SharedMemoryOptions::new().create(true).size(1 << 62).open(key);
    assert_fails!(huge, Error::OutOfMemory { .. } | Error::LimitReached { .. });
    assert_fails!(SharedMemoryOptions::new().open(key), Error::NotFound { .. });
}

/// R77: Linux reports the size that was asked for.
#[test]
#[cfg(target_os = "linux")]
fn r77_sizes_are_not_rounded() {
    assert_eq!(memory(3333).stat().unwrap().size, 3333);
}

/// R78 R173: a new segment is filled, with zeroes by default. An existing one is not.
#[test]
fn r78_fill() {
    let key = free_key();
    let filled = own(SharedMemoryOptions::new().create(true).size(5000).init_character(b'x').open(key).unwrap());
    assert!(filled.read(0, 0).unwrap().iter().all(|&byte| byte == b'x'));
    let again = SharedMemoryOptions::new().create(true).size(5000).init_character(b'y').open(key).unwrap();
    assert_eq!(again.read(1, 4999).unwrap(), b"x");
    assert_eq!(memory(64).read(0, 0).unwrap(), [0; 64]);
}

/// R79 R171: a read-only segment can be made and opened, and its fill is skipped.
#[test]
fn r79_read_only_segment() {
    let key = free_key();
    let mut options = SharedMemoryOptions::new();
    options.create(true).mode(0o444).size(10).init_character(b'x');
    let made = own(options.open_read_only(key).unwrap());
    assert_eq!(made.read(0, 0).unwrap(), [0; 10]);
    as_nobody(|| {
        let reader = SharedMemoryOptions::new().open_read_only(key).unwrap();
        assert_eq!(reader.read(1, 9).unwrap(), [0]);
        assert_fails!(SharedMemoryOptions::new().open(key), Error::PermissionDenied { call: "shmat", .. });
    });
    let filled = own(SharedMemoryOptions::new()
        .create(true)
        .exclusive(true)
        .init_character(b'z')
        .open_read_only(free_key())
        .unwrap());
    assert_eq!(filled.read(2, 0).unwrap(), b"zz");
}

/// R80 R81: the mode to create with and the access wanted are two things.
#[test]
fn r81_access_wanted() {
    let made = own(SharedMemoryOptions::new().mode(0o7604).size(8).open_random().unwrap());
    assert_eq!(made.permissions().unwrap().mode, Mode::new(0o604));
    let key = made.key().unwrap();
    as_nobody(|| {
        assert!(SharedMemoryOptions::new().open_read_only(key).is_ok());
        assert!(SharedMemoryOptions::new().read(true).open_segment(key).is_ok());
        assert_fails!(
            SharedMemoryOptions::new().write(true).open_segment(key),
            Error::PermissionDenied { call: "shmget", .. }
        );
    });
}

/// R82: an existing key wins over a bad size, on Linux.
#[test]
#[cfg(target_os = "linux")]
fn r82_existing_key_wins() {
    let made = memory(8);
    let mut options = SharedMemoryOptions::new();
    options.create(true).exclusive(true).size(1 << 62);
    assert_fails!(options.open(made.key().unwrap()), Error::AlreadyExists { .. });
}

/// R83: if the attach is refused after the creation, the key is not left taken.
#[test]
fn r83_nothing_is_left_behind() {
    as_nobody(|| {
        for mode in [0o000, 0o200] {
            let key = free_key();
            let made = SharedMemoryOptions::new().create(true).mode(mode).size(8).open(key);
            assert_fails!(made, Error::PermissionDenied { .. });
            assert_fails!(SharedMemoryOptions::new().open_segment(key), Error::NotFound { .. });
        }
    });
}

/// R83: a failed opening removes nothing of another process's.
#[test]
fn r83_a_failed_opening_removes_nothing() {
    alone(|| {
        let made = own(SharedMemoryOptions::new().mode(0o600).size(8).open_random().unwrap());
        as_nobody(|| {
            let mut options = SharedMemoryOptions::new();
            assert_fails!(options.create(true).size(8).open(made.key().unwrap()), Error::PermissionDenied { .. });
        });
        assert_eq!(made.stat().unwrap().attached, 1);
    });
}

/// R28: random keys are drawn for segments too.
#[test]
fn r28_random_keys() {
    assert_ne!(memory(1).key(), memory(1).key());
    // R103: and are known afterwards.
    let made = memory(1);
    assert_eq!(SharedMemoryOptions::new().open(made.key().unwrap()).unwrap().id(), made.id());
}

/// R14: huge pages are asked for. Without any, or without the right, the error says so.
#[test]
#[cfg(target_os = "linux")]
fn r14_huge_pages_and_no_reserve() {
    let mut options = SharedMemoryOptions::new();
    let reserved = own(options.no_reserve(true).size(1 << 20).open_random().unwrap());
    reserved.write(b"x", 1 << 19).unwrap();
    match SharedMemoryOptions::new().huge_pages(true).size(2 << 20).open_random() {
        Ok(huge) => drop(own(huge)),
        Err(error) => assert!(
            matches!(error, Error::OutOfMemory { .. } | Error::HugePagesDenied { .. } | Error::Unsupported { .. }),
            "{error:?}"
        ),
    }
}

/// G3: the size of huge pages can be chosen. A size that the machine doesn't have is an error with the size in it.
#[test]
#[cfg(target_os = "linux")]
fn case_g3_huge_page_sizes() {
    let mut options = SharedMemoryOptions::new();
    options.size(1 << 13);
    // No power of two, and a power of which no machine has pages.
    for bytes in [3, 1 << 13] {
        let refused = options.huge_page_size(bytes).open_random();
        assert_fails!(refused, Error::NoSuchHugePages { bytes: told, .. } if told == bytes);
    }
    // The mask of SHM_HUGE_8KB, as a program in C would pass it.
    let raw = SharedMemoryOptions::new().size(1 << 13).custom_flags(libc::SHM_HUGETLB | 13 << 26).open_random();
    assert_fails!(raw, Error::NoSuchHugePages { bytes: 8192, .. });
    let refused = options.size(usize::MAX >> 1).huge_page_size(2 << 20).open_random();
    assert_fails!(
        refused,
        Error::LimitReached { .. }
            | Error::OutOfMemory { .. }
            | Error::HugePagesDenied { .. }
            | Error::NoSuchHugePages { .. }
    );
    // Sizes that machines have: with pages set aside it works, and without them memory is missing.
    for bytes in [2 << 20, 1 << 30] {
        match options.size(bytes).huge_page_size(bytes).open_random_segment() {
            Ok(huge) => {
                let memory = own(huge).attach().unwrap();
                memory.write(b"end", bytes - 3).unwrap();
                assert!(memory.address().is_multiple_of(bytes));
            }
            Err(error) => assert!(
                matches!(
                    error,
                    Error::OutOfMemory { .. } | Error::HugePagesDenied { .. } | Error::NoSuchHugePages { .. }
                ),
                "{error:?}"
            ),
        }
    }
    // Without huge pages the size says nothing any more.
    drop(own(options.size(8).huge_pages(false).open_random().unwrap()));
}
