//! The real lock in every interleaving of a few processes with few preemptions. A lost wake-up is a deadlock, which loom reports.

use std::sync::Arc;

use sysv_loom::{
    Error,
    explore::{explore, process},
    kernel::{Members, Session},
    scene::LockScene,
};

#[test]
fn two_processes_lock_and_unlock() {
    explore(4, || {
        let scene = LockScene::new(Members::new(2));
        let work = |scene: &LockScene, me| {
            for _ in 0..2 {
                assert!(!scene.lock(me));
                scene.use_it();
                scene.unlock(me);
            }
        };
        let other = process(&scene, 1, work);
        work(&scene, Session::of(0));
        other.join().expect("it ends well");
    });
}

#[test]
fn three_processes_lock_and_unlock() {
    explore(2, || {
        let scene = LockScene::new(Members::new(3));
        let work = |scene: &LockScene, me| {
            assert!(!scene.lock(me));
            scene.use_it();
            scene.unlock(me);
        };
        let others = [process(&scene, 1, work), process(&scene, 2, work)];
        work(&scene, Session::of(0));
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
    });
}

#[test]
fn a_timeout_loses_no_event() {
    explore(2, || {
        let scene = LockScene::new(Members::new(3));
        let patient = |scene: &LockScene, me| {
            scene.lock(me);
            scene.use_it();
            scene.unlock(me);
        };
        let impatient = process(&scene, 1, |scene, me| {
            if scene.lock_impatiently(me) {
                scene.use_it();
                scene.unlock(me);
            }
        });
        let other = process(&scene, 2, patient);
        patient(&scene, Session::of(0));
        impatient.join().expect("it ends well");
        other.join().expect("it ends well");
    });
}

fn holder_dies(members: Arc<Members>) {
    let scene = LockScene::new(members);
    let victim = process(&scene, 1, |scene, me| {
        scene.lock(me);
        scene.use_it();
        scene.members.die(me);
    });
    let me = Session::of(0);
    let poisoned = scene.lock(me);
    scene.use_it();
    scene.unlock(me);
    victim.join().expect("it ends well");
    // If we were first, the victim has it now, and is dead.
    assert!(poisoned || scene.lock(me));
}

#[test]
fn a_holder_dies() {
    explore(4, || holder_dies(Members::new(2)));
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn a_holder_dies_without_an_obituary() {
    explore(4, || holder_dies(Members::without_obituaries(2)));
}

#[test]
fn a_holder_dies_and_two_wait() {
    explore(2, || {
        let scene = LockScene::new(Members::new(3));
        let victim = process(&scene, 2, |scene, me| {
            scene.lock(me);
            scene.members.die(me);
        });
        let survive = |scene: &LockScene, me| {
            scene.lock(me);
            scene.use_it();
            scene.unlock(me);
        };
        let other = process(&scene, 1, survive);
        survive(&scene, Session::of(0));
        other.join().expect("it ends well");
        victim.join().expect("it ends well");
    });
}

/// A caller that doesn't wait gets a dead holder's lock as well, poisoned.
#[test]
fn a_try_finds_the_holder_dead() {
    explore(3, || {
        let scene = LockScene::new(Members::new(3));
        let victim = process(&scene, 2, |scene, me| {
            scene.lock(me);
            scene.members.die(me);
        });
        let other = process(&scene, 1, |scene, me| {
            if scene.try_lock(me).is_ok() {
                scene.use_it();
                scene.unlock(me);
            }
        });
        victim.join().expect("it ends well");
        let me = Session::of(0);
        match scene.try_lock(me) {
            Ok(_) => {
                scene.use_it();
                scene.unlock(me);
            }
            // The other one has it, or is about to reap.
            Err(error) => assert_eq!(error, Error::Busy),
        }
        other.join().expect("it ends well");
        assert!(scene.try_lock(me).is_ok());
    });
}

/// A holder that may not post frees the lock, and the next holder's unlock wakes the waiter.
#[test]
fn case_c3_a_refused_unlock_leaves_the_waiter_announced() {
    explore(4, || {
        let scene = LockScene::new(Members::new(3));
        let (refused, next) = (Session::of(0), Session::of(2));
        scene.lock(refused);
        let waiter = process(&scene, 1, |scene, me| {
            scene.lock(me);
            scene.use_it();
            scene.unlock(me);
        });
        scene.members.refuse_posts(true);
        scene.unlock(refused);
        scene.members.refuse_posts(false);
        scene.lock(next);
        scene.use_it();
        scene.unlock(next);
        waiter.join().expect("it ends well");
    });
}

/// A waiter that was called, and whose sleep the system refuses, calls the next one.
#[test]
fn case_c3_a_refused_sleep_passes_the_call_on() {
    explore(3, || {
        let scene = LockScene::new(Members::new(3));
        let me = Session::of(0);
        scene.members.refuse_sleep(1);
        scene.lock(me);
        let refused = process(&scene, 1, |scene, me| {
            if scene.try_lock_impatiently(me).is_ok() {
                scene.use_it();
                scene.unlock(me);
            }
        });
        let other = process(&scene, 2, lock_and_unlock);
        scene.unlock(me);
        refused.join().expect("it ends well");
        other.join().expect("it ends well");
    });
}

/// A process that lost its slot to a reaper unlocks: the next holder keeps the lock.
#[test]
fn case_c3_an_unlock_frees_no_lock_of_another() {
    explore(3, || {
        let scene = LockScene::new(Members::new(2));
        let lost = Session::of(0);
        scene.lock(lost);
        scene.members.die(lost);
        let other = process(&scene, 1, |scene, me| {
            scene.lock(me);
            scene.use_it();
        });
        scene.unlock(lost);
        other.join().expect("it ends well");
        assert_eq!(scene.try_lock(lost), Err(Error::Busy), "the other one has it");
    });
}

fn lock_and_unlock(scene: &LockScene, me: Session) {
    scene.lock(me);
    scene.use_it();
    scene.unlock(me);
}

/// Every unlock offers the lock, and no other process takes it before.
#[test]
fn two_processes_pass_a_fair_lock_on() {
    explore(3, || {
        let scene = LockScene::fair(Members::new(2));
        let other = process(&scene, 1, lock_and_unlock);
        lock_and_unlock(&scene, Session::of(0));
        lock_and_unlock(&scene, Session::of(0));
        other.join().expect("it ends well");
    });
}

#[test]
fn three_processes_pass_a_fair_lock_on() {
    explore(2, || {
        let scene = LockScene::fair(Members::new(3));
        let others = [process(&scene, 1, lock_and_unlock), process(&scene, 2, lock_and_unlock)];
        lock_and_unlock(&scene, Session::of(0));
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
    });
}

/// The waiter is offered the lock, or is about to be, and leaves without it or with it.
#[test]
fn an_offer_to_a_waiter_that_times_out_is_not_lost() {
    explore(3, || {
        let scene = LockScene::fair(Members::new(3));
        let impatient = process(&scene, 1, |scene, me| {
            if scene.lock_impatiently(me) {
                scene.use_it();
                scene.unlock(me);
            }
        });
        let other = process(&scene, 2, lock_and_unlock);
        lock_and_unlock(&scene, Session::of(0));
        impatient.join().expect("it ends well");
        other.join().expect("it ends well");
        assert_eq!(scene.try_lock(Session::of(0)), Ok(false), "it is free, and not poisoned");
    });
}

/// A process dies while it waits, with an offer to it, or inside. Only the last poisons.
#[test]
fn an_offer_to_the_dead_is_not_lost() {
    explore(2, || {
        let scene = LockScene::fair(Members::new(3));
        let victim = process(&scene, 1, |scene, me| {
            let _ = scene.lock_impatiently(me);
            scene.members.die(me);
        });
        let other = process(&scene, 2, lock_and_unlock);
        lock_and_unlock(&scene, Session::of(0));
        victim.join().expect("it ends well");
        other.join().expect("it ends well");
        assert!(scene.try_lock(Session::of(0)).is_ok(), "no living process has it");
    });
}

/// LK4. The word names a slot without a member, for which no obituary comes.
#[test]
fn lk4_a_word_without_a_member_is_mended() {
    explore(2, || {
        let scene = LockScene::new(Members::new(1));
        scene.lock(Session::of(2));
        let me = Session::of(0);
        scene.lock(me);
        scene.unlock(me);
    });
}
