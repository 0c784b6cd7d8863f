//! `sysv show` and `sysv remove`.

use support::{child, hold_for_ever, in_own_namespace, name, until};
use sysv_primitives::{Channel, Mutex, Pool, Route, raw::SemaphoreSet};

use crate::tool::{json, object, sysv};

/// Holder and waiter are named, with what they have and want.
#[test]
fn holders_and_waiters_are_named() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let _guard = mutex.lock().unwrap();
    let waiter = child(|| drop(Mutex::<u64>::open(&name).unwrap().lock()));
    waiter.until_asleep();
    let page = json(&["show", &name]);
    let report = object(&page);
    assert_eq!(
        (&report["holders"][0]["pid"], &report["holders"][0]["what"]),
        (&std::process::id().into(), &"lock".into())
    );
    assert_eq!(
        (&report["waiters"][0]["pid"], &report["waiters"][0]["interest"]["for"]),
        (&waiter.id().into(), &"lock".into())
    );
    assert_eq!(report["type"]["name"], "u64");
    sysv(&["show", &name]).ended(0).says("the lock").says(&waiter.id().to_string()).says("Waiters");
}

/// The messages of a channel are shown by their routes, and those that a process works on with their age and attempt.
#[test]
fn depth_by_route_and_messages_in_hand() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    for route in [3, 3, 5] {
        channel.send_raw(Route::new(route), b"job").unwrap();
    }
    let claimed = channel.claim_lowest(Route::new(3)).unwrap();
    let page = json(&["show", &name, "--kind", "channel"]);
    let report = object(&page);
    let routes: Vec<_> =
        report["routes"].as_array().unwrap().iter().map(|it| (&it["route"], &it["messages"])).collect();
    assert_eq!(routes, [(&3.into(), &1.into()), (&5.into(), &1.into())]);
    assert_eq!((&report["jobs"][0]["route"], &report["jobs"][0]["attempt"]), (&3.into(), &1.into()));
    assert_eq!(report["jobs"][0]["pid"], std::process::id());
    drop(claimed.done().unwrap());
}

/// A show takes no slot, and changes no semaphore.
#[test]
fn it_disturbs_nothing() {
    let name = name();
    let pool = Pool::options().max_handles(1).create(&name, 1).unwrap();
    let _permit = pool.acquire().unwrap();
    let set = SemaphoreSet::from_id(pool.status().unwrap().set).unwrap();
    let before = (set.values().unwrap(), set.stat().unwrap());
    for _ in 0..10 {
        sysv(&["show", &name]).ended(0);
        sysv(&["list", &name]).ended(0);
    }
    assert_eq!((set.values().unwrap(), set.stat().unwrap()), before);
    assert_eq!(pool.members().unwrap().len(), 1);
}

/// A name that nothing has is refused, with what to do.
#[test]
fn no_such_name() {
    let name = name();
    for command in ["show", "remove", "dead"] {
        let ran = sysv(&[command, &name]).ended(3);
        assert!(ran.err.contains(&*name), "{}", ran.err);
    }
    sysv(&["show", ""]).ended(3);
}

/// An object with living members is removed by force alone, and then its waiters fail.
#[test]
fn removing_refuses_while_members_live() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u64).unwrap();
    let refused = sysv(&["remove", &name]).ended(3);
    assert!(
        refused.err.contains("--force") && refused.err.contains(&std::process::id().to_string()),
        "{}",
        refused.err
    );
    assert!(mutex.lock().is_ok());
    sysv(&["remove", &name, "--force"]).ended(0).says("is removed");
    assert!(Mutex::<u64>::open(&name).is_err());
}

/// An object without members is removed in one step.
#[test]
fn an_unused_object_is_removed() {
    in_own_namespace(|| {
        let name = name();
        drop(Mutex::create(&name, 0_u64).unwrap());
        let page = json(&["remove", &name]);
        assert_eq!((&page["kind"], &page["removed"]), (&"mutex".into(), &true.into()));
        assert!(Mutex::<u64>::open(&name).is_err());
    });
}

/// With several objects of a name, the kind has to be said.
#[test]
fn several_objects_of_a_name() {
    in_own_namespace(|| {
        let name = name();
        drop((Mutex::create(&name, 0_u64).unwrap(), Pool::create(&name, 1).unwrap()));
        let refused = sysv(&["remove", &name]).ended(2);
        assert!(refused.err.contains("--kind") && refused.err.contains("pool"), "{}", refused.err);
        sysv(&["remove", &name, "--kind", "pool"]).ended(0);
        assert!(Mutex::<u64>::open(&name).is_ok() && Pool::open(&name).is_err());
    });
}

/// A process that is killed as a holder is shown as dead, until a member repairs what it left.
#[test]
fn the_dead_are_shown() {
    let name = name();
    let pool = Pool::create(&name, 2).unwrap();
    let holder = child(|| {
        let pool = Pool::open(&name).unwrap();
        let _permit = pool.acquire().unwrap();
        hold_for_ever();
    });
    until(|| pool.available() == 1);
    let pid = holder.id();
    holder.kill();
    let page = json(&["show", &name]);
    assert_eq!((&object(&page)["dead"][0]["pid"], &object(&page)["dead"][0]["is_alive"]), (&pid.into(), &false.into()));
    sysv(&["show", &name]).says("dead");
}
