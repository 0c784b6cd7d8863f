//! The real words of a pool in every interleaving of a few processes.

use std::sync::Arc;

use loom::{model::Builder, thread};
use sysv_loom::{
    kernel::{Members, Session},
    scene::PoolScene,
};

fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn process(
    scene: &Arc<PoolScene>,
    slot: u32,
    body: impl FnOnce(&PoolScene, Session) + 'static,
) -> thread::JoinHandle<()> {
    let scene = Arc::clone(scene);
    thread::spawn(move || body(&scene, Session::of(slot)))
}

fn take_and_give(scene: &PoolScene, me: Session) {
    let index = scene.acquire(me);
    scene.release(index);
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
                scene.release(index);
            }
        });
        take_and_give(&scene, Session::of(0));
        other.join().expect("it ends well");
        assert_eq!(scene.available(), 2);
    });
}

#[test]
fn who_gives_up_loses_no_event() {
    explore(2, || {
        let scene = PoolScene::new(Members::new(3), 1);
        let impatient = process(&scene, 1, |scene, me| {
            if let Ok(index) = scene.acquire_impatiently(me) {
                scene.release(index);
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
    // Whatever the victim had is there for who wants it.
    take_and_give(&scene, Session::of(0));
}

#[test]
fn a_holder_dies() {
    explore(3, || holder_dies(Members::new(2)));
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn a_holder_dies_and_nobody_is_told() {
    explore(3, || holder_dies(Members::without_obituaries(2)));
}
