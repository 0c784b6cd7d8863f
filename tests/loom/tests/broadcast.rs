//! The real words of a broadcast ring in every interleaving of a few processes with few preemptions. A lost wake-up is a
//! deadlock, and a writer beside another user of a place is reported.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use sysv_loom::{
    Error,
    broadcast::BroadcastScene,
    explore::{explore, process},
    kernel::{Members, Session},
};

fn pushes(scene: &BroadcastScene, me: Session, items: u64) {
    let mut producer = scene.producer(me);
    (1..=items).for_each(|item| producer.push(item).expect("nothing is in the way"));
    producer.leave();
}

/// Pops until the end, and returns what it got: items in a row.
fn pops(scene: &BroadcastScene, me: Session) -> Vec<u64> {
    let mut subscriber = scene.join(me, false);
    let mut popped = Vec::new();
    loop {
        match subscriber.pop() {
            Ok(item) => popped.extend(item),
            Err(end) => {
                assert_eq!(end, Error::Closed);
                subscriber.leave();
                return popped;
            }
        }
    }
}

fn is_end_of(popped: &[u64], items: u64) {
    let expected: Vec<u64> = (1..=items).collect();
    assert!(expected.ends_with(popped), "{popped:?}");
}

#[test]
fn one_to_one_loses_nothing() {
    explore(3, || {
        let scene = BroadcastScene::new(Members::new(2), 1, false);
        let mut subscriber = scene.join(Session::of(0), false);
        let producer = process(&scene, 1, |scene, me| pushes(scene, me, 2));
        assert_eq!((subscriber.pop(), subscriber.pop()), (Ok(Some(1)), Ok(Some(2))));
        producer.join().expect("it ends well");
    });
}

#[test]
fn each_of_two_gets_all() {
    explore(1, || {
        let scene = BroadcastScene::new(Members::new(3), 1, false);
        let other = process(&scene, 2, pops);
        let mut subscriber = scene.join(Session::of(0), false);
        let producer = process(&scene, 1, |scene, me| pushes(scene, me, 2));
        assert_eq!((subscriber.pop(), subscriber.pop()), (Ok(Some(1)), Ok(Some(2))));
        producer.join().expect("it ends well");
        scene.close();
        is_end_of(&other.join().expect("it ends well"), 2);
    });
}

/// A subscriber joins at any time: it gets the items from one on, and none is written over before it has them.
#[test]
fn a_subscriber_joins_while_items_flow() {
    for capacity in [1, 2] {
        explore(3, move || {
            let scene = BroadcastScene::new(Members::new(2), capacity, false);
            let subscriber = process(&scene, 1, pops);
            pushes(&scene, Session::of(0), 3);
            scene.close();
            is_end_of(&subscriber.join().expect("it ends well"), 3);
        });
    }
}

#[test]
fn a_subscriber_leaves_while_the_producer_waits() {
    explore(3, || {
        let scene = BroadcastScene::new(Members::new(2), 1, false);
        let subscriber = process(&scene, 1, |scene, me| {
            let mut subscriber = scene.join(me, false);
            let _ = subscriber.pop();
            subscriber.leave();
        });
        pushes(&scene, Session::of(0), 3);
        scene.close();
        subscriber.join().expect("it ends well");
    });
}

type Work = fn(&BroadcastScene, Session);

/// Explores a scene for each change before which the second process dies in it, and for its death after the last one.
fn at_each_death(preemptions: usize, members: fn() -> Arc<Members>, before: Work, dying: Work, survive: Work) {
    for changes in 0.. {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        explore(preemptions, move || {
            let scene = BroadcastScene::new(members(), 1, false);
            before(&scene, Session::of(1));
            let victim = process(&scene, 1, move |scene, me| scene.die_in(me, changes, dying));
            let me = Session::of(0);
            survive(&scene, me);
            over.store(victim.join().expect("it ends well"), Relaxed);
            // The survivor may have come first.
            survive(&scene, me);
        });
        if is_over.load(Relaxed) {
            return;
        }
    }
}

fn two() -> Arc<Members> {
    Members::new(2)
}

/// A subscriber dies while it joins or leaves: the producer goes on.
#[test]
fn a_subscriber_dies_that_joins() {
    let joins: Work = |scene, me| scene.join(me, false).leave();
    at_each_death(2, two, |_, _| (), joins, |scene, me| pushes(scene, me, 3));
}

const JOIN: Work = |scene, me| _ = scene.join(me, false);
const POP: Work = |scene, me| _ = scene.first(me).pop();

/// A subscriber dies while it waits for an item, or pops it: the producer goes on.
#[test]
fn a_subscriber_dies_that_pops() {
    at_each_death(2, two, JOIN, POP, |scene, me| pushes(scene, me, 3));
}

/// The obituary is needed: without it the producer waits for the dead.
#[test]
#[should_panic(expected = "deadlock")]
fn a_subscriber_dies_and_no_process_is_told() {
    at_each_death(2, || Members::without_obituaries(2), JOIN, POP, |scene, me| pushes(scene, me, 3));
}

/// The producer dies, whatever it does: what it has pushed is there, and a subscriber that asked is told.
#[test]
fn a_producer_dies() {
    at_each_death(
        2,
        two,
        |_, _| (),
        |scene, me| pushes(scene, me, 1),
        |scene, me| {
            let mut subscriber = scene.join(me, true);
            // There was one, whatever the victim has done.
            scene.producer(me).leave();
            let end = loop {
                match subscriber.pop() {
                    Ok(item) => assert_eq!(item, Some(1)),
                    Err(end) => break end,
                }
            };
            assert_eq!(end, Error::Disconnected);
            subscriber.leave();
        },
    );
}

/// What is copied is whole, or counts as missed.
#[test]
fn a_lagging_subscriber_gets_no_torn_item() {
    for capacity in [1, 2] {
        explore(3, move || {
            let scene = BroadcastScene::new(Members::new(2), capacity, true);
            let subscriber = process(&scene, 1, pops);
            pushes(&scene, Session::of(0), 3);
            scene.close();
            let popped = subscriber.join().expect("it ends well");
            assert!(popped.is_sorted() && popped.iter().all(|item| (1..=3).contains(item)), "{popped:?}");
        });
    }
}

/// BC5. The last subscriber in the producer's way has its post refused, and another one that leaves posts.
#[test]
fn case_c3_a_refused_post_for_room_is_made_by_the_next() {
    explore(2, || {
        let scene = BroadcastScene::new(Members::new(3), 1, false);
        let [mut one, mut last] = [1, 2].map(|slot| scene.join(Session::of(slot), false));
        let producer = process(&scene, 0, |scene, me| pushes(scene, me, 2));
        assert_eq!(one.pop(), Ok(Some(1)));
        scene.members.refuse_posts(true);
        assert_eq!(last.pop(), Ok(Some(1)));
        scene.members.refuse_posts(false);
        one.leave();
        assert_eq!(last.pop(), Ok(Some(2)));
        producer.join().expect("it ends well");
    });
}

/// WF2. A call is refused, and the flag is still up for the next push.
#[test]
fn wf2_a_refused_call_is_made_by_the_next() {
    explore(2, || {
        let scene = BroadcastScene::new(Members::new(2), 2, false);
        // It has joined before anything is pushed.
        let _ = scene.join(Session::of(1), false);
        let subscriber = process(&scene, 1, |scene, me| {
            let mut subscriber = scene.first(me);
            (subscriber.pop(), subscriber.pop())
        });
        let mut producer = scene.producer(Session::of(0));
        scene.members.refuse_posts(true);
        producer.push(1).expect("there is room");
        scene.members.refuse_posts(false);
        producer.push(2).expect("there is room");
        assert_eq!(subscriber.join().expect("it ends well"), (Ok(Some(1)), Ok(Some(2))));
    });
}
