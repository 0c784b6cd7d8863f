//! All that a user may do with an object of each kind, within a bounded time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sysv_primitives::{
    Barrier, Channel, Mutex, MutexGuard, OnceLock, Pool, RateLimiter, Request, Role, Router, RwLock, RwLockWriteGuard,
    Watch, broadcast, messages, mpmc, spsc,
};

use super::SHORT;

/// Everything that a user may do, within a bounded time.
pub(super) fn use_mutex(mutex: &Mutex<[u32; 3]>) {
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

pub(super) fn use_rwlock(lock: &RwLock<[u32; 3]>) {
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

pub(super) fn use_pool(pool: &Pool) {
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

pub(super) fn use_limiter(limiter: &RateLimiter) {
    let most = limiter.burst();
    for count in [0, 1, most] {
        let _ = (limiter.try_acquire(count), limiter.acquire_timeout(count, SHORT));
        assert!(limiter.time_until(count).unwrap() <= Duration::from_secs(60), "longer than the window");
    }
    assert!(limiter.available() <= most && limiter.acquire(most.saturating_add(1)).is_err());
    let _ = (limiter.members(), limiter.status());
}

pub(super) fn use_once(once: &OnceLock<[u32; 3]>) {
    let _ = (once.get().copied(), once.try_set([1; 3]), once.wait_timeout(SHORT).copied());
    let _ = (once.set_timeout([2; 3], SHORT), once.get_or_init_timeout(SHORT, || [3; 3]).copied());
    let _ = (once.initialiser(), once.members(), once.status());
}

pub(super) fn use_watch(watch: &Watch<[u32; 3]>) {
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
pub(super) fn use_event(stop: &Watch<bool>) {
    let _ = (stop.get(), stop.wait_for_timeout(SHORT, |stop| *stop), stop.update_timeout(SHORT, |stop| *stop = !*stop));
    let _ = (stop.set_timeout(true, SHORT), stop.watcher().get());
}

pub(super) fn use_barrier(barrier: &Barrier) {
    for _ in 0..3 {
        let _ = (barrier.try_wait(), barrier.wait_timeout(SHORT));
    }
    let _ = (barrier.arrived(), barrier.members(), barrier.status());
}

pub(super) fn use_spsc(ring: &spsc::Ring<[u32; 3]>) {
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

pub(super) fn use_mpmc(ring: &mpmc::Ring<[u32; 3]>) {
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

pub(super) fn use_broadcast(ring: &broadcast::Ring<[u32; 3]>) {
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

pub(super) fn use_channel(channel: &Channel) {
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
