//! Readers and writers that wait for each other, and which of them is woken.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use support::{Child, SHORT, Waiters, child, memory, name, switches, until, until_rings};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{LockError, RwLock, RwLockWriteGuard};

use super::{create, open};

/// A waiting writer keeps new readers out, so those that read one after another don't starve it.
#[test]
fn a_waiting_writer_shuts_the_gate() {
    let name = name();
    let lock = create(&name);
    let reading = lock.read().unwrap();
    let waiting = child(|| open(&name).write().unwrap()[0] = 9);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    assert!(matches!(open(&name).try_read(), Err(LockError::WouldBlock)));
    let second = child(|| assert_eq!(*open(&name).read().unwrap(), [9, 7]));
    until_rings(lock.status().unwrap().set, Waiters::TO_READ);
    drop(reading);
    [waiting, second].into_iter().for_each(Child::join);
}

/// All readers that sleep are let in by one unlock, and read at the same time. Each is woken once.
#[test]
fn waiting_readers_are_let_in_together() {
    const READERS: u32 = 16;
    for downgrades in [false, true] {
        let name = name();
        let lock = create(&name);
        let shared = memory(8);
        let (inside, wakes): (&AtomicU32, &AtomicU32) = (shared.view(0).unwrap(), shared.view(4).unwrap());
        let writing = lock.write().unwrap();
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                child(|| {
                    let lock = open(&name);
                    let before = switches();
                    let _guard = lock.read().unwrap();
                    wakes.fetch_add(switches() - before, SeqCst);
                    inside.fetch_add(1, SeqCst);
                    until(|| inside.load(SeqCst) == READERS);
                })
            })
            .collect();
        let set = SemaphoreSet::from_id(lock.status().unwrap().set).unwrap();
        until(|| Waiters::TO_READ.asleep(&set) == READERS as usize);
        let reading = if downgrades {
            Some(RwLockWriteGuard::downgrade(writing))
        } else {
            drop(writing);
            None
        };
        readers.into_iter().for_each(Child::join);
        assert!(wakes.load(SeqCst) <= 3 * READERS, "{wakes:?}");
        drop(reading);
        drop(lock.try_write().unwrap());
    }
}

/// One writer sleeps while many readers leave: the last one wakes it.
#[test]
fn the_last_reader_wakes_the_writer() {
    let name = name();
    let lock = create(&name);
    let others: Vec<_> = (0..8).map(|_| open(&name)).collect();
    let mut guards: Vec<_> = others.iter().map(|lock| lock.read().unwrap()).collect();
    let shared = memory(4);
    let wakes: &AtomicU32 = shared.view(0).unwrap();
    let waiting = child(|| {
        let lock = open(&name);
        let before = switches();
        let _guard = lock.write().unwrap();
        wakes.store(switches() - before, SeqCst);
    });
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    while let Some(guard) = guards.pop() {
        drop(guard);
        if !guards.is_empty() {
            thread::sleep(Duration::from_millis(2));
            assert!(!waiting.is_done());
        }
    }
    waiting.join();
    assert!(wakes.load(SeqCst) <= 3, "{wakes:?}");
}

/// Writers that follow each other closely don't keep a reader out for ever (RW7).
#[test]
fn writers_do_not_starve_a_reader() {
    let name = name();
    let lock = create(&name);
    let shared = memory(8);
    let end: &AtomicU32 = shared.view(0).unwrap();
    let writers: Vec<_> = (0..3)
        .map(|_| {
            child(|| {
                let lock = open(&name);
                while end.load(SeqCst) == 0 {
                    let mut guard = lock.write().unwrap();
                    guard[0] += 1;
                    (0..2000).for_each(|_| std::hint::spin_loop());
                }
            })
        })
        .collect();
    for _ in 0..50 {
        let guard = lock.read().unwrap();
        let before = *std::hint::black_box(&*guard);
        (0..2000).for_each(|_| std::hint::spin_loop());
        assert_eq!(*std::hint::black_box(&*guard), before, "a writer came in");
    }
    end.store(1, SeqCst);
    writers.into_iter().for_each(Child::join);
    assert!(!lock.is_poisoned());
}

#[test]
fn timeouts_are_not_early_and_lose_no_event() {
    let name = name();
    let lock = RwLock::create(&name, [0_u64; 2]).unwrap();
    let guard = lock.write().unwrap();
    let begun = Instant::now();
    assert!(matches!(lock.read_timeout(SHORT), Err(LockError::TimedOut)));
    assert!(begun.elapsed() >= SHORT);
    drop(guard);
    let impatient = || {
        let lock = open(&name);
        for round in 0..300 {
            if round % 2 == 0 {
                let _ = lock.write_timeout(Duration::from_micros(50)).map(|mut guard| guard[0] += 1);
            } else {
                let _ = lock.read_timeout(Duration::from_micros(50)).map(drop);
            }
        }
    };
    let patient = || {
        let lock = open(&name);
        for _ in 0..600 {
            lock.write().unwrap()[1] += 1;
            drop(lock.read().unwrap());
        }
    };
    let all = [child(impatient), child(patient), child(impatient), child(patient)];
    all.into_iter().for_each(Child::join);
    assert_eq!(lock.read().unwrap()[1], 1200);
}

/// Two readers leave at once, and one of them wakes the writer: each of them may be the last.
#[test]
fn readers_that_leave_at_once_wake_the_writer() {
    const TIME: Duration = Duration::from_secs(2);
    let name = name();
    let lock = create(&name);
    let set = SemaphoreSet::from_id(lock.status().unwrap().set).unwrap();
    let shared = memory(32);
    let word = |number: usize| -> &AtomicU64 { shared.view(8 * number).unwrap() };
    let (inside, both, go, written) = (word(0), word(1), word(2), word(3));
    let is_over = || go.load(SeqCst) == u64::MAX;
    let second = child(|| {
        let lock = open(&name);
        for round in 1.. {
            until_spinning(|| written.load(SeqCst) == round - 1 || is_over());
            let guard = lock.read().unwrap();
            inside.store(round, SeqCst);
            until_spinning(|| go.load(SeqCst) >= round);
            drop(guard);
            if is_over() {
                return;
            }
        }
    });
    let writer = child(|| {
        let lock = open(&name);
        for round in 1.. {
            until_spinning(|| both.load(SeqCst) == round || is_over());
            if is_over() {
                return;
            }
            drop(lock.write().expect("it is notified"));
            written.store(round, SeqCst);
        }
    });
    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        rounds += 1;
        let guard = lock.read().unwrap();
        until_spinning(|| inside.load(SeqCst) == rounds);
        both.store(rounds, SeqCst);
        until_spinning(|| Waiters::FOR_READERS.asleep(&set) > 0);
        go.store(rounds, SeqCst);
        // The other one sees it a moment later.
        (0..rounds % 16).for_each(|_| std::hint::spin_loop());
        drop(guard);
        until_spinning(|| written.load(SeqCst) == rounds);
    }
    println!("{rounds} rounds");
    go.store(u64::MAX, SeqCst);
    [second, writer].into_iter().for_each(Child::join);
}

fn until_spinning(condition: impl Fn() -> bool) {
    for spins in 1_u32.. {
        if condition() {
            return;
        }
        if spins.is_multiple_of(1 << 10) {
            thread::yield_now();
        }
        std::hint::spin_loop();
    }
}

/// A writer that won't wait shuts the gate for no reader, as long as it finds another one inside.
#[test]
fn try_write_keeps_no_reader_out() {
    let name = name();
    let lock = create(&name);
    let _reading = lock.read().unwrap();
    let writing = child(|| {
        let lock = open(&name);
        for _ in 0..20_000 {
            assert!(matches!(lock.try_write(), Err(LockError::WouldBlock)));
        }
    });
    while !writing.is_done() {
        for _ in 0..1000 {
            drop(lock.try_read().expect("none writes, or waits to"));
        }
    }
    writing.join();
}

/// Threads of one process that wait to read are let in together as well.
#[test]
fn waiting_threads_are_let_in_together() {
    let name = name();
    let lock = create(&name);
    let other = open(&name);
    let writing = other.write().unwrap();
    let together = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let _guard = lock.read().unwrap();
                together.wait();
            });
        }
        until_rings(lock.status().unwrap().set, Waiters::TO_READ);
        thread::sleep(SHORT);
        drop(writing);
    });
}
