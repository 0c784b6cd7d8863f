//! The ring in which every subscriber gets every item.

use super::*;
use support::{Name, child, exit_now};
use sysv_primitives::broadcast;

// Where the producer, and where subscribers sleep.
const ROOM: Waiters = Waiters::Common(0);
const ITEMS: Waiters = Waiters::Room { common: 1, each: 2, room: 1 };
const PRODUCER: Waiters = Waiters::Room { common: 1, each: 2, room: 0 };

type Ring = broadcast::Ring<Item>;

fn ring(is_lagging: bool, name: &str) -> Ring {
    let ring = options::<Ring>().lagging(is_lagging).create(name, CAPACITY).expect("the name is ours");
    let mut producer = ring.producer().expect("it is free");
    // Operations go round the end.
    (0..CAPACITY as u64 - 1).for_each(|number| producer.push(item(number)).unwrap());
    drop(producer);
    ring
}

fn open(name: &str) -> Ring {
    options::<Ring>().open(name).expect("a slot is free")
}

const FIRST: u64 = CAPACITY as u64 - 1;

/// Looks after a kill: nothing that the dead left is in the way, and items go through.
fn survey(ring: &Ring, name: &Name) {
    if !ring.is_closed() {
        let mut subscriber = ring.subscriber().expect("a place is free");
        let mut producer = ring.producer_timeout(LONG).expect("the role is free");
        let first = ring.counts().pushed;
        for number in first..first + 2 * CAPACITY as u64 {
            producer.push_timeout(item(number), LONG).expect("no dead one is in the way");
            assert_eq!(self::number(subscriber.try_pop().expect("it is there")), number);
        }
    }
    let handles: Vec<_> = (0..SLOTS - 1).map(|_| open(name)).collect();
    let subscribers: Vec<_> = handles.iter().map(|ring| ring.subscriber().expect("every slot works")).collect();
    handles.iter().for_each(|ring| drop(ring.producer_timeout(LONG).expect("every slot works")));
    assert_eq!(ring.subscribers().len(), subscribers.len(), "no dead one is left");
}

/// Steps through what a producer does while a subscriber sleeps.
fn producing(is_lagging: bool, operation: &str, items: u64, act: fn(&mut broadcast::Producer<Item>)) {
    every_instruction(operation, |steps| {
        let name = name();
        let ring = ring(is_lagging, &name);
        let set = ring.status().unwrap().set;
        let mut subscriber = ring.subscriber().unwrap();
        let victim = Victim::start(|| {
            let mut producer = open(&name).producer().unwrap();
            mark();
            act(&mut producer);
            mark();
        });
        let (walk, popped) = victim.walk_beside(steps, (set, ITEMS), || {
            subscriber.detect_disconnect(true);
            let mut popped = 0;
            loop {
                match subscriber.pop_timeout(LONG) {
                    Ok(found) => assert_eq!(number(found), FIRST + popped),
                    Err(PopError::Disconnected { .. } | PopError::Closed { .. }) => return popped,
                    Err(error) => panic!("stuck: {error}"),
                }
                popped += 1;
            }
        });
        assert_eq!(popped, ring.counts().pushed - FIRST, "what is committed is delivered, once");
        assert!(popped <= items && (walk == Walk::Killed || popped == items), "{popped} after {walk:?}");
        drop(subscriber);
        survey(&ring, &name);
        walk
    });
}

#[test]
fn push() {
    for is_lagging in [false, true] {
        producing(is_lagging, "broadcast.push, a subscriber sleeps", 1, |producer| producer.push(item(FIRST)).unwrap());
    }
}

#[test]
fn push_slice() {
    producing(false, "broadcast.push_slice, a subscriber sleeps", 3, |producer| {
        assert_eq!(producer.push_slice(&[0, 1, 2].map(|number| item(FIRST + number))).unwrap(), 3);
    });
    producing(true, "broadcast.push_slice, lagging, a subscriber sleeps", 3, |producer| {
        assert_eq!(producer.push_slice(&[0, 1, 2].map(|number| item(FIRST + number))).unwrap(), 3);
    });
}

#[test]
fn close() {
    producing(false, "broadcast.close, a subscriber sleeps", 0, |producer| producer.close().unwrap());
}

#[test]
fn leave() {
    every_instruction("broadcast: the producer leaves, another stands by", |steps| {
        let name = name();
        let ring = ring(false, &name);
        let set = ring.status().unwrap().set;
        let victim = Victim::start(|| {
            let ring = open(&name);
            let producer = ring.producer().unwrap();
            mark();
            drop(producer);
            mark();
        });
        let (walk, ()) =
            victim.walk_beside(steps, (set, PRODUCER), || drop(ring.producer_timeout(LONG).expect("it is woken")));
        survey(&ring, &name);
        walk
    });
}

/// Steps through what a subscriber does while the producer sleeps on a full ring, and another subscriber has popped all. The
/// victim dies at the end, and is not waited for.
fn popping(operation: &str, act: impl Fn(broadcast::Subscriber<Item>)) {
    every_instruction(operation, |steps| {
        let name = name();
        let ring = ring(false, &name);
        let set = ring.status().unwrap().set;
        let mut other = ring.subscriber().unwrap();
        let victim = Victim::start(|| {
            let ring = open(&name);
            let subscriber = ring.subscriber().unwrap();
            let mut producer = open(&name).producer().unwrap();
            (FIRST..FIRST + CAPACITY as u64).for_each(|number| producer.push(item(number)).unwrap());
            drop(producer);
            mark();
            act(subscriber);
            mark();
        });
        let (walk, ()) = victim.walk_beside(steps, (set, ROOM), || {
            let mut producer = ring.producer().unwrap();
            for number in FIRST..FIRST + CAPACITY as u64 {
                assert_eq!(self::number(other.try_pop().expect("it is there")), number);
            }
            for number in FIRST + CAPACITY as u64..FIRST + 3 * CAPACITY as u64 {
                producer.push_timeout(item(number), LONG).expect("the dead are not waited for");
                assert_eq!(self::number(other.try_pop().expect("it is there")), number);
            }
        });
        drop(other);
        survey(&ring, &name);
        walk
    });
}

#[test]
fn pop() {
    popping("broadcast.pop, the producer sleeps", |mut subscriber| {
        assert_eq!(number(subscriber.pop().unwrap()), FIRST);
        std::mem::forget(subscriber);
    });
}

#[test]
fn pop_slice() {
    popping("broadcast.pop_slice, the producer sleeps", |mut subscriber| {
        let mut items = [item(0); 3];
        assert_eq!(subscriber.pop_slice(&mut items).unwrap(), 3);
        assert_eq!(number(items[2]), FIRST + 2);
        std::mem::forget(subscriber);
    });
}

#[test]
fn peek_and_consume() {
    popping("broadcast.peek and consume, the producer sleeps", |mut subscriber| {
        let items = subscriber.peek(9).unwrap();
        assert_eq!(number(items[3]), FIRST + 3);
        items.consume(2);
        std::mem::forget(subscriber);
    });
}

#[test]
fn leaving() {
    popping("broadcast: a subscriber leaves, the producer sleeps", drop);
}

/// A victim joins while another one pops, and the producer goes on.
#[test]
fn join() {
    every_instruction("broadcast.subscriber", |steps| {
        let name = name();
        let ring = ring(false, &name);
        let mut other = ring.subscriber().unwrap();
        let victim = Victim::start(|| {
            let ring = open(&name);
            mark();
            let subscriber = ring.subscriber().unwrap();
            mark();
            drop(subscriber);
        });
        let walk = victim.walk(steps);
        let mut producer = ring.producer().unwrap();
        for number in FIRST..FIRST + 3 * CAPACITY as u64 {
            producer.push_timeout(item(number), LONG).expect("the dead are not waited for");
            assert_eq!(self::number(other.try_pop().expect("it is there")), number);
        }
        drop((producer, other));
        survey(&ring, &name);
        walk
    });
}

/// The victim waits beside a dead subscriber that is in its way, reaps it, and is killed on the way.
#[test]
fn reap() {
    every_instruction("broadcast.push, a dead subscriber is in the way", |steps| {
        let name = name();
        let ring = ring(false, &name);
        let victim = Victim::start(|| {
            let mut producer = open(&name).producer().unwrap();
            mark();
            for number in FIRST..=FIRST + CAPACITY as u64 {
                producer.push(item(number)).unwrap();
            }
            mark();
        });
        child(|| {
            std::mem::forget(open(&name).subscriber().unwrap());
            exit_now(0);
        })
        .join();
        let walk = victim.walk(steps);
        survey(&ring, &name);
        walk
    });
}

/// A subscriber of a lagging ring is killed while it pops what may be overwritten: no other one minds.
#[test]
fn lag() {
    every_instruction("broadcast.pop, lagging", |steps| {
        let name = name();
        let ring = ring(true, &name);
        let victim = Victim::start(|| {
            let ring = open(&name);
            let mut subscriber = ring.subscriber().unwrap();
            let mut producer = ring.producer().unwrap();
            (0..2 * CAPACITY as u64).for_each(|number| producer.push(item(FIRST + number)).unwrap());
            drop(producer);
            mark();
            assert!(matches!(subscriber.pop(), Err(PopError::Lagged { missed: 4 })));
            assert_eq!(number(subscriber.pop().unwrap()), FIRST + 4);
            mark();
        });
        let walk = victim.walk(steps);
        survey(&ring, &name);
        walk
    });
}
