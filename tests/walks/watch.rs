//! A process is killed, or stopped, at each instruction of what it does to a watch: the value is whole, and none is left asleep.

use std::{cell::Cell, thread, time::Duration};

use support::{
    LONG, Name, Waiters, name,
    step::{Pace, Victim, Walk, every_instruction, instructions_of_one_of_many, mark},
    until_rings, within,
};
use sysv_ipc::Segment;
use sysv_primitives::{Options, Watch};

use super::held_up::{TRIED, Tally, stop};

type Pair = [u64; 2];
const SLOTS: u32 = 4;
const FIRST: Pair = [1, 1];
const THEIRS: Pair = [2, 2];
const OURS: Pair = [3, 3];

fn options() -> Options<Watch<Pair>> {
    Watch::options().max_handles(SLOTS).open_timeout(Duration::from_millis(100))
}

/// After a kill the value is one of these, it can be set by every slot, and no writer is left.
fn survey(name: &Name, values: &[Pair]) {
    let members: Vec<_> = (0..SLOTS).map(|_| options().open_or_create(name, FIRST).unwrap()).collect();
    let value = members[0].get().unwrap();
    assert!(values.contains(&value), "{value:?}");
    for watch in &members {
        let mut watcher = members[0].watcher();
        watch.set_timeout(OURS, LONG).expect("it is not stuck");
        watcher.try_changed().unwrap();
        assert_eq!(watcher.get().unwrap(), OURS);
    }
    assert!(members.iter().all(|watch| watch.setter().is_none()));
    let mut watcher = members[1].watcher();
    watcher.detect_disconnect(true);
    drop(members[0].writer().unwrap());
    assert!(watcher.changed_timeout(LONG).unwrap_err().is_end(), "a writer is left");
}

fn actor(name: &Name, act: impl Fn(Watch<Pair>)) -> Victim {
    Victim::start(|| {
        let watch = options().open(name).unwrap();
        mark();
        act(watch);
        mark();
    })
}

#[test]
fn watch_open_or_create_every_instruction() {
    instructions_of_one_of_many("watch.open_or_create, a new name", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let _watch = options().open_or_create(&name, FIRST).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey(&name, &[FIRST]);
        walk
    });
}

/// A survivor waits for a change, and another one would set the value.
fn beside_a_waiter(name: &Name, steps: u64, act: impl Fn(Watch<Pair>)) -> Walk {
    let first = options().create(name, FIRST).unwrap();
    let second = options().open(name).unwrap();
    let set = first.status().unwrap().set;
    let victim = actor(name, act);
    thread::scope(|scope| {
        let mut watcher = first.watcher();
        let waiter = scope.spawn(move || {
            watcher.changed_timeout(LONG).expect("it is told");
            watcher.get().unwrap()
        });
        until_rings(set, Waiters::FOR_CHANGE);
        let walk = victim.walk(steps);
        let value = second.get().unwrap();
        assert!(value == FIRST || value == THEIRS, "{value:?}");
        if value == THEIRS {
            // It was published, so the waiter wakes by itself.
            assert_eq!(waiter.join().expect("it is well"), THEIRS);
        }
        second.set_timeout(OURS, LONG).expect("it is not stuck");
        walk
    })
}

#[test]
fn watch_set_every_instruction() {
    every_instruction("watch.set, a survivor waits", |steps| {
        let name = name();
        let walk = beside_a_waiter(&name, steps, |watch| watch.set(THEIRS).unwrap());
        survey(&name, &[OURS]);
        walk
    });
}

#[test]
fn watch_update_every_instruction() {
    every_instruction("watch.update, a survivor waits", |steps| {
        let name = name();
        let walk = beside_a_waiter(&name, steps, |watch| watch.update(|pair| *pair = THEIRS).unwrap());
        survey(&name, &[OURS]);
        walk
    });
}

/// The value is set on the way.
#[test]
fn watch_changed_every_instruction() {
    every_instruction("watcher.changed, after a death", |steps| {
        let name = name();
        let watch = options().create(&name, FIRST).unwrap();
        let dying = Victim::start(|| {
            let watch = options().open(&name).unwrap();
            let _ = watch.update(|_| mark());
        });
        let victim = actor(&name, |watch| {
            let _ = watch.watcher().changed_timeout(Duration::from_millis(1));
        });
        drop(dying);
        let walk = victim.walk(steps);
        drop(watch);
        survey(&name, &[FIRST]);
        walk
    });
}

/// A survivor wants to know of the end, and is told of it in any case.
#[test]
fn watch_writer_every_instruction() {
    every_instruction("watch.writer, and its drop, a survivor waits for the end", |steps| {
        let name = name();
        let first = options().create(&name, FIRST).unwrap();
        let mut watcher = options().open(&name).unwrap().watcher();
        watcher.detect_disconnect(true);
        let ours = first.writer().unwrap();
        let victim = actor(&name, |watch| drop(watch.writer().unwrap()));
        let set = first.status().unwrap().set;
        let walk = thread::scope(|scope| {
            let waiter = scope.spawn(move || watcher.changed_timeout(LONG).expect_err("none sets it"));
            until_rings(set, Waiters::FOR_CHANGE);
            let walk = victim.walk(steps);
            drop(ours);
            assert!(waiter.join().unwrap().is_end());
            walk
        });
        drop(first);
        survey(&name, &[FIRST]);
        walk
    });
}

#[test]
fn watch_drop_every_instruction() {
    instructions_of_one_of_many("watch.drop", |steps| {
        let name = name();
        drop(options().create(&name, FIRST).unwrap());
        let walk = actor(&name, drop).walk(steps);
        survey(&name, &[FIRST]);
        walk
    });
}

/// Readers and those that wait for no value of its own go on, wherever a setter is stopped.
#[test]
fn a_setter_that_is_stopped_holds_up_no_reader() {
    let (readers, setters, comers) = <(Tally, Tally, Tally)>::default();
    every_instruction("watch.set, others read, wait and set", |steps| {
        let name = name();
        let watch = options().create(&name, FIRST).unwrap();
        let victim = actor(&name, |watch| watch.set(THEIRS).unwrap());
        stop(victim, steps, || {
            readers.count(watch.get().is_ok_and(|pair| pair == FIRST || pair == THEIRS));
            comers.count(watch.wait_for_timeout(TRIED, |_| true).is_ok());
            setters.count(watch.set_timeout(OURS, TRIED).is_ok());
        })
    });
    readers.assert_never("a reader");
    comers.assert_never("one that waits for what is there");
    setters.assert_partly("another setter");
}

/// A survivor sleeps. Once the value is there, a process that comes wakes it, if the setter has not.
#[test]
fn a_setter_that_is_stopped_leaves_no_waiter_asleep() {
    let waiter = Tally::default();
    every_instruction("watch.set, another sleeps, a third comes", |steps| {
        let name = name();
        let (watch, other) = (options().create(&name, FIRST).unwrap(), options().open(&name).unwrap());
        let set = watch.status().unwrap().set;
        let mut comer = watch.watcher();
        let victim = actor(&name, |watch| watch.set(THEIRS).unwrap());
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert!(other.watcher().changed_timeout(LONG).is_ok()));
            until_rings(set, Waiters::FOR_CHANGE);
            stop(victim, steps, || {
                if comer.try_changed().is_ok() {
                    waiter.count(within(TRIED, || sleeper.is_finished()));
                }
            })
        })
    });
    waiter.assert_never("the waiter, once another process has come");
}

/// The same, stopped right after it has published, and before any waiter is called: each way to come wakes the waiter.
#[test]
fn each_that_comes_wakes_the_waiter() {
    let comers: [fn(&Watch<Pair>); 5] = [
        |watch| assert!(watch.wait_for_timeout(Duration::ZERO, |_| true).is_ok()),
        |watch| assert!(watch.watcher().try_changed().is_err()),
        |watch| assert!(watch.watcher().changed_timeout(Duration::ZERO).is_err()),
        |watch| {
            let mut watcher = watch.watcher();
            watcher.detect_disconnect(true);
            assert!(watcher.try_changed().is_err());
        },
        |watch| assert!(watch.wait_for_timeout(Duration::ZERO, |_| false).is_err()),
    ];
    for comes in comers {
        let name = name();
        let (watch, other) = (options().create(&name, FIRST).unwrap(), options().open(&name).unwrap());
        let status = watch.status().unwrap();
        let memory = Segment::from_id(status.segment).unwrap().attach().unwrap();
        // 512 bytes of the header, and 16 for each slot: the published version comes first.
        let is_there = || memory.read(8, 640).unwrap() == 1_u64.to_ne_bytes();
        let victim = actor(&name, |watch| watch.set(THEIRS).unwrap());
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert!(other.watcher().changed_timeout(LONG).is_ok()));
            until_rings(status.set, Waiters::FOR_CHANGE);
            assert_eq!(victim.stop_when(Pace::Instruction, is_there), Walk::Killed);
            assert!(!within(Duration::from_millis(20), || sleeper.is_finished()));
            comes(&watch);
            assert!(within(LONG / 2, || sleeper.is_finished()), "it sleeps on");
            victim.go_on();
        });
    }
}

/// It waits for a change, and is stopped on the way. The setter and another waiter go on.
#[test]
fn a_waiter_that_is_stopped_holds_up_no_other() {
    let (setter, waiter) = <(Tally, Tally)>::default();
    every_instruction("watcher.changed, another waits, and the value is set", |steps| {
        let name = name();
        let (watch, other) = (options().create(&name, FIRST).unwrap(), options().open(&name).unwrap());
        let set = watch.status().unwrap().set;
        let victim = actor(&name, |watch| {
            let _ = watch.watcher().changed_timeout(Duration::from_millis(1));
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| assert!(other.watcher().changed_timeout(LONG).is_ok(), "it is told"));
            until_rings(set, Waiters::FOR_CHANGE);
            stop(victim, steps, || {
                setter.count(watch.set_timeout(OURS, TRIED).is_ok());
                waiter.count(within(TRIED, || sleeper.is_finished()));
            })
        })
    });
    setter.assert_never("the setter");
    waiter.assert_never("another waiter");
}

/// Between any two instructions of a reader the value is set often enough to disturb its copy. It gets a whole one all the same:
/// in the end it takes the lock, and a setter waits for it.
#[test]
fn a_reader_that_is_always_disturbed_takes_its_turn() {
    let name = name();
    let watch = options().create(&name, FIRST).unwrap();
    let victim = actor(&name, |watch| {
        let [first, second] = watch.get().unwrap();
        assert_eq!(first, second);
    });
    let (number, was_refused) = (Cell::new(10), Cell::new(false));
    let walk = victim.walk_until(|| {
        for _ in 0..4 {
            number.set(number.get() + 1);
            was_refused.set(was_refused.get() || watch.try_set([number.get(); 2]).is_err());
        }
        false
    });
    assert!(matches!(walk, Walk::Ended(_)) && was_refused.get(), "it never took the lock: {walk:?}");
    assert!(number.get() > 4 * 64, "it was disturbed less than it bears");
}
