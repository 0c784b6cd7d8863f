//! The named mutex, between processes that die. What holds for every kind is in `every_kind`.

mod deaths;
mod types;

use std::time::{Duration, Instant};

use support::{Child, LONG, SHORT, as_nobody, child, name, switches};
use sysv_primitives::{LockError, Mutex, OpenError};

#[test]
fn smoke() {
    let name = name();
    let mutex = Mutex::create(&name, 5_u64).unwrap();
    assert_eq!(*mutex.lock().unwrap(), 5);
    *mutex.lock().unwrap() += 1;
    let other = Mutex::<u64>::open(&name).unwrap();
    let guard = other.lock().unwrap();
    assert_eq!(*guard, 6);
    assert!(matches!(mutex.try_lock(), Err(LockError::WouldBlock)));
    assert_eq!(mutex.holder().unwrap().pid, std::process::id());
    drop(guard);
    assert!(mutex.holder().is_none());
    assert!(mutex.try_lock().is_ok());
    assert_eq!(mutex.members().unwrap().len(), 2);
    drop(other);
    assert_eq!(mutex.members().unwrap().len(), 1);
}

#[test]
fn a_lock_alone() {
    let name = name();
    let mutex: Mutex = Mutex::open_or_create(&name, ()).unwrap();
    let guard = mutex.lock().unwrap();
    assert!(matches!(mutex.lock_timeout(SHORT), Err(LockError::TimedOut)));
    drop(guard);
    assert!(mutex.lock_timeout(SHORT).is_ok());
}

#[test]
fn two_processes() {
    let name = name();
    let mutex = Mutex::create(&name, [0_u64; 2]).unwrap();
    let count = |mutex: &Mutex<[u64; 2]>| {
        for _ in 0..20_000 {
            let mut guard = mutex.lock().unwrap();
            guard[0] += 1;
            let first = guard[0];
            guard[1] += 1;
            assert_eq!(first, guard[1]);
        }
    };
    let children: Vec<_> = (0..4).map(|_| child(|| count(&Mutex::open(&name).unwrap()))).collect();
    children.into_iter().for_each(Child::join);
    assert_eq!(*mutex.lock().unwrap(), [80_000; 2]);
    assert!(!mutex.is_poisoned());
}

#[test]
fn open_or_create_race() {
    for _ in 0..20 {
        let name = name();
        let openers: Vec<_> =
            (0..6).map(|_| child(|| *Mutex::open_or_create(&name, 100_u32).unwrap().lock().unwrap() += 1)).collect();
        openers.into_iter().for_each(Child::join);
        assert_eq!(*Mutex::<u32>::open(&name).unwrap().lock().unwrap(), 106);
    }
}

#[test]
fn deadline_passes_and_not_early() {
    let name = name();
    let mutex = Mutex::create(&name, ()).unwrap();
    let _guard = mutex.lock().unwrap();
    let started = Instant::now();
    assert!(matches!(mutex.lock_timeout(SHORT), Err(LockError::TimedOut)));
    assert!(started.elapsed() >= SHORT);
    assert!(matches!(mutex.lock_timeout(Duration::ZERO), Err(LockError::TimedOut)));
}

#[test]
fn a_waiter_that_times_out_loses_no_event() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let impatient = || {
        child(|| {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            for _ in 0..300 {
                if let Ok(mut guard) = mutex.lock_timeout(Duration::from_micros(50)) {
                    *guard += 1;
                }
            }
        })
    };
    let patient = || {
        child(|| {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            for _ in 0..2000 {
                *mutex.lock_timeout(LONG).unwrap() += 1;
            }
        })
    };
    let all = [impatient(), patient(), impatient(), patient()];
    all.into_iter().for_each(Child::join);
    assert!(*mutex.lock().unwrap() >= 4000);
}

#[test]
fn removed_while_waiting() {
    let name = name();
    let mutex = Mutex::create(&name, ()).unwrap();
    let guard = mutex.lock().unwrap();
    let waiter = child(|| match Mutex::<()>::open(&name).unwrap().lock() {
        Err(LockError::Failed(error)) => assert!(error.is_gone(), "{error}"),
        other => panic!("{:?}", other.map(drop)),
    });
    waiter.until_asleep();
    mutex.remove().unwrap();
    waiter.join();
    // The name is free. An open mutex goes on for its handles.
    let renewed = Mutex::create(&name, ()).unwrap();
    drop(guard);
    drop(renewed.lock().unwrap());
    assert!(mutex.remove().unwrap_err().is_gone());
}

#[test]
fn reopen_after_exit() {
    let name = name();
    child(|| *Mutex::create(&name, 1_u64).unwrap().lock().unwrap() = 42).join();
    assert_eq!(*Mutex::<u64>::open(&name).unwrap().lock().unwrap(), 42);
}

#[test]
fn remove_on_drop() {
    let name = name();
    let mutex = Mutex::options().remove_on_drop(true).create(&name, ()).unwrap();
    drop(mutex);
    assert!(matches!(Mutex::<()>::open(&name), Err(OpenError::NoSuchName { .. })));
}

#[test]
fn threads_share_a_handle() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5000).for_each(|_| *mutex.lock().unwrap() += 1));
        }
    });
    assert_eq!(*mutex.lock().unwrap(), 40_000);
}

/// Waking is for one: of 64 waiters each unlock wakes no more than the next.
#[test]
fn no_thundering_herd() {
    const WAITERS: u32 = 64;
    let name = name();
    let mutex = Mutex::options().max_handles(WAITERS + 1).create(&name, [0_u32; 2]).unwrap();
    let guard = mutex.lock().unwrap();
    let waiters: Vec<_> = (0..WAITERS)
        .map(|_| {
            child(|| {
                let mutex = Mutex::<[u32; 2]>::open(&name).unwrap();
                let before = switches();
                let mut guard = mutex.lock().unwrap();
                guard[0] += 1;
                guard[1] += switches() - before;
            })
        })
        .collect();
    waiters.iter().for_each(Child::until_asleep);
    drop(guard);
    waiters.into_iter().for_each(Child::join);
    let [locks, wakes] = *mutex.lock().unwrap();
    println!("{locks} locks by waiters took {wakes} voluntary switches");
    assert_eq!(locks, WAITERS);
    // A herd would be a wake of all for each unlock: about 64 * 64 / 2.
    assert!(wakes <= 4 * WAITERS, "{wakes}");
}

#[test]
fn untrusted_owners() {
    let name = name();
    let _mutex = Mutex::options().mode(0o666).create(&name, 0_u8).unwrap();
    let theirs = support::name();
    as_nobody(|| {
        // Root's objects are trusted by every process.
        *Mutex::<u8>::open(&name).unwrap().lock().unwrap() = 9;
        drop(Mutex::create(&theirs, 0_u8).unwrap());
    });
    if support::has_user(support::NOBODY) {
        let error = Mutex::<u8>::open(&theirs).unwrap_err();
        assert!(matches!(error, OpenError::Untrusted { uid: 65_534, .. }), "{error}");
        assert!(error.to_string().contains(&format!("mutex {:?}", &*theirs)), "{error}");
        let trusting = Mutex::<u8>::options().trust(65_534).open(&theirs);
        assert!(trusting.is_ok());
    }
}

/// `?` carries the error out of a function that knows no lifetime, whatever it returns. F1.
#[test]
fn case_f1_lock_converts_by_question_mark() {
    fn boxed(name: &str) -> Result<u32, Box<dyn std::error::Error>> {
        let mutex = Mutex::<u32>::open(name)?;
        let value = *mutex.lock()?;
        Ok(value)
    }

    fn with_anyhow(name: &str) -> anyhow::Result<u32> {
        let mutex = Mutex::<u32>::open(name)?;
        *mutex.lock()? += 1;
        let value = *mutex.ignore_poison().try_lock()?;
        Ok(value)
    }

    fn to_another_thread(name: &str) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
        let mutex = Mutex::<u32>::open(name)?;
        let value = *mutex.lock_timeout(LONG)?;
        Ok(value)
    }

    let name = name();
    let mutex = Mutex::create(&name, 6_u32).unwrap();
    assert_eq!((with_anyhow(&name).unwrap(), boxed(&name).unwrap(), to_another_thread(&name).unwrap()), (7, 7, 7));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = mutex.lock().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    assert!(with_anyhow(&name).unwrap_err().to_string().contains("ignore_poison"));
    assert!(boxed(&name).unwrap_err().downcast::<LockError>().is_ok());
}
