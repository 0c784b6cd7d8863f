//! Reports of the kinds that tell all: a watch, and a broadcast ring.

use support::rights::Turn;
use support::{Child, child, hold_for_ever, name, until};
use sysv_ipc::{Segment, SharedMemory};
use sysv_primitives::{
    PopError, Role, Watch, broadcast,
    inspect::{self, Hold, Interest, Kind, Report, Value},
};

use crate::{codes, holders, report};

/// Returns whether a process waits for something.
fn waits(report: &Report, pid: u32, interest: &Interest) -> bool {
    report.waiters.iter().any(|waiter| waiter.pid == pid && waiter.interest == *interest)
}

/// Returns where the only such words lie in the memory of an object.
#[track_caller]
fn only(memory: &SharedMemory, words: &[u64]) -> usize {
    let (all, wanted) =
        (memory.read(0, 0).unwrap(), words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>());
    let found: Vec<usize> = (0..all.len()).step_by(8).filter(|&at| all[at..].starts_with(&wanted)).collect();
    assert_eq!(found.len(), 1, "{words:?}");
    found[0]
}

#[test]
fn a_watch_tells_its_setter_its_writers_and_its_waiters() {
    let name = name();
    let watch = Watch::create(&name, 0_u64).unwrap();
    let _writers = [watch.writer().unwrap(), watch.writer().unwrap()];
    watch.set(3).unwrap();
    let (turn, go) = (Turn::new(), Turn::new());
    let setter = child(|| {
        let watch = Watch::<u64>::open(&name).unwrap();
        watch
            .update(|value| {
                turn.give();
                go.take();
                *value = 4;
            })
            .unwrap();
        hold_for_ever();
    });
    turn.take();
    let next = child(|| Watch::<u64>::open(&name).unwrap().set(5).unwrap());
    let waiter = child(|| drop(Watch::<u64>::open(&name).unwrap().wait_for(|value| *value == 5)));
    until(|| report(&name).waiters.len() == 2);

    let found = report(&name);
    assert_eq!((found.kind, found.counters["version"]), (Kind::Watch, 1));
    assert_eq!(found.fingerprint.as_ref().unwrap().name, "u64");
    assert_eq!(holders(&found, Hold::Lock), [(setter.id(), 1)]);
    assert_eq!(holders(&found, Hold::Producer), [(std::process::id(), 2)]);
    assert!(waits(&found, next.id(), &Interest::Lock) && waits(&found, waiter.id(), &Interest::Change), "{found:?}");
    assert!(found.waiters.iter().all(|waiter| waiter.waited.is_some()));
    assert!(found.findings.is_empty(), "{:?}", found.findings);
    let why = inspect::why(next.id()).unwrap();
    assert_eq!(why.links[0].in_the_way.iter().map(|way| way.pid).collect::<Vec<_>>(), [setter.id()]);

    go.give();
    next.join();
    waiter.join();
    let found = report(&name);
    assert_eq!((found.counters["version"], holders(&found, Hold::Lock)), (3, vec![]));
    assert!(found.waiters.is_empty());
}

#[test]
fn a_setter_that_was_killed_is_named_and_damages_nothing() {
    let name = name();
    let watch = Watch::create(&name, 0_u8).unwrap();
    let turn = Turn::new();
    let setter = child(|| {
        let watch = Watch::<u8>::open(&name).unwrap();
        let _: Result<(), _> = watch.update(|_| {
            turn.give();
            hold_for_ever();
        });
    });
    turn.take();
    let pid = setter.id();
    setter.kill();
    let found = report(&name);
    assert!(found.holders.iter().any(|holder| (holder.pid, holder.what, holder.is_alive) == (pid, Hold::Lock, false)));
    assert_eq!((codes(&found), found.counters["version"]), (vec!["dead"], 0));
    watch.set(1).unwrap();
    assert!(report(&name).findings.is_empty() && report(&name).holders.is_empty());
}

#[test]
fn versions_that_cannot_be_are_damage() {
    const VERSION: u64 = 77;
    let name = name();
    let watch = Watch::create(&name, 0_u8).unwrap();
    (0..VERSION).for_each(|_| watch.set(7).unwrap());
    let memory = Segment::from_id(watch.status().unwrap().segment).unwrap().attach().unwrap();
    let at = only(&memory, &[VERSION; 3]);
    let with = |words: [u64; 3]| {
        memory.write(&words.map(u64::to_ne_bytes).concat(), at).unwrap();
        codes(&report(&name))
    };
    assert!(with([VERSION; 3]).is_empty());
    assert!(with([VERSION, VERSION + 1, VERSION]).is_empty(), "a setter has begun");
    assert_eq!(with([VERSION, VERSION + 2, VERSION]), ["versions"]);
    assert_eq!(with([VERSION, VERSION - 1, VERSION]), ["versions"]);
    assert_eq!(with([VERSION, VERSION, VERSION + 1]), ["told"]);
    assert!(with([VERSION, VERSION, VERSION - 5]).is_empty(), "no process waits for it");
    with([VERSION; 3]);
    let waiter = child(|| drop(Watch::<u8>::open(&name).unwrap().wait_for(|value| *value == 8)));
    until(|| waits(&report(&name), waiter.id(), &Interest::Change));
    assert_eq!(with([VERSION, VERSION, VERSION - 5]), ["untold"]);
    watch.set(8).unwrap();
    waiter.join();
    assert!(report(&name).findings.is_empty());
}

#[test]
fn a_broadcast_ring_tells_how_far_each_subscriber_is() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 4).unwrap();
    let mut slow = ring.subscriber().unwrap();
    let open = || broadcast::Ring::<u64>::open(&name).unwrap();
    let quick = child(|| {
        let mut subscriber = open().subscriber().unwrap();
        while subscriber.pop().is_ok() {}
    });
    until(|| waits(&report(&name), quick.id(), &Interest::Items));
    let producer = child(|| {
        let mut producer = open().producer().unwrap();
        while producer.push(1).is_ok() {}
    });
    until(|| waits(&report(&name), producer.id(), &Interest::Room));
    let next = child(|| drop(open().producer()));
    until(|| report(&name).waiters.len() == 3);

    let (found, me) = (report(&name), std::process::id());
    assert_eq!(found.kind, Kind::BroadcastRing);
    assert_eq!((&found.options["lagging"], &found.options["closed"]), (&Value::Flag(false), &Value::Flag(false)));
    assert_eq!(holders(&found, Hold::Producer), [(producer.id(), 1)]);
    let mut far: Vec<_> = found.subscribers.iter().map(|subscriber| (subscriber.pid, subscriber.lag)).collect();
    far.sort_by_key(|&(_, lag)| lag);
    assert_eq!(far, [(quick.id(), 0), (me, 4)]);
    assert!(found.subscribers.iter().all(|one| one.is_alive && one.missed == 0 && !one.is_joining));
    assert_eq!(found.fill.map(|fill| (fill.used, fill.capacity)), Some((4, 4)));
    assert_eq!((found.counters["pushed"], found.counters["popped"]), (4, 0));
    assert!(waits(&found, quick.id(), &Interest::Items) && waits(&found, producer.id(), &Interest::Room));
    assert!(waits(&found, next.id(), &Interest::Role { role: Role::Producer }));
    assert!(found.findings.is_empty(), "{:?}", found.findings);
    // The quick one has nothing to do with it.
    let why = inspect::why(producer.id()).unwrap();
    assert_eq!(
        why.links[0].in_the_way.iter().map(|way| (way.pid, way.holds)).collect::<Vec<_>>(),
        [(me, Hold::Consumer)]
    );

    // There is room for one more.
    assert_eq!(slow.pop().unwrap(), 1);
    until(|| report(&name).counters["pushed"] == 5);
    ring.close().unwrap();
    [quick, producer, next].into_iter().for_each(Child::join);
    let found = report(&name);
    assert_eq!(found.options["closed"], Value::Flag(true));
    assert_eq!((found.subscribers.len(), found.subscribers[0].lag), (1, 4));
    assert_eq!(holders(&found, Hold::Producer), []);
}

#[test]
fn a_lagging_ring_tells_what_was_missed_and_a_dead_subscriber_is_named() {
    let name = name();
    let ring = broadcast::Ring::<u64>::options().lagging(true).create(&name, 4).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    (0..6).for_each(|item| producer.push(item).unwrap());
    let turn = Turn::new();
    let late = child(|| {
        let _subscriber = broadcast::Ring::<u64>::open(&name).unwrap().subscriber().unwrap();
        turn.give();
        hold_for_ever();
    });
    turn.take();
    let pid = late.id();
    late.kill();

    let found = report(&name);
    assert_eq!((&found.options["lagging"], codes(&found)), (&Value::Flag(true), vec!["dead"]));
    let mut seen: Vec<_> = found.subscribers.iter().map(|one| (one.pid, one.is_alive, one.lag, one.missed)).collect();
    seen.sort_by_key(|&(.., lag, _)| lag);
    assert_eq!(seen, [(pid, false, 0, 0), (std::process::id(), true, 4, 2)]);
    assert_eq!(found.counters["overwritten"], 0, "it does not know yet");
    assert!(matches!(subscriber.pop(), Err(PopError::Lagged { missed: 2 })));
    let found = report(&name);
    assert_eq!(found.counters["overwritten"], 2);
    assert_eq!(subscriber.pop().unwrap(), 2);
}

#[test]
fn a_cursor_that_cannot_be_is_damage() {
    let name = name();
    let ring = broadcast::Ring::<u64>::create(&name, 4).unwrap();
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    for item in 0..23 {
        producer.push(item).unwrap();
        subscriber.pop().unwrap();
    }
    let owner = u64::from(report(&name).subscribers[0].slot + 1) << 48;
    let memory = Segment::from_id(ring.status().unwrap().segment).unwrap().attach().unwrap();
    let at = only(&memory, &[owner | 23]);
    let with = |word: u64| {
        memory.write(&word.to_ne_bytes(), at).unwrap();
        codes(&report(&name))
    };
    assert!(with(owner | 23).is_empty() && with(owner | 19).is_empty());
    assert_eq!(with(owner | 18), ["cursor"], "it is further behind than the ring has room for");
    assert_eq!(with(owner | 24), ["cursor"], "it has passed the tail");
    assert_eq!(with(23), ["cursor"], "it has no owner");
    assert!(with(owner | 1 << 47 | 3).is_empty(), "one that joins may name a tail of long ago");
    assert!(report(&name).subscribers[0].is_joining);
    assert!(with(owner | 23).is_empty());
}
