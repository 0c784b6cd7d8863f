//! The forms of calls that are not of one event: roles, several items at once, setters, responses, and permits that come with time.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use support::{LONG, alone, child, hold_for_ever, memory, name, until, within};
use sysv_primitives::{
    CallError, Channel, Delivery, Failure, OnceError, OnceLock, PendingResponse, PoolError, RateLimiter, Request,
    Watch, broadcast, messages, mpmc, spsc,
};

use super::{
    by_hand::ByHand,
    ending::{SOON, clerks},
};

#[test]
fn a_role_comes_from_a_dead_holder() {
    let name = name();
    let ring = broadcast::Ring::<u32>::create(&name, 8).unwrap();
    let holder = child(|| {
        let ring = broadcast::Ring::<u32>::open(&name).unwrap();
        let _producer = ring.producer().unwrap();
        hold_for_ever()
    });
    until(|| ring.holder().is_some());
    let mut subscriber = ring.subscriber().unwrap();
    let (mut dropped, mut role) = (ByHand::new(ring.producer_async()), ByHand::new(ring.producer_async()));
    dropped.until_waiting();
    role.until_waiting();
    drop(dropped);
    holder.kill();
    role.finish().unwrap().push(7).unwrap();
    assert_eq!(subscriber.pop().unwrap(), 7);
}

#[test]
fn the_ends_of_an_spsc_ring_are_taken_over() {
    let name = name();
    let ring = spsc::Ring::<u32>::create(&name, 8).unwrap();
    let other = spsc::Ring::<u32>::open(&name).unwrap();
    let (producer, consumer) = (other.producer().unwrap(), other.consumer().unwrap());
    let (mut push, mut pop) = (ByHand::new(ring.producer_async()), ByHand::new(ring.consumer_async()));
    push.until_waiting();
    pop.until_waiting();
    drop((producer, consumer));
    let (mut producer, mut consumer) = (push.finish().unwrap(), pop.finish().unwrap());
    producer.push(7).unwrap();
    assert_eq!(consumer.pop().unwrap(), 7);
}

#[test]
fn several_items_of_an_spsc_ring() {
    let name = name();
    let ring = spsc::Ring::<u32>::create(&name, 4).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut items = [0; 8];
    let mut pop = ByHand::new(consumer.pop_slice_async(&mut items));
    pop.until_waiting();
    assert_eq!(pollster::block_on(producer.push_slice_async(&[1, 2])).unwrap(), 2);
    assert_eq!(pop.finish().unwrap(), 2);
    assert_eq!(items[..2], [1, 2]);
    let mut peek = ByHand::new(consumer.peek_async(8));
    peek.until_waiting();
    pollster::block_on(producer.reserve_up_to_async(1)).unwrap().commit_all();
    assert_eq!(peek.finish().unwrap().len(), 1);
    assert_eq!(producer.push_slice(&[3; 8]).unwrap(), 3);
    let mut reserve = ByHand::new(producer.reserve_up_to_async(8));
    reserve.until_waiting();
    consumer.pop().unwrap();
    let mut room = reserve.finish().unwrap();
    room[0] = 4;
    room.commit_all();
    let mut push = ByHand::new(producer.push_slice_async(&[5]));
    push.until_waiting();
    drop(push);
    assert_eq!(consumer.pop_slice(&mut items).unwrap(), 4);
    assert_eq!(items[..4], [3, 3, 3, 4], "what was dropped has pushed nothing");
}

#[test]
fn several_items_of_a_broadcast_ring() {
    let name = name();
    let ring = broadcast::Ring::<u32>::create(&name, 4).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    let mut items = [0; 8];
    let mut pop = ByHand::new(subscriber.pop_slice_async(&mut items));
    pop.until_waiting();
    assert_eq!(pollster::block_on(producer.push_slice_async(&[1, 2])).unwrap(), 2);
    assert_eq!(pop.finish().unwrap(), 2);
    assert_eq!(items[..2], [1, 2]);
    let mut peek = ByHand::new(subscriber.peek_async(8));
    peek.until_waiting();
    assert_eq!(producer.push_slice(&[3; 4]).unwrap(), 4);
    assert_eq!(peek.finish().unwrap().len(), 4);
    let mut reserve = ByHand::new(producer.reserve_up_to_async(8));
    reserve.until_waiting();
    subscriber.pop().unwrap();
    let mut room = reserve.finish().unwrap();
    room.as_mut_slices().0[0] = 4;
    room.commit(1);
    let mut push = ByHand::new(producer.push_slice_async(&[5]));
    push.until_waiting();
    drop(push);
    assert_eq!(subscriber.pop_slice(&mut items).unwrap(), 4);
    assert_eq!(items[..4], [3, 3, 3, 4], "what was dropped has pushed nothing");
}

#[test]
fn several_items_of_an_mpmc_ring() {
    let name = name();
    let ring = mpmc::Ring::<u32>::create(&name, 4).unwrap();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut items = [0; 8];
    let mut pop = ByHand::new(consumer.pop_slice_async(&mut items));
    pop.until_waiting();
    assert_eq!(pollster::block_on(producer.push_slice_async(&[1, 2])).unwrap(), 2);
    // The first push called it, and it takes what is there by then.
    let popped = pop.finish().unwrap();
    assert_eq!(items[..popped], [1, 2][..popped]);
    while consumer.try_pop().is_ok() {}
    assert_eq!(producer.push_slice(&[3; 8]).unwrap(), 4);
    let mut reserve = ByHand::new(producer.reserve_async());
    reserve.until_waiting();
    consumer.pop().unwrap();
    let mut room = reserve.finish().unwrap();
    *room = 4;
    room.commit();
    let mut push = ByHand::new(producer.push_slice_async(&[5]));
    push.until_waiting();
    drop(push);
    assert_eq!(consumer.pop_slice(&mut items).unwrap(), 4);
    assert_eq!(items[..4], [3, 3, 3, 4], "what was dropped has pushed nothing");
}

/// Another process is in the middle of an update.
#[test]
fn setters_of_a_watch_wait_for_one_another() {
    let name = name();
    let watch = Watch::create(&name, 1_u64).unwrap();
    let said = memory(4);
    let step: &AtomicU32 = said.view(0).unwrap();
    let setter = child(|| {
        let watch = Watch::<u64>::open(&name).unwrap();
        let update = watch.update(|value| {
            step.store(1, SeqCst);
            until(|| step.load(SeqCst) == 2);
            *value += 1;
        });
        update.unwrap();
    });
    until(|| step.load(SeqCst) == 1);
    let mut dropped = ByHand::new(watch.set_async(99));
    dropped.until_waiting();
    let mut update = ByHand::new(watch.update_async(|value| *value *= 10));
    update.until_waiting();
    drop(dropped);
    step.store(2, SeqCst);
    update.finish().unwrap();
    setter.join();
    assert_eq!((watch.get().unwrap(), watch.version()), (20, 2));
    pollster::block_on(watch.set_async(7)).unwrap();
    assert_eq!(watch.get().unwrap(), 7);
}

#[test]
fn a_value_is_set_once_by_a_future() {
    let name = name();
    let once = OnceLock::<u64>::create(&name).unwrap();
    let dying = child(|| {
        let once = OnceLock::<u64>::open(&name).unwrap();
        let _ = once.get_or_init(|| hold_for_ever());
    });
    until(|| once.initialiser().is_some());
    let mut tries = ByHand::new(once.get_or_try_init_async(|| Err::<u64, _>(OnceError::WouldBlock)));
    tries.until_waiting();
    let mut set = ByHand::new(once.set_async(7));
    set.until_waiting();
    dying.kill();
    let tried = tries.finish().copied();
    set.finish().unwrap();
    // Whichever came first.
    assert!(matches!(tried, Err(OnceError::WouldBlock) | Ok(7)), "{tried:?}");
    assert!(matches!(pollster::block_on(once.set_async(8)), Err(OnceError::AlreadySet { .. })));
    assert_eq!(once.get(), Some(&7));
}

#[derive(Serialize, Deserialize)]
struct Ask(u32);

messages! { 1 => Ask }

impl Request for Ask {
    type Response = Vec<u8>;
}

const LONG_RESPONSE: usize = 60_000;

/// Asks and responds until no long response has room. None was read.
fn without_room(channel: &Channel) -> Vec<PendingResponse<Ask>> {
    let mut unread = Vec::new();
    loop {
        let pending = channel.request(&Ask(0)).unwrap();
        if channel.recv_request::<Ask>().unwrap().try_respond(&vec![7; LONG_RESPONSE]).is_err() {
            return unread;
        }
        unread.push(pending);
    }
}

#[test]
fn a_long_response_waits_for_room() {
    let name = name();
    let channel = Channel::options().capacity(64).max_message_size(LONG_RESPONSE + 100).create(&name).unwrap();
    let mut unread = without_room(&channel);
    let response = vec![8; LONG_RESPONSE];
    let pending = channel.request(&Ask(1)).unwrap();
    let request = channel.recv_request::<Ask>().unwrap();
    let mut respond = ByHand::new(request.respond_async(&response));
    respond.until_waiting();
    assert_eq!(unread.pop().unwrap().wait().unwrap().len(), LONG_RESPONSE);
    respond.finish().unwrap();
    assert_eq!(pending.wait().unwrap(), response);
    drop(unread);
    // There is room again, at once.
    let pending = channel.request(&Ask(2)).unwrap();
    let request = channel.claim::<Ask>().unwrap();
    pollster::block_on(request.respond_async(&response)).unwrap();
    assert_eq!(pending.wait().unwrap(), response);
}

#[test]
fn a_response_that_is_dropped_was_not_sent() {
    let name = name();
    let channel = Channel::options().capacity(64).max_message_size(LONG_RESPONSE + 100).create(&name).unwrap();
    let unread = without_room(&channel);
    let response = vec![8; LONG_RESPONSE];
    let pending = channel.request(&Ask(1)).unwrap();
    let request = channel.recv_request::<Ask>().unwrap();
    let mut respond = ByHand::new(request.respond_async(&response));
    respond.until_waiting();
    drop(respond);
    assert!(matches!(pending.wait(), Err(CallError::NoResponse { .. })));
    let pending = channel.request_with(&Ask(2), Delivery::new().attempts(3)).unwrap();
    let claimed = channel.claim::<Ask>().unwrap();
    let mut respond = ByHand::new(claimed.respond_async(&response));
    respond.until_waiting();
    drop(respond);
    let again = channel.try_claim::<Ask>().expect("it was requeued");
    assert_eq!(again.attempt(), 2);
    drop(unread);
    pollster::block_on(again.respond_async(&response)).unwrap();
    assert_eq!(pending.wait().unwrap(), response);
}

/// A limiter that gives out a permit each 20 milliseconds.
fn limiter(name: &str) -> RateLimiter {
    RateLimiter::open_or_create(name, 50, Duration::from_secs(1)).unwrap()
}

#[test]
fn futures_wait_for_permits_that_come_with_time() {
    alone(|| {
        let name = name();
        let limiter = limiter(&name);
        limiter.acquire(limiter.burst()).unwrap();
        let begun = Instant::now();
        let other = child(|| {
            let limiter = self::limiter(&name);
            (0..3).for_each(|_| limiter.acquire(1).unwrap());
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let limiter = std::sync::Arc::new(limiter);
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let limiter = std::sync::Arc::clone(&limiter);
                    tokio::spawn(async move { limiter.acquire_async(1).await.unwrap() })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(clerks(), 1, "one thread for all of them");
        });
        other.join();
        // Eleven permits were given out, each at its time.
        assert!(begun.elapsed() >= Duration::from_millis(11 * 20 - 20), "{:?}", begun.elapsed());
        drop(runtime);
        assert!(within(SOON, || clerks() == 0));
    });
}

#[test]
fn a_dropped_future_has_taken_no_permit() {
    let name = name();
    let limiter = RateLimiter::create(&name, 10, Duration::from_secs(3600)).unwrap();
    limiter.acquire(10).unwrap();
    let mut futures = [1, 2].map(|permits| ByHand::new(limiter.acquire_async(permits)));
    futures.iter_mut().for_each(ByHand::until_waiting);
    let before = limiter.time_until(10).unwrap();
    drop(futures);
    assert!(limiter.time_until(10).unwrap() <= before);
    assert!(matches!(pollster::block_on(limiter.acquire_async(11)), Err(PoolError::TooMany(_))));
}

#[test]
fn a_future_that_comes_later_may_be_served_sooner() {
    let name = name();
    let limiter = RateLimiter::create(&name, 1_000, Duration::from_secs(10)).unwrap();
    limiter.acquire(1_000).unwrap();
    let mut many = ByHand::new(limiter.acquire_async(1_000));
    many.until_waiting();
    ByHand::new(limiter.acquire_async(1)).finish().unwrap();
    assert!(many.poll().is_pending());
}

#[test]
fn a_removal_of_a_limiter_is_noticed() {
    let name = name();
    let limiter = RateLimiter::create(&name, 1, Duration::from_secs(3600)).unwrap();
    limiter.acquire(1).unwrap();
    let mut waiting = ByHand::new(limiter.acquire_async(1));
    waiting.until_waiting();
    limiter.remove().unwrap();
    let error = waiting.finish().unwrap_err();
    assert!(error.is_gone(), "{error}");
}

#[test]
fn a_child_inherits_no_wait_for_a_limiter() {
    alone(|| {
        let name = name();
        let limiter = RateLimiter::create(&name, 1, Duration::from_secs(3600)).unwrap();
        limiter.acquire(1).unwrap();
        let mut waiting = ByHand::new(limiter.acquire_async(1));
        waiting.until_waiting();
        child(|| {
            let std::task::Poll::Ready(Err(PoolError::Failed(failure))) = waiting.poll() else {
                panic!("it is the parent's");
            };
            assert!(matches!(failure, Failure::Inherited { what: "wait", .. }), "{failure}");
            let mut own = ByHand::new(limiter.acquire_async(1));
            own.until_waiting();
            assert!(within(LONG, || clerks() == 1));
        })
        .join();
        assert!(waiting.poll().is_pending());
    });
}
