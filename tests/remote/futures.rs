//! Futures on a server: no poll waits for it, and a future that is dropped loses no message.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use futures_core::Stream;
use futures_sink::Sink;
use pollster::block_on;
use support::{LONG, SHORT, alone, child, forbid, threads_named, until};
use sysv_primitives::{CallError, Channel, Failure, RecvError, Route, SendError};

use crate::{
    by_hand::ByHand,
    conformance::{Job, LEASE, Square, Urgent, assert_unused},
    proxy::Proxy,
    server::{Server, is_installed},
};

fn on_server(
    with: impl FnOnce(sysv_primitives::Options<Channel>) -> sysv_primitives::Options<Channel>,
) -> Option<(Server, Channel)> {
    if !is_installed() {
        return None;
    }
    let server = Server::start();
    let channel = with(Channel::options().lease(LONG)).connect(&server.address("jobs")).unwrap();
    Some((server, channel))
}

/// The clerk ends the claim of what was received a moment after it is returned.
fn until_unused(channel: &Channel) {
    until(|| channel.depth().unwrap().messages == 0);
    assert_unused(channel);
}

#[test]
fn each_form() {
    let Some((_server, channel)) = on_server(|options| options) else { return };
    block_on(async {
        for number in 0..10 {
            channel.send_async(&Job(number)).await.unwrap();
        }
        channel.send_raw_async(Route::new(9), b"raw").await.unwrap();
        assert_eq!(channel.recv_async::<Job>().await.unwrap(), Job(0));
        assert_eq!(channel.recv_any_async().await.unwrap().decode::<Job>().unwrap(), Job(1));
        assert_eq!(channel.recv_lowest_async(Route::new(5)).await.unwrap().decode::<Job>().unwrap(), Job(2));
        assert_eq!(channel.recv_except_async::<Urgent>().await.unwrap().decode::<Job>().unwrap(), Job(3));
        assert_eq!(channel.recv_raw_async(Route::new(9)).await.unwrap(), b"raw");
        let claimed = channel.claim_async::<Job>().await.unwrap();
        assert_eq!((claimed.0, claimed.attempt()), (4, 1));
        claimed.done().unwrap();
        drop(channel.claim_any_async().await.unwrap());
        let claims = [
            channel.claim_lowest_async(Route::new(5)).await.unwrap(),
            channel.claim_except_async::<Urgent>().await.unwrap(),
        ];
        claims.into_iter().for_each(|claimed| drop(claimed.done().unwrap()));
        for (expected, attempt) in [(8, 1), (9, 1), (5, 2)] {
            let claimed = channel.claim_async::<Job>().await.unwrap();
            assert_eq!((claimed.0, claimed.attempt()), (expected, attempt));
            claimed.done().unwrap();
        }
    });
    until_unused(&channel);
}

#[test]
fn calls() {
    let Some((server, channel)) = on_server(|options| options) else { return };
    let caller = Channel::connect(&server.address("jobs")).unwrap();
    let serves = async {
        for _ in 0..3 {
            let request = channel.recv_request_async::<Square>().await.unwrap();
            let square = request.0 * request.0;
            request.respond_async(&square).await.unwrap();
        }
        let claimed = channel.claim_async::<Square>().await.unwrap();
        claimed.respond_async(&1).await.unwrap();
        channel.recv_request_async::<Square>().await.unwrap().refuse("never").unwrap();
    };
    thread::scope(|scope| {
        scope.spawn(|| block_on(serves));
        block_on(async {
            // Several at once. Their responses are awaited in another order.
            let mut pending = Vec::new();
            for number in 0..3 {
                pending.push((number, caller.request_async(&Square(number)).await.unwrap()));
            }
            while let Some((number, response)) = pending.pop() {
                assert_eq!(response.await.unwrap(), number * number);
            }
            assert_eq!(caller.call_async(&Square(5)).await.unwrap(), 1);
            let error = caller.call_async(&Square(5)).await.unwrap_err();
            assert!(matches!(error, CallError::Refused { .. }), "{error}");
        });
    });
    // A caller that is gone has no request.
    let mut call = ByHand::new(caller.call_async(&Square(6)));
    until(|| {
        assert!(call.poll().is_pending());
        channel.depth().unwrap().calls == 1
    });
    drop(call);
    until(|| channel.depth().unwrap().calls == 0);
    until_unused(&channel);
}

/// Futures that are dropped at any moment have taken nothing: no message is lost, and none has an attempt more.
#[test]
fn a_dropped_future_loses_no_message() {
    const JOBS: u64 = 20;
    let Some((_server, channel)) = on_server(|options| options.attempts(2)) else { return };
    for receives in [true, false] {
        (0..JOBS).for_each(|job| channel.send(&Job(job)).unwrap());
        let mut found = Vec::new();
        for _ in 0..300 {
            // Polled for the first time, and then perhaps once more, some hundred microseconds later.
            let pause = || thread::sleep(Duration::from_micros(fastrand::u64(..400)));
            let polled = if receives {
                let mut future = ByHand::new(channel.recv_async::<Job>());
                assert!(future.poll().is_pending(), "no poll waits for the server");
                pause();
                if fastrand::u8(..8) == 0 { future.poll() } else { Poll::Pending }
            } else {
                let mut future = ByHand::new(channel.claim_async::<Job>());
                assert!(future.poll().is_pending(), "no poll waits for the server");
                pause();
                let polled = if fastrand::u8(..8) == 0 { future.poll() } else { Poll::Pending };
                polled.map_ok(|claimed| {
                    assert_eq!(claimed.attempt(), 1);
                    claimed.done().unwrap()
                })
            };
            if let Poll::Ready(job) = polled {
                found.push(job.unwrap().0);
            }
        }
        // What the futures had goes back, and what was received is gone.
        until(|| channel.depth().unwrap().claimed == 0);
        while let Ok(claimed) = channel.try_claim::<Job>() {
            assert_eq!(claimed.attempt(), 1);
            found.push(claimed.done().unwrap().0);
        }
        found.sort_unstable();
        assert_eq!(found, (0..JOBS).collect::<Vec<_>>());
        assert_unused(&channel);
    }
    assert!(channel.set_aside().unwrap().is_empty());
}

/// What a dropped future had is at its old place.
#[test]
fn it_goes_back_to_its_place() {
    let Some((server, channel)) = on_server(|options| options) else { return };
    (0..3).for_each(|job| channel.send(&Job(job)).unwrap());
    let other = Channel::connect(&server.address("jobs")).unwrap();
    let mut future = ByHand::new(other.claim_async::<Job>());
    assert!(future.poll().is_pending());
    until(|| channel.depth().unwrap().claimed == 1);
    drop(future);
    until(|| channel.depth().unwrap().claimed == 0);
    for job in 0..3 {
        let claimed = channel.try_claim::<Job>().unwrap();
        assert_eq!((claimed.0, claimed.attempt()), (job, 1));
        claimed.done().unwrap();
    }
    // A request as well, and its caller has noticed nothing.
    let call = channel.request(&Square(3)).unwrap();
    let mut future = ByHand::new(other.recv_request_async::<Square>());
    assert!(future.poll().is_pending());
    until(|| sysv_primitives::inspect::on_server(&server.address("jobs")).unwrap()[0].jobs.len() == 1);
    drop(future);
    let request = channel.recv_request_timeout::<Square>(LONG).unwrap();
    request.respond(&9).unwrap();
    assert_eq!(call.wait().unwrap(), 9);
    // If the channel was closed meanwhile, or the caller has left, it goes.
    for closes in [false, true] {
        let call = channel.request(&Square(3)).unwrap();
        let mut future = ByHand::new(other.recv_request_async::<Square>());
        assert!(future.poll().is_pending());
        until(|| sysv_primitives::inspect::on_server(&server.address("jobs")).unwrap()[0].jobs.len() == 1);
        if closes {
            channel.close().unwrap();
            drop(future);
            let error = call.wait().unwrap_err();
            assert!(matches!(error, CallError::NotSent(SendError::Closed { .. })), "{error}");
        } else {
            drop(call);
            drop(future);
            until(|| channel.depth().unwrap().calls == 0);
        }
    }
    assert_unused(&channel);
}

/// Many futures of one thread wait for different things, with two threads of the library.
#[test]
fn many_wait_at_once() {
    let Some((server, channel)) = on_server(|options| options) else { return };
    child(|| {
        let ours = Channel::connect(&server.address("jobs")).unwrap();
        let mut jobs: Vec<_> = (0..30).map(|_| ByHand::new(ours.recv_async::<Job>())).collect();
        let mut urgent = ByHand::new(ours.claim_async::<Urgent>());
        until(|| {
            jobs.iter_mut().for_each(ByHand::until_waiting);
            urgent.until_waiting();
            (threads_named("redis futures"), threads_named("redis events")) == (1, 1)
        });
        let other = Channel::connect(&server.address("jobs")).unwrap();
        other.send(&Urgent(7)).unwrap();
        assert_eq!(urgent.finish().unwrap().done().unwrap(), Urgent(7));
        (0..30).for_each(|job| other.send(&Job(job)).unwrap());
        let mut found: Vec<u64> = jobs.into_iter().map(|job| job.finish().unwrap().0).collect();
        found.sort_unstable();
        assert_eq!(found, (0..30).collect::<Vec<_>>());
        until(|| ours.depth().unwrap().messages == 0);
        // They end with the handle.
        drop(ours);
        until(|| threads_named("redis futures") + threads_named("redis events") == 0);
    })
    .join();
    assert_unused(&channel);
}

/// Counts, and panics.
#[derive(Default)]
struct Panics(AtomicU32);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        panic!("a waker that panics, for the test");
    }
}

/// Neither thread of the library ends by it, and the other futures go on.
#[test]
fn a_waker_that_panics() {
    let Some((server, channel)) = on_server(|options| options) else { return };
    child(|| {
        let ours = Channel::connect(&server.address("jobs")).unwrap();
        let panics = Arc::new(Panics::default());
        let waker = Waker::from(Arc::clone(&panics));
        let mut context = Context::from_waker(&waker);
        let mut future = Box::pin(ours.recv_async::<Urgent>());
        let mut other = ByHand::new(ours.recv_async::<Job>());
        // The first call is the clerk's, and one of the next is the listener's.
        for number in 1..=3 {
            assert!(future.as_mut().poll(&mut context).is_pending());
            other.until_waiting();
            if number > 1 {
                Channel::connect(&server.address("jobs")).unwrap().send_raw(Route::new(99), b"for no future").unwrap();
            }
            until(|| panics.0.load(SeqCst) >= number);
        }
        let sender = Channel::connect(&server.address("jobs")).unwrap();
        sender.send(&Job(1)).unwrap();
        assert_eq!(other.finish().unwrap(), Job(1));
        // A thread that has just begun has the name of the one that started it.
        until(|| (threads_named("redis futures"), threads_named("redis events")) == (1, 1));
        drop(future);
        // They end with the handle, as always.
        drop(ours);
        until(|| threads_named("redis futures") + threads_named("redis events") == 0);
    })
    .join();
    while channel.try_recv_raw(Route::new(99)).is_ok() {}
    until_unused(&channel);
}

/// Messages come one by one, just when a future looks or waits.
#[test]
fn no_wake_up_is_lost() {
    const MESSAGES: u64 = 300;
    let Some((server, channel)) = on_server(|options| options.capacity(2)) else { return };
    let (receiver, mut late) = (Channel::connect(&server.address("jobs")).unwrap(), 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for number in 0..MESSAGES {
                    channel.send_async(&Job(number)).await.unwrap();
                    if number % 3 == 0 {
                        thread::sleep(Duration::from_micros(fastrand::u64(..900)));
                    }
                }
            });
        });
        block_on(async {
            for number in 0..MESSAGES {
                let begun = Instant::now();
                assert_eq!(receiver.recv_async::<Job>().await.unwrap(), Job(number));
                late += u64::from(begun.elapsed() > Duration::from_millis(1500));
            }
        });
    });
    // After a lost wake-up it looks by itself, two seconds later. A busy machine is as late a few times.
    assert!(late < MESSAGES / 10, "{late} of {MESSAGES} came late");
    until_unused(&channel);
}

#[test]
fn waits_that_end_otherwise() {
    let Some((server, channel)) = on_server(|options| options.capacity(1)) else { return };
    let open = || Channel::connect(&server.address("jobs")).unwrap();
    // Stopped.
    let (stoppable, stop) = open().stoppable();
    let mut future = ByHand::new(stoppable.recv_async::<Job>());
    future.until_waiting();
    stop.stop().unwrap();
    assert!(matches!(future.finish(), Err(RecvError::Stopped)));
    // A message that is delayed comes by its time, and one that waits for room is sent when there is some.
    let (receiver, sender) = (open(), open());
    let mut future = ByHand::new(receiver.recv_async::<Job>());
    future.until_waiting();
    channel.send_with(&Job(1), sysv_primitives::Delivery::new().delay(3 * SHORT)).unwrap();
    assert_eq!(future.finish().unwrap(), Job(1));
    until(|| channel.depth().unwrap().messages == 0);
    channel.send(&Job(2)).unwrap();
    let (third, fourth) = (Job(3), Job(4));
    let mut sending = ByHand::new(sender.send_async(&third));
    sending.until_waiting();
    let mut dropped = ByHand::new(sender.send_async(&fourth));
    dropped.until_waiting();
    drop(dropped);
    assert_eq!(channel.recv::<Job>().unwrap(), Job(2));
    sending.finish().unwrap();
    assert_eq!(channel.recv::<Job>().unwrap(), Job(3));
    assert!(matches!(channel.try_recv::<Job>(), Err(RecvError::Empty)));
    // Closed.
    channel.send(&Job(5)).unwrap();
    let mut receiving = ByHand::new(receiver.recv_async::<Urgent>());
    let sixth = Job(6);
    let mut sending = ByHand::new(sender.send_async(&sixth));
    receiving.until_waiting();
    sending.until_waiting();
    channel.close().unwrap();
    assert!(matches!(receiving.finish(), Err(RecvError::Closed { .. })));
    assert!(matches!(sending.finish(), Err(SendError::Closed { .. })));
    assert_eq!(block_on(receiver.recv_async::<Job>()).unwrap(), Job(5));
    // Removed.
    until(|| channel.depth().unwrap().messages == 0);
    channel.remove().unwrap();
    assert!(block_on(receiver.recv_async::<Job>()).unwrap_err().is_gone());
    assert!(block_on(sender.call_async(&Square(1))).unwrap_err().is_gone());
}

/// Futures go on after a restart, and a connection that breaks at any step costs time alone.
#[test]
fn servers_and_connections_that_break() {
    let Some((mut server, channel)) = on_server(|options| options) else { return };
    let ours = Channel::connect(&server.address("jobs")).unwrap();
    let mut job = ByHand::new(ours.recv_async::<Job>());
    job.until_waiting();
    let mut call = ByHand::new(ours.call_async(&Square(4)));
    until(|| {
        assert!(call.poll().is_pending());
        channel.depth().unwrap().calls == 1
    });
    server.kill();
    server.restart();
    let request = channel.recv_request_timeout::<Square>(LONG).unwrap();
    request.respond(&16).unwrap();
    assert_eq!(call.finish().unwrap(), 16);
    channel.send(&Job(1)).unwrap();
    assert_eq!(job.finish().unwrap(), Job(1));
    drop(ours);

    let proxy = Proxy::to(server.port);
    let ours = Channel::connect(&proxy.address("jobs")).unwrap();
    for (number, after) in (2..).zip((0..8).flat_map(|after| [after, after])) {
        if number % 2 == 0 {
            proxy.cut_answer(after);
        } else {
            proxy.cut_request(after);
        }
        block_on(async {
            ours.send_async(&Job(number)).await.unwrap();
            let claimed = ours.claim_async::<Job>().await.unwrap();
            assert_eq!((claimed.0, claimed.attempt()), (number, 1));
            claimed.done().unwrap();
            ours.send_async(&Job(number)).await.unwrap();
            assert_eq!(ours.recv_async::<Job>().await.unwrap(), Job(number));
        });
        until(|| channel.depth().unwrap().messages == 0);
    }
    assert_unused(&channel);
}

/// What was received, and not ended by then, comes again if the process dies. Nothing is lost.
#[test]
fn a_process_that_dies() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::options().lease(LEASE).connect(&server.address("jobs")).unwrap();
    channel.send(&Job(1)).unwrap();
    let dies = child(|| {
        let ours = Channel::connect(&server.address("jobs")).unwrap();
        let mut future = ByHand::new(ours.recv_async::<Job>());
        assert!(future.poll().is_pending());
        support::hold_for_ever();
    });
    until(|| channel.depth().unwrap().claimed == 1);
    dies.kill();
    assert_eq!(channel.recv_timeout::<Job>(LONG).unwrap(), Job(1));
}

#[test]
fn streams_and_sinks() {
    let Some((server, channel)) = on_server(|options| options) else { return };
    let ours = Channel::connect(&server.address("jobs")).unwrap();
    let mut sink = ours.sink::<Job>();
    block_on(async {
        for number in 0..5 {
            poll_fn(|context| Pin::new(&mut sink).poll_ready(context)).await.unwrap();
            Pin::new(&mut sink).start_send(Job(number)).unwrap();
        }
        poll_fn(|context| Pin::new(&mut sink).poll_flush(context)).await.unwrap();
    });
    assert_eq!(channel.depth().unwrap().messages, 5);
    channel.close().unwrap();
    let mut stream = ours.stream::<Job>();
    let mut found = Vec::new();
    while let Some(job) = block_on(poll_fn(|context| Pin::new(&mut stream).poll_next(context))) {
        found.push(job.unwrap().0);
    }
    assert_eq!(found, [0, 1, 2, 3, 4]);
    until_unused(&channel);
}

/// In a child made by `fork` a future of its parent's fails, and drops nothing of its parent's.
#[test]
fn a_child_made_by_fork() {
    let Some((_server, channel)) = on_server(|options| options) else { return };
    let mut waiting = ByHand::new(channel.recv_async::<Job>());
    waiting.until_waiting();
    let mut waiting = Some(waiting);
    alone(|| {
        let mut waiting = waiting.take().unwrap();
        let Poll::Ready(Err(RecvError::Failed(Failure::Inherited { .. }))) = waiting.poll() else {
            panic!("it is the parent's")
        };
        drop(waiting);
        assert!(block_on(channel.send_async(&Job(9))).is_err());
    });
    channel.send(&Job(1)).unwrap();
    assert_eq!(waiting.take().unwrap().finish().unwrap(), Job(1));
}

/// A system that gives no thread is said so, and not waited for.
#[test]
fn refused_threads() {
    let Some((server, _channel)) = on_server(|options| options) else { return };
    alone(|| {
        let ours = Channel::connect(&server.address("jobs")).unwrap();
        forbid(&[libc::SYS_clone, libc::SYS_clone3]);
        let RecvError::Failed(Failure::NoThread { .. }) = block_on(ours.recv_async::<Job>()).unwrap_err() else {
            panic!("there is no thread")
        };
    });
}
