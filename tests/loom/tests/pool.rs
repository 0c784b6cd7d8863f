//! The real words of a pool in every interleaving of a few processes with few preemptions.

use std::sync::Arc;

use sysv_loom::{
    Error, Failure,
    explore::{explore, explore_each_death, process, stop_in},
    kernel::{Members, Session},
    scene::PoolScene,
};

fn take_and_give(scene: &PoolScene, me: Session) {
    let index = scene.acquire(me);
    scene.release(me, index);
}

#[test]
fn two_processes_and_one_permit() {
    explore(3, || {
        let scene = PoolScene::new(Members::new(2), 1);
        let other = process(&scene, 1, take_and_give);
        take_and_give(&scene, Session::of(0));
        other.join().expect("it ends well");
        assert_eq!(scene.available(), 1);
    });
}

#[test]
fn three_processes_and_one_permit() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(3), 1);
        let others = [process(&scene, 1, take_and_give), process(&scene, 2, take_and_give)];
        take_and_give(&scene, Session::of(0));
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
        assert_eq!(scene.available(), 1);
    });
}

#[test]
fn one_wants_both() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(2), 2);
        let other = process(&scene, 1, |scene, me| {
            for index in scene.acquire_many(me, 2) {
                scene.release(me, index);
            }
        });
        take_and_give(&scene, Session::of(0));
        other.join().expect("it ends well");
        assert_eq!(scene.available(), 2);
    });
}

#[test]
fn a_timeout_loses_no_event() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(3), 1);
        let impatient = process(&scene, 1, |scene, me| {
            if let Ok(index) = scene.acquire_impatiently(me) {
                scene.release(me, index);
            }
        });
        let other = process(&scene, 2, take_and_give);
        take_and_give(&scene, Session::of(0));
        impatient.join().expect("it ends well");
        other.join().expect("it ends well");
        assert_eq!(scene.available(), 1);
    });
}

fn holder_dies(members: Arc<Members>) {
    let scene = PoolScene::new(members, 1);
    let victim = process(&scene, 1, |scene, me| {
        scene.acquire(me);
        scene.members.die(me);
    });
    take_and_give(&scene, Session::of(0));
    victim.join().expect("it ends well");
    // The permits of the victim are free for any caller.
    take_and_give(&scene, Session::of(0));
}

#[test]
fn a_holder_dies() {
    explore(3, || holder_dies(Members::new(2)));
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn a_holder_dies_without_an_obituary() {
    explore(3, || holder_dies(Members::without_obituaries(2)));
}

/// A caller that doesn't wait finds the permits of dead members. A waiter that sleeps meanwhile is notified.
#[test]
fn a_try_takes_from_the_dead() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(3), 1);
        let victim = Session::of(2);
        scene.acquire(victim);
        scene.members.die(victim);
        let other = process(&scene, 1, take_and_give);
        let me = Session::of(0);
        if let Ok(index) = scene.try_acquire(me) {
            scene.release(me, index);
        }
        other.join().expect("it ends well");
        assert_eq!(scene.available(), 1);
    });
}

/// A member that dies in the turnstile is not in the way of a caller that doesn't wait.
#[test]
fn a_try_for_both_takes_from_the_dead() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(3), 2);
        let victim = process(&scene, 2, |scene, me| {
            scene.acquire_many(me, 2);
            scene.members.die(me);
        });
        let try_both = |scene: &PoolScene, me| {
            for index in scene.try_acquire_many(me, 2).into_iter().flatten() {
                scene.release(me, index);
            }
        };
        try_both(&scene, Session::of(0));
        victim.join().expect("it ends well");
        let indices = scene.try_acquire_many(Session::of(1), 2);
        assert!(indices.is_ok_and(|indices| indices.len() == 2));
    });
}

/// A holder that may not post releases its permit, and the next holder's release wakes the waiter.
fn a_refused_release_leaves_the_waiter_announced(wanted: usize) {
    explore(3, move || {
        let scene = PoolScene::new(Members::new(3), 1);
        let (refused, next) = (Session::of(0), Session::of(2));
        let index = scene.acquire(refused);
        let waiter = process(&scene, 1, move |scene, me| {
            for index in if wanted == 0 { vec![scene.acquire(me)] } else { scene.acquire_many(me, wanted) } {
                scene.release(me, index);
            }
        });
        scene.members.refuse_posts(true);
        scene.release(refused, index);
        scene.members.refuse_posts(false);
        take_and_give(&scene, next);
        waiter.join().expect("it ends well");
        assert_eq!(scene.available(), 1);
    });
}

#[test]
fn case_c3_a_refused_release_leaves_a_waiter_for_one_announced() {
    a_refused_release_leaves_the_waiter_announced(0);
}

#[test]
fn case_c3_a_refused_release_leaves_a_waiter_for_several_announced() {
    a_refused_release_leaves_the_waiter_announced(1);
}

/// PL1. Two scan at once, and one of them has the permit.
#[test]
fn pl1_a_permit_has_one_holder() {
    explore(2, || {
        let scene = PoolScene::thorough(2, 1);
        let take_use_and_give = |scene: &PoolScene, me| {
            let index = scene.acquire(me);
            scene.use_it(me, index);
            scene.release(me, index);
        };
        let other = process(&scene, 1, take_use_and_give);
        take_use_and_give(&scene, Session::of(0));
        other.join().expect("it ends well");
        assert_eq!((scene.available(), scene.members.recorded()), (1, 0));
    });
}

/// PL5. There are enough for both, and one of them may find the turnstile taken.
#[test]
fn pl5_two_want_two_of_four() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(2), 4);
        let other = process(&scene, 1, |scene, me| scene.acquire_many(me, 2).len());
        let mine = scene.acquire_many(Session::of(0), 2).len();
        assert_eq!((mine, other.join().expect("it ends well")), (2, 2));
    });
}

/// PL5. The first in line gives up, and what was freed is enough for the one behind it.
#[test]
fn pl5_the_first_in_line_leaves() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(3), 3);
        let (me, holder) = (Session::of(0), Session::of(2));
        let held = scene.acquire_many(holder, 2);
        // The first doorbell of a caller for several.
        scene.members.refuse_sleep(1);
        let behind = process(&scene, 1, |scene, me| scene.acquire_many(me, 2).len());
        let other = process(&scene, 2, move |scene, me| scene.release(me, held[0]));
        let mine = scene.acquire_many_or_fail(me, 3);
        assert_eq!(mine, Err(Error::Failed(Failure::Refused)), "one is held all the time");
        other.join().expect("it ends well");
        assert_eq!(behind.join().expect("it ends well"), 2);
    });
}

/// PS1. A count was put off for the first in line, which dies. It is due at once for the next one.
#[test]
fn ps1_the_first_in_line_dies() {
    explore_each_death(2, |changes| {
        let scene = PoolScene::new(Members::new(3), 3);
        let (first, holder) = (Session::of(0), Session::of(2));
        let held = scene.acquire_many(holder, 3);
        // The first doorbell of a caller for several.
        scene.members.refuse_sleep(1);
        let waited = stop_in(changes, || scene.acquire_many_or_fail(first, 3));
        scene.release(holder, held[0]);
        scene.members.die(first);
        let next = process(&scene, 1, |scene, me| scene.acquire_many(me, 2).len());
        scene.release(holder, held[1]);
        assert_eq!(next.join().expect("it ends well"), 2);
        waited.is_some()
    });
}

/// MB7. Two help, and one of them has the permit already while the other one is at it.
#[test]
fn mb7_a_late_helper_frees_no_permit_of_another() {
    explore(2, || {
        let scene = PoolScene::thorough(2, 1);
        let (me, victim) = (Session::of(0), Session::of(3));
        scene.acquire(victim);
        let help_and_take = move |scene: &PoolScene, me| {
            scene.reap(me, victim);
            scene.take(me)
        };
        let other = process(&scene, 1, help_and_take);
        let taken = [help_and_take(&scene, me), other.join().expect("it ends well")];
        assert_eq!(taken.iter().filter(|taken| taken.is_some()).count(), 1, "{taken:?}");
        assert_eq!(scene.available(), 0);
    });
}
