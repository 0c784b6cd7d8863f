//! Futures of a broadcast ring: subscribers that are called together, and a producer that waits for the slowest.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use support::{LONG, alone, child, name, within};
use sysv_primitives::{PopError, PushError, broadcast};

use super::{
    by_hand::ByHand,
    ending::{SOON, clerks},
    streams::{flush, next, send},
};

const ITEMS: u64 = 3000;

/// Sinks and streams, in two processes, one of which is slow.
#[test]
fn every_stream_gets_every_item() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 8).unwrap();
    let readers = [0, 1].map(|number| {
        child(|| {
            let mut subscriber = broadcast::Ring::<u64>::open(&name).unwrap().subscriber().unwrap();
            let mut items = 0;
            while let Some(item) = pollster::block_on(next(&mut subscriber)) {
                assert_eq!(item.unwrap(), items);
                items += 1;
                if number == 1 && items % 500 == 0 {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            assert_eq!(items, ITEMS);
        })
    });
    readers.iter().for_each(|reader| reader.until_asleep());
    let mut producer = ring.producer().unwrap();
    let mut own = ring.subscriber().unwrap();
    std::thread::scope(|scope| {
        let popped = scope
            .spawn(move || (0..ITEMS).for_each(|item| assert_eq!(pollster::block_on(own.pop_async()).unwrap(), item)));
        pollster::block_on(async {
            for item in 0..ITEMS {
                if item % 3 == 0 {
                    // The item that the sink has taken in goes first.
                    flush(&mut producer).await.unwrap();
                    producer.push_async(item).await.unwrap();
                } else {
                    send(&mut producer, item).await.unwrap();
                }
            }
            flush(&mut producer).await.unwrap();
        });
        popped.join().unwrap();
    });
    ring.close().unwrap();
    readers.into_iter().for_each(support::Child::join);
}

/// A full ring. Its only subscriber is in another process, and sleeps there.
fn full(name: &str) -> (broadcast::Ring<u64>, broadcast::Producer<u64>, support::Child) {
    let ring = broadcast::Ring::<u64>::create(name, 2).unwrap();
    let slow = child(|| {
        let _subscriber = broadcast::Ring::<u64>::open(name).unwrap().subscriber().unwrap();
        support::hold_for_ever()
    });
    support::until(|| ring.subscribers().len() == 1);
    let mut producer = ring.producer().unwrap();
    while producer.try_push(7).is_ok() {}
    (ring, producer, slow)
}

#[test]
fn the_death_of_the_slowest_subscriber_wakes_the_producer() {
    let name = name();
    let (_ring, mut producer, slow) = full(&name);
    let mut push = ByHand::new(producer.push_async(8));
    push.until_waiting();
    slow.kill();
    push.finish().unwrap();
}

#[test]
fn closing_wakes_the_producer_with_its_item() {
    let name = name();
    let (ring, mut producer, slow) = full(&name);
    let mut push = ByHand::new(producer.push_async(8));
    push.until_waiting();
    ring.close().unwrap();
    assert!(matches!(push.finish(), Err(PushError::Closed { .. })));
    slow.kill();
}

/// The sink waits, and then the same producer blocks. Neither takes the other's wake-up.
#[test]
fn a_producer_that_was_a_sink_may_block() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 1).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    for round in 0..50 {
        producer.push(2 * round).unwrap();
        pollster::block_on(send(&mut producer, 99)).unwrap();
        let mut waiting = ByHand::new(poll_fn(|context| {
            let polled: Poll<Result<(), _>> = futures_sink::Sink::poll_flush(Pin::new(&mut producer), context);
            polled
        }));
        waiting.until_waiting();
        drop(waiting);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(round % 3));
                assert_eq!(subscriber.pop().unwrap(), 2 * round);
            });
            producer.push_timeout(2 * round + 1, Duration::from_secs(10)).unwrap();
        });
        assert_eq!(subscriber.pop().unwrap(), 2 * round + 1);
        pollster::block_on(flush(&mut producer)).unwrap();
        assert_eq!(subscriber.pop().unwrap(), 99);
    }
}

/// Futures that are dropped after any number of polls have pushed and popped nothing.
#[test]
fn what_is_dropped_takes_nothing() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 2).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    let (mut pushed, mut popped) = (0, 0);
    while popped < 500 {
        let polls = fastrand::usize(..4);
        if fastrand::bool() {
            let mut push = ByHand::new(producer.push_async(pushed));
            pushed += u64::from((0..polls).any(|_| matches!(push.poll(), Poll::Ready(Ok(())))));
        } else {
            let mut pop = ByHand::new(subscriber.pop_async());
            let item = (0..polls).find_map(|_| match pop.poll() {
                Poll::Ready(item) => Some(item.unwrap()),
                Poll::Pending => None,
            });
            if let Some(item) = item {
                assert_eq!(item, popped);
                popped += 1;
            }
        }
    }
    assert_eq!(subscriber.len() as u64, pushed - popped);
}

#[test]
fn a_stream_goes_on_after_it_lagged() {
    let name = name();
    let ring = broadcast::Ring::<u64>::options().lagging(true).create(&name, 4).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    subscriber.detect_disconnect(true);
    (0..10).for_each(|item| pollster::block_on(producer.push_async(item)).unwrap());
    drop(producer);
    let mut next = || pollster::block_on(next(&mut subscriber));
    let Some(Err(PopError::Lagged { missed })) = next() else { panic!("it missed some") };
    (missed..10).for_each(|item| assert_eq!(next().unwrap().unwrap(), item));
    assert!(next().is_none(), "the producer is gone");
}

/// The producer is killed while subscribers wait.
#[test]
fn the_death_of_the_producer_ends_the_stream() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 4).unwrap();
    let mut subscriber = ring.subscriber().unwrap();
    subscriber.detect_disconnect(true);
    let producer = child(|| {
        let mut producer = broadcast::Ring::<u64>::open(&name).unwrap().producer().unwrap();
        producer.push(7).unwrap();
        support::hold_for_ever()
    });
    assert_eq!(pollster::block_on(next(&mut subscriber)).unwrap().unwrap(), 7);
    let mut end = ByHand::new(next(&mut subscriber));
    end.until_waiting();
    producer.kill();
    assert!(end.finish().is_none());
}

#[test]
fn a_dropped_producer_leaves_no_thread() {
    alone(|| {
        let name = name();
        let (_ring, mut producer, slow) = full(&name);
        let mut push = ByHand::new(producer.push_async(8));
        push.until_waiting();
        assert!(within(LONG, || clerks() == 1));
        drop(push);
        drop(producer);
        assert!(within(SOON, || clerks() == 0));
        slow.kill();
    });
}

/// A child made by `fork` has neither end.
#[test]
fn a_child_inherits_no_end() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 4).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    let mut pop = ByHand::new(next(&mut subscriber));
    pop.until_waiting();
    child(|| {
        let failed = pollster::block_on(producer.push_async(7));
        assert!(matches!(failed, Err(PushError::Failed { .. })), "{failed:?}");
        let Poll::Ready(Some(Err(failed))) = pop.poll() else { panic!("it is the parent's") };
        assert!(matches!(failed, PopError::Failed(_)), "{failed}");
    })
    .join();
    producer.push(8).unwrap();
    assert_eq!(pop.finish().unwrap().unwrap(), 8);
}
