//! A value that is set once, between processes: by one of them, whatever becomes of the others.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        signal::Signal,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, fork},
};
use support::{
    Child, LONG, Name, SHORT, Waiters, alone, assert_fails, child, exit_now, hold_for_ever, memory, name, prompt::stop,
    until, until_rings,
};
use sysv_primitives::{Failure, OnceError, OnceLock, OpenError};

type Pair = [u64; 2];

fn once(name: &str) -> OnceLock<Pair> {
    OnceLock::open_or_create(name).unwrap()
}

/// Starts a process that initialises until it is killed.
fn initialiser(name: &Name) -> Child {
    let once = once(name);
    let initialiser = child(|| {
        let once = self::once(name);
        let _ = once.get_or_init(|| hold_for_ever());
    });
    until(|| once.initialiser().is_some_and(|member| member.pid == initialiser.id()));
    initialiser
}

fn until_asleep(once: &OnceLock<Pair>) {
    until_rings(once.status().unwrap().set, Waiters::OF_ONE_ROOM);
}

#[test]
fn a_value_is_set_once() {
    let name = name();
    let once = OnceLock::<Pair>::create(&name).unwrap();
    assert_eq!((once.get(), once.initialiser()), (None, None));
    assert_fails!(once.wait_timeout(SHORT), OnceError::TimedOut);
    assert_fails!(once.wait_deadline(sysv_ipc::Deadline::NOW), OnceError::WouldBlock);
    once.set([1, 2]).unwrap();
    for refused in [once.set([3, 4]), once.try_set([3, 4]), once.set_timeout([3, 4], SHORT)] {
        assert!(refused.unwrap_err().to_string().contains(&format!("once lock {:?}", &*name)));
    }
    let other = self::once(&name);
    let never = || panic!("it is set");
    assert_eq!([other.get(), once.get(), other.wait().ok()], [Some(&[1, 2]); 3]);
    assert_eq!(other.get_or_init(never).unwrap(), &[1, 2]);
    assert_eq!(other.try_get_or_init(never).unwrap(), &[1, 2]);
    assert_eq!(other.get_or_init_timeout(SHORT, never).unwrap(), &[1, 2]);
    assert_eq!(other.get_or_try_init(|| Err(OnceError::TimedOut)).unwrap(), &[1, 2]);
    drop((once, other));
    assert_eq!(self::once(&name).get(), Some(&[1, 2]), "it outlives its handles");
}

#[test]
fn one_of_many_initialises() {
    for _ in 0..10 {
        let (name, memory) = (name(), memory(4));
        let inits: &AtomicU32 = memory.view(0).unwrap();
        let race = |mine: u64| {
            let once = once(&name);
            let value = once.get_or_init(|| {
                inits.fetch_add(1, SeqCst);
                thread::sleep(Duration::from_millis(2));
                [mine; 2]
            });
            let [first, second] = *value.unwrap();
            assert_eq!(first, second);
        };
        let racers: Vec<_> = (1..=6).map(|mine| child(move || race(mine))).collect();
        let waiters: Vec<_> = (0..2).map(|_| child(|| assert!(once(&name).wait().is_ok()))).collect();
        racers.into_iter().chain(waiters).for_each(Child::join);
        assert_eq!(inits.load(SeqCst), 1);
    }
}

#[test]
fn a_dead_initialisers_work_is_begun_anew() {
    let name = name();
    let once = once(&name);
    let dying = initialiser(&name);
    let waiters = [(); 2].map(|()| child(|| assert_eq!(self::once(&name).wait().unwrap(), &[7, 7])));
    let next = [(); 2].map(|()| child(|| assert_eq!(self::once(&name).get_or_init(|| [7, 7]).unwrap(), &[7, 7])));
    waiters.iter().chain(&next).for_each(Child::until_asleep);
    assert_fails!(once.try_set([8, 8]), OnceError::WouldBlock);
    assert_fails!(once.set_timeout([8, 8], SHORT), OnceError::TimedOut);
    assert_fails!(once.get_or_init_timeout(SHORT, || [8, 8]), OnceError::TimedOut);
    dying.kill();
    waiters.into_iter().chain(next).for_each(Child::join);
    assert_eq!(once.get(), Some(&[7, 7]));
}

/// No process waits when it dies: the next caller of any form finds it dead.
#[test]
fn a_try_begins_anew_after_a_death() {
    for form in 0..3 {
        let name = name();
        let once = once(&name);
        initialiser(&name).kill();
        assert!(once.initialiser().is_some() && once.get().is_none());
        match form {
            0 => once.try_set([1, 1]).unwrap(),
            1 => assert_eq!(once.try_get_or_init(|| [1, 1]).unwrap(), &[1, 1]),
            _ => {
                assert_fails!(once.wait_timeout(SHORT), OnceError::TimedOut);
                assert!(once.initialiser().is_none());
                once.set([1, 1]).unwrap();
            }
        }
        assert_eq!(once.get(), Some(&[1, 1]));
    }
}

#[test]
fn a_panic_or_an_error_leaves_it_unset() {
    let name = name();
    let once = once(&name);
    let panicked = catch_unwind(AssertUnwindSafe(|| once.get_or_init(|| panic!("on purpose")).is_ok()));
    assert!(panicked.is_err() && once.get().is_none() && once.initialiser().is_none());
    let failed: Result<_, sysv_primitives::Error> = once.get_or_try_init(|| Err(OnceError::WouldBlock.into()));
    assert!(failed.unwrap_err().is_busy() && once.get().is_none() && once.initialiser().is_none());
    once.set([1, 2]).unwrap();
}

/// Another process waits meanwhile, and begins at once. One that only waits for the value waits on.
#[test]
fn a_failure_lets_a_waiter_begin() {
    let name = name();
    let once = once(&name);
    let waiters = [
        child(|| assert_eq!(self::once(&name).wait().unwrap(), &[5, 5])),
        child(|| {
            let once = self::once(&name);
            until(|| once.initialiser().is_some());
            assert_eq!(once.get_or_init(|| [5, 5]).unwrap(), &[5, 5]);
        }),
    ];
    waiters[0].until_asleep();
    let failed: Result<_, OnceError> = once.get_or_try_init(|| {
        waiters[1].until_asleep();
        Err(OnceError::TimedOut)
    });
    assert_fails!(failed, OnceError::TimedOut);
    waiters.into_iter().for_each(Child::join);
}

#[test]
fn threads_wait_for_each_other() {
    let name = name();
    let once = once(&name);
    let inits = AtomicU32::new(0);
    let init = || {
        // The first one fails.
        let is_first = inits.fetch_add(1, SeqCst) == 0;
        thread::sleep(Duration::from_millis(20));
        if is_first { Err(OnceError::WouldBlock) } else { Ok([9, 9]) }
    };
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| *once.wait_timeout(LONG).unwrap())).collect();
        until_asleep(&once);
        let others: Vec<_> =
            (0..4).map(|_| scope.spawn(|| once.get_or_try_init_timeout(LONG, init).copied())).collect();
        let results: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1, "{results:?}");
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), [9, 9]));
    });
    assert_eq!(inits.load(SeqCst), 2);
}

/// A child has a slot of its own, and an initialiser of its parent's is none of its.
#[test]
fn a_child_of_an_initialiser() {
    let name = name();
    let once = once(&name);
    let value = once.get_or_init(|| {
        child(|| {
            assert_fails!(once.try_set([1, 1]), OnceError::WouldBlock);
            assert_eq!(once.members().unwrap().len(), 2);
        })
        .join();
        [2, 2]
    });
    assert_eq!(value.unwrap(), &[2, 2]);
}

/// It goes on where its parent does, with an initialiser that is the parent's.
#[test]
#[expect(unsafe_code, reason = "the child returns from the closure as well")]
fn a_child_that_returns_from_init_sets_nothing() {
    alone(|| {
        let name = name();
        let (once, parent) = (once(&name), std::process::id());
        let value = once.get_or_init(|| {
            // SAFETY: this process has one thread.
            match unsafe { fork() }.unwrap() {
                ForkResult::Parent { child } => assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0))),
                ForkResult::Child => return [4, 4],
            }
            assert_eq!((once.get(), once.initialiser().map(|member| member.pid)), (None, Some(parent)));
            [3, 3]
        });
        if std::process::id() != parent {
            let is_refused = matches!(value, Err(OnceError::Failed(Failure::MembershipLost { .. })));
            exit_now(i32::from(!is_refused));
        }
        assert_eq!(value.unwrap(), &[3, 3]);
    });
}

#[test]
fn a_stopped_waiter_holds_up_no_other() {
    let name = name();
    let once = once(&name);
    let dying = initialiser(&name);
    let stopped = child(|| assert!(self::once(&name).get_or_init(|| [1, 1]).is_ok()));
    stopped.until_asleep();
    stop(&stopped);
    let waiter = child(|| assert_eq!(self::once(&name).get_or_init(|| [2, 2]).unwrap(), &[2, 2]));
    waiter.until_asleep();
    dying.kill();
    waiter.join();
    assert_eq!(once.get(), Some(&[2, 2]));
    stopped.signal(Signal::SIGCONT);
    stopped.join();
}

#[test]
fn a_waiter_is_notified_of_the_removal() {
    let name = name();
    let once = once(&name);
    let waiter = child(|| assert!(self::once(&name).wait().unwrap_err().is_gone()));
    waiter.until_asleep();
    once.remove().unwrap();
    waiter.join();
    assert_fails!(OnceLock::<Pair>::open(&name), OpenError::NoSuchName { .. });
    // What is unset can still be set by those that have it open.
    once.set([1, 1]).unwrap();
}
