//! What a process holds up that is stopped at any machine instruction of an operation on a channel.
//!
//! While it is stopped, two other members send and receive on the route of the victim and on another one. Afterwards it goes
//! on, and each message has come once. The table in `store/mod.rs` says what a stopped process may hold up: its one message,
//! cell or call, and long messages if it is stopped in the lock of the blocks.

use std::{
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::Duration,
};

use support::{
    LONG, Name, Waiters,
    letters::{Ask, Blob, Echo, Number, assert_unused, blob},
    memory, name,
    step::{Victim, every_instruction, mark},
    until_rings, within,
};
use sysv_primitives::{Channel, Options};

use super::held_up::{TRIED, Tally, stop};

/// In a block. No larger: a victim is to be stopped in the channel, and not in the codec.
pub(super) const LARGE: usize = 300;
/// In the cell.
pub(super) const SMALL: usize = 10;
pub(super) const SOON: Duration = Duration::from_millis(1);

pub(super) fn options() -> Options<Channel> {
    Channel::options().max_handles(8).max_message_size(40_000)
}

pub(super) fn open(name: &Name) -> Channel {
    options().open(name).unwrap()
}

/// The two members that go on.
pub(super) struct Others {
    pub(super) sender: Channel,
    pub(super) receiver: Channel,
}

/// What they were kept from.
#[derive(Default)]
pub(super) struct Tallies {
    pub(super) same: Tally,
    pub(super) another: Tally,
    pub(super) long: Tally,
}

impl Others {
    pub(super) fn new(name: &Name) -> Self {
        Self { sender: open(name), receiver: open(name) }
    }

    /// Returns whether a message of another route comes through.
    fn use_another_route(&self) -> bool {
        self.sender.send_timeout(&Number(7), TRIED).is_ok()
            && self.receiver.recv_timeout(TRIED).is_ok_and(|Number(got)| got == 7)
    }

    /// Returns whether a long message of another route comes through.
    fn use_blocks(&self) -> bool {
        let sent = Echo(blob(8, LARGE));
        self.sender.send_timeout(&sent, TRIED).is_ok()
            && self.receiver.recv_timeout::<Echo>(TRIED).is_ok_and(|got| got == sent)
    }
}

impl Tallies {
    pub(super) fn count_routes(&self, others: &Others) {
        self.another.count(others.use_another_route());
        self.long.count(others.use_blocks());
    }

    /// Nothing is held up, or long messages alone.
    #[track_caller]
    pub(super) fn assert(&self, uses_blocks: bool) {
        self.same.assert_never("the same route");
        self.another.assert_never("another route");
        if uses_blocks {
            self.long.assert_partly("a long message");
        } else {
            self.long.assert_never("a long message");
        }
    }
}

/// Receives all messages of a route, each of so many seeds once.
pub(super) fn receive_all(channel: &Channel, mut received: Vec<u64>, expected: &[u64]) {
    while received.len() < expected.len() {
        let Blob { seed, bytes } = channel.recv_timeout(LONG).expect("each message arrives");
        assert_eq!(blob(seed, bytes.len()).bytes, bytes);
        received.push(seed);
    }
    received.sort_unstable();
    assert_eq!(received, expected, "each message comes once");
    assert!(channel.try_recv::<Blob>().unwrap_err().is_busy(), "each message comes once");
}

/// The victim sends 1. The others send 2 and 3, and receive two messages.
fn sender(operation: &str, len: usize) {
    let tallies = Tallies::default();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let others = Others::new(&name);
        let victim = Victim::start(|| {
            let channel = open(&name);
            let blob = blob(1, len);
            mark();
            channel.send(&blob).unwrap();
            mark();
        });
        let mut received = Vec::new();
        let walk = stop(victim, steps, || {
            (2..=3).for_each(|seed| tallies.same.count(others.sender.send_timeout(&blob(seed, SMALL), TRIED).is_ok()));
            for _ in 0..2 {
                let found = others.receiver.recv_timeout::<Blob>(TRIED);
                tallies.same.count(found.is_ok());
                received.extend(found.ok().map(|found| found.seed));
            }
            tallies.count_routes(&others);
        });
        receive_all(&channel, received, &[1, 2, 3]);
        assert_unused(&channel);
        walk
    });
    tallies.assert(len > SMALL);
}

#[test]
fn a_sender_of_a_short_message() {
    sender("channel.send of 10 bytes, others send and receive", SMALL);
}

#[test]
fn a_sender_of_a_long_message() {
    sender("channel.send of 300 bytes, others send and receive", LARGE);
}

/// Two sleep, and the victim sends. Another member sends as well: one of the two gets a message.
#[test]
fn a_notifier() {
    let waiter = Tally::default();
    every_instruction("channel.send, two sleep, another sends", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let set = sysv_ipc::SemaphoreSet::from_id(channel.status().unwrap().set).unwrap();
        let sleepers = [open(&name), open(&name)];
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            channel.send(&Number(1)).unwrap();
            mark();
        });
        thread::scope(|scope| {
            let receive = |channel: &Channel| channel.recv_timeout::<Number>(LONG).expect("it is notified").0;
            let sleepers: Vec<_> = sleepers.iter().map(|channel| scope.spawn(move || receive(channel))).collect();
            support::until(|| Waiters::FOR_MESSAGES.asleep(&set) == 2);
            let walk = stop(victim, steps, || {
                channel.send(&Number(2)).unwrap();
                let one_is_done = || sleepers.iter().any(thread::ScopedJoinHandle::is_finished);
                waiter.count(within(TRIED, one_is_done));
            });
            let mut received: Vec<_> = sleepers.into_iter().map(|sleeper| sleeper.join().unwrap()).collect();
            received.sort_unstable();
            assert_eq!(received, [1, 2], "each message comes once");
            walk
        })
    });
    waiter.assert_never("one of the waiters, after another send");
}

/// The victim comes to wait, and another receiver waits already. Two messages are sent: the other receiver gets one.
#[test]
fn a_waiter() {
    let waiter = Tally::default();
    every_instruction("channel.recv, it and another wait, two are sent", |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let other = open(&name);
        let victim = Victim::start(|| {
            let channel = open(&name);
            // It learns that it is no use to look for long before it sleeps: there would be few stops anywhere else.
            (0..20).for_each(|_| assert!(channel.recv_timeout::<Number>(SOON).unwrap_err().is_busy()));
            mark();
            // It would sleep where no step ends.
            let _ = channel.recv_timeout::<Number>(SOON);
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| other.recv_timeout::<Number>(LONG).expect("it is notified"));
            until_rings(channel.status().unwrap().set, Waiters::FOR_MESSAGES);
            let walk = stop(victim, steps, || {
                (1..=2).for_each(|number| channel.send(&Number(number)).unwrap());
                waiter.count(within(TRIED, || sleeper.is_finished()));
            });
            // The victim may have taken one, and timed out otherwise.
            channel.send(&Number(3)).unwrap();
            walk
        })
    });
    waiter.assert_never("the other waiter, after two sends");
}

/// There are 1 and 2, and the victim receives one. The others send 3 and receive two.
fn receiver(operation: &str, len: usize) {
    let tallies = Tallies::default();
    let shared = memory(8);
    let got: &AtomicU64 = shared.view(0).unwrap();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let others = Others::new(&name);
        (1..=2).for_each(|seed| channel.send(&blob(seed, len)).unwrap());
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            let blob: Blob = channel.recv().unwrap();
            mark();
            got.store(blob.seed, SeqCst);
        });
        let mut received = Vec::new();
        let walk = stop(victim, steps, || {
            tallies.same.count(others.sender.send_timeout(&blob(3, SMALL), TRIED).is_ok());
            for _ in 0..2 {
                let found = others.receiver.recv_timeout::<Blob>(TRIED);
                tallies.same.count(found.is_ok());
                received.extend(found.ok().map(|found| found.seed));
            }
            tallies.count_routes(&others);
        });
        received.push(got.load(SeqCst));
        receive_all(&channel, received, &[1, 2, 3]);
        assert_unused(&channel);
        walk
    });
    // A receiver gives blocks back without the lock.
    tallies.assert(false);
}

#[test]
fn a_receiver_of_a_short_message() {
    receiver("channel.recv of 10 bytes, others send and receive", SMALL);
}

#[test]
fn a_receiver_of_a_long_message() {
    receiver("channel.recv of 300 bytes, others send and receive", LARGE);
}

/// Responds with as many bytes as a request asks for.
pub(super) fn serve(channel: &Channel, timeout: Duration) -> bool {
    let Ok(request) = channel.recv_request_timeout::<Ask>(timeout) else { return false };
    let response = blob(request.number, request.len);
    request.respond(&response).unwrap();
    true
}

pub(super) fn call(channel: &Channel, number: u64, len: usize, timeout: Duration) -> bool {
    channel.call_timeout(&Ask { number, len }, timeout).is_ok_and(|response| response == blob(number, len))
}

/// The victim calls. A server responds, and another member calls as well.
fn caller(operation: &str, len: usize) {
    let tallies = Tallies::default();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let (others, is_over) = (Others::new(&name), AtomicBool::new(false));
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            let response = channel.call(&Ask { number: 1, len });
            mark();
            assert_eq!(response.unwrap(), blob(1, len));
        });
        let walk = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    serve(&channel, Duration::from_millis(20));
                }
            });
            let walk = stop(victim, steps, || {
                tallies.same.count(call(&others.sender, 5, SMALL, TRIED));
                tallies.count_routes(&others);
            });
            is_over.store(true, Relaxed);
            walk
        });
        assert_unused(&channel);
        walk
    });
    tallies.assert(false);
}

#[test]
fn a_caller() {
    caller("channel.call, a server responds, another calls", SMALL);
}

#[test]
fn a_caller_that_gets_a_long_response() {
    caller("channel.call, a server responds with 300 bytes, another calls", LARGE);
}

/// The victim receives a request and responds. Another server responds to another call.
fn responder(operation: &str, len: usize) {
    let tallies = Tallies::default();
    every_instruction(operation, |steps| {
        let name = name();
        let channel = options().create(&name).unwrap();
        let (others, is_over) = (Others::new(&name), AtomicBool::new(false));
        let victim = Victim::start(|| {
            let channel = open(&name);
            mark();
            serve(&channel, LONG);
            mark();
        });
        let walk = thread::scope(|scope| {
            // The other server may be the one that responds. Then the next request is the victim's.
            let caller = scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    assert!(call(&channel, 1, len, LONG), "each response arrives");
                }
            });
            until_rings(channel.status().unwrap().set, Waiters::FOR_RESPONSES);
            let walk = stop(victim, steps, || {
                let is_called = AtomicBool::new(false);
                thread::scope(|scope| {
                    scope.spawn(|| {
                        while !is_called.load(Relaxed) {
                            serve(&others.receiver, SOON);
                        }
                    });
                    tallies.same.count(call(&others.sender, 5, SMALL, TRIED));
                    is_called.store(true, Relaxed);
                });
                tallies.count_routes(&others);
            });
            is_over.store(true, Relaxed);
            while !caller.is_finished() {
                serve(&others.receiver, SOON);
            }
            walk
        });
        assert_unused(&channel);
        walk
    });
    tallies.assert(len > SMALL);
}

#[test]
fn a_server_of_a_short_response() {
    responder("channel.recv_request and respond, another server responds", SMALL);
}

#[test]
fn a_server_of_a_long_response() {
    responder("channel.recv_request and respond with 300 bytes, another server responds", LARGE);
}
