//! Notices of long messages and calls: lost ones, repeated ones, and those that nobody takes.

use std::{thread, time::Duration};

use support::letters::{Ask, Blob, Number, ask, assert_unused, blob};

use support::{LONG, child, hold_for_ever, name, until};
use sysv_primitives::{CallError, Channel, RecvError, raw::Selector};

fn queued(channel: &Channel) -> u64 {
    channel.queue().stat().unwrap().messages
}

/// Takes the oldest message from under the channel, as a receiver that died before it had looked at it.
fn lose(channel: &Channel) {
    channel.queue().try_receive(Selector::Any).unwrap();
}

/// Handles come and go, and some are killed: what nobody receives is announced once, and the queue does not fill.
#[test]
fn one_notice_each() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    (0..3).for_each(|number| channel.send(&blob(number, 20_000)).unwrap());
    assert_eq!(queued(&channel), 3);
    for _ in 0..20 {
        let passes = Channel::open(&name).unwrap();
        assert!(passes.try_recv::<Number>().unwrap_err().is_busy());
    }
    assert_eq!(queued(&channel), 3, "a receiver that leaves has nothing in hand");
    for _ in 0..20 {
        let dies = child(|| {
            let channel = Channel::open(&name).unwrap();
            assert!(channel.try_recv::<Number>().unwrap_err().is_busy());
            hold_for_ever();
        });
        dies.until_asleep();
        dies.kill();
        assert_eq!(channel.usage().unwrap().messages, 3, "it looks for the dead");
    }
    assert_eq!(queued(&channel), 3, "what is on the queue is not lost");
    for number in 0..3 {
        assert_eq!(channel.try_recv::<Blob>().unwrap(), blob(number, 20_000));
    }
    assert_unused(&channel);
}

/// Only what is missing is sent again, however full the queue is meanwhile.
#[test]
fn behind_a_full_queue() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    (0..4).for_each(|number| channel.send(&blob(number, 20_000)).unwrap());
    let dies = child(|| {
        let channel = Channel::open(&name).unwrap();
        assert!(channel.try_recv::<Number>().unwrap_err().is_busy());
        lose(&channel);
        lose(&channel);
        while channel.try_send(&Number(7)).is_ok() {}
        hold_for_ever();
    });
    dies.until_asleep();
    dies.kill();
    // Whoever finds the dead finds no room.
    assert_eq!(channel.usage().unwrap().messages, 4);
    let full = queued(&channel);
    assert!(channel.try_send(&Number(8)).unwrap_err().is_busy());
    // Each that is taken makes room for one.
    let received = (0..).map_while(|_| channel.try_recv::<Number>().ok()).count();
    assert_eq!(received as u64, full - 2);
    let mut seeds: Vec<u64> = channel.try_iter::<Blob>().map(|blob| blob.unwrap().seed).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [0, 1, 2, 3]);
    assert_unused(&channel);
}

/// What was sent before the end is received before the end is told, also if its notice is lost.
#[test]
fn lost_before_the_end() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let receiver = channel.receiver().unwrap();
    (0..2).for_each(|number| channel.send(&blob(number, 20_000)).unwrap());
    (0..2).for_each(|_| lose(&channel));
    channel.close().unwrap();
    assert!(matches!(receiver.try_recv::<Number>(), Err(RecvError::Closed { .. })), "it wants something else");
    assert_eq!(receiver.recv::<Blob>().unwrap(), blob(0, 20_000));
    let any = channel.recv_any().unwrap();
    assert_eq!(any.decode::<Blob>().unwrap(), blob(1, 20_000));
    assert!(matches!(receiver.recv_any(), Err(RecvError::Closed { .. })));
    assert!(matches!(channel.recv_any(), Err(RecvError::Closed { .. })));
    assert_unused(&channel);
}

/// The same if the last sender was killed, and a receiver with the notice in hand.
#[test]
fn lost_before_abandonment() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let mut receiver = channel.receiver().unwrap();
    receiver.detect_disconnect(true);
    let dies = child(|| {
        let channel = Channel::open(&name).unwrap();
        let sender = channel.sender().unwrap();
        assert!(channel.try_recv::<Number>().unwrap_err().is_busy());
        sender.send(&blob(5, 20_000)).unwrap();
        lose(&channel);
        hold_for_ever();
    });
    dies.until_asleep();
    dies.kill();
    assert_eq!(receiver.recv_timeout::<Blob>(LONG).unwrap(), blob(5, 20_000));
    assert!(matches!(receiver.recv_any_timeout(LONG), Err(RecvError::Disconnected { .. })));
    assert_unused(&channel);
}

/// A child that only sends is a member: its death is learnt.
#[test]
fn a_child_that_sends_is_registered() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let inherited = &channel;
    let sends = child(|| {
        inherited.send(&Number(1)).unwrap();
        hold_for_ever();
    });
    until(|| queued(&channel) == 1);
    let members = channel.members().unwrap();
    assert!(members.iter().any(|member| member.pid == sends.id()), "{members:?}");
    sends.kill();
    assert_eq!(channel.recv::<Number>().unwrap(), Number(1));
}

/// Answers that nobody reads take all room: a server that says how long it waits goes on, and the caller is told.
#[test]
fn no_room_for_an_answer() {
    const LEN: usize = 60_000;
    let name = name();
    let options = Channel::options().max_message_size(1 << 16);
    let channel = options.create(&name).unwrap();
    let mut unread = Vec::new();
    let mut refused = loop {
        let asked = channel.request(&ask(unread.len() as u64)).unwrap();
        let request = channel.recv_request::<Ask>().unwrap();
        let answer = blob(request.number, LEN);
        match request.respond_timeout(&answer, Duration::from_millis(20)) {
            Ok(()) => unread.push(asked),
            Err(error) => {
                assert!(error.is_busy(), "{error}");
                break asked;
            }
        }
        assert!(unread.len() < 100, "there is always room");
    };
    assert!(matches!(refused.try_wait(), Err(CallError::NoResponse { .. })));
    assert!(unread.len() > 10, "{}", unread.len());
    // As soon as one is read there is room for the next, for which somebody waits.
    let next = channel.request(&ask(1_000)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let request = channel.recv_request::<Ask>().unwrap();
            let answer = blob(request.number, LEN);
            request.respond_timeout(&answer, LONG).unwrap();
        });
        for (number, pending) in unread.into_iter().enumerate() {
            assert_eq!(pending.wait().unwrap(), blob(number as u64, LEN));
        }
        assert_eq!(next.wait().unwrap(), blob(1_000, LEN));
    });
    assert_unused(&channel);
}

/// Threads of one process that listen for different routes, and come and go: none sleeps beside its message.
#[test]
fn listeners_for_different_routes() {
    const ROUNDS: u64 = 2_000;
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let receiver = channel.receiver().unwrap();
    let sender = child(|| {
        let channel = Channel::open(&name).unwrap();
        for round in 0..ROUNDS {
            let (first, second) = (round % 2 == 0, round % 3 == 0);
            if first {
                channel.send(&Number(round)).unwrap();
            }
            channel.send(&blob(round, 10)).unwrap();
            if !first {
                channel.send(&Number(round)).unwrap();
            }
            // Both sleep from time to time.
            if second {
                until(|| queued(&channel) == 0);
            }
        }
    });
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                assert_eq!(receiver.recv_timeout::<Number>(LONG).unwrap(), Number(round));
            }
        });
        for round in 0..ROUNDS {
            assert_eq!(receiver.recv_timeout::<Blob>(LONG).unwrap(), blob(round, 10));
        }
    });
    sender.join();
}

/// An error that lasts ends an iteration; one message that can't be decoded does not.
#[test]
fn iterations_end() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    channel.send(&Number(1)).unwrap();
    channel.send_raw(sysv_primitives::Route::new(2), b"?").unwrap();
    channel.send(&Number(3)).unwrap();
    let received: Vec<_> = channel.try_iter::<Number>().collect();
    assert!(matches!(received[..], [Ok(Number(1)), Err(RecvError::Undecodable(_)), Ok(Number(3))]), "{received:?}");
}
