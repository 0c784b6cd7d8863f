//! Named objects: what opening and creating find, and what they cost. What holds for every kind is in `every_kind`.

use std::time::Duration;

use support::{Child, Name, alone, child, name, own};
use sysv_ipc::{Amount, Key, Segment, SemOp, SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::{Error, Failure, LockError, Mutex, OpenError, Pool};

/// The key of a name, learnt from an object that is removed again.
fn key_from(name: &Name) -> Key {
    let mutex = Mutex::create(name, ()).unwrap();
    let key = mutex.status().unwrap().key;
    mutex.remove().unwrap();
    key
}

/// One set and one segment. Their sizes are said.
#[test]
fn what_a_name_costs() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let status = mutex.status().unwrap();
    assert_eq!(status.name, *name);
    assert_eq!(status.semaphores, 3 + (2 + 2) * 64);
    println!("a mutex: {} semaphores, {} bytes", status.semaphores, status.bytes);
    assert!(status.bytes < 8192);
    let pool = Pool::create(&name, 16).unwrap();
    let status = pool.status().unwrap();
    println!("a pool of 16: {} semaphores, {} bytes", status.semaphores, status.bytes);
    assert_eq!(status.semaphores, 3 + (2 + 2) * 64);
    assert_eq!(Segment::from_id(status.segment).unwrap().stat().unwrap().size, status.bytes);
}

#[test]
fn bad_names() {
    assert!(matches!(Mutex::create("", ()), Err(OpenError::BadName { .. })));
    assert!(matches!(Mutex::create(&"x".repeat(256), ()), Err(OpenError::BadName { .. })));
    let name = name();
    assert!(matches!(Mutex::<()>::open(&name), Err(OpenError::NoSuchName { .. })));
    assert!(matches!(Mutex::<()>::unlink(&name), Err(OpenError::NoSuchName { .. })));
}

/// A creator that is only slow is condemned when patience is over, and finds out.
#[test]
fn creator_is_slow() {
    let name = name();
    let key = key_from(&name);
    let set = SemaphoreOptions::new().create(true).exclusive(true).open_set(key, 67).unwrap();
    set.set_value(0, 0).unwrap();
    let segment = SharedMemoryOptions::new().create(true).size(2000).open(key).unwrap();
    let impatient = Mutex::options().open_timeout(Duration::from_millis(50));
    let mutex = impatient.open_or_create(&name, 4_u8).unwrap();
    assert_eq!(*mutex.lock().unwrap(), 4);
    // What the slow one would do next fails.
    let publish = set.op(&[SemOp::zero(1).no_wait(), SemOp::add(1, Amount::ONE)]);
    assert!(publish.is_err_and(|error| error.is_gone()));
    assert!(segment.stat().unwrap().marked_removed, "the blank segment was in the way");
}

/// The semaphores are wiped while a process still uses the memory: no process gets a second lock of that name.
#[test]
fn wiped_under_living_users() {
    alone(wipe_under_living_users);
}

fn wipe_under_living_users() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let guard = mutex.lock().unwrap();
    let status = mutex.status().unwrap();
    let waiter = child(|| {
        let mutex = Mutex::<u8>::open(&name).unwrap();
        let error = mutex.lock().map(drop).unwrap_err();
        assert!(Error::from(error).is_gone());
    });
    waiter.until_asleep();
    sysv_ipc::remove_semaphore(status.set).unwrap();
    waiter.join();
    let error = Mutex::open_or_create(&name, 0_u8).unwrap_err();
    assert!(matches!(error, OpenError::Wiped { users: 1, .. }), "{error}");
    assert!(matches!(Mutex::<u8>::open(&name), Err(OpenError::NoSuchName { .. })));
    drop(guard);
    drop(mutex);
    let renewed = Mutex::open_or_create(&name, 9_u8).unwrap();
    assert_eq!(*renewed.lock().unwrap(), 9);
}

/// The segment was removed and no member is registered: the object heals. While a member is, it is corrupt.
#[test]
fn the_segment_is_gone() {
    let name = name();
    let mutex = Mutex::create(&name, 1_u8).unwrap();
    let status = mutex.status().unwrap();
    sysv_ipc::remove_shared_memory(status.segment).unwrap();
    let error = Mutex::open_or_create(&name, 2_u8).unwrap_err();
    assert!(matches!(error, OpenError::Failed(Failure::Damaged { part: "its segment", .. })), "{error}");
    drop(mutex);
    let healed = Mutex::open_or_create(&name, 2_u8).unwrap();
    assert_eq!(*healed.lock().unwrap(), 2);
}

/// Another program's set is as large as one of ours, and has no segment: without our mark it is left alone.
#[test]
fn another_programs_set_of_the_same_size() {
    let name = name();
    let mutex = Mutex::create(&name, 4_u8).unwrap();
    let status = mutex.status().unwrap();
    mutex.remove().unwrap();
    let len = u16::try_from(status.semaphores).unwrap();
    let set = own(SemaphoreOptions::new().create(true).exclusive(true).open_set(status.key, len).unwrap());
    set.op(&[SemOp::add(1, Amount::ONE)]).unwrap();
    let refused = Mutex::open_or_create(&name, 4_u8).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    assert_eq!(set.value(1).unwrap(), 1);
}

/// Another name with the same key is refused, and says both names.
#[test]
fn name_collision() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let segment = Segment::from_id(mutex.status().unwrap().segment).unwrap().attach().unwrap();
    let at = segment.read(0, 0).unwrap().windows(4).position(|four| four == b"test").unwrap();
    segment.write(b"best", at).unwrap();
    let error = Mutex::<u8>::open(&name).unwrap_err();
    let OpenError::NameCollision { found, .. } = &error else { panic!("{error}") };
    assert!(found.starts_with("best-"));
    mutex.remove().unwrap();
}

/// Opens or makes a mutex, mends it if its holder was killed, and counts in it.
fn race(name: &str) {
    let options = Mutex::options().max_handles(100).open_timeout(Duration::from_millis(200));
    let mutex = options.open_or_create(name, [7_u32, 0]).unwrap();
    let mut guard = match mutex.lock() {
        Ok(guard) => guard,
        Err(LockError::Poisoned { .. }) => {
            let guard = mutex.ignore_poison().lock().unwrap();
            mutex.clear_poison();
            guard
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(guard[0], 7, "seen before it was complete");
    guard[1] += 1;
}

/// Sixty-four processes race for one name, and every fourth is killed on the way: one object, never half of one.
#[test]
fn a_race_of_many_with_kills() {
    let mut killed = 0;
    for _ in 0..5 {
        let name = name();
        let (mut survivors, mut dead) = (Vec::new(), 0);
        for _ in 0..16 {
            survivors.extend((0..3).map(|_| child(|| race(&name))));
            let victim = child(|| race(&name));
            // Some before they have done anything, some at their end.
            (0..fastrand::u32(..10_000)).for_each(|_| std::hint::spin_loop());
            dead += u32::from(victim.kill_unless_done());
        }
        survivors.into_iter().for_each(Child::join);
        let mutex = Mutex::<[u32; 2]>::open(&name).unwrap();
        let count = mutex.ignore_poison().lock().unwrap()[1];
        // One that was killed may have counted before.
        assert!((64 - dead..=64).contains(&count), "{count} of 64 with {dead} killed");
        killed += dead;
    }
    println!("{killed} of 80 victims were killed on their way");
    assert!(killed > 8, "{killed} of 80 victims were killed on their way");
}

/// Opening an existing name costs a handful of system calls. Locking and unlocking cost none.
#[test]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn system_calls_are_counted() {
    use support::step::{Victim, mark};
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let nothing = Victim::start(|| {
        mark();
        mark();
    });
    let marks = nothing.count_calls();
    let opening = Victim::start(|| {
        // The process's own start time is read once.
        drop(Mutex::<u64>::open(&name).unwrap());
        mark();
        let _mutex = Mutex::<u64>::open(&name).unwrap();
        mark();
    });
    let opening = opening.count_calls() - marks;
    let locking = Victim::start(|| {
        let mutex = Mutex::<u64>::open(&name).unwrap();
        mark();
        (0..100).for_each(|_| *mutex.lock().unwrap() += 1);
        mark();
    });
    let locking = locking.count_calls() - marks;
    println!("open: {opening} system calls; 100 locks and unlocks: {locking}");
    assert!(opening <= 14, "{opening}");
    assert_eq!(locking, 0);
}
