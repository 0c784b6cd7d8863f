//! The real word of a value that is set once, in every interleaving of a few processes with few preemptions.

use std::sync::Arc;

use sysv_loom::{
    explore::{explore, process},
    kernel::{Members, Session},
    small::OnceScene,
};

fn get_or_init(scene: &OnceScene, me: Session) {
    if scene.begin(me) {
        scene.set(me);
    }
    scene.read();
}

#[test]
fn one_of_three_initialises() {
    explore(2, || {
        let scene = OnceScene::new(Members::new(3));
        let others = [process(&scene, 1, get_or_init), process(&scene, 2, get_or_init)];
        get_or_init(&scene, Session::of(0));
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
        assert!(scene.get());
    });
}

#[test]
fn a_waiter_sees_the_whole_value() {
    explore(3, || {
        let scene = OnceScene::new(Members::new(2));
        let waiter = process(&scene, 1, |scene: &OnceScene, me| {
            scene.get();
            scene.wait(me);
        });
        get_or_init(&scene, Session::of(0));
        waiter.join().expect("it ends well");
    });
}

/// One fails, and the other one that waits for it initialises. A third waits for the value.
#[test]
fn a_failure_is_passed_on() {
    explore(2, || {
        let scene = OnceScene::new(Members::new(3));
        assert!(scene.begin(Session::of(0)));
        let waiter = process(&scene, 1, |scene: &OnceScene, me| scene.wait(me));
        let next = process(&scene, 2, get_or_init);
        scene.write_half(Session::of(0));
        scene.give_up(Session::of(0));
        [waiter, next].into_iter().for_each(|other| other.join().expect("it ends well"));
        assert!(scene.get());
    });
}

fn initialiser_dies(members: Arc<Members>) {
    let scene = OnceScene::new(members);
    let victim = process(&scene, 1, |scene: &OnceScene, me| {
        if scene.begin(me) {
            scene.write_half(me);
        }
        scene.members.die(me);
    });
    get_or_init(&scene, Session::of(0));
    victim.join().expect("it ends well");
}

#[test]
fn an_initialiser_dies() {
    explore(3, || initialiser_dies(Members::new(2)));
}

/// A setter that has its posts refused leaves a waiter asleep, and the next process that needs the value calls it.
#[test]
fn case_c3_a_refused_call_is_made_by_the_next() {
    explore(2, || {
        let scene = OnceScene::new(Members::new(3));
        let me = Session::of(0);
        assert!(scene.begin(me));
        let waiter = process(&scene, 1, |scene: &OnceScene, me| scene.wait(me));
        scene.members.refuse_posts(true);
        scene.set(me);
        scene.members.refuse_posts(false);
        assert!(scene.get());
        waiter.join().expect("it ends well");
    });
}

/// The obituary is needed: without it a waiter sleeps for ever.
#[test]
#[should_panic(expected = "deadlock")]
fn an_initialiser_dies_and_no_process_is_notified() {
    explore(3, || initialiser_dies(Members::without_obituaries(2)));
}

/// A setter dies before it has called the waiters.
#[test]
fn a_try_begins_anew() {
    explore(2, || {
        let scene = OnceScene::new(Members::new(3));
        let victim = Session::of(2);
        assert!(scene.begin(victim));
        scene.write_half(victim);
        scene.members.die(victim);
        let other = process(&scene, 1, get_or_init);
        let me = Session::of(0);
        if scene.try_begin(me) == Some(true) {
            scene.set(me);
        }
        other.join().expect("it ends well");
        assert!(scene.get());
    });
}

/// OL2. A process reads the value as soon as it finds the word UNCALLED, before the waiters are called.
#[test]
fn ol2_what_is_uncalled_is_whole() {
    explore(2, || {
        let scene = OnceScene::thorough(2);
        let me = Session::of(0);
        assert!(scene.begin(me));
        let reader = process(&scene, 1, |scene: &OnceScene, _| scene.get());
        scene.set(me);
        reader.join().expect("it ends well");
    });
}

/// OL3. A caller that does not wait gets no obituary.
#[test]
fn ol3_a_try_finds_the_initialiser_dead() {
    explore(0, || {
        let scene = OnceScene::new(Members::new(2));
        let victim = Session::of(1);
        assert!(scene.begin(victim));
        scene.members.die(victim);
        assert_eq!(scene.try_begin(Session::of(0)), Some(true));
    });
}

/// OL3. The word comes to name a slot without a member after the first look. For that no obituary comes.
#[test]
fn ol3_a_word_without_a_member_keeps_no_waiter_asleep() {
    explore(0, || {
        let scene = OnceScene::new(Members::new(1));
        assert!(scene.begin(Session::of(2)));
        let me = Session::of(0);
        assert!(scene.wait_to_begin(me));
        scene.set(me);
    });
}
