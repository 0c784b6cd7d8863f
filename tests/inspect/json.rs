//! What reports are in JSON: the names stay the same, numbers are numbers, and times are seconds.

use std::time::Duration;

use serde_json::{Value, to_value};
use support::name;
use sysv_primitives::{
    Channel, Mutex, Pool, Route, broadcast,
    inspect::{self, Clean},
};

use crate::report;

#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("it is an object").keys().map(String::as_str).collect()
}

#[test]
fn the_names_of_a_report_stay_the_same() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let guard = mutex.lock().unwrap();
    let json = to_value(report(&name)).unwrap();
    let expected = [
        "counters",
        "created",
        "dead",
        "fill",
        "findings",
        "holders",
        "jobs",
        "key",
        "kind",
        "last_used",
        "members",
        "name",
        "options",
        "queue",
        "routes",
        "segment",
        "set",
        "set_aside",
        "state",
        "subscribers",
        "type",
        "version",
        "waiters",
        "why",
    ];
    assert_eq!(keys(&json), expected);
    assert_eq!((json["kind"].as_str(), json["state"].as_str()), (Some("mutex"), Some("live")));
    assert!(json["created"].as_u64().is_some_and(|seconds| seconds > 1_700_000_000), "{json}");
    assert_eq!(keys(&json["members"][0]), ["age_seconds", "helpers", "host", "is_alive", "pid", "slot", "start_time"]);
    assert!(json["members"][0]["age_seconds"].as_f64().is_some());
    assert_eq!(json["holders"][0]["what"], "lock");
    assert_eq!(json["options"]["fair"], Value::Bool(false));
    assert_eq!(json["options"]["max_handles"], 64);
    assert_eq!(keys(&json["type"]), ["align", "name", "name_hash", "schema", "size"]);
    drop(guard);
}

#[test]
fn other_parts_have_stable_names_too() {
    let names = [name(), name(), name()];
    let channel = Channel::create(&names[0]).unwrap();
    channel.send_raw(Route::new(4), b"four").unwrap();
    let json = to_value(report(&names[0])).unwrap();
    assert_eq!(keys(&json["routes"][0]), ["bytes", "messages", "oldest_seconds", "route"]);
    assert_eq!((json["routes"][0]["route"].as_i64(), json["fill"]["used"].as_u64()), (Some(4), Some(1)));
    let _pool = Pool::create(&names[1], 1).unwrap();
    let verdicts = Clean::new().older_than(Duration::ZERO).name(&names[1]).dry_run().unwrap();
    let json = to_value(&verdicts[0]).unwrap();
    assert_eq!(keys(&json), ["decision", "kind", "name", "reason", "segment", "set", "state"]);
    assert_eq!((json["decision"].as_str(), json["kind"].as_str()), (Some("keep"), Some("pool")));
    let json = to_value(inspect::why(std::process::id()).unwrap()).unwrap();
    assert_eq!(keys(&json), ["deadlocks", "ends", "links", "pid", "trouble", "unreadable"]);
    let json = to_value(inspect::process(std::process::id())).unwrap();
    assert_eq!(keys(&json), ["activity", "age_seconds", "command", "pid", "uid"]);
    let ring = broadcast::Ring::<u64>::create(&names[2], 4).unwrap();
    let _subscriber = ring.subscriber().unwrap();
    let json = to_value(report(&names[2])).unwrap();
    assert_eq!(json["kind"], "broadcast_ring");
    assert_eq!(keys(&json["subscribers"][0]), ["is_alive", "is_joining", "lag", "missed", "pid", "slot"]);
    let interest = inspect::Interest::Permits { count: 3 };
    assert_eq!(to_value(interest).unwrap(), serde_json::json!({ "for": "permits", "count": 3 }));
    assert_eq!(to_value(inspect::Kind::RwLock).unwrap(), "rwlock");
}
