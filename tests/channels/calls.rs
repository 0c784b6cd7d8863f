//! Calls over a channel that has a name: answers, deaths on either side, and room.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use support::letters::{Ask, Number, ask, assert_unused, blob};
use support::{LONG, child, hold_for_ever, memory, name, until};
use sysv_primitives::{CallError, Channel, Message, Request, Route, Router, Undecodable};

fn serve(name: &str) {
    let receiver = Channel::open(name).unwrap();
    loop {
        match receiver.recv_request::<Ask>() {
            Ok(asked) => {
                let answer = blob(asked.number, asked.len);
                asked.respond(&answer).unwrap();
            }
            Err(error) => return assert!(error.is_end(), "{error:?}"),
        }
    }
}

#[test]
fn calls() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let servers = [0; 2].map(|_| child(|| serve(&name)));
    for (number, len) in [0, 1, 500, 1_000, 5_000, 9_000, 100_000, 1_000_000].into_iter().enumerate() {
        let ask = Ask { number: number as u64, len };
        assert_eq!(channel.call_timeout(&ask, LONG).unwrap(), blob(number as u64, len), "{len}");
    }
    // Several under way, answered in any order.
    let pending: Vec<_> = (0..50).map(|number| channel.request(&ask(number)).unwrap()).collect();
    for (number, mut pending) in pending.into_iter().enumerate().rev() {
        assert_eq!(pending.wait_timeout(LONG).unwrap(), blob(number as u64, 10));
        assert!(matches!(pending.try_wait(), Err(CallError::NoResponse { .. })), "it was had");
    }
    channel.close().unwrap();
    servers.into_iter().for_each(support::Child::join);
    assert_unused(&channel);
}

/// A thousand callers at once, in 20 processes with 50 threads each: each gets its own answer.
#[test]
fn a_thousand_calls_at_once() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let servers = [0; 4].map(|_| child(|| serve(&name)));
    let callers: Vec<_> = (0..20_u64)
        .map(|process| {
            let (name, channel) = (&name, &channel);
            child(move || {
                // Half of them inherit the handle, half have their own.
                let own;
                let channel = if process % 2 == 0 {
                    channel
                } else {
                    own = Channel::open(name).unwrap();
                    &own
                };
                let together = Barrier::new(50);
                thread::scope(|scope| {
                    for thread in 0..50 {
                        let together = &together;
                        scope.spawn(move || {
                            together.wait();
                            for round in 0..5 {
                                let number = process * 1_000_000 + thread * 1_000 + round;
                                let answer = channel.call_timeout(&ask(number), LONG).unwrap();
                                assert_eq!(answer, blob(number, 10), "another one's answer");
                            }
                        });
                    }
                });
            })
        })
        .collect();
    callers.into_iter().for_each(support::Child::join);
    channel.close().unwrap();
    servers.into_iter().for_each(support::Child::join);
    assert_unused(&channel);
}

/// The process that took a request dies, or drops it: the caller is notified at once.
#[test]
fn unanswered() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let dies = child(|| {
        let channel = Channel::open(&name).unwrap();
        let asked = channel.recv_request::<Ask>().unwrap();
        assert_eq!((asked.number, asked.is_call()), (5, true));
        hold_for_ever()
    });
    // Without a deadline, at which it would look once more: only what wakes it can tell it.
    let caller = child(|| {
        let told = Channel::open(&name).unwrap().call(&ask(5));
        assert!(matches!(told, Err(CallError::NoResponse { route: Ask::ROUTE, .. })), "{told:?}");
        let text = told.unwrap_err().to_string();
        assert!(text.contains(&format!("from channel {:?}", &*name)), "{text}");
    });
    until(|| channel.depth().unwrap().routes.is_empty());
    caller.until_asleep();
    dies.until_asleep();
    dies.kill();
    caller.join();

    let gives_up = child(|| {
        let channel = Channel::open(&name).unwrap();
        drop(channel.recv_request::<Ask>().unwrap());
        // A plain receive is no answer either.
        assert_eq!(channel.recv::<Ask>().unwrap(), ask(7));
        drop(channel.recv_any().unwrap());
        // Nor is what it can't be.
        assert!(matches!(channel.recv_any().unwrap().decode_request::<Other>(), Err(Undecodable { .. })));
    });
    for number in [6, 7, 8, 9] {
        let told = channel.call_timeout(&ask(number), LONG);
        assert!(matches!(told, Err(CallError::NoResponse { .. })), "{told:?}");
    }
    gives_up.join();
    assert_unused(&channel);
}

/// Another program's idea of the third route.
#[derive(Serialize, Deserialize)]
struct Other(Number, Number, Number, Number);
impl Message for Other {
    const ROUTE: Route = Ask::ROUTE;
    const SCHEMA: u32 = 8;
    type Codec = sysv_primitives::codec::Bincode;
}
impl Request for Other {
    type Response = Number;
}

/// A caller that cancels takes its request back, or its answer goes nowhere. One that dies leaves nothing.
#[test]
fn callers_that_are_gone() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    assert!(channel.call_timeout(&ask(1), Duration::from_millis(20)).unwrap_err().is_busy());
    assert!(channel.try_recv_request::<Ask>().unwrap_err().is_busy(), "it was taken back");
    assert_unused(&channel);

    // Times out while a process works on it.
    let mut pending = channel.request(&ask(2)).unwrap();
    let asked = channel.recv_request::<Ask>().unwrap();
    assert!(pending.wait_timeout(Duration::from_millis(10)).unwrap_err().is_busy());
    drop(pending);
    asked.respond(&blob(2, 100)).unwrap();
    assert_unused(&channel);

    // Dies: before its request is taken, while it is worked on, when it is answered.
    for stage in 0..3 {
        let caller = child(|| {
            let _ = Channel::open(&name).unwrap().call(&ask(3));
        });
        until(|| !channel.depth().unwrap().routes.is_empty());
        caller.until_asleep();
        if stage == 0 {
            caller.kill();
            assert_unused(&channel);
            assert!(channel.try_recv_request::<Ask>().unwrap_err().is_busy(), "its request is gone with it");
            continue;
        }
        let asked = channel.recv_request::<Ask>().unwrap();
        if stage == 1 {
            caller.kill();
            asked.respond(&blob(3, 100)).unwrap();
        } else {
            caller.signal(nix::sys::signal::Signal::SIGSTOP);
            asked.respond(&blob(3, 100)).unwrap();
            caller.kill();
        }
        assert_unused(&channel);
    }
}

/// An answer longer than the request finds room, although requests fill the channel.
#[test]
fn answers_find_room() {
    let name = name();
    let channel = Channel::options().max_message_size(200_000).create(&name).unwrap();
    let mut pending = Vec::new();
    loop {
        match channel.try_send(&blob(0, 150_000)) {
            Ok(()) => {}
            Err(error) => break assert!(error.is_busy()),
        }
        pending.push(channel.request(&Ask { number: 1, len: 190_000 }).unwrap());
    }
    let server = child(|| serve(&name));
    for mut pending in pending {
        assert_eq!(pending.wait_timeout(LONG).unwrap(), blob(1, 190_000));
    }
    server.kill();
}

/// A router answers requests, and is done when the channel is closed.
#[test]
fn routers_answer() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let seen = memory(8);
    let seen: &AtomicU64 = seen.view(0).unwrap();
    let server = child(|| {
        let receiver = Channel::open(&name).unwrap();
        let mut router = Router::new();
        router.respond(|ask: Ask| blob(ask.number, ask.len)).unwrap();
        router
            .on(|Number(number)| {
                seen.fetch_add(number, SeqCst);
            })
            .unwrap();
        router.run(&receiver).unwrap();
    });
    channel.send(&Number(40)).unwrap();
    assert_eq!(channel.call_timeout(&ask(3), LONG).unwrap(), blob(3, 10));
    channel.send(&Number(2)).unwrap();
    channel.close().unwrap();
    server.join();
    assert_eq!(seen.load(SeqCst), 42);
}
