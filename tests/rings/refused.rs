//! A process that loses the right to post while it uses a ring: the next notifier wakes the waiter.

use std::fmt::Debug;

use support::{
    Waiters, name,
    rights::{each_loss, is_refusal, refused_while_another_sleeps},
};
use sysv_primitives::{Failure, PopError, PushError, RoleError, mpmc, spsc};

#[track_caller]
fn assert_not_popped<T: Debug>(result: Result<T, PopError>) {
    assert!(matches!(&result, Err(PopError::Failed(failure)) if is_refusal(failure)), "{result:?}");
}

/// The failure of an earlier push: this item was not pushed, and comes back.
#[track_caller]
fn assert_not_pushed(result: Result<(), PushError<u32>>, item: u32) {
    match result {
        Err(PushError::Failed { item: back, failure }) if is_refusal(&failure) => assert_eq!(back, item),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_refused<T: Debug>(result: Result<T, Failure>) {
    assert!(matches!(&result, Err(failure) if is_refusal(failure)), "{result:?}");
}

/// Where the producer of an spsc ring sleeps, and where its consumer does.
const PRODUCER: Waiters = Waiters::Common(0);
const CONSUMER: Waiters = Waiters::Common(1);

#[test]
fn case_c3_a_refused_push_of_spsc() {
    each_loss(|lose| {
        let name = name();
        let ring = spsc::Ring::<u32>::create(&name, 8).unwrap();
        let set = ring.status().unwrap().set;
        let begin = || {
            let ring = spsc::Ring::<u32>::open(&name).unwrap();
            let mut producer = ring.producer().unwrap();
            || {
                // It is pushed, whatever becomes of the post. The next call says so, once.
                producer.push(1).unwrap();
                assert_not_pushed(producer.push(2), 2);
                producer.push(2).unwrap();
                assert_not_pushed(producer.try_push(3), 3);
                drop(producer);
                let refused = ring.try_producer();
                let is_refused = matches!(&refused, Err(RoleError::Failed(failure)) if is_refusal(failure));
                assert!(is_refused, "{refused:?}");
                std::mem::forget(ring);
            }
        };
        let sleep = || {
            let mut consumer = spsc::Ring::<u32>::open(&name).unwrap().consumer().unwrap();
            assert_eq!([(); 3].map(|()| consumer.pop().unwrap()), [1, 2, 3]);
        };
        let (refused, sleeper) = refused_while_another_sleeps((set, CONSUMER), lose, begin, sleep);
        ring.try_producer().unwrap().push(3).unwrap();
        sleeper.join();
        refused.kill();
    });
}

#[test]
fn case_c3_a_refused_pop_of_spsc() {
    each_loss(|lose| {
        let name = name();
        let ring = spsc::Ring::<u32>::create(&name, 2).unwrap();
        let set = ring.status().unwrap().set;
        let begin = || {
            let ring = spsc::Ring::<u32>::open(&name).unwrap();
            let mut consumer = ring.consumer().unwrap();
            let mut producer = ring.producer().unwrap();
            (1..=2).for_each(|item| producer.push(item).unwrap());
            drop(producer);
            || {
                assert_eq!(consumer.pop().unwrap(), 1);
                assert_not_popped(consumer.pop());
                drop(consumer);
                std::mem::forget(ring);
            }
        };
        let sleep = || spsc::Ring::<u32>::open(&name).unwrap().producer().unwrap().push(3).unwrap();
        let (refused, sleeper) = refused_while_another_sleeps((set, PRODUCER), lose, begin, sleep);
        let mut consumer = ring.try_consumer().unwrap();
        assert_eq!([(); 2].map(|()| consumer.pop().unwrap()), [2, 3]);
        sleeper.join();
        refused.kill();
    });
}

#[test]
fn case_c3_a_refused_push_of_mpmc() {
    each_loss(|lose| {
        let name = name();
        let ring = mpmc::Ring::<u32>::create(&name, 8).unwrap();
        let set = ring.status().unwrap().set;
        let begin = || {
            let producer = mpmc::Ring::<u32>::open(&name).unwrap().producer().unwrap();
            || {
                producer.push(1).unwrap();
                assert_not_pushed(producer.push(2), 2);
                producer.push(2).unwrap();
                // A copy has none of it. A reservation is refused like a push.
                assert!(producer.clone().try_push(3).is_ok());
                assert_not_pushed(producer.try_push(4), 4);
                producer.reserve().unwrap().commit();
                assert!(producer.reserve().is_err());
                std::mem::forget(producer);
            }
        };
        let sleep = || {
            let consumer = mpmc::Ring::<u32>::open(&name).unwrap().consumer().unwrap();
            assert_eq!([(); 3].map(|()| consumer.pop().unwrap()), [1, 2, 3]);
        };
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_ITEMS), lose, begin, sleep);
        ring.producer().unwrap().push(5).unwrap();
        sleeper.join();
        refused.kill();
    });
}

/// A claimed item is consumed or requeued, and the producer sleeps on until the next consumer.
#[test]
fn case_c3_a_refused_pop_of_mpmc() {
    each_loss(|lose| {
        let name = name();
        let ring = mpmc::Ring::<u32>::create(&name, 2).unwrap();
        let set = ring.status().unwrap().set;
        (1..=2).for_each(|item| ring.producer().unwrap().push(item).unwrap());
        let begin = || {
            let consumer = mpmc::Ring::<u32>::open(&name).unwrap().consumer().unwrap();
            || {
                consumer.claim().unwrap().done();
                assert_not_popped(consumer.claim());
                // It serves consumers alone.
                consumer.claim().unwrap().requeue();
                std::mem::forget(consumer);
            }
        };
        let sleep = || mpmc::Ring::<u32>::open(&name).unwrap().producer().unwrap().push(3).unwrap();
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_SLOTS), lose, begin, sleep);
        let consumer = ring.consumer().unwrap();
        assert_eq!([(); 2].map(|()| consumer.pop().unwrap()), [2, 3]);
        sleeper.join();
        refused.kill();
    });
}

/// The last producer leaves, and the consumer that detects it is not notified. The next one to leave notifies it.
#[test]
fn case_c3_a_refused_leave_of_mpmc() {
    each_loss(|lose| {
        let name = name();
        let ring = mpmc::Ring::<u32>::create(&name, 2).unwrap();
        let set = ring.status().unwrap().set;
        let begin = || {
            let ring = mpmc::Ring::<u32>::open(&name).unwrap();
            let producer = ring.producer().unwrap();
            || {
                drop(producer);
                assert_refused(ring.producer().map(drop));
                std::mem::forget(ring);
            }
        };
        let sleep = || {
            let mut consumer = mpmc::Ring::<u32>::open(&name).unwrap().consumer().unwrap();
            consumer.detect_disconnect(true);
            assert!(matches!(consumer.pop(), Err(PopError::Disconnected { .. })));
        };
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_ITEMS), lose, begin, sleep);
        drop(ring.producer().unwrap());
        sleeper.join();
        refused.kill();
    });
}

/// Closing has a result, and returns the failure itself. The ring is closed.
#[test]
fn case_c3_a_refused_close() {
    each_loss(|lose| {
        let (one, many) = (name(), name());
        let spsc = spsc::Ring::<u32>::create(&one, 2).unwrap();
        let mpmc = mpmc::Ring::<u32>::create(&many, 2).unwrap();
        let close_one = || {
            let ring = spsc::Ring::<u32>::open(&one).unwrap();
            move || {
                assert_refused(ring.close());
                assert!(ring.is_closed());
                std::mem::forget(ring);
            }
        };
        let close_many = || {
            let ring = mpmc::Ring::<u32>::open(&many).unwrap();
            move || {
                assert_refused(ring.close());
                assert!(ring.is_closed());
                std::mem::forget(ring);
            }
        };
        let pop_one = || {
            let popped = spsc::Ring::<u32>::open(&one).unwrap().consumer().unwrap().pop();
            assert!(matches!(popped, Err(PopError::Closed { .. })), "{popped:?}");
        };
        let pop_many = || {
            let popped = mpmc::Ring::<u32>::open(&many).unwrap().consumer().unwrap().pop();
            assert!(matches!(popped, Err(PopError::Closed { .. })), "{popped:?}");
        };
        let set = spsc.status().unwrap().set;
        let (refused, sleeper) = refused_while_another_sleeps((set, CONSUMER), lose, close_one, pop_one);
        spsc.close().unwrap();
        sleeper.join();
        refused.kill();
        let set = mpmc.status().unwrap().set;
        let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::FOR_ITEMS), lose, close_many, pop_many);
        mpmc.close().unwrap();
        sleeper.join();
        refused.kill();
    });
}
