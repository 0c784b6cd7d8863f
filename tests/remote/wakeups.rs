//! One message wakes one receiver (the rules WK1 to WK6 of `remote/waiting.rs`).

use std::{sync::mpsc, thread, time::Instant};

use nix::sys::signal::Signal::{self, SIGKILL, SIGSTOP};
use support::{LONG, child, until, within};
use sysv_primitives::Channel;

use crate::{
    conformance::Job,
    server::{Server, is_installed},
};

const RECEIVERS: usize = 16;
const MESSAGES: u64 = 30;

fn announced(server: &Server) -> usize {
    let number = server.command("ZCARD sysv:{jobs}:waiting");
    number.trim_start_matches(':').parse().unwrap()
}

/// Asserts that a receiver gets its message. Otherwise the channel is closed, so the test ends.
#[track_caller]
fn assert_ends<T>(receiver: &thread::ScopedJoinHandle<'_, T>, channel: &Channel) {
    let ends = within(LONG, || receiver.is_finished());
    if !ends {
        channel.close().unwrap();
    }
    assert!(ends, "the message is stranded");
}

/// Sixteen receivers are idle. Each message has one notice, and few scripts are run in vain.
#[test]
fn one_message_wakes_one_receiver() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    let other = Channel::connect(&server.address("jobs")).unwrap();
    let (taken, from_receivers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..RECEIVERS {
            let (other, taken) = (&other, taken.clone());
            scope.spawn(move || {
                while let Ok(claimed) = other.claim::<Job>() {
                    let number = claimed.0;
                    claimed.done().unwrap();
                    taken.send(number).unwrap();
                }
            });
        }
        until(|| announced(&server) == RECEIVERS);
        server.command("CONFIG RESETSTAT");
        let begun = Instant::now();
        for number in 0..MESSAGES {
            channel.send(&Job(number)).unwrap();
            assert_eq!(from_receivers.recv().unwrap(), number);
            until(|| announced(&server) == RECEIVERS);
        }
        let time = begun.elapsed();
        let (notices, scripts) = (server.calls_of("xadd"), server.calls_of("evalsha"));
        channel.close().unwrap();
        println!("{MESSAGES} messages, {RECEIVERS} receivers, {time:?}: {}", server.counted());
        // A receiver whose announcement has just ended looks by itself.
        assert!(notices <= MESSAGES, "{notices} notices");
        // A message is sent, taken and done, and its receiver looks again. Each receiver looks by itself every two seconds.
        let by_themselves = RECEIVERS as u64 * (time.as_secs() / 2 + 1);
        assert!(scripts <= 4 * MESSAGES + by_themselves, "{scripts} scripts in {time:?}");
    });
}

/// A receiver that had the notice does not answer it any more. Another one takes the message, when it looks by itself.
fn the_notified_one_does_not_look(signal: Signal) {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    let other = Channel::connect(&server.address("jobs")).unwrap();
    let was_stranded = (0..10).any(|number| {
        thread::scope(|scope| {
            let receiver = scope.spawn(|| other.recv::<Job>().unwrap());
            until(|| announced(&server) == 1);
            // It has looked last, so it is the one that is notified.
            let last = child(|| {
                let _ = Channel::connect(&server.address("jobs")).unwrap().recv::<Job>();
            });
            until(|| announced(&server) == 2);
            last.signal(signal);
            channel.send(&Job(number)).unwrap();
            // Unless the other one has looked by itself in between.
            let is_stranded = announced(&server) == 1 && !receiver.is_finished();
            assert_ends(&receiver, &channel);
            assert_eq!(receiver.join().unwrap(), Job(number));
            last.kill();
            server.command("DEL sysv:{jobs}:waiting");
            is_stranded
        })
    });
    assert!(was_stranded, "the other receiver was notified each time");
}

#[test]
fn the_notified_one_was_killed() {
    the_notified_one_does_not_look(SIGKILL);
}

#[test]
fn the_notified_one_was_stopped() {
    the_notified_one_does_not_look(SIGSTOP);
}

/// A receiver waits in a thread, and a future of the channel after it, so the future is notified of a message. What it does then notifies
/// the receiver, before that one looks by itself.
#[cfg(feature = "async")]
fn the_notice_is_passed_on<F: Future>(
    wait: impl Fn(Channel) -> F,
    act: impl Fn(&Channel, u64, crate::by_hand::ByHand<F>),
) {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    let other = Channel::connect(&server.address("jobs")).unwrap();
    let is_passed_on = (0..10).any(|number| {
        thread::scope(|scope| {
            let receiver = scope.spawn(|| other.recv::<Job>().unwrap());
            until(|| announced(&server) == 1);
            let mut future = crate::by_hand::ByHand::new(wait(channel.clone()));
            until(|| {
                assert!(future.poll().is_pending());
                announced(&server) == 2
            });
            server.command("CONFIG RESETSTAT");
            other.send(&Job(number)).unwrap();
            act(&other, number, future);
            assert_ends(&receiver, &channel);
            assert_eq!(receiver.join().unwrap(), Job(number));
            // The notice of the future, and that of the receiver. One that has looked by itself meanwhile had none.
            server.calls_of("xadd") == 2
        })
    });
    assert!(is_passed_on, "the receiver has looked by itself each time");
}

#[cfg(feature = "async")]
#[test]
fn a_dropped_future_passes_its_notice_on() {
    the_notice_is_passed_on(|channel| async move { channel.recv_async::<Job>().await }, |_, _, future| drop(future));
}

/// The notice was for one route, and the future takes a message of another.
#[cfg(feature = "async")]
#[test]
fn a_notice_of_another_route_is_passed_on() {
    use sysv_primitives::Message;

    use crate::conformance::Urgent;

    the_notice_is_passed_on(
        |channel| async move { channel.recv_lowest_async(Job::ROUTE).await },
        |other, number, future| {
            other.send(&Urgent(number)).unwrap();
            if future.finish().unwrap().route() != Urgent::ROUTE {
                // It has looked by itself between the two.
                assert_eq!(other.recv::<Urgent>().unwrap(), Urgent(number));
                other.send(&Job(number)).unwrap();
            }
        },
    );
}

#[test]
fn all_are_notified_of_the_close() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    let other = Channel::connect(&server.address("jobs")).unwrap();
    thread::scope(|scope| {
        let receivers = [(); 4].map(|()| scope.spawn(|| other.recv::<Job>().is_err()));
        until(|| announced(&server) == receivers.len());
        server.command("CONFIG RESETSTAT");
        channel.close().unwrap();
        // And an event for senders that wait.
        assert_eq!(server.calls_of("xadd"), receivers.len() as u64 + 1);
        receivers.into_iter().for_each(|receiver| assert!(receiver.join().unwrap(), "it is closed"));
    });
}
