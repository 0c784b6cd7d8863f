//! A process that loses the right to post while it holds a lock or permits: the next notifier wakes the waiter.

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{Uid, seteuid},
};
use support::{
    Child, NOBODY, Waiters, child, has_user, hold_for_ever, name,
    rights::{GivenOnPanic, Turn, each_loss, is_refusal, refused_while_another_sleeps},
    until_rings,
};
use sysv_primitives::{Failure, LockError, Mutex, Pool, PoolError, RwLock, Watch, WatchError};

#[test]
fn case_c3_a_refused_unlock() {
    each_loss(|lose| {
        let name = name();
        let mutex = Mutex::create(&name, 0_u32).unwrap();
        let set = mutex.status().unwrap().set;
        let begin = || {
            let mutex = Box::leak(Box::new(Mutex::<u32>::open(&name).unwrap()));
            let mut guard = mutex.lock().unwrap();
            *guard = 7;
            || {
                drop(guard);
                // The unlock took effect, and the next call says what failed, once.
                let refused = mutex.lock();
                assert!(matches!(&refused, Err(LockError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
                drop(refused);
                drop(mutex.lock().unwrap());
                let refused = mutex.try_lock();
                assert!(matches!(&refused, Err(LockError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
            }
        };
        let sleep = || assert_eq!(*Mutex::<u32>::open(&name).unwrap().lock().unwrap(), 7);
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::OF_MUTEX), lose, begin, sleep);
        drop(mutex.try_lock().unwrap());
        sleeper.join();
        refused.kill();
    });
}

/// A process changes the value, and may not post for the waiter. The next unlock does, though it changes nothing.
#[test]
fn case_c3_a_refused_call_of_a_condition() {
    each_loss(|lose| {
        let name = name();
        let mutex = Mutex::create(&name, 0_u32).unwrap();
        let set = mutex.status().unwrap().set;
        let begin = || {
            let mutex = Box::leak(Box::new(Mutex::<u32>::open(&name).unwrap()));
            || {
                *mutex.lock().unwrap() = 7;
                let refused = mutex.lock();
                assert!(matches!(&refused, Err(LockError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
            }
        };
        let sleep = || {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            assert_eq!(*mutex.lock().unwrap().wait_while(|&value| value == 0).unwrap(), 7);
        };
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_CONDITION), lose, begin, sleep);
        drop(mutex.lock().unwrap());
        sleeper.join();
        refused.kill();
    });
}

/// A setter may not post for the waiter. The next process that comes does, though it sets nothing.
#[test]
fn case_c3_a_refused_set() {
    each_loss(|lose| {
        let name = name();
        let watch = Watch::create(&name, 0_u32).unwrap();
        let set = watch.status().unwrap().set;
        let begin = || {
            let watch = Box::leak(Box::new(Watch::<u32>::open(&name).unwrap()));
            || {
                // It took effect, and the next call says what failed, once.
                watch.set(7).unwrap();
                let refused = watch.try_set(8);
                assert!(matches!(&refused, Err(WatchError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
                assert_eq!(watch.get().unwrap(), 7);
            }
        };
        let sleep = || assert_eq!(Watch::<u32>::open(&name).unwrap().wait_for(|value| *value == 7).unwrap(), 7);
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_CHANGE), lose, begin, sleep);
        assert!(watch.watcher().try_changed().is_err());
        sleeper.join();
        refused.kill();
    });
}

/// A reader may not post for the writer that waits for it. The next one that comes does, though it finds the gate shut.
#[test]
fn case_c3_a_refused_leave_of_a_reader() {
    each_loss(|lose| {
        let name = name();
        let lock = RwLock::create(&name, 7_u32).unwrap();
        let set = lock.status().unwrap().set;
        let begin = || {
            let lock = Box::leak(Box::new(RwLock::<u32>::open(&name).unwrap()));
            let guard = lock.read().unwrap();
            || {
                drop(guard);
                let refused = lock.try_read();
                assert!(matches!(&refused, Err(LockError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
            }
        };
        let sleep = || drop(RwLock::<u32>::open(&name).unwrap().write().unwrap());
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_READERS), lose, begin, sleep);
        let _ = lock.try_read().map(drop);
        sleeper.join();
        refused.kill();
    });
}

/// A writer may not post for the reader that sleeps. The next writer does.
#[test]
fn case_c3_a_refused_leave_of_a_writer() {
    each_loss(|lose| {
        let name = name();
        let lock = RwLock::create(&name, 0_u32).unwrap();
        let set = lock.status().unwrap().set;
        let begin = || {
            let lock = Box::leak(Box::new(RwLock::<u32>::open(&name).unwrap()));
            let mut guard = lock.write().unwrap();
            *guard = 7;
            || {
                drop(guard);
                let refused = lock.read();
                assert!(matches!(&refused, Err(LockError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
                drop(refused);
                drop(lock.read().unwrap());
            }
        };
        let sleep = || assert_eq!(*RwLock::<u32>::open(&name).unwrap().read().unwrap(), 7);
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::TO_READ), lose, begin, sleep);
        drop(lock.write().unwrap());
        sleeper.join();
        refused.kill();
    });
}

fn refused_release(waiters: Waiters, sleep: impl Fn(&Pool)) {
    each_loss(|lose| {
        let name = name();
        let pool = Pool::create(&name, 2).unwrap();
        let set = pool.status().unwrap().set;
        let begin = || {
            let pool = Box::leak(Box::new(Pool::open(&name).unwrap()));
            let both = pool.acquire_many(2).unwrap();
            || {
                drop(both);
                assert_eq!(pool.available(), 2);
                let refused = pool.acquire();
                assert!(matches!(&refused, Err(PoolError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
                drop(refused);
                drop(pool.try_acquire().unwrap());
                let refused = pool.try_acquire_many(2);
                assert!(matches!(&refused, Err(PoolError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
            }
        };
        let sleep = || sleep(&Pool::open(&name).unwrap());
        let (refused, sleeper) = refused_while_another_sleeps((set, waiters), lose, begin, sleep);
        drop(pool.try_acquire().unwrap());
        sleeper.join();
        refused.kill();
    });
}

#[test]
fn case_c3_a_refused_release_while_another_waits_for_one() {
    refused_release(Waiters::FOR_ONE, |pool| drop(pool.acquire().unwrap()));
}

#[test]
fn case_c3_a_refused_release_while_another_waits_for_several() {
    refused_release(Waiters::FOR_SEVERAL, |pool| assert_eq!(pool.acquire_many(2).unwrap().indices(), [0, 1]));
}

/// A resize has a result, and returns the failure itself.
#[test]
fn case_c3_a_refused_resize() {
    each_loss(|lose| {
        let name = name();
        let pool = Pool::options().capacity(2).create(&name, 1).unwrap();
        let set = pool.status().unwrap().set;
        let only = pool.acquire().unwrap();
        let begin = || {
            let pool = Pool::open(&name).unwrap();
            move || {
                let refused = pool.resize(2);
                assert!(matches!(&refused, Err(PoolError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
                assert_eq!(pool.permits(), 2);
                // It was returned, so it is not recorded.
                pool.try_acquire().map(std::mem::forget).unwrap();
                std::mem::forget(pool);
            }
        };
        let sleep = || drop(Pool::open(&name).unwrap().acquire().unwrap());
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_ONE), lose, begin, sleep);
        drop(only);
        sleeper.join();
        refused.kill();
    });
}

/// A failure belongs to the process that met it: its child, which has a session of its own, goes on.
#[test]
fn case_c3_a_child_does_not_get_its_parents_failure() {
    if !has_user(NOBODY) {
        return;
    }
    let name = name();
    let mutex = Mutex::create(&name, ()).unwrap();
    let (locked, asleep) = (Turn::new(), Turn::new());
    let parent = child(|| {
        let _told = GivenOnPanic(&[&locked]);
        let mutex = Mutex::<()>::open(&name).unwrap();
        let guard = mutex.lock().unwrap();
        locked.give();
        asleep.take();
        seteuid(Uid::from_raw(65_534)).unwrap();
        drop(guard);
        seteuid(Uid::from_raw(0)).unwrap();
        child(|| drop(mutex.lock().unwrap())).join();
        let refused = mutex.lock();
        assert!(matches!(&refused, Err(LockError::Failed(failure)) if is_refusal(failure)), "{refused:?}");
        drop(refused);
        drop(mutex.lock().unwrap());
    });
    locked.take();
    let sleeper = child(|| drop(Mutex::<()>::open(&name).unwrap().lock().unwrap()));
    until_rings(mutex.status().unwrap().set, Waiters::OF_MUTEX);
    asleep.give();
    parent.join();
    sleeper.join();
}

/// Starts a process that gets a guard, loses its membership, and drops the guard when its slot has been reaped.
fn loses_its_membership(lost: &Turn, reaped: &Turn, dropped: &Turn, hold: impl FnOnce(&dyn Fn())) -> Child {
    child(|| {
        let _told = GivenOnPanic(&[lost, dropped]);
        hold(&|| {
            // The kernel settles the account of this process, as at its end.
            unshare(CloneFlags::CLONE_SYSVSEM).expect("every process may");
            lost.give();
            reaped.take();
        });
        dropped.give();
        hold_for_ever()
    })
}

#[test]
fn case_c3_an_unlock_after_the_membership_was_lost_frees_no_lock_of_another() {
    let name = name();
    let mutex = Mutex::create(&name, ()).unwrap();
    let (lost, reaped, dropped) = (Turn::new(), Turn::new(), Turn::new());
    let other = loses_its_membership(&lost, &reaped, &dropped, |lose| {
        let mutex = Box::leak(Box::new(Mutex::<()>::open(&name).unwrap()));
        let guard = mutex.lock().unwrap();
        lose();
        drop(guard);
        let refused = mutex.try_lock();
        assert!(matches!(&refused, Err(LockError::Failed(Failure::MembershipLost { .. }))), "{refused:?}");
    });
    lost.take();
    let guard = mutex.ignore_poison().lock().unwrap();
    reaped.give();
    dropped.take();
    assert_eq!(mutex.holder().map(|holder| holder.pid), Some(std::process::id()));
    drop(guard);
    other.kill();
}

/// A process that lost its membership while it reads takes no count back, and one that writes opens no gate of another's.
#[test]
fn case_c3_a_leave_after_the_membership_was_lost_changes_nothing_of_another() {
    for writes in [false, true] {
        let name = name();
        let lock = RwLock::create(&name, 0_u32).unwrap();
        let (lost, reaped, dropped) = (Turn::new(), Turn::new(), Turn::new());
        let other = loses_its_membership(&lost, &reaped, &dropped, |lose| {
            let lock = Box::leak(Box::new(RwLock::<u32>::open(&name).unwrap()));
            if writes {
                let guard = lock.write().unwrap();
                lose();
                drop(guard);
            } else {
                let guard = lock.read().unwrap();
                lose();
                drop(guard);
            }
            let refused = lock.try_read();
            assert!(matches!(&refused, Err(LockError::Failed(Failure::MembershipLost { .. }))), "{refused:?}");
        });
        lost.take();
        let guard = lock.ignore_poison().write().unwrap();
        reaped.give();
        dropped.take();
        assert_eq!(lock.writer().map(|writer| writer.pid), Some(std::process::id()));
        assert!(lock.readers().is_empty());
        drop(guard);
        other.kill();
        drop(lock.ignore_poison().try_write().unwrap());
    }
}

#[test]
fn case_c3_a_release_after_the_membership_was_lost_frees_no_permit_of_another() {
    let name = name();
    let pool = Pool::create(&name, 1).unwrap();
    let (lost, reaped, dropped) = (Turn::new(), Turn::new(), Turn::new());
    let other = loses_its_membership(&lost, &reaped, &dropped, |lose| {
        let pool = Box::leak(Box::new(Pool::open(&name).unwrap()));
        let permit = pool.acquire().unwrap();
        lose();
        drop(permit);
        let refused = pool.try_acquire();
        assert!(matches!(&refused, Err(PoolError::Failed(Failure::MembershipLost { .. }))), "{refused:?}");
    });
    lost.take();
    let permit = pool.acquire().unwrap();
    reaped.give();
    dropped.take();
    assert_eq!(pool.available(), 0);
    drop(permit);
    other.kill();
}
