//! Servers that a channel is not connected to, and why. No text has the password.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use support::{LONG, until, within};
use sysv_primitives::{Channel, Failure, OpenError, inspect};

use crate::{
    conformance::{Job, Square},
    server::{Server, is_installed},
};

#[track_caller]
fn why_unfit(address: &str) -> String {
    match Channel::connect(address) {
        Err(OpenError::BadServer { why, .. }) => why,
        other => panic!("it should be refused: {other:?}"),
    }
}

#[track_caller]
fn why_refused(address: &str) -> String {
    match Channel::connect(address) {
        Err(error @ OpenError::Failed(Failure::Refused { .. })) => format!("{error} {error:?}"),
        other => panic!("it should be refused: {other:?}"),
    }
}

#[test]
fn settings_that_lose_messages_are_refused() {
    if !is_installed() {
        return;
    }
    let server = Server::with(&["--appendonly", "no"]);
    let refused = |address: &str| match Channel::connect(address) {
        Err(OpenError::BadServer { why, .. }) => why,
        other => panic!("it should be refused: {other:?}"),
    };
    assert!(refused(&server.address("a")).contains("CONFIG SET appendonly yes"));
    let volatile = format!("{}?volatile=true", server.address("a"));
    let channel = Channel::connect(&volatile).unwrap();
    channel.send(&Job(1)).unwrap();
    server.command("CONFIG SET appendonly yes");
    Channel::connect(&server.address("a")).unwrap();
    server.command("CONFIG SET maxmemory-policy allkeys-lru");
    assert!(refused(&volatile).contains("CONFIG SET maxmemory-policy noeviction"));
}

#[test]
fn no_error_has_the_password() {
    if !is_installed() {
        return;
    }
    let server = Server::with(&["--appendonly", "yes", "--requirepass", "open-sesame"]);
    let address = |password: &str| format!("redis://:{password}@127.0.0.1:{}/jobs", server.port);
    let channel = Channel::connect(&address("open-sesame")).unwrap();
    channel.send(&Job(1)).unwrap();
    let text = format!("{channel:?} {}", channel.recv_any().unwrap().decode::<Square>().unwrap_err());
    assert!(text.contains("127.0.0.1") && !text.contains("sesame"), "{text}");
    let error = Channel::connect(&address("close-sesame")).unwrap_err();
    assert!(matches!(error, OpenError::Failed(Failure::Refused { .. })), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
}

/// A user with few rights can do all that a channel does. One with fewer, or with another password, is refused.
#[test]
fn users_and_their_rights() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    // As the guide has it.
    server.command(
        "ACL SETUSER worker on >open-sesame resetkeys ~sysv:* +@read +@write +@scripting +@connection +info +time",
    );
    server.command("ACL SETUSER reader on >open-sesame resetkeys ~sysv:* +@read +@connection +info");
    server.command("ACL SETUSER other on >open-sesame resetkeys ~other:* +@all");
    let address = |user: &str, password: &str| format!("redis://{user}:{password}@127.0.0.1:{}/jobs", server.port);
    let channel = Channel::connect(&address("worker", "open-sesame")).unwrap();
    channel.send(&Job(1)).unwrap();
    channel.claim::<Job>().unwrap().requeue().unwrap();
    thread::scope(|scope| {
        let caller = scope.spawn(|| channel.call(&Square(3)).unwrap());
        let request = channel.recv_request_timeout::<Square>(LONG).unwrap();
        request.respond(&9).unwrap();
        assert_eq!(caller.join().unwrap(), 9);
    });
    assert_eq!(channel.depth().unwrap().messages, 1);
    assert_eq!(inspect::on_server(&address("worker", "open-sesame").replace("/jobs", "")).unwrap().len(), 1);
    for (user, password, what) in [
        ("worker", "close-sesame", "WRONGPASS"),
        ("stranger", "open-sesame", "WRONGPASS"),
        ("reader", "open-sesame", "NOPERM"),
        ("other", "open-sesame", "NOPERM"),
    ] {
        let why = why_refused(&address(user, password));
        assert!(why.to_uppercase().contains(what) || why.contains("assword"), "{user}: {why}");
        assert!(!why.contains("sesame"), "{why}");
    }
    channel.close().unwrap();
    channel.remove().unwrap();
}

/// A replica is no place for a channel, but can be looked at.
#[test]
fn a_replica() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let master = server.port.to_string();
    let replica = Server::with(&["--appendonly", "yes", "--replicaof", "127.0.0.1", &master]);
    let channel = Channel::connect(&server.address("jobs")).unwrap();
    channel.send(&Job(1)).unwrap();
    let _claimed = channel.claim::<Job>().unwrap();
    let why = why_unfit(&replica.address("jobs"));
    assert!(why.contains("replica") && why.contains("connect to its master"), "{why}");
    until(|| {
        let reports = inspect::on_server(&replica.address("jobs")).unwrap();
        reports.first().is_some_and(|report| report.jobs.len() == 1)
    });
    let report = inspect::on_server(&replica.address("")).unwrap().remove(0);
    assert!(report.findings.iter().any(|finding| finding.text.contains("replica")), "{report:?}");
}

/// Answers commands as a server would that says this of itself, until the test ends.
fn pretend(info: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://127.0.0.1:{}/jobs", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || answer(client.unwrap(), info));
        }
    });
    address
}

fn answer(mut client: TcpStream, info: &str) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    // A number behind a letter.
    let mut number = |reader: &mut BufReader<TcpStream>| {
        line.clear();
        reader.read_line(&mut line).ok()?;
        line.get(1..)?.trim_end().parse::<usize>().ok()
    };
    loop {
        let parts = number(&mut reader)?;
        let mut words = Vec::new();
        for _ in 0..parts {
            let mut word = vec![0; number(&mut reader)? + 2];
            reader.read_exact(&mut word).ok()?;
            words.push(String::from_utf8_lossy(&word).trim_end().to_uppercase());
        }
        let said = match words.first()?.as_str() {
            "INFO" => format!("${}\r\n{info}\r\n", info.len()),
            "EXISTS" => ":0\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        };
        client.write_all(said.as_bytes()).ok()?;
    }
}

/// The scripts need 7.0. A Valkey server says with which version of Redis it is compatible.
#[test]
fn an_old_server() {
    let info = "redis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\nrole:master\r\naof_enabled:1\r\n";
    let old = pretend(info);
    let why = why_unfit(&old);
    assert!(why.contains("6.2.14") && why.contains("7.0") && why.contains("Valkey"), "{why}");
    let Err(OpenError::BadServer { why, .. }) = inspect::on_server(&old) else { panic!("it can't be looked at") };
    assert!(why.contains("6.2.14"), "{why}");
    // One that says nothing of itself is none.
    assert!(why_unfit(&pretend("")).contains("version unknown"));
}

/// What does not speak the protocol, or says nothing at all, is not waited for without end.
#[test]
fn no_server_at_all() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in other.incoming() {
            let _ = client.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let options = Channel::options().open_timeout(Duration::from_millis(200));
    for port in [closed, port] {
        let address = format!("redis://me:open-sesame@127.0.0.1:{port}/jobs");
        let error = options.connect(&address).unwrap_err();
        assert!(matches!(error, OpenError::Failed(Failure::Unreachable { .. } | Failure::Refused { .. })), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(&port.to_string()) && !text.contains("sesame"), "{text}");
    }
    // It accepts connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://127.0.0.1:{}/jobs", silent.local_addr().unwrap().port());
    let asked = thread::spawn(move || options.connect(&address).map(drop));
    assert!(within(LONG, || asked.is_finished()));
    assert!(matches!(asked.join().unwrap(), Err(OpenError::Failed(Failure::Unreachable { .. }))));
}
