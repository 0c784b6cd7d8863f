//! What holds for every kind of named object, shown for each in the same words.

mod kinds;
mod lives;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod woken;

use std::{
    sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst},
    time::{Duration, Instant},
};

use kinds::{Kind, Wait};
use lives::*;
use nix::sys::signal::{SigHandler, Signal};
use support::{Child, NOBODY, Name, as_nobody, child, has_user, hold_for_ever, install, memory, name, own, until};
use sysv_ipc::{
    Amount, Key, ObjectKind, Segment, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemory, SharedMemoryOptions,
};
use sysv_primitives::{
    Barrier, Channel, Error, Failure, Mutex, OnceLock, OpenError, Options, Pool, RateLimiter, RwLock, Status, Watch,
    broadcast, mpmc, spsc,
};

fn create<K: Kind>(name: &str) -> K {
    K::create(&Options::new(), name).expect("the name is ours")
}

fn open<K: Kind>(name: &str) -> K {
    K::open(&Options::new(), name).expect("it is there")
}

/// The object is whole, and each waiter goes on when it is time.
#[track_caller]
fn assert_works<K: Kind>(name: &str) {
    for wait in K::waits() {
        let object: K = open(name);
        let release = (wait.hinder)(&object);
        let waiter = start(name, &wait);
        release();
        waiter.join();
        object.empty();
    }
}

/// Starts a process that waits, and returns when it sleeps.
fn start<K: Kind>(name: &str, wait: &Wait<K>) -> Child {
    println!("waits: {}", wait.name);
    let waiter = child(|| (wait.wait)(&open(name)).unwrap_or_else(|error| panic!("{}: {error}", wait.name)));
    waiter.until_asleep();
    waiter
}

fn smoke<K: Kind>() {
    let name = name();
    let object: K = create(&name);
    assert!(matches!(K::create(&Options::new(), &name), Err(Error::Open(OpenError::NameTaken { .. }))));
    let other = K::open_or_create(&Options::new(), &name).unwrap();
    assert_eq!(other.status().unwrap(), object.status().unwrap());
    assert_eq!(object.members().unwrap().len(), 2);
    drop(other);
    assert_works::<K>(&name);
    assert_eq!(object.members().unwrap().len(), 1);
    object.remove().unwrap();
    assert!(matches!(K::open(&Options::new(), &name), Err(Error::Open(OpenError::NoSuchName { .. }))));
    assert!(matches!(K::unlink(&name), Err(Error::Open(OpenError::NoSuchName { .. }))));
}

/// The first process makes it, and all others open the same.
fn open_or_create_race<K: Kind>() {
    const RACERS: usize = 6;
    let segments = memory(4 * RACERS);
    let segments: &[AtomicI32] = segments.slice(0, RACERS).unwrap();
    for _ in 0..20 {
        let name = name();
        let racers = segments.iter().map(|segment| {
            child(|| {
                let object = K::open_or_create(&Options::new(), &name).unwrap();
                segment.store(object.status().unwrap().segment, SeqCst);
            })
        });
        racers.collect::<Vec<_>>().into_iter().for_each(Child::join);
        let made = open::<K>(&name).status().unwrap().segment;
        assert!(segments.iter().all(|segment| segment.load(SeqCst) == made), "there are two");
    }
}

/// A waiter that is killed takes nothing along: the next one goes on.
fn waiter_killed<K: Kind>() {
    for wait in K::waits() {
        let name = name();
        let object: K = create(&name);
        let release = (wait.hinder)(&object);
        let victim = start(&name, &wait);
        let beside = wait.is_shared.then(|| start(&name, &wait));
        victim.kill();
        let survivor = beside.unwrap_or_else(|| start(&name, &wait));
        release();
        survivor.join();
    }
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_signal: libc::c_int) {
    SIGNALS.fetch_add(1, SeqCst);
}

/// Signals end no wait, and neither does being stopped.
fn signal_interrupts<K: Kind>() {
    for wait in K::waits() {
        let name = name();
        let object: K = create(&name);
        let release = (wait.hinder)(&object);
        let waiter = child(|| {
            install(Signal::SIGUSR1, SigHandler::Handler(count));
            (wait.wait)(&open(&name)).unwrap();
            assert!(SIGNALS.load(SeqCst) > 0, "no signal came");
        });
        waiter.until_asleep();
        for signal in [Signal::SIGUSR1, Signal::SIGSTOP, Signal::SIGCONT] {
            waiter.signal(signal);
        }
        waiter.until_asleep();
        release();
        waiter.join();
    }
}

/// A waiter is notified when it is removed, in each way to wait.
fn removed_while_waiting<K: Kind>() {
    for wait in K::waits() {
        let name = name();
        let object: K = create(&name);
        let _release = (wait.hinder)(&object);
        let waiter = child(|| {
            let told = (wait.wait)(&open(&name));
            assert!(told.as_ref().is_err_and(Error::is_gone), "{}: {told:?}", wait.name);
        });
        waiter.until_asleep();
        object.remove().unwrap();
        waiter.join();
    }
}

fn reopen_after_exit<K: Kind>() {
    let name = name();
    child(|| drop(create::<K>(&name))).join();
    assert_works::<K>(&name);
    // Also after a death.
    child(|| {
        let _object: K = open(&name);
        support::exit_now(0)
    })
    .join();
    assert_works::<K>(&name);
}

fn wrong_type<K: Kind>() {
    let name = name();
    let _object: K = create(&name);
    for opened in K::open_otherwise(&name) {
        assert!(matches!(opened, Err(Error::Open(OpenError::WrongType { .. }))), "{opened:?}");
        assert_names::<K>(&opened, &name);
    }
}

fn wrong_version<K: Kind>() {
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
fn case_f7_exact<K: Kind>() {
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

/// An error names the kind and the name of its object. Returns its text.
#[track_caller]
fn assert_names<K: Kind>(result: &Result<(), Error>, name: &str) -> String {
    let text = result.as_ref().expect_err("it is refused").to_string();
    assert!(text.contains(&format!("{} {name:?}", K::NAME)), "{text}");
    text
}

/// Errors show the name that the user gave, and not ids alone.
fn case_f8_errors_name_the_object<K: Kind>() {
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
fn case_f8_a_wiped_object_is_named<K: Kind>() {
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
fn case_f8_not_created<K: Kind>() {
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
fn assert_untrusted<K: Kind>(name: &Name, part: i32) {
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
fn case_m3_the_owners_of_set_and_segment<K: Kind>() {
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

/// The creator must be trusted as well: it may change what it gave away.
#[test]
fn case_m3_the_creator() {
    let name = name();
    as_nobody(|| drop(create::<Mutex<u64>>(&name)));
    if has_user(NOBODY) {
        let trusting = Mutex::<u64>::options().trust(65_534).open(&name).unwrap();
        let Status { set, segment, .. } = trusting.status().unwrap();
        SemaphoreSet::from_id(set).unwrap().set_owner(Some(0), None).unwrap();
        Segment::from_id(segment).unwrap().set_owner(Some(0), None).unwrap();
        assert_untrusted::<Mutex<u64>>(&name, set);
    }
}

fn segment_of<K: Kind>(object: &K) -> SharedMemory {
    Segment::from_id(object.status().unwrap().segment).unwrap().attach().unwrap()
}

fn permission_denied<K: Kind>() {
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
fn limit_reached<K: Kind>() {
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

/// The key of a name, learnt from an object that is removed again, and how many semaphores it has.
fn key_from<K: Kind>(name: &Name) -> (Key, u16) {
    let object: K = create(name);
    let status = object.status().unwrap();
    object.remove().unwrap();
    (status.key, u16::try_from(status.semaphores).unwrap())
}

/// Starts a process that dies having made the set only, and returns when it has come so far.
fn half_made<K: Kind>(name: &Name) -> Child {
    let (key, semaphores) = key_from::<K>(name);
    let creator = child(|| {
        let set = SemaphoreOptions::new().create(true).exclusive(true).open_set(key, semaphores).unwrap();
        set.set_value(0, 0).unwrap();
        hold_for_ever()
    });
    until(|| SemaphoreOptions::new().open_set(key, 0).is_ok_and(|set| set.last_pid(0).unwrap().is_some()));
    creator
}

/// A creator that died having made the set only: the next one mends it at once, since the pid is gone.
fn creator_killed<K: Kind>() {
    let name = name();
    half_made::<K>(&name).kill();
    // Longer than any test may take: patience can't be what it waits for.
    drop(K::open_or_create(&Options::new().open_timeout(Duration::from_secs(3600)), &name).unwrap());
    assert_works::<K>(&name);
}

/// C22: a creator that died, and for which its parent has not waited yet: the next one mends it at once as well.
fn case_c22_creator_is_a_zombie<K: Kind>() {
    let name = name();
    let creator = half_made::<K>(&name);
    creator.signal(Signal::SIGKILL);
    until(|| creator.is_done());
    let open_timeout = Duration::from_secs(90);
    let started = Instant::now();
    drop(K::open_or_create(&Options::new().open_timeout(open_timeout), &name).unwrap());
    assert!(started.elapsed() < open_timeout, "it waited for a process that is dead");
    creator.kill();
    assert_works::<K>(&name);
}

/// Another program's segment is left alone, and our half of the work is taken back.
fn foreign_segment<K: Kind>() {
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
fn foreign_set<K: Kind>() {
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

macro_rules! suites {
    ($($module:ident: $kind:ty;)*) => {$(
        mod $module {
            use super::*;

            suites! {
                @$kind: smoke, open_or_create_race, creator_killed, case_c22_creator_is_a_zombie,
                waiter_killed, signal_interrupts, removed_while_waiting, reopen_after_exit, wrong_type, wrong_version, foreign_segment, foreign_set,
                permission_denied, limit_reached, case_f7_exact, case_f8_errors_name_the_object,
                case_f8_a_wiped_object_is_named, case_f8_not_created, case_c2_removal_without_rights,
                case_d5_half_made_by_another_user, case_c7_a_mode_that_keeps_its_owner_out, case_c6_few_operations,
                case_c6_more_handles_than_operations, case_c4_another_namespace, case_c16_the_overflow_uid,
                case_c4_a_handle_without_membership_is_dropped, a_header_with_another_identity,
                a_header_with_other_numbers,
                case_d6_segments_that_go_with_their_last_user,
                case_c17_opening_while_others_remove, case_c18_a_slot_that_is_being_reaped, case_m3_the_owners_of_set_and_segment
            }
        }
    )*};
    (@$kind:ty: $($test:ident),*) => {$(
        #[test]
        fn $test() {
            super::$test::<$kind>();
        }
    )*};
}

suites! {
    mutex: Mutex<u64>;
    rwlock: RwLock<u64>;
    pool: Pool;
    rate_limiter: RateLimiter;
    once_lock: OnceLock<u64>;
    watch: Watch<u64>;
    barrier: Barrier;
    spsc_ring: spsc::Ring<u64>;
    mpmc_ring: mpmc::Ring<u64>;
    broadcast_ring: broadcast::Ring<u64>;
    channel: Channel;
}
