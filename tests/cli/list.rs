//! `sysv list`.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{child, hold_for_ever, name, queue, semaphores, until};
use sysv_primitives::{Barrier, Channel, Mutex, OnceLock, Pool, RateLimiter, RwLock, Watch, broadcast, mpmc, spsc};

use crate::tool::{TOOL, json, object, run, sysv};

/// Each kind has its line, with name, state and member.
#[test]
fn every_kind_is_listed() {
    let name = name();
    let _objects = (
        Mutex::create(&name, 0_u64).unwrap(),
        RwLock::create(&name, 0_u64).unwrap(),
        OnceLock::<u64>::create(&name).unwrap(),
        Pool::create(&name, 3).unwrap(),
        RateLimiter::create(&name, 5, Duration::from_secs(1)).unwrap(),
        Watch::create(&name, 7_u32).unwrap(),
        broadcast::Ring::<u32>::create(&name, 16).unwrap(),
        Barrier::create(&name, 2).unwrap(),
        spsc::Ring::<u64>::create(&name, 8).unwrap(),
        mpmc::Ring::<u64>::create(&name, 8).unwrap(),
        Channel::create(&name).unwrap(),
    );
    let kinds = [
        "barrier",
        "broadcast_ring",
        "channel",
        "mpmc_ring",
        "mutex",
        "once_lock",
        "pool",
        "rate_limiter",
        "rwlock",
        "spsc_ring",
        "watch",
    ];
    let page = json(&["list", &name]);
    let mut found: Vec<_> = page["objects"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, kinds);
    for object in page["objects"].as_array().unwrap() {
        assert_eq!((object["state"].as_str(), &object["name"]), (Some("live"), &Value::from(&*name)), "{object}");
        assert_eq!(object["members"][0]["pid"], std::process::id(), "{object}");
    }

    let table = sysv(&["list", &name]).ended(0);
    assert_eq!(table.out.lines().count(), 1 + kinds.len(), "{}", table.out);
    assert!(table.out.starts_with("KIND"), "{}", table.out);
}

/// Patterns and kinds choose.
#[test]
fn patterns_and_kinds() {
    let (one, other) = (name(), name());
    let _objects =
        (Mutex::create(&one, 1_u8).unwrap(), Pool::create(&one, 1).unwrap(), Mutex::create(&other, 1_u8).unwrap());
    let count = |arguments: &[&str]| json(arguments)["objects"].as_array().unwrap().len();
    assert_eq!(count(&["list", &one]), 2);
    assert_eq!(count(&["list", &one[..one.len() - 1]]), 2, "a part of the name");
    assert_eq!(count(&["list", &format!("{}?", &one[..one.len() - 1])]), 2);
    assert_eq!(count(&["list", &format!("*{}", &one[8..])]), 2);
    assert_eq!(count(&["list", &format!("{}*x", &one[..one.len() - 1])]), 0);
    assert_eq!(count(&["list", &one, "--kind", "pool"]), 1);
    assert_eq!(count(&["list", &one, "--mine"]), 2);
    sysv(&["list", &one, "--kind", "channel"]).ended(0).says("No such object");
}

/// A killed member is counted as dead, and `--check` ends with exit code 1.
#[test]
fn a_dead_member_needs_attention() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    sysv(&["list", &name, "--check"]).ended(0);
    let holder = child(|| {
        let mutex = Mutex::<u64>::open(&name).unwrap();
        let _guard = mutex.lock().unwrap();
        hold_for_ever();
    });
    until(|| mutex.holder().is_some());
    let pid = holder.id();
    holder.kill();
    let page = sysv(&["list", &name, "--check", "--json"]).ended(1).json();
    assert_eq!(object(&page)["dead"][0]["pid"], pid);
    sysv(&["list", &name]).ended(0);
}

/// Objects of other programs are listed if they are asked for, with the command that removes them.
#[test]
fn objects_of_other_programs() {
    let (set, queue) = (semaphores(3), queue());
    let line = |out: &str, text: &str| out.lines().any(|line| line.contains(text));
    let ours = sysv(&["list"]).ended(0).out;
    let all = sysv(&["list", "--foreign"]).ended(0).out;
    for command in [format!("ipcrm -s {}", set.id()), format!("ipcrm -q {}", queue.id())] {
        assert!(line(&all, &command) && !line(&ours, &command), "{all}");
    }
    sysv(&["show", "--queue", &queue.id().to_string()]).ended(0).says("foreign");
    sysv(&["show", "--set", &set.id().to_string()]).ended(0).says("3 semaphores");
}

/// A pipe gets no colours, and a reader that goes away is no failure.
#[test]
fn output_into_pipes() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    assert!(!sysv(&["list", &name]).out.contains('\x1b'));
    let mut lister = Command::new(TOOL).args(["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(lister.stdout.take());
    let ended = lister.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

/// A hundred objects take at most ten times what `ipcs` takes for them.
#[test]
fn a_hundred_objects_are_listed_as_fast_as_ten_ipcs() {
    if Command::new("ipcs").output().is_err() {
        return support::skip("util-linux is not installed");
    }
    let names: Vec<_> = (0..100).map(|_| name()).collect();
    let _objects: Vec<_> = names.iter().map(|name| Mutex::create(name, 0_u64).unwrap()).collect();
    let time = |command: &mut Command| {
        let begun = Instant::now();
        run(command).ended(0);
        begun.elapsed()
    };
    // Of several, the least: the machine may be busy with other things.
    let least = |make: &dyn Fn() -> Command| (0..9).map(|_| time(&mut make())).min().unwrap();
    let list = || {
        let mut command = Command::new(TOOL);
        command.arg("list");
        command
    };
    // A machine that is busy throughout has a quiet moment at last.
    let is_fast = |_| {
        let (ours, ipcs) = (least(&list), least(&|| Command::new("ipcs")));
        support::say(&format!("list: {ours:?}, ipcs: {ipcs:?}\n"));
        ours <= ipcs * 10
    };
    assert!((0..20).any(is_fast));
}
