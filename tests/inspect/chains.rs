//! What a process waits for in the end: chains with a stopped end, deadlocks, what can't be seen, and why two are apart.

use std::{fs, os::unix::process::CommandExt, process::Command, time::Duration};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::getuid,
};
use support::rights::Turn;
use support::{
    Child, NOBODY, Waiters, as_user, child, has_user, hold_for_ever, name, prompt::stop, queue, semaphores, skip,
    until, until_rings,
};
use sysv_ipc::{Amount, MessageType, Selector, SemOp};
use sysv_primitives::{
    Mutex, Pool, RateLimiter, RwLock,
    inspect::{self, Activity, Hold, Interest, Kind, SleepingCall, Why},
};

/// Locks one mutex, says so, and then waits for another one.
fn locks_then_waits(own: &str, turn: &Turn, other: &str, go: &Turn) {
    let (own, other) = (Mutex::<u8>::open(own).unwrap(), Mutex::<u8>::open(other).unwrap());
    let _guard = own.lock().unwrap();
    turn.give();
    go.take();
    let _other = other.lock();
}

/// Returns the objects and processes of a chain, from link to link.
fn path(why: &Why) -> Vec<(u32, String, Vec<u32>)> {
    let of_link = |link: &inspect::Link| {
        let name = link.object.as_ref().map_or(String::new(), |object| object.name.clone());
        (link.process.pid, name, link.in_the_way.iter().map(|way| way.pid).collect())
    };
    why.links.iter().map(of_link).collect()
}

#[test]
fn a_chain_ends_at_the_process_that_was_stopped() {
    let (first, second) = (name(), name());
    let mutexes = [&first, &second].map(|name| Mutex::create(name, 0_u8).unwrap());
    let (turn, go) = (Turn::new(), Turn::new());
    let last = child(|| {
        let mutex = Mutex::<u8>::open(&second).unwrap();
        let _guard = mutex.lock().unwrap();
        turn.give();
        hold_for_ever();
    });
    turn.take();
    let middle = child(|| locks_then_waits(&first, &turn, &second, &go));
    turn.take();
    go.give();
    until_rings(mutexes[1].status().unwrap().set, Waiters::OF_MUTEX);
    let asks = child(|| drop(Mutex::<u8>::open(&first).unwrap().lock()));
    until_rings(mutexes[0].status().unwrap().set, Waiters::OF_MUTEX);
    stop(&last);
    until(|| inspect::process(last.id()).activity == Activity::Stopped);

    let why = inspect::why(asks.id()).unwrap();
    let expected =
        [(asks.id(), first.to_string(), vec![middle.id()]), (middle.id(), second.to_string(), vec![last.id()])];
    assert_eq!(path(&why), expected, "{why:?}");
    assert_eq!(why.links[0].interest, Some(Interest::Lock));
    assert_eq!((why.links[0].in_the_way[0].holds, why.links[0].in_the_way[0].is_alive), (Hold::Lock, true));
    assert!(why.links[0].waited.is_some_and(|waited| waited < Duration::from_secs(60)));
    let ends: Vec<_> = why.ends.iter().map(|end| (end.pid, end.activity)).collect();
    assert_eq!(ends, [(last.id(), Activity::Stopped)]);
    assert!(why.deadlocks.is_empty() && why.trouble.is_none());
    assert!(inspect::why(last.id()).unwrap().links.is_empty(), "the last one waits for no object");
}

/// Makes two processes that wait for each other's mutex, and one that waits for the first.
fn deadlock(names: [&str; 2]) -> [Child; 3] {
    let (turn, go) = (Turn::new(), Turn::new());
    let first = child(|| locks_then_waits(names[0], &turn, names[1], &go));
    let second = child(|| locks_then_waits(names[1], &turn, names[0], &go));
    turn.take();
    turn.take();
    go.give();
    go.give();
    let third = child(|| drop(Mutex::<u8>::open(names[0]).unwrap().lock()));
    [first, second, third]
}

#[test]
fn two_mutexes_in_opposite_orders_are_a_deadlock() {
    let names = [name(), name()];
    let mutexes = [&names[0], &names[1]].map(|name| Mutex::create(name, 0_u8).unwrap());
    let [first, second, third] = deadlock([&names[0], &names[1]]);
    let asleep = |mutex: &Mutex<u8>| inspect::named(&mutex.status().unwrap().name).unwrap()[0].waiters.len();
    until(|| asleep(&mutexes[0]) == 2 && asleep(&mutexes[1]) == 1);
    let why = inspect::why(third.id()).unwrap();
    assert_eq!(why.deadlocks, [[first.id(), second.id()]], "{why:?}");
    assert!(why.ends.is_empty(), "no process is left that could go on");
    let why = inspect::why(second.id()).unwrap();
    assert_eq!(why.deadlocks, [[second.id(), first.id()]]);
    drop(first);
    // The kernel has told the others of its death, and they go on.
    until(|| inspect::why(second.id()).unwrap().deadlocks.is_empty());
}

#[test]
fn a_writer_waits_for_each_reader_and_a_permit_for_any_holder() {
    let names = [name(), name()];
    let lock = RwLock::create(&names[0], 0_u8).unwrap();
    let reading = lock.read().unwrap();
    let writer = child(|| drop(RwLock::<u8>::open(&names[0]).unwrap().write()));
    until_rings(lock.status().unwrap().set, Waiters::FOR_READERS);
    let why = inspect::why(writer.id()).unwrap();
    assert_eq!(why.links[0].interest, Some(Interest::Readers));
    assert_eq!(why.links[0].in_the_way.iter().map(|way| way.holds).collect::<Vec<_>>(), [Hold::Read]);
    assert_eq!(why.links[0].in_the_way[0].pid, std::process::id());
    drop(reading);
    writer.join();

    let pool = Pool::create(&names[1], 1).unwrap();
    let permit = pool.acquire().unwrap();
    let waiter = child(|| drop(Pool::open(&names[1]).unwrap().acquire()));
    until_rings(pool.status().unwrap().set, Waiters::FOR_ONE);
    let why = inspect::why(waiter.id()).unwrap();
    assert_eq!(why.links[0].in_the_way.iter().map(|way| way.pid).collect::<Vec<_>>(), [std::process::id()]);
    drop(permit);
    waiter.join();
}

/// `/proc` has the call and the id, also of programs that have nothing to do with this crate.
#[test]
fn threads_that_sleep_are_found_by_their_calls() {
    let (set, queue, name) = (semaphores(3), queue(), name());
    let in_set = child(|| drop(set.op(&[SemOp::sub(1, Amount::ONE)])));
    let in_queue = child(|| drop(queue.receive(Selector::LowestUpTo(MessageType::new(9).unwrap()))));
    let limiter = RateLimiter::create(&name, 1, Duration::from_secs(3600)).unwrap();
    limiter.acquire(1).unwrap();
    let limited = child(|| drop(RateLimiter::open(&name).unwrap().acquire(1)));
    [&in_set, &in_queue, &limited].into_iter().for_each(Child::until_asleep);
    let found = inspect::waiting_processes();
    assert_eq!(found.trouble, None);
    let of = |child: &Child| found.threads.iter().find(|thread| thread.pid == child.id());
    if of(&in_set).is_none() && !found.unreadable.is_empty() {
        return skip("the kernel does not let this process read the calls of others");
    }
    let thread = of(&in_set).unwrap();
    assert!(matches!(thread.call, SleepingCall::Semop | SleepingCall::Semtimedop));
    assert_eq!((thread.id, thread.tid, thread.object.as_ref()), (set.id(), in_set.id(), None));
    let thread = of(&in_queue).unwrap();
    assert_eq!((thread.call, thread.id, thread.message_type), (SleepingCall::Msgrcv, queue.id(), Some(-9)));
    let object = of(&limited).unwrap().object.clone().unwrap();
    assert_eq!((object.kind, object.name.as_str()), (Kind::RateLimiter, &*name));
    let why = inspect::why(limited.id()).unwrap();
    assert_eq!((why.links[0].object.as_ref(), &why.links[0].interest), (Some(&object), &None));
}

/// Another user's process is listed with the reason, and objects of one's own tell of it all the same.
#[test]
fn what_proc_refuses_is_a_value() {
    if !has_user(NOBODY) {
        return;
    }
    let holder = child(|| hold_for_ever());
    as_user(NOBODY, || {
        let found = inspect::waiting_processes();
        let refused = found.unreadable.iter().find(|unreadable| unreadable.pid == holder.id());
        let refused = refused.unwrap_or_else(|| panic!("{found:?}"));
        assert!(refused.reason.contains("user 0"), "{refused:?}");
        assert_eq!(refused.uid, Some(0));
        assert_ne!(inspect::process(holder.id()).activity, Activity::Gone);
    });
}

#[test]
fn a_process_that_is_gone_is_told_so() {
    let gone = child(|| {});
    let pid = gone.id();
    gone.join();
    let process = inspect::process(pid);
    assert_eq!((process.activity, process.command, process.age), (Activity::Gone, None, None));
    assert!(inspect::why(pid).unwrap().links.is_empty());
    assert_eq!(inspect::process(u32::MAX).activity, Activity::Gone);
}

/// In a mount namespace without `/proc`, the objects still tell what they know.
#[test]
fn without_proc_the_objects_still_tell() {
    if !getuid().is_root() {
        return skip("only root can unmount /proc");
    }
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let guard = mutex.lock().unwrap();
    let waiter = child(|| drop(Mutex::<u8>::open(&name).unwrap().lock()));
    until_rings(mutex.status().unwrap().set, Waiters::OF_MUTEX);
    let holder = std::process::id();
    child(|| {
        if unshare(CloneFlags::CLONE_NEWNS).is_err() {
            return skip("no mount namespace can be made");
        }
        let hidden = Command::new("sh").args(["-c", "mount --make-rprivate / && mount -t tmpfs none /proc"]).status();
        if !hidden.is_ok_and(|status| status.success()) {
            return skip("/proc can't be hidden");
        }
        assert!(fs::read_dir("/proc/self").is_err());
        let why = inspect::why(waiter.id()).unwrap();
        assert!(why.trouble.as_ref().is_some_and(|trouble| trouble.contains("/proc")), "{why:?}");
        assert_eq!(why.links[0].in_the_way[0].pid, holder, "{why:?}");
        assert_eq!(inspect::process(holder).activity, Activity::Hidden);
    })
    .join();
    drop(guard);
    waiter.join();
}

#[test]
fn two_processes_in_two_namespaces_are_apart() {
    if !getuid().is_root() {
        return skip("only root can make an IPC namespace");
    }
    let name = name();
    let mutex = Mutex::create(&name, 0_u8).unwrap();
    let together = child(|| {
        let _mutex = Mutex::<u8>::open(&name).unwrap();
        hold_for_ever();
    });
    until(|| mutex.members().unwrap().len() == 2);
    let turn = Turn::new();
    let apart = child(|| {
        let made = unshare(CloneFlags::CLONE_NEWIPC);
        turn.give();
        made.expect("root may");
        hold_for_ever();
    });
    turn.take();
    let me = std::process::id();
    let found = inspect::why_apart(me, together.id()).unwrap();
    assert!(found.differences.iter().all(|difference| difference.is_same == Some(true)), "{found:?}");
    assert!(found.common.iter().any(|object| object.name == *name));
    let found = inspect::why_apart(me, apart.id()).unwrap();
    let differing: Vec<_> = found.differences.iter().filter(|it| it.is_same == Some(false)).map(|it| it.what).collect();
    assert_eq!(differing, ["ipc namespace"]);
    assert!(found.only[0].iter().any(|object| object.name == *name) && found.common.is_empty());
}

#[test]
fn two_kinds_of_one_name_are_a_mistake_that_is_told() {
    let name = name();
    let _pool = Pool::create(&name, 1).unwrap();
    let turn = Turn::new();
    let other = child(|| {
        let _mutex = Mutex::create(&name, 0_u8).unwrap();
        turn.give();
        hold_for_ever();
    });
    turn.take();
    let found = inspect::why_apart(std::process::id(), other.id()).unwrap();
    let mistake = found.differences.iter().find(|difference| difference.what == "kind of a name").unwrap();
    assert_eq!(
        mistake.values.clone().map(Option::unwrap),
        [format!("pool {:?}", &*name), format!("mutex {:?}", &*name)]
    );
}

/// A process that is another user's, as `Command` makes it, has its user told.
#[test]
fn users_are_told_apart() {
    if !has_user(NOBODY) {
        return;
    }
    let mut other = Command::new("sleep").arg("60").uid(NOBODY).spawn().unwrap();
    until(|| inspect::process(other.id()).uid == Some(NOBODY));
    let found = inspect::why_apart(std::process::id(), other.id()).unwrap();
    let user = found.differences.iter().find(|difference| difference.what == "user").unwrap();
    assert_eq!((user.is_same, user.values[1].as_deref()), (Some(false), Some("65534")));
    other.kill().unwrap();
    other.wait().unwrap();
}
