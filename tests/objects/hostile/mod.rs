//! Damaged and hostile memory: errors or wrong data, and never a crash, a hang, or a look outside.

mod uses;

use std::{
    iter,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use support::{Child, Name, child, name, own};
use sysv_ipc::{Segment, SemaphoreSet, SharedMemory};
use sysv_primitives::{Channel, Options, Permit, Pool, PoolError, RwLock, Status, TooManyPermits, Watch};

use uses::*;

const SHORT: Duration = Duration::from_millis(2);

/// An object with memory that another process overwrites.
struct Damaged {
    memory: SharedMemory,
    random: fastrand::Rng,
    case: u64,
}

impl Damaged {
    /// What is damaged, and where, follows from the number of the case.
    fn new(segment: i32, case: u64) -> Self {
        let memory = Segment::from_id(segment).unwrap().attach().unwrap();
        Self { memory, random: fastrand::Rng::with_seed(case), case }
    }

    /// Overwrites some bytes anywhere in the segment, mostly with what is likely to hurt.
    fn damage(&mut self) {
        let Self { memory, random, .. } = self;
        for _ in 0..random.usize(1..12) {
            let offset = random.usize(..memory.len());
            let bytes: Vec<u8> = match random.u8(..4) {
                0 => vec![0xff; random.usize(1..64)],
                1 => vec![0; random.usize(1..64)],
                2 => random.u32(..70).to_ne_bytes().to_vec(),
                _ => (0..random.usize(1..64)).map(|_| random.u8(..)).collect(),
            };
            memory.write_truncating(&bytes, offset).unwrap();
        }
    }

    /// Goes on as long as a process uses it.
    fn damage_until_done(&mut self, users: &[Child]) {
        while !users.iter().all(Child::is_done) {
            self.damage();
        }
    }
}

impl Drop for Damaged {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("it was case {}", self.case);
        }
    }
}

/// Damages objects at rest and in use, at both ends at once.
fn damage<T>(
    create: impl Fn(&Options<T>, &str) -> T,
    status: impl Fn(&T) -> Status,
    open: impl Fn(&Options<T>, &str) -> Vec<T>,
    use_it: impl Fn(&T),
) {
    for case in 0..150 {
        let name: Name = name();
        let options = Options::new().max_handles(4).open_timeout(SHORT);
        let object = create(&options, &name);
        let Status { set, segment, .. } = status(&object);
        // What is damaged can't be removed by its name.
        let _cleanup = (own(SemaphoreSet::from_id(set).unwrap()), own(Segment::from_id(segment).unwrap()));
        let mut damaged = Damaged::new(segment, case);
        damaged.damage();
        // In a child: a crash or a hang of it fails the test, and this process stays well.
        child(|| {
            use_it(&object);
            open(&options, &name).iter().for_each(&use_it);
        })
        .join();
        let users = [(); 2].map(|()| child(|| (0..10).for_each(|_| use_it(&object))));
        damaged.damage_until_done(&users);
        users.into_iter().for_each(Child::join);
    }
}

/// Whatever can be opened, and then made or found.
fn opened<T, E>(found: [Result<T, E>; 2]) -> Vec<T> {
    found.into_iter().flatten().collect()
}

#[test]
fn a_damaged_mutex_does_no_harm() {
    damage(
        |options, name| options.create(name, [1_u32, 2, 3]).unwrap(),
        |mutex| mutex.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, [0; 3])]),
        use_mutex,
    );
}

#[test]
fn a_damaged_broadcast_ring_does_no_harm() {
    for lagging in [false, true] {
        damage(
            |options, name| options.clone().lagging(lagging).create(name, 8).unwrap(),
            |ring| ring.status().unwrap(),
            |options, name| opened([options.open(name), options.open_or_create(name, 8)]),
            use_broadcast,
        );
    }
}

#[test]
fn a_damaged_rate_limiter_does_no_harm() {
    damage(
        |options, name| options.create(name, 10, Duration::from_millis(10)).unwrap(),
        |limiter| limiter.status().unwrap(),
        // What it says of its rate may be anything.
        |options, name| {
            drop(opened([options.open(name), options.open_or_create(name, 1, SHORT)]));
            Vec::new()
        },
        use_limiter,
    );
}

#[test]
fn a_damaged_once_lock_does_no_harm() {
    damage(
        |options, name| options.create(name).unwrap(),
        |once| once.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name)]),
        use_once,
    );
}

#[test]
fn a_damaged_watch_does_no_harm() {
    damage(
        |options, name| options.create(name, [1; 3]).unwrap(),
        |watch| watch.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, [0; 3])]),
        use_watch,
    );
}

#[test]
fn a_damaged_event_does_no_harm() {
    damage(
        |options, name| options.create(name, false).unwrap(),
        |stop| stop.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, false)]),
        use_event,
    );
}

/// Versions that no setter leaves are an error to read, and the next setting mends them.
#[test]
fn versions_that_contradict_each_other_are_mended() {
    let name = name();
    let watch = Watch::options().max_handles(4).create(&name, [1_u32; 3]).unwrap();
    let memory = Segment::from_id(watch.status().unwrap().segment).unwrap().attach().unwrap();
    // The slots end at 576, and the body begins on the next 128: `published`, `begun` and `told`.
    for (published, begun, is_damage) in
        [(4, 8, true), (4, 3, true), (u64::MAX, 7, true), (u64::MAX, 2, false), (4, 5, false)]
    {
        memory.write(&u64::to_ne_bytes(published), 640).unwrap();
        memory.write(&u64::to_ne_bytes(begun), 648).unwrap();
        assert_eq!((watch.version(), watch.get().is_err()), (published, is_damage), "{published} {begun}");
        assert_eq!(watch.wait_for_timeout(SHORT, |_| true).is_err(), is_damage);
        watch.set([2; 3]).unwrap();
        assert_eq!((watch.get().unwrap(), watch.version()), ([2; 3], published.wrapping_add(1)));
    }
}

/// A lock that names a slot without a member keeps no setter waiting.
#[test]
fn a_setter_without_a_member_is_mended() {
    let name = name();
    let watch = Watch::options().max_handles(4).create(&name, 0_u32).unwrap();
    let memory = Segment::from_id(watch.status().unwrap().segment).unwrap().attach().unwrap();
    for waits in [true, false] {
        memory.write(&4_u32.to_ne_bytes(), 640 + 128).unwrap();
        assert_eq!(watch.setter().map(|member| member.slot), Some(3));
        if waits {
            watch.set_timeout(1, support::LONG).expect("none sets it");
        } else {
            watch.try_set(1).expect("none sets it");
        }
    }
}

#[test]
fn a_damaged_barrier_does_no_harm() {
    damage(
        |options, name| options.create(name, 2).unwrap(),
        |barrier| barrier.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, 3)]),
        use_barrier,
    );
}

#[test]
fn a_damaged_rwlock_does_no_harm() {
    damage(
        |options: &Options<RwLock<_>>, name| options.create(name, [1; 3]).unwrap(),
        |lock| lock.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, [0; 3])]),
        use_rwlock,
    );
}

/// A count of a slot that has no member keeps no writer waiting.
#[test]
fn a_count_without_a_reader_is_mended() {
    let name = name();
    let lock = RwLock::options().max_handles(4).create(&name, 0_u32).unwrap();
    let memory = Segment::from_id(lock.status().unwrap().segment).unwrap().attach().unwrap();
    // The counts are the last lines before the value, which is the last.
    let first = memory.len().next_multiple_of(128) - 128 - 4 * 128;
    for (slot, word) in [(1, 0), (2, 8), (3, 0)] {
        memory.write(&7_u64.to_ne_bytes(), first + slot * 128 + word).unwrap();
        if slot == 2 {
            assert_eq!(lock.readers().len(), 2, "they are the counts");
            drop(lock.write_timeout(support::LONG).expect("none reads"));
        }
    }
    drop(lock.try_write().expect("none reads"));
}

/// A lock that names a slot without a member keeps no reader waiting, and poisons nothing.
#[test]
fn a_gate_without_a_writer_is_mended() {
    let name = name();
    let lock = RwLock::options().max_handles(4).create(&name, 0_u32).unwrap();
    let memory = Segment::from_id(lock.status().unwrap().segment).unwrap().attach().unwrap();
    for waits in [true, false] {
        // The slots end at 576, and the body begins on the next 128.
        memory.write(&4_u32.to_ne_bytes(), 640).unwrap();
        assert_eq!(lock.writer().map(|member| member.slot), Some(3));
        if waits {
            drop(lock.read_timeout(support::LONG).expect("none writes"));
        } else {
            drop(lock.try_read().expect("none writes"));
        }
    }
}

#[test]
fn a_damaged_pool_does_no_harm() {
    damage(
        |options, name| options.clone().capacity(5).create(name, 3).unwrap(),
        |pool| pool.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, 3)]),
        use_pool,
    );
}

#[test]
fn a_damaged_spsc_ring_does_no_harm() {
    damage(
        |options, name| options.create(name, 8).unwrap(),
        |ring| ring.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, 8)]),
        use_spsc,
    );
}

#[test]
fn a_damaged_mpmc_ring_does_no_harm() {
    damage(
        |options, name| options.create(name, 8).unwrap(),
        |ring| ring.status().unwrap(),
        |options, name| opened([options.open(name), options.open_or_create(name, 8)]),
        use_mpmc,
    );
}

#[test]
fn a_damaged_channel_does_no_harm() {
    let sized = |options: &Options<Channel>| options.clone().max_message_size(10_000);
    damage(
        |options, name| sized(options).create(name).unwrap(),
        |channel| channel.status().unwrap(),
        |options, name| opened([options.open(name), sized(options).open_or_create(name)]),
        use_channel,
    );
}

/// Another process damages the limit: it is cut to the capacity, for handles that were open and for new ones.
#[test]
fn case_m8_a_limit_beyond_the_capacity() {
    const CAPACITY: u32 = 5;
    for limit in [CAPACITY + 1, 64, 1 << 24, u32::MAX] {
        let name = name();
        let old = Pool::options().capacity(CAPACITY).create(&name, 3).unwrap();
        let segment = old.status().unwrap().segment;
        child(|| {
            let memory = Segment::from_id(segment).unwrap().attach().unwrap();
            // Behind the header and 64 slots.
            let body = (512 + 64 * 16_usize).next_multiple_of(128);
            let word: &AtomicU32 = memory.view(body + 256).unwrap();
            assert_eq!(word.swap(limit, SeqCst), 3, "it is the limit");
        })
        .join();
        let new = Pool::open(&name).unwrap();
        for pool in [&old, &new] {
            let held: Vec<_> = iter::from_fn(|| pool.try_acquire().ok()).take(100).collect();
            let mut indices: Vec<_> = held.iter().map(Permit::index).collect();
            indices.sort_unstable();
            assert_eq!(indices, [0, 1, 2, 3, 4]);
            drop(held);
            assert_eq!((pool.permits(), pool.available(), pool.capacity()), (5, 5, 5));
            let too_many = pool.try_acquire_many(CAPACITY + 1);
            assert!(matches!(too_many, Err(PoolError::TooMany(TooManyPermits { limit: 5, capacity: 5, .. }))));
            assert_eq!(pool.try_acquire_many(CAPACITY).unwrap().indices(), [0, 1, 2, 3, 4]);
        }
        old.resize(2).unwrap();
        assert_eq!((new.permits(), new.available()), (2, 2));
    }
}
