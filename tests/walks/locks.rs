//! Killed at every machine instruction of every operation: the survivors are never stuck, and
//! nothing is lost or given out twice.
//!
//! After each kill a survivor opens the object, takes everything there is exactly once, and
//! registers in every slot. The lock is poisoned exactly when the victim held it.

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{
    LONG, Name, Waiters, exit_now, name,
    step::{Pace, Victim, Walk, every_call, every_instruction, mark},
    until_rings,
};
use sysv_ipc::{SemaphoreOptions, SemaphoreSet};
use sysv_primitives::{LockError, Mutex, OpenError, Options, Permit, Pool};

const SLOTS: u32 = 4;

fn options<K>() -> Options<K> {
    Options::new().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

/// Looks at a mutex after a kill. The name may be free.
fn survey_mutex(name: &Name, victim: u32) {
    let mutex = options::<Mutex<_>>().open_or_create(name, [7_u32, 7]).expect("it can be opened");
    let held = mutex.holder().is_some_and(|holder| holder.pid == victim);
    match mutex.lock_timeout(LONG) {
        Ok(guard) => {
            assert!(!held, "a holder died, and no process was told");
            assert_eq!(*guard, [7, 7]);
        }
        Err(LockError::Poisoned { .. }) => {
            assert!(held, "poisoned, and no holder died");
            mutex.clear_poison();
        }
        Err(error) => panic!("stuck: {error}"),
    }
    drop(mutex.lock_timeout(LONG).expect("it is mended"));
    drop(mutex);
    let handles: Vec<_> =
        (0..SLOTS).map(|_| options::<Mutex<[u32; 2]>>().open(name).expect("a slot is free")).collect();
    handles.iter().for_each(|mutex| drop(mutex.lock_timeout(LONG).expect("every slot works")));
}

/// Looks at a pool after a kill. The name may be free.
fn survey_pool(name: &Name, permits: u32) {
    let pool = options::<Pool>().open_or_create(name, permits).expect("it can be opened");
    let all = pool.acquire_many_timeout(permits, LONG).expect("no permit is lost");
    assert_eq!(all.indices(), (0..permits as usize).collect::<Vec<_>>(), "each exactly once");
    assert!(pool.try_acquire().is_err(), "and none more");
    drop(all);
    let singles: Vec<Permit<'_>> = (0..permits).map(|_| pool.acquire_timeout(LONG).expect("it is free")).collect();
    drop(singles);
    drop(pool);
    let handles: Vec<_> = (0..SLOTS).map(|_| options::<Pool>().open(name).expect("a slot is free")).collect();
    handles.iter().for_each(|pool| drop(pool.acquire_many_timeout(permits, LONG).expect("every slot works")));
}

fn new_mutex(name: &Name) -> Mutex<[u32; 2]> {
    options::<Mutex<_>>().create(name, [7_u32, 7]).expect("the name is ours")
}

fn new_pool(name: &Name, permits: u32) -> Pool {
    options::<Pool>().create(name, permits).expect("the name is ours")
}

#[test]
fn mutex_open_or_create_every_instruction() {
    every_instruction("mutex.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _mutex = options::<Mutex<_>>().open_or_create(&name, [7_u32, 7]).unwrap();
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        survey_mutex(&name, pid);
        walk
    });
}

/// A creator that was killed on its way, and that its parent has not waited for, is dead: the next one waits for nothing.
///
/// Between its first two calls the set names no creator. Then only time tells.
#[test]
fn case_c22_a_creator_is_a_zombie_at_every_call() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let patient = Options::<Mutex<_>>::new().max_handles(SLOTS).open_timeout(PATIENCE);
    let mut nameless = 0;
    every_call("mutex.open_or_create, a zombie", |steps| {
        let name = name();
        let once = new_mutex(&name);
        let key = once.status().expect("it is there").key;
        once.remove().expect("it is ours");
        let victim = Victim::start(|| {
            mark();
            let _mutex = patient.open_or_create(&name, [7_u32, 7]).unwrap();
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.stop_after(Pace::Call, steps));
        victim.kill();
        let creator_of = |set: SemaphoreSet| set.last_pid(0).expect("it is there");
        if SemaphoreOptions::new().open_set(key, 0).is_ok_and(|set| creator_of(set).is_none()) {
            nameless += 1;
        } else {
            let begun = Instant::now();
            drop(patient.open_or_create(&name, [7_u32, 7]).expect("it can be opened"));
            assert!(begun.elapsed() < PATIENCE, "it waited for a process that is dead");
        }
        survey_mutex(&name, pid);
        drop(victim);
        walk
    });
    // Where the first call ends, and where the second begins.
    assert_eq!(nameless, 2);
}

#[test]
fn mutex_open_every_instruction() {
    let name = name();
    drop(new_mutex(&name));
    every_instruction("mutex.open", |steps| {
        let victim = Victim::start(|| {
            mark();
            let _mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        survey_mutex(&name, pid);
        walk
    });
}

#[test]
fn mutex_lock_every_instruction() {
    let name = name();
    drop(new_mutex(&name));
    every_instruction("mutex.lock", |steps| {
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            mark();
            let _guard = mutex.lock().unwrap();
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        survey_mutex(&name, pid);
        walk
    });
}

/// A survivor waits while the victim unlocks. It gets the lock, poisoned if the victim still had it.
fn unlock_with_a_waiter(name: &Name, steps: u64) -> Walk {
    let mutex = options::<Mutex<[u32; 2]>>().open(name).expect("it is there");
    let set = mutex.status().expect("it is there").set;
    let victim = Victim::start(|| {
        let mutex = options::<Mutex<[u32; 2]>>().open(name).unwrap();
        let guard = mutex.lock().unwrap();
        mark();
        drop(guard);
        mark();
    });
    let pid = victim.pid();
    let (walk, ()) = victim.walk_beside(steps, (set, Waiters::OF_MUTEX), || match mutex.lock_timeout(LONG) {
        Ok(_) => {}
        Err(LockError::Poisoned { .. }) => mutex.clear_poison(),
        Err(error) => panic!("stuck: {error}"),
    });
    drop(mutex);
    survey_mutex(name, pid);
    walk
}

#[test]
fn mutex_unlock_every_instruction() {
    let name = name();
    drop(new_mutex(&name));
    every_instruction("mutex.unlock", |steps| {
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            let guard = mutex.lock().unwrap();
            mark();
            drop(guard);
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        survey_mutex(&name, pid);
        walk
    });
    every_instruction("mutex.unlock, a survivor waits", |steps| unlock_with_a_waiter(&name, steps));
}

/// The victim finds a dead holder, reaps it, and is killed on the way.
#[test]
fn mutex_reap_every_instruction() {
    let name = name();
    drop(new_mutex(&name));
    every_instruction("mutex.lock, its holder is dead", |steps| {
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            mark();
            let _guard = mutex.lock();
            mark();
        });
        let holder = support::child(|| {
            let mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            let _held = mutex.lock().unwrap();
            exit_now(0)
        });
        let dead = holder.id();
        holder.join();
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        // One of the holders died with it: repaired before the usual check.
        let mutex = options::<Mutex<[u32; 2]>>().open(&name).expect("it is there");
        match mutex.lock_timeout(LONG) {
            Err(LockError::Poisoned { .. }) => {}
            other => panic!("process {dead} died holding the lock: {:?}", other.map(drop)),
        }
        mutex.clear_poison();
        drop(mutex);
        survey_mutex(&name, pid);
        walk
    });
}

#[test]
fn mutex_drop_every_instruction() {
    let name = name();
    drop(new_mutex(&name));
    every_instruction("mutex.drop", |steps| {
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            mark();
            drop(mutex);
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        survey_mutex(&name, pid);
        walk
    });
}

#[test]
fn mutex_remove_every_instruction() {
    every_instruction("mutex.remove", |steps| {
        let name = name();
        drop(new_mutex(&name));
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<[u32; 2]>>().open(&name).unwrap();
            mark();
            mutex.remove().unwrap();
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        if walk != Walk::Killed {
            assert!(matches!(Mutex::<[u32; 2]>::open(&name), Err(OpenError::NoSuchName { .. })));
        }
        survey_mutex(&name, pid);
        walk
    });
}

#[test]
fn pool_open_or_create_every_instruction() {
    every_instruction("pool.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _pool = options::<Pool>().open_or_create(&name, 3).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey_pool(&name, 3);
        walk
    });
}

#[test]
fn pool_acquire_every_instruction() {
    let name = name();
    drop(new_pool(&name, 3));
    every_instruction("pool.acquire", |steps| {
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            mark();
            let _permit = pool.acquire().unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey_pool(&name, 3);
        walk
    });
}

#[test]
fn pool_acquire_many_every_instruction() {
    let name = name();
    drop(new_pool(&name, 3));
    every_instruction("pool.acquire_many", |steps| {
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            mark();
            let _permits = pool.acquire_many(2).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey_pool(&name, 3);
        walk
    });
}

#[test]
fn pool_release_every_instruction() {
    let name = name();
    drop(new_pool(&name, 1));
    every_instruction("pool.release", |steps| {
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            let permit = pool.acquire().unwrap();
            mark();
            drop(permit);
            mark();
        });
        let walk = victim.walk(steps);
        survey_pool(&name, 1);
        walk
    });
}

/// Two survivors wait, one for one permit and one for several, while the victim releases.
#[test]
fn pool_release_with_waiters_every_instruction() {
    let name = name();
    drop(new_pool(&name, 2));
    every_instruction("pool.release, survivors wait for one and for two", |steps| {
        let (single, many) = (options::<Pool>().open(&name).unwrap(), options::<Pool>().open(&name).unwrap());
        let set = single.status().expect("it is there").set;
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            let permits = pool.acquire_many(2).unwrap();
            mark();
            drop(permits);
            mark();
        });
        let walk = thread::scope(|scope| {
            let one = scope.spawn(|| drop(single.acquire_timeout(LONG).expect("no wake-up is lost")));
            let two = scope.spawn(|| drop(many.acquire_many_timeout(2, LONG).expect("no wake-up is lost")));
            until_rings(set, Waiters::FOR_ONE);
            until_rings(set, Waiters::FOR_SEVERAL);
            let walk = victim.walk(steps);
            one.join().expect("the survivor is well");
            two.join().expect("the survivor is well");
            walk
        });
        drop((single, many));
        survey_pool(&name, 2);
        walk
    });
}

#[test]
fn pool_drop_every_instruction() {
    let name = name();
    drop(new_pool(&name, 2));
    every_instruction("pool.drop, a permit forgotten", |steps| {
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            std::mem::forget(pool.acquire().unwrap());
            mark();
            drop(pool);
            mark();
        });
        let walk = victim.walk(steps);
        survey_pool(&name, 2);
        walk
    });
}

#[test]
fn pool_remove_every_instruction() {
    every_instruction("pool.remove", |steps| {
        let name = name();
        drop(new_pool(&name, 2));
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            mark();
            pool.remove().unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        if walk != Walk::Killed {
            assert!(matches!(Pool::open(&name), Err(OpenError::NoSuchName { .. })));
        }
        survey_pool(&name, 2);
        walk
    });
}
