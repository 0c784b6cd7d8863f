//! Waiters are stopped while they sleep, and then there is one event: a waiter that came after them, and runs, goes on.
//! RM6.

use support::{
    Child, child, name,
    prompt::{PROMPT, assert_waits, join_promptly, passes_stopped_sleepers, resume, stop},
};
use sysv_primitives::{Mutex, Pool, RwLock};

/// They go on, and get what the last one gave back.
fn go_on(stopped: [Child; 2]) {
    stopped.iter().for_each(resume);
    stopped.into_iter().for_each(|waiter| join_promptly("a waiter that was stopped goes on", waiter));
}

#[test]
fn an_unlock_wakes_a_waiter_that_runs() {
    for options in [Mutex::options(), Mutex::options().fair(true)] {
        let name = name();
        let mutex = options.create(&name, 0_u32).unwrap();
        let guard = mutex.lock().unwrap();
        let lock = || *Mutex::<u32>::open(&name).unwrap().lock().unwrap() += 1;
        go_on(passes_stopped_sleepers(lock, || drop(guard)));
        assert_eq!(*mutex.lock_timeout(PROMPT).unwrap(), 3);
    }
}

#[test]
fn a_writer_that_runs_writes() {
    let name = name();
    let lock = RwLock::create(&name, 0_u32).unwrap();
    let guard = lock.write().unwrap();
    let write = || *RwLock::<u32>::open(&name).unwrap().write().unwrap() += 1;
    go_on(passes_stopped_sleepers(write, || drop(guard)));
    assert_eq!(*lock.read_timeout(PROMPT).unwrap(), 3);
}

/// Waiters for one permit, and for several at once.
#[test]
fn permits_go_to_a_waiter_that_runs() {
    for permits in [1, 2] {
        let name = name();
        let pool = Pool::create(&name, permits).unwrap();
        let all = pool.acquire_many(permits).unwrap();
        let acquire = || {
            let pool = Pool::open(&name).unwrap();
            match permits {
                1 => drop(pool.acquire().unwrap()),
                _ => drop(pool.acquire_many(permits).unwrap()),
            }
        };
        go_on(passes_stopped_sleepers(acquire, || drop(all)));
        assert_eq!(pool.available(), permits as usize);
    }
}

/// A waiter that does not find enough is passed over.
#[test]
fn permits_go_to_a_waiter_for_which_they_are_enough() {
    let name = name();
    let pool = Pool::create(&name, 4).unwrap();
    let (two, rest) = (pool.acquire_many(2).unwrap(), pool.acquire_many(2).unwrap());
    let acquire = |permits: u32| drop(Pool::open(&name).unwrap().acquire_many(permits).unwrap());
    let [first, for_more, running] = [2, 4, 2].map(|permits| {
        let waiter = child(|| acquire(permits));
        waiter.until_asleep();
        waiter
    });
    stop(&first);
    drop(two);
    join_promptly("the waiter for two has them", running);
    resume(&first);
    join_promptly("the first one has them afterwards", first);
    assert_waits("there are only two", &for_more);
    drop(rest);
    join_promptly("there are four", for_more);
}
