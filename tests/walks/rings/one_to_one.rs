//! The ring for one producer and one consumer.

use super::*;

// Where the waiters for room, for items and for the producer's role sleep.
const ROOM: Waiters = Waiters::Common(0);
const ITEMS: Waiters = Waiters::Common(1);
const PRODUCER: Waiters = Waiters::FOR_PRODUCER;

fn ring(name: &str, items: u64) -> spsc::Ring<Item> {
    let ring = options::<spsc::Ring<_>>().create(name, CAPACITY).expect("the name is ours");
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
    options::<spsc::Ring<_>>().open(name).expect("a slot is free")
}

/// Looks after a kill: items come by position, so each is there exactly if it is committed and not consumed.
fn survey(ring: &spsc::Ring<Item>) {
    let mut consumer = ring.consumer_timeout(LONG).expect("the role is free");
    let mut producer = ring.producer_timeout(LONG).expect("the role is free");
    let counts = ring.counts();
    for position in counts.popped..counts.pushed {
        assert_eq!(number(consumer.try_pop().expect("what is committed is there")), position);
    }
    if ring.is_closed() {
        assert!(matches!(consumer.try_pop(), Err(PopError::Closed { .. })));
    } else {
        assert!(consumer.try_pop().unwrap_err().is_busy());
        let next = counts.pushed..counts.pushed + CAPACITY as u64;
        next.clone().for_each(|number| producer.try_push(item(number)).expect("the whole room is there"));
        assert!(producer.try_push(item(0)).unwrap_err().is_busy());
        next.for_each(|expected| assert_eq!(number(consumer.try_pop().unwrap()), expected));
    }
    drop((producer, consumer));
}

fn every_slot_works(name: &str) {
    let handles: Vec<_> = (0..SLOTS - 1).map(|_| open(name)).collect();
    handles.iter().for_each(|ring| drop((ring.producer().unwrap(), ring.consumer().unwrap())));
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
        let (walk, popped) = victim.walk_beside(steps, (set, ITEMS), || {
            let mut consumer = ring.consumer().unwrap();
            consumer.detect_disconnect(true);
            let mut popped = 0;
            loop {
                match consumer.pop_timeout(LONG) {
                    Ok(found) => assert_eq!(number(found), first + popped),
                    Err(PopError::Disconnected { .. } | PopError::Closed { .. }) => return popped,
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
        let mut places = producer.reserve_up_to(3).unwrap();
        (0..3).for_each(|index| places[index] = item(first + index as u64));
        places.commit(2);
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
        let (walk, ()) = victim.walk_beside(steps, (set, ITEMS), || {
            let mut consumer = ring.consumer().unwrap();
            consumer.detect_disconnect(true);
            let told = consumer.pop_timeout(LONG);
            assert!(matches!(told, Err(PopError::Disconnected { .. })), "{told:?}");
        });
        survey(&ring);
        walk
    });
}

#[test]
fn leave_to_a_standby() {
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
            victim.walk_beside(steps, (set, PRODUCER), || drop(ring.producer_timeout(LONG).expect("it is woken")));
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
        let (walk, pushed) = victim.walk_beside(steps, (set, ROOM), || {
            let mut producer = ring.producer().unwrap();
            producer.detect_disconnect(true);
            let mut pushed = 0;
            loop {
                match producer.push_timeout(item(first + CAPACITY as u64 + pushed), LONG) {
                    Ok(()) => pushed += 1,
                    Err(PushError::Disconnected { .. }) => return pushed,
                    Err(error) => panic!("stuck: {error}"),
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
        items.consume(2);
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
            let _ring = options::<spsc::Ring<Item>>().open_or_create(&name, CAPACITY).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        survey(&options::<spsc::Ring<_>>().open_or_create(&name, CAPACITY).expect("it can be opened"));
        every_slot_works(&name);
        walk
    });
}
