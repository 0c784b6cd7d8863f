//! Processes that die, are stopped, or fork while they set the value or wait for it.
#![expect(unsafe_code, reason = "a child returns from a closure as well")]

use super::*;
use nix::{
    sys::{
        signal::Signal,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, fork},
};
use support::{alone, exit_now, prompt::stop};
use sysv_primitives::Failure;

#[test]
fn a_dead_setter_changes_nothing() {
    let name = name();
    let watch = watch(&name);
    let dying = setter(&name);
    assert_fails!(watch.try_set([8; 2]), WatchError::WouldBlock);
    assert_fails!(watch.set_timeout([8; 2], SHORT), WatchError::TimedOut);
    assert_fails!(watch.update_timeout(SHORT, |pair| pair[0] = 8), WatchError::TimedOut);
    assert_eq!(watch.get().unwrap(), [0; 2], "a reader waits for none");
    let next = child(|| self::watch(&name).update(|pair| pair[0] += 1).unwrap());
    next.until_asleep();
    dying.kill();
    next.join();
    assert_eq!((watch.get().unwrap(), watch.version()), ([1, 0], 1));
}

/// No process waits when it dies: the next caller of any form finds it dead.
#[test]
fn a_try_sets_after_a_death() {
    let sets: [fn(&Watch<Pair>); 3] = [
        |watch| watch.try_set([1; 2]).unwrap(),
        |watch| watch.set([1; 2]).unwrap(),
        |watch| watch.try_update(|pair| *pair = [1; 2]).unwrap(),
    ];
    for set in sets {
        let name = name();
        let watch = watch(&name);
        setter(&name).kill();
        assert!(watch.setter().is_some() && watch.get().unwrap() == [0; 2]);
        set(&watch);
        assert_eq!((watch.get().unwrap(), watch.setter()), ([1; 2], None));
    }
}

#[test]
fn a_stopped_setter_holds_up_no_reader() {
    let name = name();
    let watch = watch(&name);
    let stopped = setter(&name);
    stop(&stopped);
    let readers = [(); 2].map(|()| {
        child(|| {
            let watch = self::watch(&name);
            assert!((0..1000).all(|_| watch.get().unwrap() == [0; 2]));
            assert_fails!(watch.watcher().changed_timeout(SHORT), WatchError::TimedOut);
        })
    });
    readers.into_iter().for_each(Child::join);
    assert_fails!(watch.set_timeout([1; 2], SHORT), WatchError::TimedOut);
    stopped.kill();
    watch.set([1; 2]).unwrap();
}

#[test]
fn killed_and_stopped_waiters_hold_up_no_other() {
    let name = name();
    let watch = watch(&name);
    let wait = || {
        child(|| {
            self::watch(&name).watcher().changed().unwrap();
        })
    };
    let [killed, stopped, waiter] = [wait(), wait(), wait()];
    [&killed, &stopped, &waiter].into_iter().for_each(Child::until_asleep);
    killed.kill();
    waiter.until_asleep();
    stop(&stopped);
    watch.set([1; 2]).unwrap();
    waiter.join();
    stopped.signal(Signal::SIGCONT);
    stopped.join();
}

/// A child has a slot of its own, and the lock of its parent's is none of its.
#[test]
fn a_child_of_a_setter() {
    let name = name();
    let watch = watch(&name);
    let mut watcher = watch.watcher();
    watch
        .update(|pair| {
            *pair = [2; 2];
            child(|| {
                assert_fails!(watch.try_set([1; 2]), WatchError::WouldBlock);
                assert_eq!((watch.get().unwrap(), watch.members().unwrap().len()), ([0; 2], 2));
            })
            .join();
        })
        .unwrap();
    let waiter = child(|| {
        // What the parent's watcher had seen is what the child's has.
        watcher.changed().unwrap();
        assert_eq!(watcher.get().unwrap(), [2; 2]);
        watcher.changed().unwrap();
        assert_eq!(watcher.get().unwrap(), [3; 2]);
        watch.set([4; 2]).unwrap();
    });
    waiter.until_asleep();
    watch.set([3; 2]).unwrap();
    waiter.join();
    assert_eq!(watch.get().unwrap(), [4; 2]);
}

/// It goes on where its parent does, with a change that is the parent's.
#[test]
fn a_child_that_returns_from_update_sets_nothing() {
    alone(|| {
        let name = name();
        let (watch, parent) = (watch(&name), std::process::id());
        let result = watch.update(|pair| {
            // SAFETY: this process has one thread.
            match unsafe { fork() }.unwrap() {
                ForkResult::Parent { child } => assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0))),
                ForkResult::Child => *pair = [4; 2],
            }
            if std::process::id() == parent {
                let setter = watch.setter().map(|member| member.pid);
                assert_eq!((watch.get().unwrap(), setter), ([0; 2], Some(parent)));
                *pair = [3; 2];
            }
        });
        if std::process::id() != parent {
            let is_refused = matches!(result, Err(WatchError::Failed(Failure::MembershipLost { .. })));
            exit_now(i32::from(!is_refused));
        }
        result.unwrap();
        assert_eq!(watch.get().unwrap(), [3; 2]);
    });
}
