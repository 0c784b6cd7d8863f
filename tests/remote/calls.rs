//! Calls, on both transports.

use std::thread;

use support::{LONG, SHORT, child, hold_for_ever, until};
use sysv_primitives::{CallError, Cause, Delivery, RecvError};

use crate::conformance::{LEASE, Place, Square, Urgent, assert_unused};

pub(crate) fn calls(place: &Place) {
    let channel = place.create(|options| options);
    let server = child(|| {
        let channel = place.open();
        for number in 0..4 {
            let request = channel.recv_request::<Square>().unwrap();
            assert!(request.is_call());
            let square = request.0 * request.0;
            if number == 3 { request.refuse("no more").unwrap() } else { request.respond(&square).unwrap() }
        }
    });
    assert_eq!(channel.call(&Square(12)).unwrap(), 144);
    // Two under way.
    let (mut one, mut two) = (channel.request(&Square(3)).unwrap(), channel.request(&Square(4)).unwrap());
    assert_eq!((two.wait_timeout(LONG).unwrap(), one.wait_timeout(LONG).unwrap()), (16, 9));
    assert!(matches!(one.try_wait(), Err(CallError::NoResponse { .. })), "it was received");
    assert!(matches!(channel.call(&Square(1)), Err(CallError::Refused { why, .. }) if why == "no more"));
    server.join();
    assert!(matches!(channel.call_timeout(&Square(1), SHORT), Err(CallError::TimedOut)));
    drop((one, two));
    assert_unused(&channel);
}

/// A request with attempts is done by another process if the one that claimed it dies.
pub(crate) fn a_call_outlives_its_workers(place: &Place) {
    let channel = place.create(|options| options);
    let pending = channel.request_with(&Square(5), Delivery::new().attempts(2)).unwrap();
    let worker = child(|| {
        let _claimed = place.open().claim::<Square>().unwrap();
        hold_for_ever()
    });
    until(|| channel.depth().unwrap().claimed == 1);
    worker.kill();
    let claimed = channel.claim::<Square>().unwrap();
    assert_eq!(claimed.attempt(), 2);
    claimed.respond(&25).unwrap();
    assert_eq!(pending.wait().unwrap(), 25);
    // And one that fails each time is set aside, which its caller learns.
    let pending = channel.request_with(&Square(6), Delivery::new().attempts(2)).unwrap();
    (0..2).for_each(|_| drop(channel.claim::<Square>().unwrap()));
    let Err(CallError::SetAside { attempts, .. }) = pending.wait() else { panic!("it is set aside") };
    assert_eq!(attempts.iter().map(|attempt| attempt.cause).collect::<Vec<_>>(), [Cause::Requeued; 2]);
    assert!(channel.set_aside().unwrap()[0].discard().unwrap());
    assert_unused(&channel);
}

pub(crate) fn calls_that_end_without_a_response(place: &Place) {
    let channel = place.create(|options| options);
    let pending = channel.request(&Square(1)).unwrap();
    drop(channel.recv_request::<Square>().unwrap());
    assert!(matches!(pending.wait(), Err(CallError::NoResponse { .. })));
    // A process that dies with it.
    let pending = channel.request(&Square(2)).unwrap();
    let worker = child(|| {
        let _request = place.open().recv_request::<Square>().unwrap();
        hold_for_ever()
    });
    until(|| channel.depth().unwrap().routes.is_empty());
    worker.kill();
    // On a server it takes a receiver that looks, or an operator.
    thread::scope(|scope| {
        scope.spawn(|| channel.recv_timeout::<Urgent>(2 * LEASE));
        assert!(matches!(pending.wait(), Err(CallError::NoResponse { .. })));
        channel.send(&Urgent(0)).unwrap();
    });
    // One that is cancelled is not delivered.
    drop(channel.request(&Square(3)).unwrap());
    assert!(matches!(channel.try_recv_any(), Err(RecvError::Empty)));
    // And one that is cancelled while it is claimed is not delivered again.
    let pending = channel.request_with(&Square(4), Delivery::new().attempts(9)).unwrap();
    let claimed = channel.claim::<Square>().unwrap();
    drop(pending);
    claimed.requeue().unwrap();
    assert!(matches!(channel.try_recv_any(), Err(RecvError::Empty)));
    assert_unused(&channel);
}

pub(crate) fn a_dead_caller_has_no_request(place: &Place) {
    let channel = place.create(|options| options);
    let caller = child(|| {
        let channel = place.open();
        // In this order: the lease of the first one is not the longer one.
        let _one = channel.request_with(&Square(2), Delivery::new().outlives_caller(true)).unwrap();
        let _other = channel.request(&Square(1)).unwrap();
        hold_for_ever()
    });
    until(|| channel.depth().unwrap().calls == 2);
    caller.kill();
    until(|| channel.depth().unwrap().calls == 1);
    let claimed = channel.claim::<Square>().unwrap();
    assert_eq!((&*claimed, claimed.is_call()), (&Square(2), false));
    claimed.respond(&4).unwrap();
    assert_unused(&channel);
}
