//! A process is killed, or stopped, at each instruction of what it does to a mutex, while others wait for a change of the value.

use std::{thread, time::Duration};

use support::{
    LONG, Name, Waiters, name,
    step::{Victim, every_instruction, instructions_of_one_of_many, mark},
    until_rings, within,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{LockError, Mutex, Options};

use super::held_up::{TRIED, Tally, stop};

const SLOTS: u32 = 6;

fn options() -> Options<Mutex<u64>> {
    Mutex::options().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

fn open(name: &Name) -> Mutex<u64> {
    options().open_or_create(name, 0).unwrap()
}

/// Waits until the value is not 0. Returns it, or `None` if the mutex is poisoned.
fn waited(mutex: &Mutex<u64>) -> Option<u64> {
    let guard = match mutex.lock_timeout(LONG) {
        Err(LockError::Poisoned { .. }) => return None,
        guard => guard.unwrap(),
    };
    match guard.wait_while_timeout(LONG, |&value| value == 0) {
        Ok((guard, result)) => {
            assert!(!result.timed_out(), "no process woke it");
            Some(*guard)
        }
        Err(LockError::Poisoned { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Returns when so many wait for a condition.
fn until_waiting(mutex: &Mutex<u64>, number: usize) {
    let set = SemaphoreSet::from_id(mutex.status().unwrap().set).unwrap();
    support::until(|| Waiters::FOR_CONDITION.asleep(&set) == number);
}

/// After a kill: every slot can be used, to lock and to wait.
fn survey(name: &Name) {
    let handles: Vec<_> = (0..SLOTS).map(|_| open(name)).collect();
    for mutex in &handles {
        let guard = mutex.ignore_poison().lock_timeout(LONG).expect("it is not stuck");
        mutex.clear_poison();
        drop(guard.wait_while_timeout(Duration::from_micros(10), |_| true).unwrap());
    }
}

fn change(mutex: &Mutex<u64>) {
    *mutex.lock().unwrap() = 1;
}

/// The victim changes the value while two wait for the lock. If it dies with the lock held, both are told.
#[test]
fn a_change_every_instruction() {
    every_instruction("mutex.unlock, a change, two wait", |steps| {
        let name = name();
        let handles = [open(&name), open(&name)];
        let victim = Victim::start(|| {
            let mutex = open(&name);
            let mut guard = mutex.lock().unwrap();
            mark();
            *guard = 1;
            drop(guard);
            mark();
        });
        let walk = thread::scope(|scope| {
            let waiters = handles.each_ref().map(|mutex| scope.spawn(|| waited(mutex)));
            let walk = victim.walk(steps);
            let ends = waiters.map(|waiter| waiter.join().expect("it is well"));
            assert!(ends[0] == Some(1) && ends[1] == Some(1) || handles[0].is_poisoned(), "{ends:?}");
            walk
        });
        drop(handles);
        survey(&name);
        walk
    });
}

/// The same, from the lock on, with waiters that sleep.
#[test]
fn a_change_beside_sleepers_every_instruction() {
    every_instruction("mutex.lock, change, unlock, two sleep", |steps| {
        let name = name();
        let handles = [open(&name), open(&name)];
        let victim = Victim::start(|| {
            let mutex = open(&name);
            drop(mutex.lock().unwrap());
            mark();
            change(&mutex);
            mark();
        });
        let walk = thread::scope(|scope| {
            let waiters = handles.each_ref().map(|mutex| scope.spawn(|| waited(mutex)));
            until_waiting(&handles[0], 2);
            let walk = victim.walk(steps);
            let other = open(&name);
            match other.lock_timeout(LONG) {
                // It was killed before it had the lock, or after it gave it back.
                Ok(guard) if *guard == 0 => {
                    drop(guard);
                    change(&other);
                }
                // Each is told without this one.
                Ok(_) | Err(LockError::Poisoned { .. }) => {}
                Err(error) => panic!("stuck: {error}"),
            }
            assert!(
                waiters.into_iter().all(|waiter| waiter.join().expect("it is well").is_none_or(|value| value == 1))
            );
            walk
        });
        drop(handles);
        survey(&name);
        walk
    });
}

/// The victim goes to sleep for a condition, and wakes because its time is over. Another one waits as well.
#[test]
fn a_wait_every_instruction() {
    instructions_of_one_of_many("mutex.wait_while, another waits", |steps| {
        let name = name();
        let mutex = open(&name);
        let victim = Victim::start(|| {
            let mutex = open(&name);
            let guard = mutex.lock().unwrap();
            mark();
            let _ = guard.wait_while_timeout(Duration::from_millis(1), |&value| value == 0).unwrap();
            mark();
        });
        let walk = thread::scope(|scope| {
            let waiter = scope.spawn(|| waited(&mutex));
            let walk = victim.walk(steps);
            let other = open(&name);
            let guard = other.lock_timeout(LONG);
            let is_poisoned = matches!(guard, Err(LockError::Poisoned { .. }));
            drop(guard);
            if !is_poisoned {
                change(&other);
            }
            assert_eq!(waiter.join().expect("it is well"), (!is_poisoned).then_some(1));
            walk
        });
        drop(mutex);
        survey(&name);
        walk
    });
}

/// The victim is woken by a change, and takes the lock again.
#[test]
fn a_woken_waiter_every_instruction() {
    instructions_of_one_of_many("mutex.wait_while, woken", |steps| {
        let name = name();
        let mutex = open(&name);
        let other = open(&name);
        let mut victim = Victim::start(|| {
            let mutex = open(&name);
            let guard = mutex.lock().unwrap();
            mark();
            drop(guard.wait_while(|&value| value == 0).unwrap());
            mark();
        });
        let walk = thread::scope(|scope| {
            victim = victim.until_asleep();
            let waiter = scope.spawn(|| waited(&mutex));
            until_waiting(&mutex, 2);
            change(&other);
            victim.until_woken();
            let walk = victim.walk(steps);
            let end = waiter.join().expect("it is well");
            assert!(end == Some(1) || other.is_poisoned(), "{end:?}");
            walk
        });
        drop((mutex, other));
        survey(&name);
        walk
    });
}

/// Two sleep. The victim changes the value and is stopped on the way. A process that comes and unlocks wakes them.
#[test]
fn a_notifier_that_is_stopped() {
    let (newcomer, waiters) = <(Tally, Tally)>::default();
    every_instruction("mutex.unlock, a change, two sleep, another comes", |steps| {
        let name = name();
        let handles = [open(&name), open(&name)];
        let third = open(&name);
        let victim = Victim::start(|| {
            let mutex = open(&name);
            drop(mutex.lock().unwrap());
            mark();
            change(&mutex);
            mark();
        });
        thread::scope(|scope| {
            let sleepers = handles.each_ref().map(|mutex| scope.spawn(|| assert_eq!(waited(mutex), Some(1))));
            until_waiting(&third, 2);
            stop(victim, steps, || {
                let value = third.lock_timeout(TRIED).map(|guard| *guard);
                newcomer.count(value.is_ok());
                if value.is_ok_and(|value| value == 1) {
                    let are_done = || sleepers.iter().all(thread::ScopedJoinHandle::is_finished);
                    waiters.count(within(TRIED, are_done));
                }
            })
        })
    });
    newcomer.assert_partly("a process that comes");
    waiters.assert_never("the waiters, once another process has unlocked");
}

/// The victim waits, and is stopped on the way. Where it has not got the lock, a change and another waiter go on.
#[test]
fn a_waiter_that_is_stopped_holds_up_no_other() {
    let (changer, waiter) = <(Tally, Tally)>::default();
    every_instruction("mutex.wait_while, another waits, and the value is changed", |steps| {
        let name = name();
        let (mutex, other) = (open(&name), open(&name));
        let set = mutex.status().unwrap().set;
        let victim = Victim::start(|| {
            let mutex = open(&name);
            let guard = mutex.lock().unwrap().wait_while_timeout(Duration::from_micros(1), |_| true).unwrap().0;
            drop(guard);
            mark();
            let guard = mutex.lock().unwrap();
            drop(guard.wait_while_timeout(Duration::from_millis(1), |&value| value == 0).unwrap());
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert_eq!(waited(&other), Some(1)));
            until_rings(set, Waiters::FOR_CONDITION);
            let walk = stop(victim, steps, || {
                let changed = mutex.lock_timeout(TRIED).map(|mut guard| *guard = 1).is_ok();
                changer.count(changed);
                if changed {
                    waiter.count(within(TRIED, || sleeper.is_finished()));
                }
            });
            if !sleeper.is_finished() {
                change(&mutex);
            }
            walk
        })
    });
    changer.assert_partly("a change");
    waiter.assert_never("another waiter");
}
