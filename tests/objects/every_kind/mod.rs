//! What holds for every kind of named object, shown for each in the same words.

mod kinds;
mod lives;
mod refused;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod woken;

use std::{
    sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst},
    time::{Duration, Instant},
};

use kinds::{Kind, Wait};
use lives::*;
use nix::sys::signal::{SigHandler, Signal};
use refused::*;
use support::{Child, NOBODY, Name, as_nobody, child, has_user, hold_for_ever, install, memory, name, until};
use sysv_ipc::{Key, Segment, SemaphoreOptions, SemaphoreSet, SharedMemory};
use sysv_primitives::{
    Barrier, Channel, Error, Mutex, OnceLock, OpenError, Options, Pool, RateLimiter, RwLock, Status, Watch, broadcast,
    mpmc, spsc,
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
