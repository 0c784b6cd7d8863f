//! A participant of a barrier is killed, or stopped, at each instruction: the others pass, or are notified, and all agree.

use std::{thread, time::Duration};

use support::{
    LONG, Name, Waiters, name,
    step::{Victim, Walk, every_instruction, instructions_of_one_of_many, mark},
    until_rings,
};
use sysv_primitives::{Barrier, BarrierError, Options};

use super::held_up::{TRIED, Tally, stop};

const SLOTS: u32 = 4;

fn options() -> Options<Barrier> {
    Barrier::options().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

/// How a wait of a survivor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Passed,
    /// A member of this pid died.
    Broken(u32),
    TimedOut,
}

fn wait(barrier: &Barrier, timeout: Duration) -> Ended {
    match barrier.wait_timeout(timeout) {
        Ok(_) => Ended::Passed,
        Err(BarrierError::Broken { member: Some(member), .. }) => Ended::Broken(member.pid),
        Err(BarrierError::TimedOut) => Ended::TimedOut,
        other => panic!("{other:?}"),
    }
}

/// After a kill, new participants pass, in every slot. Those that came before the last slot of a dead one was taken may be notified
/// of it, once for each.
fn survey(name: &Name, participants: u16) {
    let all: Vec<_> = (0..SLOTS).map(|_| options().open_or_create(name, participants).unwrap()).collect();
    thread::scope(|scope| {
        for barrier in &all[..participants.into()] {
            scope.spawn(|| {
                let told = (0..3).find(|_| !matches!(wait(barrier, LONG), Ended::Broken(_)));
                assert!(told.is_some(), "it is told again and again");
            });
        }
    });
}

#[test]
fn barrier_open_or_create_every_instruction() {
    instructions_of_one_of_many("barrier.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _barrier = options().open_or_create(&name, 2).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name, 2);
        walk
    });
}

/// A participant that does so.
fn participant(name: &Name, act: impl Fn(&Barrier)) -> Victim {
    Victim::start(|| {
        let barrier = options().open(name).unwrap();
        mark();
        act(&barrier);
        mark();
    })
}

/// The victim arrives last, while a survivor sleeps. That one passes or is notified, and then it is notified of the death.
#[test]
fn barrier_last_arrival_every_instruction() {
    every_instruction("barrier.wait, as the last one", |steps| {
        let name = name();
        let barrier = options().create(&name, 2).unwrap();
        let set = barrier.status().unwrap().set;
        let victim = participant(&name, |barrier| assert!(barrier.wait().unwrap().is_leader()));
        let pid = victim.pid();
        let (walk, first) = victim.walk_beside(steps, (set, Waiters::OF_ONE_ROOM), || wait(&barrier, LONG));
        match first {
            Ended::Passed => assert_eq!(wait(&barrier, LONG), Ended::Broken(pid)),
            told => assert_eq!(told, Ended::Broken(pid)),
        }
        assert_eq!(wait(&barrier, Duration::ZERO), Ended::TimedOut, "once");
        assert!(first == Ended::Passed || walk == Walk::Killed);
        drop(barrier);
        survey(&name, 2);
        walk
    });
}

/// The victim arrives first, times out, and takes its arrival back. The survivors are notified of its death, once each.
#[test]
fn barrier_waiting_every_instruction() {
    every_instruction("barrier.wait_timeout, others come later", |steps| {
        let name = name();
        let others = [options().create(&name, 3).unwrap(), options().open(&name).unwrap()];
        let victim = participant(&name, |barrier| assert_eq!(wait(barrier, Duration::from_millis(1)), Ended::TimedOut));
        let pid = victim.pid();
        let walk = victim.walk(steps);
        let told = thread::scope(|scope| {
            let waits = others.each_ref().map(|barrier| scope.spawn(|| wait(barrier, LONG)));
            waits.map(|wait| wait.join().unwrap())
        });
        // It may have arrived before it died, and none passes with it.
        assert_eq!(told, [Ended::Broken(pid); 2]);
        assert!(others.iter().all(|barrier| wait(barrier, Duration::ZERO) == Ended::TimedOut), "once");
        drop(others);
        survey(&name, 3);
        walk
    });
}

/// The victim finds a dead participant, breaks the generation, and is killed on the way.
#[test]
fn barrier_break_every_instruction() {
    every_instruction("barrier.wait, a participant is dead", |steps| {
        let name = name();
        let other = options().create(&name, 3).unwrap();
        let dead = participant(&name, |_| ());
        let victim = participant(&name, |barrier| assert!(matches!(wait(barrier, LONG), Ended::Broken(_))));
        let pids = [dead.pid(), victim.pid()];
        drop(dead);
        let walk = victim.walk(steps);
        let mut told = 0;
        while let Ended::Broken(pid) = wait(&other, Duration::from_millis(1)) {
            assert!(pids.contains(&pid));
            told += 1;
        }
        assert!((1..=2).contains(&told), "{told} times");
        drop(other);
        survey(&name, 3);
        walk
    });
}

#[test]
fn barrier_drop_every_instruction() {
    instructions_of_one_of_many("barrier.drop", |steps| {
        let name = name();
        let other = options().create(&name, 2).unwrap();
        let victim = Victim::start(|| {
            let barrier = options().open(&name).unwrap();
            mark();
            drop(barrier);
            mark();
        });
        let (pid, walk) = (victim.pid(), victim.walk(steps));
        let told = wait(&other, Duration::from_millis(1));
        assert!(told == Ended::TimedOut || told == Ended::Broken(pid) && walk == Walk::Killed, "{told:?}");
        drop(other);
        survey(&name, 2);
        walk
    });
}

/// The victim arrives last, and is stopped on the way. A survivor that sleeps is woken at the latest when it goes on. One that
/// arrives for the next generation is not held up by the stop once the victim has passed.
#[test]
fn a_last_one_that_is_stopped() {
    let sleeper = Tally::default();
    every_instruction("barrier.wait, as the last one, another sleeps", |steps| {
        let name = name();
        let barrier = options().create(&name, 2).unwrap();
        let set = barrier.status().unwrap().set;
        let victim = participant(&name, |barrier| assert!(barrier.wait().is_ok()));
        thread::scope(|scope| {
            let waits = scope.spawn(|| wait(&barrier, LONG));
            until_rings(set, Waiters::OF_ONE_ROOM);
            let walk = stop(victim, steps, || sleeper.count(support::within(TRIED / 5, || waits.is_finished())));
            assert_eq!(waits.join().unwrap(), Ended::Passed);
            walk
        })
    });
    // Before it has arrived it is waited for.
    sleeper.assert_partly("the one that sleeps");
}

/// Three may come for two. The one that waits and is stopped holds up no others.
#[test]
fn a_waiter_that_is_stopped() {
    let others = Tally::default();
    every_instruction("barrier.wait, others pass", |steps| {
        let name = name();
        let pair = [options().create(&name, 2).unwrap(), options().open(&name).unwrap()];
        let victim = participant(&name, |barrier| {
            let _ = barrier.wait_timeout(Duration::from_millis(1));
        });
        stop(victim, steps, || {
            thread::scope(|scope| {
                // One of the two passes with the victim's arrival, if that is there, and then the other one waits.
                let waits = pair.each_ref().map(|barrier| scope.spawn(|| wait(barrier, TRIED)));
                let ended = waits.map(|wait| wait.join().unwrap());
                others.count(ended.contains(&Ended::Passed));
            })
        })
    });
    others.assert_never("two others");
}
