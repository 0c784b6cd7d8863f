//! `Stream` and `Sink` of the rings, beside calls that block on the same endpoint.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake},
    time::Duration,
};

use futures_core::Stream;
use futures_sink::Sink;
use support::{child, name};
use sysv_primitives::{PopError, PushError, Watch, mpmc, spsc};

use super::by_hand::ByHand;

const ITEMS: u64 = 3000;

pub(crate) async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Sends as `SinkExt::send` does.
pub(crate) async fn send<T: Copy, S: Sink<T> + Unpin>(sink: &mut S, item: T) -> Result<(), S::Error> {
    poll_fn(|context| Pin::new(&mut *sink).poll_ready(context)).await?;
    Pin::new(&mut *sink).start_send(item)
}

pub(crate) async fn flush<T, S: Sink<T> + Unpin>(sink: &mut S) -> Result<(), S::Error> {
    poll_fn(|context| Pin::new(&mut *sink).poll_flush(context)).await
}

async fn sum(mut stream: impl Stream<Item = Result<u64, PopError>> + Unpin) -> u64 {
    let mut sum = 0;
    while let Some(item) = next(&mut stream).await {
        sum += item.unwrap();
    }
    sum
}

async fn send_all(mut sink: impl Sink<u64, Error = PushError<u64>> + Unpin) {
    for item in 1..=ITEMS {
        send(&mut sink, item).await.unwrap();
    }
    flush(&mut sink).await.unwrap();
}

const TOTAL: u64 = ITEMS * (ITEMS + 1) / 2;

#[test]
fn an_spsc_ring_between_a_sink_and_a_stream() {
    let name = name();
    let ring = spsc::Ring::<u64>::create(&name, 4).unwrap();
    let producer = child(|| {
        let ring = spsc::Ring::<u64>::open(&name).unwrap();
        pollster::block_on(send_all(ring.producer().unwrap()));
        ring.close().unwrap();
    });
    assert_eq!(pollster::block_on(sum(ring.consumer().unwrap())), TOTAL);
    producer.join();
}

#[test]
fn an_mpmc_ring_between_sinks_and_streams() {
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
    let producers = [(); 2].map(|()| {
        child(|| {
            let ring = mpmc::Ring::<u64>::open(&name).unwrap();
            pollster::block_on(send_all(ring.producer().unwrap()));
        })
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks = [(); 3].map(|()| runtime.spawn(sum(ring.consumer().unwrap())));
    producers.into_iter().for_each(support::Child::join);
    ring.close().unwrap();
    let sums = tasks.map(|task| runtime.block_on(task).unwrap());
    assert_eq!(sums.iter().sum::<u64>(), 2 * TOTAL, "{sums:?}");
}

/// The stream waits, and then the same consumer blocks.
#[test]
fn a_consumer_that_has_streamed_may_block() {
    let name = name();
    let ring = spsc::Ring::<u64>::create(&name, 4).unwrap();
    let mut consumer = ring.consumer().unwrap();
    for round in 0..50 {
        let mut waiting = ByHand::new(async { next(&mut consumer).await.unwrap().unwrap() });
        waiting.until_waiting();
        drop(waiting);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(round % 3));
                ring.producer().unwrap().push(round).unwrap();
            });
            assert_eq!(consumer.pop_timeout(Duration::from_secs(10)).unwrap(), round);
        });
    }
}

/// A stream that is not polled any more holds up no other consumer.
#[test]
fn a_stream_that_is_kept_is_passed_over() {
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
    let (mut kept, other) = (ring.consumer().unwrap(), ring.consumer().unwrap());
    let mut waiting = ByHand::new(poll_fn(|context| pin!(&mut kept).poll_next(context)));
    waiting.until_waiting();
    drop(waiting);
    let mut popped = ByHand::new(other.pop_async());
    popped.until_waiting();
    ring.producer().unwrap().push(7).unwrap();
    assert_eq!(popped.finish().unwrap(), 7);
    // And it goes on when it is polled.
    ring.producer().unwrap().push(8).unwrap();
    assert!(matches!(pollster::block_on(next(&mut kept)), Some(Ok(8))));
}

#[test]
fn a_sink_takes_one_item_in_and_no_more() {
    let name = name();
    let ring = spsc::Ring::<u64>::create(&name, 1).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    pollster::block_on(send(&mut producer, 1)).unwrap();
    pollster::block_on(send(&mut producer, 2)).unwrap();
    let mut ready = ByHand::new(poll_fn(|context| Pin::new(&mut producer).poll_ready(context)));
    ready.until_waiting();
    drop(ready);
    let Err(PushError::Full(3)) = Pin::new(&mut producer).start_send(3) else { panic!("it has taken one in") };
    assert_eq!(consumer.try_pop().unwrap(), 1);
    pollster::block_on(flush(&mut producer)).unwrap();
    assert_eq!(consumer.try_pop().unwrap(), 2);
}

/// A future that is dropped at each poll has popped and pushed nothing.
#[test]
fn what_is_dropped_takes_nothing() {
    let name = name();
    let ring = spsc::Ring::<u64>::create(&name, 2).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (mut pushed, mut popped) = (0, 0);
    while popped < 500 {
        let polls = fastrand::usize(..4);
        if fastrand::bool() {
            let mut push = ByHand::new(producer.push_async(pushed));
            pushed += u64::from((0..polls).any(|_| matches!(push.poll(), Poll::Ready(Ok(())))));
        } else {
            let mut pop = ByHand::new(consumer.pop_async());
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
    assert_eq!(consumer.len() as u64, pushed - popped);
}

#[test]
fn the_end_of_a_ring_ends_the_futures() {
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 1).unwrap();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut pop = ByHand::new(consumer.pop_async());
    pop.until_waiting();
    ring.close().unwrap();
    assert!(matches!(pop.finish(), Err(PopError::Closed { .. })));

    let name = support::name();
    let ring = spsc::Ring::<u64>::create(&name, 1).unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.detect_disconnect(true);
    let producer_there = ring.producer().unwrap();
    let mut pop = ByHand::new(consumer.pop_async());
    pop.until_waiting();
    drop((producer, producer_there));
    assert!(matches!(pop.finish(), Err(PopError::Disconnected { .. })));
}

/// Values of another process, up to its death. The stream waits in between, and the same watcher blocks.
#[test]
fn a_watcher_streams_until_the_last_writer_is_gone() {
    let name = name();
    let watch = Watch::<u64>::create(&name, 0).unwrap();
    let mut watcher = watch.watcher();
    watcher.detect_disconnect(true);
    let mut waiting = ByHand::new(next(&mut watcher));
    waiting.until_waiting();
    drop(waiting);
    let copy = watcher.clone();
    let writer = child(|| {
        let watch = Watch::<u64>::open(&name).unwrap();
        let _writer = watch.writer().unwrap();
        (1..=ITEMS).for_each(|value| watch.set(value).unwrap());
        support::hold_for_ever()
    });
    let mut last = 0;
    while last < ITEMS {
        let value = if last % 5 == 0 {
            watcher.changed_timeout(Duration::from_secs(10)).unwrap();
            watcher.get().unwrap()
        } else {
            pollster::block_on(next(&mut watcher)).unwrap().unwrap()
        };
        assert!(value > last, "{value} after {last}");
        last = value;
    }
    let mut end = ByHand::new(next(&mut watcher));
    end.until_waiting();
    writer.kill();
    assert!(end.finish().is_none());
    assert!(pollster::block_on(next(&mut watcher)).is_none());
    assert!(copy.has_changed(), "a clone has its own stream");
}

struct NoTask;

impl Wake for NoTask {
    fn wake(self: Arc<Self>) {}
}

/// Nothing keeps the waker of a stream that is gone, in the front of the list or behind it.
#[test]
fn a_dropped_watcher_leaves_the_list() {
    let name = name();
    let watch = Watch::<u64>::create(&name, 0).unwrap();
    for round in 0..50 {
        let mut watchers = [watch.watcher(), watch.watcher()];
        let tasks = [Arc::new(NoTask), Arc::new(NoTask)];
        for (watcher, task) in watchers.iter_mut().zip(&tasks) {
            let waker = Arc::clone(task).into();
            // The first poll lets others run, the second one waits.
            for _ in 0..2 {
                let polled = Pin::new(&mut *watcher).poll_next(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
            drop(waker);
            assert_eq!(Arc::strong_count(task), 2, "the list has it");
        }
        let [first, mut second] = watchers;
        drop(first);
        assert_eq!(Arc::strong_count(&tasks[0]), 1);
        watch.set(round).unwrap();
        assert_eq!(pollster::block_on(next(&mut second)).unwrap().unwrap(), round);
        drop(second);
        assert_eq!(Arc::strong_count(&tasks[1]), 1);
    }
}
