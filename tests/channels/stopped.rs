//! A member of a channel is stopped, closed upon, or refused: it holds up what it has, and no other message. C1, C12, C19, C21, F5, F6.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use support::{
    Child, LONG, SHORT, child, hold_for_ever,
    letters::{Ask, Blob, Number, ask, assert_unused, blob},
    memory, name,
    prompt::{join_promptly, promptly},
    step::{Victim, mark},
    until,
};
use sysv_primitives::{CallError, Channel, RecvError, Route, Router, SendError};

fn open(name: &str) -> Channel {
    Channel::open(name).unwrap()
}

/// Receives until the channel is closed, and counts.
fn receive(channel: &Channel, received: &AtomicU32) {
    loop {
        match channel.recv::<Number>() {
            Ok(_) => received.fetch_add(1, SeqCst),
            Err(RecvError::Closed { .. }) => return,
            Err(error) => panic!("{error}"),
        };
    }
}

/// C1: the first of two receivers that sleep is woken for one message, and stopped. The other one gets all others.
#[test]
fn case_c1_a_stopped_receiver() {
    const MESSAGES: u32 = 300;
    let (name, counted) = (name(), memory(4));
    let received: &AtomicU32 = counted.view(0).unwrap();
    let channel = Channel::create(&name).unwrap();
    let stopped = Victim::start(|| {
        let channel = open(&name);
        mark();
        receive(&channel, received);
    });
    let stopped = stopped.until_asleep();
    let other = child(|| receive(&open(&name), received));
    other.until_asleep();
    for number in 0..MESSAGES {
        channel.send(&Number(number.into())).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    promptly("the other receiver has all messages but that of the stopped one", || {
        received.load(SeqCst) >= MESSAGES - 1
    });
    channel.close().unwrap();
    stopped.finish();
    join_promptly("the other receiver is notified that the channel is closed", other);
    assert_eq!(received.load(SeqCst), MESSAGES, "each message came once");
}

/// C12: a sender of a long message waits for room on a full channel, and is stopped. Once there is room others go on.
#[test]
fn case_c12_a_stopped_sender_of_a_long_message() {
    let name = name();
    let channel = Channel::options().max_message_size(100_000).create(&name).unwrap();
    while channel.try_send(&blob(1, 90_000)).is_ok() {}
    let stopped = child(|| open(&name).send(&blob(2, 90_000)).unwrap());
    stopped.until_asleep();
    stopped.signal(SIGSTOP);
    while channel.try_recv::<Blob>().is_ok() {}
    let server = child(|| {
        let channel = open(&name);
        channel.recv_request::<Ask>().unwrap().respond(&blob(3, 50_000)).unwrap();
        hold_for_ever()
    });
    assert_eq!(channel.call_timeout(&ask(1), LONG).unwrap(), blob(3, 50_000));
    channel.send_timeout(&blob(4, 90_000), LONG).unwrap();
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(4, 90_000));
    channel.try_send(&blob(5, 90_000)).unwrap();
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(5, 90_000));
    stopped.signal(SIGCONT);
    assert_eq!(channel.recv_timeout::<Blob>(LONG).unwrap(), blob(2, 90_000));
    stopped.join();
    server.kill();
    assert_unused(&channel);
}

/// C19: `try_send` fails only for want of room.
#[test]
fn case_c19_three_processes_try_to_send() {
    let name = name();
    let channel = Channel::options().max_message_size(1 << 20).create(&name).unwrap();
    let senders = [0; 3].map(|_| {
        child(|| {
            let channel = open(&name);
            for number in 0..3_000 {
                channel.try_send(&blob(number, 3_000)).unwrap();
                assert_eq!(channel.try_recv::<Blob>().unwrap().bytes.len(), 3_000);
            }
        })
    });
    senders.into_iter().for_each(Child::join);
    assert_unused(&channel);
}

/// C21: closing ends every wait: of a caller without a server, of a sender for room, and of receivers in each selection.
#[test]
fn case_c21_closing_ends_every_wait() {
    let name = name();
    let channel = Channel::options().capacity(1).create(&name).unwrap();
    channel.send(&Number(1)).unwrap();
    let is_closed = |error: RecvError| assert!(matches!(error, RecvError::Closed { .. }), "{error}");
    let waiters = [
        child(|| {
            let ended = open(&name).call(&ask(1));
            assert!(matches!(ended, Err(CallError::NotSent(SendError::Closed { .. }))), "{ended:?}");
        }),
        child(|| {
            let ended = open(&name).send(&Number(2));
            assert!(matches!(ended, Err(SendError::Closed { .. })), "{ended:?}");
        }),
        child(|| is_closed(open(&name).recv::<Blob>().unwrap_err())),
        child(|| is_closed(open(&name).recv_raw(Route::new(77)).unwrap_err())),
    ];
    waiters.iter().for_each(Child::until_asleep);
    channel.close().unwrap();
    for waiter in waiters {
        join_promptly("a waiter is notified that the channel is closed", waiter);
    }
    assert_eq!(channel.recv::<Number>().unwrap(), Number(1));
}

/// F5: a router is stopped without closing the channel, also while it waits.
#[test]
fn case_f5_a_router_is_stopped() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let (stoppable, stop) = channel.stoppable();
    thread::scope(|scope| {
        let router = scope.spawn(|| {
            let mut router = Router::new();
            router.on(|Number(_)| ()).unwrap();
            router.run(&stoppable)
        });
        channel.send(&Number(1)).unwrap();
        until(|| channel.depth().unwrap().messages == 0);
        thread::sleep(SHORT);
        assert!(!router.is_finished());
        stop.stop().unwrap();
        router.join().unwrap().unwrap();
    });
    assert!(stop.is_stopped() && !channel.is_closed());
    channel.send(&Number(2)).unwrap();
    assert_eq!(channel.recv::<Number>().unwrap(), Number(2));
}

/// F6: a pending call tells which member has its request, and a call that no member serves can fail at once.
#[test]
fn case_f6_a_pending_call_tells_its_server() {
    let name = name();
    let mut channel = Channel::create(&name).unwrap();
    channel.require_server(true);
    let refused = channel.call(&ask(1));
    assert!(matches!(&refused, Err(CallError::NotSent(SendError::NoServer { .. }))), "{refused:?}");
    let server = child(|| {
        let channel = open(&name);
        let _request = channel.recv_request::<Ask>().unwrap();
        hold_for_ever()
    });
    until(|| channel.servers::<Ask>().unwrap().len() == 1);
    let mut pending = channel.request(&ask(2)).unwrap();
    until(|| pending.taken_by().is_some());
    assert_eq!(pending.taken_by().unwrap().pid, server.id());
    server.kill();
    assert!(matches!(pending.wait_timeout(LONG), Err(CallError::NoResponse { .. })));
    assert!(pending.is_ended() && channel.servers::<Ask>().unwrap().is_empty());
}

/// Threads of one process wait for messages of different types, and for different responses, on one handle.
#[test]
fn threads_wait_for_different_things() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let server = child(|| {
        let channel = open(&name);
        while let Ok(request) = channel.recv_request::<Ask>() {
            let response = blob(request.number, 10);
            request.respond(&response).unwrap();
        }
    });
    let other = child(|| {
        let channel = open(&name);
        for number in 0..2_000 {
            channel.send(&Number(number)).unwrap();
            channel.send(&blob(number, 10)).unwrap();
        }
    });
    thread::scope(|scope| {
        let channel = &channel;
        scope
            .spawn(move || (0..2_000).for_each(|number| assert_eq!(channel.recv::<Number>().unwrap(), Number(number))));
        scope
            .spawn(move || (0..2_000).for_each(|number| assert_eq!(channel.recv::<Blob>().unwrap(), blob(number, 10))));
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..500 {
                    let number = thread * 1_000 + number;
                    assert_eq!(channel.call_timeout(&ask(number), LONG).unwrap(), blob(number, 10));
                }
            });
        }
    });
    other.join();
    channel.close().unwrap();
    server.join();
    assert_unused(&channel);
}
