//! Stopped on the way, and continued after another process has acted.
//!
//! A process that is killed runs no further instruction. One that was only stopped goes on with what it saw before, so
//! each `semop` must test what its caller relies on.

use std::{
    sync::atomic::{AtomicI32, Ordering::SeqCst},
    time::Duration,
};

use support::{
    Name, memory, name,
    step::{Pace, Victim, Walk, every_call, every_instruction, mark},
};
use sysv_ipc::{Key, SemaphoreOptions, SemaphoreSet};
use sysv_primitives::{Failure, LockError, Mutex, OpenError, Options};

/// The semaphore that says how far an object is, and what it is in a condemned one.
const STATE: usize = 1;
const CONDEMNED: u16 = 0x5356;
/// A mutex has one doorbell before the semaphores of its slots.
const FIRST_ALIVE: usize = 3;

/// Condemns at once what is under construction.
fn options() -> Options<Mutex<u32>> {
    Options::new().max_handles(4).open_timeout(Duration::ZERO)
}

fn key_of(name: &Name) -> Key {
    let mutex = options().create(name, 0).unwrap();
    let key = mutex.status().unwrap().key;
    mutex.remove().unwrap();
    key
}

/// Starts a process that opens or creates, and says which set it got.
fn opener(name: &Name, found: &AtomicI32) -> Victim {
    Victim::start(|| {
        mark();
        let mutex = options().open_or_create(name, 4).unwrap();
        mark();
        found.store(mutex.status().unwrap().set, SeqCst);
        assert_eq!(*mutex.lock_timeout(support::LONG).unwrap(), 4);
    })
}

/// Runs a process until the set is condemned, and stops it there. Returns whether it came to that.
fn condemns(victim: &Victim, set: &SemaphoreSet) -> bool {
    let is_condemned = || set.value(STATE).is_ok_and(|state| state == CONDEMNED);
    victim.stop_when(Pace::Call, is_condemned) == Walk::Killed
}

/// The object is there, live, and nothing of an earlier one is in its way.
#[track_caller]
fn assert_live(name: &Name) {
    let mutex = options().open(name).unwrap();
    assert_eq!(mutex.members().unwrap().len(), 1);
    assert_eq!(*mutex.lock_timeout(support::LONG).unwrap(), 4);
}

/// A creator that was condemned before it published does not publish. It starts again and gets another object, also if
/// the process that condemned it has done nothing more so far.
fn publish(pace: Pace, steps: u64) -> Walk {
    let (name, found) = (name(), memory(4));
    let (key, found): (_, &AtomicI32) = (key_of(&name), found.view(0).unwrap());
    let creator = opener(&name, found);
    let walk = creator.stop_after(pace, steps);
    let Ok(set) = SemaphoreOptions::new().open_set(key, 0) else {
        creator.go_on();
        return walk;
    };
    let impatient = opener(&name, found);
    let is_condemned = condemns(&impatient, &set);
    creator.go_on();
    assert!(!is_condemned || found.load(SeqCst) != set.id(), "it published what was condemned");
    impatient.go_on();
    assert!(!is_condemned || found.load(SeqCst) != set.id(), "it joined what was condemned");
    assert_live(&name);
    walk
}

#[test]
fn case_m2_a_creator_that_was_condemned_at_every_call() {
    every_call("mutex.open_or_create, condemned meanwhile", |steps| publish(Pace::Call, steps));
}

#[test]
fn case_m2_a_creator_that_was_condemned_at_every_instruction() {
    every_instruction("mutex.open_or_create, condemned meanwhile", |steps| publish(Pace::Instruction, steps));
}

/// A process that has seen a live object, and finds it condemned when it registers, starts again.
fn register(pace: Pace, steps: u64) -> Walk {
    let (name, found) = (name(), memory(4));
    let found: &AtomicI32 = found.view(0).unwrap();
    let id = options().create(&name, 4).unwrap().status().unwrap().set;
    let set = SemaphoreSet::from_id(id).unwrap();
    let new = opener(&name, found);
    let walk = new.stop_after(pace, steps);
    let is_member = set.values().unwrap()[FIRST_ALIVE..].iter().any(|&alive| alive != 0);
    let remover = Victim::start(|| {
        mark();
        Mutex::<u32>::unlink(&name).unwrap();
        mark();
    });
    assert!(condemns(&remover, &set));
    if is_member {
        // It was a member before, and its next calls may find the object removed.
        drop(new);
    } else {
        new.go_on();
        assert_ne!(found.load(SeqCst), id, "it registered with what was condemned");
    }
    remover.go_on();
    assert!(SemaphoreSet::from_id(id).is_err());
    match options().open(&name).map(drop) {
        Ok(()) => assert_live(&name),
        Err(error) => assert!(is_member && matches!(error, OpenError::NoSuchName { .. }), "{error}"),
    }
    walk
}

#[test]
fn case_m12_registering_with_a_condemned_object_at_every_call() {
    every_call("mutex.open, removed meanwhile", |steps| register(Pace::Call, steps));
}

#[test]
fn case_m12_registering_with_a_condemned_object_at_every_instruction() {
    every_instruction("mutex.open, removed meanwhile", |steps| register(Pace::Instruction, steps));
}

/// The same, and the object is gone altogether before the process goes on.
#[test]
fn case_c17_opening_what_was_removed_at_every_call() {
    every_call("mutex.open_or_create, removed meanwhile", |steps| {
        let (name, found) = (name(), memory(4));
        let found: &AtomicI32 = found.view(0).unwrap();
        let id = options().create(&name, 4).unwrap().status().unwrap().set;
        let new = opener(&name, found);
        let walk = new.stop_after(Pace::Call, steps);
        let is_member = SemaphoreSet::from_id(id).unwrap().values().unwrap()[FIRST_ALIVE..].iter().any(|&it| it != 0);
        Mutex::<u32>::unlink(&name).unwrap();
        if !is_member {
            new.go_on();
            assert_live(&name);
        }
        walk
    });
}

/// A handle that leaves changes nothing in its slot once that can be another's.
fn leave(pace: Pace, steps: u64) -> Walk {
    let (name, only) = (name(), options().max_handles(1));
    drop(only.create(&name, 4).unwrap());
    let leaving = Victim::start(|| {
        let mutex = only.open(&name).unwrap();
        mark();
        drop(mutex);
        mark();
    });
    let walk = leaving.stop_after(pace, steps);
    // There is one slot: as soon as this succeeds, it is the new member's.
    let next = match only.open(&name) {
        Ok(next) => Some(next),
        Err(OpenError::Failed(Failure::TooManyHandles { .. })) => None,
        Err(error) => panic!("{error}"),
    };
    leaving.go_on();
    let next = next.unwrap_or_else(|| only.open(&name).unwrap());
    let members = next.members().unwrap();
    assert!(matches!(&members[..], [member] if member.pid == std::process::id()), "{members:?}");
    let guard = next.lock().unwrap();
    assert_eq!(*guard, 4);
    assert!(matches!(next.try_lock(), Err(LockError::WouldBlock)));
    walk
}

#[test]
fn case_m11_leaving_a_slot_that_has_a_new_owner_at_every_call() {
    every_call("mutex.drop, another moves in meanwhile", |steps| leave(Pace::Call, steps));
}

#[test]
fn case_m11_leaving_a_slot_that_has_a_new_owner_at_every_instruction() {
    every_instruction("mutex.drop, another moves in meanwhile", |steps| leave(Pace::Instruction, steps));
}
