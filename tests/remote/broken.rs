//! Servers that die, connections that break, scripts that are lost: what was promised holds, when the server is back.

use std::{sync::mpsc, thread, time::Duration};

use support::{LONG, SHORT, alone, forbid, until};
use sysv_primitives::{Channel, Failure, RecvError, SendError};

use crate::{
    conformance::{Job, LEASE, Square, Urgent},
    proxy::Proxy,
    server::{Server, is_installed},
};

/// The complaint about others: a worker is up and silent after its server was restarted.
#[test]
fn receivers_go_on_after_a_restart() {
    if !is_installed() {
        return;
    }
    let mut server = Server::start();
    let address = server.address("jobs");
    // With a lease that the server's absence does not end, however slow this machine is.
    let channel = Channel::options().lease(LONG).connect(&address).unwrap();
    channel.send(&Job(0)).unwrap();
    let claimed = channel.claim::<Job>().unwrap();
    channel.send(&Job(1)).unwrap();
    let [one, two] = [(); 2].map(|()| Channel::connect(&address).unwrap());
    thread::scope(|scope| {
        let receiver = scope.spawn(|| one.recv::<Urgent>().unwrap());
        let caller = scope.spawn(|| two.call(&Square(5)).unwrap());
        until(|| channel.depth().unwrap().calls == 1);
        for round in 0..2 {
            server.kill();
            // While it is away, what waits for nothing says so.
            if round == 0 {
                assert!(matches!(channel.try_recv::<Job>(), Err(RecvError::Failed(Failure::Unreachable { .. }))));
                assert!(matches!(channel.try_send(&Job(7)), Err(SendError::Failed(_) | SendError::MaybeSent { .. })));
            }
            thread::sleep(SHORT);
            server.restart();
        }
        // Written to disk: both jobs, the request, and the claim, which is this process's still.
        let request = channel.recv_request_timeout::<Square>(LONG).unwrap();
        let square = request.0 * request.0;
        request.respond(&square).unwrap();
        assert_eq!(caller.join().unwrap(), 25);
        channel.send(&Urgent(9)).unwrap();
        assert_eq!(receiver.join().unwrap(), Urgent(9));
    });
    claimed.done().unwrap();
    assert_eq!(channel.recv::<Job>().unwrap(), Job(1));
}

/// The answer of each step of each operation is lost once. Each has happened once all the same.
#[test]
fn a_cut_at_each_step_costs_nothing() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::to(server.port);
    let direct = Channel::options().lease(LEASE * 10).connect(&server.address("jobs")).unwrap();
    let channel = Channel::connect(&proxy.address("jobs")).unwrap();
    // With its scripts loaded.
    channel.send(&Job(0)).unwrap();
    channel.claim::<Job>().unwrap().done().unwrap();
    // The first one, the second one and so on of what goes over the connections: each operation is cut at its request, and at its
    // answer, which the server has given then.
    for (job, after) in (1..).zip((0..9).flat_map(|after| [after, after])) {
        let cuts = proxy.cuts();
        if job % 2 == 0 {
            proxy.cut_answer(after)
        } else {
            proxy.cut_request(after)
        }
        channel.send(&Job(job)).unwrap();
        let claimed = channel.claim::<Job>().unwrap();
        assert_eq!((claimed.0, claimed.attempt()), (job, 1));
        claimed.requeue().unwrap();
        let claimed = channel.claim::<Job>().unwrap();
        assert_eq!((claimed.0, claimed.attempt()), (job, 2));
        claimed.done().unwrap();
        direct.send(&Job(job)).unwrap();
        assert_eq!(channel.recv::<Job>().unwrap(), Job(job));
        assert_eq!(channel.depth().unwrap().messages, 0, "none is left, and none is there twice");
        let pending = channel.request(&Square(3)).unwrap();
        let request = channel.recv_request_timeout::<Square>(LONG).unwrap();
        request.respond(&9).unwrap();
        assert_eq!(pending.wait().unwrap(), 9);
        assert!(proxy.cuts() > cuts, "nothing was cut");
        assert!(matches!(direct.try_recv_any(), Err(RecvError::Empty)));
        let depth = direct.depth().unwrap();
        assert_eq!((depth.messages, depth.calls, depth.claimed), (0, 0, 0));
    }
}

/// The network is away for a while, under receivers, a sender and a claim.
#[test]
fn a_network_that_comes_back() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::to(server.port);
    let direct = Channel::options().capacity(1).connect(&server.address("jobs")).unwrap();
    let channel = Channel::connect(&proxy.address("jobs")).unwrap();
    let (received, receiving) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| received.send(channel.recv::<Urgent>().unwrap()).unwrap());
        direct.send(&Job(1)).unwrap();
        let sender = scope.spawn(|| channel.send(&Job(2)).unwrap());
        thread::sleep(SHORT);
        proxy.refuse(true);
        assert!(matches!(channel.recv_timeout::<Job>(3 * SHORT), Err(RecvError::Failed(Failure::Unreachable { .. }))));
        assert_eq!(direct.recv::<Job>().unwrap(), Job(1));
        proxy.refuse(false);
        sender.join().unwrap();
        assert_eq!(direct.recv::<Job>().unwrap(), Job(2));
        direct.send(&Urgent(3)).unwrap();
        assert_eq!(receiving.recv_timeout(LONG).unwrap(), Urgent(3));
    });
}

#[test]
fn lost_scripts_are_loaded_again() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    for job in 0..3 {
        server.command("SCRIPT FLUSH");
        channel.send(&Job(job)).unwrap();
        server.command("SCRIPT FLUSH");
        let claimed = channel.claim::<Job>().unwrap();
        server.command("SCRIPT FLUSH");
        assert_eq!(claimed.done().unwrap(), Job(job));
    }
}

/// An event is written for processes that wait, and for them alone. Without it they would look again after two seconds, so no test
/// of waiting fails.
#[test]
fn events_are_for_those_that_wait() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::options().capacity(1).connect(&server.address("jobs")).unwrap();
    let other = Channel::connect(&server.address("jobs")).unwrap();
    channel.send(&Job(0)).unwrap();
    assert_eq!(channel.recv::<Job>().unwrap(), Job(0));
    assert_eq!(server.command("EXISTS sysv:{jobs}:waiting sysv:{jobs}:room"), ":0");
    let waits = |flag: &str| server.command(&format!("HEXISTS sysv:{{jobs}}:s {flag}")) == ":1";
    thread::scope(|scope| {
        let receiver = scope.spawn(|| other.recv::<Job>().unwrap());
        until(|| waits("mw"));
        channel.send(&Job(1)).unwrap();
        assert_eq!(server.command("ZCARD sysv:{jobs}:waiting"), ":0");
        assert_eq!(receiver.join().unwrap(), Job(1));
        channel.send(&Job(2)).unwrap();
        let sender = scope.spawn(|| other.send(&Job(3)).unwrap());
        until(|| waits("rw"));
        assert_eq!(channel.recv::<Job>().unwrap(), Job(2));
        assert_eq!(server.command("XLEN sysv:{jobs}:room"), ":1");
        sender.join().unwrap();
    });
}

/// A slow server makes nothing happen twice.
#[test]
fn a_slow_server() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::to(server.port);
    let channel = Channel::options().open_timeout(LONG).connect(&proxy.address("jobs")).unwrap();
    proxy.delay(Duration::from_millis(120));
    channel.send(&Job(1)).unwrap();
    assert!(matches!(channel.recv_timeout::<Urgent>(SHORT), Err(RecvError::TimedOut)));
    let claimed = channel.claim::<Job>().unwrap();
    assert_eq!(claimed.attempt(), 1);
    claimed.done().unwrap();
    assert_eq!(channel.depth().unwrap().messages, 0);
}

/// A server that was not started.
#[test]
fn nothing_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("redis://127.0.0.1:{free}/jobs");
    let error = Channel::options().open_timeout(SHORT).connect(&address).unwrap_err();
    assert!(matches!(error, sysv_primitives::OpenError::Failed(Failure::Unreachable { .. })), "{error}");
}

/// A call needs threads that keep it alive and read its response. Without them its caller would wait for ever.
#[test]
fn a_call_without_its_threads_is_refused() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    alone(|| {
        let channel = Channel::connect(&server.address("jobs")).unwrap();
        forbid(&[libc::SYS_clone, libc::SYS_clone3]);
        let refused = channel.call_timeout(&Square(5), LONG).unwrap_err().to_string();
        assert!(refused.contains("no thread could be started"), "{refused}");
        assert_eq!(channel.depth().unwrap().calls, 0, "nothing was sent");
        channel.send(&Job(1)).unwrap();
        // A claim only loses its lease sooner.
        channel.claim::<Job>().unwrap().done().unwrap();
    });
}
