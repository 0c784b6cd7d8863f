//! The last item of an mpmc ring is claimed, and the ring ends. The end is reported once the claim is settled: the item may
//! come back. C15.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

use support::{
    Child, SHORT, child, hold_for_ever, memory, name,
    prompt::{PROMPT, assert_waits, join_promptly, promptly},
};
use sysv_primitives::{PopError, mpmc};

/// How the ring ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Closed,
    /// The last producer leaves.
    Left,
    /// The last producer dies.
    Died,
}

/// What becomes of the claim of the last item.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Settled {
    Done,
    Requeued,
    Killed,
}

const ENDS: [End; 3] = [End::Closed, End::Left, End::Died];
const ALL_SETTLED: [Settled; 3] = [Settled::Done, Settled::Requeued, Settled::Killed];
const ITEM: u64 = 7;

/// What the process with the claim is to do, or the producer.
const WAIT: u32 = 0;
const DONE: u32 = 1;
const REQUEUE: u32 = 2;
const LEAVE: u32 = 3;

/// A ring with a last item that another process has claimed.
struct Scene<'a> {
    ring: mpmc::Ring<u64>,
    order: &'a AtomicU32,
    producer: Child,
    claimer: Child,
}

impl<'a> Scene<'a> {
    fn new(name: &str, order: &'a AtomicU32) -> Self {
        let ring = mpmc::Ring::options().max_handles(12).create(name, 4).unwrap();
        order.store(WAIT, SeqCst);
        let producer = child(|| {
            let producer = open(name).producer().unwrap();
            producer.push(ITEM).unwrap();
            while order.load(SeqCst) != LEAVE {
                thread::sleep(SHORT / 10);
            }
            drop(producer);
            order.store(WAIT, SeqCst);
            hold_for_ever()
        });
        promptly("an item is pushed", || !ring.is_empty());
        let claimer = child(|| {
            let consumer = open(name).consumer().unwrap();
            let claimed = consumer.claim().unwrap();
            assert_eq!(*claimed, ITEM);
            hold_until(order, claimed);
        });
        promptly("the item is claimed", || ring.is_empty());
        Self { ring, order, producer, claimer }
    }

    /// Ends the ring, and returns what settles the claim.
    fn end(self, end: End) -> Claimer<'a> {
        let Self { ring, order, producer, claimer } = self;
        match end {
            End::Closed => ring.close().unwrap(),
            End::Left => {
                order.store(LEAVE, SeqCst);
                promptly("the producer leaves", || order.load(SeqCst) == WAIT);
            }
            End::Died => {}
        }
        let producer = if end == End::Died {
            producer.kill();
            None
        } else {
            Some(producer)
        };
        Claimer { ring, order, claimer, _producer: producer }
    }
}

/// Settles a claim as it is ordered to, and stays alive.
fn hold_until(order: &AtomicU32, claimed: mpmc::Claimed<'_, u64>) -> ! {
    loop {
        match order.load(SeqCst) {
            DONE => claimed.done(),
            REQUEUE => claimed.requeue(),
            _ => {
                thread::sleep(SHORT / 10);
                continue;
            }
        }
        hold_for_ever()
    }
}

/// The process that has the last item of a ring that has ended.
struct Claimer<'a> {
    ring: mpmc::Ring<u64>,
    order: &'a AtomicU32,
    claimer: Child,
    _producer: Option<Child>,
}

impl Claimer<'_> {
    /// Settles the claim. Returns what lives on: woken processes are not to be helped by the end of another one.
    fn settle(self, how: Settled) -> impl Sized {
        match how {
            Settled::Killed => {
                self.claimer.kill();
                return (self.ring, None, self._producer);
            }
            Settled::Done => self.order.store(DONE, SeqCst),
            Settled::Requeued => self.order.store(REQUEUE, SeqCst),
        }
        (self.ring, Some(self.claimer), self._producer)
    }
}

fn open(name: &str) -> mpmc::Ring<u64> {
    mpmc::Ring::open(name).unwrap()
}

/// A consumer that detects the end, where it is the producers' end.
fn consumer(name: &str, end: End) -> mpmc::Consumer<u64> {
    let mut consumer = open(name).consumer().unwrap();
    consumer.detect_disconnect(end != End::Closed);
    consumer
}

#[track_caller]
fn assert_end(result: &Result<u64, PopError>, end: End) {
    let is_right = match end {
        End::Closed => matches!(result, Err(PopError::Closed { .. })),
        End::Left | End::Died => matches!(result, Err(PopError::Disconnected { .. })),
    };
    assert!(is_right, "{result:?} after {end:?}");
}

/// Asserts what a consumer got at last: the item and then the end, or the end alone.
#[track_caller]
fn assert_settled(consumer: &mpmc::Consumer<u64>, first: Result<u64, PopError>, end: End, how: Settled) {
    if how == Settled::Done {
        return assert_end(&first, end);
    }
    assert_eq!(first.unwrap_or_else(|error| panic!("{error}, and the item was {how:?} after {end:?}")), ITEM);
    assert_end(&consumer.pop(), end);
}

/// Runs a scene with every end and every way in which the claim is settled.
fn each(scene: impl Fn(&str, &AtomicU32, End, Settled)) {
    let orders = memory(4);
    let order: &AtomicU32 = orders.view(0).unwrap();
    for end in ENDS {
        for how in ALL_SETTLED {
            println!("{end:?}, {how:?}");
            scene(&name(), order, end, how);
        }
    }
}

/// Waits by one form or another, and consumes the item.
fn wait(consumer: &mpmc::Consumer<u64>, form: usize) -> Result<u64, PopError> {
    let consume = |claimed: mpmc::Claimed<'_, u64>| {
        let item = *claimed;
        claimed.done();
        item
    };
    match form {
        0 => consumer.pop(),
        1 => consumer.pop_timeout(PROMPT),
        2 => consumer.claim().map(consume),
        3 => consumer.claim_timeout(PROMPT).map(consume),
        _ => {
            let mut items = [0; 3];
            consumer.pop_slice(&mut items).map(|popped| {
                assert_eq!(popped, 1);
                items[0]
            })
        }
    }
}

#[test]
fn case_c15_a_waiter_that_comes_after_the_end() {
    each(|name, order, end, how| {
        let claimer = Scene::new(name, order).end(end);
        let waiters = [0, 1, 2, 3, 4].map(|form| {
            child(|| {
                let consumer = consumer(name, end);
                // One of them gets the item, if it comes back.
                match wait(&consumer, form) {
                    Ok(item) => assert_settled(&consumer, Ok(item), end, how),
                    error => assert_end(&error, end),
                }
            })
        });
        waiters.iter().for_each(|waiter| assert_waits("the last item is claimed", waiter));
        let _living = claimer.settle(how);
        waiters.into_iter().for_each(|waiter| join_promptly("the claim is settled", waiter));
    });
}

#[test]
fn case_c15_a_waiter_that_sleeps_before_the_end() {
    each(|name, order, end, how| {
        let scene = Scene::new(name, order);
        let waiter = child(|| {
            let consumer = consumer(name, end);
            let popped = consumer.pop();
            assert_settled(&consumer, popped, end, how);
        });
        waiter.until_asleep();
        let claimer = scene.end(end);
        assert_waits("the last item is claimed", &waiter);
        let _living = claimer.settle(how);
        join_promptly("the claim is settled", waiter);
    });
}

/// Exactly one of several waiters gets the item, and all are notified of the end. They stay alive meanwhile.
#[test]
fn case_c15_every_waiter_is_notified_once_the_claim_is_settled() {
    let counts = memory(8);
    let [items, ends] = [0, 4].map(|at| counts.view::<AtomicU32>(at).unwrap());
    each(|name, order, end, how| {
        items.store(0, SeqCst);
        ends.store(0, SeqCst);
        let scene = Scene::new(name, order);
        let waiters = [(); 3].map(|()| {
            child(|| {
                let consumer = consumer(name, end);
                let mut popped = consumer.pop();
                if popped.is_ok() {
                    items.fetch_add(1, SeqCst);
                    popped = consumer.pop();
                }
                assert_end(&popped, end);
                ends.fetch_add(1, SeqCst);
                hold_for_ever()
            })
        });
        waiters.iter().for_each(Child::until_asleep);
        let claimer = scene.end(end);
        waiters.iter().for_each(|waiter| assert_waits("the last item is claimed", waiter));
        let _living = claimer.settle(how);
        promptly("every waiter is notified of the end", || ends.load(SeqCst) == 3);
        assert_eq!(items.load(SeqCst), u32::from(how != Settled::Done), "the item comes once");
    });
}

/// The forms that do not wait, or not for long: the ring is empty, but not at its end.
#[test]
fn case_c15_forms_that_do_not_wait() {
    each(|name, order, end, how| {
        let claimer = Scene::new(name, order).end(end);
        let consumer = consumer(name, end);
        let mut items = [0; 2];
        for _ in 0..3 {
            assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
            assert!(matches!(consumer.try_claim(), Err(PopError::Empty)));
            assert!(matches!(consumer.try_pop_slice(&mut items), Err(PopError::Empty)));
        }
        assert!(matches!(consumer.pop_timeout(SHORT), Err(PopError::TimedOut)));
        assert!(matches!(consumer.claim_timeout(SHORT), Err(PopError::TimedOut)));
        assert!(matches!(consumer.pop_slice_timeout(&mut items, SHORT), Err(PopError::TimedOut)));
        let _living = claimer.settle(how);
        let mut popped = consumer.try_pop();
        promptly("the claim is settled", || {
            if matches!(popped, Err(PopError::Empty)) {
                popped = consumer.try_pop();
            }
            !matches!(popped, Err(PopError::Empty))
        });
        assert_settled(&consumer, popped, end, how);
    });
}
