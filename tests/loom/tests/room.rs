//! A real room with named calls in every interleaving of a few processes with few preemptions.

use std::sync::Arc;

use sysv_loom::{
    explore::{explore, explore_each_death, process, stop_in},
    kernel::{Failure, Members, Session},
    named::{NamedScene, ResponseScene},
};

const FIRST: u64 = 0b01;
const SECOND: u64 = 0b10;
const BOTH: u64 = FIRST | SECOND;

fn send(scene: &NamedScene, messages: &[usize]) {
    messages.iter().for_each(|&message| scene.send(message).expect("no post is refused"));
}

#[test]
fn each_waiter_gets_a_message_of_its_lane() {
    explore(2, || {
        let scene = NamedScene::new(Members::new(3));
        let first = process(&scene, 0, |scene, me| assert_eq!(scene.take(me, FIRST), 0));
        let second = process(&scene, 1, |scene, me| assert_eq!(scene.take(me, SECOND), 1));
        send(&scene, &[1, 0]);
        first.join().expect("it ends well");
        second.join().expect("it ends well");
    });
}

/// The waiter for both lanes may be called for the message of the second, and take that of the first.
fn one_for_both_lanes_and_one_for_the_second(scene: &Arc<NamedScene>) {
    let wide = process(scene, 0, |scene, me| scene.take(me, BOTH));
    let narrow = process(scene, 1, |scene, me| scene.take(me, SECOND));
    send(scene, &[1, 0]);
    if wide.join().expect("it ends well") == 1 {
        send(scene, &[3]);
    }
    narrow.join().expect("it ends well");
}

#[test]
fn a_waiter_that_takes_another_message_calls_the_next() {
    explore(2, || one_for_both_lanes_and_one_for_the_second(&NamedScene::new(Members::new(3))));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_waiter_that_takes_another_message_and_calls_no_other() {
    explore(2, || one_for_both_lanes_and_one_for_the_second(&NamedScene::without_passing_on(Members::new(3))));
}

#[test]
fn a_timeout_loses_no_message() {
    explore(3, || {
        let scene = NamedScene::new(Members::new(3));
        let impatient = process(&scene, 0, |scene, me| scene.take_impatiently(me, BOTH).is_ok());
        let patient = process(&scene, 1, |scene, me| scene.take(me, SECOND));
        send(&scene, &[1]);
        if impatient.join().expect("it ends well") {
            send(&scene, &[3]);
        }
        patient.join().expect("it ends well");
    });
}

/// Two notifiers at once, and two waiters that both fit.
#[test]
fn two_senders_and_two_waiters() {
    explore(2, || {
        let scene = NamedScene::new(Members::new(3));
        let waiters = [(0, FIRST), (1, BOTH)];
        let waiters = waiters.map(|(slot, lanes)| process(&scene, slot, move |scene, me| scene.take(me, lanes)));
        let other = process(&scene, 2, |scene, _| send(scene, &[0]));
        send(&scene, &[2]);
        other.join().expect("it ends well");
        waiters.into_iter().for_each(|waiter| assert!(waiter.join().expect("it ends well") % 2 == 0));
    });
}

/// A sender that may not post leaves the waiter announced, and the flag up.
#[test]
fn case_c3_a_refused_call_leaves_the_waiter_announced() {
    explore(3, || {
        let scene = NamedScene::new(Members::new(2));
        let waiter = process(&scene, 1, |scene, me| scene.take(me, FIRST));
        scene.members.refuse_posts(true);
        let sent = scene.send(0);
        scene.members.refuse_posts(false);
        assert!(matches!(sent, Ok(()) | Err(Failure::Refused)));
        send(&scene, &[2]);
        waiter.join().expect("it ends well");
    });
}

#[test]
fn a_waiter_that_died_is_not_waited_for() {
    explore(2, || {
        let scene = NamedScene::new(Members::new(3));
        let victim = process(&scene, 0, |scene, me| {
            let taken = scene.take_impatiently(me, BOTH).is_ok();
            scene.members.die(me);
            taken
        });
        let waiter = process(&scene, 1, |scene, me| scene.take(me, FIRST));
        send(&scene, &[0]);
        if victim.join().expect("it ends well") {
            send(&scene, &[2]);
        }
        waiter.join().expect("it ends well");
    });
}

#[test]
fn each_member_gets_its_response() {
    explore(2, || {
        let scene = ResponseScene::new(Members::new(3));
        let others =
            [process(&scene, 1, ResponseScene::await_response), process(&scene, 2, ResponseScene::await_response)];
        scene.respond(2).expect("no post is refused");
        scene.respond(1).expect("no post is refused");
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
        assert_eq!(scene.respond(7_000), Ok(()), "no slot");
    });
}

#[test]
fn a_member_that_waits_for_its_response_itself() {
    explore(4, || {
        let scene = ResponseScene::new(Members::new(2));
        let other = process(&scene, 1, |scene, _| scene.respond(0).expect("no post is refused"));
        scene.await_response(Session::of(0));
        other.join().expect("it ends well");
    });
}

/// RM2. A sender is stopped before each of its changes, perhaps having chosen the waiter and not posted: the next sender posts.
#[test]
fn rm2_a_sender_is_stopped_that_chose_a_waiter() {
    explore_each_death(2, |changes| {
        let scene = NamedScene::new(Members::new(3));
        let waiter = process(&scene, 1, |scene, me| scene.take(me, FIRST));
        let sent = stop_in(changes, || send(&scene, &[0]));
        send(&scene, &[2]);
        waiter.join().expect("it ends well");
        sent.is_some()
    });
}

/// RM2. The next sender calls the other waiter, and leaves the flag up for the first one.
#[test]
fn rm2_the_flag_stays_up_for_a_waiter_that_was_not_posted() {
    explore_each_death(1, |changes| {
        let scene = NamedScene::new(Members::new(3));
        let waiters = [1, 2].map(|slot| process(&scene, slot, |scene, me| scene.take(me, FIRST)));
        scene.members.until_asleep(2);
        let sent = stop_in(changes, || send(&scene, &[2]));
        // The last one is there once, whether it was sent before or not.
        send(&scene, &[0, 2]);
        let taken: usize = waiters.map(|waiter| waiter.join().expect("it ends well")).iter().sum();
        assert!([2, 4].contains(&taken), "each takes one of them");
        sent.is_some()
    });
}

/// RM4. A waiter dies before each of its changes, perhaps announced. Once it was reaped, no event goes to it.
#[test]
fn rm4_no_event_goes_to_a_waiter_that_was_reaped() {
    explore_each_death(2, |changes| {
        let scene = NamedScene::new(Members::new(3));
        // Slots with lower numbers are called first here.
        let victim = Session::of(0);
        let waited = stop_in(changes, || scene.take_impatiently(victim, FIRST));
        scene.members.die(victim);
        let waiter = process(&scene, 1, |scene, me| scene.take(me, FIRST));
        send(&scene, &[0]);
        waiter.join().expect("it ends well");
        waited.is_some()
    });
}
