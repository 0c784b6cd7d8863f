//! The real store of a channel in every interleaving of a few processes, of which one dies before each of its changes.
//!
//! Each rule was broken on purpose, and the scenes beside it failed:
//!
//! | rule | broken by | scenes that fail |
//! | --- | --- | --- |
//! | ST5: a reaper marks before it changes the word | the other order; no mark | `a_sender_dies`, `two_helpers…` |
//! | FC2: a reaper shows free cells | it does not | `fc2_…` |
//! | CL2: what a dead process has claimed is marked before it is READY | no mark | `a_claimer_dies` |
//! | CL1: what is given back gets a hint, and a waiter is called | neither | `a_claimer_dies_that_gives_back`, `a_receiver_sleeps_beside…` |
//! | helpers change words by compare-and-swap | a plain store | `two_helpers…` |

use std::sync::{Arc, Mutex};

use sysv_loom::{
    explore::{explore, explore_each_death, process},
    kernel::Session,
    messages::{StoreScene, Wanted},
};

/// Explores a scene for each change before which a process dies in it, and for its death after the last one. The scene
/// returns whether the process got to the end, and whether its message counts. That changes once at most.
fn at_each_death(preemptions: usize, scene: fn(u32) -> (bool, bool)) {
    let mut before = None::<bool>;
    let mut turns = 0;
    for changes in 0.. {
        let ends = Arc::new(Mutex::new(None));
        let all_ends = Arc::clone(&ends);
        explore(preemptions, move || {
            let end = scene(changes);
            let mut ends = all_ends.lock().expect("no code panics while it is held");
            assert_eq!(*ends.get_or_insert(end), end, "a message counts, or it never was");
        });
        let end = *ends.lock().expect("no code panics while it is held");
        let (is_over, counts) = end.expect("it was explored");
        turns += u32::from(before.is_some_and(|before| before != counts));
        before = Some(counts);
        if is_over {
            break;
        }
    }
    assert_eq!(turns, 1, "there is one step that makes a message count, or takes it");
}

#[test]
fn a_sender_dies() {
    at_each_death(2, |changes| {
        let scene = StoreScene::new(2, 3, 2, 1);
        let me = Session::of(0);
        let sent = scene.die_in(Session::of(2), changes, |scene, me| scene.send(me, 101));
        let helper = process(&scene, 1, |scene, me| scene.reap(me));
        // The other helper may be stopped anywhere.
        scene.reap(me);
        let received = scene.try_receive(me, Wanted::Only(1));
        helper.join().expect("it ends well");
        assert_eq!(scene.drain(me), []);
        scene.assert_empty(me, 2);
        (sent.is_some(), received == Ok(101))
    });
}

/// ST5. One helper is done, whatever the other one has done so far: the message is there, or it never was.
#[test]
fn st5_another_helper_is_slower() {
    at_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        let sent = scene.die_in(Session::of(2), changes, |scene, me| scene.send(me, 101));
        let other = process(&scene, 1, |scene, me| {
            scene.reap(me);
            scene.try_receive(me, Wanted::Only(1))
        });
        scene.reap(me);
        let received = other.join().expect("it ends well");
        assert_eq!(scene.drain(me), []);
        (sent.is_some(), received == Ok(101))
    });
}

#[test]
fn a_sender_dies_in_a_lane_that_wraps() {
    at_each_death(2, |changes| {
        let scene = StoreScene::about_to_wrap(2, 2);
        let me = Session::of(0);
        let sent = scene.die_in(Session::of(2), changes, |scene, me| scene.send(me, 302));
        let helper = process(&scene, 1, |scene, me| scene.reap(me));
        assert_eq!(scene.try_receive(me, Wanted::Only(2)), Ok(201));
        helper.join().expect("it ends well");
        let received = scene.drain(me);
        assert!(received.len() <= 1, "{received:?}");
        scene.assert_empty(me, 2);
        (sent.is_some(), received == [302])
    });
}

#[test]
fn two_helpers_of_a_sender() {
    at_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        let sent = scene.die_in(Session::of(2), changes, |scene, me| scene.send(me, 101));
        let helper = process(&scene, 1, |scene, me| {
            scene.reap(me);
            // It uses what was freed, while the other helper may be at it still.
            scene.try_send(me, 102)
        });
        scene.reap(me);
        let another = helper.join().expect("it ends well").is_ok();
        let received = scene.drain(me);
        assert_eq!(received, [if another { 102 } else { 101 }]);
        scene.assert_empty(me, 1);
        (sent.is_some(), !another)
    });
}

#[test]
fn a_sender_dies_beside_a_receiver_that_sleeps() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 2, 1);
        let me = Session::of(0);
        let receiver = process(&scene, 1, |scene, me| scene.receive(me, Wanted::Only(1)));
        let sent = scene.die_in(Session::of(2), changes, |scene, me| scene.send(me, 101));
        scene.reap(me);
        scene.send(me, 102);
        let received = receiver.join().expect("it ends well");
        let received: Vec<u64> = received.into_iter().chain(scene.drain(me)).collect();
        assert!(received.contains(&102) && (sent.is_none() || received.contains(&101)), "{received:?}");
        sent.is_some()
    });
}

#[test]
fn a_receiver_dies() {
    at_each_death(2, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let received = scene.die_in(Session::of(2), changes, |scene, me| scene.receive(me, Wanted::Only(1)));
        let helper = process(&scene, 1, |scene, me| scene.reap(me));
        let first = scene.try_receive(me, Wanted::Only(1)).ok();
        helper.join().expect("it ends well");
        let all: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        assert!(all.len() <= 1, "{all:?}");
        scene.assert_empty(me, 1);
        (received.is_some(), all == [101])
    });
}

/// A claimer dies beside two helpers, which may be stopped anywhere: the message is done, or it comes back.
#[test]
fn a_claimer_dies() {
    at_each_death(2, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let done = scene.die_in(Session::of(2), changes, |scene, me| {
            let claimed = scene.try_claim(me, Wanted::Only(1)).expect("it is there");
            scene.done(me, claimed);
        });
        let helper = process(&scene, 1, |scene, me| scene.reap(me));
        scene.reap(me);
        let first = scene.try_receive(me, Wanted::Only(1)).ok();
        helper.join().expect("it ends well");
        let all: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        assert!(all.len() <= 1, "{all:?}");
        scene.assert_empty(me, 1);
        (done.is_some(), all == [101])
    });
}

/// A claimer that gives its message back dies: the message is there, whatever receivers and helpers do.
#[test]
fn a_claimer_dies_that_gives_back() {
    explore_each_death(2, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let (me, victim) = (Session::of(0), Session::of(2));
        scene.send(victim, 101);
        let claimed = scene.try_claim(victim, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, |scene, me| scene.try_receive(me, Wanted::Only(1)).ok());
        let given_back = scene.die_in(victim, changes, |scene, me| scene.requeue(me, claimed));
        scene.reap(me);
        let first = other.join().expect("it ends well");
        let all: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        assert_eq!(all, [101]);
        scene.assert_empty(me, 1);
        given_back.is_some()
    });
}

/// A receiver that goes to sleep is called for a message that comes back.
#[test]
fn a_receiver_sleeps_beside_one_that_gives_back() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let claimed = scene.try_claim(me, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, |scene, me| scene.receive(me, Wanted::Only(1)));
        scene.requeue(me, claimed);
        assert_eq!(other.join().expect("it ends well"), Ok(101));
        scene.assert_empty(me, 1);
    });
}

/// A process that frees a cell dies, beside a sender that waits for one.
#[test]
fn fc2_a_process_dies_that_frees_a_cell() {
    explore_each_death(3, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let victim = Session::of(2);
        scene.send(victim, 101);
        let taken = scene.take(victim, Wanted::Only(1));
        let other = process(&scene, 1, |scene, me| scene.send(me, 102));
        let freed = scene.die_in(victim, changes, |scene, me| scene.free(me, taken));
        other.join().expect("it ends well");
        let me = Session::of(0);
        assert_eq!(scene.try_receive(me, Wanted::Only(1)), Ok(102));
        scene.assert_empty(me, 1);
        freed.is_some()
    });
}

/// A sender that passes over a cell dies, beside a process that frees it.
#[test]
fn fc2_a_process_dies_that_passes_over_a_cell() {
    explore_each_death(3, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let taken = scene.take(me, Wanted::Only(1));
        let other = process(&scene, 1, move |scene, me| scene.die_in(me, changes, |scene, me| scene.try_send(me, 102)));
        scene.free(me, taken);
        let sent = other.join().expect("it ends well");
        scene.reap(me);
        assert!(scene.drain(me).len() <= 1);
        scene.assert_empty(me, 1);
        sent.is_some()
    });
}

#[test]
fn a_server_dies() {
    explore_each_death(2, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        let asked = scene.ask(me, 101);
        let helper = process(&scene, 1, |scene, me| {
            scene.reap(me);
            if let Ok(taken) = scene.try_take(me, Wanted::Only(1)) {
                scene.respond(me, taken, 103);
            }
        });
        let responded = scene.die_in(Session::of(2), changes, |scene, me| {
            if let Ok(taken) = scene.try_take(me, Wanted::Only(1)) {
                scene.respond(me, taken, 102);
            }
        });
        helper.join().expect("it ends well");
        if let Ok(taken) = scene.try_take(Session::of(1), Wanted::Only(1)) {
            scene.respond(Session::of(1), taken, 104);
        }
        let response = scene.response(me, asked).expect("the store is not closed");
        assert!(responded.is_none() || response.is_some());
        scene.ask(me, 103);
        responded.is_some()
    });
}

#[test]
fn a_caller_dies_beside_the_server() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let me = Session::of(0);
        let server = process(&scene, 1, |scene, me| {
            if let Ok(taken) = scene.try_take(me, Wanted::Only(1)) {
                scene.respond(me, taken, 102);
            }
        });
        let asked = scene.die_in(Session::of(2), changes, |scene, me| {
            let asked = scene.ask(me, 101);
            scene.cancel(me, asked);
        });
        scene.reap(me);
        server.join().expect("it ends well");
        scene.reap(me);
        scene.ask(me, 103);
        assert_eq!(scene.drain(me), [103]);
        asked.is_some()
    });
}
