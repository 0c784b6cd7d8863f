//! The named rwlock, between processes that die and stop; what holds for every kind is in `every_kind`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{
    Child, LONG, Name, SHORT, Waiters, assert_fails, child, hold_for_ever, memory, name, switches, until, until_rings,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{LockError, OpenError, RwLock, RwLockWriteGuard, raw::Deadline};

fn open(name: &Name) -> RwLock<[u64; 2]> {
    RwLock::open(name).expect("it is there")
}

fn create(name: &Name) -> RwLock<[u64; 2]> {
    RwLock::create(name, [7; 2]).expect("the name is ours")
}

/// Starts a process that reads until it is killed, and returns when it does.
fn reader(lock: &RwLock<[u64; 2]>, name: &Name) -> Child {
    let before = lock.readers().len();
    let reader = child(|| {
        let lock = open(name);
        let _guard = lock.read().unwrap();
        hold_for_ever()
    });
    until(|| lock.readers().len() > before);
    reader
}

/// Starts a process that writes until it is killed, and returns when it does.
fn writer(lock: &RwLock<[u64; 2]>, name: &Name) -> Child {
    let writer = child(|| {
        let lock = open(name);
        let mut guard = lock.write().unwrap();
        guard[0] = 8;
        hold_for_ever()
    });
    // While it waits for readers, it is named as well.
    until(|| lock.writer().is_some_and(|member| member.pid == writer.id()));
    writer
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

/// A thread that is not favoured, and one whose favoured thread has ended.
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

/// A reader that is killed keeps no writer out, whether that sleeps already or comes later, and poisons nothing.
#[test]
fn a_killed_reader_keeps_no_writer_out() {
    let name = name();
    let lock = create(&name);
    let dying = reader(&lock, &name);
    let waiting = child(|| open(&name).write_timeout(LONG).unwrap()[0] = 9);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    let begun = Instant::now();
    dying.kill();
    waiting.join();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(*lock.read().unwrap(), [9, 7]);
    // None waits for it.
    reader(&lock, &name).kill();
    assert_eq!(lock.readers().len(), 1, "it is not reaped yet");
    drop(lock.try_write().unwrap());
    assert!(lock.readers().is_empty() && !lock.is_poisoned());
}

/// One reader is killed while another reads on: the writer waits for the living one alone.
#[test]
fn a_writer_waits_for_the_living_readers() {
    let name = name();
    let lock = create(&name);
    let (dying, living) = (reader(&lock, &name), lock.read().unwrap());
    let waiting = child(|| drop(open(&name).write_timeout(LONG).unwrap()));
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    dying.kill();
    until(|| lock.readers().len() == 1);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    assert!(!waiting.is_done());
    drop(living);
    waiting.join();
}

#[test]
fn a_killed_writer_poisons() {
    let name = name();
    let lock = create(&name);
    let dying = writer(&lock, &name);
    until(|| matches!(lock.try_read(), Err(LockError::WouldBlock)));
    let waiting: Vec<_> = [true, false]
        .into_iter()
        .map(|reads| {
            child(|| {
                let lock = open(&name);
                if reads {
                    assert_fails!(lock.read(), LockError::Poisoned { .. });
                } else {
                    assert_fails!(lock.write(), LockError::Poisoned { .. });
                }
            })
        })
        .collect();
    waiting.iter().for_each(Child::until_asleep);
    thread::sleep(SHORT);
    dying.kill();
    waiting.into_iter().for_each(Child::join);
    assert!(lock.is_poisoned());
    assert_fails!(lock.try_read(), LockError::Poisoned { .. });
    assert_fails!(lock.try_write(), LockError::Poisoned { .. });
    assert_eq!(*lock.ignore_poison().read().unwrap(), [8, 7]);
    assert_eq!(*lock.ignore_poison().try_read().unwrap(), [8, 7]);
    drop(lock.ignore_poison().write_timeout(SHORT).unwrap());
    assert!(lock.is_poisoned(), "to look at it does not mend it");
    let mut guard = lock.ignore_poison().try_write().unwrap();
    guard[0] = 7;
    lock.clear_poison();
    drop(guard);
    assert_eq!(*lock.read().unwrap(), [7; 2]);
}

/// A writer that waits for a reader has changed nothing.
#[test]
fn a_writer_that_is_killed_while_it_waits_does_not_poison() {
    let name = name();
    let lock = create(&name);
    let reading = lock.read().unwrap();
    let dying = writer(&lock, &name);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    let waiting = child(|| assert_eq!(*open(&name).read_timeout(LONG).unwrap(), [7; 2]));
    until_rings(lock.status().unwrap().set, Waiters::TO_READ);
    dying.kill();
    waiting.join();
    assert!(!lock.is_poisoned());
    drop(lock.try_read().unwrap());
    drop(reading);
    drop(lock.write_timeout(LONG).unwrap());
}

#[test]
fn a_panic_of_a_writer_poisons_and_one_of_a_reader_does_not() {
    let name = name();
    let lock = create(&name);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.read().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err() && !lock.is_poisoned());
    drop(lock.try_write().unwrap());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.write().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err() && lock.is_poisoned());
    let Err(error) = lock.read() else { panic!("it is poisoned") };
    assert!(error.to_string().contains(&*name), "{error}");
    lock.clear_poison();
    drop(lock.write().unwrap());
}

/// A waiting writer keeps new readers out, so those that read one after another don't starve it.
#[test]
fn a_waiting_writer_shuts_the_gate() {
    let name = name();
    let lock = create(&name);
    let reading = lock.read().unwrap();
    let waiting = child(|| open(&name).write_timeout(LONG).unwrap()[0] = 9);
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    assert!(matches!(open(&name).try_read(), Err(LockError::WouldBlock)));
    let second = child(|| assert_eq!(*open(&name).read_timeout(LONG).unwrap(), [9, 7]));
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
                    let _guard = lock.read_timeout(LONG).unwrap();
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
        let _guard = lock.write_timeout(LONG).unwrap();
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
        drop(lock.read_timeout(LONG).unwrap());
    }
    end.store(1, SeqCst);
    writers.into_iter().for_each(Child::join);
    assert!(!lock.is_poisoned());
}

/// What is stopped while it waits holds up none.
#[test]
fn stopped_waiters_hold_up_none() {
    let name = name();
    let lock = create(&name);
    let writing = lock.write().unwrap();
    let set = lock.status().unwrap().set;
    let stopped = [child(|| drop(open(&name).read().unwrap())), child(|| drop(open(&name).write().unwrap()))];
    until_rings(set, Waiters::TO_READ);
    until_rings(set, Waiters::TO_WRITE);
    stopped.iter().for_each(|waiter| waiter.signal(Signal::SIGSTOP));
    let others = [child(|| drop(open(&name).read().unwrap())), child(|| drop(open(&name).write().unwrap()))];
    others.iter().for_each(Child::until_asleep);
    drop(writing);
    drop(lock.write_timeout(LONG).unwrap());
    drop(lock.read_timeout(LONG).unwrap());
    others.into_iter().for_each(Child::join);
    stopped.iter().for_each(|waiter| waiter.signal(Signal::SIGCONT));
    stopped.into_iter().for_each(Child::join);
}

/// A reader that is stopped holds up a writer, and that one goes on as soon as it does, or is killed.
#[test]
fn a_stopped_reader_holds_up_writers_until_it_is_killed() {
    let name = name();
    let lock = create(&name);
    let stopped = reader(&lock, &name);
    stopped.signal(Signal::SIGSTOP);
    assert!(matches!(lock.write_timeout(SHORT), Err(LockError::TimedOut)));
    drop(lock.try_read().unwrap());
    stopped.kill();
    drop(lock.write_timeout(LONG).unwrap());
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
fn a_writer_that_dies_after_a_downgrade_does_not_poison() {
    let name = name();
    let lock = create(&name);
    let dying = child(|| {
        let lock = open(&name);
        let mut writing = lock.write().unwrap();
        writing[0] = 1;
        let _reading = RwLockWriteGuard::downgrade(writing);
        hold_for_ever()
    });
    until(|| lock.readers().len() == 1 && lock.writer().is_none());
    dying.kill();
    assert_eq!(*lock.write_timeout(LONG).unwrap(), [1, 7]);
}

#[test]
fn a_downgraded_guard_keeps_the_poison() {
    let name = name();
    let lock = create(&name);
    writer(&lock, &name).kill();
    let reading = RwLockWriteGuard::downgrade(lock.ignore_poison().write().unwrap());
    assert!(lock.is_poisoned());
    drop(reading);
    assert_fails!(lock.read(), LockError::Poisoned { .. });
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
            lock.write_timeout(LONG).unwrap()[1] += 1;
            drop(lock.read_timeout(LONG).unwrap());
        }
    };
    let all = [child(impatient), child(patient), child(impatient), child(patient)];
    all.into_iter().for_each(Child::join);
    assert_eq!(lock.read().unwrap()[1], 1200);
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

#[test]
fn a_forgotten_guard_is_given_back_with_the_handle() {
    let name = name();
    let (lock, other) = (create(&name), open(&name));
    std::mem::forget(lock.read().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(lock.read().unwrap()));
    });
    assert!(matches!(other.try_write(), Err(LockError::WouldBlock)));
    drop(lock);
    drop(other.try_write().unwrap());
}

/// Two readers leave at once, and one of them wakes the writer: each of them may be the last.
#[test]
fn readers_that_leave_at_once_wake_the_writer() {
    const TIME: Duration = Duration::from_secs(1);
    let name = name();
    let lock = create(&name);
    let set = SemaphoreSet::from_id(lock.status().unwrap().set).unwrap();
    let shared = memory(16);
    let (inside, go): (&AtomicU64, &AtomicU64) = (shared.view(0).unwrap(), shared.view(8).unwrap());
    let second = child(|| {
        let lock = open(&name);
        for round in 1.. {
            let guard = lock.read_timeout(LONG).unwrap();
            inside.store(round, SeqCst);
            until_spinning(|| go.load(SeqCst) >= round);
            drop(guard);
            if go.load(SeqCst) == u64::MAX {
                return;
            }
        }
    });
    let begun = Instant::now();
    thread::scope(|scope| {
        let mut rounds = 0;
        while begun.elapsed() < TIME {
            rounds += 1;
            let guard = lock.read_timeout(LONG).unwrap();
            until_spinning(|| inside.load(SeqCst) >= rounds);
            let writer = scope.spawn(|| drop(open(&name).write_timeout(LONG).expect("it is notified")));
            until_spinning(|| Waiters::FOR_READERS.asleep(&set) > 0);
            go.store(rounds, SeqCst);
            drop(guard);
            writer.join().unwrap();
        }
        println!("{rounds} rounds");
    });
    go.store(u64::MAX, SeqCst);
    second.join();
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

/// The fences are what readers rely on: two processes store and look, in as many rounds as there is time for.
#[test]
fn a_reader_and_a_writer_never_both_go_in() {
    let name = name();
    let lock = create(&name);
    let shared = memory(16);
    let (round, inside): (&AtomicU64, &AtomicU64) = (shared.view(0).unwrap(), shared.view(8).unwrap());
    const ROUNDS: u64 = 20_000;
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
        if let Ok(_guard) = lock.try_write() {
            inside.store(1, SeqCst);
            (0..50).for_each(|_| std::hint::spin_loop());
            inside.store(0, SeqCst);
        }
    }
    reading.join();
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
                let _guard = lock.read_timeout(LONG).unwrap();
                together.wait();
            });
        }
        until_rings(lock.status().unwrap().set, Waiters::TO_READ);
        thread::sleep(SHORT);
        drop(writing);
    });
}
