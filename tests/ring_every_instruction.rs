//! Rings, killed at every machine instruction of every operation: what was committed comes out exactly
//! once, whole and in order, nobody is stuck, and the whole room is there again.
//!
//! An item says its own number in several ways, so a torn one shows. A survivor at the other end
//! sleeps meanwhile and wants to be told of the end: it gets the item, or learns of the death.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod support;

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{
    name,
    step::{Victim, Walk, every_instruction, mark},
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{Error, Options, Side, mpmc, spsc};

/// Nothing a survivor does may take longer: no event is ever needed that could have been lost.
const PATIENCE: Duration = Duration::from_secs(20);
const SLOTS: u32 = 5;
const CAPACITY: usize = 4;

type Item = [u64; 3];

fn item(number: u64) -> Item {
    [number, !number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

#[track_caller]
fn number(found: Item) -> u64 {
    assert_eq!(found, item(found[0]), "torn");
    found[0]
}

fn options() -> Options {
    Options::new().max_processes(SLOTS).patience(Duration::from_millis(100))
}

/// Returns when somebody sleeps on a doorbell of the set.
fn until_asleep(set: i32, doorbell: usize) {
    let set = SemaphoreSet::from_id(set).expect("it is there");
    support::until(|| set.waiting_for_nonzero(2 + doorbell).expect("it is there") > 0);
}

/// An operation and the one that sleeps beside it: returns how the walk went, and what the sleeper got.
fn beside<T: Send>(
    victim: Victim,
    steps: u64,
    set: i32,
    doorbell: usize,
    sleeper: impl FnOnce() -> T + Send,
) -> (Walk, T) {
    thread::scope(|scope| {
        let sleeper = scope.spawn(sleeper);
        until_asleep(set, doorbell);
        let walk = victim.walk(steps);
        (walk, sleeper.join().expect("the survivor is well"))
    })
}

mod one_to_one {
    use super::*;

    // The doorbells: who waits for room, for items, for the producer's role.
    const ROOM: usize = 0;
    const ITEMS: usize = 1;
    const PRODUCER: usize = 2;

    fn ring(name: &str, items: u64) -> spsc::Ring<Item> {
        let ring = options().create_spsc(name, CAPACITY).expect("the name is ours");
        let mut producer = ring.producer().expect("it is free");
        // The places of the last lap are used, so that operations go round the end.
        for number in 0..CAPACITY as u64 - 1 {
            producer.push(item(number)).unwrap();
            ring.consumer().unwrap().pop().unwrap();
        }
        let first = CAPACITY as u64 - 1;
        (first..first + items).for_each(|number| producer.push(item(number)).unwrap());
        ring
    }

    fn open(name: &str) -> spsc::Ring<Item> {
        options().open_spsc(name).expect("a slot is free")
    }

    /// Looks after a kill: items come by position, so each is there exactly if it is committed and not consumed.
    fn survey(ring: &spsc::Ring<Item>) {
        let begun = Instant::now();
        let mut consumer = ring.consumer_timeout(PATIENCE).expect("the role is free");
        let mut producer = ring.producer_timeout(PATIENCE).expect("the role is free");
        let counts = ring.counts();
        for position in counts.popped..counts.pushed {
            assert_eq!(number(consumer.try_pop().expect("what is committed is there")), position);
        }
        if ring.is_closed() {
            assert!(matches!(consumer.try_pop(), Err(Error::Closed)));
        } else {
            assert!(consumer.try_pop().unwrap_err().is_busy());
            let next = counts.pushed..counts.pushed + CAPACITY as u64;
            next.clone().for_each(|number| producer.try_push(item(number)).expect("the whole room is there"));
            assert!(producer.try_push(item(0)).unwrap_err().error.is_busy());
            next.for_each(|expected| assert_eq!(number(consumer.try_pop().unwrap()), expected));
        }
        drop((producer, consumer));
        assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
    }

    fn every_slot_works(name: &str) {
        let everybody: Vec<_> = (0..SLOTS - 1).map(|_| open(name)).collect();
        everybody.iter().for_each(|ring| drop((ring.producer().unwrap(), ring.consumer().unwrap())));
    }

    /// Steps through what a producer does while a consumer sleeps.
    fn producing(operation: &str, items: u64, act: fn(&mut spsc::Producer<Item>, u64)) {
        every_instruction(operation, |steps| {
            let name = name();
            let ring = ring(&name, 0);
            let set = ring.status().unwrap().set;
            let first = ring.counts().pushed;
            let victim = Victim::start(|| {
                let mut producer = open(&name).producer().unwrap();
                mark();
                act(&mut producer, first);
                mark();
            });
            let (walk, popped) = beside(victim, steps, set, ITEMS, || {
                let mut consumer = ring.consumer().unwrap();
                consumer.tell_when_abandoned(true);
                let mut popped = 0;
                loop {
                    match consumer.pop_timeout(PATIENCE) {
                        Ok(found) => assert_eq!(number(found), first + popped),
                        Err(Error::Abandoned(Side::Producer) | Error::Closed) => return popped,
                        Err(error) => panic!("stuck: {error}"),
                    }
                    popped += 1;
                }
            });
            let committed = ring.counts().pushed - first;
            assert_eq!(popped, committed, "what is committed is delivered, once");
            assert!(popped <= items && (walk == Walk::Killed || popped == items), "{popped} after {walk:?}");
            survey(&ring);
            every_slot_works(&name);
            walk
        });
    }

    #[test]
    fn push() {
        producing("spsc.push, a consumer sleeps", 1, |producer, first| producer.push(item(first)).unwrap());
    }

    #[test]
    fn push_slice() {
        producing("spsc.push_slice, a consumer sleeps", 3, |producer, first| {
            assert_eq!(producer.push_slice(&[0, 1, 2].map(|number| item(first + number))).unwrap(), 3);
        });
    }

    #[test]
    fn reserve_and_commit() {
        producing("spsc.reserve and commit, a consumer sleeps", 2, |producer, first| {
            let mut places = producer.reserve(3).unwrap();
            (0..3).for_each(|index| places[index] = item(first + index as u64));
            places.commit_first(2);
        });
    }

    #[test]
    fn close() {
        producing("spsc.close, a consumer sleeps", 0, |producer, _| producer.close().unwrap());
    }

    #[test]
    fn leave() {
        every_instruction("spsc: the producer leaves, a consumer sleeps", |steps| {
            let name = name();
            let ring = ring(&name, 0);
            let set = ring.status().unwrap().set;
            let victim = Victim::start(|| {
                let ring = open(&name);
                let producer = ring.producer().unwrap();
                mark();
                drop(producer);
                mark();
            });
            let (walk, ()) = beside(victim, steps, set, ITEMS, || {
                let mut consumer = ring.consumer().unwrap();
                consumer.tell_when_abandoned(true);
                let told = consumer.pop_timeout(PATIENCE);
                assert!(matches!(told, Err(Error::Abandoned(Side::Producer))), "{told:?}");
            });
            survey(&ring);
            walk
        });
    }

    #[test]
    fn leave_to_who_stands_by() {
        every_instruction("spsc: the producer leaves, another stands by", |steps| {
            let name = name();
            let ring = ring(&name, 0);
            let set = ring.status().unwrap().set;
            let victim = Victim::start(|| {
                let ring = open(&name);
                let producer = ring.producer().unwrap();
                mark();
                drop(producer);
                mark();
            });
            let (walk, ()) =
                beside(victim, steps, set, PRODUCER, || drop(ring.producer_timeout(PATIENCE).expect("it is woken")));
            survey(&ring);
            walk
        });
    }

    /// Steps through what a consumer does while a producer sleeps on a full ring.
    fn consuming(operation: &str, items: u64, act: fn(&mut spsc::Consumer<Item>, u64)) {
        every_instruction(operation, |steps| {
            let name = name();
            let ring = ring(&name, CAPACITY as u64);
            let set = ring.status().unwrap().set;
            let first = ring.counts().popped;
            let victim = Victim::start(|| {
                let mut consumer = open(&name).consumer().unwrap();
                mark();
                act(&mut consumer, first);
                mark();
            });
            let (walk, pushed) = beside(victim, steps, set, ROOM, || {
                let mut producer = ring.producer().unwrap();
                producer.tell_when_abandoned(true);
                let mut pushed = 0;
                loop {
                    match producer.push_timeout(item(first + CAPACITY as u64 + pushed), PATIENCE) {
                        Ok(()) => pushed += 1,
                        Err(refused) => match refused.error {
                            Error::Abandoned(Side::Consumer) => return pushed,
                            error => panic!("stuck: {error}"),
                        },
                    }
                }
            });
            let consumed = ring.counts().popped - first;
            assert_eq!(pushed, consumed, "there is room for what is consumed, and no more");
            assert!(consumed <= items && (walk == Walk::Killed || consumed == items), "{consumed} after {walk:?}");
            survey(&ring);
            every_slot_works(&name);
            walk
        });
    }

    #[test]
    fn pop() {
        consuming("spsc.pop, a producer sleeps", 1, |consumer, first| {
            assert_eq!(number(consumer.pop().unwrap()), first);
        });
    }

    #[test]
    fn pop_slice() {
        consuming("spsc.pop_slice, a producer sleeps", 3, |consumer, first| {
            let mut items = [item(0); 3];
            assert_eq!(consumer.pop_slice(&mut items).unwrap(), 3);
            assert_eq!(number(items[2]), first + 2);
        });
    }

    #[test]
    fn peek_and_consume() {
        consuming("spsc.peek and consume, a producer sleeps", 2, |consumer, first| {
            let items = consumer.peek(9).unwrap();
            assert_eq!(number(items[3]), first + 3);
            items.consume_first(2);
        });
    }

    /// The victim takes over the role of one that died, and is killed on the way.
    #[test]
    fn take_over() {
        every_instruction("spsc: a role is taken over from the dead", |steps| {
            let name = name();
            let ring = ring(&name, 2);
            let victim = Victim::start(|| {
                let ring = open(&name);
                mark();
                let mut consumer = ring.consumer().unwrap();
                let mut producer = ring.producer().unwrap();
                mark();
                producer.push(consumer.pop().unwrap()).unwrap();
            });
            support::child(|| {
                let ring = open(&name);
                std::mem::forget((ring.producer().unwrap(), ring.consumer().unwrap()));
            })
            .join();
            let walk = victim.walk(steps);
            survey(&ring);
            every_slot_works(&name);
            walk
        });
    }

    #[test]
    fn open_or_create() {
        every_instruction("spsc.open_or_create, a new name", |steps| {
            let name = name();
            let victim = Victim::start(|| {
                mark();
                let _ring = options().open_or_create_spsc::<Item>(&name, CAPACITY).unwrap();
                mark();
            });
            let walk = victim.walk(steps);
            survey(&options().open_or_create_spsc(&name, CAPACITY).expect("it can be opened"));
            every_slot_works(&name);
            walk
        });
    }
}

mod many_to_many {
    use super::*;

    // The doorbells of those who asked to be told.
    const ROOM: usize = 2;
    const ITEMS: usize = 3;

    fn ring(name: &str, items: u64) -> mpmc::Ring<Item> {
        let ring = options().create_mpmc(name, CAPACITY).expect("the name is ours");
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for _ in 0..CAPACITY - 1 {
            producer.push(item(99)).unwrap();
            consumer.pop().unwrap();
        }
        (0..items).for_each(|number| producer.push(item(number)).unwrap());
        ring
    }

    fn open(name: &str) -> mpmc::Ring<Item> {
        options().open_mpmc(name).expect("a slot is free")
    }

    /// Looks after a kill; returns what was still there.
    fn survey(name: &str, ring: &mpmc::Ring<Item>) -> Vec<u64> {
        let begun = Instant::now();
        // Whoever opens takes the dead one's slot, or leaves it to those who wait.
        drop((0..SLOTS - 1).map(|_| open(name)).collect::<Vec<_>>());
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut rest: Vec<u64> = consumer.try_iter().map(number).collect();
        rest.sort_unstable();
        if !ring.is_closed() {
            for lap in 0..2 {
                (0..CAPACITY as u64).for_each(|number| {
                    producer.try_push(item(lap + number)).expect("the whole room is there");
                });
                assert!(producer.try_push(item(0)).unwrap_err().error.is_busy());
                (0..CAPACITY as u64).for_each(|expected| {
                    assert_eq!(number(consumer.try_pop().unwrap()), lap + expected);
                });
                assert!(consumer.try_pop().unwrap_err().is_busy());
            }
        }
        assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
        rest
    }

    /// Steps through what a producer does while a consumer sleeps; returns how many items came of it at most.
    fn producing(operation: &str, most: usize, act: fn(&mpmc::Producer<Item>)) {
        every_instruction(operation, |steps| {
            let name = name();
            let ring = ring(&name, 0);
            let set = ring.status().unwrap().set;
            let victim = Victim::start(|| {
                let producer = open(&name).producer().unwrap();
                mark();
                act(&producer);
                mark();
            });
            let (walk, popped) = beside(victim, steps, set, ITEMS, || {
                let mut consumer = ring.consumer().unwrap();
                consumer.tell_when_abandoned(true);
                let mut popped = Vec::new();
                loop {
                    match consumer.pop_timeout(PATIENCE) {
                        Ok(found) => popped.push(number(found)),
                        Err(Error::Abandoned(Side::Producer) | Error::Closed) => return popped,
                        Err(error) => panic!("stuck: {error}"),
                    }
                }
            });
            let in_order = popped.iter().copied().eq(0..popped.len() as u64);
            assert!(in_order && popped.len() <= most, "{popped:?}");
            assert!(walk == Walk::Killed || popped.len() == most, "{popped:?} after {walk:?}");
            assert_eq!(survey(&name, &ring), [], "what is committed is delivered, once");
            walk
        });
    }

    #[test]
    fn push() {
        producing("mpmc.push, a consumer sleeps", 1, |producer| producer.push(item(0)).unwrap());
    }

    #[test]
    fn push_slice() {
        producing("mpmc.push_slice, a consumer sleeps", 2, |producer| {
            assert_eq!(producer.push_slice(&[item(0), item(1)]).unwrap(), 2);
        });
    }

    /// One is skipped, and one behind it committed: it is to be had only when the first is out of the way.
    #[test]
    fn reserve_commit_and_drop() {
        producing("mpmc.reserve, commit and drop, a consumer sleeps", 1, |producer| {
            let skipped = producer.reserve().unwrap();
            let mut place = producer.reserve().unwrap();
            *place = item(0);
            place.commit();
            drop(skipped);
        });
    }

    #[test]
    fn close() {
        producing("mpmc.close, a consumer sleeps", 0, |producer| producer.close().unwrap());
    }

    #[test]
    fn leave() {
        producing("mpmc: a producer comes and leaves, a consumer sleeps", 0, |producer| drop(producer.clone()));
    }

    #[test]
    fn push_overwriting() {
        every_instruction("mpmc.push_overwriting, the ring is full", |steps| {
            let name = name();
            let ring = ring(&name, CAPACITY as u64);
            let victim = Victim::start(|| {
                let producer = open(&name).producer().unwrap();
                mark();
                producer.push_overwriting(item(4)).unwrap();
                mark();
            });
            let walk = victim.walk(steps);
            let rest = survey(&name, &ring);
            let is_right = match walk {
                Walk::Killed => [&[0, 1, 2, 3][..], &[1, 2, 3], &[1, 2, 3, 4]].contains(&&*rest),
                Walk::Ended(_) => rest == [1, 2, 3, 4],
            };
            assert!(is_right, "{rest:?} after {walk:?}");
            walk
        });
    }

    /// Steps through what a consumer does while a producer sleeps on a full ring. `taken` says how many it consumes.
    fn consuming(operation: &str, taken: u64, act: fn(&mpmc::Consumer<Item>)) {
        every_instruction(operation, |steps| {
            let name = name();
            let ring = ring(&name, CAPACITY as u64);
            let set = ring.status().unwrap().set;
            let victim = Victim::start(|| {
                let consumer = open(&name).consumer().unwrap();
                mark();
                act(&consumer);
                mark();
            });
            let (walk, pushed) = beside(victim, steps, set, ROOM, || {
                let mut producer = ring.producer().unwrap();
                producer.tell_when_abandoned(true);
                let mut next = CAPACITY as u64;
                loop {
                    match producer.push_timeout(item(next), PATIENCE) {
                        Ok(()) => next += 1,
                        Err(refused) => match refused.error {
                            Error::Abandoned(Side::Consumer) => return next - CAPACITY as u64,
                            error => panic!("stuck: {error}"),
                        },
                    }
                }
            });
            assert!(pushed <= taken && (walk == Walk::Killed || pushed == taken), "{pushed} after {walk:?}");
            let expected: Vec<u64> = (pushed..pushed + CAPACITY as u64).collect();
            assert_eq!(survey(&name, &ring), expected, "what is not consumed is there, once");
            walk
        });
    }

    #[test]
    fn pop() {
        consuming("mpmc.pop, a producer sleeps", 1, |consumer| assert_eq!(number(consumer.pop().unwrap()), 0));
    }

    #[test]
    fn claim() {
        consuming("mpmc.claim and drop, a producer sleeps", 2, |consumer| {
            let (first, second) = (consumer.claim().unwrap(), consumer.claim().unwrap());
            assert_eq!((number(*first), number(*second)), (0, 1));
            drop(first);
        });
    }

    #[test]
    fn put_back() {
        consuming("mpmc.claim and put back, a producer sleeps", 0, |consumer| consumer.claim().unwrap().put_back());
    }

    #[test]
    fn put_back_and_pop() {
        consuming("mpmc.claim, put back and pop, a producer sleeps", 1, |consumer| {
            consumer.claim().unwrap().put_back();
            assert_eq!(number(consumer.pop().unwrap()), 0, "it was put back");
        });
    }

    /// The victim finds what another dead one had, and is killed on the way.
    #[test]
    fn take_over() {
        every_instruction("mpmc.pop, the dead have items and places", |steps| {
            let name = name();
            let ring = ring(&name, 2);
            let victim = Victim::start(|| {
                let consumer = open(&name).consumer().unwrap();
                mark();
                let found = consumer.try_pop().unwrap();
                assert!(number(found) < 2);
                mark();
            });
            support::child(|| {
                let ring = open(&name);
                let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
                std::mem::forget((consumer.claim().unwrap(), consumer.claim().unwrap(), producer.reserve().unwrap()));
                std::mem::forget((producer, consumer, ring));
            })
            .join();
            let walk = victim.walk(steps);
            let rest = survey(&name, &ring);
            let is_right = match walk {
                Walk::Killed => [&[0, 1][..], &[0], &[1]].contains(&&*rest),
                Walk::Ended(_) => rest.len() == 1,
            };
            assert!(is_right, "{rest:?} after {walk:?}");
            walk
        });
    }

    #[test]
    fn open_or_create() {
        every_instruction("mpmc.open_or_create, a new name", |steps| {
            let name = name();
            let victim = Victim::start(|| {
                mark();
                let _ring = options().open_or_create_mpmc::<Item>(&name, CAPACITY).unwrap();
                mark();
            });
            let walk = victim.walk(steps);
            let ring = options().open_or_create_mpmc(&name, CAPACITY).expect("it can be opened");
            assert_eq!(survey(&name, &ring), []);
            walk
        });
    }
}
