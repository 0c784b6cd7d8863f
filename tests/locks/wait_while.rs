//! Waiting for a condition on the value of a mutex, between processes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{
    Child, LONG, Name, SHORT, Waiters, assert_fails, child, hold_for_ever, memory, name, prompt::stop, until,
    until_rings,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{Failure, LockError, Mutex, raw::Deadline};

fn open(name: &Name) -> Mutex<u64> {
    Mutex::open_or_create(name, 0).unwrap()
}

/// Waits in a child until the value is at least this.
fn waiter(name: &Name, least: u64) -> Child {
    child(move || {
        let mutex = open(name);
        let guard = mutex.lock().unwrap().wait_while(|&value| value < least).unwrap();
        assert!(*guard >= least);
    })
}

fn until_asleep(mutex: &Mutex<u64>, number: usize) {
    let set = SemaphoreSet::from_id(mutex.status().unwrap().set).unwrap();
    until(|| Waiters::FOR_CONDITION.asleep(&set) == number);
}

fn add(mutex: &Mutex<u64>) {
    *mutex.lock().unwrap() += 1;
}

#[test]
fn it_waits_for_another_process() {
    let name = name();
    let mutex = open(&name);
    let guard = mutex.lock().unwrap().wait_while(|&value| value == 1).unwrap();
    assert_eq!(*guard, 0, "nothing to wait for");
    drop(guard);
    let waiter = waiter(&name, 2);
    until_asleep(&mutex, 1);
    add(&mutex);
    until_asleep(&mutex, 1);
    assert!(!waiter.is_done() && mutex.holder().is_none(), "one is not two, and it waits without the lock");
    add(&mutex);
    waiter.join();
}

/// Both sides change the value, and then wait: a guard that changed calls the others as it gives the lock back.
#[test]
fn two_processes_take_turns() {
    const TURNS: u64 = 2000;
    let name = name();
    let take_turns = |mine: u64| {
        let mutex = open(&name);
        let mut guard = mutex.lock().unwrap();
        while *guard < TURNS {
            guard = guard.wait_while(|&turn| turn < TURNS && turn % 2 != mine).unwrap();
            *guard += 1;
        }
    };
    let other = child(|| take_turns(1));
    take_turns(0);
    other.join();
    assert!(*open(&name).lock().unwrap() >= TURNS);
}

#[test]
fn one_change_calls_all() {
    let name = name();
    let mutex = open(&name);
    let waiters: Vec<_> = (1..=5).map(|least| waiter(&name, least)).collect();
    until_asleep(&mutex, 5);
    *mutex.lock().unwrap() = 3;
    until_asleep(&mutex, 2);
    until(|| waiters.iter().filter(|waiter| waiter.is_done()).count() == 3);
    *mutex.lock().unwrap() = 5;
    waiters.into_iter().for_each(Child::join);
}

/// Otherwise two waiters with conditions that hold would wake each other without end.
#[test]
fn an_unlock_without_a_change_wakes_no_waiter() {
    let (name, memory) = (name(), memory(4));
    let (mutex, checks) = (open(&name), memory.view::<AtomicU32>(0).unwrap());
    let waiters = [(); 2].map(|()| {
        child(|| {
            let mutex = open(&name);
            let guard = mutex.lock().unwrap().wait_while(|&value| {
                checks.fetch_add(1, SeqCst);
                value == 0
            });
            drop(guard.unwrap());
        })
    });
    until_asleep(&mutex, 2);
    let before = checks.load(SeqCst);
    for _ in 0..100 {
        assert_eq!(*mutex.lock().unwrap(), 0);
    }
    thread::sleep(SHORT);
    assert_eq!(checks.load(SeqCst), before);
    // Each of them is woken by a change that does not help, and checks. A post too many may wake one once more.
    *mutex.lock().unwrap() = 0;
    until(|| checks.load(SeqCst) >= before + 2);
    thread::sleep(SHORT);
    assert!(checks.load(SeqCst) <= before + 4, "they wake each other");
    add(&mutex);
    waiters.into_iter().for_each(Child::join);
}

/// What the unlocks cost is the same as before, once no waiter is left: the word says nothing of conditions any more.
#[test]
fn nothing_is_left_of_a_waiter() {
    let name = name();
    let mutex = open(&name);
    let word = || {
        let memory = sysv_ipc::Segment::from_id(mutex.status().unwrap().segment).unwrap().attach().unwrap();
        let word = memory.read(4, 512 + 16 * 64).unwrap();
        u32::from_ne_bytes(word.try_into().unwrap())
    };
    let waiter = waiter(&name, 1);
    until_asleep(&mutex, 1);
    assert_eq!(word(), 1 << 19);
    waiter.kill();
    // It repairs the slot of the dead one before it sleeps.
    drop(mutex.lock().unwrap().wait_while_timeout(SHORT, |_| true).unwrap());
    assert_eq!(word(), 0);
    let other = self::waiter(&name, 1);
    until_asleep(&mutex, 1);
    add(&mutex);
    other.join();
    drop(mutex.lock().unwrap());
    assert_eq!(word(), 0);
}

#[test]
fn a_timeout_gives_the_guard_back() {
    let name = name();
    let (mutex, begun) = (open(&name), Instant::now());
    let (guard, result) = mutex.lock().unwrap().wait_while_timeout(SHORT, |&value| value == 0).unwrap();
    assert!(result.timed_out() && begun.elapsed() >= SHORT);
    let other = child(|| assert_fails!(open(&name).try_lock(), LockError::WouldBlock));
    other.join();
    // The guard is a whole one: it can change the value, and wait again.
    let (mut guard, result) = guard.wait_while_timeout(SHORT, |&value| value == 0).unwrap();
    assert!(result.timed_out());
    *guard = 1;
    let (guard, result) = guard.wait_while_timeout(LONG, |&value| value == 0).unwrap();
    assert!(!result.timed_out() && *guard == 1);
}

#[test]
fn a_deadline_that_has_passed_keeps_the_lock() {
    let name = name();
    // An unlock of a fair one would give it to the other process.
    let mutex = Mutex::options().fair(true).create(&name, 0_u64).unwrap();
    let guard = mutex.lock().unwrap();
    let waiting = child(|| add(&open(&name)));
    until_rings(mutex.status().unwrap().set, Waiters::OF_MUTEX);
    let (guard, result) = guard.wait_while_deadline(Deadline::NOW, |&value| value == 0).unwrap();
    assert!(result.timed_out() && *guard == 0, "the other one did not get the lock");
    drop(guard);
    waiting.join();
}

/// The value is as the waiter needs it when its time is over: it did not time out.
#[test]
fn a_timeout_checks_once_more() {
    let name = name();
    let mutex = open(&name);
    let waiter = child(|| {
        let mutex = open(&name);
        let (_guard, result) = mutex.lock().unwrap().wait_while_timeout(SHORT, |&value| value == 0).unwrap();
        assert!(!result.timed_out());
    });
    until_asleep(&mutex, 1);
    let mut guard = mutex.lock().unwrap();
    thread::sleep(2 * SHORT);
    *guard = 1;
    drop(guard);
    waiter.join();
}

fn waits_for_poison(name: &Name) -> Child {
    child(move || {
        let mutex = open(name);
        let waited = mutex.lock().unwrap().wait_while(|&value| {
            assert_eq!(value, 0, "a half-changed value is not shown");
            true
        });
        assert_fails!(waited, LockError::Poisoned { .. });
        assert_fails!(mutex.lock(), LockError::Poisoned { .. });
        drop(mutex.ignore_poison().lock_timeout(LONG).unwrap());
    })
}

#[test]
fn the_death_of_a_holder_is_told_to_all() {
    let name = name();
    let mutex = open(&name);
    let waiters = [(); 3].map(|()| waits_for_poison(&name));
    until_asleep(&mutex, 3);
    let holder = child(|| {
        let mutex = open(&name);
        let mut guard = mutex.lock().unwrap();
        *guard = 7;
        hold_for_ever()
    });
    until(|| mutex.holder().is_some());
    holder.kill();
    waiters.into_iter().for_each(Child::join);
    assert_eq!(*mutex.ignore_poison().lock().unwrap(), 7);
}

#[test]
fn the_panic_of_a_holder_is_told_to_all() {
    let name = name();
    let mutex = open(&name);
    let waiters = [(); 2].map(|()| waits_for_poison(&name));
    until_asleep(&mutex, 2);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = mutex.lock().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    waiters.into_iter().for_each(Child::join);
}

/// It forgets the guard and drops its handle, so it lives and leaves no obituary.
#[test]
fn a_guard_that_is_forgotten_is_told_to_all() {
    let name = name();
    let mutex = open(&name);
    let waiters = [(); 2].map(|()| waits_for_poison(&name));
    until_asleep(&mutex, 2);
    let other = open(&name);
    std::mem::forget(other.lock().unwrap());
    drop(other);
    waiters.into_iter().for_each(Child::join);
}

#[test]
fn a_condition_that_panics_poisons() {
    let name = name();
    let mutex = open(&name);
    let other = waits_for_poison(&name);
    until_asleep(&mutex, 1);
    for waits_first in [false, true] {
        let mut has_waited = !waits_first;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let waited = mutex.lock().unwrap().wait_while_timeout(SHORT, |_| {
                if has_waited {
                    std::panic::resume_unwind(Box::new(()));
                }
                has_waited = true;
                true
            });
            drop(waited);
        }));
        assert!(panicked.is_err() && mutex.is_poisoned() && mutex.holder().is_none());
        if !waits_first {
            mutex.clear_poison();
        }
    }
    other.join();
    mutex.clear_poison();
    add(&mutex);
}

/// A guard that was taken although the mutex is poisoned is there to mend it, also after a wait.
#[test]
fn a_guard_that_ignores_poison_waits_on() {
    let name = name();
    let mutex = open(&name);
    let other = open(&name);
    std::mem::forget(other.lock().unwrap());
    drop(other);
    assert_fails!(mutex.lock(), LockError::Poisoned { .. });
    let mender = child(|| {
        let mutex = open(&name);
        let guard = mutex.ignore_poison().lock().unwrap().wait_while(|&value| value == 0).unwrap();
        assert!(*guard == 1 && mutex.is_poisoned());
        drop(guard);
        assert!(mutex.is_poisoned(), "waiting does not mend it");
        mutex.clear_poison();
    });
    until_asleep(&mutex, 1);
    assert!(mutex.is_poisoned(), "giving it back does not mend it");
    *mutex.ignore_poison().lock().unwrap() = 1;
    mender.join();
    add(&mutex);
}

#[test]
fn a_waiter_that_dies_holds_up_no_other() {
    let name = name();
    let mutex = open(&name);
    let [first, second, third] = [(); 3].map(|()| waiter(&name, 1));
    until_asleep(&mutex, 3);
    second.kill();
    add(&mutex);
    first.join();
    third.join();
    assert!(!mutex.is_poisoned());
}

#[test]
fn a_waiter_that_is_stopped_holds_up_no_other() {
    let name = name();
    let mutex = open(&name);
    let [first, second] = [(); 2].map(|()| waiter(&name, 1));
    until_asleep(&mutex, 2);
    stop(&first);
    add(&mutex);
    second.join();
    assert!(mutex.lock_timeout(LONG).is_ok());
    first.signal(Signal::SIGCONT);
    first.join();
}

#[test]
fn a_waiter_is_told_of_the_removal() {
    let name = name();
    let mutex = open(&name);
    let waiter = child(|| {
        let mutex = open(&name);
        let failed = mutex.lock().unwrap().wait_while(|&value| value == 0).unwrap_err();
        assert!(failed.is_gone(), "{failed}");
        assert_eq!(*mutex.lock().unwrap(), 0, "the lock was given back");
    });
    until_asleep(&mutex, 1);
    mutex.remove().unwrap();
    waiter.join();
    let guard = mutex.lock().unwrap().wait_while(|&value| value != 0).unwrap();
    assert!(guard.wait_while(|&value| value == 0).unwrap_err().is_gone());
    assert!(mutex.holder().is_none());
}

#[test]
fn a_child_does_not_wait_with_the_guard_of_its_parent() {
    let name = name();
    let mutex = open(&name);
    let guard = mutex.lock().unwrap();
    // SAFETY of the test: the copy is the child's, and the parent keeps its own.
    let mut guards = Some(guard);
    child(|| {
        let failed = guards.take().unwrap().wait_while(|&value| value == 0);
        assert_fails!(failed, LockError::Failed(Failure::MembershipLost { .. }));
    })
    .join();
    assert_eq!(mutex.holder().unwrap().pid, std::process::id());
    drop(guards);
}

/// Threads of one process share a handle, and so its place in the room. Each has a condition of its own.
#[test]
fn threads_wait_for_different_values() {
    let name = name();
    let mutex = open(&name);
    thread::scope(|scope| {
        let mutex = &mutex;
        let reaches = move |least: u64| move || *mutex.lock().unwrap().wait_while(|&value| value < least).unwrap();
        let threads: Vec<_> = (1..=4).rev().map(|least| (least, scope.spawn(reaches(least)))).collect();
        until_asleep(mutex, 1);
        thread::sleep(SHORT);
        let other = open(&name);
        for value in 1..=4 {
            *other.lock().unwrap() = value;
            let is_due = |least: u64| least <= value;
            until(|| threads.iter().all(|(least, thread)| !is_due(*least) || thread.is_finished()));
            thread::sleep(Duration::from_millis(5));
            assert!(threads.iter().all(|(least, thread)| is_due(*least) || !thread.is_finished()));
        }
        threads.into_iter().for_each(|(least, thread)| assert!(thread.join().unwrap() >= least));
    });
}

#[test]
fn threads_time_out_by_themselves() {
    let name = name();
    let mutex = open(&name);
    thread::scope(|scope| {
        let waits = |time: Duration| {
            let mutex = &mutex;
            move || mutex.lock().unwrap().wait_while_timeout(time, |&value| value == 0).unwrap().1.timed_out()
        };
        let short = scope.spawn(waits(10 * SHORT));
        until_asleep(&mutex, 1);
        let (shorter, long) = (scope.spawn(waits(SHORT)), scope.spawn(waits(LONG)));
        assert!(shorter.join().unwrap() && !short.is_finished(), "one that is parked");
        assert!(short.join().unwrap(), "the one that leads");
        assert!(!long.is_finished());
        add(&mutex);
        assert!(!long.join().unwrap());
    });
}

/// A thread that waits itself changes the value for another one of its process, and for another process.
#[test]
fn a_thread_that_waits_calls_the_others() {
    let name = name();
    let mutex = open(&name);
    let other = waiter(&name, 1);
    thread::scope(|scope| {
        let first = scope.spawn(|| drop(mutex.lock().unwrap().wait_while(|&value| value < 1).unwrap()));
        until_asleep(&mutex, 2);
        let mut guard = mutex.lock().unwrap();
        *guard = 1;
        let second = scope.spawn(|| add(&mutex));
        drop(guard.wait_while(|&value| value < 2).unwrap());
        first.join().unwrap();
        second.join().unwrap();
    });
    other.join();
}

const PLACES: usize = 3;

/// A queue of a few places, its length, and how many items were taken.
type Buffer = [u64; PLACES + 2];

fn put(mutex: &Mutex<Buffer>, item: u64) {
    let mut guard = mutex.lock().unwrap().wait_while(|buffer| buffer[PLACES] == PLACES as u64).unwrap();
    let length = usize::try_from(guard[PLACES]).unwrap();
    guard[length] = item;
    guard[PLACES] += 1;
}

fn take(mutex: &Mutex<Buffer>) -> u64 {
    let mut guard = mutex.lock().unwrap().wait_while(|buffer| buffer[PLACES] == 0).unwrap();
    let item = guard[0];
    guard.copy_within(1..PLACES, 0);
    guard[PLACES] -= 1;
    guard[PLACES + 1] += 1;
    item
}

#[test]
fn a_bounded_buffer() {
    const ITEMS: u64 = 3000;
    let name = name();
    let open = || Mutex::<Buffer>::open_or_create(&name, [0; PLACES + 2]).unwrap();
    let mutex = open();
    let producers = [(); 2].map(|()| {
        child(|| {
            let mutex = open();
            (1..=ITEMS).for_each(|item| put(&mutex, item))
        })
    });
    let consumers = [(); 2].map(|()| {
        child(|| {
            let mutex = open();
            (0..ITEMS).for_each(|_| assert_ne!(take(&mutex), 0))
        })
    });
    producers.into_iter().chain(consumers).for_each(Child::join);
    assert_eq!(mutex.lock().unwrap()[PLACES..], [0, 2 * ITEMS]);
}
