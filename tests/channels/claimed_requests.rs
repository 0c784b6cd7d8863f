//! Requests that are claimed: the caller decides what becomes of them when a server does not get done.

use std::{mem, thread, time::Instant};

use support::{
    LONG, Name, child, hold_for_ever,
    letters::{Ask, Blob, ask, assert_unused, blob},
    name, until,
};
use sysv_primitives::{CallError, Cause, Channel, Delivery, Request, Router, SendError, messages};

fn channel() -> (Channel, Name) {
    let name = name();
    (Channel::options().max_message_size(200_000).create(&name).unwrap(), name)
}

const THREE: Delivery = Delivery::new().attempts(3);

#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
struct Repeat(Vec<u8>);
messages! { 7 => Repeat }

impl Request for Repeat {
    type Response = Vec<u8>;
}

/// Requests and responses of each length: beside each other in the cell, one of them in blocks, both. After a death midway too.
#[test]
fn each_length() {
    let (channel, _name) = channel();
    for delivery in [Delivery::new(), THREE] {
        for request in [0, 50, 100, 180, 5_000] {
            for response in [0, 50, 100, 180, 191, 192, 200, 100_000] {
                let bytes = vec![7; request];
                let mut pending = channel.request_with(&Repeat(bytes.clone()), delivery).unwrap();
                if delivery == THREE {
                    child(|| mem::forget(channel.claim::<Repeat>().unwrap())).join();
                }
                let claimed = channel.claim_timeout::<Repeat>(LONG).unwrap();
                assert_eq!((claimed.is_call(), claimed.attempt()), (true, if delivery == THREE { 2 } else { 1 }));
                assert_eq!(claimed.0, bytes);
                claimed.respond(&vec![9; response]).unwrap();
                assert!(pending.is_ended());
                assert_eq!(pending.try_wait().unwrap(), vec![9; response], "{request} and {response}");
            }
        }
    }
    assert_unused(&channel);
}

/// Without a limit a request is handed out once. With one it comes to the next server, and the caller learns of nothing.
#[test]
fn a_server_dies() {
    for (delivery, is_redelivered) in [(Delivery::new(), false), (Delivery::new().attempts(1), false), (THREE, true)] {
        let (channel, _name) = channel();
        let mut pending = channel.request_with(&ask(1), delivery).unwrap();
        let server = child(|| {
            let _claimed = channel.claim::<Ask>().unwrap();
            hold_for_ever();
        });
        until(|| pending.taken_by().is_some());
        assert_eq!(pending.taken_by().unwrap().pid, server.id());
        server.kill();
        if is_redelivered {
            let claimed = channel.claim_timeout::<Ask>(LONG).unwrap();
            assert_eq!(claimed.attempts()[0].cause, Cause::Died);
            claimed.respond(&blob(1, 10)).unwrap();
            assert!(pending.wait_timeout(LONG).unwrap() == blob(1, 10));
        } else {
            assert!(matches!(pending.wait_timeout(LONG), Err(CallError::NoResponse { .. })));
        }
        drop(pending);
        assert_unused(&channel);
    }
}

/// At the limit the caller learns of each attempt, and wakes for it. The request is set aside.
#[test]
fn at_the_limit() {
    for dies in [false, true] {
        let (channel, _name) = channel();
        let begun = Instant::now();
        thread::scope(|scope| {
            let caller = scope.spawn(|| channel.request_with(&ask(1), Delivery::new().attempts(2)).unwrap().wait());
            channel.claim_timeout::<Ask>(LONG).unwrap().requeue().unwrap();
            if dies {
                child(|| mem::forget(channel.claim::<Ask>().unwrap())).join();
            } else {
                drop(channel.claim::<Ask>().unwrap());
            }
            let ended = caller.join().unwrap();
            let Err(CallError::SetAside { attempts, .. }) = ended else { panic!("{ended:?}") };
            let causes: Vec<_> = attempts.iter().map(|attempt| attempt.cause).collect();
            assert_eq!(causes, [Cause::Requeued, if dies { Cause::Died } else { Cause::Requeued }]);
        });
        assert!(begun.elapsed() < LONG / 2, "it was not woken");
        let aside = channel.set_aside().unwrap();
        assert_eq!(aside[0].decode::<Ask>().unwrap(), ask(1));
        assert_unused(&channel);
        // It has no caller any more.
        assert!(aside[0].retry().unwrap());
        channel.claim::<Ask>().unwrap().respond(&blob(1, 10)).unwrap();
        assert_unused(&channel);
    }
}

/// A caller that has not learnt that its request is set aside waits on when that is retried.
#[test]
fn retried_before_the_caller_checks() {
    let (channel, _name) = channel();
    let mut pending = channel.request_with(&ask(1), Delivery::new().attempts(2)).unwrap();
    (0..2).for_each(|_| drop(channel.claim::<Ask>().unwrap()));
    assert!(pending.is_ended());
    assert!(channel.set_aside().unwrap()[0].retry().unwrap());
    assert!(!pending.is_ended());
    channel.claim::<Ask>().unwrap().respond(&blob(1, 10)).unwrap();
    assert!(pending.wait_timeout(LONG).unwrap() == blob(1, 10));
    drop(pending);
    assert_unused(&channel);
}

/// A dead caller costs the request, or only the response if it outlives its caller: before it is claimed, and while it is.
#[test]
fn a_caller_dies() {
    for outlives in [false, true] {
        for is_claimed in [false, true] {
            let (channel, _name) = channel();
            let caller = child(|| {
                let _pending = channel.request_with(&ask(1), THREE.outlives_caller(outlives)).unwrap();
                hold_for_ever();
            });
            until(|| channel.depth().unwrap().calls == 1);
            let claimed = is_claimed.then(|| channel.claim::<Ask>().unwrap());
            caller.kill();
            // It repairs what the caller had.
            channel.depth().unwrap();
            drop(claimed);
            let next = channel.try_claim::<Ask>();
            assert_eq!(next.is_ok(), outlives, "claimed: {is_claimed}");
            if let Ok(claimed) = next {
                assert_eq!(claimed.attempt(), 1 + u32::from(is_claimed));
                claimed.respond(&blob(1, 50_000)).unwrap();
            }
            assert_unused(&channel);
        }
    }
}

/// A cancelled request is taken back, or not handed out again. One that is detached is worked on.
#[test]
fn cancelled_and_detached() {
    for detaches in [false, true] {
        for is_claimed in [false, true] {
            let (channel, _name) = channel();
            let pending = channel.request_with(&ask(1), THREE).unwrap();
            let claimed = is_claimed.then(|| channel.claim::<Ask>().unwrap());
            if detaches {
                pending.detach()
            } else {
                drop(pending)
            }
            assert_eq!(channel.depth().unwrap().calls, u64::from(detaches || is_claimed));
            drop(claimed);
            let next = channel.try_claim::<Ask>();
            assert_eq!(next.is_ok(), detaches);
            if let Ok(claimed) = next {
                claimed.respond(&blob(1, 50_000)).unwrap();
            }
            assert_unused(&channel);
        }
    }
}

/// Responses to a caller that cancels meanwhile leave nothing behind, long or short, and a detached one's neither.
#[test]
fn a_response_that_is_not_wanted() {
    let (channel, _name) = channel();
    for len in [10, 180, 50_000] {
        for detaches in [false, true] {
            let pending = channel.request_with(&ask(1), THREE).unwrap();
            let claimed = channel.claim::<Ask>().unwrap();
            if detaches {
                pending.detach()
            } else {
                drop(pending)
            }
            claimed.respond(&blob(1, len)).unwrap();
            let pending = channel.request_with(&ask(1), THREE).unwrap();
            channel.claim::<Ask>().unwrap().respond(&blob(1, len)).unwrap();
            if detaches {
                pending.detach()
            } else {
                drop(pending)
            }
            assert_unused(&channel);
        }
    }
}

/// A refusal carries its text, however long. What can't be sent is no response.
#[test]
fn refused() {
    let (channel, _name) = channel();
    for (delivery, len) in
        [(Delivery::new(), 10), (THREE, 10), (Delivery::new(), 1_000), (THREE, 1_000), (THREE, 9_000)]
    {
        let mut pending = channel.request_with(&ask(1), delivery).unwrap();
        channel.claim::<Ask>().unwrap().refuse(&"n".repeat(len)).unwrap();
        let ended = pending.wait_timeout(LONG);
        let Err(CallError::Refused { why, .. }) = ended else { panic!("{ended:?}") };
        assert_eq!(why, "n".repeat(len.min(4096)));

        let mut pending = channel.request_with(&ask(1), delivery).unwrap();
        channel.recv_request::<Ask>().unwrap().refuse("not today").unwrap();
        assert!(matches!(pending.wait_timeout(LONG), Err(CallError::Refused { why, .. }) if why == "not today"));

        let mut pending = channel.request_with(&ask(1), delivery).unwrap();
        let error = channel.claim::<Ask>().unwrap().respond(&blob(1, 300_000)).unwrap_err();
        assert!(matches!(error, SendError::TooLong { .. }), "{error}");
        let ended = pending.wait_timeout(LONG);
        assert!(matches!(&ended, Err(CallError::Refused { why, .. }) if why.contains("longer than")), "{ended:?}");
    }
    assert_unused(&channel);
}

/// A request that was claimed, and is done without a response, has none.
#[test]
fn done_without_a_response() {
    let (channel, _name) = channel();
    let mut pending = channel.request_with(&ask(1), THREE).unwrap();
    channel.claim::<Ask>().unwrap().done().unwrap();
    assert!(matches!(pending.wait_timeout(LONG), Err(CallError::NoResponse { .. })));
    drop(pending);
    assert_unused(&channel);
}

/// A router that claims: responses, messages, a panic, and what no handler takes.
#[test]
fn a_router_claims() {
    let (channel, _name) = channel();
    let mut pending = channel.request_with(&ask(1), THREE).unwrap();
    channel.send(&blob(5, 10)).unwrap();
    channel.send(&Repeat(vec![1])).unwrap();
    let panics = std::cell::Cell::new(true);
    let mut router = Router::new();
    let handle = |request: Ask| {
        assert!(!panics.replace(false), "on purpose");
        blob(request.number, request.len)
    };
    router.respond(handle).unwrap();
    let mut blobs = 0;
    router.on(|_: Blob| blobs += 1).unwrap();
    let run = std::panic::AssertUnwindSafe(|| router.run_claims(&channel));
    assert!(std::panic::catch_unwind(run).is_err(), "the first attempt panics");
    let unhandled = router.run_claims(&channel).unwrap_err().to_string();
    assert!(unhandled.contains("no handler"), "{unhandled}");
    channel.close().unwrap();
    router.run_claims(&channel).unwrap();
    drop(router);
    assert!(pending.wait_timeout(LONG).unwrap() == blob(1, 10));
    assert_eq!(blobs, 1);
    drop(pending);
    assert_unused(&channel);
}

/// An envelope that is claimed becomes a typed claim. One of another type is done, with its bytes in the error.
#[test]
fn an_envelope_becomes_a_claim() {
    let (channel, _name) = channel();
    let mut pending = channel.request_with(&ask(1), THREE).unwrap();
    let claimed = channel.claim_any().unwrap();
    assert!(claimed.is_request());
    claimed.decode::<Ask>().unwrap().respond(&blob(1, 10)).unwrap();
    assert!(pending.wait_timeout(LONG).unwrap() == blob(1, 10));
    channel.send(&blob(5, 10)).unwrap();
    let error = channel.claim_any().unwrap().decode::<Ask>().unwrap_err();
    assert!(!error.bytes.is_empty());
    drop(pending);
    assert_unused(&channel);
}
