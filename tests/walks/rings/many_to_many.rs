//! The ring for any number of producers and consumers.

use super::*;

const ROOM: Waiters = Waiters::FOR_SLOTS;
const ITEMS: Waiters = Waiters::FOR_ITEMS;

fn ring(name: &str, items: u64) -> mpmc::Ring<Item> {
    let ring = options::<mpmc::Ring<_>>().create(name, CAPACITY).expect("the name is ours");
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for _ in 0..CAPACITY - 1 {
        producer.push(item(99)).unwrap();
        consumer.pop().unwrap();
    }
    (0..items).for_each(|number| producer.push(item(number)).unwrap());
    ring
}

fn open(name: &str) -> mpmc::Ring<Item> {
    options::<mpmc::Ring<_>>().open(name).expect("a slot is free")
}

/// Looks after a kill. Returns what was still there.
fn survey(name: &str, ring: &mpmc::Ring<Item>) -> Vec<u64> {
    // An opener takes the dead member's slot, or leaves it to the waiters.
    drop((0..SLOTS - 1).map(|_| open(name)).collect::<Vec<_>>());
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut rest: Vec<u64> = consumer.try_iter().map(|item| number(item.expect("the ring is open"))).collect();
    rest.sort_unstable();
    if !ring.is_closed() {
        for lap in 0..2 {
            (0..CAPACITY as u64).for_each(|number| {
                producer.try_push(item(lap + number)).expect("the whole room is there");
            });
            assert!(producer.try_push(item(0)).unwrap_err().is_busy());
            (0..CAPACITY as u64).for_each(|expected| {
                assert_eq!(number(consumer.try_pop().unwrap()), lap + expected);
            });
            assert!(consumer.try_pop().unwrap_err().is_busy());
        }
    }
    rest
}

/// Steps through what a producer does while a consumer sleeps. `most` items come of it, unless it is killed.
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
        let (walk, popped) = victim.walk_beside(steps, (set, ITEMS), || {
            let mut consumer = ring.consumer().unwrap();
            consumer.detect_disconnect(true);
            let mut popped = Vec::new();
            loop {
                match consumer.pop_timeout(LONG) {
                    Ok(found) => popped.push(number(found)),
                    Err(PopError::Disconnected { .. } | PopError::Closed { .. }) => return popped,
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
fn force_push() {
    every_instruction("mpmc.force_push, the ring is full", |steps| {
        let name = name();
        let ring = ring(&name, CAPACITY as u64);
        let victim = Victim::start(|| {
            let producer = open(&name).producer().unwrap();
            mark();
            producer.force_push(item(4)).unwrap();
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
        let (walk, pushed) = victim.walk_beside(steps, (set, ROOM), || {
            let mut producer = ring.producer().unwrap();
            producer.detect_disconnect(true);
            let mut next = CAPACITY as u64;
            loop {
                match producer.push_timeout(item(next), LONG) {
                    Ok(()) => next += 1,
                    Err(PushError::Disconnected { .. }) => return next - CAPACITY as u64,
                    Err(error) => panic!("stuck: {error}"),
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
    consuming("mpmc.claim and done, a producer sleeps", 2, |consumer| {
        let (first, second) = (consumer.claim().unwrap(), consumer.claim().unwrap());
        assert_eq!((number(*first), number(*second)), (0, 1));
        first.done();
        second.done();
    });
}

#[test]
fn requeue() {
    consuming("mpmc.claim and requeue, a producer sleeps", 0, |consumer| consumer.claim().unwrap().requeue());
}

#[test]
fn requeue_and_pop() {
    consuming("mpmc.claim, requeue and pop, a producer sleeps", 1, |consumer| {
        consumer.claim().unwrap().requeue();
        assert_eq!(number(consumer.pop().unwrap()), 0, "it was requeued");
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
            let _ring = options::<mpmc::Ring<Item>>().open_or_create(&name, CAPACITY).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        let ring = options::<mpmc::Ring<_>>().open_or_create(&name, CAPACITY).expect("it can be opened");
        assert_eq!(survey(&name, &ring), []);
        walk
    });
}
