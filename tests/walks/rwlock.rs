//! Killed at every machine instruction of an rwlock's operations: no survivor is stuck, a reader poisons nothing, and the
//! lock is poisoned exactly if the victim was inside.

use std::{thread, time::Duration};

use support::{
    Name, Waiters, child, exit_now, name,
    step::{Victim, Walk, every_instruction, mark},
    until_rings,
};
use sysv_ipc::Segment;
use sysv_primitives::{LockError, Options, RwLock, RwLockWriteGuard};

const SLOTS: u32 = 4;

/// Where the word `inside` lies: the slots end at 576, the body begins on the next 128.
const INSIDE: usize = 640 + 12;

type Lock = RwLock<[u32; 2]>;

fn options() -> Options<Lock> {
    Options::new().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

fn open(name: &Name) -> Lock {
    options().open(name).expect("it is there")
}

fn new(name: &Name) -> Lock {
    options().create(name, [7, 7]).expect("the name is ours")
}

/// Returns whether some writer has said that it is inside.
fn is_inside(lock: &Lock) -> bool {
    let memory = Segment::from_id(lock.status().expect("it is there").segment).unwrap().attach().unwrap();
    memory.read(4, INSIDE).unwrap() != [0; 4]
}

/// Looks at an rwlock after a kill. The name may be free.
fn survey(name: &Name) {
    let lock = options().open_or_create(name, [7, 7]).expect("it can be opened");
    let was_inside = is_inside(&lock) || lock.is_poisoned();
    match lock.write() {
        Ok(guard) => {
            assert!(!was_inside, "a writer died inside, and no caller was told");
            assert_eq!(*guard, [7, 7]);
        }
        Err(LockError::Poisoned { .. }) => {
            assert!(was_inside, "poisoned, and no writer died inside");
            lock.clear_poison();
        }
        Err(error) => panic!("stuck: {error}"),
    }
    assert!(!is_inside(&lock) && lock.readers().is_empty() && lock.writer().is_none());
    drop(lock.read().expect("it is mended"));
    drop(lock);
    let all: Vec<_> = (0..SLOTS).map(|_| options().open(name).expect("a slot is free")).collect();
    for lock in &all {
        drop(lock.write().expect("every slot works"));
        drop(lock.read().expect("every slot works"));
    }
    let guards: Vec<_> = all.iter().map(|lock| lock.try_read().expect("all read at once")).collect();
    assert!(matches!(all[0].try_write(), Err(LockError::WouldBlock)), "each is counted");
    drop(guards);
}

/// Kills a victim at every instruction of what it does with a lock and with what it has prepared.
fn walk<P>(what: &str, prepare: impl Fn(&'static Lock) -> P, act: impl Fn(&'static Lock, P)) {
    let name = name();
    drop(new(&name));
    every_instruction(what, |steps| {
        let victim = Victim::start(|| {
            let lock: &Lock = Box::leak(Box::new(open(&name)));
            let prepared = prepare(lock);
            mark();
            act(lock, prepared);
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name);
        walk
    });
}

/// The same, while survivors wait. Each of them goes on, or finds the lock poisoned.
fn walk_beside<P>(
    what: &str,
    waiters: &[Waiters],
    prepare: impl Fn(&'static Lock) -> P,
    act: impl Fn(&'static Lock, P),
) {
    let name = name();
    drop(new(&name));
    every_instruction(what, |steps| beside(&name, steps, waiters, &prepare, &act));
}

fn beside<P>(
    name: &Name,
    steps: u64,
    waiters: &[Waiters],
    prepare: &impl Fn(&'static Lock) -> P,
    act: &impl Fn(&'static Lock, P),
) -> Walk {
    let victim = Victim::start(|| {
        let lock: &Lock = Box::leak(Box::new(open(name)));
        let prepared = prepare(lock);
        mark();
        act(lock, prepared);
        mark();
    });
    let others: Vec<Lock> = waiters.iter().map(|_| open(name)).collect();
    let set = others[0].status().expect("it is there").set;
    let walk = thread::scope(|scope| {
        let sleepers: Vec<_> = waiters
            .iter()
            .zip(&others)
            .map(|(waiters, lock)| {
                let reads = matches!(waiters, Waiters::Room { room: 1, .. });
                let sleeper = scope.spawn(move || match reads {
                    true => lock.read().map(drop),
                    false => lock.write().map(drop),
                });
                until_rings(set, *waiters);
                sleeper
            })
            .collect();
        let walk = victim.walk(steps);
        for sleeper in sleepers {
            match sleeper.join().expect("the survivor is well") {
                Ok(()) | Err(LockError::Poisoned { .. }) => {}
                Err(error) => panic!("stuck: {error}"),
            }
        }
        walk
    });
    drop(others);
    survey(name);
    walk
}

#[test]
fn rwlock_open_or_create_every_instruction() {
    every_instruction("rwlock.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _lock = options().open_or_create(&name, [7, 7]).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name);
        walk
    });
}

#[test]
fn rwlock_read_every_instruction() {
    walk("rwlock.read and leave", drop_first, |lock, ()| drop(lock.read().unwrap()));
    walk("rwlock.read and leave, not favoured", favour_another, |lock, ()| drop(lock.read().unwrap()));
}

fn drop_first(lock: &Lock) {
    drop(lock.read().unwrap());
}

fn favour_another(lock: &'static Lock) {
    thread::spawn(|| drop(lock.read().unwrap())).join().unwrap();
}

#[test]
fn rwlock_leave_every_instruction() {
    let read = |lock: &'static Lock| lock.read().unwrap();
    walk_beside("rwlock, a reader leaves, a writer waits", &[Waiters::FOR_READERS], read, |_, guard| drop(guard));
    let waiters = [Waiters::FOR_READERS, Waiters::TO_READ, Waiters::TO_WRITE];
    let read = |lock: &'static Lock| {
        favour_another(lock);
        lock.read().unwrap()
    };
    walk_beside("rwlock, a reader leaves that is not favoured, all wait", &waiters, read, |_, guard| drop(guard));
}

#[test]
fn rwlock_write_every_instruction() {
    walk("rwlock.write and leave", drop_first, |lock, ()| drop(lock.write().unwrap()));
    walk("rwlock.try_write and leave", drop_first, |lock, ()| drop(lock.try_write().unwrap()));
}

#[test]
fn rwlock_unwrite_every_instruction() {
    let write = |lock: &'static Lock| lock.write().unwrap();
    let waiters = [Waiters::TO_READ, Waiters::TO_WRITE];
    walk_beside("rwlock, a writer leaves, others wait", &waiters, write, |_, guard| drop(guard));
    walk_beside("rwlock.downgrade, others wait", &waiters, write, |_, guard| {
        drop(RwLockWriteGuard::downgrade(guard));
    });
}

/// The victim waits for a survivor that reads, and its timeout elapses, beside a reader that waits for it.
#[test]
fn rwlock_write_timeout_every_instruction() {
    let name = name();
    let lock = new(&name);
    every_instruction("rwlock.write_timeout, a survivor reads", |steps| {
        let reading = lock.read().unwrap();
        let victim = Victim::start(|| {
            let lock: &Lock = Box::leak(Box::new(open(&name)));
            mark();
            assert!(lock.write_timeout(Duration::from_micros(1)).is_err());
            mark();
        });
        let walk = victim.walk(steps);
        drop(open(&name).read().expect("the gate is open"));
        drop(reading);
        assert!(!lock.is_poisoned());
        drop(lock.write().expect("it is free, and whole"));
        walk
    });
}

#[test]
fn rwlock_read_timeout_every_instruction() {
    let name = name();
    let lock = new(&name);
    every_instruction("rwlock.read_timeout, a survivor writes", |steps| {
        let writing = lock.write().unwrap();
        let victim = Victim::start(|| {
            let lock: &Lock = Box::leak(Box::new(open(&name)));
            mark();
            assert!(lock.read_timeout(Duration::from_micros(1)).is_err());
            mark();
        });
        let walk = victim.walk(steps);
        drop(writing);
        assert!(!lock.is_poisoned());
        drop(lock.write().expect("it is free, and whole"));
        walk
    });
}

/// The victim finds a dead reader or writer, reaps it, and is killed on the way.
#[test]
fn rwlock_reap_every_instruction() {
    for writes in [false, true] {
        let name = name();
        drop(new(&name));
        every_instruction(&format!("rwlock.write, another is dead that wrote: {writes}"), |steps| {
            let victim = Victim::start(|| {
                let lock: &Lock = Box::leak(Box::new(open(&name)));
                mark();
                let _ = lock.write().map(drop);
                mark();
            });
            child(|| {
                let lock: &Lock = Box::leak(Box::new(open(&name)));
                if writes {
                    std::mem::forget(lock.write())
                } else {
                    std::mem::forget(lock.read())
                }
                exit_now(0)
            })
            .join();
            let walk = victim.walk(steps);
            let lock = open(&name);
            match lock.write() {
                Err(LockError::Poisoned { .. }) => lock.clear_poison(),
                Ok(_) => assert!(!writes, "a writer died inside"),
                Err(error) => panic!("stuck: {error}"),
            }
            drop(lock);
            survey(&name);
            walk
        });
    }
}

#[test]
fn rwlock_drop_every_instruction() {
    let name = name();
    drop(new(&name));
    every_instruction("rwlock.drop, a guard forgotten", |steps| {
        let victim = Victim::start(|| {
            let lock = open(&name);
            std::mem::forget(lock.read().unwrap());
            mark();
            drop(lock);
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name);
        walk
    });
}
