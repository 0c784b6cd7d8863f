//! How far an object is, also where it is half made, half removed, damaged, hidden, or no object at all.

use support::{
    KeyGuard, NOBODY, Name, alone, as_user, child, has_user, hold_for_ever, in_own_namespace, memory, name, own,
    semaphores, until,
};
use sysv_ipc::{Amount, Key, Segment, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemoryOptions};
use sysv_primitives::{
    Channel, Mutex, Pool,
    inspect::{self, Kind, Report, State},
};

use crate::report;

/// Where the header has the version, the number of slots, and the identity.
const VERSION: usize = 8;
const MAX_HANDLES: usize = 24;
const IDENTITY: usize = 32;

/// Makes a mutex and removes it again: its key is free, and known.
fn key_of(name: &Name) -> Key {
    let mutex = Mutex::create(name, 0_u64).unwrap();
    let key = mutex.status().unwrap().key;
    mutex.remove().unwrap();
    key
}

fn of_id(segment: i32) -> Report {
    let reports = inspect::objects().unwrap();
    let is_it = |report: &&Report| report.segment.as_ref().is_some_and(|part| part.id == segment);
    reports.iter().find(is_it).cloned().expect("it is listed")
}

#[test]
fn half_made_objects_are_known_by_their_key() {
    let name = name();
    let key = key_of(&name);
    let _guard = KeyGuard::new(key);
    assert_eq!(inspect::named(&name).unwrap(), []);
    // As a creator that died having made its set.
    let set = own(SemaphoreOptions::new().create(true).exclusive(true).initial_value(0).open_set(key, 195).unwrap());
    let found = report(&name);
    assert_eq!((found.state, found.kind, found.name.as_deref()), (State::Unfinished, Kind::Mutex, Some(&*name)));
    // Or its segment as well.
    let segment = own(SharedMemoryOptions::new().create(true).exclusive(true).size(8192).open(key).unwrap());
    let found = report(&name);
    assert_eq!((found.state, found.segment.map(|part| part.id)), (State::Unfinished, Some(segment.id())));
    // As a remover that died having condemned.
    set.op(&[SemOp::add(1, Amount::new(0x5356).unwrap())]).unwrap();
    assert_eq!(report(&name).state, State::Condemned);
}

#[test]
fn a_condemned_object_with_its_segment_is_condemned() {
    let name = name();
    let pool = Pool::create(&name, 1).unwrap();
    let status = pool.status().unwrap();
    let set = SemaphoreSet::from_id(status.set).unwrap();
    let identity = Amount::new(set.value(1).unwrap()).unwrap();
    set.op(&[SemOp::sub(1, identity), SemOp::add(1, Amount::new(0x5356).unwrap())]).unwrap();
    let found = report(&name);
    assert_eq!((found.state, found.kind, found.members.len()), (State::Condemned, Kind::Pool, 1));
}

#[test]
fn an_object_that_lost_a_part_is_wiped() {
    // Other tests fork children of this program, which inherit what it has attached, and other reports attach it for a moment.
    in_own_namespace(|| {
        let names = [name(), name()];
        let first = Mutex::create(&names[0], 0_u64).unwrap();
        // What is left can't be removed by its name.
        let _first = KeyGuard::new(first.status().unwrap().key);
        SemaphoreSet::from_id(first.status().unwrap().set).unwrap().remove().unwrap();
        let found = report(&names[0]);
        assert_eq!((found.state, found.set.is_none(), found.segment.is_some()), (State::Wiped, true, true));

        let second = Mutex::create(&names[1], 0_u64).unwrap();
        let _second = KeyGuard::new(second.status().unwrap().key);
        let segment = second.status().unwrap().segment;
        Segment::from_id(segment).unwrap().remove().unwrap();
        let reports = inspect::named(&names[1]).unwrap();
        // Its segment is still attached, so its header tells of it.
        assert!(reports.iter().all(|report| report.state == State::RemovedButAttached), "{reports:?}");
        assert_eq!(reports[0].set.as_ref().map(|part| part.id), Some(second.status().unwrap().set));
        drop(second);
        let found = report(&names[1]);
        assert_eq!((found.state, found.kind, found.segment.is_none()), (State::Wiped, Kind::Mutex, true));
    });
}

#[test]
fn a_removed_object_is_shown_as_long_as_it_is_attached() {
    // Other tests fork children of this program, which inherit what it has attached, and other reports attach it for a moment.
    in_own_namespace(|| {
        let name = name();
        let channel = Channel::create(&name).unwrap();
        let segment = channel.status().unwrap().segment;
        channel.remove().unwrap();
        let found = report(&name);
        assert_eq!((found.state, found.segment.as_ref().unwrap().id), (State::RemovedButAttached, segment));
        drop(channel);
        assert_eq!(inspect::named(&name).unwrap(), []);
    });
}

#[test]
fn other_versions_and_damaged_headers_are_recognised() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let memory = Segment::from_id(mutex.status().unwrap().segment).unwrap().attach().unwrap();
    let with = |offset: usize, value: u32| {
        let before = memory.read(4, offset).unwrap();
        memory.write(&value.to_ne_bytes(), offset).unwrap();
        let found = report(&name);
        memory.write(&before, offset).unwrap();
        found
    };
    let other = with(VERSION, 99);
    assert_eq!((other.state, other.version, other.name.as_deref()), (State::OtherVersion, Some(99), Some(&*name)));
    assert_eq!(with(IDENTITY, 7).state, State::Damaged);
    assert_eq!(with(MAX_HANDLES, 63).state, State::Damaged);
    assert_eq!(with(MAX_HANDLES, u32::MAX).state, State::Damaged);
    assert_eq!(report(&name).state, State::Live, "it is whole again");
}

#[test]
fn other_programs_objects_are_foreign() {
    let (set, segment) = (semaphores(5), memory(5000));
    let found = of_id(segment.id());
    assert_eq!((found.kind, found.state, found.segment.unwrap().bytes), (Kind::SharedMemory, State::Foreign, 5000));
    let reports = inspect::objects().unwrap();
    let found = reports.iter().find(|report| report.set.as_ref().is_some_and(|part| part.id == set.id())).unwrap();
    assert_eq!((found.kind, found.state, found.name.as_deref()), (Kind::SemaphoreSet, State::Foreign, None));
    assert_eq!(found.set.as_ref().unwrap().sleepers, Some(0));
    let sleeper = child(|| drop(set.op(&[SemOp::sub(2, Amount::ONE)])));
    until(|| set.waiting_for_nonzero(2).unwrap() == 1);
    let reports = inspect::objects().unwrap();
    let found = reports.iter().find(|report| report.set.as_ref().is_some_and(|part| part.id == set.id())).unwrap();
    assert_eq!(found.set.as_ref().unwrap().sleepers, Some(1));
    drop(sleeper);
}

/// The kernel lists it for every user, and says no more.
#[test]
fn what_may_not_be_read_is_hidden() {
    if !has_user(NOBODY) {
        return;
    }
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let status = mutex.status().unwrap();
    as_user(NOBODY, || {
        let reports = inspect::named(&name).unwrap();
        assert_eq!(reports.len(), 2, "nothing says that the parts belong together: {reports:?}");
        for report in &reports {
            assert_eq!((report.state, report.key), (State::Hidden, status.key.get()));
            assert!(report.why.as_ref().is_some_and(|why| why.contains("ermission")), "{report:?}");
        }
        let segment = reports.iter().find_map(|report| report.segment.as_ref()).unwrap();
        assert_eq!((segment.id, segment.access.mode), (status.segment, 0o600));
    });
}

/// A name may be anything, and a header may hold one that no object can have.
#[test]
fn names_are_fit_to_be_shown() {
    assert_eq!(inspect::named("").unwrap(), []);
    assert_eq!(inspect::named("a\0b").unwrap(), []);
    let name = name();
    let odd = format!("{}\u{1b}[2J", &*name);
    alone(|| {
        let mutex = Mutex::options().remove_on_drop(true).create(&odd, 0_u64).unwrap();
        let found = report(&odd);
        assert_eq!(found.name.as_deref(), Some(odd.replace('\u{1b}', "\u{fffd}").as_str()));
        drop(mutex);
    });
}

#[test]
fn a_member_of_a_killed_process_is_told_from_a_living_one() {
    let name = name();
    let pool = Pool::create(&name, 3).unwrap();
    let living = child(|| {
        let _pool = Pool::open(&name).unwrap();
        hold_for_ever();
    });
    until(|| report(&name).members.len() == 2);
    let killed = child(|| {
        let _pool = Pool::open(&name).unwrap();
        hold_for_ever();
    });
    until(|| report(&name).members.len() == 3);
    let pid = killed.id();
    killed.kill();
    let found = report(&name);
    assert_eq!(found.dead.iter().map(|member| member.pid).collect::<Vec<_>>(), [pid]);
    assert!(found.members.iter().any(|member| member.pid == living.id()));
    assert_eq!(found.members.len(), 2);
    drop(pool);
}
