//! Futures of an rwlock: readers that are called together, and a writer that has the lock while it waits for readers.

use std::{sync::Arc, thread, time::Duration};

use support::{LONG, Name, alone, child, hold_for_ever, name, until, within};
use sysv_primitives::{Failure, LockError, OwnedRwLockWriteGuard, RwLock};

use super::{
    by_hand::ByHand,
    ending::{SOON, clerks},
};

fn open(name: &Name) -> Arc<RwLock<[u64; 2]>> {
    Arc::new(RwLock::open(name).expect("it is there"))
}

fn create(name: &Name) -> Arc<RwLock<[u64; 2]>> {
    Arc::new(RwLock::create(name, [0; 2]).expect("the name is ours"))
}

const TURNS: u64 = 150;

/// Changes both numbers, one after the other.
fn add(value: &mut [u64; 2]) {
    value[0] += 1;
    thread::yield_now();
    value[1] += 1;
}

/// Tasks and threads of two processes read and write. No reader sees a value half changed, and no addition is lost.
#[test]
fn readers_and_writers_of_both_kinds() {
    let name = name();
    let lock = create(&name);
    let by_tasks = |lock: &Arc<RwLock<[u64; 2]>>| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let writers = (0..3).map(|_| {
                let lock = Arc::clone(lock);
                tokio::spawn(async move {
                    for turn in 0..TURNS {
                        let mut guard = Arc::clone(&lock).write_owned_async().await.unwrap();
                        add(&mut guard);
                        if turn % 2 == 0 {
                            let read = OwnedRwLockWriteGuard::downgrade(guard);
                            tokio::task::yield_now().await;
                            assert_eq!(read[0], read[1]);
                        }
                    }
                })
            });
            let readers = (0..3).map(|_| {
                let lock = Arc::clone(lock);
                tokio::spawn(async move {
                    for _ in 0..TURNS {
                        let guard = lock.read_async().await.unwrap();
                        // Perhaps another thread goes on with it.
                        tokio::task::yield_now().await;
                        assert_eq!(guard[0], guard[1]);
                    }
                })
            });
            let tasks: Vec<_> = writers.chain(readers).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    };
    let by_threads = |lock: &Arc<RwLock<[u64; 2]>>| {
        for _ in 0..TURNS {
            add(&mut lock.write().unwrap());
            let read = lock.read().unwrap();
            assert_eq!(read[0], read[1]);
        }
    };
    let others = [child(|| by_tasks(&open(&name))), child(|| by_threads(&open(&name)))];
    thread::scope(|scope| {
        scope.spawn(|| by_threads(&lock));
        by_tasks(&lock);
    });
    others.into_iter().for_each(support::Child::join);
    assert_eq!(*lock.read().unwrap(), [8 * TURNS; 2]);
    assert!(lock.readers().is_empty() && lock.writer().is_none());
}

/// It is counted among those of all threads, so any of them may drop it.
#[test]
fn a_guard_is_dropped_by_another_thread() {
    let name = name();
    let lock = create(&name);
    // This thread is the favoured one.
    drop(lock.read().unwrap());
    let (read, sync) = (pollster::block_on(lock.read_async()).unwrap(), lock.read().unwrap());
    thread::scope(|scope| drop(scope.spawn(move || drop(read))));
    drop(sync);
    assert!(lock.readers().is_empty());
    let written = pollster::block_on(lock.write_async()).unwrap();
    thread::scope(|scope| drop(scope.spawn(move || drop(written))));
    assert!(lock.try_write().is_ok());
}

#[test]
fn the_death_of_a_reader_wakes_a_writer() {
    let name = name();
    let lock = create(&name);
    let reader = child(|| {
        let lock = open(&name);
        let _guard = lock.read().unwrap();
        hold_for_ever()
    });
    until(|| lock.readers().len() == 1);
    let mut write = ByHand::new(lock.write_async());
    write.until_waiting();
    reader.kill();
    write.finish().unwrap()[0] = 7;
    assert_eq!(lock.read().unwrap()[0], 7);
}

#[test]
fn the_death_of_a_writer_poisons_for_futures() {
    let name = name();
    let lock = create(&name);
    let writer = child(|| {
        let lock = open(&name);
        let _guard = lock.write().unwrap();
        hold_for_ever()
    });
    until(|| lock.writer().is_some());
    let mut reads = [ByHand::new(lock.read_async()), ByHand::new(lock.read_async())];
    reads.iter_mut().for_each(ByHand::until_waiting);
    let mut write = ByHand::new(lock.write_async());
    write.until_waiting();
    writer.kill();
    for read in reads {
        assert!(matches!(read.finish(), Err(LockError::Poisoned { .. })));
    }
    assert!(matches!(write.finish(), Err(LockError::Poisoned { .. })));
    let mut mended = pollster::block_on(lock.ignore_poison().write_async()).unwrap();
    mended[0] = 1;
    lock.clear_poison();
    drop(mended);
    assert_eq!(pollster::block_on(lock.ignore_poison().read_async()).unwrap()[0], 1);
    assert_eq!(pollster::block_on(lock.read_async()).unwrap()[0], 1);
}

#[test]
fn a_removal_ends_the_futures() {
    let name = name();
    let lock = create(&name);
    let other = open(&name);
    let reading = other.read().unwrap();
    // It has the lock, and waits for the reader.
    let mut first = ByHand::new(lock.write_async());
    first.until_waiting();
    let mut behind = ByHand::new(lock.write_async());
    behind.until_waiting();
    let mut read = ByHand::new(lock.read_async());
    read.until_waiting();
    other.remove().unwrap();
    for error in [first.finish().err(), behind.finish().err(), read.finish().err()] {
        let error = error.expect("it is removed");
        assert!(error.is_gone(), "{error}");
    }
    drop(reading);
}

/// A writer keeps the gate shut while it waits for a reader. Dropped, it lets others in, and no thread is left.
#[test]
fn a_dropped_writer_opens_the_gate() {
    alone(|| {
        let name = name();
        let (lock, other) = (create(&name), open(&name));
        for round in 0..20 {
            let reading = other.read().unwrap();
            let mut write = ByHand::new(lock.write_async());
            write.until_waiting();
            if round % 2 == 0 {
                // It sleeps on the doorbell of the writers, and must not take the next one's post.
                assert!(within(LONG, || clerks() == 1));
            }
            assert!(matches!(other.try_read(), Err(LockError::WouldBlock)), "it waits, and keeps readers out");
            let waiting = child(|| drop(open(&name).read().unwrap()));
            waiting.until_asleep();
            drop(write);
            waiting.join();
            let writing = child(|| open(&name).write().unwrap()[0] += 1);
            writing.until_asleep();
            drop(reading);
            writing.join();
        }
        assert_eq!(lock.read().unwrap()[0], 20);
        drop(lock);
        assert!(within(SOON, || clerks() == 0));
    });
}

/// The readers have left, and the future is not polled. So it holds up neither readers nor writers, and is a new writer when it
/// is polled.
#[test]
fn a_writer_that_is_not_polled_lets_others_in() {
    let name = name();
    let lock = create(&name);
    for _ in 0..10 {
        let other = open(&name);
        let reading = other.read().unwrap();
        let mut write = ByHand::new(lock.write_async());
        write.until_waiting();
        let reader = child(|| drop(open(&name).read().unwrap()));
        reader.until_asleep();
        drop(reading);
        until(|| write.is_woken());
        reader.join();
        child(|| open(&name).write().unwrap()[0] += 1).join();
        // Another writer waits for a reader by now, on the doorbell where the future waited.
        let reading = other.read().unwrap();
        let writer = child(|| open(&name).write().unwrap()[0] += 1);
        until(|| lock.writer().is_some());
        writer.until_asleep();
        assert!(write.poll().is_pending(), "it begins anew, behind that one");
        drop(reading);
        writer.join();
        write.finish().unwrap()[1] += 1;
    }
    assert_eq!(*lock.read().unwrap(), [20, 10]);
}

/// It gave the lock up, and is dropped while another writer of its handle waits in its place.
#[test]
fn a_writer_that_gave_up_takes_nothing_from_the_next_one() {
    let name = name();
    let (lock, other) = (create(&name), open(&name));
    let reading = other.read().unwrap();
    let mut first = ByHand::new(lock.write_async());
    first.until_waiting();
    drop(reading);
    until(|| first.is_woken());
    until(|| lock.writer().is_none());
    let reading = other.read().unwrap();
    let mut second = ByHand::new(lock.write_async());
    second.until_waiting();
    drop(first);
    assert!(matches!(other.try_read(), Err(LockError::WouldBlock)), "the second one still has the lock");
    drop(reading);
    second.finish().unwrap()[0] = 7;
    assert_eq!(other.read().unwrap()[0], 7);
}

/// A child made by `fork` has neither the wait nor the lock of its parent's future.
#[test]
fn a_child_inherits_no_wait() {
    alone(|| {
        let name = name();
        let (lock, other) = (create(&name), open(&name));
        let reading = other.read().unwrap();
        let mut write = ByHand::new(lock.write_async());
        write.until_waiting();
        let mut write = Some(write);
        let inheritor = child(|| {
            let std::task::Poll::Ready(Err(LockError::Failed(failure))) = write.as_mut().unwrap().poll() else {
                panic!("it is the parent's");
            };
            assert!(matches!(failure, Failure::Inherited { what: "wait", .. }), "{failure}");
            drop(write.take());
            // The parent's future still keeps it out.
            assert!(matches!(lock.try_read(), Err(LockError::WouldBlock)));
            // The handle can be used, by futures as well.
            let mut own = ByHand::new(lock.write_async());
            own.until_waiting();
            own.finish().unwrap()[0] += 1;
        });
        inheritor.until_asleep();
        drop(reading);
        write.take().unwrap().finish().unwrap()[0] += 1;
        inheritor.join();
        assert_eq!(lock.read().unwrap()[0], 2);
    });
}

/// Safe code may forget a future that has the lock. It is given up when the reader has left.
#[test]
fn a_forgotten_writer_gives_the_lock_up() {
    alone(|| {
        let name = name();
        let (lock, other) = (create(&name), open(&name));
        let reading = other.read().unwrap();
        let mut write = ByHand::new(lock.write_async());
        write.until_waiting();
        std::mem::forget(write);
        drop(reading);
        assert!(other.write_timeout(Duration::from_secs(10)).is_ok());
        drop(lock);
        assert!(within(SOON, || clerks() == 0));
    });
}
