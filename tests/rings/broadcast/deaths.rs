//! Members that die or are stopped, children of a fork, and the slots that they had.

use std::{sync::Mutex, time::Duration};

use nix::sys::signal::Signal;
use support::{Child, LONG, SHORT, child, hold_for_ever, name, prompt::stop, refused};
use sysv_primitives::{Failure, PopError, PushError, RoleError};

use super::{Ring, lagging, open, ring, subscribed};

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
            assert!(inherited.as_mut_slices().0.is_empty());
            inherited.commit_all();
            let inherited = peeked.lock().unwrap().take().unwrap();
            assert!(inherited.as_slices().0.is_empty());
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
