//! What `clean` removes, what it leaves and why, and that it never removes an object with a member.
//!
//! Each test has an IPC namespace of its own. Elsewhere another report may have a segment attached at any moment, and then it stays.

use std::{process::Command, thread, time::Duration};

use support::rights::Turn;
use support::{
    KeyGuard, NOBODY, Name, as_user, child, exit_now, has_user, hold_for_ever, in_own_namespace, name, number_from_env,
    own, semaphores, set_limit, until,
};
use sysv_ipc::{Amount, Segment, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemoryOptions};
use sysv_primitives::{
    Channel, Mutex, Pool, Route,
    inspect::{self, Clean, Decision, State, Verdict},
};

use crate::report;

fn clean(name: &str) -> Clean {
    Clean::new().older_than(Duration::ZERO).name(name)
}

#[track_caller]
fn verdict(clean: &Clean) -> Verdict {
    let dry = clean.dry_run().unwrap();
    assert_eq!(dry.len(), 1, "{dry:?}");
    dry[0].clone()
}

/// Makes an object in a process of its own, which ends without dropping it.
fn leave_behind(name: &str, make: impl FnOnce()) {
    child(|| {
        make();
        exit_now(0);
    })
    .join();
    until_detached(name);
}

/// Returns when no process has the object attached. A tool that reads `/proc` may keep the memory of a dead process for a moment.
fn until_detached(name: &str) {
    let is_attached = |report: &inspect::Report| report.segment.as_ref().is_some_and(|segment| segment.attached > 0);
    until(|| !inspect::named(name).unwrap().iter().any(is_attached));
}

fn leave_mutex(name: &Name) {
    leave_behind(name, || std::mem::forget(Mutex::create(name, 0_u64).unwrap()));
}

#[test]
fn what_was_left_behind_is_removed() {
    in_own_namespace(|| {
        let name = name();
        leave_mutex(&name);
        let dry = verdict(&clean(&name));
        assert_eq!((dry.decision, dry.state, dry.reason.as_str()), (Decision::Remove, State::Idle, "no member lives"));
        assert_eq!(report(&name).state, State::Idle, "a dry run changes nothing");
        let done = &clean(&name).remove().unwrap()[0];
        assert_eq!((done.decision, done.set), (Decision::Removed, dry.set));
        assert!(inspect::named(&name).unwrap().is_empty());
        assert!(SemaphoreSet::from_id(dry.set.unwrap()).is_err() && Segment::from_id(dry.segment.unwrap()).is_err());
        drop(Mutex::create(&name, 1_u64).unwrap());
    });
}

#[test]
fn each_verdict_has_its_reason() {
    in_own_namespace(|| {
        let name = name();
        leave_mutex(&name);
        let young = verdict(&Clean::new().name(&name));
        assert!(young.decision == Decision::Keep && young.reason.contains("600 s are asked for"), "{young:?}");

        let member = child(|| {
            let _mutex = Mutex::<u64>::open(&name).unwrap();
            hold_for_ever();
        });
        until(|| report(&name).state == State::Live);
        let kept = verdict(&clean(&name));
        assert_eq!((kept.decision, kept.reason.as_str()), (Decision::Keep, "1 member lives"));
        member.kill();
        until_detached(&name);

        let memory = Segment::from_id(kept.segment.unwrap()).unwrap().attach().unwrap();
        let attached = verdict(&clean(&name));
        assert!(attached.decision == Decision::Keep && attached.reason.contains("attached 1 times"), "{attached:?}");
        memory.write(&99_u32.to_ne_bytes(), 8).unwrap();
        drop(memory);
        let other = &clean(&name).remove().unwrap()[0];
        assert_eq!((other.state, other.decision), (State::OtherVersion, Decision::Keep));
        let _guard = KeyGuard::new(sysv_ipc::Key::new(report(&name).key).unwrap());
    });
}

#[test]
fn messages_keep_a_channel() {
    in_own_namespace(|| {
        let name = name();
        leave_behind(&name, || {
            let channel = Channel::create(&name).unwrap();
            channel.send_raw(Route::new(1), b"kept").unwrap();
            std::mem::forget(channel);
        });
        let kept = &clean(&name).remove().unwrap()[0];
        assert_eq!((kept.decision, kept.reason.as_str()), (Decision::Keep, "1 message or item is in it"));
        assert_eq!(clean(&name).with_messages(true).remove().unwrap()[0].decision, Decision::Removed);
    });
}

#[test]
fn halves_are_removed() {
    in_own_namespace(|| {
        let name = name();
        let key = {
            let mutex = Mutex::options().remove_on_drop(true).create(&name, 0_u64).unwrap();
            mutex.status().unwrap().key
        };
        let _guard = KeyGuard::new(key);
        let make = || {
            let mut options = SemaphoreOptions::new();
            options.create(true).exclusive(true).initial_value(0).open_set(key, 195).unwrap()
        };
        // Half made: its creator has ended, then it lives.
        leave_behind(&name, || make().set_value(0, 0).unwrap());
        assert_eq!(verdict(&clean(&name)).state, State::Unfinished);
        assert_eq!(clean(&name).remove().unwrap()[0].decision, Decision::Removed);
        let set = make();
        set.set_value(0, 0).unwrap();
        let segment = SharedMemoryOptions::new().create(true).exclusive(true).size(8192).open_segment(key).unwrap();
        let kept = &clean(&name).remove().unwrap()[0];
        assert!(kept.decision == Decision::Keep && kept.reason.contains("its creator lives"), "{kept:?}");
        // Condemned, with a blank segment.
        set.op(&[SemOp::add(1, Amount::new(0x5356).unwrap())]).unwrap();
        assert_eq!(verdict(&clean(&name)).state, State::Condemned);
        assert_eq!(clean(&name).remove().unwrap()[0].decision, Decision::Removed);
        assert!(set.stat().is_err() && segment.stat().is_err());
        // Wiped of its set, and of its segment.
        leave_mutex(&name);
        SemaphoreSet::from_id(report(&name).set.unwrap().id).unwrap().remove().unwrap();
        assert_eq!(verdict(&clean(&name)).state, State::Wiped);
        assert_eq!(clean(&name).remove().unwrap()[0].decision, Decision::Removed);
        leave_mutex(&name);
        Segment::from_id(report(&name).segment.unwrap().id).unwrap().remove().unwrap();
        assert_eq!(verdict(&clean(&name)).state, State::Wiped);
        assert_eq!(clean(&name).remove().unwrap()[0].decision, Decision::Removed);
        assert!(inspect::named(&name).unwrap().is_empty());
    });
}

#[test]
fn another_users_objects_and_other_programs_are_left_alone() {
    if !has_user(NOBODY) {
        return;
    }
    let (name, foreign) = (name(), semaphores(3));
    child(|| {
        std::mem::forget(Pool::options().mode(0o666).create(&name, 1).unwrap());
        exit_now(0);
    })
    .join();
    as_user(NOBODY, || {
        let kept = &clean(&name).remove().unwrap()[0];
        assert_eq!((kept.decision, kept.reason.as_str()), (Decision::Keep, "it belongs to user 0"));
    });
    let verdicts = Clean::new().older_than(Duration::ZERO).dry_run().unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.set != Some(foreign.id())), "it is not even mentioned");
}

/// Where one `semop` can't test every slot, LIVING decides.
#[test]
fn more_slots_than_one_semop_can_test() {
    in_own_namespace(|| {
        let name = name();
        leave_behind(&name, || std::mem::forget(Mutex::options().max_handles(700).create(&name, 0_u64).unwrap()));
        set_limit("sem", "32000 1024000000 50 32000");
        let turn = Turn::new();
        let member = child(|| {
            let _mutex = Mutex::<u64>::open(&name).unwrap();
            turn.give();
            hold_for_ever();
        });
        turn.take();
        assert_eq!(clean(&name).remove().unwrap()[0].decision, Decision::Keep);
        member.kill();
        until_detached(&name);
        let done = &clean(&name).remove().unwrap()[0];
        assert_eq!(done.decision, Decision::Removed, "{done:?}");
    });
}

/// Openers come and go while two processes clean. No object with a member is ever removed: each member finds its object live, from
/// its opening to its drop.
#[test]
fn no_living_object_is_ever_removed() {
    in_own_namespace(|| {
        let name = name();
        let rounds = number_from_env("CLEAN_ROUNDS", 400);
        let cleaners = [(); 2].map(|()| {
            child(|| {
                loop {
                    clean(&name).remove().unwrap();
                }
            })
        });
        let opener = || {
            let mut sets = Vec::new();
            for round in 0..rounds {
                let mutex = Mutex::open_or_create(&name, 0_u64).unwrap();
                // A set that was removed or condemned has no members to tell.
                let check = || {
                    let members = mutex.members();
                    assert!(members.is_ok(), "round {round}: it was removed under a member: {members:?}");
                };
                check();
                *mutex.lock().unwrap() += 1;
                if fastrand::u8(..) < 32 {
                    thread::sleep(Duration::from_micros(fastrand::u64(..300)));
                }
                check();
                sets.push(mutex.status().unwrap().set);
                drop(mutex);
                // So that now and then no process has it open.
                thread::sleep(Duration::from_micros(fastrand::u64(..200)));
            }
            sets.dedup();
            assert!(sets.len() > 1, "it was never removed, so nothing was tried");
        };
        let openers = [child(opener), child(opener), child(opener)];
        openers.into_iter().for_each(support::Child::join);
        drop(cleaners);
        // At rest it goes.
        drop(Mutex::open_or_create(&name, 0_u64).unwrap());
        until_detached(&name);
        let verdicts = clean(&name).remove().unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.decision == Decision::Removed), "{verdicts:?}");
        assert_eq!(inspect::named(&name).unwrap(), []);
    });
}

/// What `ipcs` shows before and after a whole clean in a namespace of its own.
#[test]
fn a_whole_machine_is_cleaned_of_its_own_objects_alone() {
    in_own_namespace(|| {
        let names = [name(), name(), name()];
        leave_mutex(&names[0]);
        leave_behind(&names[1], || std::mem::forget(Channel::create(&names[1]).unwrap()));
        let pool = Pool::create(&names[2], 1).unwrap();
        let foreign = own(SharedMemoryOptions::new().size(100).open_random_segment().unwrap());
        let verdicts = Clean::new().older_than(Duration::ZERO).remove().unwrap();
        let removed = verdicts.iter().filter(|verdict| verdict.decision == Decision::Removed).count();
        assert_eq!((verdicts.len(), removed), (3, 2), "{verdicts:?}");
        assert!(pool.status().is_ok() && foreign.stat().is_ok());
        let list = Command::new("ipcs").arg("-s").output();
        assert!(list.is_err() || list.is_ok_and(|list| list.status.success()));
    });
}
