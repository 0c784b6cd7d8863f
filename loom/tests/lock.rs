//! The real lock in every interleaving of a few processes. A lost wake-up is a deadlock, which loom reports.

use std::sync::Arc;

use loom::{model::Builder, thread};
use sysv_loom::{
    kernel::{Members, Session},
    scene::LockScene,
};

/// Explores every interleaving with at most so many preemptions.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn process(
    scene: &Arc<LockScene>,
    slot: u32,
    body: impl FnOnce(&LockScene, Session) + 'static,
) -> thread::JoinHandle<()> {
    let scene = Arc::clone(scene);
    thread::spawn(move || body(&scene, Session::of(slot)))
}

#[test]
fn two_processes_lock_and_unlock() {
    explore(4, || {
        let scene = LockScene::new(Members::new(2));
        let work = |scene: &LockScene, me| {
            for _ in 0..2 {
                assert!(!scene.lock(me));
                scene.use_it();
                scene.unlock();
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
            scene.unlock();
        };
        let others = [process(&scene, 1, work), process(&scene, 2, work)];
        work(&scene, Session::of(0));
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
    });
}

#[test]
fn who_gives_up_loses_no_event() {
    explore(2, || {
        let scene = LockScene::new(Members::new(3));
        let patient = |scene: &LockScene, me| {
            scene.lock(me);
            scene.use_it();
            scene.unlock();
        };
        let impatient = process(&scene, 1, |scene, me| {
            if scene.lock_impatiently(me) {
                scene.use_it();
                scene.unlock();
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
    scene.unlock();
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
fn a_holder_dies_and_nobody_is_told() {
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
            scene.unlock();
        };
        let other = process(&scene, 1, survive);
        survive(&scene, Session::of(0));
        other.join().expect("it ends well");
        victim.join().expect("it ends well");
    });
}
