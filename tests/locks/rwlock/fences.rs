//! Processes in a sandbox that forbids `membarrier`, by which a writer fences for readers.
#![cfg(target_os = "linux")]

use support::{Child, assert_fails, child, forbid, hold_for_ever, name, until};
use sysv_ipc::process;
use sysv_primitives::{Failure, LockError, RwLock, raw};

use super::{create, open};

fn lose_membarrier() {
    forbid(&[libc::SYS_membarrier]);
    assert!(!process::membarrier() && !process::membarrier_register(), "the sandbox holds");
}

/// On other processors every process fences for itself.
fn is_light() -> bool {
    cfg!(target_arch = "x86_64") && process::membarrier_register()
}

/// It can't know that no process reads. So it does not write, opens the gate again, and says what helps.
#[test]
fn a_writer_without_membarrier_is_refused() {
    if !is_light() {
        return;
    }
    let name = name();
    let lock = create(&name);
    child(|| {
        let before = open(&name);
        lose_membarrier();
        for lock in [before, open(&name)] {
            let refused = lock.write().map(drop).unwrap_err();
            assert!(refused.to_string().contains("Options::light_fences(false)"), "{refused}");
            assert!(
                matches!(refused, LockError::Failed(Failure::System { error: raw::Error::Unsupported { .. }, .. })),
                "{refused:?}"
            );
            assert_fails!(lock.try_write(), LockError::Failed(_));
            assert_eq!(*lock.read().unwrap(), [7; 2]);
            assert!(lock.writer().is_none() && !lock.is_poisoned());
        }
    })
    .join();
    drop(lock.try_write().unwrap());
}

/// A reader without it fences for itself, and writers see it.
#[test]
fn a_reader_without_membarrier_is_counted() {
    let name = name();
    let lock = create(&name);
    let reader = child(|| {
        lose_membarrier();
        let lock = open(&name);
        let _guard = lock.read().unwrap();
        hold_for_ever()
    });
    until(|| lock.readers().len() == 1);
    assert!(matches!(lock.try_write(), Err(LockError::WouldBlock)));
    reader.kill();
    drop(lock.write().unwrap());
}

/// Where every process fences for itself, because the creator said so or had no choice, all of them write.
#[test]
fn without_light_fences_all_can_write() {
    for asks in [true, false] {
        let name = name();
        let count = || {
            let lock = RwLock::<[u64; 2]>::options().light_fences(!asks).open(&name).unwrap();
            for _ in 0..2000 {
                let mut guard = lock.write().unwrap();
                guard[0] += 1;
                guard[1] += 1;
                drop(guard);
                let guard = lock.read().unwrap();
                assert_eq!(guard[0], guard[1]);
            }
        };
        child(|| {
            lose_membarrier();
            drop(RwLock::options().light_fences(!asks).create(&name, [0_u64; 2]).unwrap());
        })
        .join();
        let sandboxed = child(|| {
            lose_membarrier();
            count();
        });
        [sandboxed, child(count)].into_iter().for_each(Child::join);
        let lock = RwLock::<[u64; 2]>::options().light_fences(!asks).open(&name).unwrap();
        assert_eq!(*lock.read().unwrap(), [4000; 2]);
    }
}
