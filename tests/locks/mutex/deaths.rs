//! Holders that die or panic, the poison that is left, and children of a fork.

use support::{LONG, SHORT, assert_fails, child, hold_for_ever, name, until};
use sysv_primitives::{LockError, Mutex, raw::Deadline};

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
