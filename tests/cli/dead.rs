//! `sysv dead`.

use support::name;
use sysv_primitives::{Channel, Route};

use crate::tool::{json, sysv};

const ROUTE: Route = Route::new(4);

fn with_dead(name: &str, contents: &[&[u8]]) -> Channel {
    let channel = Channel::options().attempts(1).create(name).unwrap();
    for content in contents {
        channel.send_raw(ROUTE, content).unwrap();
        drop(channel.claim_any().unwrap());
    }
    channel
}

fn ids(name: &str) -> Vec<String> {
    let page = json(&["dead", name]);
    page["messages"].as_array().unwrap().iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

/// They are listed and shown, text as text and bytes as a dump, with their attempts.
#[test]
fn listed_and_shown() {
    let name = name();
    let _channel = with_dead(&name, &[b"a text", b"\x00\x01\xff"]);
    let page = json(&["dead", &name]);
    let messages = page["messages"].as_array().unwrap();
    assert_eq!((&messages[0]["text"], &messages[0]["route"]), (&"a text".into(), &4.into()));
    assert_eq!((&messages[1]["text"], &messages[1]["hex"]), (&serde_json::Value::Null, &"0001ff".into()));
    assert!(messages[0]["attempts"][0].as_str().unwrap().contains("requeued it"));
    let ids = ids(&name);
    sysv(&["dead", &name]).ended(0).says(&ids[0]).says("a text").says("0001ff");
    sysv(&["dead", &name, "--show", &ids[0]]).ended(0).says("a text").says("attempt 1");
    sysv(&["dead", &name, "--show", &ids[1]]).ended(0).says("00 01 ff").says("|...|");
    assert_eq!(json(&["dead", &name, "--show", &ids[0]])["message"]["id"], ids[0].as_str());
}

/// One is retried and one dropped. An id that is gone is refused.
#[test]
fn retried_and_dropped() {
    let name = name();
    let channel = with_dead(&name, &[b"again", b"never", b"rest"]);
    let ids = ids(&name);
    sysv(&["dead", &name, "--retry", &ids[0]]).ended(0).says("1 message is retried");
    assert_eq!(channel.try_recv_raw(ROUTE).unwrap(), b"again");
    assert_eq!(json(&["dead", &name, "--drop", &ids[1]])["messages"], 1);
    let left = channel.set_aside().unwrap();
    assert_eq!((left.len(), left[0].bytes()), (1, &b"rest"[..]));
    sysv(&["dead", &name, "--drop", &ids[1]]).ended(3);
    sysv(&["dead", &name, "--drop-all"]).ended(0);
    sysv(&["dead", &name]).ended(0).says("No message");
    sysv(&["dead", &name, "--retry-all", "--drop-all"]).ended(2);
}

/// What a terminal would obey is shown, and not sent.
#[test]
fn a_hostile_content_is_harmless() {
    let name = name();
    let _channel = with_dead(&name, &[b"\x1b[2J\x1b]0;owned\x07"]);
    for arguments in [&["dead", &name][..], &["dead", &name, "--show", &ids(&name)[0]]] {
        assert!(!sysv(arguments).ended(0).out.contains(['\x1b', '\x07']));
    }
}
