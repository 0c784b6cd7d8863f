//! Damaged and hostile memory: errors or wrong data, and never a crash, a hang, or a look outside.

mod support;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use support::{child, name, own};
use sysv_ipc::{Segment, SharedMemory};
use sysv_primitives::{Channel, Mutex, Options, Pool, Request, Router, Side, messages, mpmc, spsc};

const SHORT: Duration = Duration::from_millis(2);

/// Overwrites some bytes anywhere in the segment, mostly with what is likely to hurt.
fn damage(memory: &SharedMemory) {
    for _ in 0..fastrand::usize(1..12) {
        let offset = fastrand::usize(..memory.len());
        let bytes: Vec<u8> = match fastrand::u8(..4) {
            0 => vec![0xff; fastrand::usize(1..64)],
            1 => vec![0; fastrand::usize(1..64)],
            2 => fastrand::u32(..70).to_ne_bytes().to_vec(),
            _ => (0..fastrand::usize(1..64)).map(|_| fastrand::u8(..)).collect(),
        };
        memory.write_truncating(&bytes, offset).unwrap();
    }
}

fn segment_of(id: i32) -> SharedMemory {
    Segment::from_id(id).unwrap().attach().unwrap()
}

/// Everything that a user may do, within a bounded time.
fn use_mutex(mutex: &Mutex<[u32; 3]>) {
    let _ = mutex.try_lock().map(|mut guard| guard[2] = guard[2].wrapping_add(1));
    let _ = mutex.lock_timeout(SHORT).map(|mut guard| guard[1] = guard[1].wrapping_add(1));
    let _ = (mutex.holder(), mutex.is_poisoned(), mutex.members(), mutex.status());
    mutex.clear_poison();
}

fn use_pool(pool: &Pool) {
    let _ = pool.try_acquire();
    let _ = pool.acquire_timeout(SHORT);
    let _ = pool.try_acquire_many(2);
    let _ = pool.acquire_many_timeout(3, SHORT);
    let _ = (pool.available(), pool.holders(), pool.members(), pool.permits(), pool.capacity());
    let _ = pool.resize(2);
}

const CASES: u32 = 150;

#[test]
fn a_damaged_mutex_does_no_harm() {
    for case in 0..CASES {
        let name = name();
        let options = Options::new().max_processes(4).patience(SHORT);
        let mutex = options.create_mutex(&name, [1_u32, 2, 3]).unwrap();
        let status = mutex.status().unwrap();
        let memory = segment_of(status.segment);
        let _cleanup = (own(sysv_ipc::SemaphoreSet::from_id(status.set).unwrap()), own(memory.segment().clone()));
        fastrand::seed(u64::from(case));
        damage(&memory);
        // In a child: a crash or a hang of it fails the test, and this process stays well.
        child(|| {
            use_mutex(&mutex);
            if let Ok(opened) = options.open_mutex::<[u32; 3]>(&name) {
                use_mutex(&opened);
            }
            let _ = options.open_or_create_mutex(&name, [0_u32; 3]);
        })
        .join();
        // While it is used, memory goes on changing.
        let user = child(|| {
            for _ in 0..50 {
                use_mutex(&mutex);
            }
        });
        (0..100).for_each(|_| damage(&memory));
        user.join();
    }
}

#[test]
fn a_damaged_pool_does_no_harm() {
    for case in 0..CASES {
        let name = name();
        let options = Options::new().max_processes(4).patience(SHORT);
        let pool = options.create_pool(&name, 3, 5).unwrap();
        let status = pool.status().unwrap();
        let memory = segment_of(status.segment);
        let _cleanup = (own(sysv_ipc::SemaphoreSet::from_id(status.set).unwrap()), own(memory.segment().clone()));
        fastrand::seed(u64::from(case));
        damage(&memory);
        child(|| {
            use_pool(&pool);
            if let Ok(opened) = options.open_pool(&name) {
                use_pool(&opened);
            }
            let _ = options.open_or_create_pool(&name, 3, 3);
        })
        .join();
        let user = child(|| {
            for _ in 0..30 {
                use_pool(&pool);
            }
        });
        (0..100).for_each(|_| damage(&memory));
        user.join();
    }
}

fn use_spsc(ring: &spsc::Ring<[u32; 3]>) {
    if let Ok(mut producer) = ring.producer_timeout(SHORT) {
        producer.tell_when_abandoned(true);
        let _ = (producer.try_push([1; 3]), producer.push_timeout([2; 3], SHORT), producer.free());
        let _ = producer.push_slice_timeout(&[[3; 3]; 20], SHORT);
        if let Ok(mut places) = producer.reserve_timeout(5, SHORT) {
            places.as_mut_slices().0.fill([4; 3]);
            places.commit();
        }
    }
    if let Ok(mut consumer) = ring.consumer_timeout(SHORT) {
        consumer.tell_when_abandoned(true);
        let _ = (consumer.try_pop(), consumer.pop_timeout(SHORT), consumer.len());
        let _ = consumer.pop_slice_timeout(&mut [[0; 3]; 20], SHORT);
        if let Ok(items) = consumer.peek_timeout(5, SHORT) {
            let (first, second) = items.as_slices();
            assert!(first.len() + second.len() <= 8, "more than there are places");
            items.consume();
        }
        // It ends, since there are so many places and nobody pushes any more.
        let _ = consumer.try_iter().take(100).count();
    }
    let _ = (ring.len(), ring.counts(), ring.holder(Side::Producer), ring.members(), ring.is_closed());
}

fn use_mpmc(ring: &mpmc::Ring<[u32; 3]>) {
    let (Ok(mut producer), Ok(mut consumer)) = (ring.producer(), ring.consumer()) else { return };
    for tell in [true, false] {
        producer.tell_when_abandoned(tell);
        consumer.tell_when_abandoned(tell);
        let _ = (producer.try_push([1; 3]), producer.push_timeout([2; 3], SHORT));
        let _ = (producer.push_overwriting([3; 3]), producer.try_push_slice(&[[4; 3]; 20]));
        let _ = producer.try_reserve().map(|mut place| place[1] = 5);
        let _ = (consumer.try_pop(), consumer.pop_timeout(SHORT), consumer.missed());
        let _ = consumer.try_claim().map(mpmc::Claimed::put_back);
        let _ = consumer.try_pop_slice(&mut [[0; 3]; 20]);
    }
    let _ = (ring.len(), ring.counts(), ring.holders(Side::Producer), ring.members(), ring.is_closed());
}

#[derive(Serialize, Deserialize)]
struct Text(String);
#[derive(Serialize, Deserialize)]
struct Ask(u8);
messages! { 1 => Text; 2 => Ask }
impl Request for Ask {
    type Answer = u64;
}

fn use_channel(channel: &Channel) {
    let (Ok(sender), Ok(mut receiver)) = (channel.sender(), channel.receiver()) else { return };
    for tell in [true, false] {
        receiver.tell_when_abandoned(tell);
        let _ = (sender.try_send(&Text(String::new())), sender.send_timeout(&Text("x".repeat(9_000)), SHORT));
        let pending = channel.ask_timeout(&Ask(1), SHORT);
        let _ = receiver.recv_request_timeout::<Ask>(SHORT).map(|asked| asked.answer(&2));
        let _ = pending.map(|mut pending| (pending.try_wait(), pending.wait_timeout(SHORT)));
        let _ = (receiver.recv_timeout::<Text>(SHORT), channel.recv_timeout::<Text>(SHORT));
        let mut router = Router::new();
        while let Ok(incoming) = receiver.try_recv_any() {
            let _ = router.handle(incoming);
        }
    }
    let _ = (channel.usage(), channel.queued(), channel.senders(), channel.receivers(), channel.is_closed());
}

/// Damages a ring or a channel at rest and in use, at both ends at once.
fn damage_stream<R>(
    case: u32,
    create: impl FnOnce(&Options, &str) -> R,
    status: impl FnOnce(&R) -> sysv_primitives::Status,
    open: impl Fn(&Options, &str) -> Option<R>,
    use_it: impl Fn(&R),
) {
    let name = name();
    let options = Options::new().max_processes(4).patience(SHORT);
    let ring = create(&options, &name);
    let status = status(&ring);
    let memory = segment_of(status.segment);
    let _cleanup = (own(sysv_ipc::SemaphoreSet::from_id(status.set).unwrap()), own(memory.segment().clone()));
    let _queue = status.queue.map(|id| own(sysv_ipc::MessageQueue::from_id(id).unwrap()));
    fastrand::seed(u64::from(case));
    damage(&memory);
    child(|| {
        use_it(&ring);
        open(&options, &name).iter().for_each(&use_it);
    })
    .join();
    let users = [(); 2].map(|()| child(|| (0..10).for_each(|_| use_it(&ring))));
    (0..200).for_each(|_| damage(&memory));
    users.into_iter().for_each(support::Child::join);
}

#[test]
fn a_damaged_spsc_ring_does_no_harm() {
    for case in 0..CASES {
        damage_stream(
            case,
            |options, name| options.create_spsc(name, 8).unwrap(),
            |ring| ring.status().unwrap(),
            |options, name| options.open_spsc(name).ok(),
            use_spsc,
        );
    }
}

#[test]
fn a_damaged_mpmc_ring_does_no_harm() {
    for case in 0..CASES {
        damage_stream(
            case,
            |options, name| options.create_mpmc(name, 8).unwrap(),
            |ring| ring.status().unwrap(),
            |options, name| options.open_mpmc(name).ok(),
            use_mpmc,
        );
    }
}

#[test]
fn a_damaged_channel_does_no_harm() {
    for case in 0..CASES {
        damage_stream(
            case,
            |options, name| options.clone().largest_message(10_000).create_channel(name).unwrap(),
            |channel| channel.status().unwrap(),
            |options, name| options.open_channel(name).ok(),
            use_channel,
        );
    }
}
