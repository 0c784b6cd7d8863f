//! The named rwlock, between processes. What holds for every kind is in `every_kind`.

mod deaths;
mod fences;
mod owned;
mod waits;

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use support::{Child, Name, SHORT, child, memory, name};
use sysv_primitives::{LockError, OpenError, RwLock, RwLockWriteGuard, raw::Deadline};

fn open(name: &Name) -> RwLock<[u64; 2]> {
    RwLock::open(name).expect("it is there")
}

fn create(name: &Name) -> RwLock<[u64; 2]> {
    RwLock::create(name, [7; 2]).expect("the name is ours")
}

#[test]
fn smoke() {
    let name = name();
    let lock = create(&name);
    let other = open(&name);
    let (first, second, third) = (lock.read().unwrap(), lock.read().unwrap(), other.read().unwrap());
    assert_eq!((*first, *second, *third), ([7; 2], [7; 2], [7; 2]));
    assert!(matches!(lock.try_write(), Err(LockError::WouldBlock)));
    assert!(matches!(other.write_timeout(SHORT), Err(LockError::TimedOut)));
    assert!(matches!(other.write_deadline(Deadline::NOW), Err(LockError::TimedOut)));
    assert_eq!(lock.readers().len(), 2, "two members read");
    assert!(lock.try_read().is_ok(), "a writer that timed out opened the gate again");
    drop((first, second));
    assert!(matches!(lock.try_write(), Err(LockError::WouldBlock)));
    drop(third);
    let mut writing = lock.try_write().unwrap();
    writing[0] = 1;
    assert_eq!(other.writer().unwrap().pid, std::process::id());
    assert!(matches!(lock.try_read(), Err(LockError::WouldBlock)));
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    assert!(matches!(other.read_timeout(SHORT), Err(LockError::TimedOut)));
    assert!(matches!(other.read_deadline(Deadline::NOW), Err(LockError::TimedOut)));
    drop(writing);
    assert_eq!(*other.read_timeout(SHORT).unwrap(), [1, 7]);
    assert_eq!(lock.members().unwrap().len(), 2);
    assert!(lock.writer().is_none() && lock.readers().is_empty() && !lock.is_poisoned());
}

#[test]
fn values_are_made_in_place() {
    let name = name();
    let lock = RwLock::create_with(&name, |value: &mut [u64; 1 << 18]| value.fill(3)).unwrap();
    assert_eq!(lock.read().unwrap()[99], 3);
    lock.remove().unwrap();
    let lock = RwLock::<[u64; 1 << 18]>::create_zeroed(&name).unwrap();
    assert_eq!(lock.read().unwrap()[99], 0);
    assert!(matches!(RwLock::<[u64; 2]>::open(&name), Err(OpenError::WrongType { .. })));
}

/// Writers change both numbers, and no reader ever sees them differ.
#[test]
fn readers_and_writers_exclude_each_other() {
    for light in [true, false] {
        let name = name();
        let lock = RwLock::options().light_fences(light).create(&name, [0_u64; 2]).unwrap();
        let open = || RwLock::<[u64; 2]>::options().light_fences(light).open(&name).unwrap();
        let write = || {
            let lock = open();
            for _ in 0..3000 {
                let mut guard = lock.write().unwrap();
                guard[0] += 1;
                std::hint::spin_loop();
                guard[1] += 1;
            }
        };
        let read = || {
            let lock = open();
            for _ in 0..60_000 {
                let guard = lock.read().unwrap();
                let [first, second] = *std::hint::black_box(&*guard);
                assert_eq!(first, second);
            }
        };
        let mut all = vec![child(write), child(write)];
        all.extend([child(read), child(read)]);
        all.into_iter().for_each(Child::join);
        assert_eq!(*lock.read().unwrap(), [6000; 2]);
        assert!(!lock.is_poisoned());
    }
}

/// Threads of one handle: the first one that reads is favoured, and the others share a count.
#[test]
fn threads_share_a_handle() {
    let name = name();
    let lock = RwLock::create(&name, [0_u64; 2]).unwrap();
    thread::scope(|scope| {
        for number in 0..6 {
            let lock = &lock;
            scope.spawn(move || {
                for round in 0..3000 {
                    if number < 2 && round % 4 == 0 {
                        let mut guard = lock.write().unwrap();
                        guard[0] += 1;
                        guard[1] += 1;
                    } else {
                        let outer = lock.read().unwrap();
                        assert_eq!(outer[0], outer[1]);
                    }
                }
            });
        }
    });
    assert_eq!(*lock.read().unwrap(), [1500; 2]);
}

/// Counts of threads that read at once are not lost.
#[test]
fn threads_that_read_at_once_are_all_counted() {
    const TIME: Duration = Duration::from_millis(300);
    let name = name();
    let (lock, other) = (create(&name), open(&name));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let begun = Instant::now();
                while begun.elapsed() < TIME {
                    (0..1000).for_each(|_| drop(lock.read().unwrap()));
                }
            });
        }
    });
    assert!(lock.readers().is_empty());
    drop(other.try_write().unwrap());
}

/// A thread that is not favoured, and one after its favoured thread has ended.
#[test]
fn every_thread_is_counted() {
    let name = name();
    let (lock, other) = (create(&name), open(&name));
    thread::scope(|scope| {
        scope.spawn(|| drop(lock.read().unwrap()));
    });
    let (first, second) = (lock.read().unwrap(), lock.read().unwrap());
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    thread::scope(|scope| {
        scope.spawn(|| {
            let third = lock.read().unwrap();
            assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
            drop(third);
        });
    });
    drop(first);
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    drop(second);
    assert!(other.try_write().is_ok());
}

#[test]
fn no_writer_comes_between_a_downgrade() {
    let name = name();
    let lock = RwLock::create(&name, [0_u64; 2]).unwrap();
    let count = || {
        let lock = open(&name);
        for _ in 0..1500 {
            let mut writing = lock.write().unwrap();
            writing[0] += 1;
            writing[1] = writing[0];
            let mine = writing[0];
            let reading = RwLockWriteGuard::downgrade(writing);
            assert_eq!(*reading, [mine; 2]);
        }
    };
    let children: Vec<_> = (0..3).map(|_| child(count)).collect();
    children.into_iter().for_each(Child::join);
    assert_eq!(*lock.read().unwrap(), [4500; 2]);
}

#[test]
fn forked_child() {
    let name = name();
    let lock = create(&name);
    let mut guard = Some(lock.read().unwrap());
    // The parent's guard is not the child's to drop, and the child has a slot and a count of its own.
    child(|| {
        drop(guard.take());
        assert!(matches!(lock.try_write(), Err(LockError::WouldBlock)));
        let own = lock.read().unwrap();
        assert_eq!((lock.members().unwrap().len(), lock.readers().len()), (2, 2));
        drop(own);
    })
    .join();
    assert_eq!(lock.readers().len(), 1, "the parent still reads");
    drop(guard);
    let writing = lock.write().unwrap();
    let forked = child(|| lock.write().unwrap()[0] = 5);
    forked.until_asleep();
    drop(writing);
    forked.join();
    assert_eq!(*lock.read().unwrap(), [5, 7]);
}

/// A forked child reads with light fences, as its parent does, and a writer still sees it.
#[test]
fn a_forked_child_and_a_writer_exclude_each_other() {
    let name = name();
    let lock = RwLock::create(&name, [0_u64; 2]).unwrap();
    let reading = child(|| {
        for _ in 0..100_000 {
            let guard = lock.read().unwrap();
            let [first, second] = *std::hint::black_box(&*guard);
            assert_eq!(first, second);
        }
    });
    while !reading.is_done() {
        let mut guard = lock.write().unwrap();
        guard[0] += 1;
        guard[1] += 1;
    }
    reading.join();
}

/// The fences are what readers rely on: two processes store and look, in as many rounds as there is time for.
#[test]
fn a_reader_and_a_writer_never_both_go_in() {
    let name = name();
    let lock = create(&name);
    let shared = memory(16);
    let (round, inside): (&AtomicU64, &AtomicU64) = (shared.view(0).unwrap(), shared.view(8).unwrap());
    const ROUNDS: u64 = 200_000;
    let reading = child(|| {
        let lock = open(&name);
        for number in 1..=ROUNDS {
            while round.load(SeqCst) < number {
                std::hint::spin_loop();
            }
            if let Ok(_guard) = lock.try_read() {
                assert_eq!(inside.load(SeqCst), 0, "a writer is inside");
            }
        }
    });
    for number in 1..=ROUNDS {
        round.store(number, SeqCst);
        // The other one sees it a moment later.
        (0..number % 16).for_each(|_| std::hint::spin_loop());
        if let Ok(_guard) = lock.try_write() {
            inside.store(1, SeqCst);
            (0..50).for_each(|_| std::hint::spin_loop());
            inside.store(0, SeqCst);
        }
    }
    reading.join();
}
