//! Limits, delays and responses beside their request, in every interleaving of a few processes, of which one may die.
//!
//! There is no room for messages to stay aside: each is dropped when the cells are balanced, and counted. Each rule was broken on
//! purpose, and the scenes beside it failed:
//!
//! | rule | broken by | scenes that fail |
//! | --- | --- | --- |
//! | SA1: `unbalanced` is raised again after the word | it is not | `sa2_…` |
//! | SA1: a reaper raises it | it does not | `sa1_…` |
//! | SA4: a list is made under the lock | it is not | `sa4_…` |
//! | CL5: a long message is HELD before its blocks are freed | it is not | `cl5_…` |
//! | CL7: a response counts by compare-and-swap | a plain store | `cl7_a_server_responds…` |
//! | CL6: a claim is given back by compare-and-swap | a plain store | `cl6_…` |
//! | DL1: a helper lowers `earliest` | it does not | `dl1_…` |
//! | DL2: `earliest` is raised from what it was before the cells were read | a plain store; read afterwards | `dl2_…` |
//! | DL3: a receiver that sleeps is called | it is not | `dl3_…` |
//! | DL4: a message is promoted by compare-and-swap | a plain store | `dl4_…` |
//! | ST5: a helper marks a promoted message without a hint | no mark | `dl4_a_receiver_dies…` |

use sysv_loom::{
    explore::{explore, explore_each_death, process},
    kernel::Session,
    messages::{StoreScene, Wanted},
};

/// Later than what a message that is sent later waits for, and than a unit of these times.
const STEP: u64 = 1 << 12;

/// A claimer at the limit dies, beside a sender that needs the cell, and two helpers. The message is set aside once.
#[test]
fn sa1_a_claimer_dies_at_the_limit() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let (me, victim) = (Session::of(0), Session::of(2));
        scene.send_limited(victim, 101, 1);
        let claimed = scene.try_claim(victim, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, |scene, me| {
            scene.reap(me);
            scene.try_send(me, 102).is_ok()
        });
        let requeued = scene.die_in(victim, changes, |scene, me| scene.requeue(me, claimed));
        scene.reap(me);
        let sent = other.join().expect("it ends well");
        assert_eq!(scene.drain(me), if sent { vec![102] } else { vec![] });
        scene.assert_empty(me, 1);
        // One that dies between the count and the drop has counted it, and another process counts it again.
        let dropped = scene.dropped(me);
        assert!(dropped == 1 || requeued.is_none() && dropped == 2, "{dropped} were dropped");
        requeued.is_some()
    });
}

/// A process lists what is set aside, beside a sender that takes the cell. It lists the message whole, or not at all.
#[test]
fn sa4_a_message_is_listed_beside_a_sender_that_takes_its_cell() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        scene.send_limited(me, 101, 1);
        let claimed = scene.try_claim(me, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, move |scene, me| {
            scene.requeue(me, claimed);
            scene.send(me, 202);
        });
        let listed = scene.listed(me);
        assert!([&[][..], &[101]].contains(&&listed[..]), "{listed:?}");
        other.join().expect("it ends well");
        assert_eq!(scene.drain(me), [202]);
    });
}

/// A sender waits for the cell of a message that is set aside.
#[test]
fn sa2_a_sender_waits_for_what_is_set_aside() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        scene.send_limited(me, 101, 1);
        let claimed = scene.try_claim(me, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, |scene, me| scene.send(me, 102));
        scene.requeue(me, claimed);
        other.join().expect("it ends well");
        assert_eq!((scene.drain(me), scene.dropped(me)), (vec![102], 1));
        scene.assert_empty(me, 1);
    });
}

/// A sender sleeps that needs the cell, and the claimer dies before each of its changes: the sender balances by itself.
#[test]
fn sa2_a_sender_sleeps_beside_a_claimer_that_dies() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let (me, victim) = (Session::of(0), Session::of(2));
        scene.send_limited(victim, 101, 1);
        let claimed = scene.try_claim(victim, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, |scene, me| scene.send(me, 102));
        let requeued = scene.die_in(victim, changes, |scene, me| scene.requeue(me, claimed));
        other.join().expect("it ends well");
        assert_eq!(scene.drain(me), [102]);
        scene.assert_empty(me, 1);
        requeued.is_some()
    });
}

/// One counts while the other one sets its message aside: both cells become free.
#[test]
fn sa2_two_are_set_aside_at_once() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 2, 1);
        let me = Session::of(0);
        let claimed = [101, 102].map(|message| {
            scene.send_limited(me, message, 1);
            scene.try_claim(Session::of(u32::from(message == 102)), Wanted::Only(1)).expect("it is there")
        });
        let [mine, others] = claimed;
        let other = process(&scene, 1, |scene, me| scene.requeue(me, others));
        scene.requeue(me, mine);
        other.join().expect("it ends well");
        assert_eq!((scene.drain(me), scene.dropped(me)), (vec![], 2));
        scene.assert_empty(me, 2);
    });
}

/// A process is taken for dead that is about to be done with a long message. If the message comes to another process, it has its
/// block still.
#[test]
fn cl5_a_long_message_is_done_by_a_process_that_was_taken_for_dead() {
    explore(2, || {
        let scene = StoreScene::with_blocks(2, 3);
        let (me, victim) = (Session::of(0), Session::of(2));
        scene.send_long(me);
        let claimed = scene.claim_long(victim).expect("it is there");
        scene.members.die(victim);
        let other = process(&scene, 1, |scene, me| {
            scene.reap(me);
            scene.claim_long(me)
        });
        let is_done = scene.done_long(victim, claimed);
        let again = other.join().expect("it ends well");
        assert!(!(is_done && again.is_some()), "it is done, or comes again");
        assert_eq!(scene.has_blocks(me), again.is_some());
    });
}

/// The cell is free afterwards, whichever of the two comes first.
#[test]
fn cl7_a_server_responds_beside_a_caller_that_cancels() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        let asked = scene.ask_again(me, 101, 2);
        let server = Session::of(1);
        let claimed = scene.try_claim(server, Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, move |scene, me| scene.respond_beside(me, claimed, 102));
        scene.cancel(me, asked);
        other.join().expect("it ends well");
        // There is one cell for calls.
        scene.ask(me, 103);
        assert_eq!(scene.drain(me), [103]);
    });
}

/// A server gives a request back, beside a caller that cancels: it does not come again, and the cell is free.
#[test]
fn cl6_a_server_gives_back_beside_a_caller_that_cancels() {
    explore(3, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        let me = Session::of(0);
        let asked = scene.ask_again(me, 101, 3);
        let claimed = scene.try_claim(Session::of(1), Wanted::Only(1)).expect("it is there");
        let other = process(&scene, 1, move |scene, me| scene.requeue(me, claimed));
        scene.cancel(me, asked);
        other.join().expect("it ends well");
        assert_eq!(scene.drain(me), []);
        scene.ask(me, 103);
        assert_eq!(scene.drain(me), [103]);
    });
}

/// A server dies that responds beside the request, and another one responds if the request comes back. The caller sleeps, and
/// has one response.
#[test]
fn cl7_a_server_dies_that_responds() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        let (me, victim) = (Session::of(0), Session::of(2));
        let asked = scene.ask_again(me, 101, 3);
        let claimed = scene.try_claim(victim, Wanted::Only(1)).expect("it is there");
        let caller = process(&scene, 1, move |scene, _| scene.response(Session::of(0), asked));
        let responded = scene.die_in(victim, changes, |scene, me| scene.respond_beside(me, claimed, 102));
        // The caller is slot 0's. This process acts for slot 1.
        let other = Session::of(1);
        scene.reap(other);
        let again = scene.try_claim(other, Wanted::Only(1));
        let is_again = again.is_ok();
        if let Ok(claimed) = again {
            assert_eq!(claimed.message, 101, "it is whole");
            scene.respond_beside(other, claimed, 103);
        }
        let response = caller.join().expect("it ends well").expect("the store is not closed");
        assert_eq!(response, Some(if is_again { 103 } else { 102 }));
        scene.ask(me, 104);
        assert_eq!(scene.drain(me), [104]);
        responded.is_some()
    });
}

/// A receiver promotes one message, beside a process that delays another. Each comes once.
#[test]
fn dl2_a_receiver_promotes_beside_a_delayer() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 2, 1);
        scene.run_clock(STEP);
        let me = Session::of(0);
        scene.send_later(me, 101);
        let other = process(&scene, 1, |scene, me| scene.send_later(me, 102));
        let first = scene.try_receive(me, Wanted::Only(1)).ok();
        other.join().expect("it ends well");
        let mut received: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        received.sort_unstable();
        assert_eq!(received, [101, 102]);
        scene.assert_empty(me, 2);
    });
}

/// Two receivers promote the same message: one of them gets it.
#[test]
fn dl4_two_receivers_promote() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        scene.run_clock(STEP);
        let me = Session::of(0);
        scene.send_later(me, 101);
        let other = process(&scene, 1, |scene, me| scene.try_receive(me, Wanted::Only(1)).ok());
        let first = scene.try_receive(me, Wanted::Only(1)).ok();
        let second = other.join().expect("it ends well");
        let received: Vec<u64> = first.into_iter().chain(second).chain(scene.drain(me)).collect();
        assert_eq!(received, [101]);
        scene.assert_empty(me, 1);
    });
}

/// A receiver that goes to sleep learns of a message that is delayed meanwhile.
#[test]
fn dl3_a_receiver_sleeps_beside_a_delayer() {
    explore(2, || {
        let scene = StoreScene::new(2, 2, 1, 1);
        scene.run_clock(STEP);
        let me = Session::of(0);
        let receiver = process(&scene, 1, |scene, me| scene.receive(me, Wanted::Only(1)));
        scene.send_later(me, 101);
        assert_eq!(receiver.join().expect("it ends well"), Ok(101));
        scene.assert_empty(me, 1);
    });
}

/// A delayer dies, beside a receiver that looks for the message: it comes once, or it never was.
#[test]
fn dl1_a_delayer_dies() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        scene.run_clock(STEP);
        let me = Session::of(0);
        let other = process(&scene, 1, |scene, me| scene.try_receive(me, Wanted::Only(1)).ok());
        let sent = scene.die_in(Session::of(2), changes, |scene, me| scene.send_later(me, 101));
        scene.reap(me);
        let first = other.join().expect("it ends well");
        let received: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        assert!(received == [101] || received.is_empty() && sent.is_none(), "{received:?}");
        scene.assert_empty(me, 1);
        sent.is_some()
    });
}

/// A receiver dies that promotes, beside another one.
#[test]
fn dl4_a_receiver_dies_that_promotes() {
    explore_each_death(1, |changes| {
        let scene = StoreScene::new(2, 3, 1, 1);
        scene.run_clock(STEP);
        let me = Session::of(0);
        scene.send_later(me, 101);
        let other = process(&scene, 1, |scene, me| scene.try_receive(me, Wanted::Only(1)).ok());
        // It receives messages of another route, so it takes none.
        let looked = scene.die_in(Session::of(2), changes, |scene, me| drop(scene.try_receive(me, Wanted::Only(2))));
        scene.reap(me);
        let first = other.join().expect("it ends well");
        let received: Vec<u64> = first.into_iter().chain(scene.drain(me)).collect();
        assert_eq!(received, [101]);
        scene.assert_empty(me, 1);
        looked.is_some()
    });
}
