//! Holders, waiters and dead members of each kind, by the processes that they are.

use std::time::Duration;

use support::rights::Turn;
use support::{Waiters, child, exit_now, hold_for_ever, name, until, until_rings};
use sysv_primitives::{
    Barrier, Mutex, OnceLock, Pool, RateLimiter, Role, RwLock,
    inspect::{Fill, Hold, Interest, Kind, Report, State, Value},
    mpmc, spsc,
};

use crate::{codes, holders, report};

/// Returns the processes that wait, and for what.
fn waiters(report: &Report) -> Vec<(u32, Interest)> {
    report.waiters.iter().map(|waiter| (waiter.pid, waiter.interest.clone())).collect()
}

#[test]
fn a_mutex_tells_its_holder_and_its_waiters() {
    let name = name();
    let mutex = Mutex::<[u32; 3]>::options().fair(true).mode(0o640).create(&name, [0; 3]).unwrap();
    let guard = mutex.lock().unwrap();
    let waiter = child(|| drop(Mutex::<[u32; 3]>::open(&name).unwrap().lock()));
    until_rings(mutex.status().unwrap().set, Waiters::OF_MUTEX);

    let found = report(&name);
    let me = std::process::id();
    assert_eq!((found.kind, found.state, found.name.as_deref()), (Kind::Mutex, State::Live, Some(&*name)));
    assert_eq!(holders(&found, Hold::Lock), [(me, 1)]);
    assert_eq!(waiters(&found), [(waiter.id(), Interest::Lock)]);
    assert!(found.waiters[0].waited.is_some_and(|waited| waited < Duration::from_secs(60)));
    let mut pids: Vec<u32> = found.members.iter().map(|member| member.pid).collect();
    pids.sort_unstable();
    let mut expected = vec![me, waiter.id()];
    expected.sort_unstable();
    assert_eq!(pids, expected);
    assert!(found.members.iter().all(|member| member.is_alive && member.age.is_some()));
    let fingerprint = found.fingerprint.as_ref().unwrap();
    assert_eq!((fingerprint.size, fingerprint.align, fingerprint.name.as_str()), (12, 4, "[u32; 3]"));
    assert_eq!(found.options["fair"], Value::Flag(true));
    assert_eq!(found.options["max_handles"], Value::Number(64));
    let set = found.set.as_ref().unwrap();
    assert_eq!((set.access.mode, set.id, set.sleepers), (0o640, mutex.status().unwrap().set, Some(1)));
    assert!(found.dead.is_empty() && found.findings.is_empty(), "{:?}", found.findings);
    drop(guard);
    waiter.join();
    until(|| report(&name).waiters.is_empty());
}

#[test]
fn a_waiter_for_a_condition_waits_for_a_change() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let waiter = child(|| {
        let mutex = Mutex::<u8>::open(&name).unwrap();
        drop(mutex.lock().unwrap().wait_while(|value| *value == 0));
    });
    until(|| !report(&name).waiters.is_empty());
    assert_eq!(waiters(&report(&name)), [(waiter.id(), Interest::Change)]);
    assert_eq!(report(&name).holders, [], "it does not hold the lock meanwhile");
    *mutex.lock().unwrap() = 1;
    waiter.join();
}

#[test]
fn a_member_that_was_killed_is_dead_and_still_holds() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let holder = child(|| {
        let mutex = Mutex::<u8>::open(&name).unwrap();
        std::mem::forget(mutex.lock().unwrap());
        std::mem::forget(mutex);
        hold_for_ever();
    });
    until(|| !holders(&report(&name), Hold::Lock).is_empty());
    let pid = holder.id();
    holder.kill();

    let found = report(&name);
    assert_eq!(found.dead.iter().map(|member| (member.pid, member.is_alive)).collect::<Vec<_>>(), [(pid, false)]);
    assert!(found.holders.iter().any(|holder| holder.pid == pid && !holder.is_alive));
    assert_eq!(codes(&found), ["dead"]);
    // It is repaired by the next that locks, and poisoned.
    assert!(mutex.lock().is_err());
    let found = report(&name);
    assert!(found.dead.is_empty() && codes(&found) == ["poisoned"], "{:?}", found.findings);
}

#[test]
fn an_rwlock_tells_readers_writers_and_which_waits() {
    let name = name();
    let lock = RwLock::create(&name, 0_u8).unwrap();
    let (first, second) = (lock.read().unwrap(), lock.read().unwrap());
    let writer = child(|| drop(RwLock::<u8>::open(&name).unwrap().write()));
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    let me = std::process::id();
    let found = report(&name);
    assert_eq!(holders(&found, Hold::Read), [(me, 2)]);
    assert_eq!(holders(&found, Hold::Write), [(writer.id(), 1)], "the gate is shut");
    assert_eq!(waiters(&found), [(writer.id(), Interest::Readers)]);

    let reader = child(|| drop(RwLock::<u8>::open(&name).unwrap().read()));
    until_rings(lock.status().unwrap().set, Waiters::TO_READ);
    assert!(waiters(&report(&name)).contains(&(reader.id(), Interest::Read)));
    drop((first, second));
    writer.join();
    reader.join();
    assert_eq!(report(&name).holders, []);
    assert_eq!(report(&name).options["light_fences"], Value::Flag(true));
}

#[test]
fn an_rwlock_of_a_writer_that_was_killed_names_it() {
    let name = name();
    let lock = RwLock::create(&name, 0_u8).unwrap();
    let turn = Turn::new();
    let writer = child(|| {
        let lock = RwLock::<u8>::open(&name).unwrap();
        std::mem::forget(lock.write().unwrap());
        std::mem::forget(lock);
        turn.give();
        hold_for_ever();
    });
    // The lock names it before it is inside, and only then it poisons.
    turn.take();
    let pid = writer.id();
    writer.kill();
    let found = report(&name);
    assert!(found.holders.iter().any(|holder| (holder.pid, holder.what, holder.is_alive) == (pid, Hold::Write, false)));
    assert!(lock.read().is_err());
    assert_eq!(codes(&report(&name)), ["poisoned"]);
}

#[test]
fn a_pool_tells_permits_and_how_many_a_waiter_wants() {
    let name = name();
    let pool = Pool::create(&name, 5).unwrap();
    let permits = pool.acquire_many(4).unwrap();
    let waiter = child(|| drop(Pool::open(&name).unwrap().acquire_many(3)));
    until_rings(pool.status().unwrap().set, Waiters::FOR_SEVERAL);
    let found = report(&name);
    assert_eq!(found.fill.map(|Fill { used, capacity, .. }| (used, capacity)), Some((4, 5)));
    assert_eq!(holders(&found, Hold::Permits), [(std::process::id(), 4)]);
    assert_eq!(waiters(&found), [(waiter.id(), Interest::Permits { count: 3 })]);
    drop(permits);
    waiter.join();
}

#[test]
fn an_spsc_ring_tells_its_roles() {
    let name = name();
    let ring = spsc::Ring::<u64>::create(&name, 4).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.push(1).unwrap();
    producer.push(2).unwrap();
    let consumer = child(|| {
        let ring = spsc::Ring::<u64>::open(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        while consumer.pop().is_ok() {}
    });
    // Having popped both, the consumer sleeps: it is in no room, and still known as a waiter.
    until(|| !report(&name).waiters.is_empty());
    let other = child(|| drop(spsc::Ring::<u64>::open(&name).unwrap().producer()));
    until_rings(ring.status().unwrap().set, Waiters::FOR_PRODUCER);
    let found = report(&name);
    assert_eq!(holders(&found, Hold::Producer), [(std::process::id(), 1)]);
    assert_eq!(holders(&found, Hold::Consumer), [(consumer.id(), 1)]);
    assert!(waiters(&found).contains(&(consumer.id(), Interest::Items)));
    assert!(waiters(&found).contains(&(other.id(), Interest::Role { role: Role::Producer })));
    assert_eq!((found.counters["pushed"], found.counters["popped"]), (2, 2));
    drop(producer);
    other.join();
    ring.close().unwrap();
    consumer.join();
    assert_eq!(report(&name).options["closed"], Value::Flag(true));
}

#[test]
fn an_mpmc_ring_tells_claims_and_ends() {
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    (0..4).for_each(|item| producer.push(item).unwrap());
    let claimed = consumer.claim().unwrap();
    let sender = child(|| {
        let ring = mpmc::Ring::<u64>::open(&name).unwrap();
        let _ = ring.producer().unwrap().push(9);
    });
    until_rings(ring.status().unwrap().set, Waiters::FOR_SLOTS);
    let (found, me) = (report(&name), std::process::id());
    assert_eq!(holders(&found, Hold::Claim), [(me, 1)]);
    assert_eq!((holders(&found, Hold::Consumer), found.counters["pushed"]), (vec![(me, 1)], 4));
    assert_eq!(waiters(&found), [(sender.id(), Interest::Room)]);
    assert!(holders(&found, Hold::Producer).contains(&(sender.id(), 1)));
    assert_eq!(found.fill.map(|fill| (fill.used, fill.capacity)), Some((3, 4)), "one is claimed");
    claimed.done();
    sender.join();
}

#[test]
fn a_once_lock_tells_its_initialiser() {
    let name = name();
    let once = OnceLock::<u64>::create(&name).unwrap();
    let go = Turn::new();
    let initialiser = child(|| {
        let once = OnceLock::<u64>::open(&name).unwrap();
        once.get_or_init(|| {
            go.take();
            7
        })
        .unwrap();
    });
    until(|| !report(&name).holders.is_empty());
    let waiter = child(|| drop(OnceLock::<u64>::open(&name).unwrap().wait()));
    until(|| !report(&name).waiters.is_empty());
    let found = report(&name);
    assert_eq!(holders(&found, Hold::Initialisation), [(initialiser.id(), 1)]);
    assert_eq!((waiters(&found), found.fill.unwrap().used), (vec![(waiter.id(), Interest::Value)], 0));
    go.give();
    initialiser.join();
    waiter.join();
    assert_eq!(report(&name).fill.unwrap().used, 1);
    drop(once);
}

#[test]
fn a_barrier_tells_its_participants() {
    let name = name();
    let barrier = Barrier::create(&name, 2).unwrap();
    let arrived = child(|| drop(Barrier::open(&name).unwrap().wait()));
    until(|| !report(&name).waiters.is_empty());
    let late = child(|| {
        let _barrier = Barrier::open(&name).unwrap();
        hold_for_ever();
    });
    until(|| report(&name).members.len() == 3);
    let found = report(&name);
    assert_eq!(found.fill.map(|fill| (fill.used, fill.capacity)), Some((1, 2)));
    assert_eq!(waiters(&found), [(arrived.id(), Interest::Barrier)]);
    assert!(holders(&found, Hold::Participation).contains(&(arrived.id(), 1)));
    drop(late);
    barrier.wait().ok();
    drop(arrived);
}

#[test]
fn a_rate_limiter_tells_what_is_taken() {
    let name = name();
    let limiter = RateLimiter::create(&name, 10, Duration::from_secs(3600)).unwrap();
    limiter.acquire(4).unwrap();
    let found = report(&name);
    assert_eq!((found.kind, found.fill.unwrap().used, found.fill.unwrap().capacity), (Kind::RateLimiter, 4, 10));
    assert_eq!((found.options["permits"], found.options["burst"]), (Value::Number(10), Value::Number(10)));
}

#[test]
fn without_members_it_is_idle() {
    let name = name();
    child(|| {
        // Without a drop, the kernel alone takes the slot back.
        std::mem::forget(Pool::create(&name, 1).unwrap());
        exit_now(0);
    })
    .join();
    let found = report(&name);
    assert_eq!((found.state, found.members.len(), found.dead.len()), (State::Idle, 0, 1));
}
