//! Hidden and hostile states: they are shown, and crash nothing.

use std::fs::File;

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use support::{KeyGuard, NOBODY, alone, as_nobody, child, has_user, hold_for_ever, name, skip};
use sysv_ipc::{Segment, remove_semaphore, remove_shared_memory};
use sysv_primitives::{Channel, Mutex, Status};

use crate::tool::{TOOL, json, object, sysv, sysv_from_anywhere};

/// What an operator runs when something is wrong.
const LOOKS: [&[&str]; 7] = [
    &["list"],
    &["list", "--foreign"],
    &["list", "--json", "--foreign"],
    &["why"],
    &["clean"],
    &["limits"],
    &["doctor"],
];

/// Runs all of them. None may crash, which each run checks.
fn look_at(name: &str) {
    LOOKS.iter().for_each(|look| drop(sysv(look)));
    sysv(&["show", name]);
    sysv(&["show", "--json", name]);
    sysv(&["dead", name]);
    sysv(&["why", "1"]);
    sysv(&["why", "1", &std::process::id().to_string()]);
}

fn status_of(name: &str) -> Status {
    Mutex::create(name, 0_u64).unwrap().status().unwrap()
}

fn state_of(name: &str) -> String {
    let page = json(&["show", name]);
    object(&page)["state"].as_str().unwrap().to_owned()
}

/// An object without its set, or without its segment, is wiped.
#[test]
fn half_of_an_object() {
    // What is left can't be removed by its name.
    let name_ = name();
    let status = status_of(&name_);
    let _guard = KeyGuard::new(status.key);
    remove_semaphore(status.set).unwrap();
    look_at(&name_);
    assert_eq!(
        json(&["list", &name_, "--check"].map(|it| if it == "--check" { "--foreign" } else { it }))["objects"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    sysv(&["list", &name_, "--check"]).ended(1);

    let name_ = name();
    let status = status_of(&name_);
    let _guard = KeyGuard::new(status.key);
    remove_shared_memory(status.segment).unwrap();
    look_at(&name_);
}

/// A name of letters that a terminal obeys is shown without them.
#[test]
fn a_hostile_name() {
    let guard = name();
    let hostile = format!("{}\x1b[2J\u{202e}\n", &*guard);
    let mutex = Mutex::options().remove_on_drop(true).create(&hostile, 0_u64).unwrap();
    for arguments in [&["list", &guard][..], &["show", &hostile], &["clean", &hostile], &["list", &guard, "--json"]] {
        let ran = sysv(arguments).ended(0);
        assert!(!ran.out.contains(['\x1b', '\u{202e}']), "{}", ran.out);
        assert!(ran.out.contains(&*guard), "{}", ran.out);
    }
    drop(mutex);
}

/// A process may call itself what it likes, and a terminal does not obey it.
#[test]
fn a_hostile_command() {
    let name = name();
    let _mutex = Mutex::create(&name, 0_u64).unwrap();
    let member = child(|| {
        let _mutex = Mutex::<u64>::open(&name).unwrap();
        nix::sys::prctl::set_name(c"\x1b[2Jowned").unwrap();
        hold_for_ever();
    });
    member.until_asleep();
    let ran = sysv(&["show", &name]).ended(0).says("owned");
    assert!(!ran.out.contains('\x1b'), "{}", ran.out);
    let ran = sysv(&["why", &member.id().to_string()]).ended(0).says("owned");
    assert!(!ran.out.contains('\x1b'), "{}", ran.out);
}

/// A segment of random bytes under a channel: whatever they are, the tool ends as it should.
#[test]
fn overwritten_memory() {
    let name = name();
    let channel = Channel::options().capacity(4).create(&name).unwrap();
    let status = channel.status().unwrap();
    let memory = Segment::from_id(status.segment).unwrap().attach().unwrap();
    let whole = memory.read(memory.len(), 0).unwrap();
    for round in 0..60 {
        let (len, at) = (1 << fastrand::usize(0..10), fastrand::usize(0..whole.len()));
        let len = len.min(whole.len() - at);
        let bytes: Vec<u8> =
            if round % 3 == 0 { vec![0xff; len] } else { (0..len).map(|_| fastrand::u8(..)).collect() };
        memory.write(&bytes, at).unwrap();
        sysv(&["list", "--json"]).ended(0).json();
        sysv(&["show", "--segment", &status.segment.to_string()]).ended(0);
        sysv(&["clean"]).ended(0);
        memory.write(&whole, 0).unwrap();
    }
    assert_eq!(state_of(&name), "live");
}

/// Another user's object that may not be read is listed as hidden.
#[test]
fn another_users_object() {
    let name = name();
    let status = status_of(&name);
    if !has_user(NOBODY) {
        return;
    }
    let tool = File::open(TOOL).unwrap();
    as_nobody(|| {
        for look in LOOKS {
            sysv_from_anywhere(&tool, look);
        }
        let page = sysv_from_anywhere(&tool, &["list", "--json"]).ended(0).json();
        let objects = page["objects"].as_array().unwrap();
        let found = objects.iter().find(|object| object["set"]["id"] == status.set).expect("it is listed");
        assert_eq!(found["state"], "hidden", "{found}");
        sysv_from_anywhere(&tool, &["show", "--set", &status.set.to_string()]).ended(0).says("hidden");
        // What it may not read, it does not remove either.
        let page = sysv_from_anywhere(&tool, &["clean", "--yes", "--older-than", "0", "--json"]).json();
        assert!(page["verdicts"].as_array().unwrap().iter().all(|verdict| verdict["decision"] != "removed"), "{page}");
    });
    assert!(Mutex::<u64>::open(&name).is_ok());
}

/// Runs in a mount namespace of its own, where nothing that is mounted is seen outside. Needs root.
pub(crate) fn in_own_mounts(body: impl FnOnce()) {
    if !nix::unistd::getuid().is_root() {
        return skip("only root can mount");
    }
    alone(|| match unshare(CloneFlags::CLONE_NEWNS) {
        Ok(()) => {
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
            body();
        }
        Err(errno) => skip(&format!("no mount namespace: {errno}")),
    });
}

/// Mounts an empty folder over another one.
pub(crate) fn cover(folder: &str) {
    mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

/// Without `/proc` the objects are still listed, and what can't be seen is said.
#[test]
fn proc_is_not_mounted() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let status = mutex.status().unwrap();
    in_own_mounts(|| {
        cover("/proc");
        look_at(&name);
        let page = json(&["list", &name]);
        assert_eq!(object(&page)["set"]["id"], status.set);
        let page = sysv(&["doctor", "--json"]).ended(1).json();
        assert!(
            page["findings"].as_array().unwrap().iter().any(|it| it["check"] == "proc" && it["level"] == "attention")
        );
        sysv(&["why"]).ended(0).says("not seen");
        // What it can't exclude to be in use is not removed.
        let page = sysv(&["clean", "--yes", "--older-than", "0", "--json", &name]).json();
        assert_eq!(page["verdicts"][0]["decision"], "keep", "{page}");
    });
}
