//! Damaged and hostile memory: errors or wrong data, and never a crash, a hang, or a look outside.

use std::{
    iter,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use support::{Child, Name, child, name, own};
use sysv_ipc::{Segment, SemaphoreSet, SharedMemory};
use sysv_primitives::{
    Barrier, Channel, Mutex, MutexGuard, OnceLock, Options, Permit, Pool, PoolError, RateLimiter, Request, Role,
    Router, RwLock, RwLockWriteGuard, Status, TooManyPermits, Watch, broadcast, messages, mpmc, spsc,
};

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

/// Everything that a user may do, within a bounded time.
fn use_mutex(mutex: &Mutex<[u32; 3]>) {
    let _ = mutex.try_lock().map(|mut guard| guard[2] = guard[2].wrapping_add(1));
    let _ = mutex.lock_timeout(SHORT).map(|mut guard| guard[1] = guard[1].wrapping_add(1));
    let never =
        |guard: MutexGuard<'_, [u32; 3]>| guard.wait_while_timeout(SHORT, |_| true).map(|(mut guard, _)| guard[0] = 1);
    let _ = mutex.lock_timeout(SHORT).and_then(never);
    let once = |guard: MutexGuard<'_, [u32; 3]>| {
        let mut checks = 0..2;
        guard.wait_while_timeout(SHORT, |_| checks.next().is_some()).map(drop)
    };
    let _ = mutex.ignore_poison().lock_timeout(SHORT).and_then(once);
    let _ = (mutex.holder(), mutex.is_poisoned(), mutex.members(), mutex.status());
    mutex.clear_poison();
}

fn use_rwlock(lock: &RwLock<[u32; 3]>) {
    let _ = lock.try_read().map(|guard| guard[2]);
    let _ = lock.read_timeout(SHORT).map(|guard| (guard[1], lock.read_timeout(SHORT).map(drop)));
    let _ = lock.try_write().map(|mut guard| guard[2] = guard[2].wrapping_add(1));
    let _ = lock.write_timeout(SHORT).map(|mut guard| {
        guard[1] = guard[1].wrapping_add(1);
        RwLockWriteGuard::downgrade(guard)[1]
    });
    let _ = (lock.writer(), lock.readers(), lock.is_poisoned(), lock.members(), lock.status());
    lock.clear_poison();
}

fn use_pool(pool: &Pool) {
    let capacity = pool.capacity();
    let is_there = |index: usize| assert!(index < capacity, "permit {index} of {capacity}");
    let _ = pool.try_acquire().map(|permit| is_there(permit.index()));
    let _ = pool.acquire_timeout(SHORT).map(|permit| is_there(permit.index()));
    for many in [pool.try_acquire_many(2), pool.acquire_many_timeout(2, SHORT)].into_iter().flatten() {
        assert_eq!(many.indices().len(), 2);
        many.indices().iter().for_each(|&index| is_there(index));
    }
    pool.holders().iter().for_each(|&(index, _)| is_there(index));
    assert!(pool.available() <= capacity && pool.permits() <= capacity, "more than there can be");
    let _ = (pool.acquire_many_timeout(3, SHORT), pool.members());
    let _ = pool.resize(2);
}

fn use_limiter(limiter: &RateLimiter) {
    let most = limiter.burst();
    for count in [0, 1, most] {
        let _ = (limiter.try_acquire(count), limiter.acquire_timeout(count, SHORT));
        assert!(limiter.time_until(count).unwrap() <= Duration::from_secs(60), "longer than the window");
    }
    assert!(limiter.available() <= most && limiter.acquire(most.saturating_add(1)).is_err());
    let _ = (limiter.members(), limiter.status());
}

fn use_once(once: &OnceLock<[u32; 3]>) {
    let _ = (once.get().copied(), once.try_set([1; 3]), once.wait_timeout(SHORT).copied());
    let _ = (once.set_timeout([2; 3], SHORT), once.get_or_init_timeout(SHORT, || [3; 3]).copied());
    let _ = (once.initialiser(), once.members(), once.status());
}

fn use_watch(watch: &Watch<[u32; 3]>) {
    let mut watcher = watch.watcher();
    watcher.detect_disconnect(true);
    let _ = (watch.get(), watch.get_into(&mut [0; 3]), watch.try_set([1; 3]), watch.set_timeout([2; 3], SHORT));
    let _ = (watcher.try_changed(), watcher.changed_timeout(SHORT), watcher.get(), watcher.has_changed());
    let _ = watch.update_timeout(SHORT, |value| value[0] = value[0].wrapping_add(1));
    let _ = watcher.wait_for_timeout(SHORT, |value| value[1] == 5);
    let _writer = watch.writer();
    let _ = (watch.writers(), watch.setter(), watch.version(), watch.members(), watch.status());
}

/// A flag, and a value with bits that are none.
fn use_event(stop: &Watch<bool>) {
    let _ = (stop.get(), stop.wait_for_timeout(SHORT, |stop| *stop), stop.update_timeout(SHORT, |stop| *stop = !*stop));
    let _ = (stop.set_timeout(true, SHORT), stop.watcher().get());
}

fn use_barrier(barrier: &Barrier) {
    for _ in 0..3 {
        let _ = (barrier.try_wait(), barrier.wait_timeout(SHORT));
    }
    let _ = (barrier.arrived(), barrier.members(), barrier.status());
}

fn use_spsc(ring: &spsc::Ring<[u32; 3]>) {
    if let Ok(mut producer) = ring.producer_timeout(SHORT) {
        producer.detect_disconnect(true);
        let _ = (producer.try_push([1; 3]), producer.push_timeout([2; 3], SHORT), producer.slots());
        let _ = producer.push_slice_timeout(&[[3; 3]; 20], SHORT);
        if let Ok(mut places) = producer.reserve_up_to_timeout(5, SHORT) {
            places.as_mut_slices().0.fill([4; 3]);
            places.commit_all();
        }
    }
    if let Ok(mut consumer) = ring.consumer_timeout(SHORT) {
        consumer.detect_disconnect(true);
        let _ = (consumer.try_pop(), consumer.pop_timeout(SHORT), consumer.len());
        let _ = consumer.pop_slice_timeout(&mut [[0; 3]; 20], SHORT);
        if let Ok(items) = consumer.peek_timeout(5, SHORT) {
            let (first, second) = items.as_slices();
            assert!(first.len() + second.len() <= 8, "more than there are places");
            items.consume_all();
        }
        // It ends, since there are only so many slots and no process pushes any more.
        let _ = consumer.try_iter().take(100).count();
    }
    let _ = (ring.len(), ring.counts(), ring.holder(Role::Producer), ring.members(), ring.is_closed());
}

fn use_mpmc(ring: &mpmc::Ring<[u32; 3]>) {
    let (Ok(mut producer), Ok(mut consumer)) = (ring.producer(), ring.consumer()) else { return };
    for tell in [true, false] {
        producer.detect_disconnect(tell);
        consumer.detect_disconnect(tell);
        let _ = (producer.try_push([1; 3]), producer.push_timeout([2; 3], SHORT));
        let _ = (producer.force_push([3; 3]), producer.try_push_slice(&[[4; 3]; 20]));
        let _ = producer.try_reserve().map(|mut place| place[1] = 5);
        let _ = (consumer.try_pop(), consumer.pop_timeout(SHORT), consumer.missed());
        let _ = consumer.try_claim().map(mpmc::Claimed::requeue);
        let _ = consumer.try_pop_slice(&mut [[0; 3]; 20]);
    }
    let _ = (ring.len(), ring.counts(), ring.holders(Role::Producer), ring.members(), ring.is_closed());
}

fn use_broadcast(ring: &broadcast::Ring<[u32; 3]>) {
    let (first, second) = (ring.subscriber(), ring.subscriber());
    if let Ok(mut producer) = ring.producer_timeout(SHORT) {
        producer.detect_disconnect(true);
        let _ = (producer.try_push([1; 3]), producer.push_timeout([2; 3], SHORT), producer.slots());
        let _ = producer.push_slice_timeout(&[[3; 3]; 20], SHORT);
        if let Ok(mut places) = producer.reserve_up_to_timeout(5, SHORT) {
            places.as_mut_slices().0.fill([4; 3]);
            places.commit_all();
        }
    }
    for mut subscriber in [first, second].into_iter().flatten() {
        subscriber.detect_disconnect(true);
        let _ = (subscriber.try_pop(), subscriber.pop_timeout(SHORT), subscriber.len());
        let _ = subscriber.pop_slice_timeout(&mut [[0; 3]; 20], SHORT);
        if let Ok(items) = subscriber.peek_timeout(5, SHORT) {
            let (first, second) = items.as_slices();
            assert!(first.len() + second.len() <= 8, "more than there are places");
            items.consume_all();
        }
        let _ = subscriber.try_iter().take(100).count();
    }
    let _ = (ring.len(), ring.counts(), ring.holder(), ring.subscribers(), ring.members(), ring.is_closed());
}

#[derive(Serialize, Deserialize)]
struct Text(String);
#[derive(Serialize, Deserialize)]
struct Ask(u8);
messages! { 1 => Text; 2 => Ask }
impl Request for Ask {
    type Response = u64;
}

fn use_channel(channel: &Channel) {
    let (Ok(sender), Ok(_receiver)) = (channel.sender::<Text>(), channel.receiver::<Text>()) else { return };
    let mut receiver = channel.clone();
    for tell in [true, false] {
        receiver.detect_disconnect(tell);
        let _ = (sender.try_send(&Text(String::new())), sender.send_timeout(&Text("x".repeat(9_000)), SHORT));
        let pending = channel.request_timeout(&Ask(1), SHORT);
        let _ = receiver.recv_request_timeout::<Ask>(SHORT).map(|asked| asked.respond(&2));
        let _ = pending.map(|mut pending| (pending.try_wait(), pending.wait_timeout(SHORT)));
        let _ = (receiver.recv_timeout::<Text>(SHORT), channel.recv_timeout::<Text>(SHORT));
        let mut router = Router::new();
        while let Ok(incoming) = receiver.try_recv_any() {
            let _ = router.handle(incoming);
        }
    }
    let _ = (channel.depth(), channel.senders::<Text>(), channel.receivers::<Text>(), channel.is_closed());
    let _ = channel.servers::<Ask>();
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
