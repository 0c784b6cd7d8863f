//! What a process that lives without rights, under other limits or in another namespace may change: nothing that is not its
//! own.

#![allow(unreachable_pub, reason = "it is another module of the tests")]

use std::{thread, time::Duration};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::getuid,
};
use support::rights::Turn;
use support::{NOBODY, SHORT, as_nobody, as_user, child, has_user, hold_for_ever, name, skip, until};
use sysv_ipc::{Amount, MessageQueueOptions, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemoryOptions};
use sysv_primitives::{Error, Failure, Mutex, OpenError, Options};

use super::{assert_names, assert_works, create, key_from, kinds::Kind, open};

fn is_denied<T>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| matches!(error.raw(), Some(sysv_ipc::Error::PermissionDenied { .. })))
}

/// A user that may use an object may not remove it, and its attempts change nothing.
pub fn case_c2_removal_without_rights<K: Kind>() {
    let name = name();
    let object = K::create(&Options::new().mode(0o666), &name).unwrap();
    let status = object.status().unwrap();
    as_nobody(|| {
        let opened: K = open(&name);
        assert!(is_denied(opened.remove()));
        assert!(is_denied(K::unlink(&name)));
        drop(K::open(&Options::new().remove_on_drop(true), &name).unwrap());
        assert_eq!(opened.members().unwrap().len(), 2);
    });
    assert_eq!(open::<K>(&name).status().unwrap(), status, "it is the same object");
    assert_works::<K>(&name);
}

/// A user that may use what a dead creator left half made, and may not remove it, learns which user may.
pub fn case_d5_half_made_by_another_user<K: Kind>() {
    let name = name();
    let (key, semaphores) = key_from::<K>(&name);
    let creator = child(|| {
        let set = SemaphoreOptions::new().create(true).exclusive(true).mode(0o666).open_set(key, semaphores).unwrap();
        set.set_value(0, 0).unwrap();
        hold_for_ever()
    });
    until(|| SemaphoreOptions::new().open_set(key, 0).is_ok_and(|set| set.last_pid(0).unwrap().is_some()));
    creator.kill();
    as_nobody(|| {
        let refused = K::open_or_create(&Options::new(), &name).map(drop);
        assert!(matches!(refused, Err(Error::Open(OpenError::Unfinished { uid: 0, .. }))), "{refused:?}");
        assert!(assert_names::<K>(&refused, &name).contains("belongs to user 0"));
    });
    if has_user(NOBODY) {
        let set = SemaphoreOptions::new().open_set(key, 0).unwrap();
        assert_eq!(set.stat().unwrap().o_time, None, "nothing was changed");
    }
    drop(K::open_or_create(&Options::new(), &name).expect("its owner mends it"));
    assert_works::<K>(&name);
}

/// A mode that keeps its owner out is refused before anything is made, and the name stays free.
pub fn case_c7_a_mode_that_keeps_its_owner_out<K: Kind>() {
    let name = name();
    let (key, _) = key_from::<K>(&name);
    for mode in [0o400, 0, 0o060, 0o266] {
        let refused = K::open_or_create(&Options::new().mode(mode), &name).map(drop);
        let is_bad =
            |error: &Error| matches!(error, Error::Open(OpenError::BadMode { mode: told, .. }) if *told == mode);
        assert!(refused.as_ref().is_err_and(is_bad), "{refused:?}");
        assert_names::<K>(&refused, &name);
        assert!(SemaphoreOptions::new().open_set(key, 0).is_err(), "a set is left");
    }
    drop(K::create(&Options::new(), &name).expect("the name is free"));
}

/// Fewer operations than an object has doorbells: it works all the same. Too few for anything: nothing is left.
#[cfg(target_os = "linux")]
pub fn case_c6_few_operations<K: Kind>() {
    support::in_own_namespace(|| {
        let name = name();
        let (key, _) = key_from::<K>(&name);
        // A database server's setting.
        support::set_limit("sem", "250 32000 100 128");
        let object: K = create(&name);
        assert_works::<K>(&name);
        // The fewest that a registration can do with: doorbells two by two, and the claim of a slot by itself.
        support::set_limit("sem", "250 32000 7 128");
        assert_works::<K>(&name);
        let victim = child(|| {
            let _member: K = open(&name);
            hold_for_ever()
        });
        until(|| object.members().unwrap().len() == 2);
        victim.kill();
        until(|| object.members().unwrap().len() == 1);
        assert_works::<K>(&name);
        object.remove().unwrap();
        support::set_limit("sem", "250 32000 6 128");
        let refused = K::create(&Options::new(), &name).map(drop);
        assert!(assert_names::<K>(&refused, &name).contains("SEMOPM"), "{refused:?}");
        assert!(SemaphoreOptions::new().open_set(key, 0).is_err(), "a set is left");
        assert!(SharedMemoryOptions::new().open_segment(key).is_err(), "a segment is left");
        assert!(MessageQueueOptions::new().open(key).is_err(), "a queue is left");
        support::set_limit("sem", "250 32000 500 128");
        drop(K::create(&Options::new(), &name).expect("the name is free"));
    });
}

/// The handles are bounded by what a set can have, and not by what one `semop` can do.
pub fn case_c6_more_handles_than_operations<K: Kind>() {
    let name = name();
    let object = K::create(&Options::new().max_handles(7_900), &name).unwrap();
    let others: Vec<K> = (0..20).map(|_| open(&name)).collect();
    assert_eq!(object.members().unwrap().len(), 21);
    drop(others);
    assert_works::<K>(&name);
    assert_eq!(object.members().unwrap().len(), 1);
    let set = SemaphoreSet::from_id(object.status().unwrap().set).unwrap();
    drop(object);
    let values = set.values().unwrap();
    assert!(values[2..].iter().all(|&value| value < 100), "doorbells are disarmed, and no member lives");
}

/// A process that leaves the namespace is no member any more, and a stranger of the same name and id is left alone.
#[cfg(target_os = "linux")]
pub fn case_c4_another_namespace<K: Kind>() {
    support::in_own_namespace(|| {
        let name = name();
        let object: K = create(&name);
        let asked_to_remove = K::open(&Options::new().remove_on_drop(true), &name).unwrap();
        unshare(CloneFlags::CLONE_NEWIPC).unwrap();
        let stranger: K = create(&name);
        let status = stranger.status().unwrap();
        let set = SemaphoreSet::from_id(status.set).unwrap();
        let before = set.values().unwrap();
        for lost in [object.members().map(drop), object.status().map(drop), object.remove()] {
            let is_lost =
                lost.as_ref().is_err_and(|error| matches!(error.failure(), Some(Failure::MembershipLost { .. })));
            assert!(is_lost, "{lost:?}");
            assert_names::<K>(&lost, &name);
        }
        drop((object, asked_to_remove));
        assert_eq!(set.values().unwrap(), before);
        assert_eq!(stranger.status().unwrap(), status);
        assert_works::<K>(&name);
    });
}

/// A process that is no member any more drops its handle: the member that has its slot now keeps it, and what it holds.
#[cfg(target_os = "linux")]
pub fn case_c4_a_handle_without_membership_is_dropped<K: Kind>() {
    let name = name();
    let object = K::create(&Options::new().max_handles(2), &name).unwrap();
    let (lost, drop_it, dropped) = (Turn::new(), Turn::new(), Turn::new());
    let former = child(|| {
        let handle: K = open(&name);
        unshare(CloneFlags::CLONE_SYSVSEM).expect("no right is needed");
        lost.give();
        drop_it.take();
        drop(handle);
        dropped.give();
        hold_for_ever()
    });
    lost.take();
    let next: K = open(&name);
    let slots = |object: &K| object.members().unwrap().iter().map(|member| member.slot).collect::<Vec<_>>();
    assert_eq!(slots(&object), [0, 1], "it has the slot of the former member");
    drop_it.give();
    dropped.take();
    assert_eq!(slots(&next), [0, 1]);
    former.kill();
    assert_eq!(slots(&next), [0, 1], "the former member owes nothing");
    drop(next);
    assert_eq!(slots(&object), [0]);
}

/// An object with an overwritten header is made anew once no member lives, and can be unlinked.
pub fn a_header_with_another_identity<K: Kind>() {
    for unlinks in [false, true] {
        let name = name();
        let object: K = create(&name);
        let memory = super::segment_of(&object);
        memory.write(&[0x11, 0x11], 32).unwrap();
        let damaged = K::open(&Options::new(), &name).map(drop);
        let is_damaged = |error: &Error| matches!(error.failure(), Some(Failure::Damaged { part: "the header", .. }));
        assert!(damaged.as_ref().is_err_and(is_damaged), "{damaged:?}");
        if unlinks {
            K::unlink(&name).unwrap();
        }
        drop((object, memory));
        drop(K::open_or_create(&Options::new(), &name).expect("it is made anew"));
        assert_works::<K>(&name);
    }
}

/// The numbers of the header that decide where something lies are checked against what the kernel knows, before any is used.
pub fn a_header_with_other_numbers<K: Kind>() {
    const MAX_HANDLES: usize = 24;
    const DOORBELLS: usize = 28;
    const BODY: usize = 72;
    let name = name();
    let object: K = create(&name);
    let memory = super::segment_of(&object);
    for (offset, other) in [(MAX_HANDLES, &[2, 0, 0, 0][..]), (DOORBELLS, &[9, 0, 0, 0]), (BODY, &[0, 0, 0, 0, 1])] {
        let before = memory.read(other.len(), offset).unwrap();
        memory.write(other, offset).unwrap();
        let damaged = K::open(&Options::new(), &name).map(drop);
        let is_damaged = |error: &Error| matches!(error.failure(), Some(Failure::Damaged { part: "the header", .. }));
        assert!(damaged.as_ref().is_err_and(is_damaged), "{offset}: {damaged:?}");
        memory.write(&before, offset).unwrap();
    }
    drop(open::<K>(&name));
}

/// A waiter in another namespace is notified at once, and does not sleep on a stranger's semaphore.
#[cfg(target_os = "linux")]
#[test]
fn case_c4_a_waiter_in_another_namespace() {
    support::in_own_namespace(|| {
        let name = name();
        let (first, second) = (create::<Mutex<u64>>(&name), open::<Mutex<u64>>(&name));
        let guard = first.lock().unwrap();
        unshare(CloneFlags::CLONE_NEWIPC).unwrap();
        let refused = second.lock_timeout(Duration::from_secs(20)).map(drop);
        assert!(
            matches!(refused, Err(sysv_primitives::LockError::Failed(Failure::System { .. }))),
            "there is no such set here: {refused:?}"
        );
        let stranger: Mutex<u64> = create(&name);
        let refused = second.lock_timeout(Duration::from_secs(20)).map(drop);
        assert!(
            matches!(refused, Err(sysv_primitives::LockError::Failed(Failure::MembershipLost { .. }))),
            "{refused:?}"
        );
        drop(guard);
        assert!(stranger.try_lock().is_ok());
    });
}

/// Where the system removes segments with their last user, an object is new after that, its status says so, and its name is
/// not taken for good.
#[cfg(target_os = "linux")]
pub fn case_d6_segments_that_go_with_their_last_user<K: Kind>() {
    support::in_own_namespace(|| {
        let name = name();
        assert!(create::<K>(&name).status().unwrap().lasts);
        drop(open::<K>(&name));
        support::set_limit("shm_rmid_forced", "1");
        // It removes what no process has attached at once.
        for _ in 0..2 {
            let object = K::open_or_create(&Options::new(), &name).expect("it is made anew");
            assert!(!object.status().unwrap().lasts);
        }
        let object = K::open_or_create(&Options::new(), &name).unwrap();
        assert_works::<K>(&name);
        object.remove().unwrap();
    });
}

/// In a user namespace without a mapping all owners read as one number, which is no identity.
#[cfg(target_os = "linux")]
pub fn case_c16_the_overflow_uid<K: Kind>() {
    let name = name();
    as_user(1234, || {
        drop(K::create(&Options::new().mode(0o666), &name).unwrap());
    });
    as_user(1235, || {
        let refused = K::open(&Options::new(), &name).map(drop);
        assert!(matches!(refused, Err(Error::Open(OpenError::Untrusted { uid: 1234, .. }))), "{refused:?}");
        if let Err(errno) = unshare(CloneFlags::CLONE_NEWUSER) {
            return skip(&format!("no user namespace: {errno}"));
        }
        assert_eq!(getuid().as_raw(), 65_534);
        let refused = K::open(&Options::new(), &name).map(drop);
        assert!(matches!(refused, Err(Error::Open(OpenError::Untrusted { uid: 65_534, .. }))), "{refused:?}");
    });
    let _ = K::unlink(&name);
}

/// Opening or creating while others remove starts again, as often as it takes.
pub fn case_c17_opening_while_others_remove<K: Kind>() {
    const ROUNDS: usize = 300;
    let name = name();
    let removers: Vec<_> = (0..2)
        .map(|_| {
            child(|| {
                for _ in 0..ROUNDS {
                    let object = K::open_or_create(&Options::new(), &name).expect("it starts again");
                    // Another process may have been faster.
                    let removed = object.remove();
                    assert!(removed.as_ref().is_ok() || removed.as_ref().is_err_and(Error::is_gone), "{removed:?}");
                }
            })
        })
        .collect();
    for _ in 0..ROUNDS {
        drop(K::open_or_create(&Options::new(), &name).expect("it starts again"));
    }
    removers.into_iter().for_each(support::Child::join);
    drop(K::open_or_create(&Options::new(), &name).unwrap());
}

/// A slot that has a helper is not taken: an opener waits for the helper, as long as it may wait.
pub fn case_c18_a_slot_that_is_being_reaped<K: Kind>() {
    let name = name();
    let object = K::create(&Options::new().max_handles(2), &name).unwrap();
    let victim = child(|| {
        let _second: K = open(&name);
        hold_for_ever()
    });
    until(|| object.members().unwrap().len() == 2);
    victim.kill();
    let set = SemaphoreSet::from_id(object.status().unwrap().set).unwrap();
    // ALIVE and HELPERS of both slots are the last semaphores. A helper of the second slot enters.
    let helpers = u16::try_from(set.len().unwrap() - 1).unwrap();
    let helper = child(|| {
        let is_dead = SemOp::zero(helpers - 2).no_wait();
        set.op(&[is_dead, SemOp::add(helpers, Amount::ONE).undo().no_wait()]).unwrap();
        hold_for_ever()
    });
    until(|| set.value(helpers.into()).unwrap() == 1);
    let impatient = K::open(&Options::new().open_timeout(SHORT), &name).map(drop);
    let is_full = |error: &Error| matches!(error.failure(), Some(Failure::TooManyHandles { max_handles: 2, .. }));
    assert!(impatient.as_ref().is_err_and(is_full), "{impatient:?}");
    thread::scope(|scope| {
        let opener =
            scope.spawn(|| drop(K::open(&Options::new().open_timeout(Duration::from_secs(60)), &name).unwrap()));
        until(|| set.waiting_for_zero(helpers.into()).unwrap() > 0);
        assert!(!opener.is_finished(), "it waits for the helper");
        helper.kill();
        opener.join().unwrap();
    });
    drop(open::<K>(&name));
}
