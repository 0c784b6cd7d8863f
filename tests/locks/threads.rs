//! Threads that wait through one handle share its slot, and so its doorbell: each of them gets what it waits for.

use std::{sync::mpsc, thread, time::Duration};

use support::{LONG, SHORT, Waiters, child, hold_for_ever, name, prompt::PROMPT, until, until_rings};
use sysv_primitives::{Mutex, Pool};

#[test]
fn many_threads_lock_beside_another_process() {
    let name = name();
    for fair in [false, true] {
        let mutex = Mutex::options().fair(fair).create(&name, 0_u64).unwrap();
        let add = |mutex: &Mutex<u64>| (0..2000).for_each(|_| *mutex.lock_timeout(LONG).unwrap() += 1);
        let others = [(); 2].map(|()| child(|| add(&Mutex::open(&name).unwrap())));
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| add(&mutex))));
        });
        others.into_iter().for_each(support::Child::join);
        assert_eq!(*mutex.lock().unwrap(), 12_000);
        mutex.remove().unwrap();
    }
}

/// The first one that waits wants more than is there, and the thread behind it less.
#[test]
fn a_thread_that_waits_for_fewer_permits_is_not_held_up() {
    let name = name();
    let pool = Pool::create(&name, 6).unwrap();
    let other = Pool::open(&name).unwrap();
    let mut held: Vec<_> = (0..6).map(|_| other.acquire().unwrap()).collect();
    thread::scope(|scope| {
        let (acquired, numbers) = mpsc::channel();
        for count in [5, 2] {
            let (pool, acquired) = (&pool, acquired.clone());
            scope.spawn(move || {
                let permits = pool.acquire_many_timeout(count, LONG).unwrap();
                acquired.send(count).unwrap();
                drop(permits);
            });
            until_rings(pool.status().unwrap().set, Waiters::FOR_SEVERAL);
            thread::sleep(SHORT);
        }
        held.truncate(4);
        assert_eq!(numbers.recv_timeout(PROMPT).expect("two are free"), 2);
        held.clear();
        assert_eq!(numbers.recv_timeout(PROMPT).expect("six are free"), 5);
    });
}

/// The thread that sleeps for all times out, and the next one sleeps in its place.
#[test]
fn a_thread_that_times_out_leaves_the_others_a_sleeper() {
    let name = name();
    let pool = Pool::create(&name, 1).unwrap();
    let holder = child(|| {
        let pool = Pool::open(&name).unwrap();
        let _permit = pool.acquire().unwrap();
        hold_for_ever()
    });
    until(|| pool.available() == 0);
    thread::scope(|scope| {
        let short = scope.spawn(|| pool.acquire_timeout(Duration::from_millis(300)).map(drop).is_err());
        until_rings(pool.status().unwrap().set, Waiters::FOR_ONE);
        let long = scope.spawn(|| pool.acquire_timeout(LONG).map(drop).is_ok());
        assert!(short.join().unwrap(), "the permit is held");
        holder.kill();
        until(|| long.is_finished());
        assert!(long.join().unwrap(), "the permit of the dead");
    });
}

/// A child made by `fork` while threads of its parent wait has threads of its own that wait.
#[test]
fn a_child_waits_by_itself() {
    let name = name();
    let pool = Pool::create(&name, 1).unwrap();
    let other = Pool::open(&name).unwrap();
    let permit = other.acquire().unwrap();
    thread::scope(|scope| {
        let ours = scope.spawn(|| drop(pool.acquire_timeout(LONG).unwrap()));
        until_rings(pool.status().unwrap().set, Waiters::FOR_ONE);
        let theirs = child(|| drop(pool.acquire_timeout(LONG).unwrap()));
        theirs.until_asleep();
        drop(permit);
        theirs.join();
        ours.join().unwrap();
    });
}
