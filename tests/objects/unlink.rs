//! Removing by name: the named object goes, and nothing else does.

use std::time::Duration;

use support::{Name, child, name, own};
use sysv_ipc::{Amount, Key, Segment, SemOp, SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::{Channel, Mutex, OpenError, Pool, mpmc, spsc};

fn key_of(name: &Name) -> Key {
    let mutex = Mutex::create(name, ()).unwrap();
    let key = mutex.status().unwrap().key;
    mutex.remove().unwrap();
    key
}

fn is_unknown(removed: Result<(), OpenError>) -> bool {
    matches!(removed, Err(OpenError::NoSuchName { .. }))
}

#[test]
fn every_kind() {
    let name = name();
    let status = [
        Mutex::create(&name, 0_u8).unwrap().status().unwrap(),
        Pool::create(&name, 1).unwrap().status().unwrap(),
        spsc::Ring::<u8>::create(&name, 1).unwrap().status().unwrap(),
        mpmc::Ring::<u8>::create(&name, 1).unwrap().status().unwrap(),
        Channel::create(&name).unwrap().status().unwrap(),
    ];
    type Remove = fn(&str) -> Result<(), OpenError>;
    let removes: [Remove; 5] =
        [Mutex::<u8>::unlink, Pool::unlink, spsc::Ring::<u8>::unlink, mpmc::Ring::<u8>::unlink, Channel::unlink];
    for (remove, status) in removes.into_iter().zip(status) {
        remove(&name).unwrap();
        // A child of another test may have it attached for a moment.
        let segment = Segment::from_id(status.segment).and_then(|segment| segment.stat());
        assert!(segment.is_ok_and(|stat| stat.marked_removed) || Segment::from_id(status.segment).is_err());
        assert!(sysv_ipc::SemaphoreSet::from_id(status.set).is_err());
        assert!(is_unknown(remove(&name)));
    }
}

/// It need not know the type, and users don't keep it: they learn of it.
#[test]
fn of_any_type_and_in_use() {
    let name = name();
    let mutex = Mutex::create(&name, [7_u64; 9]).unwrap();
    let _guard = mutex.lock().unwrap();
    let waiter = child(|| {
        let mutex = Mutex::<[u64; 9]>::open(&name).unwrap();
        assert!(mutex.lock().map(drop).is_err_and(|error| error.is_gone()));
    });
    waiter.until_asleep();
    Mutex::<()>::unlink(&name).unwrap();
    waiter.join();
}

/// Another name has the same key: its object stays.
#[test]
fn of_another_name() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let segment = Segment::from_id(mutex.status().unwrap().segment).unwrap().attach().unwrap();
    let at = segment.read(0, 0).unwrap().windows(4).position(|four| four == b"test").unwrap();
    segment.write(b"best", at).unwrap();
    let removed = Mutex::<u8>::unlink(&name);
    *mutex.lock().unwrap() += 1;
    segment.write(b"test", at).unwrap();
    assert!(matches!(removed, Err(OpenError::NameCollision { .. })), "{removed:?}");
    assert_eq!(*Mutex::<u8>::open(&name).unwrap().lock().unwrap(), 1);
}

/// Another program has the key: what it has stays, whatever its semaphores are.
#[test]
fn of_another_program() {
    let name = name();
    let key = key_of(&name);
    let segment = own(SharedMemoryOptions::new().create(true).size(4096).init_character(b'?').open(key).unwrap());
    assert!(is_unknown(Mutex::<u8>::unlink(&name)), "there is no set");
    // As many as a mutex has, too, and with what live and condemned ones have where ours say so.
    let like_ours = |state| [&[0, state][..], &[0; 65]].concat();
    for values in [&[1][..], &[0, 0, 0], &[0, 3, 0], &[5, 1, 9], &like_ours(1), &like_ours(2), &like_ours(3)] {
        let count = u16::try_from(values.len()).unwrap();
        let set = own(SemaphoreOptions::new().create(true).exclusive(true).open_set(key, count).unwrap());
        assert!(is_unknown(Mutex::<u8>::unlink(&name)), "it could be under construction");
        set.set_values(values).unwrap();
        set.op(&[SemOp::add(0, Amount::ONE)]).unwrap();
        let removed = Mutex::<u8>::unlink(&name);
        assert!(matches!(removed, Err(OpenError::Foreign { .. })), "{values:?}: {removed:?}");
        let opened = Mutex::<u8>::open(&name);
        assert!(matches!(opened, Err(OpenError::Foreign { .. })), "{values:?}: {opened:?}");
        assert_eq!(set.len().unwrap(), values.len());
    }
    assert_eq!(segment.read(1, 4095).unwrap(), b"?");
}

/// Another program's set that no process has operated on yet, and that can't be one under construction: refused at
/// once.
#[test]
fn of_another_program_that_only_sets_values() {
    let name = name();
    let set = own(SemaphoreOptions::new().create(true).open_set(key_of(&name), 3).unwrap());
    set.set_value(1, 7).unwrap();
    let impatient = Mutex::options().open_timeout(Duration::ZERO);
    let opened = impatient.open_or_create(&name, 0_u8);
    assert!(matches!(opened, Err(OpenError::Foreign { .. })), "{opened:?}");
    assert_eq!(set.values().unwrap(), [0, 7, 0]);
}

/// A creator that was condemned because it was slow, and goes on before its object was finished: the name is not stuck.
#[test]
fn of_a_slow_creator() {
    let name = name();
    let key = key_of(&name);
    let set = SemaphoreOptions::new().create(true).exclusive(true).open_set(key, 67).unwrap();
    // What an opener does that is killed then, and what the creator does next.
    set.op(&[SemOp::zero(1).no_wait(), SemOp::add(1, Amount::new(0x5356).unwrap())]).unwrap();
    set.set_value(0, 0).unwrap();
    let mutex = Mutex::open_or_create(&name, 6_u8).unwrap();
    assert_eq!(*mutex.lock().unwrap(), 6);
}

/// An object that goes with its handle stays if a forked child drops that.
#[test]
fn not_by_a_child() {
    let name = name();
    let mutex = Mutex::options().remove_on_drop(true).create(&name, 5_u8).unwrap();
    let inherited = &mutex;
    child(|| {
        // SAFETY: the child leaves without running destructors, so this is its only drop.
        #[allow(unsafe_code, reason = "a handle is dropped in a child")]
        drop(unsafe { std::ptr::read(inherited) });
    })
    .join();
    assert_eq!(*Mutex::<u8>::open(&name).unwrap().lock().unwrap(), 5);
    drop(mutex);
    assert!(matches!(Mutex::<u8>::open(&name), Err(OpenError::NoSuchName { .. })));
}
