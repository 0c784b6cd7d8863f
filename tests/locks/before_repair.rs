//! What is shown between the death of a holder and the repair, and which calls repair.

use support::{Name, SHORT, child, exit_now, name};
use sysv_primitives::{LockError, Mutex, Pool, PoolError};

/// Locks in a process that dies with the lock. Returns its pid.
fn die_locking(name: &Name) -> u32 {
    let holder = child(|| {
        let mutex = Mutex::<u32>::open(name).unwrap();
        let _held = mutex.lock().unwrap();
        exit_now(0)
    });
    let pid = holder.id();
    holder.join();
    pid
}

#[test]
fn case_d3_a_mutex_shows_the_state_before_repair() {
    let name = name();
    let mutex = Mutex::create(&name, 7_u32).unwrap();
    let calls: [fn(&Mutex<u32>); 4] = [
        |mutex| assert!(matches!(mutex.try_lock(), Err(LockError::Poisoned { .. }))),
        |mutex| assert!(matches!(mutex.lock(), Err(LockError::Poisoned { .. }))),
        |mutex| assert!(matches!(mutex.lock_timeout(SHORT), Err(LockError::Poisoned { .. }))),
        |mutex| drop(mutex.ignore_poison().try_lock().unwrap()),
    ];
    for call in calls {
        let dead = die_locking(&name);
        let members = mutex.members().unwrap();
        assert!(members.len() == 1 && members[0].pid != dead, "the kernel says which members live");
        // Asked twice: asking repairs nothing.
        for _ in 0..2 {
            assert!(!mutex.is_poisoned());
            assert_eq!(mutex.holder().unwrap().pid, dead);
        }
        call(&mutex);
        assert!(mutex.is_poisoned());
        assert!(mutex.holder().is_none());
        mutex.clear_poison();
    }
}

/// Holds permits in a process that dies with them. Returns its pid.
fn die_holding(name: &Name, permits: u32) -> u32 {
    let holder = child(|| {
        let pool = Pool::open(name).unwrap();
        let _held = pool.acquire_many(permits).unwrap();
        exit_now(0)
    });
    let pid = holder.id();
    holder.join();
    pid
}

#[test]
fn case_d3_a_pool_shows_the_state_before_repair() {
    let name = name();
    let pool = Pool::create(&name, 4).unwrap();
    let calls: [fn(&Pool); 4] = [
        |pool| drop(pool.try_acquire().unwrap()),
        |pool| drop(pool.acquire().unwrap()),
        |pool| drop(pool.try_acquire_many(2).unwrap()),
        |pool| assert!(matches!(pool.acquire_many_timeout(4, SHORT), Err(PoolError::TimedOut))),
    ];
    for call in calls {
        let dead = die_holding(&name, 3);
        let dead_holders = || pool.holders().iter().filter(|(_, member)| member.pid == dead).count();
        // Asked twice: asking repairs nothing.
        for _ in 0..2 {
            assert_eq!((pool.available(), dead_holders()), (1, 3));
        }
        let free = pool.acquire().unwrap();
        assert_eq!((pool.available(), dead_holders()), (0, 3), "a permit was free, so nothing is repaired");
        call(&pool);
        assert_eq!((pool.available(), dead_holders()), (3, 0), "too few were free");
        drop(free);
        assert_eq!(pool.available(), 4);
    }
}
