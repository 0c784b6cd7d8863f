//! The named mutex, between processes that die. What holds for every kind is in `every_kind`.

use std::time::{Duration, Instant};

use support::{Child, LONG, SHORT, as_nobody, assert_fails, child, hold_for_ever, name, switches, until};
use sysv_ipc::Segment;
use sysv_primitives::{
    LockError, Mutex, OpenError, Options,
    bytemuck::{Pod, Zeroable},
    raw::Deadline,
};

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
fn owner_killed() {
    let name = name();
    let mutex = Mutex::create(&name, 1_u32).unwrap();
    let owner = child(|| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        let mut guard = mutex.lock().unwrap();
        *guard = 2;
        hold_for_ever()
    });
    until(|| mutex.holder().is_some_and(|holder| holder.pid == owner.id()));
    let waiter = child(|| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        assert_fails!(mutex.lock(), LockError::Poisoned { .. });
        assert_eq!(*mutex.ignore_poison().lock().unwrap(), 2);
    });
    waiter.until_asleep();
    owner.kill();
    waiter.join();
    assert!(mutex.is_poisoned());
    // No process waited for it, and it stays poisoned until a process declares it repaired.
    match mutex.lock() {
        Err(LockError::Poisoned { .. }) => {
            *mutex.ignore_poison().lock().unwrap() = 3;
            mutex.clear_poison();
        }
        other => panic!("{:?}", other.map(|guard| *guard)),
    }
    assert_eq!(*mutex.lock().unwrap(), 3);
}

#[test]
fn owner_killed_without_waiters() {
    let name = name();
    let mutex = Mutex::create(&name, ()).unwrap();
    let owner = child(|| {
        let mutex = Mutex::<()>::open(&name).unwrap();
        let _guard = mutex.lock().unwrap();
        hold_for_ever()
    });
    until(|| mutex.holder().is_some());
    assert!(matches!(mutex.try_lock(), Err(LockError::WouldBlock)));
    owner.kill();
    assert!(matches!(mutex.try_lock(), Err(LockError::Poisoned { .. })));
}

#[test]
fn a_panic_poisons() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = mutex.lock().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    // `resume_unwind` counts as panicking.
    assert!(panicked.is_err() && mutex.is_poisoned());
    assert_fails!(mutex.lock(), LockError::Poisoned { .. });
    drop(mutex.ignore_poison().lock().unwrap());
    assert!(mutex.is_poisoned(), "looking at it does not mend it");
    let Err(error) = mutex.lock() else { panic!("it is poisoned") };
    assert!(error.to_string().contains(&*name), "{error}");
    assert!(matches!(error, LockError::Poisoned { .. }));
    mutex.clear_poison();
    assert!(mutex.lock().is_ok());
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
fn forked_child() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let guard = mutex.lock().unwrap();
    let forked = child(|| {
        // The parent's guard is not the child's to drop, and the child waits like any other process.
        let refused = mutex.try_lock().map(drop);
        assert!(matches!(refused, Err(LockError::WouldBlock)), "{refused:?}");
        assert_eq!(mutex.members().unwrap().len(), 2);
        *mutex.lock().unwrap() = 7;
    });
    forked.until_asleep();
    until(|| mutex.members().unwrap().len() == 2);
    drop(guard);
    forked.join();
    assert_eq!(*mutex.lock().unwrap(), 7);
    until(|| mutex.members().unwrap().len() == 1);
}

#[test]
fn forked_child_drops_its_parents_guard() {
    let name = name();
    let mutex = Mutex::create(&name, ()).unwrap();
    // Both processes have it after the fork, and the parent keeps its own.
    let mut guard = Some(mutex.lock().unwrap());
    child(|| drop(guard.take())).join();
    assert!(mutex.holder().is_some_and(|holder| holder.pid == std::process::id()), "the parent still holds it");
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
fn wrong_type() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let error = Mutex::<u32>::open(&name).unwrap_err();
    assert!(matches!(error, OpenError::WrongType { .. }));
    assert!(error.to_string().contains("8 bytes") && error.to_string().contains("4 bytes"), "{error}");
    assert!(matches!(Mutex::<u64>::options().schema(1).open(&name), Err(OpenError::WrongType { .. })));
    assert!(matches!(Mutex::create(&name, 0_u64), Err(OpenError::NameTaken { .. })));
    #[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
    #[repr(C, align(256))]
    struct Wide([u8; 256]);
    let wide = Mutex::create(&format!("{}-", &*name), Wide([0; 256]));
    assert!(matches!(wide, Err(OpenError::Overaligned { align: 256, most: 128, .. })));
}

mod bank {
    use sysv_primitives::bytemuck::{Pod, Zeroable};

    #[derive(Clone, Copy, Pod, Zeroable)]
    #[bytemuck(crate = "sysv_primitives::bytemuck")]
    #[repr(C)]
    pub(crate) struct Account(u64);

    #[derive(Clone, Copy, Pod, Zeroable)]
    #[bytemuck(crate = "sysv_primitives::bytemuck")]
    #[repr(C)]
    pub(crate) struct Customer(u64);

    /// As another program may declare it, or the same one after it was moved.
    pub(crate) mod moved {
        use sysv_primitives::bytemuck::{Pod, Zeroable};

        #[derive(Clone, Copy, Pod, Zeroable)]
        #[bytemuck(crate = "sysv_primitives::bytemuck")]
        #[repr(C)]
        pub(crate) struct Account(u64);
    }
}

/// The names of types count, without their paths.
#[test]
fn case_f7_a_u64_is_no_f64() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let error = Mutex::<f64>::open(&name).unwrap_err();
    let OpenError::WrongType { found, wanted, .. } = &error else { panic!("{error}") };
    assert_eq!((&*found.name, &*wanted.name), ("u64", "f64"));
    let text = error.to_string();
    let is_clear = ["type u64 (8 bytes", "type f64 (8 bytes", "Options::type_name"].iter().all(|it| text.contains(it));
    assert!(is_clear, "{text}");
    let other = support::name();
    let _mutex = Mutex::create(&other, [bank::Account::zeroed(); 2]).unwrap();
    drop(Mutex::<[bank::moved::Account; 2]>::open(&other).expect("it has moved, and is the same"));
    assert!(matches!(Mutex::<[bank::Customer; 2]>::open(&other), Err(OpenError::WrongType { .. })));
}

/// Two names can mean one type, and one name two.
#[test]
fn case_f7_a_name_can_be_said() {
    let name = name();
    fn account<T: Pod>() -> Options<Mutex<T>> {
        Mutex::options().type_name("bank.Account")
    }
    let _mutex = account().create(&name, bank::Account::zeroed()).unwrap();
    drop(account::<bank::Customer>().open(&name).expect("it was said to be the same"));
    assert!(matches!(Mutex::<bank::Account>::open(&name), Err(OpenError::WrongType { .. })));
    let refused = account::<u32>().open(&name);
    assert!(matches!(refused, Err(OpenError::WrongType { .. })), "the size counts all the same");
}

/// What the memory says of the type's name is shown as text, whatever it is. The whole name counts.
#[test]
fn case_f7_a_types_name_may_be_long_or_hostile() {
    let name = name();
    let long = |last: &str| Mutex::<u8>::options().type_name(&("x".repeat(127) + "éé" + last));
    let mutex = long("a").create(&name, 0).unwrap();
    drop(long("a").open(&name).unwrap());
    let refused = |last| long(last).open(&name).map(drop).unwrap_err();
    let error = refused("b");
    let OpenError::WrongType { found, .. } = &error else { panic!("{error}") };
    assert_eq!(found.name, "x".repeat(127) + "\u{fffd}…", "128 bytes of it are kept");
    let memory = Segment::from_id(mutex.status().unwrap().segment).unwrap().attach().unwrap();
    let at = memory.read(512, 0).unwrap().windows(4).position(|four| four == b"xxxx").unwrap();
    memory.write(b"\x1b[2J\n\0\xff\xe2\x80\xae", at).unwrap();
    // The length of the type's name, before that of the object's.
    memory.write(&u64::MAX.to_ne_bytes(), at - 16).unwrap();
    let error = refused("b");
    let OpenError::WrongType { found, .. } = &error else { panic!("{error}") };
    assert!(found.name.starts_with("\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\u{fffd}xxx"), "{:?}", found.name);
    assert!(!error.to_string().contains(char::is_control), "{error}");
    drop(long("a").open(&name).expect("the text decides nothing"));
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

/// Several threads of a child use their parent's handle at once: one of them registers for all.
#[test]
fn forked_child_with_threads() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    for _ in 0..20 {
        child(|| {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..500).for_each(|_| *mutex.lock().unwrap() += 1));
                }
            });
            assert_eq!(mutex.members().unwrap().len(), 2);
        })
        .join();
    }
    assert_eq!(*mutex.lock().unwrap(), 20 * 4 * 500);
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

/// The view that ignores poison has each form, and waits and times out like the mutex.
#[test]
fn ignoring_poison_in_all_forms() {
    let name = name();
    let mutex = Mutex::create(&name, 1_u32).unwrap();
    let dead = child(|| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        let _guard = mutex.lock().unwrap();
        support::exit_now(0)
    });
    dead.join();
    for _ in 0..2 {
        assert_fails!(mutex.try_lock(), LockError::Poisoned { .. });
        assert_fails!(mutex.lock_deadline(Deadline::after(LONG)), LockError::Poisoned { .. });
        let view = mutex.ignore_poison();
        assert_eq!(*view.lock().unwrap(), 1);
        assert_eq!(*view.lock_timeout(LONG).unwrap(), 1);
        assert_eq!(*view.lock_deadline(Deadline::NEVER).unwrap(), 1);
        let guard = view.try_lock().unwrap();
        assert_fails!(view.try_lock(), LockError::WouldBlock);
        assert_fails!(view.lock_timeout(SHORT), LockError::TimedOut);
        drop(guard);
    }
    mutex.clear_poison();
    assert_eq!(*mutex.lock().unwrap(), 1);
}

/// D9: members of two PID namespaces share a lock, and `/proc` is the outer one's: no member has a stranger's command.
#[test]
#[cfg(target_os = "linux")]
fn case_d9_a_member_of_another_pid_namespace() {
    if !support::has_user(support::NOBODY) {
        return support::skip("only root can make a PID namespace");
    }
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let outer = mutex.lock().unwrap();
    assert!(mutex.holder().unwrap().command().is_some(), "a member of the own namespace is known");
    drop(outer);
    let is_checked = support::semaphore(0);
    child(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).unwrap();
        let holder = child(|| {
            let mutex = Mutex::<u8>::open(&name).unwrap();
            let _guard = mutex.lock().unwrap();
            let holder = mutex.holder().unwrap();
            assert_eq!(holder.pid, 1, "the outer /proc has another process of this number");
            let own = std::fs::read_to_string("/proc/self/comm").unwrap();
            assert_eq!(holder.command().as_deref(), Some(own.trim_end()));
            child(|| {
                let seen = Mutex::<u8>::open(&name).unwrap().holder().unwrap();
                assert_eq!((seen.pid, seen.command()), (1, None));
            })
            .join();
            is_checked.release().unwrap();
            hold_for_ever()
        });
        is_checked.acquire_timeout(LONG).unwrap();
        assert_eq!(mutex.holder().unwrap().pid, 1);
        // It was forked before the namespace was made, so its own numbers are the outer ones.
        assert_eq!(mutex.holder().unwrap().command(), None);
        holder.kill();
    })
    .join();
}
