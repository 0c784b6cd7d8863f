//! The real words of an rwlock in every interleaving of a few processes with few preemptions. A lost wake-up is a deadlock, which
//! loom reports. Even slots have favoured threads, and odd ones have not.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use sysv_loom::{
    explore::{explore, process},
    kernel::{Members, Session},
    rwlock::RwScene,
};

fn read(scene: &RwScene, me: Session) {
    assert!(!scene.read(me), "no writer died");
    let _ = scene.look();
    scene.leave(me);
}

fn write(scene: &RwScene, me: Session) {
    assert!(!scene.write(me), "no writer died");
    scene.change();
    scene.unlock(me);
}

type Work = fn(&RwScene, Session);

/// Each process does its work, and the last one looks what came of it.
fn together(preemptions: usize, works: &'static [Work]) {
    explore(preemptions, || {
        let scene = RwScene::new(Members::new(works.len()));
        let others: Vec<_> = (1..).zip(&works[1..]).map(|(slot, work)| process(&scene, slot, work)).collect();
        let me = Session::of(0);
        works[0](&scene, me);
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
        assert!(scene.write_impatiently(me), "no process has it");
    });
}

#[test]
fn a_reader_and_a_writer() {
    together(3, &[read, write]);
    together(3, &[write, read]);
}

#[test]
fn a_reader_and_a_writer_twice() {
    together(2, &[|scene, me| (0..2).for_each(|_| read(scene, me)), |scene, me| (0..2).for_each(|_| write(scene, me))]);
}

#[test]
fn two_readers_and_a_writer() {
    together(2, &[write, read, read]);
}

#[test]
fn a_reader_and_two_writers() {
    together(3, &[write, read, write]);
}

/// A reader comes back while a writer that notified is about to clear the flag.
#[test]
fn a_reader_twice_and_two_writers() {
    together(2, &[write, |scene, me| (0..2).for_each(|_| read(scene, me)), write]);
}

/// A reader that writers forestalled, and a writer that comes when it has opened the gate.
#[test]
fn a_reader_goes_by_the_lock() {
    const BY_LOCK: Work = |scene, me| {
        assert!(!scene.read_by_lock(me), "no writer died");
        let _ = scene.look();
        scene.leave(me);
    };
    together(3, &[write, BY_LOCK]);
    together(2, &[BY_LOCK, write, read]);
}

/// No writer comes in between.
#[test]
fn a_writer_goes_on_as_a_reader() {
    const DOWNGRADE: Work = |scene, me| {
        assert!(!scene.write(me));
        scene.change();
        let written = scene.look();
        scene.downgrade(me);
        assert_eq!(scene.look(), written);
        scene.leave(me);
    };
    together(3, &[DOWNGRADE, read]);
    together(3, &[DOWNGRADE, write]);
    together(2, &[write, DOWNGRADE, read]);
}

#[test]
fn what_times_out_loses_no_event() {
    together(
        2,
        &[
            write,
            |scene, me| {
                if scene.read_impatiently(me, true) {
                    let _ = scene.look();
                    scene.leave(me);
                }
            },
            read,
        ],
    );
    together(
        2,
        &[
            read,
            |scene, me| {
                if scene.write_impatiently(me) {
                    scene.change();
                    scene.unlock(me);
                }
            },
            write,
        ],
    );
}

/// Explores a scene for each change before which the second process dies in it, and for its death after the last one.
fn at_each_death(preemptions: usize, members: fn() -> Arc<Members>, dying: Work, survive: Work) {
    for changes in 0.. {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        explore(preemptions, move || {
            let scene = RwScene::new(members());
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

/// Whatever a reader does when it dies: the next writer goes on, and is notified of nothing.
#[test]
fn a_reader_dies() {
    at_each_death(2, two, |scene, me| _ = scene.read(me), write);
    at_each_death(2, two, read, write);
}

/// It dies while it waits for the survivor to leave, or writes, or leaves. Inside it changes the value.
#[test]
fn a_writer_dies() {
    at_each_death(2, two, write, |scene, me| {
        let _ = scene.read(me);
        let _ = scene.look();
        scene.leave(me);
    });
    at_each_death(2, two, write, |scene, me| {
        let _ = scene.write(me);
        scene.change();
        scene.unlock(me);
    });
}

/// The obituary is needed: without it a writer sleeps for ever beside the count of a dead reader.
#[test]
#[should_panic(expected = "deadlock")]
fn a_reader_dies_and_no_process_is_notified() {
    at_each_death(2, || Members::without_obituaries(2), |scene, me| _ = scene.read(me), write);
}

/// A writer that is dead inside poisons, for whichever helper comes first, and one that is dead outside does not.
#[test]
fn two_help_after_a_dead_writer() {
    for is_inside in [true, false] {
        explore(3, move || {
            let scene = RwScene::new(Members::new(3));
            let dead = Session::of(2);
            assert!(!scene.write(dead));
            if !is_inside {
                scene.downgrade(dead);
            }
            scene.members.die(dead);
            let other = process(&scene, 1, |scene, me| {
                let poisoned = scene.read(me);
                scene.leave(me);
                poisoned
            });
            let me = Session::of(0);
            assert_eq!(scene.read(me), is_inside);
            scene.leave(me);
            assert_eq!(other.join().expect("it ends well"), is_inside);
        });
    }
}

/// RW9. A count names a slot without a member. For that no obituary comes.
#[test]
fn rw9_a_count_without_a_member_keeps_no_writer_out() {
    explore(2, || {
        let scene = RwScene::new(Members::new(1));
        assert!(!scene.read(Session::of(2)), "no writer died");
        write(&scene, Session::of(0));
    });
}
