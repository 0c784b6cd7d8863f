//! A report disturbs no process: nothing is posted, taken, registered or left attached.

use support::{Waiters, child, name, until_rings};
use sysv_ipc::{Segment, SemaphoreSet};
use sysv_primitives::{Channel, Mutex, Pool, RwLock, Status, Watch, broadcast, inspect, mpmc, spsc};

/// All that the kernel tells of a set: each value, the last process, the sleepers, and the times.
fn kernel_state(set: &SemaphoreSet) -> Vec<String> {
    let of_semaphore = |index| {
        format!(
            "{} {:?} {} {}",
            set.value(index).unwrap(),
            set.last_pid(index).unwrap(),
            set.waiting_for_nonzero(index).unwrap(),
            set.waiting_for_zero(index).unwrap()
        )
    };
    let mut all: Vec<String> = (0..set.len().unwrap()).map(of_semaphore).collect();
    all.push(format!("{:?}", set.stat().unwrap()));
    all
}

/// Inspects from another process, in every way, and compares what it finds before and afterwards.
fn check(status: &Status) {
    let set = SemaphoreSet::from_id(status.set).unwrap();
    let segment = Segment::from_id(status.segment).unwrap();
    let memory = || segment.attach_read_only().unwrap().read(0, 0).unwrap();
    let before = (kernel_state(&set), memory(), segment.stat().unwrap().attached);
    child(|| {
        for _ in 0..20 {
            assert_eq!(inspect::named(&status.name).unwrap().len(), 1);
        }
        assert!(inspect::objects().unwrap().iter().any(|report| report.name.as_ref() == Some(&status.name)));
        let _ = inspect::waiting_processes();
        let _ = inspect::why(std::process::id()).unwrap();
        let verdicts = inspect::Clean::new().name(&status.name).remove().unwrap();
        assert_eq!(verdicts[0].decision, inspect::Decision::Keep, "a member lives");
        // The one semop that decides, without the look before it: it is refused.
    })
    .join();
    let stat = segment.stat().unwrap();
    assert_eq!(before.0, kernel_state(&set));
    assert!(before.1 == memory(), "not one byte");
    // Other tests of this program may have forked meanwhile, or ended: only the set and the bytes are this test's own.
    assert!(stat.attached >= 1);
}

#[test]
fn a_lock_with_a_waiter() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let guard = mutex.lock().unwrap();
    let waiter = child(|| drop(Mutex::<u64>::open(&name).unwrap().lock()));
    until_rings(mutex.status().unwrap().set, Waiters::OF_MUTEX);
    waiter.until_asleep();
    check(&mutex.status().unwrap());
    drop(guard);
    waiter.join();
}

#[test]
fn an_rwlock_a_pool_and_rings() {
    let names = [name(), name(), name(), name()];
    let lock = RwLock::create(&names[0], 0_u64).unwrap();
    let reading = lock.read().unwrap();
    check(&lock.status().unwrap());
    drop(reading);
    let pool = Pool::create(&names[1], 100).unwrap();
    let permits = pool.acquire_many(50).unwrap();
    check(&pool.status().unwrap());
    drop(permits);
    let ring = spsc::Ring::<u64>::create(&names[2], 100).unwrap();
    ring.producer().unwrap().push(1).unwrap();
    check(&ring.status().unwrap());
    let ring = mpmc::Ring::<u64>::create(&names[3], 100).unwrap();
    ring.producer().unwrap().push(1).unwrap();
    let consumer = ring.consumer().unwrap();
    let claimed = consumer.claim().unwrap();
    check(&ring.status().unwrap());
    drop(claimed);
}

#[test]
fn a_watch_and_a_broadcast_ring_with_waiters() {
    let names = [name(), name()];
    let watch = Watch::create(&names[0], 0_u64).unwrap();
    let writer = watch.writer().unwrap();
    let waiter = child(|| drop(Watch::<u64>::open(&names[0]).unwrap().wait_for(|value| *value == 1)));
    until_rings(watch.status().unwrap().set, Waiters::FOR_CHANGE);
    waiter.until_asleep();
    check(&watch.status().unwrap());
    watch.set(1).unwrap();
    waiter.join();
    drop(writer);

    let ring = broadcast::Ring::<u64>::create(&names[1], 4).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    let waiter = child(|| drop(broadcast::Ring::<u64>::open(&names[1]).unwrap().subscriber().unwrap().pop()));
    until_rings(ring.status().unwrap().set, Waiters::FOR_NEXT);
    waiter.until_asleep();
    check(&ring.status().unwrap());
    producer.push(1).unwrap();
    waiter.join();
    assert_eq!(subscriber.pop().unwrap(), 1);
}

#[test]
fn a_channel_with_messages_and_a_receiver() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let receiver = child(|| drop(Channel::open(&name).unwrap().recv_raw(sysv_primitives::Route::new(5))));
    until_rings(channel.status().unwrap().set, Waiters::FOR_MESSAGES);
    receiver.until_asleep();
    channel.send_raw(sysv_primitives::Route::new(6), &[7; 3000]).unwrap();
    check(&channel.status().unwrap());
    channel.send_raw(sysv_primitives::Route::new(5), b"go").unwrap();
    receiver.join();
}

/// An object with room for one member is inspected while that member has it.
#[test]
fn no_slot_is_taken() {
    let name = name();
    let mutex = Mutex::options().max_handles(1).create(&name, 0_u64).unwrap();
    assert!(Mutex::<u64>::options().open_timeout(std::time::Duration::ZERO).open(&name).is_err(), "it is full");
    let found = crate::report(&name);
    assert_eq!(found.members.len(), 1);
    assert_eq!(mutex.members().unwrap().len(), 1);
}
