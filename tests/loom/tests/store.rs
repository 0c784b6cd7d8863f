//! The real store of a channel in every interleaving of a few processes with few preemptions. Deaths are in `store_deaths`.
//!
//! A lane has two places. Each rule was broken on purpose, and the scenes beside it failed:
//!
//! | rule | broken by | scenes that fail |
//! | --- | --- | --- |
//! | ST1: a cell is taken by compare-and-swap | HELD by a plain store | `st1_two_receivers…`, `st5_a_returned_message…`, `a_server_dies` |
//! | ST1: the word makes the bytes count | a relaxed load of the word | `a_caller_waits…` |
//! | ST3, ST4: the place makes the cell's word count | a relaxed swap, or a relaxed load of it | `st3_…`, `st4_…`, most of `st5_…` to `st7_…` |
//! | ST5: a message is marked before its place is emptied | the other order; no mark | `st5_a_…`, `a_sender_dies_in_a_lane…` |
//! | ST5: `dirty` after the bit | the other order | `st5_dirty…`, `st5_a_message…of_all_routes` |
//! | ST5: `dirty` counts, and is read before the scan | no count; read afterwards | `st5_dirty…` |
//! | ST5: the holder clears the bit before the cell is free | afterwards | `st5_the_bit…` |
//! | ST6: lanes are looked at twice | once | `st6_from_the_first…` |
//! | ST6: the lanes that are used are read again after the only one | no second read | `st6_from_a_new_lane…` |
//! | ST7: a receiver fences, and a sender pushes before it looks for flags | no fence; no order | `st7_…` |
//! | CK1: no two messages have one stamp | a load and a store | `ck1_…` |
//! | CK2: the stamp before the push | afterwards | `st6_…` |
//! | FC1: FREE before the bit is cleared, the bit before the second look | either order left out; no second look | `fc1_…` |
//! | FC1: a sender that waits for a cell fences, and the bit is cleared before the flag is read | no fence; no order | `fc1_a_sender_waits…` |
//! | a call ends by compare-and-swap | the response, the cancel or the taking back by a plain store | `a_caller_cancels…` |
//! | a caller fences before it looks | no fence | `a_caller_waits…`, `a_receiver_and_a_caller…` |
//! | waiters learn of the close | no order before the entries are read | `a_receiver_and_a_caller…` |
//!
//! Not shown: the order of `head` and `tail`, since each place says for itself how far it is. The Release of READY, since the
//! place comes after it. That returned messages are looked at last, since a receiver looks twice before it fails or sleeps. What
//! a reaper calls for, since the obituary wakes every waiter. A call that is passed on is a scene of the room's.

use std::sync::Arc;

use sysv_loom::{
    Error,
    explore::{explore, process},
    kernel::Session,
    messages::{StoreScene, Taken, Wanted},
};

const BUSY: Result<u64, Error> = Err(Error::Busy);

fn position(messages: &[u64], message: u64) -> usize {
    messages.iter().position(|&found| found == message).expect("it was received")
}

#[test]
fn st1_two_senders_of_one_lane() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 2, 1);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| scene.send(me, 101));
        scene.send(me, 102);
        other.join().expect("it ends well");
        let mut messages = scene.drain(me);
        messages.sort_unstable();
        assert_eq!(messages, [101, 102]);
    });
}

#[test]
fn st3_a_sender_and_a_receiver_of_a_lane_that_wraps() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 2, 1);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| {
            [101, 102, 103]
                .map(|message| scene.try_send(me, message).map(|()| message))
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
        });
        let mut received: Vec<u64> =
            [(); 2].iter().filter_map(|()| scene.try_receive(me, Wanted::Only(1)).ok()).collect();
        let sent = other.join().expect("it ends well");
        received.extend(scene.drain(me));
        assert_eq!(received, sent);
    });
}

#[test]
fn st4_two_senders_and_one_receiver() {
    explore(1, || {
        let scene = StoreScene::new(3, 3, 2, 1);
        let me = Session::of(0);
        let others = [1, 2].map(|slot| process(&scene, slot, move |scene, me| scene.send(me, 100 + u64::from(slot))));
        let first = scene.try_receive(me, Wanted::Only(1)).ok();
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
        let mut received: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        received.sort_unstable();
        assert_eq!(received, [101, 102]);
    });
}

#[test]
fn st1_two_receivers_of_one_message() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let other = process(&scene, 1, |scene, me| scene.try_receive(me, Wanted::Only(1)));
        let mut found = [scene.try_receive(me, Wanted::Only(1)), other.join().expect("it ends well")];
        found.sort_by_key(Result::is_err);
        assert_eq!(found, [Ok(101), BUSY]);
        scene.assert_empty(me, 1);
    });
}

fn a_receiver_sleeps(wanted: Wanted) {
    explore(3, move || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let other = process(&scene, 1, |scene, me| scene.send(me, 101));
        assert_eq!(scene.receive(Session::of(0), wanted), Ok(101));
        other.join().expect("it ends well");
    });
}

#[test]
fn st7_a_receiver_of_a_route_sleeps() {
    a_receiver_sleeps(Wanted::Only(1));
}

#[test]
fn st7_a_receiver_of_all_routes_sleeps() {
    a_receiver_sleeps(Wanted::Any);
}

#[test]
fn st7_a_receiver_of_low_routes_sleeps() {
    a_receiver_sleeps(Wanted::UpTo(1));
}

/// Two senders use a lane for the first time, and a receiver of all lanes sleeps.
#[test]
fn st7_a_lane_is_used_for_the_first_time() {
    explore(1, || {
        let scene = StoreScene::new(3, 3, 2, 1);
        let senders = [1, 2].map(|slot| process(&scene, slot, move |scene, me| scene.send(me, 100 + u64::from(slot))));
        scene.receive(Session::of(0), Wanted::Any).expect("it waits as long as it takes");
        senders.into_iter().for_each(|sender| sender.join().expect("it ends well"));
    });
}

#[test]
fn fc1_a_cell_is_freed_beside_a_sender_that_passes_over_it() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let taken = scene.take(me, Wanted::Only(1));
        let other = process(&scene, 1, |scene, me| scene.try_send(me, 102));
        scene.free(me, taken);
        let rest = other.join().expect("it ends well").map_or(vec![], |()| vec![102]);
        assert_eq!(scene.drain(me), rest);
        scene.assert_empty(me, 1);
    });
}

#[test]
fn fc1_a_sender_waits_for_a_cell() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        scene.send(me, 101);
        let taken = scene.take(me, Wanted::Only(1));
        let other = process(&scene, 1, |scene, me| scene.send(me, 102));
        scene.free(me, taken);
        other.join().expect("it ends well");
        assert_eq!(scene.try_receive(me, Wanted::Only(1)), Ok(102));
    });
}

#[test]
fn fc1_two_senders_wait_for_two_cells() {
    explore(1, || {
        let scene = StoreScene::new(3, 3, 2, 1);
        let me = Session::of(0);
        let taken = [101, 102].map(|message| {
            scene.send(me, message);
            scene.take(me, Wanted::Only(1))
        });
        let others = [1, 2].map(|slot| process(&scene, slot, move |scene, me| scene.send(me, 102 + u64::from(slot))));
        taken.into_iter().for_each(|taken| scene.free(me, taken));
        others.into_iter().for_each(|other| other.join().expect("it ends well"));
    });
}

#[test]
fn st5_a_message_is_returned_beside_its_receiver() {
    explore(4, || {
        let scene = StoreScene::about_to_wrap(2, 2);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| scene.send(me, 302));
        assert_eq!(scene.try_receive(me, Wanted::Only(2)), Ok(201), "it can be received all the time");
        other.join().expect("it ends well");
        assert_eq!(scene.drain(me), [302]);
        scene.assert_empty(me, 2);
    });
}

#[test]
fn st5_a_message_is_returned_beside_a_receiver_of_all_routes() {
    explore(3, || {
        let scene = StoreScene::about_to_wrap(2, 2);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| scene.send(me, 302));
        assert_eq!(scene.try_receive(me, Wanted::Any), Ok(201), "it can be received all the time");
        other.join().expect("it ends well");
        assert_eq!(scene.drain(me), [302]);
        scene.assert_empty(me, 2);
    });
}

#[test]
fn st5_a_returned_message_has_one_receiver() {
    explore(1, || {
        let scene = StoreScene::about_to_wrap(3, 2);
        let me = Session::of(0);
        let sender = process(&scene, 1, |scene, me| scene.send(me, 302));
        let other = process(&scene, 2, |scene, me| scene.try_receive(me, Wanted::Only(2)));
        let mut found = [scene.try_receive(me, Wanted::Only(2)), other.join().expect("it ends well")];
        found.sort_by_key(Result::is_err);
        assert_eq!(found, [Ok(201), BUSY]);
        sender.join().expect("it ends well");
        assert_eq!(scene.drain(me), [302]);
    });
}

/// Makes a store in which a message was returned and received. So it is dirty, without a bit. The next push meets 302.
fn a_dirty_store(processes: usize) -> Arc<StoreScene> {
    let scene = StoreScene::about_to_wrap(processes, 3);
    let me = Session::of(0);
    scene.send(me, 302);
    assert_eq!(scene.try_receive(me, Wanted::Only(2)), Ok(201));
    scene.send(me, 303);
    scene
}

/// A receiver finds no bit, beside a sender that sets one.
#[test]
fn st5_dirty_is_lowered_beside_a_sender_that_marks() {
    explore(3, || {
        let scene = a_dirty_store(2);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| scene.send(me, 304));
        assert_eq!(scene.try_receive(me, Wanted::Only(2)), BUSY);
        other.join().expect("it ends well");
        assert_eq!(scene.try_receive(me, Wanted::Only(3)), Ok(302));
        assert_eq!(scene.drain(me), [303, 304]);
        scene.assert_empty(me, 3);
    });
}

/// A message is freed that was returned, beside a sender that has a message in its cell and returns that.
#[test]
fn st5_the_bit_is_cleared_before_the_cell_is_free() {
    explore(3, || {
        let scene = StoreScene::about_to_wrap(2, 2);
        let me = Session::of(0);
        scene.send(me, 302);
        let taken = scene.take(me, Wanted::Only(2));
        assert_eq!(taken.message, 201);
        let other = process(&scene, 1, |scene, me| {
            // The other cells have 302, and 303 and 304 one after another.
            let sent = scene.try_send(me, 202);
            assert_eq!(scene.try_receive(me, Wanted::Only(3)), Ok(302));
            scene.send(me, 303);
            assert_eq!(scene.try_receive(me, Wanted::Only(3)), Ok(303));
            scene.send(me, 304);
            sent.map_or(vec![], |()| vec![202])
        });
        scene.free(me, taken);
        let mut expected = other.join().expect("it ends well");
        expected.push(304);
        assert_eq!(scene.drain(me), expected);
    });
}

#[test]
fn a_caller_waits_for_its_response() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        let asked = scene.ask(me, 101);
        let server = process(&scene, 1, |scene, me| {
            let taken = scene.take(me, Wanted::Only(1));
            scene.respond(me, taken, 102);
        });
        assert_eq!(scene.response(me, asked), Ok(Some(102)));
        server.join().expect("it ends well");
        scene.ask(me, 103);
    });
}

/// The request is taken already.
fn a_caller_cancels_beside(end: fn(&StoreScene, Session, Taken)) {
    explore(4, move || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        let asked = scene.ask(me, 101);
        let taken = scene.take(Session::of(1), Wanted::Only(1));
        let server = process(&scene, 1, move |scene, me| end(scene, me, taken));
        scene.cancel(me, asked);
        server.join().expect("it ends well");
        // There is one cell for calls.
        scene.ask(me, 103);
        assert_eq!(scene.drain(me), [103]);
    });
}

#[test]
fn a_caller_cancels_beside_the_response() {
    a_caller_cancels_beside(|scene, me, taken| scene.respond(me, taken, 102));
}

#[test]
fn a_caller_cancels_beside_a_server_that_loses_the_request() {
    a_caller_cancels_beside(|scene, me, taken| scene.free(me, taken));
}

#[test]
fn a_caller_cancels_beside_a_server_that_takes_the_request() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        let asked = scene.ask(me, 101);
        let server = process(&scene, 1, |scene, me| {
            if let Ok(taken) = scene.try_take(me, Wanted::Only(1)) {
                scene.respond(me, taken, 102);
            }
        });
        scene.cancel(me, asked);
        server.join().expect("it ends well");
        scene.ask(me, 103);
        assert_eq!(scene.drain(me), [103]);
    });
}

#[test]
fn a_receiver_and_a_caller_learn_that_the_store_is_closed() {
    explore(2, || {
        let scene = StoreScene::new(3, 3, 1, 1);
        let asked = scene.ask(Session::of(1), 101);
        let caller = process(&scene, 1, move |scene, me| scene.response(me, asked));
        let receiver = process(&scene, 2, |scene, me| scene.receive(me, Wanted::Except(1)));
        scene.close(Session::of(0));
        assert_eq!(caller.join().expect("it ends well"), Err(Error::Closed));
        assert_eq!(receiver.join().expect("it ends well"), Err(Error::Closed));
    });
}

/// Makes a store of two lanes. The first one belongs to route 2, and the second one to route 1.
fn two_lanes(processes: usize) -> Arc<StoreScene> {
    let scene = StoreScene::new(processes, 3, 4, 2);
    let me = Session::of(0);
    for message in [201, 101] {
        scene.send(me, message);
        assert_eq!(scene.try_receive(me, Wanted::Any), Ok(message));
    }
    scene
}

fn one_sender_of_two_lanes(messages: [u64; 2]) {
    one_sender(messages, || two_lanes(2));
}

fn one_sender(messages: [u64; 2], make: fn() -> Arc<StoreScene>) {
    explore(4, move || {
        let scene = make();
        let me = Session::of(0);
        let other =
            process(&scene, 1, move |scene, me| messages.into_iter().for_each(|message| scene.send(me, message)));
        let first = scene.try_receive(me, Wanted::Any).ok();
        other.join().expect("it ends well");
        let received: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        assert_eq!(received, messages);
    });
}

#[test]
fn st6_from_the_first_lane_to_the_second() {
    one_sender_of_two_lanes([202, 102]);
}

#[test]
fn st6_from_the_second_lane_to_the_first() {
    one_sender_of_two_lanes([102, 202]);
}

/// One lane was used so far. A sender uses another one, and then that one.
#[test]
fn st6_from_a_new_lane_to_the_one_that_was_used() {
    one_sender([102, 202], || {
        let scene = StoreScene::new(2, 3, 4, 2);
        let me = Session::of(0);
        scene.send(me, 201);
        assert_eq!(scene.try_receive(me, Wanted::Any), Ok(201));
        scene
    });
}

/// Another sender's message is in front of the last one, or behind it, and has any stamp.
#[test]
fn ck1_two_senders_of_two_lanes() {
    explore(2, || {
        let scene = two_lanes(2);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| [103, 102, 202].map(|message| scene.send(me, message)));
        scene.send(me, 203);
        other.join().expect("it ends well");
        let received = scene.drain(me);
        assert!(position(&received, 102) < position(&received, 202), "{received:?}");
        assert_eq!(received.len(), 4);
    });
}
