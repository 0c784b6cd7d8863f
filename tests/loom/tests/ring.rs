//! The real words of the ring of several producers and consumers in every interleaving of a few processes with few
//! preemptions. A lost wake-up is a deadlock, and two users of one place are reported.

use std::sync::Arc;

use sysv_loom::{
    Error, Role,
    explore::{explore, explore_each_death, process, stop_in},
    kernel::{Members, Session},
    rings::MpmcScene,
};

#[test]
fn two_producers_and_a_consumer() {
    explore(1, || {
        let scene = MpmcScene::new(Members::new(3), 1);
        let producers = [1, 2].map(|slot| {
            process(&scene, slot, move |scene, me| scene.push(me, slot.into()).expect("nothing is in the way"))
        });
        let me = Session::of(0);
        let found = [scene.pop(me, false), scene.pop(me, false)];
        assert!(found == [Ok(1), Ok(2)] || found == [Ok(2), Ok(1)], "{found:?}");
        producers.into_iter().for_each(|producer| producer.join().expect("it ends well"));
    });
}

#[test]
fn a_producer_and_two_consumers() {
    explore(2, || {
        let scene = MpmcScene::new(Members::new(3), 2);
        let consumers = [1, 2].map(|slot| process(&scene, slot, |scene, me| scene.pop(me, false).expect("one each")));
        let me = Session::of(0);
        (1..=2).for_each(|item| scene.push(me, item).expect("nothing is in the way"));
        let sum: u64 = consumers.map(|consumer| consumer.join().expect("it ends well")).iter().sum();
        assert_eq!(sum, 3);
    });
}

/// A writer dies in its place. What is behind it comes out all the same.
#[test]
fn a_dead_writer_is_not_in_the_way() {
    explore(2, move || {
        let scene = MpmcScene::new(Members::new(3), 2);
        let victim = process(&scene, 1, |scene, me| {
            scene.begin_push(me);
            scene.members.die(me);
        });
        let producer = process(&scene, 2, |scene, me| scene.push(me, 7).expect("there is room"));
        assert_eq!(scene.pop(Session::of(0), false), Ok(7));
        victim.join().expect("it ends well");
        producer.join().expect("it ends well");
    });
}

fn a_reader_dies(members: fn(usize) -> Arc<Members>) {
    explore(2, move || {
        let scene = MpmcScene::new(members(2), 1);
        let me = Session::of(0);
        scene.push(me, 7).expect("there is room");
        assert_eq!(scene.begin_pop(Session::of(1)), 7);
        let victim = process(&scene, 1, |scene, me| scene.members.die(me));
        assert_eq!(scene.pop(me, false), Ok(7));
        victim.join().expect("it ends well");
        scene.push(me, 8).expect("the room is there again");
        assert_eq!(scene.pop(me, false), Ok(8));
    });
}

#[test]
fn a_dead_readers_item_is_delivered_again() {
    a_reader_dies(Members::new);
}

/// The obituary is needed: without it a consumer sleeps for ever beside an item that a dead one had.
#[test]
#[should_panic(expected = "deadlock")]
fn a_dead_reader_without_an_obituary() {
    a_reader_dies(Members::without_obituaries);
}

#[test]
fn a_reader_dies_while_others_come() {
    explore(0, || {
        let scene = MpmcScene::new(Members::new(3), 1);
        let victim = process(&scene, 1, |scene, me| {
            scene.begin_pop(me);
            scene.members.die(me);
        });
        let other = process(&scene, 2, |scene, me| scene.pop(me, false).expect("one each"));
        let me = Session::of(0);
        scene.push(me, 1).expect("nothing is in the way");
        // The other consumed the first one, so that this one is the victim's; or it comes after the victim.
        scene.push(me, 2).expect("nothing is in the way");
        let first = other.join().expect("it ends well");
        victim.join().expect("it ends well");
        let rest = scene.pop(me, false);
        assert!(rest == Ok(3 - first), "{first} and {rest:?}");
    });
}

#[test]
fn what_is_requeued_reaches_a_sleeper() {
    explore(3, || {
        let scene = MpmcScene::new(Members::new(2), 1);
        let me = Session::of(0);
        scene.push(me, 7).expect("there is room");
        let other = process(&scene, 1, MpmcScene::pop_and_requeue);
        assert_eq!(scene.pop(me, false), Ok(7));
        // It may come second, and needs one of its own then.
        scene.push(me, 8).expect("the room is there again");
        other.join().expect("it ends well");
        assert_eq!(scene.pop(me, false), Ok(8));
    });
}

fn all_producers_go(dies: bool) {
    explore(1, move || {
        let scene = MpmcScene::new(Members::new(3), 1);
        // One that didn't ask sleeps as well, and must not take the event away.
        let deaf = process(&scene, 2, |scene, me| {
            let first = scene.pop(me, false);
            if first.is_ok() { (first, scene.pop(me, false)) } else { (Err(Error::Busy), first) }
        });
        let producer = process(&scene, 1, move |scene, me| {
            scene.attach(Role::Producer, me);
            scene.push(me, 5).expect("there is room");
            if dies { scene.members.die(me) } else { scene.detach(Role::Producer, me) }
        });
        let first = scene.pop(Session::of(0), true);
        let told = if first.is_ok() { scene.pop(Session::of(0), true) } else { first.clone() };
        assert_eq!(told, Err(Error::Disconnected));
        scene.close();
        let (others, end) = deaf.join().expect("it ends well");
        assert_eq!(end, Err(Error::Closed));
        assert!(others.is_ok() != first.is_ok(), "one of them had the item: {first:?}, {others:?}");
        producer.join().expect("it ends well");
    });
}

#[test]
fn a_consumer_detects_that_all_producers_left() {
    all_producers_go(false);
}

#[test]
fn a_consumer_detects_that_all_producers_died() {
    all_producers_go(true);
}

/// A producer attaches in a slot that was scanned before, and then the other one detaches: there always was one.
#[test]
fn at1_a_producer_that_takes_over_is_not_missed() {
    explore(3, || {
        let scene = MpmcScene::new(Members::new(3), 1);
        let (first, second) = (Session::of(2), Session::of(1));
        scene.attach(Role::Producer, first);
        let producers = process(&scene, 1, move |scene, _| {
            scene.attach(Role::Producer, second);
            scene.detach(Role::Producer, first);
            scene.push(second, 5).expect("there is room");
            scene.detach(Role::Producer, second);
        });
        let me = Session::of(0);
        assert_eq!(scene.pop(me, true), Ok(5));
        assert_eq!(scene.pop(me, true), Err(Error::Disconnected));
        producers.join().expect("it ends well");
    });
}

/// A consumer that finds the last item and the end at once passes the end on.
#[test]
fn all_that_detect_it_are_notified() {
    explore(1, || {
        let scene = MpmcScene::new(Members::new(3), 1);
        let until_told = |scene: &MpmcScene, me: Session| {
            while let Ok(item) = scene.pop(me, true) {
                assert_eq!(item, 5);
            }
        };
        let other = process(&scene, 2, until_told);
        let producer = process(&scene, 1, |scene, me| {
            scene.attach(Role::Producer, me);
            scene.push(me, 5).expect("there is room");
            scene.detach(Role::Producer, me);
        });
        until_told(&scene, Session::of(0));
        other.join().expect("it ends well");
        producer.join().expect("it ends well");
    });
}

/// Nothing comes twice, and what is newest stays.
#[test]
fn an_overwriting_producer_meets_a_consumer() {
    explore(2, || {
        let scene = MpmcScene::new(Members::new(2), 1);
        let producer = process(&scene, 1, |scene, me| [1, 2].map(|item| scene.force_push(me, item)));
        let me = Session::of(0);
        let first = scene.pop(me, false).expect("nothing is in the way");
        let pushed = producer.join().expect("it ends well");
        assert_eq!(pushed[0], Ok(()));
        let second = scene.try_pop(me);
        match (first, pushed[1].is_ok()) {
            (1, true) => assert_eq!(second, Ok(2)),
            (2, true) | (1, false) => assert_eq!(second, Err(Error::Busy)),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn two_overwrite() {
    explore(2, || {
        let scene = MpmcScene::new(Members::new(3), 1);
        scene.push(Session::of(0), 1).expect("there is room");
        let others = [1, 2]
            .map(|slot| process(&scene, slot, move |scene, me| scene.force_push(me, u64::from(slot) + 1).is_ok()));
        let pushed = others.map(|other| other.join().expect("it ends well"));
        assert!(pushed.contains(&true));
        let left = scene.try_pop(Session::of(0)).expect("the newest is there");
        assert!(left == 2 && pushed[0] || left == 3 && pushed[1]);
        assert_eq!(scene.try_pop(Session::of(0)), Err(Error::Busy));
    });
}

/// The item behind a place that is given up comes out, and the place is free again.
#[test]
fn what_is_given_up_is_not_in_the_way() {
    explore(3, || {
        let scene = MpmcScene::new(Members::new(2), 2);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| {
            scene.push_and_cancel(me);
            scene.push(me, 7).expect("there is room");
        });
        assert_eq!(scene.pop(me, false), Ok(7));
        other.join().expect("it ends well");
        (1..=2).for_each(|item| scene.push(me, item).expect("both places are free"));
    });
}

/// A producer sleeps until the only place is given up.
#[test]
fn giving_up_wakes_a_producer() {
    explore(3, || {
        let scene = MpmcScene::new(Members::new(2), 1);
        let other = process(&scene, 1, MpmcScene::push_and_cancel);
        scene.push(Session::of(0), 7).expect("there is room sooner or later");
        assert_eq!(scene.pop(Session::of(0), false), Ok(7));
        other.join().expect("it ends well");
    });
}

/// A consumer that doesn't wait finds the item that a dead reader had.
#[test]
fn a_try_takes_over_from_the_dead() {
    explore(3, || {
        let scene = MpmcScene::new(Members::new(3), 1);
        scene.push(Session::of(0), 7).expect("there is room");
        let victim = process(&scene, 1, |scene, me| {
            scene.begin_pop(me);
            scene.members.die(me);
        });
        victim.join().expect("it ends well");
        let other = process(&scene, 2, |scene, me| scene.try_pop(me));
        let found = [scene.try_pop(Session::of(0)), other.join().expect("it ends well")];
        let rest = scene.try_pop(Session::of(0));
        let items = found.iter().chain([&rest]).filter(|found| **found == Ok(7)).count();
        assert_eq!(items, 1, "{found:?}, {rest:?}");
    });
}

/// The same between several: the next process's push wakes the consumer.
#[test]
fn case_c3_a_refused_push_is_made_up_for_by_another_producer() {
    explore(3, || {
        let scene = MpmcScene::new(Members::new(3), 2);
        let consumer = process(&scene, 1, |scene, me| [scene.pop(me, false), scene.pop(me, false)]);
        scene.members.refuse_posts(true);
        scene.push(Session::of(0), 1).expect("there is room");
        scene.members.refuse_posts(false);
        scene.push(Session::of(2), 2).expect("there is room");
        assert_eq!(consumer.join().expect("it ends well"), [Ok(1), Ok(2)]);
    });
}

/// MP3. A consumer is stopped before each of its changes, perhaps having claimed an item and not moved `head`: the next one is
/// there all the same.
#[test]
fn mp3_a_consumer_is_stopped() {
    explore_each_death(0, |changes| {
        let scene = MpmcScene::new(Members::new(2), 2);
        let (me, other) = (Session::of(0), Session::of(1));
        (1..=2).for_each(|item| scene.push(me, item).expect("there is room"));
        let claimed = stop_in(changes, || scene.claim_item(other));
        let first = scene.try_pop(me).expect("another item is there");
        assert_eq!(scene.try_pop(me).is_ok(), first == 1);
        claimed.is_some()
    });
}

/// MP4. A helper dies before each of its changes, perhaps having requeued an item and not raised `dirty`: the next one does.
#[test]
fn mp4_a_helper_dies_that_requeues() {
    explore_each_death(0, |changes| {
        let scene = MpmcScene::new(Members::new(3), 2);
        let (me, victim, helper) = (Session::of(0), Session::of(1), Session::of(2));
        scene.push(me, 7).expect("there is room");
        scene.claim_item(victim);
        scene.members.die(victim);
        let helped = stop_in(changes, || scene.reap(helper));
        scene.members.die(helper);
        assert_eq!(scene.try_pop(me), Ok(7));
        helped.is_some()
    });
}

/// MP4. A consumer dies before each of its changes, perhaps having claimed the item at `head`, beside one that moves `head` for it.
/// A late step of that one leaves no requeued item behind.
#[test]
fn mp4_a_consumer_dies_beside_one_that_moves_head() {
    explore_each_death(2, |changes| {
        let scene = MpmcScene::thorough(2, Members::new(3), 2);
        let (me, victim) = (Session::of(0), Session::of(2));
        scene.push(me, 7).expect("there is room");
        let claimed = stop_in(changes, || scene.claim_item(victim));
        scene.members.die(victim);
        let other = process(&scene, 1, |scene, me| scene.try_pop(me));
        scene.reap(me);
        let found = [scene.try_pop(me), other.join().expect("it ends well"), scene.try_pop(me)];
        assert_eq!(found.iter().filter(|found| **found == Ok(7)).count(), 1, "{found:?}");
        claimed.is_some()
    });
}

/// MP5. A consumer searches in vain, and lowers `dirty`, beside one that requeues an item.
#[test]
fn mp5_dirty_is_lowered_beside_one_that_requeues() {
    explore(2, || {
        let scene = MpmcScene::new(Members::new(3), 2);
        let (me, holder) = (Session::of(0), Session::of(2));
        (1..=2).for_each(|item| scene.push(me, item).expect("there is room"));
        let [first, second] = [(); 2].map(|()| scene.claim_item(holder));
        scene.requeue_at(first);
        // Now `dirty` is up, and no item is behind `head`.
        assert_eq!(scene.try_pop(me), Ok(1));
        let other = process(&scene, 1, move |scene, _| scene.requeue_at(second));
        let found = scene.try_pop(me);
        other.join().expect("it ends well");
        assert!(found == Ok(2) || scene.try_pop(me) == Ok(2), "{found:?}");
    });
}

/// E3. Two consumers wait for a slot that is claimed, with an item behind it. Both are called when it is completed.
#[test]
fn e3_two_consumers_wait_for_a_slot_that_is_claimed() {
    explore(1, || {
        let scene = MpmcScene::new(Members::new(4), 2);
        let me = Session::of(0);
        // Without a producer the end is near, and for that all are called.
        scene.attach(Role::Producer, me);
        let claimed = scene.claim_room(me);
        scene.push(Session::of(3), 2).expect("there is room");
        let consumers = [1, 2].map(|slot| process(&scene, slot, |scene, me| scene.pop(me, false).expect("one each")));
        scene.members.until_asleep(2);
        scene.push_at(claimed, 1);
        let sum: u64 = consumers.map(|consumer| consumer.join().expect("it ends well")).iter().sum();
        assert_eq!(sum, 3);
    });
}

/// E3. A consumer waits for a slot that is claimed, with an item behind it. It is called when the slot is given up.
#[test]
fn e3_a_consumer_waits_for_a_slot_that_is_given_up() {
    explore(2, || {
        let scene = MpmcScene::new(Members::new(3), 2);
        let me = Session::of(0);
        scene.attach(Role::Producer, me);
        let claimed = scene.claim_room(me);
        scene.push(Session::of(2), 7).expect("there is room");
        let consumer = process(&scene, 1, |scene, me| scene.pop(me, false));
        scene.give_up_at(claimed);
        assert_eq!(consumer.join().expect("it ends well"), Ok(7));
    });
}

/// A ring is closed beside a consumer that has claimed an item, and completes its claim then. Another one waits, gets these items,
/// and is notified of the end.
fn the_end_waits(complete: fn(&MpmcScene, u64), items: &'static [u64]) {
    explore(2, move || {
        let scene = MpmcScene::new(Members::new(2), 2);
        let me = Session::of(0);
        scene.push(me, 7).expect("there is room");
        let claimed = scene.claim_item(me);
        scene.close();
        let other = process(&scene, 1, |scene, me| {
            let mut popped = Vec::new();
            loop {
                match scene.pop(me, false) {
                    Ok(item) => popped.push(item),
                    Err(end) => return (popped, end),
                }
            }
        });
        complete(&scene, claimed);
        assert_eq!(other.join().expect("it ends well"), (items.to_vec(), Error::Closed));
    });
}

#[test]
fn e4_the_end_waits_for_an_item_that_is_claimed() {
    the_end_waits(MpmcScene::requeue_at, &[7]);
}

#[test]
fn e4_the_last_claim_is_completed_after_the_end() {
    the_end_waits(MpmcScene::consume_at, &[]);
}
