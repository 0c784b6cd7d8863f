//! `sysv bench`.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use support::until;
use sysv_ipc::{MessageQueue, inventory};

use crate::tool::{TOOL, json, sysv};

/// Each lane is measured, between two processes and between more.
#[test]
fn every_lane() {
    let page = json(&["bench", "--count", "200", "--rounds", "2", "--size", "100"]);
    let lanes: Vec<_> = page["measured"].as_array().unwrap().iter().map(|row| row["lane"].as_str().unwrap()).collect();
    assert_eq!(lanes, ["ring", "mpmc", "channel", "queue", "pipe"]);
    for row in page["measured"].as_array().unwrap() {
        assert!(row["stream"]["median"].as_f64().unwrap() > 0.0 && row["trip"]["p99"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["stream_ratio"].as_f64().unwrap() >= 1.0);
    }
    let page = json(&["bench", "--count", "200", "--rounds", "1", "--processes", "5", "--size", "3"]);
    assert_eq!((&page["left_out"][0]["lane"], page["measured"].as_array().unwrap().len()), (&"ring".into(), 4));
    assert!(page["measured"][0]["trip"].is_null());
}

/// The picture is written, and what can't be measured is refused.
#[test]
fn a_picture_and_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.svg");
    let path = file.to_str().unwrap();
    sysv(&["bench", "ring", "pipe", "--count", "100", "--rounds", "1", "--svg", path]).ended(0).says("RATIO");
    let svg = fs::read_to_string(&file).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && svg.matches("<rect").count() == 5,
        "{svg}"
    );
    assert!(sysv(&["bench", "ring", "--processes", "3"]).ended(2).err.contains("one producer"));
    sysv(&["bench", "ring", "--size", "1000000"]).ended(2);
    sysv(&["bench", "--svg", "/no/such/folder/x.svg", "pipe", "--count", "10", "--rounds", "1"]).ended(3);
}

/// An interrupted or killed run leaves no objects: its processes remove them.
#[test]
fn nothing_is_left_by_an_end() {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut bench = start(&["ring", "channel"]);
        let mine = format!("sysv-bench-{}-", bench.id());
        let there = || json(&["list", &mine])["objects"].as_array().unwrap().clone();
        // Before its processes have come, a program that is killed has none that could remove its objects.
        let in_use = |object: &Value| object["members"].as_array().unwrap().len() >= 2;
        until(|| there().iter().filter(|object| in_use(object)).count() == 2);
        end(&mut bench, signal);
        until(|| there().is_empty());

        let mut bench = start(&["queue"]);
        let mut id = None;
        until(|| {
            id = queue_of(bench.id());
            id.is_some()
        });
        end(&mut bench, signal);
        until(|| MessageQueue::from_id(id.unwrap()).is_err());
    }
}

fn start(lanes: &[&str]) -> Child {
    let mut command = Command::new(TOOL);
    command.arg("bench").args(lanes).args(["--count", "100000000"]);
    // Its processes say that they were disturbed.
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn end(bench: &mut Child, signal: Signal) {
    kill(Pid::from_raw(bench.id().try_into().unwrap()), signal).unwrap();
    bench.wait().unwrap();
}

/// The queue that a process's children send through.
fn queue_of(parent: u32) -> Option<i32> {
    let is_used = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let field = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(1)?.parse().ok());
        field == Some(parent)
    };
    inventory()
        .unwrap()
        .message_queues
        .iter()
        .find(|entry| entry.stat.last_send_pid.is_some_and(is_used))
        .map(|entry| entry.id)
}
