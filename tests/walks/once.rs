//! A process is killed, or stopped, at each instruction of what it does to a once lock: the value is set once, and whole.

use std::{thread, time::Duration};

use support::{
    LONG, Name, Waiters, name,
    step::{Pace, Victim, Walk, every_instruction, instructions_of_one_of_many, mark},
    until_rings,
};
use sysv_ipc::Segment;
use sysv_primitives::{OnceError, OnceLock, Options};

use super::held_up::{TRIED, Tally, stop};

type Pair = [u64; 2];
const SLOTS: u32 = 4;
const DEAD: Pair = [1, 1];
const OURS: Pair = [2, 2];

fn options() -> Options<OnceLock<Pair>> {
    OnceLock::options().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

/// After a kill the value is the victim's or a survivor's, and every slot can be used.
fn survey(name: &Name, victim: Pair) {
    let members: Vec<_> = (0..SLOTS).map(|_| options().open_or_create(name).unwrap()).collect();
    let value = members[0].get_or_init_timeout(LONG, || OURS).expect("it is not stuck");
    assert!(*value == victim || *value == OURS, "{value:?}");
    members.iter().for_each(|once| assert_eq!(once.wait_timeout(LONG).unwrap(), value));
    assert!(matches!(members[1].try_set([3, 3]), Err(OnceError::AlreadySet { .. })));
}

fn actor(name: &Name, act: impl Fn(OnceLock<Pair>)) -> Victim {
    Victim::start(|| {
        let once = options().open(name).unwrap();
        mark();
        act(once);
        mark();
    })
}

#[test]
fn once_open_or_create_every_instruction() {
    instructions_of_one_of_many("once.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _once = options().open_or_create(&name).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name, OURS);
        walk
    });
}

/// A survivor waits for the value, and another one would set it.
fn beside_waiters(name: &Name, steps: u64, act: impl Fn(OnceLock<Pair>)) -> Walk {
    let first = options().create(name).unwrap();
    let second = options().open(name).unwrap();
    let set = sysv_ipc::SemaphoreSet::from_id(first.status().unwrap().set).unwrap();
    let victim = actor(name, act);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| *first.wait_timeout(LONG).expect("it is told"));
        support::until(|| Waiters::OF_ONE_ROOM.asleep(&set) == 1);
        let walk = victim.walk(steps);
        let value = *second.get_or_init_timeout(LONG, || OURS).expect("it is not stuck");
        assert_eq!(waiter.join().expect("it is well"), value);
        walk
    })
}

#[test]
fn once_set_every_instruction() {
    every_instruction("once.set, a survivor waits", |steps| {
        let name = name();
        let walk = beside_waiters(&name, steps, |once| once.set(DEAD).unwrap());
        survey(&name, DEAD);
        walk
    });
}

#[test]
fn once_fails_every_instruction() {
    every_instruction("once.get_or_try_init, which fails, a survivor waits", |steps| {
        let name = name();
        let walk = beside_waiters(&name, steps, |once| {
            let failed: Result<_, OnceError> = once.get_or_try_init(|| Err(OnceError::WouldBlock));
            assert!(failed.is_err());
        });
        survey(&name, OURS);
        walk
    });
}

/// The waiter would initialise, and is killed on the way to its sleep and back.
#[test]
fn once_wait_every_instruction() {
    every_instruction("once.get_or_init, a dead process initialises", |steps| {
        let name = name();
        drop(options().create(&name).unwrap());
        let initialiser = Victim::start(|| {
            let once = options().open(&name).unwrap();
            let _ = once.get_or_init(|| {
                mark();
                DEAD
            });
        });
        let victim = actor(&name, |once| assert!(once.get_or_init_timeout(LONG, || DEAD).is_ok()));
        drop(initialiser);
        let walk = victim.walk(steps);
        survey(&name, DEAD);
        walk
    });
}

#[test]
fn once_drop_every_instruction() {
    instructions_of_one_of_many("once.drop", |steps| {
        let name = name();
        drop(options().create(&name).unwrap());
        let walk = actor(&name, drop).walk(steps);
        survey(&name, OURS);
        walk
    });
}

/// Two wait: one to initialise, one for the value. The victim fails, and is stopped on the way.
#[test]
fn a_setter_that_is_stopped() {
    let (newcomer, value) = <(Tally, Tally)>::default();
    every_instruction("once.set, another comes", |steps| {
        let name = name();
        let once = options().create(&name).unwrap();
        let victim = actor(&name, |once| drop(once.set(DEAD)));
        stop(victim, steps, || {
            newcomer.count(once.get_or_init_timeout(TRIED, || OURS).is_ok());
            value.count(once.get().is_none_or(|value| *value == DEAD || *value == OURS));
        })
    });
    newcomer.assert_partly("a process that comes");
    value.assert_never("a whole value");
}

/// A survivor sleeps. Once the value is there, a process that comes wakes it, if the setter has not.
#[test]
fn a_setter_that_is_stopped_leaves_no_waiter_asleep() {
    let waiter = Tally::default();
    every_instruction("once.set, another sleeps, a third comes", |steps| {
        let name = name();
        let (once, other) = (options().create(&name).unwrap(), options().open(&name).unwrap());
        let set = once.status().unwrap().set;
        let victim = actor(&name, |once| once.set(DEAD).unwrap());
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert_eq!(other.wait_timeout(LONG).unwrap(), &DEAD));
            until_rings(set, Waiters::OF_ONE_ROOM);
            stop(victim, steps, || {
                if once.get().is_some() {
                    waiter.count(support::within(TRIED, || sleeper.is_finished()));
                }
            })
        })
    });
    waiter.assert_never("the waiter, once another process has the value");
}

/// The same, stopped right after the value is there, and before any waiter is called: each way to come to the value wakes it.
#[test]
fn each_that_comes_wakes_the_waiter() {
    let comers: [fn(&OnceLock<Pair>); 4] = [
        |once| assert!(once.get().is_some()),
        |once| assert!(once.wait().is_ok()),
        |once| assert!(once.get_or_init(|| OURS).is_ok()),
        |once| assert!(once.try_set(OURS).is_err()),
    ];
    for comes in comers {
        let name = name();
        let (once, other) = (options().create(&name).unwrap(), options().open(&name).unwrap());
        let status = once.status().unwrap();
        let memory = Segment::from_id(status.segment).unwrap().attach().unwrap();
        // 512 bytes of the header, and 16 for each slot.
        let is_there = || memory.read(4, 640).unwrap() == (u32::MAX - 1).to_ne_bytes();
        let victim = actor(&name, |once| once.set(DEAD).unwrap());
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert_eq!(other.wait_timeout(LONG).unwrap(), &DEAD));
            until_rings(status.set, Waiters::OF_ONE_ROOM);
            assert_eq!(victim.stop_when(Pace::Instruction, is_there), Walk::Killed);
            assert!(!support::within(Duration::from_millis(20), || sleeper.is_finished()));
            comes(&once);
            assert!(support::within(LONG / 2, || sleeper.is_finished()), "it sleeps on");
            victim.go_on();
        });
    }
}

/// It waits for the value, and is stopped on the way. The setter and another waiter go on.
#[test]
fn a_waiter_that_is_stopped_holds_up_no_other() {
    let (setter, waiter) = <(Tally, Tally)>::default();
    every_instruction("once.wait, another waits, and the value is set", |steps| {
        let name = name();
        let (once, other) = (options().create(&name).unwrap(), options().open(&name).unwrap());
        let set = once.status().unwrap().set;
        let victim = actor(&name, |once| {
            let _ = once.wait_timeout(Duration::from_millis(1));
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert!(other.wait_timeout(LONG).is_ok(), "it is told"));
            until_rings(set, Waiters::OF_ONE_ROOM);
            stop(victim, steps, || {
                setter.count(once.set_timeout(OURS, TRIED).is_ok());
                waiter.count(support::within(TRIED, || sleeper.is_finished()));
            })
        })
    });
    setter.assert_never("the setter");
    waiter.assert_never("another waiter");
}
