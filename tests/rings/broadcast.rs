//! The ring in which every subscriber gets every item: between processes, with deaths, stops, forks, ends and time.

use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use support::{Child, LONG, SHORT, child, hold_for_ever, name, prompt::stop, refused, switches, until};
use sysv_primitives::{Failure, OpenError, Options, PopError, PushError, RoleError, broadcast};

type Ring = broadcast::Ring<u64>;

fn ring<T: bytemuck::Pod>(name: &str, capacity: usize) -> broadcast::Ring<T> {
    broadcast::Ring::options().max_handles(8).create(name, capacity).unwrap()
}

fn lagging<T: bytemuck::Pod>(name: &str, capacity: usize) -> broadcast::Ring<T> {
    broadcast::Ring::options().max_handles(8).lagging(true).create(name, capacity).unwrap()
}

fn open(name: &str) -> Ring {
    Ring::open(name).unwrap()
}

/// Starts a subscriber, and returns when it has joined.
fn subscribed(ring: &Ring, name: &str, body: impl FnOnce(broadcast::Subscriber<u64>)) -> Child {
    let before = ring.subscribers().len();
    let started = child(|| body(open(name).subscriber().unwrap()));
    until(|| ring.subscribers().len() > before);
    started
}

#[test]
fn every_subscriber_gets_every_item_in_order() {
    let name = name();
    let ring = ring::<u64>(&name, 16);
    let all = |mut subscriber: broadcast::Subscriber<u64>| {
        (0..10_000).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
    };
    let subscribers = [(); 3].map(|()| subscribed(&ring, &name, all));
    let mut producer = ring.producer().unwrap();
    (0..10_000).for_each(|number| producer.push_timeout(number, LONG).unwrap());
    subscribers.into_iter().for_each(Child::join);
    assert_eq!(ring.counts().pushed, 10_000);
    assert!(ring.subscribers().is_empty() && !producer.has_subscriber());
}

#[test]
fn a_subscriber_begins_with_what_is_pushed_next() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let mut producer = ring.producer().unwrap();
    (0..7).for_each(|number| producer.try_push(number).expect("without subscribers there is always room"));
    let mut first = ring.subscriber().unwrap();
    producer.try_push(7).unwrap();
    let mut second = ring.subscriber().unwrap();
    producer.try_push(8).unwrap();
    assert_eq!(first.try_iter().collect::<Result<Vec<_>, _>>().unwrap(), [7, 8]);
    assert!(refused(producer.try_push(9).and_then(|()| producer.try_push(10))).is_busy(), "the second has two");
    assert_eq!(second.try_iter().collect::<Result<Vec<_>, _>>().unwrap(), [8, 9]);
}

#[test]
fn the_slowest_holds_the_producer_up_and_nothing_else() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (mut fast, mut slow) = (ring.subscriber().unwrap(), ring.subscriber().unwrap());
    let mut producer = ring.producer().unwrap();
    assert_eq!(producer.push_slice(&[0, 1, 2, 3, 4, 5]).unwrap(), 4);
    assert_eq!(fast.try_iter().count(), 4);
    let (full, late) = (refused(producer.try_push(4)), refused(producer.push_timeout(4, SHORT)));
    assert!(matches!((full, late), (PushError::Full(4), PushError::TimedOut(4))));
    let lags: Vec<u64> = ring.subscribers().into_iter().map(|(_, lag)| lag).collect();
    assert_eq!((lags, ring.len(), producer.slots()), (vec![0, 4], 4, 0));
    assert_eq!(slow.pop().unwrap(), 0);
    producer.try_push(4).unwrap();
    drop(slow);
    assert_eq!((ring.len(), producer.slots()), (1, 3));
}

/// The producer sleeps for a subscriber, which is killed: it wakes at once, and the others have lost nothing.
#[test]
fn a_dead_subscriber_is_not_waited_for() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let mut survivor = ring.subscriber().unwrap();
    let victim = subscribed(&ring, &name, |_subscriber| hold_for_ever());
    let producer = child(|| {
        let mut producer = open(&name).producer().unwrap();
        (0..10).for_each(|number| producer.push(number).unwrap());
    });
    (0..4).for_each(|expected| assert_eq!(survivor.pop_timeout(LONG).unwrap(), expected));
    producer.until_asleep();
    assert!(survivor.try_pop().unwrap_err().is_busy(), "the victim holds it up");
    victim.kill();
    (4..10).for_each(|expected| assert_eq!(survivor.pop_timeout(LONG).unwrap(), expected));
    producer.join();
    assert_eq!(ring.subscribers().len(), 1);
}

/// A push that does not wait finds the dead as well, however many there are.
#[test]
fn try_push_takes_the_dead_out() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let mut producer = ring.producer().unwrap();
    let victims = [(); 3].map(|()| subscribed(&ring, &name, |_subscriber| hold_for_ever()));
    (0..2).for_each(|number| producer.try_push(number).unwrap());
    assert!(refused(producer.try_push(2)).is_busy());
    victims.into_iter().for_each(Child::kill);
    producer.try_push(2).unwrap();
    assert!(!producer.has_subscriber());
}

/// A stopped subscriber of a lossless ring is waited for, and gets every item when it goes on.
#[test]
fn a_stopped_subscriber_is_waited_for() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let stopped = subscribed(&ring, &name, |mut subscriber| {
        (0..8).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
    });
    stopped.until_asleep();
    stop(&stopped);
    let mut producer = ring.producer().unwrap();
    (0..4).for_each(|number| producer.push_timeout(number, LONG).unwrap());
    assert!(refused(producer.push_timeout(4, SHORT)).is_busy());
    stopped.signal(Signal::SIGCONT);
    (4..8).for_each(|number| producer.push_timeout(number, LONG).unwrap());
    stopped.join();
}

/// In a lagging ring it is not, and is told how much it missed.
#[test]
fn a_stopped_subscriber_of_a_lagging_ring_is_told() {
    let name = name();
    let ring = lagging::<u64>(&name, 4);
    let stopped = subscribed(&ring, &name, |mut subscriber| {
        let (mut expected, mut missed) = (0, 0);
        while expected < 100 {
            match subscriber.pop_timeout(LONG) {
                Ok(found) => {
                    assert_eq!(found, expected);
                    expected += 1;
                }
                Err(PopError::Lagged { missed: more }) => {
                    missed += more;
                    expected += more;
                }
                Err(error) => panic!("stuck: {error}"),
            }
        }
        assert_eq!(missed, 96);
    });
    stopped.until_asleep();
    stop(&stopped);
    let mut producer = ring.producer().unwrap();
    (0..100).for_each(|number| producer.try_push(number).unwrap());
    stopped.signal(Signal::SIGCONT);
    stopped.join();
    assert_eq!(ring.counts().overwritten, 96);
}

#[test]
fn a_subscriber_that_lags_goes_on_with_the_oldest() {
    let name = name();
    let ring = lagging::<[u64; 5]>(&name, 32);
    assert!(ring.is_lagging() && broadcast::Ring::<[u64; 5]>::open(&name).unwrap().is_lagging());
    let (mut subscriber, mut producer) = (ring.subscriber().unwrap(), ring.producer().unwrap());
    let item = |number: u64| [number, !number, number, 3, number];
    (0..100).for_each(|number| producer.push(item(number)).unwrap());
    // An eighth may be given up for what is written next.
    let Err(PopError::Lagged { missed }) = subscriber.pop() else { panic!("it lags") };
    assert!((68..=72).contains(&missed), "{missed}");
    assert_eq!(subscriber.len() as u64, 100 - missed);
    let mut popped = vec![[0; 5]; 100];
    let count = subscriber.pop_slice(&mut popped).unwrap();
    assert!(popped[..count].iter().copied().eq((missed..100).map(item)));
    assert!(matches!(subscriber.try_pop(), Err(PopError::Empty)));
    // More than fit: all are pushed, and the newest are there.
    let many: Vec<_> = (100..300).map(item).collect();
    assert_eq!(producer.push_slice(&many).unwrap(), 200);
    assert!(matches!(subscriber.peek(3), Err(PopError::Lagged { missed: 168..=172 })));
    let rest = subscriber.iter().take(28).collect::<Result<Vec<_>, _>>().unwrap();
    assert!(many.ends_with(&rest[rest.len() - 1..]) || rest.len() == 28);
}

/// Whole or not at all: a producer that overwrites at full speed, and subscribers that copy meanwhile.
#[test]
fn no_copy_is_torn() {
    fn races<T: bytemuck::Pod>(whole: fn(u64) -> T, number: fn(&T) -> Option<u64>) {
        let name = name();
        let ring = lagging::<T>(&name, 8);
        let subscribers = [1, 5].map(|batch| {
            child(|| {
                let mut subscriber = broadcast::Ring::<T>::open(&name).unwrap().subscriber().unwrap();
                let (mut last, mut got) = (None, 0);
                let mut items = vec![whole(0); batch];
                loop {
                    match subscriber.pop_slice_timeout(&mut items, LONG) {
                        Ok(count) => {
                            for item in &items[..count] {
                                let found = number(item).expect("it is whole");
                                assert!(last.is_none_or(|last| found > last), "{found} after {last:?}");
                                last = Some(found);
                            }
                            got += count;
                        }
                        Err(PopError::Lagged { missed }) => assert!(missed > 0),
                        Err(PopError::Closed { .. }) => break,
                        Err(error) => panic!("stuck: {error}"),
                    }
                }
                assert!(got > 0);
            })
        });
        until(|| ring.subscribers().len() == 2);
        let mut producer = ring.producer().unwrap();
        (1..200_000).for_each(|number| producer.push(whole(number)).unwrap());
        producer.close().unwrap();
        subscribers.into_iter().for_each(Child::join);
    }
    races(|number| [number; 8], |item| item.iter().all(|word| *word == item[0]).then_some(item[0]));
    // The low bytes of a number, in an odd size: bytes are copied one by one.
    races(
        |number| [number.to_le_bytes(), number.to_le_bytes(), [7; 8]].concat()[..17].try_into().unwrap(),
        |item: &[u8; 17]| {
            let number = |at: usize| u64::from_le_bytes(item[at..at + 8].try_into().unwrap());
            (number(0) == number(8)).then_some(number(0))
        },
    );
}

#[test]
fn in_place_in_both_modes() {
    for is_lagging in [false, true] {
        let name = name();
        let ring = if is_lagging { lagging::<u64>(&name, 32) } else { ring::<u64>(&name, 32) };
        let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        let mut other = ring.subscriber().unwrap();
        let mut places = producer.reserve_up_to(3).unwrap();
        assert_eq!(places.len(), 3);
        places.as_mut_slices().0[0] = 10;
        places[1] = 11;
        places[2] = 99;
        assert_eq!(places[1], 11);
        places.commit(2);
        drop(producer.reserve_up_to(2).unwrap());
        let peeked = subscriber.peek(100).unwrap();
        assert_eq!((peeked.len(), peeked.as_slices().0, peeked[1]), (2, &[10, 11][..], 11));
        peeked.consume(1);
        drop(subscriber.peek(1).unwrap());
        assert_eq!((subscriber.pop().unwrap(), other.pop().unwrap()), (11, 10));
        assert_eq!(producer.push_slice(&[]).unwrap(), 0);
        assert_eq!(subscriber.pop_slice(&mut []).unwrap(), 0);
    }
}

#[test]
fn slices_go_round_the_end() {
    let name = name();
    let ring = ring::<u32>(&name, 8);
    let mut producer = ring.producer().unwrap();
    let mut subscribers = [ring.subscriber().unwrap(), ring.subscriber().unwrap()];
    let (mut next, mut expected) = (0, [0, 0]);
    for _ in 0..1000 {
        let items: Vec<u32> = (next..next + fastrand::u32(0..12)).collect();
        match producer.try_push_slice(&items) {
            Ok(count) => next += u32::try_from(count).unwrap(),
            Err(error) => assert!(error.is_busy() && ring.len() == 8),
        }
        for (subscriber, expected) in subscribers.iter_mut().zip(&mut expected) {
            let mut room = vec![0; fastrand::usize(1..12)];
            match subscriber.try_pop_slice(&mut room) {
                Ok(count) => room[..count].iter().for_each(|&item| {
                    assert_eq!(item, *expected);
                    *expected += 1;
                }),
                Err(error) => assert!(error.is_busy() && *expected == next),
            }
        }
    }
    assert!(expected.iter().all(|&popped| popped > 100));
}

/// The producer dies half-way: what it had not committed never was, and a standby goes on from there.
#[test]
fn a_producer_dies_half_way() {
    for is_lagging in [false, true] {
        let name = name();
        let ring = if is_lagging { lagging::<u64>(&name, 8) } else { ring::<u64>(&name, 8) };
        let mut subscriber = ring.subscriber().unwrap();
        let victim = child(|| {
            let mut producer = open(&name).producer().unwrap();
            producer.push_slice(&[1, 2]).unwrap();
            let mut half = producer.reserve_up_to(2).unwrap();
            half[0] = 99;
            hold_for_ever()
        });
        assert_eq!(subscriber.pop_timeout(LONG).unwrap(), 1);
        let standby = child(|| open(&name).producer_timeout(Duration::MAX).unwrap().push(3).unwrap());
        standby.until_asleep();
        assert!(matches!(ring.try_producer(), Err(RoleError::Taken { pid, .. }) if pid == victim.id()));
        assert_eq!(ring.holder().map(|holder| holder.pid), Some(victim.id()));
        victim.kill();
        assert_eq!((subscriber.pop_timeout(LONG).unwrap(), subscriber.pop_timeout(LONG).unwrap()), (2, 3));
        standby.join();
        assert!(ring.producer_timeout(SHORT).is_ok() && subscriber.is_empty());
    }
}

/// The next producer does not write over what is still to be popped.
#[test]
fn a_new_producer_finds_the_ring_as_it_is() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let mut subscriber = ring.subscriber().unwrap();
    ring.producer().unwrap().push_slice(&[1, 2]).unwrap();
    assert!(refused(ring.producer().unwrap().try_push(3)).is_busy());
    assert_eq!(subscriber.pop().unwrap(), 1);
    ring.producer().unwrap().try_push(3).unwrap();
    assert_eq!(subscriber.try_iter().collect::<Result<Vec<_>, _>>().unwrap(), [2, 3]);
}

#[test]
fn subscribers_join_and_leave_while_items_flow() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let steady = subscribed(&ring, &name, |mut subscriber| {
        (0..30_000).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
    });
    let passing = [(); 2].map(|()| {
        child(|| {
            let ring = open(&name);
            for _ in 0..300 {
                let mut subscriber = ring.subscriber().unwrap();
                let mut last = None;
                for _ in 0..fastrand::u32(..20) {
                    match subscriber.pop_timeout(LONG) {
                        Ok(found) => assert!(last.replace(found).is_none_or(|last| found == last + 1)),
                        Err(PopError::Closed { .. }) => return,
                        Err(error) => panic!("stuck: {error}"),
                    }
                }
            }
        })
    });
    let mut producer = ring.producer().unwrap();
    (0..30_000).for_each(|number| producer.push_timeout(number, LONG).expect("all of them go on"));
    producer.close().unwrap();
    steady.join();
    passing.into_iter().for_each(Child::join);
}

#[test]
fn a_closed_ring_is_emptied_first() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    producer.push_slice(&[1, 2, 3]).unwrap();
    producer.close().unwrap();
    assert!(ring.is_closed() && matches!(refused(producer.push(4)), PushError::Closed { item: 4, .. }));
    assert_eq!(subscriber.iter().collect::<Result<Vec<_>, _>>().unwrap(), [1, 2, 3]);
    assert!(matches!(subscriber.pop(), Err(PopError::Closed { .. })));
    let mut late = ring.subscriber().unwrap();
    assert!(matches!(late.pop_timeout(LONG), Err(PopError::Closed { .. })));
}

#[test]
fn closing_wakes_both_sides() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let waiting = subscribed(&ring, &name, |mut subscriber| {
        assert!(matches!(subscriber.pop(), Err(PopError::Closed { .. })));
    });
    waiting.until_asleep();
    let other = support::name();
    let full = self::ring::<u64>(&other, 1);
    let _slow = full.subscriber().unwrap();
    let waiting_producer = child(|| {
        let mut producer = open(&other).producer().unwrap();
        producer.push(1).unwrap();
        assert!(matches!(refused(producer.push(2)), PushError::Closed { .. }));
    });
    waiting_producer.until_asleep();
    ring.close().unwrap();
    full.close().unwrap();
    waiting.join();
    waiting_producer.join();
}

/// A subscriber that asked is told at once, whether the producer leaves or dies.
#[test]
fn a_disconnect_is_detected() {
    for dies in [false, true] {
        let name = name();
        let ring = ring::<u64>(&name, 4);
        let subscriber = subscribed(&ring, &name, |mut subscriber| {
            subscriber.detect_disconnect(true);
            assert_eq!(subscriber.pop().unwrap(), 7);
            assert!(matches!(subscriber.pop(), Err(PopError::Disconnected { .. })));
        });
        subscriber.until_asleep();
        child(|| {
            let mut producer = open(&name).producer().unwrap();
            producer.push(7).unwrap();
            thread::sleep(SHORT);
            if dies { std::mem::forget(producer) } else { drop(producer) }
        })
        .join();
        subscriber.join();
        let mut late = ring.subscriber().unwrap();
        late.detect_disconnect(true);
        assert!(!late.has_producer() || dies);
        assert!(matches!(late.try_pop(), Err(PopError::Disconnected { .. })));
    }
}

#[test]
fn a_producer_detects_that_the_subscribers_are_gone() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let mut producer = ring.producer().unwrap();
    producer.detect_disconnect(true);
    (0..10).for_each(|number| producer.try_push(number).expect("none has come yet"));
    let first = subscribed(&ring, &name, |_subscriber| hold_for_ever());
    let second = subscribed(&ring, &name, |subscriber| {
        thread::sleep(SHORT);
        drop(subscriber);
        hold_for_ever()
    });
    let killer = thread::spawn({
        move || {
            thread::sleep(SHORT * 2);
            first.kill();
        }
    });
    // It sleeps for the first one, which is killed.
    let ended = (0..).map(|number| producer.push(number)).find_map(Result::err);
    assert!(matches!(ended, Some(PushError::Disconnected { .. })), "{ended:?}");
    killer.join().unwrap();
    drop(second);
}

#[test]
fn a_child_has_no_part_in_what_its_parent_has() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let producer = Mutex::new(Some(ring.producer().unwrap()));
    let subscriber = Mutex::new(Some(ring.subscriber().unwrap()));
    producer.lock().unwrap().as_mut().unwrap().push(1).unwrap();
    {
        let mut reserving = producer.lock().unwrap();
        let reserved = Mutex::new(Some(reserving.as_mut().unwrap().reserve_up_to(1).unwrap()));
        let mut peeking = subscriber.lock().unwrap();
        let peeked = Mutex::new(Some(peeking.as_mut().unwrap().peek(1).unwrap()));
        child(|| {
            let mut inherited = reserved.lock().unwrap().take().unwrap();
            assert_eq!(inherited.as_mut_slices().0, []);
            inherited.commit_all();
            let inherited = peeked.lock().unwrap().take().unwrap();
            assert_eq!(inherited.as_slices().0, []);
            inherited.consume_all();
            assert!(matches!(ring.try_producer(), Err(RoleError::Taken { .. })));
            // It has a subscriber of its own.
            let own = ring.subscriber().unwrap();
            assert_eq!(ring.subscribers().len(), 2);
            drop(own);
        })
        .join();
    }
    assert_eq!((ring.counts().pushed, ring.len()), (1, 1), "the child has pushed and popped nothing");
    child(|| {
        let mut producer = producer.lock().unwrap().take().unwrap();
        let pushed = refused(producer.push(5));
        assert!(matches!(pushed, PushError::Failed { failure: Failure::Inherited { what: "producer", .. }, .. }));
        let mut subscriber = subscriber.lock().unwrap().take().unwrap();
        let popped = subscriber.try_pop();
        assert!(matches!(popped, Err(PopError::Failed(Failure::Inherited { what: "subscriber", .. }))), "{popped:?}");
    })
    .join();
    assert_eq!((ring.subscribers().len(), ring.holder().is_some()), (1, true), "a child's drop changes nothing");
    assert_eq!(subscriber.lock().unwrap().as_mut().unwrap().pop().unwrap(), 1);
}

/// As many as there may be handles, in one process or in many; the place of one that died is free.
#[test]
fn there_are_so_many_subscribers() {
    let name = name();
    let ring = Ring::options().max_handles(3).create(&name, 4).unwrap();
    let mut all: Vec<_> = (0..3).map(|_| ring.subscriber().unwrap()).collect();
    assert!(matches!(ring.subscriber(), Err(Failure::TooManyHandles { max_handles: 3, .. })));
    ring.producer().unwrap().push(7).unwrap();
    assert!(all.iter_mut().all(|subscriber| subscriber.pop().unwrap() == 7));
    all.clear();
    child(|| {
        let ring = open(&name);
        std::mem::forget([(); 3].map(|()| ring.subscriber().unwrap()));
        support::exit_now(0);
    })
    .join();
    assert_eq!(ring.subscribers().len(), 3);
    drop(ring.subscriber().expect("the dead are taken out"));
    assert!(ring.subscribers().is_empty());
}

/// Threads of one process, each with a subscriber, share a slot and a doorbell.
#[test]
fn threads_of_one_process_are_subscribers_each() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let mut subscribers = [(); 3].map(|()| ring.subscriber().unwrap());
    let producer = child(|| {
        let mut producer = open(&name).producer().unwrap();
        for number in 0..3_000 {
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            producer.push_timeout(number, LONG).unwrap();
        }
    });
    thread::scope(|scope| {
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                (0..3_000).for_each(|expected| assert_eq!(subscriber.pop_timeout(LONG).unwrap(), expected));
            });
        }
    });
    producer.join();
}

#[test]
fn waits_end_in_time() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    let begun = Instant::now();
    assert!(subscriber.pop_timeout(SHORT).unwrap_err().is_busy());
    assert!(subscriber.peek_timeout(1, SHORT).unwrap_err().is_busy());
    producer.push(1).unwrap();
    assert!(refused(producer.push_timeout(2, SHORT)).is_busy());
    assert!(producer.reserve_up_to_timeout(1, SHORT).unwrap_err().is_busy());
    assert!(producer.push_slice_timeout(&[1], SHORT).unwrap_err().is_busy());
    assert!(matches!(ring.producer_timeout(SHORT), Err(RoleError::TimedOut { .. })));
    assert!(begun.elapsed() >= SHORT * 6);
}

#[test]
fn sleepers_use_no_processor_and_one_wake_up() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let sleepers = [(); 3].map(|()| {
        subscribed(&ring, &name, |mut subscriber| {
            assert_eq!(subscriber.pop().unwrap(), 0);
            let before = switches();
            assert_eq!(subscriber.pop().unwrap(), 1);
            let slept = switches() - before;
            // Once for want of an item; and the heavy fence before it may have to wait for another process's.
            assert!((1..=4).contains(&slept), "{slept} times");
        })
    });
    let mut producer = ring.producer().unwrap();
    producer.push(0).unwrap();
    thread::sleep(Duration::from_millis(200));
    producer.push(1).unwrap();
    sleepers.into_iter().for_each(Child::join);
}

/// A subscriber that is not in the way does not wake the producer.
#[test]
fn only_the_slowest_wakes_the_producer() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (mut fast, mut slow) = (ring.subscriber().unwrap(), ring.subscriber().unwrap());
    let producer = child(|| {
        let mut producer = open(&name).producer().unwrap();
        (0..4).for_each(|number| producer.push(number).unwrap());
        let before = switches();
        producer.push(4).unwrap();
        let slept = switches() - before;
        assert!((1..=4).contains(&slept), "{slept} times");
    });
    until(|| fast.len() == 4);
    producer.until_asleep();
    for _ in 0..4 {
        fast.pop().unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    slow.pop().unwrap();
    producer.join();
}

#[test]
fn types_names_and_options_are_checked() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    assert!(matches!(broadcast::Ring::<u32>::open(&name), Err(OpenError::WrongType { .. })));
    assert!(matches!(Ring::create(&name, 4), Err(OpenError::NameTaken { .. })));
    assert_eq!(Ring::open_or_create(&name, 4000).unwrap().capacity(), 4);
    let exact = Ring::options().exact(true).max_handles(8);
    assert!(exact.open(&name).is_ok());
    let refused = exact.lagging(true).open(&name);
    assert!(matches!(refused, Err(OpenError::OtherOptions { option: "lagging", found: 0, wanted: 1, .. })));
    assert!(!Ring::options().lagging(true).open(&name).unwrap().is_lagging(), "it is as it was made");
    let huge = Ring::options().create(&support::name(), usize::MAX / 2);
    assert!(matches!(huge, Err(OpenError::TooLarge { .. })), "{huge:?}");
    ring.remove().unwrap();
    assert!(matches!(Ring::open(&name), Err(OpenError::NoSuchName { .. })));
}

#[test]
fn types_of_no_size_and_of_great_alignment() {
    #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Zeroable, bytemuck::Pod)]
    #[repr(C, align(512))]
    struct Page([u8; 512]);
    for is_lagging in [false, true] {
        let (empty, pages) = (name(), name());
        let options = Options::<broadcast::Ring<()>>::new().max_handles(2);
        let ring = options.lagging(is_lagging).create(&empty, 1 << 20).unwrap();
        let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        assert_eq!((producer.push_slice(&[(); 3]).unwrap(), subscriber.peek(9).unwrap().len()), (3, 3));
        let options = Options::<broadcast::Ring<Page>>::new().max_handles(2);
        let ring = options.lagging(is_lagging).create(&pages, 2).unwrap();
        let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
        producer.push(Page([7; 512])).unwrap();
        assert_eq!(subscriber.pop().unwrap(), Page([7; 512]));
    }
}

/// The same traffic with every process fencing for itself, or the sleepers for all.
#[test]
fn fences_lose_no_wake_up() {
    for light in [true, false] {
        ping_pong(&Options::new().light_fences(light), 10_000);
    }
}

/// One item at a time there and back, so that each side sleeps or is about to, again and again.
fn ping_pong(options: &Options<Ring>, rounds: u64) {
    let (there, back) = (name(), name());
    let rings = (options.create(&there, 1).unwrap(), options.create(&back, 1).unwrap());
    let mut from = rings.1.subscriber().unwrap();
    let echo = subscribed(&rings.0, &there, |mut subscriber| {
        let mut to = open(&back).producer().unwrap();
        (0..rounds).for_each(|_| to.push(subscriber.pop_timeout(LONG).expect("no wake-up is lost")).unwrap());
    });
    let mut to = rings.0.producer().unwrap();
    for round in 0..rounds {
        // Now and then long enough for the other to fall asleep, or just about.
        (0..fastrand::u32(..if round % 8 == 0 { 4000 } else { 2 })).for_each(|_| std::hint::spin_loop());
        to.push_timeout(round, LONG).expect("no wake-up is lost");
        assert_eq!(from.pop_timeout(LONG).expect("no wake-up is lost"), round);
    }
    echo.join();
}

/// Damage: a cursor names a slot without a member. No death will tell of it, and the producer repairs it.
#[test]
fn a_cursor_of_no_member_is_repaired() {
    // The slots end at 640, and the body begins there: its control with `reach`, and the cursors from 384 on.
    const REACH: usize = 640 + 40;
    const SECOND_CURSOR: usize = 640 + 384 + 128;
    for waits in [false, true] {
        let name = name();
        let ring = ring::<u64>(&name, 2);
        let mut subscriber = ring.subscriber().unwrap();
        let memory = sysv_ipc::Segment::from_id(ring.status().unwrap().segment).unwrap().attach().unwrap();
        assert_eq!(memory.read(4, REACH).unwrap(), 1_u32.to_ne_bytes(), "it lies elsewhere");
        memory.write(&2_u32.to_ne_bytes(), REACH).unwrap();
        memory.write(&(7_u64 << 48).to_ne_bytes(), SECOND_CURSOR).unwrap();
        assert_eq!(ring.subscribers().len(), 2);
        let mut producer = ring.producer().unwrap();
        for number in 0..5 {
            let pushed = if waits { producer.push_timeout(number, LONG) } else { producer.try_push(number) };
            pushed.expect("no member is waited for");
            assert_eq!(subscriber.try_pop().unwrap(), number);
        }
        assert_eq!(ring.subscribers().len(), 1);
        // Far away, of a living member: the ring is corrupt.
        memory.write(&(1_u64 << 48 | 77).to_ne_bytes(), SECOND_CURSOR).unwrap();
        let pushed = (5..10).map(|number| producer.try_push(number)).find_map(Result::err);
        assert!(matches!(pushed, Some(PushError::Failed { failure: Failure::Damaged { .. }, .. })), "{pushed:?}");
    }
}
