//! The real words of a barrier in every interleaving of a few processes with few preemptions.

use std::sync::Arc;

use sysv_loom::{
    explore::{explore, process},
    kernel::{Members, Session},
    small::{BarrierScene, Passed},
};

/// What one did before the barrier the other one sees behind it, and so on.
#[test]
fn two_processes_take_turns() {
    explore(3, || {
        let scene = BarrierScene::new(Members::new(2), 2);
        let other = process(&scene, 1, |scene: &BarrierScene, me| {
            let first = scene.wait(me);
            scene.use_it();
            (first, scene.wait(me))
        });
        let me = Session::of(0);
        scene.use_it();
        let first = scene.wait(me);
        let second = scene.wait(me);
        scene.use_it();
        let (others_first, others_second) = other.join().expect("it ends well");
        for (one, other) in [(first, others_first), (second, others_second)] {
            assert_ne!(one == Passed::Leader, other == Passed::Leader, "one leads");
        }
    });
}

#[test]
fn three_processes_pass() {
    explore(2, || {
        let scene = BarrierScene::new(Members::new(3), 3);
        let wait = |scene: &BarrierScene, me| scene.wait(me) == Passed::Leader;
        let others = [process(&scene, 1, wait), process(&scene, 2, wait)];
        let leads = wait(&scene, Session::of(0));
        let leaders = others.into_iter().map(|other| other.join().expect("it ends well")).chain([leads]);
        assert_eq!(leaders.filter(|&leads| leads).count(), 1);
    });
}

/// One times out, and arrives again.
#[test]
fn an_arrival_is_taken_back() {
    explore(2, || {
        let scene = BarrierScene::new(Members::new(2), 2);
        let other = process(&scene, 1, |scene: &BarrierScene, me| {
            if !scene.wait_impatiently(me) {
                scene.wait(me);
            }
        });
        scene.wait(Session::of(0));
        other.join().expect("it ends well");
    });
}

fn one_dies(members: Arc<Members>) {
    let scene = BarrierScene::new(members, 3);
    let others = [1, 2].map(|slot| {
        process(&scene, slot, |scene: &BarrierScene, me| {
            if me == Session::of(2) {
                scene.members.die(me);
                return None;
            }
            Some(scene.wait(me))
        })
    });
    assert_eq!(scene.wait(Session::of(0)), Passed::Broken(2));
    let [other, victim] = others;
    assert_eq!(other.join().expect("it ends well"), Some(Passed::Broken(2)));
    victim.join().expect("it ends well");
    assert_eq!(scene.ended(), 1, "one death breaks one generation");
}

/// Both others are notified, whether they wait already or come later.
#[test]
fn both_others_are_notified_of_a_death() {
    explore(2, || one_dies(Members::new(3)));
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn a_death_of_which_the_kernel_does_not_tell() {
    explore(2, || one_dies(Members::without_obituaries(3)));
}

/// One arrives and dies while the others come. They pass with its arrival, or are notified, and if they passed they are notified the next
/// time, also if a helper had chosen the generation that they passed.
#[test]
fn one_dies_that_has_arrived() {
    explore(2, || {
        let scene = BarrierScene::new(Members::new(3), 3);
        scene.arrive(Session::of(2));
        let victim = process(&scene, 2, |scene: &BarrierScene, me| scene.members.die(me));
        let twice = |scene: &BarrierScene, me| {
            if scene.wait(me) != Passed::Broken(2) {
                assert_eq!(scene.wait(me), Passed::Broken(2));
            }
        };
        let other = process(&scene, 1, twice);
        twice(&scene, Session::of(0));
        [victim, other].into_iter().for_each(|other| other.join().expect("it ends well"));
    });
}

/// The last one dies right after it has passed. The other one passes, or is notified.
#[test]
fn the_last_one_dies() {
    explore(2, || {
        let scene = BarrierScene::new(Members::new(2), 2);
        let victim = process(&scene, 1, |scene: &BarrierScene, me| {
            scene.wait(me);
            scene.members.die(me);
        });
        let me = Session::of(0);
        scene.wait(me);
        assert_eq!(scene.wait(me), Passed::Broken(1));
        victim.join().expect("it ends well");
    });
}
