//! The real words of a watched value, in every interleaving of a few processes with few preemptions.

use std::sync::Arc;

use sysv_loom::{
    explore::{explore, process},
    kernel::{Members, Session},
    watch::WatchScene,
};

/// A reader is disturbed by two versions, and gets a whole one.
#[test]
fn a_copy_is_whole() {
    explore(3, || {
        let scene = WatchScene::new(Members::new(2));
        let reader = process(&scene, 1, |scene: &WatchScene, me| {
            let (value, version) = scene.read(me);
            assert_eq!(value, version);
        });
        (1..=2).for_each(|value| scene.set(Session::of(0), value));
        reader.join().expect("it ends well");
    });
}

/// Each copy of a reader is disturbed, and it does not take that for damage: a version that was begun follows one that was published.
#[test]
fn a_disturbed_reader_finds_no_damage() {
    explore(2, || {
        let scene = WatchScene::new(Members::new(2));
        let reader = process(&scene, 1, |scene: &WatchScene, me| {
            let (value, version) = scene.read(me);
            assert_eq!(value, version);
        });
        (1..=3).for_each(|value| scene.set(Session::of(0), value));
        reader.join().expect("it ends well");
    });
}

/// The same, when another setter begins the next version.
#[test]
fn a_reader_disturbed_by_two_setters_finds_no_damage() {
    explore(2, || {
        let scene = WatchScene::new(Members::new(3));
        let reader = process(&scene, 1, |scene: &WatchScene, me| {
            let (value, version) = scene.read(me);
            assert_eq!(value, version);
        });
        let setter = process(&scene, 2, |scene: &WatchScene, me| scene.add(me));
        scene.add(Session::of(0));
        setter.join().expect("it ends well");
        reader.join().expect("it ends well");
    });
}

#[test]
fn one_sets_it_at_a_time() {
    explore(2, || {
        let scene = WatchScene::new(Members::new(3));
        let setters = [1, 2].map(|slot| process(&scene, slot, |scene: &WatchScene, me| scene.add(me)));
        scene.add(Session::of(0));
        setters.into_iter().for_each(|setter| setter.join().expect("it ends well"));
        assert_eq!(scene.read(Session::of(0)), (3, 3));
    });
}

#[test]
fn waiters_are_called_together() {
    explore(2, || {
        let scene = WatchScene::new(Members::new(3));
        let waiters = [1, 2].map(|slot| {
            process(&scene, slot, |scene: &WatchScene, me| {
                assert!(scene.wait(me, 1, false));
                assert_eq!(scene.read(me), (5, 1));
            })
        });
        scene.set(Session::of(0), 5);
        waiters.into_iter().for_each(|waiter| waiter.join().expect("it ends well"));
    });
}

/// The flag is lowered for the first version, and the waiter sleeps again.
#[test]
fn a_waiter_is_called_again() {
    explore(3, || {
        let scene = WatchScene::new(Members::new(2));
        let waiter = process(&scene, 1, |scene: &WatchScene, me| assert!(scene.wait(me, 2, false)));
        scene.set(Session::of(0), 1);
        scene.set(Session::of(0), 2);
        waiter.join().expect("it ends well");
    });
}

fn setter_dies(members: Arc<Members>, publishes: bool) {
    let scene = WatchScene::new(members);
    let victim = process(&scene, 1, move |scene: &WatchScene, me| scene.set_and_die(me, 9, publishes));
    let me = Session::of(0);
    if publishes {
        assert!(scene.wait(me, 1, false));
        assert_eq!(scene.read(me), (9, 1));
    } else {
        scene.read(me);
        scene.add(me);
        assert_eq!(scene.read(me), (1, 1));
    }
    victim.join().expect("it ends well");
}

#[test]
fn a_setter_dies_half_way() {
    explore(3, || setter_dies(Members::new(2), false));
}

#[test]
fn a_setter_dies_before_it_calls() {
    explore(3, || setter_dies(Members::new(2), true));
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn a_setter_dies_and_no_process_is_told() {
    explore(3, || setter_dies(Members::without_obituaries(2), true));
}

/// What the last writer set comes before the end.
#[test]
fn the_end_comes_last() {
    explore(3, || {
        let scene = WatchScene::new(Members::new(2));
        let me = Session::of(0);
        scene.attach(me);
        let waiter = process(&scene, 1, |scene: &WatchScene, me| {
            assert!(scene.wait(me, 1, true), "it was set before the end");
            assert!(!scene.wait(me, 2, true));
        });
        scene.set(me, 1);
        scene.detach(me);
        waiter.join().expect("it ends well");
    });
}

/// A setter that has its posts refused leaves a waiter asleep, and the next process that comes calls it.
#[test]
fn case_c3_a_refused_call_is_made_by_the_next() {
    explore(2, || {
        let scene = WatchScene::new(Members::new(3));
        let waiter = process(&scene, 1, |scene: &WatchScene, me| assert!(scene.wait(me, 1, false)));
        scene.members.refuse_posts(true);
        scene.set(Session::of(0), 1);
        scene.members.refuse_posts(false);
        scene.come(Session::of(2));
        waiter.join().expect("it ends well");
    });
}

/// WA7. A reader is disturbed at each attempt without the lock. It takes the lock, and no setter is beside it.
#[test]
fn wa7_a_reader_that_is_always_disturbed_takes_the_lock() {
    explore(0, || {
        let scene = WatchScene::new(Members::new(2));
        let (value, version) = scene.read_disturbed(Session::of(0), Session::of(1));
        assert_eq!(value, version);
    });
}
