//! Claims: what is not done comes back, whatever becomes of the process that had it.

use std::{
    os::unix::process::CommandExt,
    panic, thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal::SIGSTOP;
use support::{
    LONG, Name, SHORT, child, hold_for_ever,
    letters::{Ask, Blob, Number, ask, assert_unused, blob},
    name, say, until,
};
use sysv_primitives::{CallError, Channel, Claimed, Failure, Message, RecvError, Undecodable};

fn channel() -> (Channel, Name) {
    let name = name();
    (Channel::create(&name).unwrap(), name)
}

fn send(channel: &Channel, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| channel.send(&Number(number)).unwrap());
}

fn number(claimed: &Claimed<Number>) -> (u64, u32) {
    (claimed.0, claimed.attempt())
}

#[track_caller]
fn assert_left(channel: &Channel, expected: &[(u64, u32)]) {
    let left: Vec<_> = std::iter::from_fn(|| channel.try_claim::<Number>().ok())
        .map(|claimed| {
            let found = number(&claimed);
            claimed.done().unwrap();
            found
        })
        .collect();
    assert_eq!(left, expected);
    assert_unused(channel);
}

#[test]
fn done_is_gone() {
    let (channel, _name) = channel();
    send(&channel, 0..2);
    let claimed = channel.claim::<Number>().unwrap();
    assert_eq!(number(&claimed), (0, 1));
    assert!(claimed.age() < LONG);
    assert_eq!(channel.depth().unwrap().routes[&Number::ROUTE].messages, 1, "a claimed one does not wait");
    assert_eq!(claimed.done().unwrap(), Number(0));
    assert_left(&channel, &[(1, 1)]);
}

/// What a living process gives back goes to the tail, or it would get the same one for ever.
#[test]
fn given_back_is_behind_the_others() {
    let (channel, _name) = channel();
    send(&channel, 0..3);
    drop(channel.claim::<Number>().unwrap());
    channel.claim::<Number>().unwrap().requeue().unwrap();
    assert_left(&channel, &[(2, 1), (0, 2), (1, 2)]);
}

/// It comes behind what was sent to another route while it was claimed, also to a receiver of both.
#[test]
fn given_back_is_behind_other_routes() {
    let (channel, _name) = channel();
    send(&channel, 0..1);
    let claimed = channel.claim::<Number>().unwrap();
    channel.send(&blob(1, 10)).unwrap();
    claimed.requeue().unwrap();
    let routes = [(); 2].map(|()| channel.recv_any().unwrap().route());
    assert_eq!(routes, [Blob::ROUTE, Number::ROUTE]);
}

#[test]
fn a_panic_gives_back() {
    let (channel, _name) = channel();
    send(&channel, 0..1);
    let ended = panic::catch_unwind(|| {
        let _claimed = channel.claim::<Number>().unwrap();
        panic!("on purpose");
    });
    assert!(ended.is_err());
    assert_left(&channel, &[(0, 2)]);
}

/// What a dead process had comes before what was sent after it, in the order of sending. A long one has all of its bytes.
#[test]
fn of_a_dead_process_comes_first() {
    let (channel, _name) = channel();
    send(&channel, 0..4);
    channel.send(&blob(1, 200_000)).unwrap();
    let worker = child(|| {
        let _first = [channel.claim::<Number>().unwrap(), channel.claim::<Number>().unwrap()];
        let long = channel.claim::<Blob>().unwrap();
        assert!(*long == blob(1, 200_000));
        say("claimed");
        hold_for_ever();
    });
    until(|| channel.depth().unwrap().messages == 5 && channel.depth().unwrap().routes.len() == 1);
    worker.until_asleep();
    worker.kill();
    let long = channel.claim_timeout::<Blob>(LONG).unwrap();
    assert_eq!(long.attempt(), 2);
    assert!(long.done().unwrap() == blob(1, 200_000));
    assert_left(&channel, &[(0, 2), (1, 2), (2, 1), (3, 1)]);
}

/// A receiver that sleeps is woken for what comes back: by a death, and by a requeue.
#[test]
fn sleepers_are_woken() {
    for dies in [true, false] {
        let (channel, _name) = channel();
        send(&channel, 0..1);
        let worker = child(|| {
            let claimed = channel.claim::<Number>().unwrap();
            until(|| {
                let set = channel.status().unwrap().set;
                let set = sysv_primitives::raw::SemaphoreSet::from_id(set).unwrap();
                support::Waiters::FOR_MESSAGES.asleep(&set) > 0
            });
            if dies {
                support::exit_now(0);
            }
            claimed.requeue().unwrap();
            // Its end would wake the sleeper as well.
            until(|| channel.depth().unwrap().messages == 0);
        });
        until(|| channel.depth().unwrap().routes.is_empty());
        let begun = Instant::now();
        let claimed = channel.claim_timeout::<Number>(LONG).unwrap();
        // At its end a wait looks once more, and finds what it was not woken for.
        assert!(begun.elapsed() < LONG / 2, "it was not woken, dies: {dies}");
        assert_eq!(number(&claimed), (0, 2), "dies: {dies}");
        claimed.done().unwrap();
        worker.join();
        assert_unused(&channel);
    }
}

/// A stopped process keeps its claims and holds up no other message.
#[test]
fn of_a_stopped_process() {
    let (channel, _name) = channel();
    send(&channel, 0..1);
    let worker = child(|| {
        let _claimed = channel.claim::<Number>().unwrap();
        hold_for_ever();
    });
    until(|| channel.depth().unwrap().routes.is_empty());
    worker.signal(SIGSTOP);
    send(&channel, 1..3);
    assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(1));
    assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(2));
    assert!(channel.claim_timeout::<Number>(SHORT).unwrap_err().is_busy());
    worker.kill();
    assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(0));
    assert_unused(&channel);
}

/// A process that execs lives, and so keeps what it had until it ends, also if a second thread of it execs.
#[test]
fn of_a_process_that_execs() {
    for in_a_thread in [false, true] {
        let (channel, _name) = channel();
        send(&channel, 0..1);
        let worker = child(|| {
            std::mem::forget(channel.claim::<Number>().unwrap());
            let exec = || std::process::Command::new("sleep").arg("1000").exec();
            let error = if in_a_thread { thread::spawn(exec).join().unwrap() } else { exec() };
            panic!("it can't exec: {error}");
        });
        until(|| std::fs::read(format!("/proc/{}/comm", worker.id())).is_ok_and(|name| name == b"sleep\n"));
        assert!(channel.claim_timeout::<Number>(SHORT).unwrap_err().is_busy());
        worker.kill();
        assert_eq!(number(&channel.claim_timeout::<Number>(LONG).unwrap()), (0, 2));
        assert_left(&channel, &[(0, 3)]);
    }
}

/// In a child made by `fork` a claim is the parent's.
#[test]
fn in_a_child() {
    let (channel, _name) = channel();
    send(&channel, 0..2);
    let mut claims = vec![channel.claim::<Number>().unwrap(), channel.claim::<Number>().unwrap()];
    child(|| {
        let claimed = claims.pop().unwrap();
        assert!(matches!(claimed.done(), Err(Failure::Inherited { .. })));
        drop(claims.pop());
        assert!(channel.try_claim::<Number>().unwrap_err().is_busy());
    })
    .join();
    for claimed in claims {
        claimed.done().unwrap();
    }
    assert_unused(&channel);
}

/// A claim is sent to the thread that gets done with it.
#[test]
fn in_another_thread() {
    let (channel, _name) = channel();
    send(&channel, 0..1);
    let claimed = channel.claim::<Number>().unwrap();
    thread::spawn(move || claimed.done().unwrap()).join().unwrap();
    assert_unused(&channel);
}

#[test]
fn the_four_selections() {
    let (channel, _name) = channel();
    channel.send(&blob(1, 10)).unwrap();
    send(&channel, 0..3);
    let any = channel.claim_any().unwrap();
    assert_eq!(any.route(), Blob::ROUTE);
    assert_eq!(channel.try_claim_lowest(Number::ROUTE).unwrap().route(), Number::ROUTE);
    assert_eq!(channel.try_claim_except::<Blob>().unwrap().done().unwrap().decode::<Number>().unwrap(), Number(1));
    assert!(any.done().unwrap().decode::<Blob>().unwrap() == blob(1, 10));
    assert!(channel.try_claim_except::<Number>().unwrap_err().is_busy());
    assert!(channel.claim_any_timeout(SHORT).unwrap().attempt() < 3);
    assert_left(&channel, &[(0, 2), (2, 2)]);
}

/// What can't be decoded is no better the next time: it is in the error, and does not come back.
#[test]
fn undecodable() {
    let (channel, _name) = channel();
    channel.send_raw(Number::ROUTE, b"?").unwrap();
    match channel.claim::<Number>() {
        Err(RecvError::Undecodable(Undecodable { bytes, .. })) => assert_eq!(bytes, b"?"),
        other => panic!("it is no number: {other:?}"),
    }
    assert_left(&channel, &[]);
}

/// A request that is claimed is not handed out twice: its caller learns of it.
#[test]
fn a_request() {
    let (channel, _name) = channel();
    thread::scope(|scope| {
        let caller = scope.spawn(|| channel.call_timeout(&ask(1), LONG));
        let claimed = channel.claim_timeout::<Ask>(LONG).unwrap();
        drop(claimed);
        let ended = caller.join().unwrap();
        assert!(matches!(ended, Err(CallError::NoResponse { .. })), "{ended:?}");
    });
    assert_unused(&channel);
}

/// A claim counts towards the capacity, and closing waits for none.
#[test]
fn full_and_closed() {
    let name = name();
    let channel = Channel::options().capacity(2).create(&name).unwrap();
    send(&channel, 0..2);
    let claimed = channel.claim::<Number>().unwrap();
    assert!(channel.try_send(&Number(2)).unwrap_err().is_busy());
    channel.close().unwrap();
    drop(claimed);
    assert_left(&channel, &[(1, 1), (0, 2)]);
    assert!(matches!(channel.claim_timeout::<Number>(LONG), Err(RecvError::Closed { .. })));
}

/// Attempts are counted up to 256, and the message lives on.
#[test]
fn many_attempts() {
    let (channel, _name) = channel();
    send(&channel, 0..1);
    for attempt in 1..300 {
        let claimed = channel.claim_timeout::<Number>(Duration::from_secs(1)).unwrap();
        assert_eq!(claimed.attempt(), attempt.min(256));
    }
    assert_left(&channel, &[(0, 256)]);
}

/// A typed end claims as the channel does.
#[test]
fn of_a_typed_end() {
    let (channel, _name) = channel();
    let (sender, receiver) = (channel.sender::<Number>().unwrap(), channel.receiver::<Number>().unwrap());
    sender.send(&Number(1)).unwrap();
    drop(receiver.claim().unwrap());
    drop(receiver.claim_timeout(LONG).unwrap());
    assert_eq!(receiver.try_claim().unwrap().attempt(), 3);
    assert_eq!(receiver.claim_deadline(sysv_primitives::raw::Deadline::NOW).unwrap().done().unwrap(), Number(1));
    assert!(receiver.try_claim().unwrap_err().is_busy());
    assert_unused(&channel);
}
