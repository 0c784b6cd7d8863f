//! `sysv why`.

use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use support::{child, hold_for_ever, name, until};
use sysv_primitives::Mutex;

use crate::tool::{json, sysv};

/// The chain from a waiter to the process in its way.
#[test]
fn a_waiter_and_the_holder() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let holder = child(|| {
        let mutex = Mutex::<u64>::open(&name).unwrap();
        let _guard = mutex.lock().unwrap();
        hold_for_ever();
    });
    until(|| mutex.holder().is_some());
    let waiter = child(|| drop(Mutex::<u64>::open(&name).unwrap().lock()));
    waiter.until_asleep();
    let page = json(&["why", &waiter.id().to_string()]);
    let link = &page["why"]["links"][0];
    assert_eq!((&link["process"]["pid"], &link["object"]["name"]), (&waiter.id().into(), &(&*name).into()));
    assert_eq!((&link["in_the_way"][0]["pid"], &link["in_the_way"][0]["holds"]), (&holder.id().into(), &"lock".into()));
    assert_eq!(page["why"]["ends"][0]["pid"], holder.id());
    let text = sysv(&["why", &waiter.id().to_string()]).ended(0).says(&name).says("the lock");
    assert!(text.out.contains(&format!("{} (", holder.id())), "{}", text.out);
    sysv(&["why"]).ended(0).says(&waiter.id().to_string());
    json(&["why"]);
}

/// Two processes that wait for each other: the circle is named, and the exit code is 1.
#[test]
fn a_deadlock_is_named() {
    let (one, other) = (name(), name());
    let mutexes = [Mutex::create(&one, 0_u8).unwrap(), Mutex::create(&other, 0_u8).unwrap()];
    let lock_both = |first: &str, second: &str| {
        let (first, second) = (Mutex::<u8>::open(first).unwrap(), Mutex::<u8>::open(second).unwrap());
        let _first = first.lock().unwrap();
        until(|| second.holder().is_some());
        let _second = second.lock();
    };
    let processes = [child(|| lock_both(&one, &other)), child(|| lock_both(&other, &one))];
    until(|| mutexes.iter().all(|mutex| mutex.holder().is_some()));
    processes.iter().for_each(support::Child::until_asleep);
    let pid = processes[0].id().to_string();
    // A waiter is asleep for a moment before its wait is seen by all.
    until(|| sysv(&["why", &pid]).code == 1);
    let page = sysv(&["why", &pid, "--json"]).ended(1).json();
    let mut circle: Vec<_> =
        page["why"]["deadlocks"][0].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).collect();
    let mut pids = processes.each_ref().map(|process| u64::from(process.id()));
    circle.sort_unstable();
    pids.sort_unstable();
    assert_eq!(circle, pids);
    sysv(&["why", &pid]).ended(1).says("DEADLOCK");
}

/// A process that waits for nothing, and one that does not exist.
#[test]
fn no_wait() {
    let idle = child(|| hold_for_ever());
    idle.until_asleep();
    sysv(&["why", &idle.id().to_string()]).ended(0).says("not seen to wait");
    sysv(&["why", &u32::MAX.to_string()]).ended(0).says("does not exist");
    json(&["why", &u32::MAX.to_string()]);
}

/// Two processes in different IPC namespaces do not meet, and that is said.
#[test]
fn two_processes_in_two_namespaces() {
    let here = child(|| hold_for_ever());
    let pids = [here.id().to_string(), std::process::id().to_string()];
    let page = json(&["why", &pids[0], &pids[1]]);
    let same = |page: &serde_json::Value| {
        let all = page["apart"]["differences"].as_array().unwrap().clone();
        let ipc = all.into_iter().find(|it| it["what"].as_str().unwrap().contains("ipc")).expect("it is compared");
        ipc["is_same"].as_bool()
    };
    assert_eq!(same(&page), Some(true));
    if !nix::unistd::getuid().is_root() {
        return support::skip("only root can make an IPC namespace");
    }
    let apart = child(|| match unshare(CloneFlags::CLONE_NEWIPC) {
        Ok(()) => hold_for_ever(),
        Err(_) => support::exit_now(0),
    });
    std::thread::sleep(Duration::from_millis(20));
    apart.until_asleep();
    let pid = apart.id().to_string();
    until(|| same(&json(&["why", &pid, &pids[1]])) == Some(false));
    sysv(&["why", &pid, &pids[1]]).ended(0).says("DIFFERENT");
}
