//! What a process holds up that is stopped at any machine instruction of an rwlock's operations.

use std::{thread, time::Duration};

use support::{
    Name, Waiters, name,
    step::{Victim, every_instruction, mark},
    until_rings, within,
};
use sysv_primitives::{Options, RwLock, RwLockWriteGuard};

use super::held_up::{TRIED, Tally, stop};

fn options() -> Options<RwLock<u32>> {
    Options::new().max_handles(8)
}

fn open(name: &Name) -> RwLock<u32> {
    options().open(name).unwrap()
}

fn victim(name: &Name, act: impl FnOnce(&RwLock<u32>)) -> Victim {
    Victim::start(|| {
        let lock = open(name);
        drop(lock.read().unwrap());
        mark();
        act(&lock);
        mark();
    })
}

#[test]
fn a_reader_of_an_rwlock() {
    let (read, write) = <(Tally, Tally)>::default();
    every_instruction("rwlock.read and leave, others read and write", |steps| {
        let name = name();
        let lock = options().create(&name, 0).unwrap();
        stop(victim(&name, |lock| drop(lock.read().unwrap())), steps, || {
            read.count(lock.read_timeout(TRIED).is_ok());
            write.count(lock.write_timeout(TRIED).is_ok());
        })
    });
    read.assert_never("another reader");
    write.assert_partly("a writer");
}

#[test]
fn a_writer_of_an_rwlock() {
    let (read, write) = <(Tally, Tally)>::default();
    every_instruction("rwlock.write, downgrade and leave, others read and write", |steps| {
        let name = name();
        let lock = options().create(&name, 0).unwrap();
        let act = |lock: &RwLock<u32>| drop(RwLockWriteGuard::downgrade(lock.write().unwrap()));
        stop(victim(&name, act), steps, || {
            read.count(lock.read_timeout(TRIED).is_ok());
            write.count(lock.write_timeout(TRIED).is_ok());
        })
    });
    read.assert_partly("a reader");
    write.assert_partly("another writer");
}

/// The victim comes while another one writes, and does not get the lock in its time.
fn a_waiter(what: &str, act: impl Fn(&RwLock<u32>)) -> (Tally, Tally) {
    let (read, write) = <(Tally, Tally)>::default();
    every_instruction(what, |steps| {
        let name = name();
        let lock = options().create(&name, 0).unwrap();
        let writing = lock.write().unwrap();
        // It has read before, and so is favoured: the gate was open then.
        let victim = Victim::start(|| {
            let lock = open(&name);
            mark();
            act(&lock);
            mark();
        });
        stop(victim, steps, || {
            drop(writing);
            read.count(lock.read_timeout(TRIED).is_ok());
            write.count(lock.write_timeout(TRIED).is_ok());
        })
    });
    (read, write)
}

#[test]
fn a_waiter_of_an_rwlock() {
    const MOMENT: Duration = Duration::from_micros(1);
    let reads = |lock: &RwLock<u32>| drop(lock.read_timeout(MOMENT));
    let (read, write) = a_waiter("rwlock.read_timeout, others read and write afterwards", reads);
    read.assert_never("another reader");
    // It is counted for a moment, before it finds the gate shut.
    write.assert_partly("a writer");
    let writes = |lock: &RwLock<u32>| drop(lock.write_timeout(MOMENT));
    let (read, write) = a_waiter("rwlock.write_timeout, others read and write afterwards", writes);
    read.assert_never("a reader");
    write.assert_never("another writer");
}

/// The victim opens the gate while a reader sleeps. A writer that comes meanwhile gets the lock once the gate is open, and wakes
/// the reader, if the victim has not.
#[test]
fn a_notifier_of_an_rwlock() {
    let (newcomer, waiter) = <(Tally, Tally)>::default();
    every_instruction("rwlock, a writer leaves, a reader sleeps", |steps| {
        let name = name();
        let lock = options().create(&name, 0).unwrap();
        let (second, set) = (open(&name), lock.status().unwrap().set);
        let victim = Victim::start(|| {
            let lock = open(&name);
            let guard = lock.write().unwrap();
            mark();
            drop(guard);
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| drop(second.read().expect("it is notified")));
            until_rings(set, Waiters::TO_READ);
            stop(victim, steps, || {
                let got = lock.write_timeout(TRIED).map(drop).is_ok();
                newcomer.count(got);
                if got {
                    waiter.count(within(TRIED, || sleeper.is_finished()));
                }
            })
        })
    });
    newcomer.assert_partly("a newcomer's lock");
    waiter.assert_never("the reader, after the newcomer has left");
}
