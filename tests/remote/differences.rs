//! What is otherwise on a server: leases, threads, options, and what it does not have.

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use support::{LONG, child, only_this_thread_handles_signals, threads_named, until};
use sysv_primitives::{Channel, Failure, OpenError, RecvError};

use crate::{
    conformance::{Job, LEASE, Square},
    server::{Server, is_installed},
};

/// A worker that was stopped for longer than its lease learns so, and its job is done once by another one.
#[test]
fn a_stopped_worker_has_lost_its_lease() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::options().lease(LEASE).connect(&server.address("jobs")).unwrap();
    channel.send(&Job(1)).unwrap();
    let worker = child(|| {
        let channel = Channel::connect(&server.address("jobs")).unwrap();
        let claimed = channel.claim::<Job>().unwrap();
        channel.send_raw(sysv_primitives::Route::new(8), b"claimed").unwrap();
        // Until the test has stopped and continued this process.
        assert_eq!(channel.recv_raw(sysv_primitives::Route::new(9)).unwrap(), b"go on");
        let error = claimed.done().unwrap_err();
        assert!(matches!(error, Failure::LeaseLost { .. }), "{error}");
    });
    // Not before the worker knows that it has the claim.
    assert_eq!(channel.recv_raw(sysv_primitives::Route::new(8)).unwrap(), b"claimed");
    worker.signal(SIGSTOP);
    let again = channel.claim::<Job>().unwrap();
    assert_eq!((again.0, again.attempt()), (1, 2));
    channel.send_raw(sysv_primitives::Route::new(9), b"go on").unwrap();
    worker.signal(SIGCONT);
    worker.join();
    // This claim of the same message is not ended by that one's token.
    again.done().unwrap();
    assert_eq!(channel.depth().unwrap().messages, 0);
}

/// A job may take longer than a lease.
#[test]
fn a_living_worker_keeps_its_claim() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::options().lease(LEASE).connect(&server.address("jobs")).unwrap();
    channel.send(&Job(1)).unwrap();
    let claimed = channel.claim::<Job>().unwrap();
    let other = Channel::connect(&server.address("jobs")).unwrap();
    assert!(matches!(other.claim_timeout::<Job>(2 * LEASE), Err(RecvError::TimedOut)));
    claimed.done().unwrap();
    assert_eq!(channel.depth().unwrap().messages, 0);
}

/// A handler of the program's runs in the program's own threads.
#[test]
fn no_thread_of_ours_runs_a_handler() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    child(|| {
        let channel = Channel::connect(&server.address("jobs")).unwrap();
        channel.send(&Job(1)).unwrap();
        let claimed = channel.claim::<Job>().unwrap();
        let pending = channel.request(&Square(1)).unwrap();
        until(|| threads_named("redis inbox") == 1 && threads_named("redis leases") == 1);
        only_this_thread_handles_signals();
        drop(pending);
        claimed.done().unwrap();
    })
    .join();
}

/// What a server does not have says so, and what to do.
#[test]
fn refused_operations_say_what_to_do() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let mut channel = Channel::connect(&server.address("jobs")).unwrap();
    let check = |failure: Failure| {
        let Failure::Unsupported { operation, instead, .. } = &failure else { panic!("{failure}") };
        assert!(!operation.is_empty() && !instead.is_empty());
    };
    check(channel.status().unwrap_err());
    check(channel.members().unwrap_err());
    check(channel.claims().unwrap_err());
    check(channel.senders::<Job>().unwrap_err());
    check(channel.receivers::<Job>().unwrap_err());
    check(channel.servers::<Square>().unwrap_err());
    check(channel.sender::<Job>().map(drop).unwrap_err());
    check(channel.receiver::<Job>().map(drop).unwrap_err());
    let RecvError::Failed(failure) = channel.detect_disconnect(true).try_recv::<Job>().unwrap_err() else { panic!() };
    check(failure);
    channel.detect_disconnect(false);
    let error = channel.require_server(true).request(&Square(1)).map(drop).unwrap_err();
    let sysv_primitives::SendError::Failed(failure) = error else { panic!("{error}") };
    check(failure);
}

#[test]
fn a_child_made_by_fork_connects_anew() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    channel.send(&Job(1)).unwrap();
    let mut claimed = Some(channel.claim::<Job>().unwrap());
    child(|| {
        assert!(matches!(channel.try_recv::<Job>(), Err(RecvError::Failed(Failure::Inherited { .. }))));
        assert!(matches!(channel.depth(), Err(Failure::Inherited { .. })));
        assert!(matches!(claimed.take().unwrap().done(), Err(Failure::Inherited { .. })));
        Channel::connect(&server.address("jobs")).unwrap().send(&Job(2)).unwrap();
    })
    .join();
    assert_eq!(channel.recv_timeout::<Job>(LONG).unwrap(), Job(2));
    claimed.take().unwrap().done().unwrap();
}

#[test]
fn options_are_those_of_the_first() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let address = server.address("jobs");
    let first = Channel::options().capacity(7).max_message_size(1000).connect(&address).unwrap();
    let second = Channel::connect(&address).unwrap();
    assert_eq!((second.max_message_size(), second.depth().unwrap().max_messages), (1000, 7));
    let error = Channel::options().capacity(8).max_message_size(1000).exact(true).connect(&address).unwrap_err();
    assert!(matches!(error, OpenError::OtherOptions { option: "capacity", found: 7, wanted: 8, .. }), "{error}");
    first.remove().unwrap();
    assert_eq!(Channel::connect(&address).unwrap().max_message_size(), 1 << 20);
    Channel::unlink(&address).unwrap();
}
