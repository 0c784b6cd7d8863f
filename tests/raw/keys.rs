//! Keys, and the crate's constants.

use support::assert_fails;

use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use sysv_ipc::{Error, Key};

/// R9 R172 R177 R179: a key is any 32-bit number but 0. What is wider is refused, and never cut.
#[test]
fn r9_range() {
    assert_eq!(Key::MAX.get(), i32::MAX);
    assert_eq!(Key::new(-1).unwrap().get(), -1);
    assert_fails!(Key::new(0), Error::KeyOutOfRange { key: 0 });
    assert_fails!(Key::try_from((1_i64 << 32) + 4242), Error::KeyOutOfRange { key } if key == (1 << 32) + 4242);
    assert_fails!(Key::try_from(u64::MAX), Error::KeyOutOfRange { .. });
    assert_eq!(Key::try_from(4242_u64).unwrap(), Key::new(4242).unwrap());
}

/// G8: unsigned numbers are the 32 bits of a key, as `ipcs` prints them. The smallest key has a name.
#[test]
fn case_g8_keys_from_unsigned_numbers() {
    assert_eq!(Key::try_from(0x8000_0000_u32).unwrap(), Key::MIN);
    assert_eq!(Key::try_from(u32::MAX).unwrap(), Key::new(-1).unwrap());
    assert_eq!(Key::try_from(0xffff_fffe_u64).unwrap(), "0xfffffffe".parse().unwrap());
    assert_eq!((Key::MIN.get(), Key::MIN.to_string().as_str()), (i32::MIN, "0x80000000"));
    assert_fails!(Key::try_from(0_u32), Error::KeyOutOfRange { key: 0 });
    assert_fails!(Key::try_from(1_u64 << 32), Error::KeyOutOfRange { key } if key == 1 << 32);
    // A signed number is a number, and not a pattern of bits.
    assert_fails!(Key::try_from(0x8000_0000_i64), Error::KeyOutOfRange { key: 0x8000_0000 });
    // The kernel takes such a key, and `ipcs` shows it so.
    let key = Key::try_from(support::free_key().get().cast_unsigned() | 0x8000_0000).unwrap();
    let made = support::own(sysv_ipc::MessageQueueOptions::new().create(true).exclusive(true).open(key).unwrap());
    assert_eq!(sysv_ipc::MessageQueueOptions::new().open(key).unwrap().id(), made.id());
}

/// R8: the private key is reached by its name alone.
#[test]
fn r8_private() {
    assert!(Key::PRIVATE.is_private());
    assert_eq!(Key::PRIVATE.get(), 0);
    for text in ["0", "0x0", "", "x", "0x1ffffffff", "0x+2a", "4294967296", "1 "] {
        assert_fails!(text.parse::<Key>(), Error::KeyUnreadable);
    }
}

proptest! {
    /// What is shown can be read again.
    #[test]
    fn text_round_trip(number in any::<i32>().prop_filter("0 is no key", |number| *number != 0)) {
        let key = Key::new(number).unwrap();
        prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        prop_assert_eq!(number.to_string().parse::<Key>().unwrap(), key);
    }
}

/// R156: `ftok` is there, with the system's answer, and says what is wrong with a path.
#[test]
#[allow(unsafe_code, reason = "the C function is called to compare")]
fn r156_ftok() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let key = Key::ftok(file.path(), b'x').unwrap();
    let path = std::ffi::CString::new(file.path().to_str().unwrap()).unwrap();
    // SAFETY: the path is a C string.
    assert_eq!(key.get(), unsafe { libc::ftok(path.as_ptr(), b'x'.into()) });
    assert_ne!(key, Key::ftok(file.path(), b'y').unwrap());
    let missing = Key::ftok("/nowhere/at/all", b'x').unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    let nul = Key::ftok("/a\0b", b'x').unwrap_err();
    assert_eq!(nul.kind(), std::io::ErrorKind::InvalidInput);
}

/// G2: every project number gives what the C function gives, also if its lowest 8 bits are 0.
#[test]
#[allow(unsafe_code, reason = "the C function is called to compare")]
fn case_g2_ftok_with_any_project() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = std::ffi::CString::new(file.path().to_str().unwrap()).unwrap();
    for project in [0, 1, 0xff, 0x100, 0x1_00ff, -1, -256, i32::MIN, i32::MAX] {
        // SAFETY: the path is a C string.
        let expected = unsafe { libc::ftok(path.as_ptr(), project) };
        match Key::ftok(file.path(), project) {
            Ok(key) => assert_eq!(key.get(), expected, "project {project}"),
            // One file in some million has it so.
            Err(error) => assert_eq!((error.kind(), expected), (std::io::ErrorKind::InvalidInput, 0)),
        }
    }
}

/// R11 R17: the page size is asked for at run time. The version is the package's.
#[test]
#[allow(unsafe_code, reason = "the C function is called to compare")]
fn r11_constants() {
    // SAFETY: `sysconf` takes no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    assert_eq!(libc::c_long::try_from(sysv_ipc::page_size()).unwrap(), page);
    assert_eq!(sysv_ipc::VERSION, env!("CARGO_PKG_VERSION"));
}

/// R4 R5 R7: create and exclusive are two switches, and exclusive alone means nothing.
#[test]
fn r4_switches() {
    let key = support::free_key();
    assert_fails!(sysv_ipc::SemaphoreOptions::new().exclusive(true).open(key), Error::ExclusiveWithoutCreate);
    assert_fails!(sysv_ipc::SemaphoreOptions::new().open(key), Error::NotFound { .. });
    let made = sysv_ipc::SemaphoreOptions::new().create(true).exclusive(true).open(key).unwrap();
    let made = support::own(made);
    assert_fails!(
        sysv_ipc::SemaphoreOptions::new().create(true).exclusive(true).open(key),
        Error::AlreadyExists { .. }
    );
    assert_eq!(sysv_ipc::SemaphoreOptions::new().create(true).open(key).unwrap().id(), made.id());
}

/// R18 R24: one error type, which says what was tried on what, and becomes an `io::Error`.
#[test]
fn r18_errors() {
    let key = support::free_key();
    let error = sysv_ipc::MessageQueueOptions::new().open(key).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("msgget") && text.contains(&key.to_string()), "{text}");
    assert!(text.contains("RemoveIPC") && text.contains("namespace"), "{text}");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::NotFound);
    let private = sysv_ipc::SharedMemoryOptions::new().create(true).open(key).unwrap_err();
    assert_eq!(std::io::Error::from(private).kind(), std::io::ErrorKind::InvalidInput);
}
