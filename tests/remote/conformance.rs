//! What holds on both transports, by the same code.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use support::{LONG, Name, SHORT, child, hold_for_ever, name, until};
use sysv_primitives::{
    CallError, Cause, Channel, Claimed, Delivery, Options, RecvError, Request, Route, Router, SendError, messages,
    raw::Deadline,
};

use crate::server::{Server, is_installed};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Urgent(pub(crate) u64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job(pub(crate) u64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Square(pub(crate) u64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Control(u64);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>);

messages! { 1 => Urgent; 2 => Job; 3 => Square; 4 => Control, control; 5 => Bytes }

impl Request for Square {
    type Response = u64;
}

/// The lease where a process is to lose it. A test that is starved for longer than two thirds of it would fail.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// Where a channel is.
pub(crate) struct Place {
    pub(crate) address: String,
    _server: Option<Server>,
    _name: Option<Name>,
}

impl Place {
    pub(crate) fn in_memory() -> Self {
        let name = name();
        Self { address: name.to_string(), _server: None, _name: Some(name) }
    }

    pub(crate) fn on_server() -> Self {
        let server = Server::start();
        Self { address: server.address("test"), _server: Some(server), _name: None }
    }

    pub(crate) fn create(&self, with: impl FnOnce(Options<Channel>) -> Options<Channel>) -> Channel {
        with(Channel::options().lease(LEASE)).connect(&self.address).unwrap()
    }

    pub(crate) fn open(&self) -> Channel {
        Channel::connect(&self.address).unwrap()
    }
}

macro_rules! on_both {
    ($($test:path => $name:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $name() { $test(&super::Place::in_memory()); })*
        }
        mod on_a_server {
            $(#[test] fn $name() {
                if super::is_installed() {
                    $test(&super::Place::on_server());
                }
            })*
        }
    };
}

on_both! {
    crate::model::random_operations => random_operations,
    super::full => full,
    super::full_of_bytes => full_of_bytes,
    super::control_gets_through => control_gets_through,
    super::requeued_is_behind_the_others => requeued_is_behind_the_others,
    super::of_a_killed_process_comes_first => of_a_killed_process_comes_first,
    super::a_job_that_kills_its_workers => a_job_that_kills_its_workers,
    super::each_waiter_gets_its_own => each_waiter_gets_its_own,
    super::delays => delays,
    crate::calls::calls => calls,
    crate::calls::a_call_outlives_its_workers => a_call_outlives_its_workers,
    crate::calls::calls_that_end_without_a_response => calls_that_end_without_a_response,
    crate::calls::a_dead_caller_has_no_request => a_dead_caller_has_no_request,
    crate::kept::beyond_the_quota => beyond_the_quota,
    crate::kept::the_last_ends => the_last_ends,
    crate::kept::a_delay_ends_a_wait => a_delay_ends_a_wait,
    crate::kept::one_delay_after_another => one_delay_after_another,
    super::closed => closed,
    super::removed => removed,
    super::stopped => stopped,
    super::a_router_serves => a_router_serves,
    super::each_message_once => each_message_once,
}

fn number(claimed: &Claimed<Job>) -> (u64, u32) {
    (claimed.0, claimed.attempt())
}

#[track_caller]
fn assert_left(channel: &Channel, expected: &[(u64, u32)]) {
    let left: Vec<_> = std::iter::from_fn(|| channel.try_claim::<Job>().ok())
        .map(|claimed| {
            let found = number(&claimed);
            claimed.done().unwrap();
            found
        })
        .collect();
    assert_eq!(left, expected);
    assert_unused(channel);
}

#[track_caller]
pub(crate) fn assert_unused(channel: &Channel) {
    let depth = channel.depth().unwrap();
    assert_eq!((depth.messages, depth.calls, depth.bytes, depth.claimed, depth.delayed), (0, 0, 0, 0, 0), "{depth:?}");
}

/// A sender that waits for room goes on when there is some, and gives up when it is to.
fn full(place: &Place) {
    let channel = place.create(|options| options.capacity(3));
    (0..3).for_each(|job| channel.try_send(&Job(job)).unwrap());
    let Err(SendError::Full(full)) = channel.try_send(&Job(3)) else { panic!("it should be full") };
    assert_eq!((full.messages, full.max_messages), (3, 3));
    assert!(matches!(channel.send_timeout(&Job(3), SHORT), Err(SendError::TimedOut(_))));
    // A claim counts until it is done.
    let claimed = channel.claim::<Job>().unwrap();
    assert!(matches!(channel.try_send(&Job(3)), Err(SendError::Full(_))));
    thread::scope(|scope| {
        let sender = scope.spawn(|| place.open().send(&Job(3)));
        thread::sleep(SHORT);
        claimed.done().unwrap();
        sender.join().unwrap().unwrap();
    });
    assert_left(&channel, &[(1, 1), (2, 1), (3, 1)]);
}

fn full_of_bytes(place: &Place) {
    let channel = place.create(|options| options.max_message_size(100_000).capacity(8));
    let bytes = Bytes(vec![7; 90_000]);
    assert!(matches!(channel.send(&Bytes(vec![7; 100_001])), Err(SendError::TooLong { .. })));
    let sent = (0..8).take_while(|_| channel.try_send(&bytes).is_ok()).count();
    assert!((2..8).contains(&sent), "{sent}");
    let Err(SendError::Full(full)) = channel.try_send(&bytes) else { panic!("it should be full") };
    assert!(full.bytes + 90_000 > full.max_bytes && full.messages < full.max_messages, "{full}");
    // A short one takes none of them.
    channel.try_send(&Job(1)).unwrap();
    for _ in 0..sent {
        assert_eq!(channel.recv::<Bytes>().unwrap(), bytes);
    }
    assert_left(&channel, &[(1, 1)]);
}

fn control_gets_through(place: &Place) {
    let channel = place.create(|options| options.capacity(1));
    channel.send(&Job(1)).unwrap();
    (0..16).for_each(|number| channel.try_send(&Control(number)).unwrap());
    assert!(matches!(channel.try_send(&Control(16)), Err(SendError::Full(_))));
    assert_eq!(channel.recv_any().unwrap().route(), Route::new(2));
    assert!((0..16).all(|number| channel.recv::<Control>().unwrap() == Control(number)));
    assert_unused(&channel);
}

fn requeued_is_behind_the_others(place: &Place) {
    let channel = place.create(|options| options.attempts(4));
    (0..3).for_each(|job| channel.send(&Job(job)).unwrap());
    drop(channel.claim::<Job>().unwrap());
    channel.claim::<Job>().unwrap().requeue().unwrap();
    let panicked = thread::scope(|scope| {
        let claiming = || {
            let _claimed = channel.claim::<Job>().unwrap();
            panic!("on purpose");
        };
        scope.spawn(claiming).join()
    });
    assert!(panicked.is_err());
    let causes = |claimed: &Claimed<Job>| claimed.attempts().iter().map(|attempt| attempt.cause).collect::<Vec<_>>();
    let claims: Vec<_> = (0..3).map(|_| channel.claim::<Job>().unwrap()).collect();
    assert_eq!(claims.iter().map(number).collect::<Vec<_>>(), [(0, 2), (1, 2), (2, 2)]);
    assert_eq!(
        claims.iter().map(causes).collect::<Vec<_>>(),
        [[Cause::Requeued], [Cause::Requeued], [Cause::Panicked]]
    );
    assert_eq!(claims[0].attempts()[0].pid, Some(std::process::id()));
    drop(claims);
    assert_left(&channel, &[(0, 3), (1, 3), (2, 3)]);
}

/// What a dead process had comes back, before what was sent after it.
fn of_a_killed_process_comes_first(place: &Place) {
    let channel = place.create(|options| options);
    (0..3).for_each(|job| channel.send(&Job(job)).unwrap());
    let worker = child(|| {
        let channel = place.open();
        let _claims = [channel.claim::<Job>().unwrap(), channel.claim::<Job>().unwrap()];
        hold_for_ever()
    });
    until(|| channel.depth().unwrap().claimed == 2);
    let pid = worker.id();
    worker.kill();
    // In memory a check finds the death, and on a server the end of the lease.
    until(|| channel.depth().unwrap().claimed == 0);
    let first = channel.claim::<Job>().unwrap();
    assert_eq!(number(&first), (0, 2));
    check_of_killed(&first, pid);
    first.done().unwrap();
    assert_left(&channel, &[(1, 2), (2, 1)]);
}

fn check_of_killed(claimed: &Claimed<Job>, pid: u32) {
    let attempt = claimed.attempts()[0];
    assert!(matches!(attempt.cause, Cause::Died | Cause::LeaseExpired), "{attempt}");
    assert_eq!((attempt.number, attempt.pid), (1, Some(pid)));
}

/// A poison job is set aside after its last attempt, with the cause of each, and no other job is concerned.
fn a_job_that_kills_its_workers(place: &Place) {
    let channel = place.create(|options| options);
    channel.send_with(&Job(0), Delivery::new().attempts(2)).unwrap();
    channel.send(&Job(1)).unwrap();
    let mut pids = Vec::new();
    for _ in 0..2 {
        let worker = child(|| {
            let claimed = place.open().claim::<Job>().unwrap();
            assert_eq!(*claimed, Job(0));
            hold_for_ever()
        });
        until(|| channel.depth().unwrap().claimed == 1);
        pids.push(Some(worker.id()));
        worker.kill();
        until(|| channel.depth().unwrap().claimed == 0);
    }
    let aside = channel.set_aside().unwrap();
    assert_eq!((aside.len(), aside[0].decode::<Job>().unwrap()), (1, Job(0)));
    assert_eq!(aside[0].attempts().iter().map(|attempt| attempt.pid).collect::<Vec<_>>(), pids);
    assert_eq!(channel.try_claim::<Job>().unwrap().done().unwrap(), Job(1));
    assert!(matches!(channel.try_claim::<Job>(), Err(RecvError::Empty)));
    // Its attempts are counted on, and it has as many again.
    assert!(aside[0].retry().unwrap());
    let again = channel.claim::<Job>().unwrap();
    assert_eq!((again.attempt(), again.is_last_attempt()), (3, false));
    again.done().unwrap();
    assert_unused(&channel);
}

/// Three that wait for different things in any order, and each thing comes to the right one.
fn each_waiter_gets_its_own(place: &Place) {
    const ROUNDS: u64 = 40;
    let channel = place.create(|options| options);
    thread::scope(|scope| {
        let exact = scope.spawn(|| {
            let channel = place.open();
            (0..ROUNDS).for_each(|round| assert_eq!(channel.recv::<Urgent>().unwrap(), Urgent(round)));
        });
        let lowest = scope.spawn(|| {
            let channel = place.open();
            for round in 0..ROUNDS {
                let found = channel.recv_raw(Route::new(2)).unwrap();
                assert_eq!(found, round.to_le_bytes());
            }
        });
        let except = scope.spawn(|| {
            let channel = place.open();
            for _ in 0..ROUNDS {
                let claimed = channel.claim::<Bytes>().unwrap();
                claimed.done().unwrap();
            }
        });
        for round in 0..ROUNDS {
            // In another order each time.
            let mut sends: [&dyn Fn(); 3] =
                [&|| channel.send(&Urgent(round)).unwrap(), &|| channel.send(&Job(round)).unwrap(), &|| {
                    channel.send(&Bytes(vec![1; 2])).unwrap()
                }];
            fastrand::shuffle(&mut sends);
            sends.iter().for_each(|send| send());
            if round % 8 == 0 {
                thread::sleep(SHORT);
            }
        }
        [exact, lowest, except].into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    assert_unused(&channel);
}

fn delays(place: &Place) {
    let channel = place.create(|options| options);
    let other = place.open();
    thread::scope(|scope| {
        // It waits before the delay begins, so that it has to learn of it.
        let waiter = scope.spawn(|| other.recv::<Job>().unwrap());
        thread::sleep(SHORT);
        channel.send_with(&Job(1), Delivery::new().delay(3 * SHORT)).unwrap();
        assert_eq!(waiter.join().unwrap(), Job(1));
    });
    channel.send_with(&Job(2), Delivery::new().delay(LONG)).unwrap();
    assert!(matches!(channel.try_recv::<Job>(), Err(RecvError::Empty)));
    assert_eq!(channel.depth().unwrap().delayed, 1);
    channel.send(&Job(3)).unwrap();
    channel.claim::<Job>().unwrap().requeue_after(2 * SHORT).unwrap();
    let again = channel.claim::<Job>().unwrap();
    assert_eq!(number(&again), (3, 2));
    again.done().unwrap();
    // The end of the channel is the end of delays.
    channel.close().unwrap();
    assert_eq!(channel.recv::<Job>().unwrap(), Job(2));
    assert!(matches!(channel.recv::<Job>(), Err(RecvError::Closed { .. })));
    assert_unused(&channel);
}

/// All that wait are woken, and what was sent is received first.
fn closed(place: &Place) {
    let channel = place.create(|options| options.capacity(1));
    channel.send(&Job(1)).unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| place.open().recv::<Urgent>());
        let sender = scope.spawn(|| place.open().send(&Job(2)));
        let caller = scope.spawn(|| place.open().call(&Square(1)));
        until(|| channel.depth().unwrap().calls == 1);
        thread::sleep(SHORT);
        channel.close().unwrap();
        assert!(matches!(receiver.join().unwrap(), Err(RecvError::Closed { .. })));
        assert!(matches!(sender.join().unwrap(), Err(SendError::Closed { .. })));
        assert!(matches!(caller.join().unwrap(), Err(CallError::NotSent(SendError::Closed { .. }))));
    });
    assert!(channel.is_closed() && place.open().is_closed());
    assert_left(&channel, &[(1, 1)]);
    assert!(matches!(channel.recv::<Job>(), Err(RecvError::Closed { .. })));
}

fn removed(place: &Place) {
    let channel = place.create(|options| options.capacity(1));
    channel.send(&Job(1)).unwrap();
    let claimed = channel.claim::<Job>().unwrap();
    // Before it is removed, or they would open a new one.
    let [one, two] = [place.open(), place.open()];
    thread::scope(|scope| {
        let receiver = scope.spawn(|| one.recv::<Urgent>());
        let caller = scope.spawn(|| two.call(&Square(1)));
        until(|| channel.depth().unwrap().calls == 1);
        thread::sleep(SHORT);
        channel.remove().unwrap();
        assert!(receiver.join().unwrap().unwrap_err().is_gone());
        assert!(caller.join().unwrap().unwrap_err().is_gone());
    });
    assert!(channel.recv::<Job>().unwrap_err().is_gone());
    drop(claimed);
    // A new one of that name has nothing of the old one.
    let anew = place.create(|options| options.capacity(2));
    assert_eq!(anew.depth().unwrap().max_messages, 2);
    assert!(matches!(anew.try_recv_any(), Err(RecvError::Empty)));
    assert_unused(&anew);
}

fn stopped(place: &Place) {
    let (channel, stop) = place.create(|options| options).stoppable();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| channel.recv::<Job>());
        thread::sleep(SHORT);
        stop.stop().unwrap();
        assert!(matches!(receiver.join().unwrap(), Err(RecvError::Stopped)));
    });
    // What is there is still received.
    channel.send(&Job(1)).unwrap();
    assert_eq!(channel.recv::<Job>().unwrap(), Job(1));
    assert!(matches!(channel.recv::<Job>(), Err(RecvError::Stopped)));
}

fn a_router_serves(place: &Place) {
    let channel = place.create(|options| options);
    let server = child(|| {
        let channel = place.open();
        let mut router = Router::new();
        router.respond(|Square(number)| number * number).unwrap();
        router.on(|Job(_)| {}).unwrap();
        router.run_claims(&channel).unwrap();
    });
    channel.send(&Job(1)).unwrap();
    for number in 0..20 {
        assert_eq!(channel.call(&Square(number)).unwrap(), number * number);
    }
    channel.close().unwrap();
    server.join();
    assert_unused(&channel);
}

/// Several that send and several that receive: each message comes to one of them, and those of one sender in its order.
fn each_message_once(place: &Place) {
    const EACH: u64 = 150;
    let channel = place.create(|options| options.capacity(10));
    let sum = AtomicU32::new(0);
    thread::scope(|scope| {
        for sender in 0..3 {
            let channel = place.open();
            scope.spawn(move || (0..EACH).for_each(|job| channel.send(&Job(sender * EACH + job)).unwrap()));
        }
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let channel = place.open();
                scope.spawn(|| {
                    let channel = channel;
                    let mut last = [None; 3];
                    let mut found = Vec::new();
                    while sum.fetch_add(1, SeqCst) < 3 * 150 {
                        let Job(job) = channel.recv_deadline::<Job>(Deadline::after(LONG)).unwrap();
                        let sender = usize::try_from(job / EACH).unwrap();
                        assert!(last[sender] < Some(job), "{job} after {:?}", last[sender]);
                        last[sender] = Some(job);
                        found.push(job);
                    }
                    found
                })
            })
            .collect();
        let mut all: Vec<u64> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..3 * EACH).collect::<Vec<_>>());
    });
    assert_unused(&channel);
}
