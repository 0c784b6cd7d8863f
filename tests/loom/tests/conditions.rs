//! The real lock with waiters for a condition, in every interleaving of a few processes with few preemptions.

use std::sync::Arc;

use sysv_loom::{
    conditions::ConditionScene,
    explore::{explore, process},
    kernel::{Deadline, Members, Session},
};

const ME: fn(u32) -> Session = Session::of;

fn waits(least: u32) -> impl FnOnce(&ConditionScene, Session) -> Option<u32> {
    move |scene, me| scene.wait(me, least, false, Deadline::NEVER)
}

#[test]
fn a_waiter_sees_a_change() {
    explore(4, || {
        let scene = ConditionScene::new(Members::new(2));
        let waiter = process(&scene, 1, waits(2));
        scene.change(ME(0));
        scene.change(ME(0));
        assert_eq!(waiter.join().expect("it ends well"), Some(2));
    });
}

#[test]
fn two_wait_for_different_values() {
    explore(2, || {
        let scene = ConditionScene::new(Members::new(3));
        let waiters = [process(&scene, 1, waits(1)), process(&scene, 2, waits(2))];
        scene.change(ME(0));
        scene.change(ME(0));
        let values = waiters.map(|waiter| waiter.join().expect("it ends well").expect("it is not poisoned"));
        assert!(values[0] >= 1 && values[1] == 2);
    });
}

#[test]
fn each_changes_what_the_other_waits_for() {
    explore(3, || {
        let scene = ConditionScene::new(Members::new(2));
        let other = process(&scene, 1, |scene: &ConditionScene, me| {
            scene.wait(me, 2, true, Deadline::NEVER);
        });
        scene.wait(ME(0), 2, true, Deadline::NEVER);
        other.join().expect("it ends well");
    });
}

#[test]
fn a_reader_and_a_timeout_lose_no_change() {
    explore(2, || {
        let scene = ConditionScene::new(Members::new(3));
        let waiter = process(&scene, 1, waits(1));
        let impatient = process(&scene, 2, |scene: &ConditionScene, me| {
            scene.wait(me, 1, false, Deadline::NOW);
            scene.read(me);
        });
        scene.change(ME(0));
        assert_eq!(waiter.join().expect("it ends well"), Some(1));
        impatient.join().expect("it ends well");
    });
}

#[test]
fn a_panic_is_told() {
    explore(3, || {
        let scene = ConditionScene::new(Members::new(2));
        let waiter = process(&scene, 1, waits(1));
        scene.lock(ME(0));
        scene.panic(ME(0));
        assert_eq!(waiter.join().expect("it ends well"), None);
    });
}

/// A notifier that has its posts refused leaves a waiter asleep, and the next unlock posts for it.
#[test]
fn case_c3_a_refused_post_is_made_by_the_next() {
    explore(2, || {
        let scene = ConditionScene::new(Members::new(2));
        let waiter = process(&scene, 1, waits(1));
        scene.lock(ME(0));
        scene.add_one();
        scene.members.refuse_posts(true);
        scene.unlock(ME(0), true);
        scene.members.refuse_posts(false);
        scene.read(ME(0));
        assert_eq!(waiter.join().expect("it ends well"), Some(1));
    });
}

fn holder_dies(members: Arc<Members>) {
    let scene = ConditionScene::new(members);
    let waiters = [process(&scene, 1, waits(9)), process(&scene, 2, waits(9))];
    scene.lock(ME(0));
    scene.add_one();
    scene.members.die(ME(0));
    assert!(waiters.into_iter().all(|waiter| waiter.join().expect("it ends well").is_none()));
}

#[test]
fn a_holder_dies() {
    explore(2, || holder_dies(Members::new(3)));
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn a_holder_dies_and_the_kernel_posts_no_obituary() {
    explore(2, || holder_dies(Members::without_obituaries(3)));
}

/// CW5. A process that only reads wakes no waiter.
#[test]
fn cw5_an_unlock_without_a_change_wakes_no_waiter() {
    explore(2, || {
        let scene = ConditionScene::new(Members::new(2));
        let waiter = process(&scene, 1, waits(1));
        scene.read(ME(0));
        // Its doorbell for a condition.
        assert_eq!(scene.members.posted(3), 0, "nothing has changed");
        scene.change(ME(0));
        assert_eq!(waiter.join().expect("it ends well"), Some(1));
    });
}

/// CW5. Two wait for a change. One of them finds nothing, and does not wake the other one for that.
#[test]
fn cw5_a_waiter_without_a_change_wakes_no_other() {
    explore(2, || {
        let scene = ConditionScene::new(Members::new(3));
        let waiters = [1, 2].map(|slot| process(&scene, slot, waits(1)));
        // Their doorbells for a condition.
        assert_eq!([3, 5].map(|bell| scene.members.posted(bell)), [0; 2], "nothing has changed");
        scene.change(ME(0));
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().expect("it ends well"), Some(1)));
    });
}
