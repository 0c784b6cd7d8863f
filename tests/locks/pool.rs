//! The counting pool, between processes that die. What holds for every kind is in `every_kind`.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use support::{Child, LONG, SHORT, Waiters, child, exit_now, hold_for_ever, memory, name, switches, until};
use sysv_primitives::{OpenError, Pool, PoolError, TooManyPermits};

#[test]
fn smoke() {
    let name = name();
    let pool = Pool::create(&name, 3).unwrap();
    let permits: Vec<_> = (0..3).map(|_| pool.acquire().unwrap()).collect();
    assert_eq!(permits.iter().map(|permit| permit.index()).collect::<HashSet<_>>(), (0..3).collect());
    assert!(pool.try_acquire().unwrap_err().is_busy());
    assert_eq!((pool.available(), pool.permits(), pool.capacity()), (0, 3, 3));
    let holders = pool.holders();
    assert!(holders.iter().all(|(_, member)| member.pid == std::process::id()) && holders.len() == 3);
    drop(permits);
    assert_eq!((pool.available(), pool.holders().len()), (3, 0));
    assert_eq!(Pool::open(&name).unwrap().acquire_many(3).unwrap().indices(), [0, 1, 2]);
}

#[test]
fn two_processes_never_share_a_permit() {
    let name = name();
    let pool = Pool::create(&name, 3).unwrap();
    let taken = memory(4096);
    let worker = || {
        child(|| {
            let pool = Pool::open(&name).unwrap();
            for round in 0..5000 {
                let permits = if round % 7 == 0 { pool.acquire_many(2).unwrap().indices().to_vec() } else { vec![] };
                assert!(permits.len() != 1);
                let permit = pool.acquire().unwrap();
                let word: &std::sync::atomic::AtomicU32 = taken.view(permit.index() * 4).unwrap();
                assert_eq!(word.swap(1, std::sync::atomic::Ordering::SeqCst), 0, "another process has it");
                word.store(0, std::sync::atomic::Ordering::SeqCst);
            }
        })
    };
    let workers: Vec<_> = (0..6).map(|_| worker()).collect();
    workers.into_iter().for_each(Child::join);
    assert_eq!(pool.available(), 3);
}

#[test]
fn owner_killed() {
    let name = name();
    let pool = Pool::create(&name, 4).unwrap();
    let owner = child(|| {
        let pool = Pool::open(&name).unwrap();
        let _three = pool.acquire_many(3).unwrap();
        let _one = pool.acquire().unwrap();
        hold_for_ever()
    });
    until(|| pool.available() == 0);
    assert!(pool.try_acquire().unwrap_err().is_busy());
    let one = child(|| _ = Pool::open(&name).unwrap().acquire().unwrap().index());
    let all = child(|| assert_eq!(Pool::open(&name).unwrap().acquire_many(4).unwrap().indices().len(), 4));
    one.until_asleep();
    all.until_asleep();
    owner.kill();
    one.join();
    all.join();
    assert_eq!(pool.acquire_many(4).unwrap().indices(), [0, 1, 2, 3]);
}

#[test]
fn owner_killed_without_waiters() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let owner = child(|| {
        let pool = Pool::open(&name).unwrap();
        let _both = pool.acquire_many(2).unwrap();
        hold_for_ever()
    });
    until(|| pool.available() == 0);
    assert_eq!(
        pool.holders().iter().map(|(index, member)| (*index, member.pid)).collect::<Vec<_>>(),
        [(0, owner.id()), (1, owner.id())]
    );
    owner.kill();
    let permit = pool.try_acquire().unwrap();
    assert_eq!(pool.available(), 1);
    drop(permit);
    assert_eq!(pool.try_acquire_many(2).unwrap().indices(), [0, 1]);
}

#[test]
fn all_or_nothing() {
    let name = name();
    let pool = Pool::create(&name, 4).unwrap();
    let permit = pool.acquire().unwrap();
    assert!(pool.try_acquire_many(4).unwrap_err().is_busy());
    assert_eq!(pool.available(), 3);
    let error = pool.acquire_many(5).unwrap_err();
    assert!(matches!(error, PoolError::TooMany(TooManyPermits { wanted: 5, limit: 4, capacity: 4, .. })));
    assert!(error.to_string().contains(&format!("5 permits of pool {:?}", &*name)), "{error}");
    assert!(pool.acquire_many(0).unwrap().indices().is_empty());
    let waiter = child(|| drop(Pool::open(&name).unwrap().acquire_many(4).unwrap()));
    waiter.until_asleep();
    assert_eq!(pool.available(), 3, "a waiter for many holds none");
    drop(permit);
    waiter.join();
}

#[test]
fn deadline_passes_and_not_early() {
    let name = name();
    let pool = Pool::create(&name, 1).unwrap();
    let permit = pool.acquire().unwrap();
    for wait in [
        |pool: &Pool| pool.acquire_timeout(SHORT).map(drop),
        |pool: &Pool| pool.acquire_many_timeout(1, SHORT).map(drop),
    ] {
        let started = Instant::now();
        assert!(wait(&pool).unwrap_err().is_busy());
        assert!(started.elapsed() >= SHORT);
    }
    drop(permit);
    assert!(pool.acquire_timeout(SHORT).is_ok());
    assert!(pool.acquire_many_timeout(1, SHORT).is_ok());
}

#[test]
fn waiters_that_time_out_lose_no_event() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let impatient = || {
        child(|| {
            let pool = Pool::open(&name).unwrap();
            for _ in 0..300 {
                let _ = pool.acquire_timeout(Duration::from_micros(40));
                let _ = pool.acquire_many_timeout(2, Duration::from_micros(40));
            }
        })
    };
    let patient = |count: u32| {
        child(|| {
            let pool = Pool::open(&name).unwrap();
            for _ in 0..1000 {
                drop(pool.acquire_many_timeout(count, LONG).unwrap());
                drop(pool.acquire_timeout(LONG).unwrap());
            }
        })
    };
    let all = [impatient(), patient(1), impatient(), patient(2)];
    all.into_iter().for_each(Child::join);
    assert_eq!(pool.available(), 2);
}

#[test]
fn resize_loses_no_permit() {
    let name = name();
    let pool = Pool::options().capacity(8).create(&name, 2).unwrap();
    let held = pool.acquire_many(2).unwrap();
    let waiter = child(|| _ = Pool::open(&name).unwrap().acquire().unwrap().index());
    waiter.until_asleep();
    pool.resize(5).unwrap();
    waiter.join();
    assert_eq!((pool.permits(), pool.available()), (5, 3));
    pool.resize(1).unwrap();
    assert!(pool.try_acquire().unwrap_err().is_busy());
    assert_eq!(pool.holders().len(), 2, "what is held stays held");
    drop(held);
    let only = pool.acquire().unwrap();
    assert_eq!((only.index(), pool.available()), (0, 0));
    assert!(matches!(pool.resize(9), Err(PoolError::TooMany(TooManyPermits { wanted: 9, capacity: 8, .. }))));
    pool.resize(8).unwrap();
    assert_eq!(pool.available(), 7);
}

#[test]
fn forked_child() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let mut permit = Some(pool.acquire().unwrap());
    child(|| {
        drop(permit.take());
        assert_eq!(pool.available(), 1, "the permit is the parent's");
        let _mine = pool.acquire().unwrap();
        assert_eq!(pool.members().unwrap().len(), 2);
        exit_now(0)
    })
    .join();
    assert_eq!(pool.holders().len(), 2, "the dead are listed until a process wants what they had");
    let _other = pool.acquire().unwrap();
    assert!(pool.holders().iter().all(|(_, member)| member.pid == std::process::id()));
    drop(permit);
}

/// Waking is for one: of 64 waiters each release wakes no more than the next.
#[test]
fn no_thundering_herd() {
    const WAITERS: u32 = 64;
    let name = name();
    let pool = Pool::options().max_handles(WAITERS + 1).create(&name, 1).unwrap();
    let counted = memory(4);
    let permit = pool.acquire().unwrap();
    let waiters: Vec<_> = (0..WAITERS)
        .map(|_| {
            child(|| {
                let pool = Pool::open(&name).unwrap();
                let wakes: &std::sync::atomic::AtomicU32 = counted.view(0).unwrap();
                let before = switches();
                let _permit = pool.acquire().unwrap();
                wakes.fetch_add(switches() - before, std::sync::atomic::Ordering::SeqCst);
            })
        })
        .collect();
    waiters.iter().for_each(Child::until_asleep);
    drop(permit);
    waiters.into_iter().for_each(Child::join);
    let wakes: &std::sync::atomic::AtomicU32 = counted.view(0).unwrap();
    let wakes = wakes.load(std::sync::atomic::Ordering::SeqCst);
    println!("{WAITERS} permits to waiters took {wakes} voluntary switches");
    // A herd would be a wake of all for each release: about 64 * 64 / 2.
    assert!(wakes <= 4 * WAITERS, "{wakes}");
}

/// Doorbells that can't count any higher, and ones that are empty beside them, do no harm.
#[test]
fn saturated_doorbells() {
    let name = name();
    let pool = Pool::create(&name, 1).unwrap();
    let set = sysv_ipc::SemaphoreSet::from_id(pool.status().unwrap().set).unwrap();
    let doorbells = Waiters::FOR_ONE.semaphores(&set);
    for &bell in &doorbells {
        set.op(&[sysv_ipc::SemOp::add(u16::try_from(bell).unwrap(), sysv_ipc::Amount::MAX)]).unwrap();
    }
    let other = Pool::open(&name).unwrap();
    let permit = other.acquire().unwrap();
    let waiter = child(|| drop(Pool::open(&name).unwrap().acquire().unwrap()));
    waiter.until_asleep();
    let is_cleared = |&bell: &usize| set.value(bell).unwrap() < 100;
    assert_eq!(doorbells.iter().filter(|bell| is_cleared(bell)).count(), 1, "the waiter's pile was cleared");
    drop(permit);
    waiter.join();
    drop(other);
    assert_eq!(pool.members().unwrap().len(), 1);
}

#[test]
fn a_large_pool() {
    let name = name();
    let pool = Pool::create(&name, 16_384).unwrap();
    let nearly_all = pool.acquire_many(16_383).unwrap();
    for _ in 0..1000 {
        assert_eq!(pool.acquire().unwrap().index(), 16_383);
    }
    drop(nearly_all);
    assert_eq!(pool.available(), 16_384);
    assert!(matches!(Pool::create(&format!("{}-", &*name), 1 << 25), Err(OpenError::TooMany(_))));
}

/// More time than one pass over a large pool takes on a slow machine, and less than one pass for each permit.
const SOME_PASSES: Duration = Duration::from_secs(5);

#[test]
fn case_c20_many_permits_of_a_large_pool() {
    const PERMITS: u32 = 80_000;
    let name = name();
    let pool = Pool::create(&name, PERMITS).unwrap();
    let started = Instant::now();
    let all = pool.acquire_many_timeout(PERMITS, Duration::from_millis(100)).unwrap();
    println!("{PERMITS} permits took {:?}", started.elapsed());
    assert!(started.elapsed() < SOME_PASSES, "{:?}", started.elapsed());
    assert!(all.indices().iter().copied().eq(0..PERMITS as usize), "each once, in order");
    assert!(matches!(pool.try_acquire(), Err(PoolError::WouldBlock)));
    let started = Instant::now();
    drop(all);
    println!("giving them back took {:?}", started.elapsed());
    assert!(started.elapsed() < SOME_PASSES, "{:?}", started.elapsed());
    assert_eq!(pool.available(), PERMITS as usize);
    // One is missing.
    let holder = child(|| {
        let pool = Pool::open(&name).unwrap();
        let _one = pool.acquire().unwrap();
        hold_for_ever()
    });
    until(|| pool.available() == PERMITS as usize - 1);
    let started = Instant::now();
    let late = pool.acquire_many_timeout(PERMITS, Duration::from_millis(100));
    assert!(matches!(late, Err(PoolError::TimedOut)));
    assert!((Duration::from_millis(100)..SOME_PASSES).contains(&started.elapsed()), "{:?}", started.elapsed());
    holder.kill();
    assert_eq!(pool.try_acquire_many(PERMITS).unwrap().indices().len(), PERMITS as usize);
}

/// Each permit that comes back may wake the waiter, which counts them all each time.
#[test]
fn case_c20_a_waiter_for_many_beside_a_release_of_many() {
    const PERMITS: u32 = 80_000;
    let name = name();
    let pool = Pool::create(&name, PERMITS).unwrap();
    let all = pool.acquire_many(PERMITS).unwrap();
    let waiter = child(|| drop(Pool::open(&name).unwrap().acquire_many_timeout(PERMITS, LONG).unwrap()));
    waiter.until_asleep();
    let started = Instant::now();
    drop(all);
    println!("giving {PERMITS} back took {:?}", started.elapsed());
    waiter.join();
    println!("and with the waiter {:?}", started.elapsed());
    assert!(started.elapsed() < SOME_PASSES, "{:?}", started.elapsed());
}

/// Others take permits and give them back all the time: many attempts fall short half-way, and the deadline holds.
#[test]
fn case_c20_attempts_that_fall_short_end_by_the_deadline() {
    const PERMITS: u32 = 80_000;
    let name = name();
    let pool = Pool::create(&name, PERMITS).unwrap();
    let others = [(); 2].map(|()| {
        child(|| {
            let pool = Pool::open(&name).unwrap();
            loop {
                drop(pool.acquire().unwrap());
            }
        })
    });
    until(|| !pool.holders().is_empty());
    let mut got = 0;
    for _ in 0..20 {
        let started = Instant::now();
        match pool.acquire_many_timeout(PERMITS, SHORT) {
            Ok(_) => got += 1,
            Err(error) => assert!(matches!(error, PoolError::TimedOut), "{error}"),
        }
        assert!(started.elapsed() < SOME_PASSES, "{:?}", started.elapsed());
    }
    println!("{got} of 20 attempts got all permits");
    others.into_iter().for_each(Child::kill);
    assert_eq!(pool.try_acquire_many(PERMITS).unwrap().indices().len(), PERMITS as usize, "what fell short came back");
}

#[test]
fn case_d4_a_resize_beyond_the_capacity_says_how_to_make_room() {
    let name = name();
    let fixed = Pool::create(&name, 4).unwrap();
    let error = fixed.resize(8).unwrap_err();
    assert!(matches!(error, PoolError::TooMany(TooManyPermits { wanted: 8, limit: 4, capacity: 4, .. })));
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("8 permits of pool {:?} are too many: its capacity was fixed at 4 when", &*name)),
        "{text}"
    );
    assert!(text.contains("Pool::options().capacity(8) makes room for growth"), "{text}");
    assert!(!text.contains("at once"), "that is not what was asked for: {text}");
    assert_eq!(fixed.acquire_many(8).unwrap_err().to_string(), text, "no resize would help");
    assert_eq!(fixed.permits(), 4);
    fixed.remove().unwrap();
    // As the error says.
    let growing = Pool::options().capacity(8).create(&name, 4).unwrap();
    let text = growing.acquire_many(6).unwrap_err().to_string();
    assert!(text.ends_with("there can be at most 4 at once, or 8 after a resize"), "{text}");
    growing.resize(8).unwrap();
    assert_eq!(growing.acquire_many(6).unwrap().indices().len(), 6);
    // More than any pool can have: no capacity would help.
    let text = Pool::create(&format!("{}-", &*name), 1 << 25).unwrap_err().to_string();
    assert!(text.ends_with("no pool can have more than 16777216"), "{text}");
}
