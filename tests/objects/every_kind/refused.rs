//! What is not opened or created, and what the error says of the object.

#![allow(unreachable_pub, reason = "it is another module of the tests")]

use support::{NOBODY, Name, as_nobody, child, has_user, hold_for_ever, name, own, until};
use sysv_ipc::{Amount, ObjectKind, Segment, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemoryOptions};
use sysv_primitives::{Error, Failure, OpenError, Options, Status};

use super::{create, key_from, kinds::Kind, open, segment_of};

pub fn wrong_type<K: Kind>() {
    let name = name();
    let _object: K = create(&name);
    for opened in K::open_otherwise(&name) {
        assert!(matches!(opened, Err(Error::Open(OpenError::WrongType { .. }))), "{opened:?}");
        assert_names::<K>(&opened, &name);
    }
}

pub fn wrong_version<K: Kind>() {
    let name = name();
    let object: K = create(&name);
    let memory = segment_of(&object);
    let ours = memory.read(28, 8).unwrap();
    // Another version may have anything behind its number.
    memory.write(&[0xff; 12], 24).unwrap();
    memory.write(&[99, 0, 0, 0], 8).unwrap();
    let opened = K::open(&Options::new(), &name).map(drop);
    let named = K::unlink(&name);
    // Otherwise it is not this name's to remove.
    memory.write(&ours, 8).unwrap();
    assert!(matches!(named, Err(Error::Open(OpenError::WrongVersion { found: 99, .. }))), "{named:?}");
    assert!(matches!(opened, Err(Error::Open(OpenError::WrongVersion { found: 99, .. }))), "{opened:?}");
    assert_names::<K>(&opened, &name);
}

/// Options that differ are refused if they are to be met exactly, and not noticed otherwise.
pub fn case_f7_exact<K: Kind>() {
    let name = name();
    let object: K = create(&name);
    let exact = || Options::new().exact(true);
    for opened in [K::open(&exact(), &name), K::open_or_create(&exact(), &name)] {
        drop(opened.expect("it is as it was made"));
    }
    let mut refused = K::open_with_another(&exact(), &name);
    refused.extend([
        ("mode", K::open(&exact().mode(0o640), &name).map(drop)),
        ("max_handles", K::open_or_create(&exact().max_handles(9), &name).map(drop)),
    ]);
    for (expected, opened) in refused {
        let found = match &opened {
            Err(Error::Open(OpenError::OtherOptions { option, .. })) => *option,
            other => panic!("{expected}: {other:?}"),
        };
        assert_eq!(found, expected);
        let text = assert_names::<K>(&opened, &name);
        assert!(text.contains(&format!("has {expected} ")) && text.contains("without Options::exact"), "{text}");
    }
    assert_eq!(object.members().unwrap().len(), 1, "a refused opener took no slot");
    for (option, opened) in K::open_with_another(&Options::new(), &name) {
        opened.unwrap_or_else(|error| panic!("{option}: {error}"));
    }
}

/// Errors show the name that the user gave, and not ids alone.
pub fn case_f8_errors_name_the_object<K: Kind>() {
    let name = name();
    let none = [K::open(&Options::new(), &name).map(drop), K::unlink(&name)];
    none.iter().for_each(|refused| drop(assert_names::<K>(refused, &name)));
    let object = K::create(&Options::new().max_handles(1), &name).unwrap();
    assert_names::<K>(&K::create(&Options::new(), &name).map(drop), &name);
    let full = K::open(&Options::new(), &name).map(drop);
    assert!(
        matches!(full, Err(Error::Open(OpenError::Failed(Failure::TooManyHandles { max_handles: 1, .. })))),
        "{full:?}"
    );
    assert!(assert_names::<K>(&full, &name).contains("Options::max_handles"));
    K::open_otherwise(&name).iter().for_each(|refused| drop(assert_names::<K>(refused, &name)));
    // Part of it is gone while it is used.
    let status = object.status().unwrap();
    sysv_ipc::remove_shared_memory(status.segment).unwrap();
    let damaged = K::open(&Options::new(), &name).map(drop);
    assert!(matches!(damaged, Err(Error::Open(OpenError::Failed(Failure::Damaged { .. })))), "{damaged:?}");
    assert_names::<K>(&damaged, &name);
    sysv_ipc::remove_semaphore(status.set).unwrap();
    for gone in [object.remove(), object.status().map(drop), object.members().map(drop)] {
        assert!(gone.as_ref().is_err_and(Error::is_gone), "{gone:?}");
        assert_names::<K>(&gone, &name);
    }
}

/// The semaphores are gone while the memory is used.
pub fn case_f8_a_wiped_object_is_named<K: Kind>() {
    let name = name();
    let object: K = create(&name);
    let Status { set, segment, .. } = object.status().unwrap();
    // Without its set it can't be removed by its name.
    let _memory = own(Segment::from_id(segment).unwrap());
    sysv_ipc::remove_semaphore(set).unwrap();
    let wiped = K::open_or_create(&Options::new(), &name).map(drop);
    assert!(matches!(wiped, Err(Error::Open(OpenError::Wiped { .. }))), "{wiped:?}");
    assert_names::<K>(&wiped, &name);
}

/// What can't be made is reported with its size, and with the option that makes it smaller. Nothing is left.
#[cfg(target_os = "linux")]
pub fn case_f8_not_created<K: Kind>() {
    support::in_own_namespace(|| {
        let name = name();
        let (key, semaphores) = key_from::<K>(&name);
        let refused = || K::open_or_create(&Options::new(), &name).map(drop);
        let was_refused = |expected: &str, cure: &str| {
            let refused = refused();
            assert!(matches!(refused, Err(Error::Open(OpenError::NotCreated { .. }))), "{refused:?}");
            let text = assert_names::<K>(&refused, &name);
            assert!(text.contains(expected) && text.contains(cure), "{text}");
            assert!(SemaphoreOptions::new().open_set(key, 0).is_err(), "a set is left");
            assert!(SharedMemoryOptions::new().open_segment(key).is_err(), "a segment is left");
        };
        let smaller = match K::NAME {
            "channel" => "a smaller Options::max_message_size",
            "pool" => "fewer permits",
            "mutex" | "rwlock" | "once lock" | "watch" => "a smaller type",
            "barrier" | "rate limiter" => "a smaller Options::max_handles",
            _ => "a smaller capacity",
        };
        support::set_limit("shmmax", "100");
        was_refused("needs a segment of ", smaller);
        support::set_limit("shmmax", "100000000");
        support::set_limit("shmmni", "0");
        was_refused("SHMMNI", "ipcrm -m");
        support::set_limit("shmmni", "10");
        support::set_limit("sem", "20 32000 500 10");
        let refused = K::open_or_create(&Options::new().max_handles(64), &name).map(drop);
        let text = assert_names::<K>(&refused, &name);
        assert!(text.contains(&format!("needs a set of {semaphores} semaphores")), "{text}");
        assert!(text.contains("a smaller Options::max_handles"), "{text}");
        drop(K::open_or_create(&Options::new(), &name).expect("the default adapts"));
    });
}

/// Opens what another user owns a part of: refused, unless that user is trusted.
#[track_caller]
pub fn assert_untrusted<K: Kind>(name: &Name, part: i32) {
    for opened in [K::open(&Options::new(), name), K::open_or_create(&Options::new(), name)] {
        let refused = opened.map(drop);
        assert!(
            matches!(refused, Err(Error::Open(OpenError::Untrusted { id, uid: 65_534, .. })) if id == part),
            "{refused:?}"
        );
        assert_names::<K>(&refused, name);
    }
    drop(K::open(&Options::new().trust(65_534), name).unwrap());
}

/// Set and segment each have an owner, and each must be trusted.
pub fn case_m3_the_owners_of_set_and_segment<K: Kind>() {
    if !has_user(NOBODY) {
        return;
    }
    let name = name();
    let object: K = create(&name);
    let Status { set, segment, permissions, .. } = object.status().unwrap();
    let segment_owned_by = |uid| Segment::from_id(segment).unwrap().set_owner(Some(uid), None).unwrap();
    segment_owned_by(65_534);
    assert_untrusted::<K>(&name, segment);
    segment_owned_by(permissions.uid);
    drop(open::<K>(&name));
    SemaphoreSet::from_id(set).unwrap().set_owner(Some(65_534), None).unwrap();
    assert_untrusted::<K>(&name, set);
}

pub fn permission_denied<K: Kind>() {
    let name = name();
    let object: K = K::create(&Options::new().mode(0o600), &name).unwrap();
    as_nobody(|| {
        for opened in [K::open(&Options::new(), &name), K::open_or_create(&Options::new(), &name)] {
            let refused = opened.map(drop);
            assert!(
                matches!(&refused, Err(error) if matches!(error.raw(), Some(sysv_ipc::Error::PermissionDenied { .. }))),
                "{refused:?}"
            );
            assert_names::<K>(&refused, &name);
        }
        assert!(K::unlink(&name).is_err());
    });
    assert_eq!(object.members().unwrap().len(), 1);
}

/// So many processes and no more. The place of one that died is free.
pub fn limit_reached<K: Kind>() {
    let name = name();
    let first = K::create(&Options::new().max_handles(2), &name).unwrap();
    let opened = || K::open(&Options::new(), &name).map(drop);
    let second: K = open(&name);
    assert!(matches!(opened(), Err(Error::Open(OpenError::Failed(Failure::TooManyHandles { max_handles: 2, .. })))));
    drop(second);
    let victim = child(|| {
        let _second: K = open(&name);
        hold_for_ever()
    });
    until(|| first.members().unwrap().len() == 2);
    assert!(matches!(opened(), Err(Error::Open(OpenError::Failed(Failure::TooManyHandles { max_handles: 2, .. })))));
    victim.kill();
    opened().expect("the slot of the dead is free");
}

/// Another program's segment is left alone, and our half of the work is taken back.
pub fn foreign_segment<K: Kind>() {
    let name = name();
    let (key, _) = key_from::<K>(&name);
    let foreign = own(SharedMemoryOptions::new().create(true).size(4096).init_character(b'?').open(key).unwrap());
    let refused = K::open_or_create(&Options::new(), &name).map(drop);
    assert!(
        matches!(&refused, Err(Error::Open(OpenError::Foreign { part: ObjectKind::SharedMemory, id, .. })) if *id == foreign.id()),
        "{refused:?}"
    );
    assert_names::<K>(&refused, &name);
    assert!(SemaphoreOptions::new().open_set(key, 0).is_err(), "the set was removed again");
    assert_eq!(foreign.read(0, 0).unwrap(), [b'?'; 4096]);
}

/// Another program's set is left alone.
pub fn foreign_set<K: Kind>() {
    let name = name();
    let (key, _) = key_from::<K>(&name);
    let foreign = own(SemaphoreOptions::new().create(true).open_set(key, 1).unwrap());
    foreign.op(&[SemOp::add(0, Amount::ONE)]).unwrap();
    let refused = K::open_or_create(&Options::new(), &name).map(drop);
    assert!(
        matches!(&refused, Err(Error::Open(OpenError::Foreign { part: ObjectKind::Semaphores, id, .. })) if *id == foreign.id()),
        "{refused:?}"
    );
    assert_names::<K>(&refused, &name);
    assert_eq!(foreign.value(0).unwrap(), 1);
}

/// An error names the kind and the name of its object. Returns its text.
#[track_caller]
pub fn assert_names<K: Kind>(result: &Result<(), Error>, name: &str) -> String {
    let text = result.as_ref().expect_err("it is refused").to_string();
    assert!(text.contains(&format!("{} {name:?}", K::NAME)), "{text}");
    text
}
