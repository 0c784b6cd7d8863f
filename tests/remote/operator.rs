//! What an operator sees of channels on a server, and does to them: the tool `sysv`, and `inspect`.

use std::time::Duration;

use serde_json::Value;
use support::{LONG, child, hold_for_ever, until};
use sysv_primitives::{Channel, OpenError, RecvError, Route, inspect};

use crate::{
    conformance::{Job, LEASE, Square},
    server::{Server, is_installed},
    tool::{json, object, sysv},
};

const PASSWORD: &str = "open-sesame";

fn locked_server() -> Server {
    Server::with(&["--appendonly", "yes", "--requirepass", PASSWORD])
}

/// The address of a channel, or with an empty name of the server.
fn address(server: &Server, name: &str) -> String {
    format!("redis://:{PASSWORD}@127.0.0.1:{}/{name}", server.port)
}

/// The same as the tool shows it.
fn shown(server: &Server, name: &str) -> String {
    format!("redis://127.0.0.1:{}/{name}", server.port)
}

fn names(page: &Value) -> Vec<&str> {
    page["objects"].as_array().unwrap().iter().map(|object| object["name"].as_str().unwrap()).collect()
}

/// All channels are listed, and no other key. A show has messages by route, claims with their processes, and calls.
#[test]
fn listed_and_shown() {
    if !is_installed() {
        return;
    }
    let server = locked_server();
    let server_address = address(&server, "");
    assert!(names(&json(&["list", &server_address])).is_empty());
    sysv(&["list", &server_address]).ended(0).says("on this server");
    let jobs = Channel::options().attempts(3).connect(&address(&server, "jobs")).unwrap();
    Channel::connect(&address(&server, "a%2Fb%25")).unwrap();
    Channel::connect(&address(&server, "5/other")).unwrap();
    (0..3).for_each(|job| jobs.send(&Job(job)).unwrap());
    jobs.send_raw(Route::new(9), b"raw").unwrap();
    let worker = child(|| {
        let channel = Channel::connect(&address(&server, "jobs")).unwrap();
        let _claimed = channel.claim::<Job>().unwrap();
        let _ = channel.call(&Square(1));
        hold_for_ever();
    });
    until(|| jobs.depth().unwrap().calls == 1);
    let page = json(&["list", &server_address]);
    assert_eq!(names(&page), [shown(&server, "a%2Fb%25"), shown(&server, "jobs")]);
    // Each name that is listed can be shown.
    sysv(&["show", &address(&server, "a%2Fb%25")]).ended(0).says("idle");
    assert_eq!(names(&json(&["list", &address(&server, "5/")])), [shown(&server, "5/other")]);

    let page = json(&["show", &address(&server, "jobs")]);
    let report = object(&page);
    let pid = Value::from(worker.id());
    assert_eq!((&report["kind"], &report["state"]), (&"channel".into(), &"live".into()));
    let routes: Vec<_> =
        report["routes"].as_array().unwrap().iter().map(|it| (&it["route"], &it["messages"], &it["bytes"])).collect();
    assert_eq!(routes[0], (&2.into(), &2.into(), &16.into()));
    assert_eq!(routes[2], (&9.into(), &1.into(), &3.into()));
    let job = &report["jobs"][0];
    assert_eq!((&job["pid"], &job["route"], &job["attempt"]), (&pid, &2.into(), &1.into()));
    assert!(job["age_seconds"].as_f64().unwrap() < LONG.as_secs_f64() && job["is_claim"] == true, "{job}");
    assert_eq!((&report["members"][0]["pid"], &report["members"][0]["is_alive"]), (&pid, &true.into()));
    assert!(report["members"][0]["host"].is_string(), "{report}");
    let holds: Vec<_> = report["holders"].as_array().unwrap().iter().map(|it| &it["what"]).collect();
    assert_eq!(holds, ["claim", "call"]);
    assert_eq!((&report["options"]["attempts"], &report["counters"]["claims"]), (&3.into(), &1.into()));
    assert!(report["created"].as_u64().is_some_and(|made| made > 1_700_000_000), "{report}");
    let ran = sysv(&["show", &address(&server, "jobs")]).ended(0).says("Messages in hand").says("lease_ms 10,000");
    assert!(!ran.out.contains("sesame") && !ran.out.contains("key "), "{}", ran.out);
}

/// A look changes nothing: also not what the next operation of a process would change.
#[test]
fn a_look_disturbs_nothing() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    let channel = Channel::options().lease(Duration::from_millis(500)).connect(&server.address("jobs")).unwrap();
    channel.send(&Job(1)).unwrap();
    let worker = child(|| {
        let _claimed = Channel::connect(&server.address("jobs")).unwrap().claim::<Job>().unwrap();
        hold_for_ever();
    });
    let look = || inspect::on_server(&server.address("jobs")).unwrap().remove(0);
    until(|| look().jobs.len() == 1);
    let pid = worker.id();
    worker.kill();
    until(|| look().members.is_empty());
    let report = look();
    assert_eq!((report.dead[0].pid, report.jobs[0].is_alive), (pid, false));
    assert!(report.findings.iter().any(|finding| finding.code == "lapsed"), "{report:?}");
    assert_eq!(report.jobs[0].attempt, 1);
    sysv(&["show", &server.address("jobs")]).ended(0).says("dead");
    // Only now it goes back.
    assert_eq!(channel.claim::<Job>().unwrap().attempt(), 2);
}

/// Messages that are set aside are listed, shown, retried and dropped as in memory.
#[test]
fn set_aside() {
    if !is_installed() {
        return;
    }
    let server = locked_server();
    let channel = Channel::options().attempts(1).connect(&address(&server, "jobs")).unwrap();
    for content in [&b"again"[..], b"never", b"rest"] {
        channel.send_raw(Route::new(4), content).unwrap();
        drop(channel.claim_any().unwrap());
    }
    let at = &address(&server, "jobs")[..];
    let page = json(&["dead", at]);
    let messages = page["messages"].as_array().unwrap();
    let ids: Vec<&str> = messages.iter().map(|message| message["id"].as_str().unwrap()).collect();
    assert_eq!((&messages[0]["text"], &messages[0]["route"]), (&"again".into(), &4.into()));
    assert!(messages[0]["attempts"][0].as_str().unwrap().contains("requeued it"), "{page}");
    sysv(&["dead", at, "--show", ids[1]]).ended(0).says("never").says("attempt 1");
    sysv(&["show", at]).ended(0).says("3 messages (see `sysv dead`)");
    sysv(&["dead", at, "--retry", ids[0]]).ended(0).says("1 message is retried");
    assert_eq!(channel.try_recv_raw(Route::new(4)).unwrap(), b"again");
    assert_eq!(json(&["dead", at, "--drop", ids[1]])["messages"], 1);
    sysv(&["dead", at, "--drop", ids[1]]).ended(3);
    sysv(&["dead", at, "--drop-all"]).ended(0);
    sysv(&["dead", at]).ended(0).says("No message");
}

/// A channel is closed and removed. While a claim lives it is removed by force alone.
#[test]
fn closed_and_removed() {
    if !is_installed() {
        return;
    }
    let server = locked_server();
    let at = &address(&server, "jobs")[..];
    let channel = Channel::options().lease(LEASE).connect(at).unwrap();
    channel.send(&Job(1)).unwrap();
    let claimed = channel.claim::<Job>().unwrap();
    let refused = sysv(&["remove", at]).ended(3);
    assert!(
        refused.err.contains("--force") && refused.err.contains(&std::process::id().to_string()),
        "{}",
        refused.err
    );
    claimed.done().unwrap();
    assert_eq!(json(&["close", at])["name"], shown(&server, "jobs"));
    assert!(matches!(channel.recv::<Job>(), Err(RecvError::Closed { .. })));
    assert_eq!(object(&json(&["show", at]))["options"]["closed"], true);
    assert_eq!(json(&["remove", at])["name"], shown(&server, "jobs"));
    assert!(matches!(Channel::open(at), Err(OpenError::NoSuchName { .. })));
    for command in ["show", "remove", "dead", "close"] {
        let ran = sysv(&[command, at]).ended(3);
        assert!(ran.err.contains("jobs") && !ran.err.contains("sesame"), "{}", ran.err);
    }
    // A look at a channel that is not there makes none.
    assert_eq!(server_keys(&server), 0);
}

fn server_keys(server: &Server) -> usize {
    inspect::on_server(&address(server, "")).unwrap().len()
}

/// Whatever is wrong, the password is not in what the tool prints.
#[test]
fn no_output_has_the_password() {
    if !is_installed() {
        return;
    }
    let server = locked_server();
    let wrong = format!("redis://me:{PASSWORD}-not@127.0.0.1:{}/jobs", server.port);
    let nowhere = format!("redis://me:{PASSWORD}@127.0.0.1:1/jobs");
    let no_port = format!("redis://me:{PASSWORD}@host:x/jobs");
    let right = address(&server, "jobs");
    for at in [&wrong, &nowhere, &no_port, &right] {
        for arguments in [
            &["list", at][..],
            &["show", at],
            &["dead", at],
            &["close", at],
            &["remove", at],
            &["show", "--json", at],
            // One argument too many, and one that is none.
            &["show", "one", at],
            &["list", "--kind", at],
            &["why", at],
            &["clean", at],
        ] {
            let ran = sysv(arguments);
            assert!(
                !ran.out.contains("sesame") && !ran.err.contains("sesame"),
                "{arguments:?}: {}{}",
                ran.out,
                ran.err
            );
        }
    }
    for at in [&wrong, &nowhere, &no_port] {
        assert!(!sysv(&["list", at]).ended(3).err.is_empty());
    }
}

/// A name that a terminal would obey is shown without that.
#[test]
fn a_hostile_name() {
    if !is_installed() {
        return;
    }
    let server = Server::start();
    Channel::connect(&server.address("a%1b[2Jb")).unwrap();
    for arguments in [&["list"][..], &["list", "--json"]] {
        let ran = sysv(&[arguments, &[&*server.address("")]].concat()).ended(0);
        assert!(ran.out.contains("[2Jb") && !ran.out.contains('\x1b'), "{}", ran.out);
    }
}

/// A server that is not fit for channels can be looked at, and the report says what is wrong.
#[test]
fn an_unfit_server() {
    if !is_installed() {
        return;
    }
    let server = Server::with(&["--appendonly", "no"]);
    Channel::connect(&format!("{}?volatile=true", server.address("jobs"))).unwrap();
    server.command("CONFIG SET maxmemory-policy allkeys-lru");
    sysv(&["show", &server.address("jobs")]).ended(0).says("WARNING").says("CONFIG SET maxmemory-policy noeviction");
    sysv(&["list", &server.address(""), "--check"]).ended(1);
}
