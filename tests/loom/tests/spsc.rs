//! The real words of the ring of one producer and one consumer in every interleaving of a few processes with few preemptions. A
//! lost wake-up is a deadlock, and two users of one place are reported.

use sysv_loom::{
    Error, Failure, Role,
    explore::{explore, process},
    kernel::{Members, Session},
    rings::SpscScene,
};

#[test]
fn one_to_one_loses_nothing() {
    explore(3, || {
        let scene = SpscScene::new(Members::new(2), 1);
        let producer = process(&scene, 1, |scene, me| {
            let mut producer = scene.take(Role::Producer, me, false);
            (1..=2).for_each(|item| producer.push(item).expect("nothing is in the way"));
        });
        let mut consumer = scene.take(Role::Consumer, Session::of(0), false);
        assert_eq!((consumer.pop(), consumer.pop()), (Ok(1), Ok(2)));
        producer.join().expect("it ends well");
    });
}

/// The consumer dies with an item that it did not consume: the next one gets it.
#[test]
fn a_dead_consumer_hands_its_item_on() {
    explore(2, || {
        let scene = SpscScene::new(Members::new(3), 1);
        let producer = process(&scene, 1, |scene, me| {
            let mut producer = scene.take(Role::Producer, me, false);
            (1..=2).for_each(|item| producer.push(item).expect("nothing is in the way"));
        });
        let victim = process(&scene, 2, |scene, me| {
            let mut consumer = scene.take(Role::Consumer, me, false);
            let _ = consumer.peek();
            scene.members.die(me);
        });
        let mut consumer = scene.take(Role::Consumer, Session::of(0), false);
        // Whichever of the two came first: it saw every item that was not consumed.
        assert_eq!((consumer.pop(), consumer.pop()), (Ok(1), Ok(2)));
        consumer.leave();
        producer.join().expect("it ends well");
        // It may have come only now, and find an empty ring.
        scene.close();
        victim.join().expect("it ends well");
    });
}

fn the_producer_goes(dies: bool) {
    explore(3, move || {
        let scene = SpscScene::new(Members::new(2), 1);
        let producer = process(&scene, 1, move |scene, me| {
            let mut producer = scene.take(Role::Producer, me, false);
            producer.push(1).expect("there is room");
            if dies { scene.members.die(me) } else { producer.leave() }
        });
        let mut consumer = scene.take(Role::Consumer, Session::of(0), true);
        assert_eq!(consumer.pop(), Ok(1));
        assert_eq!(consumer.pop(), Err(Error::Disconnected));
        producer.join().expect("it ends well");
    });
}

#[test]
fn a_consumer_detects_that_the_producer_left() {
    the_producer_goes(false);
}

#[test]
fn a_consumer_detects_that_the_producer_died() {
    the_producer_goes(true);
}

#[test]
fn closing_reaches_a_sleeper_after_the_last_item() {
    explore(3, || {
        let scene = SpscScene::new(Members::new(2), 1);
        let producer = process(&scene, 1, |scene, me| {
            let mut producer = scene.take(Role::Producer, me, false);
            producer.push(1).expect("there is room");
            scene.close();
        });
        let mut consumer = scene.take(Role::Consumer, Session::of(0), false);
        assert_eq!((consumer.pop(), consumer.pop()), (Ok(1), Err(Error::Closed)));
        producer.join().expect("it ends well");
    });
}

/// A closed ring takes nothing in.
#[test]
fn a_closed_ring_refuses() {
    explore(3, || {
        let scene = SpscScene::new(Members::new(2), 1);
        let producer = process(&scene, 1, |scene, me| {
            let mut producer = scene.take(Role::Producer, me, false);
            [1, 2].map(|item| producer.push(item))
        });
        scene.close();
        let pushed = producer.join().expect("it ends well");
        assert!(pushed[0].is_ok() || pushed[1] == Err(Error::Closed));
        assert_eq!(pushed[1], Err(Error::Closed), "there was room for one");
    });
}

/// A push reports a refused post, and the next push wakes the consumer.
#[test]
fn case_c3_a_refused_push_leaves_the_consumer_announced() {
    explore(3, || {
        let scene = SpscScene::new(Members::new(2), 2);
        let consumer = process(&scene, 1, |scene, me| {
            let mut consumer = scene.take(Role::Consumer, me, false);
            [consumer.pop(), consumer.pop()]
        });
        let mut producer = scene.take(Role::Producer, Session::of(0), false);
        scene.members.refuse_posts(true);
        producer.push(1).expect("there is room");
        let has_recorded = producer.has_recorded;
        assert_eq!(scene.members.recorded() > 0, has_recorded);
        scene.members.refuse_posts(false);
        producer.push(2).expect("there is room");
        assert_eq!(consumer.join().expect("it ends well"), [Ok(1), Ok(2)]);
        assert_eq!(producer.has_recorded, has_recorded, "the second one was posted");
    });
}

/// R2. Both indices come from memory, and may have any value.
#[test]
fn r2_indices_that_contradict_each_other() {
    explore(0, || {
        let scene = SpscScene::new(Members::new(1), 2);
        let mut consumer = scene.take(Role::Consumer, Session::of(0), false);
        scene.overwrite_index(Role::Producer, 3);
        assert_eq!(consumer.pop(), Err(Error::Failed(Failure::Damaged)));
    });
}
