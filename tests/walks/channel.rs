//! Channels, killed at every machine instruction of sending, receiving, calling and answering.
//!
//! A survivor waits at the other end. Afterwards it has the message at most once, knows of the death where it
//! asked to be notified, and no parcel, block or slot is missing.

use std::{cell::Cell, thread, time::Duration};

use serde::{Deserialize, Serialize};
use support::{
    LONG, Waiters, name,
    step::{Victim, Walk, every_instruction, mark},
    until_rings,
};
use sysv_primitives::{CallError, Channel, Options, Receiver, RecvError, Request, messages};

const SLOTS: u32 = 5;

/// The request that ends a server.
const LAST: u64 = 500;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Text(String);
/// A request for twice the number, and the response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Double {
    number: u64,
    #[serde(with = "serde_bytes")]
    padding: Vec<u8>,
}

messages! { 1 => Text; 2 => Double }

impl Request for Double {
    type Response = Self;
}

/// How long requests and responses are: in the cell, in a block, and in all blocks that there are for responses.
const SHORT_CALL: usize = 0;
const LONG_CALL: usize = 300;
const LONGEST_CALL: usize = 39_980;

/// How long a response waits for blocks that must be free.
const MOST_WAITED: Duration = Duration::from_secs(10);

/// So many stops of an operation meet each of its longer parts.
const ENOUGH: usize = 50;

fn double(number: u64, len: usize) -> Double {
    Double { number, padding: vec![number.to_le_bytes()[0]; len] }
}

fn options() -> Options<Channel> {
    Channel::options().max_handles(SLOTS).open_timeout(Duration::from_millis(100)).max_message_size(40_000)
}

fn small() -> Text {
    Text("small".into())
}

fn large() -> Text {
    Text("large".repeat(4_000))
}

fn open(name: &str) -> Channel {
    options().open(name).expect("a slot is free")
}

/// Returns when a receiver sleeps.
fn until_asleep(channel: &Channel) {
    until_rings(channel.status().unwrap().set, Waiters::FOR_MESSAGES);
}

/// Nothing is missing, and everything works.
#[track_caller]
fn survey(channel: &Channel, name: &str) {
    let depth = channel.depth().unwrap();
    assert!(depth.routes.is_empty() && channel.try_recv_any().unwrap_err().is_busy());
    assert_eq!((depth.messages, depth.calls, depth.bytes), (0, 0, 0), "leaked");
    let handles: Vec<_> = (0..SLOTS - 1).map(|_| open(name)).collect();
    for other in &handles {
        other.send_timeout(&large(), LONG).unwrap();
        assert_eq!(channel.recv_timeout::<Text>(LONG).unwrap(), large());
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            let asked = handles[0].recv_request_timeout::<Double>(LONG).unwrap();
            asked.respond(&double(8, LONG_CALL)).unwrap();
        });
        assert_eq!(channel.call_timeout(&double(4, LONG_CALL), LONG).unwrap(), double(8, LONG_CALL));
    });
}

/// Receives until the last sender is gone. Returns how many there were of this text.
fn receive_all(receiver: &Receiver<Text>, expected: &Text) -> usize {
    let mut received = 0;
    loop {
        match receiver.recv_timeout(LONG) {
            Ok(text) => assert!(text == *expected, "changed on its way"),
            Err(RecvError::Disconnected { .. } | RecvError::Closed { .. }) => return received,
            Err(error) => panic!("stuck: {error}"),
        }
        received += 1;
    }
}

fn sending(operation: &str, text: &Text, act: impl Fn(&Channel)) {
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let mut receiver = channel.receiver::<Text>().unwrap();
        receiver.detect_disconnect(true);
        let victim = Victim::start(|| {
            let sender = open(&name).sender::<Text>().unwrap();
            mark();
            act(sender.channel());
            mark();
        });
        let (walk, received) = thread::scope(|scope| {
            let survivor = scope.spawn(|| receive_all(&receiver, text));
            until_asleep(&channel);
            (victim.walk(steps), survivor.join().unwrap())
        });
        assert!(
            received <= 1 && (walk == Walk::Killed || received == 1 || channel.is_closed()),
            "{received} after {walk:?}"
        );
        if !channel.is_closed() {
            survey(&channel, &name);
        }
        walk
    });
}

#[test]
fn send_small() {
    sending("channel.send of 10 bytes, a receiver sleeps", &small(), |channel| channel.send(&small()).unwrap());
}

#[test]
fn send_large() {
    sending("channel.send of 20 KB, a receiver sleeps", &large(), |channel| channel.send(&large()).unwrap());
}

#[test]
fn close() {
    sending("channel.close, a receiver sleeps", &small(), |channel| channel.close().unwrap());
}

/// The victim receives one text, and the survivor afterwards what is left.
fn receiving(operation: &str, text: &Text, act: impl Fn(&Channel)) {
    let (taken, left) = (Cell::new(0), Cell::new(0));
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        channel.send(text).unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            act(&channel);
            mark();
        });
        let walk = victim.walk(steps);
        match channel.recv_timeout::<Text>(Duration::from_micros(1)) {
            Ok(found) => {
                assert!(found == *text && walk == Walk::Killed, "received twice");
                left.set(left.get() + 1);
            }
            Err(error) if error.is_busy() => taken.set(taken.get() + 1),
            Err(error) => panic!("stuck: {error}"),
        }
        assert!(channel.try_recv::<Text>().unwrap_err().is_busy(), "received twice");
        survey(&channel, &name);
        walk
    });
    println!("{operation}: {} times it was the victim's, {} times it was left", taken.get(), left.get());
    // A sample of a long message may have no stop before its claim: most of it is decoding.
    assert!(taken.get() > 0, "it was never the victim's");
}

#[test]
fn recv_small() {
    receiving("channel.recv of 10 bytes", &small(), |channel| drop(channel.recv::<Text>().unwrap()));
}

#[test]
fn recv_large() {
    receiving("channel.recv of 20 KB", &large(), |channel| drop(channel.recv::<Text>().unwrap()));
}

#[test]
fn recv_any() {
    receiving("channel.recv_any of 10 bytes", &small(), |channel| drop(channel.recv_any().unwrap()));
}

/// The victim calls, and a server sleeps. The next call is answered all the same.
fn calling(operation: &str, len: usize) {
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let receiver = &channel;
        let victim = Victim::start(|| {
            let channel = open(&name);
            let request = double(21, len);
            mark();
            let response = channel.call(&request).unwrap();
            mark();
            drop(response);
        });
        let walk = thread::scope(|scope| {
            let server = scope.spawn(|| {
                loop {
                    let asked = receiver.recv_request_timeout::<Double>(LONG).expect("no wake-up is lost");
                    let request = Double::clone(&asked);
                    assert_eq!(request, double(request.number, request.padding.len()), "changed on its way");
                    asked.respond(&double(2 * request.number, len)).unwrap();
                    if request.number == LAST {
                        break;
                    }
                }
            });
            until_asleep(&channel);
            let walk = victim.walk(steps);
            let last = open(&name);
            let response = last.call_timeout(&double(LAST, len), LONG).expect("the server is stuck");
            assert_eq!(response, double(2 * LAST, len));
            server.join().unwrap();
            walk
        });
        survey(&channel, &name);
        walk
    });
}

#[test]
fn call() {
    calling("channel.call, a server sleeps", SHORT_CALL);
}

#[test]
fn call_long() {
    calling("channel.call of 300 bytes with a response of 300 bytes, a server sleeps", LONG_CALL);
}

/// The victim takes a request and answers it, and the caller sleeps: it has the answer, or is notified at once, or its request
/// was not taken and is another one's to answer.
fn answering(operation: &str, len: usize, act: impl Fn(&Channel)) {
    let told = Cell::new([0; 2]);
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            act(&channel);
            mark();
        });
        let walk = thread::scope(|scope| {
            // Without a deadline, at which it would look once more: only what wakes it can tell it.
            let caller = scope.spawn(|| channel.call(&double(21, len)));
            until_rings(channel.status().unwrap().set, Waiters::FOR_RESPONSES);
            let walk = victim.walk(steps);
            let other = open(&name);
            while !caller.is_finished() {
                if let Ok(asked) = other.recv_request_timeout::<Double>(Duration::from_millis(1)) {
                    assert_eq!(walk, Walk::Killed, "it was answered before");
                    assert!(*asked == double(21, len), "changed on its way");
                    asked.respond(&double(43, len)).unwrap();
                }
            }
            let mut counts = told.get();
            match caller.join().unwrap() {
                Ok(response) if response == double(42, len) => counts[0] += 1,
                Ok(response) if response == double(43, len) => assert_eq!(walk, Walk::Killed),
                Err(CallError::NoResponse { .. }) => counts[1] += 1,
                other => panic!("stuck: {other:?}"),
            }
            told.set(counts);
            walk
        });
        survey(&channel, &name);
        walk
    });
    let [answered, unanswered] = told.get();
    println!("{operation}: {answered} times answered by the victim, {unanswered} times told of its death");
}

#[test]
fn recv_request_and_answer() {
    answering("channel.recv_request and answer, the caller sleeps", SHORT_CALL, |channel| {
        channel.recv_request::<Double>().unwrap().respond(&double(42, SHORT_CALL)).unwrap();
    });
}

#[test]
fn recv_request_and_answer_long() {
    let response = double(42, LONG_CALL);
    answering("channel.recv_request of 300 bytes and answer with 300 bytes, the caller sleeps", LONG_CALL, |channel| {
        channel.recv_request::<Double>().unwrap().respond(&response).unwrap();
    });
}

#[test]
fn recv_request_and_drop() {
    answering("channel.recv_request and drop, the caller sleeps", SHORT_CALL, |channel| {
        drop(channel.recv_request::<Double>().unwrap());
    });
}

#[test]
fn recv_request_and_drop_long() {
    answering("channel.recv_request of 300 bytes and drop, the caller sleeps", LONG_CALL, |channel| {
        drop(channel.recv_request::<Double>().unwrap());
    });
}

/// Messages have all blocks but those for responses. The victim responds with one of these, which is given back.
#[test]
fn recv_request_and_answer_of_a_full_channel() {
    let response = double(42, LONG_CALL);
    every_instruction("channel.recv_request and answer with 300 bytes, the channel is full", |steps| {
        let name = name();
        let channel = options().capacity(16).create(&name).unwrap();
        for len in [39_000, 900] {
            while channel.try_send(&Text("x".repeat(len))).is_ok() {}
        }
        let mut pending = channel.request(&double(21, SHORT_CALL)).unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            channel.recv_request::<Double>().unwrap().respond(&response).unwrap();
            mark();
        });
        let walk = victim.walk(steps);
        let other = open(&name);
        // The victim has not taken it, or the caller learns what came of it.
        drop(other.try_recv_request::<Double>());
        match pending.wait_timeout(LONG) {
            Ok(found) => assert_eq!(found, response),
            Err(CallError::NoResponse { .. }) => assert_eq!(walk, Walk::Killed),
            other => panic!("stuck: {other:?}"),
        }
        drop(pending);
        // It needs every block for responses.
        let mut pending = channel.request(&double(4, SHORT_CALL)).unwrap();
        let asked = other.recv_request::<Double>().unwrap();
        asked.respond_timeout(&double(8, LONGEST_CALL), MOST_WAITED).expect("a block for responses leaked");
        assert_eq!(pending.wait_timeout(LONG).unwrap(), double(8, LONGEST_CALL));
        while channel.try_recv::<Text>().is_ok() {}
        drop((pending, other));
        survey(&channel, &name);
        walk
    });
}

/// The victim opens or makes the channel: no process sees half of one, and nothing is left without an owner.
#[test]
fn open_or_create() {
    every_instruction("open_or_create_channel", |steps| {
        let name = name();
        let victim = Victim::start(|| {
            mark();
            let channel = options().open_or_create(&name).unwrap();
            mark();
            drop(channel);
        });
        let walk = victim.walk(steps);
        let channel = options().open_or_create(&name).unwrap();
        survey(&channel, &name);
        walk
    });
}

/// The victim claims a text. It is done, or another process gets it.
fn claiming(operation: &str, text: &Text, act: impl Fn(&Channel)) {
    let (done, left) = (Cell::new(0), Cell::new(0));
    let kills = every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        channel.send(text).unwrap();
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            act(&channel);
            mark();
        });
        let walk = victim.walk(steps);
        match channel.claim_timeout::<Text>(Duration::from_micros(1)) {
            Ok(found) => {
                assert!(*found == *text && found.attempt() <= 2, "changed");
                found.done().unwrap();
                left.set(left.get() + 1);
            }
            Err(error) if error.is_busy() => done.set(done.get() + 1),
            Err(error) => panic!("stuck: {error}"),
        }
        assert!(channel.try_claim::<Text>().unwrap_err().is_busy(), "claimed twice");
        survey(&channel, &name);
        walk
    });
    println!("{operation}: {} times it was done, {} times it was left", done.get(), left.get());
    // A few stops may all be after it was done.
    assert!(left.get() > 0 || kills < ENOUGH, "it was never left");
}

#[test]
fn claim_small() {
    claiming("channel.claim of 10 bytes, and done", &small(), |channel| {
        drop(channel.claim::<Text>().unwrap().done().unwrap());
    });
}

#[test]
fn claim_large() {
    claiming("channel.claim of 20 KB, and done", &large(), |channel| {
        drop(channel.claim::<Text>().unwrap().done().unwrap());
    });
}

#[test]
fn requeue() {
    claiming("channel.claim of 10 bytes, and requeue", &small(), |channel| {
        channel.claim::<Text>().unwrap().requeue().unwrap();
    });
}
