//! A barrier between processes: all pass together, and each of the others is notified of a death once.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    thread,
};

use nix::sys::signal::Signal;
use support::{Child, LONG, SHORT, assert_fails, child, exit_now, hold_for_ever, memory, name, prompt::stop, until};
use sysv_ipc::Deadline;
use sysv_primitives::{Barrier, BarrierError, OpenError};

/// Which process the break is said to be of.
#[track_caller]
fn broken_by(result: Result<sysv_primitives::BarrierWaitResult, BarrierError>) -> u32 {
    match result {
        Err(BarrierError::Broken { member: Some(member), .. }) => {
            assert!(member.start_time != 0 || cfg!(not(target_os = "linux")));
            member.pid
        }
        other => panic!("it is not broken: {other:?}"),
    }
}

/// Starts a participant that does not wait.
fn idle(name: &str, barrier: &Barrier) -> Child {
    let before = barrier.members().unwrap().len();
    let idle = child(|| {
        let _barrier = Barrier::open(name).unwrap();
        hold_for_ever()
    });
    until(|| barrier.members().unwrap().len() > before);
    idle
}

/// Starts a participant that waits, and is notified of a break by this process if it is one.
fn waiter(name: &str, breaker: Option<u32>) -> Child {
    let waiter = child(|| {
        let passed = Barrier::open(name).unwrap().wait();
        match breaker {
            Some(pid) => assert_eq!(broken_by(passed), pid),
            None => assert!(passed.is_ok(), "{passed:?}"),
        }
    });
    waiter.until_asleep();
    waiter
}

#[test]
fn all_pass_together_and_one_leads() {
    const PROCESSES: u16 = 4;
    const GENERATIONS: u32 = 300;
    let (name, memory) = (name(), memory(16));
    let barrier = Barrier::create(&name, PROCESSES).unwrap();
    assert_eq!((barrier.participants(), barrier.arrived()), (4, 0));
    let (arrived, leaders): (&AtomicU32, &AtomicU32) = (memory.view(0).unwrap(), memory.view(4).unwrap());
    let go = || {
        let barrier = Barrier::open(&name).unwrap();
        for generation in 1..=GENERATIONS {
            arrived.fetch_add(1, SeqCst);
            let passed = barrier.wait_timeout(LONG).unwrap();
            let seen = arrived.load(SeqCst);
            let all = u32::from(PROCESSES) * generation;
            assert!((all..all + u32::from(PROCESSES)).contains(&seen), "{seen} in generation {generation}");
            leaders.fetch_add(passed.is_leader().into(), SeqCst);
        }
    };
    drop(barrier);
    let processes: Vec<_> = (0..PROCESSES).map(|_| child(go)).collect();
    processes.into_iter().for_each(Child::join);
    assert_eq!(leaders.load(SeqCst), GENERATIONS);
}

#[test]
fn one_participant_never_waits() {
    for number in [0, 1] {
        let name = name();
        let barrier = Barrier::create(&name, number).unwrap();
        assert_eq!(barrier.participants(), 1);
        assert!((0..40).all(|_| barrier.wait().unwrap().is_leader() && barrier.try_wait().unwrap().is_leader()));
    }
}

#[test]
fn a_wait_that_times_out_takes_its_arrival_back() {
    let name = name();
    let (first, second) = (Barrier::create(&name, 2).unwrap(), Barrier::open(&name).unwrap());
    assert_fails!(first.wait_timeout(SHORT), BarrierError::TimedOut);
    assert_fails!(second.try_wait(), BarrierError::WouldBlock);
    assert_fails!(second.wait_deadline(Deadline::NOW), BarrierError::WouldBlock);
    assert_eq!(first.arrived(), 0);
    thread::scope(|scope| {
        let waits = scope.spawn(|| first.wait_timeout(LONG).unwrap().is_leader());
        until(|| second.arrived() == 1);
        assert!(second.try_wait().unwrap().is_leader());
        assert!(!waits.join().unwrap());
    });
}

/// It dies between two waits, while some wait and one does not.
#[test]
fn each_member_is_notified_of_a_death_once() {
    let name = name();
    let late = Barrier::create(&name, 4).unwrap();
    let dying = idle(&name, &late);
    let waiters = [(); 2].map(|()| waiter(&name, Some(dying.id())));
    let pid = dying.id();
    dying.kill();
    waiters.into_iter().for_each(Child::join);
    assert_eq!(broken_by(late.wait()), pid);
    assert_fails!(late.wait_timeout(SHORT), BarrierError::TimedOut);
    // Three others come, and it is as before.
    let others = [(); 3].map(|()| child(|| assert!(Barrier::open(&name).unwrap().wait().is_ok())));
    late.wait_timeout(LONG).unwrap();
    others.into_iter().for_each(Child::join);
}

/// It had arrived, and no other one waits: the last one that comes is notified, and does not pass with the dead.
#[test]
fn the_dead_complete_no_generation() {
    let name = name();
    let barrier = Barrier::create(&name, 2).unwrap();
    let dying = waiter(&name, None);
    let pid = dying.id();
    dying.kill();
    assert_eq!((barrier.arrived(), broken_by(barrier.wait()), barrier.arrived()), (1, pid, 0));
}

#[test]
fn a_waiter_that_dies_breaks_the_generation() {
    let name = name();
    let barrier = Barrier::create(&name, 3).unwrap();
    let dying = waiter(&name, None);
    let other = waiter(&name, Some(dying.id()));
    let pid = dying.id();
    assert_eq!(barrier.arrived(), 2);
    dying.kill();
    other.join();
    assert_eq!(barrier.arrived(), 0);
    assert_eq!(broken_by(barrier.wait()), pid);
}

/// None waits when it dies: the next one that would is notified at once, and does not sleep first.
#[test]
fn a_death_between_the_generations_is_reported() {
    for form in 0..3 {
        let name = name();
        let barriers = [Barrier::create(&name, 3).unwrap(), Barrier::open(&name).unwrap()];
        let dying = idle(&name, &barriers[0]);
        let pid = dying.id();
        dying.kill();
        for barrier in &barriers {
            let told = match form {
                0 => barrier.wait(),
                1 => barrier.try_wait(),
                _ => barrier.wait_timeout(LONG),
            };
            assert_eq!(broken_by(told), pid);
            assert_fails!(barrier.try_wait(), BarrierError::WouldBlock);
        }
    }
}

/// The arrivals of a broken generation count no more.
#[test]
fn a_broken_generation_is_forgotten() {
    let name = name();
    let barrier = Barrier::create(&name, 2).unwrap();
    // More handles than are waited for, so that the others could go on.
    let dying = idle(&name, &barrier);
    let pid = dying.id();
    thread::scope(|scope| {
        let waits = scope.spawn(|| barrier.wait());
        until(|| barrier.arrived() == 1);
        dying.kill();
        assert_eq!(broken_by(waits.join().unwrap()), pid);
    });
    assert_eq!(barrier.arrived(), 0);
    let new = Barrier::open(&name).unwrap();
    assert_fails!(new.try_wait(), BarrierError::WouldBlock);
}

#[test]
fn two_deaths_break_once_or_twice_and_have_a_name() {
    for _ in 0..10 {
        let name = name();
        let barrier = Barrier::create(&name, 4).unwrap();
        let dying = [idle(&name, &barrier), idle(&name, &barrier)];
        let pids = [dying[0].id(), dying[1].id()];
        let told = memory(8);
        let told: &AtomicU64 = told.view(0).unwrap();
        let other = child(|| {
            let barrier = Barrier::open(&name).unwrap();
            while let Err(BarrierError::Broken { member, .. }) = barrier.wait_timeout(SHORT) {
                assert!(pids.contains(&member.expect("it is known").pid));
                told.fetch_add(1, SeqCst);
            }
        });
        until(|| barrier.members().unwrap().len() == 4);
        dying.iter().for_each(|dying| dying.signal(Signal::SIGKILL));
        let mut breaks = 0;
        while let Err(BarrierError::Broken { member, .. }) = barrier.wait_timeout(SHORT) {
            assert!(pids.contains(&member.expect("it is known").pid));
            breaks += 1;
        }
        other.join();
        assert!((1..=2).contains(&breaks) && (1..=2).contains(&told.load(SeqCst)), "{breaks}, {told:?}");
        dying.into_iter().for_each(Child::kill);
    }
}

#[test]
fn a_handle_that_is_dropped_breaks_nothing() {
    let name = name();
    let barrier = Barrier::create(&name, 2).unwrap();
    child(|| drop(Barrier::open(&name).unwrap())).join();
    assert_fails!(barrier.wait_timeout(SHORT), BarrierError::TimedOut);
    // One that ends without dropping it is dead.
    child(|| {
        let _barrier = Barrier::open(&name).unwrap();
        exit_now(0)
    })
    .join();
    assert_fails!(barrier.wait(), BarrierError::Broken { .. });
}

#[test]
fn a_stopped_waiter_holds_up_no_other() {
    let name = name();
    let barrier = Barrier::create(&name, 3).unwrap();
    let stopped = waiter(&name, None);
    stop(&stopped);
    let other = waiter(&name, None);
    assert!(barrier.wait().unwrap().is_leader());
    other.join();
    stopped.signal(Signal::SIGCONT);
    stopped.join();
}

#[test]
fn threads_and_children_take_part() {
    let name = name();
    let barrier = Barrier::create(&name, 4).unwrap();
    let child = child(|| {
        (0..20).for_each(|_| assert!(barrier.wait_timeout(LONG).is_ok()));
        assert_eq!(barrier.members().unwrap().len(), 2);
    });
    let pid = child.id();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..20).for_each(|_| assert!(barrier.wait_timeout(LONG).is_ok())));
        }
    });
    child.join();
    // The child has the handle of its parent, and ends without dropping it.
    assert_eq!(broken_by(barrier.wait_timeout(LONG)), pid);
}

#[test]
fn a_waiter_is_notified_of_the_removal() {
    let name = name();
    let barrier = Barrier::create(&name, 2).unwrap();
    let waiter = child(|| assert!(Barrier::open(&name).unwrap().wait().unwrap_err().is_gone()));
    waiter.until_asleep();
    barrier.remove().unwrap();
    waiter.join();
    assert_fails!(Barrier::open(&name), OpenError::NoSuchName { .. });
}
