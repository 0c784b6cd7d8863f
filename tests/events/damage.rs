//! Events of what a process met and mended: members that died, objects half made, posts refused, messages set aside.

use std::{sync::Barrier, thread};

use support::{
    Waiters, child, exit_now, hold_for_ever,
    letters::Number,
    name,
    rights::{each_loss, refused_while_another_sleeps},
    until,
};
use sysv_ipc::{Key, SharedMemoryOptions};
use sysv_primitives::{Channel, LockError, Mutex, Pool};
use tracing::Level;

use crate::{
    is_poisoned,
    observer::{Seen, observed},
};

/// A holder is killed: one process reaps it and says so once, and the poison is met at each attempt to lock.
#[test]
fn a_killed_holder() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let mutex = Mutex::create(&name, 0_u32).unwrap();
            let holder = child(|| {
                let mutex = Mutex::<u32>::open(&name).unwrap();
                let _guard = mutex.lock().unwrap();
                hold_for_ever()
            });
            until(|| mutex.holder().is_some());
            let member = mutex.holder().unwrap();
            holder.kill();
            assert!(is_poisoned(&mutex.lock()));
            let seen = observer.take();
            assert_eq!(seen.iter().map(Seen::event).collect::<Vec<_>>(), ["member_reaped", "poison_met"]);
            for event in &seen {
                assert_eq!(event.level, Level::WARN);
                assert_eq!((event.field("object.kind"), event.field("object.name")), ("mutex", &*name));
            }
            assert_eq!(seen[0].field("pid"), member.pid.to_string());
            assert_eq!(seen[0].field("slot"), member.slot.to_string());
            assert!(is_poisoned(&mutex.try_lock()));
            observer.take_only("poison_met", "mutex", &name);
        },
    );
}

/// However many helpers repair a slot at once, one of them reports it.
#[test]
fn several_helpers_of_one_slot() {
    const HELPERS: usize = 4;
    observed(
        |_| {},
        |observer| {
            for _ in 0..30 {
                let name = name();
                let mutex = Mutex::create(&name, 0_u32).unwrap();
                let holder = child(|| {
                    let mutex = Mutex::<u32>::open(&name).unwrap();
                    let _guard = mutex.lock().unwrap();
                    exit_now(0)
                });
                holder.join();
                let begins = Barrier::new(HELPERS);
                thread::scope(|scope| {
                    for _ in 0..HELPERS {
                        scope.spawn(|| {
                            begins.wait();
                            observer.observe(|| mutex.try_lock().is_ok())
                        });
                    }
                });
                let reaped = observer.take().iter().filter(|seen| seen.event() == "member_reaped").count();
                assert_eq!(reaped, 1);
            }
        },
    );
}

/// A new member that needs the slot of a dead one reaps it as well.
#[test]
fn a_new_member_in_the_slot_of_a_dead_one() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let pool = Pool::options().max_handles(1).create(&name, 1).unwrap();
            drop(pool);
            let dead = child(|| {
                let _pool = Pool::open(&name).unwrap();
                exit_now(0)
            });
            dead.join();
            drop(Pool::open(&name).unwrap());
            observer.take_only("member_reaped", "pool", &name);
            drop(Pool::open(&name).unwrap());
            assert!(observer.take().is_empty(), "a member that leaves is not reaped");
        },
    );
}

/// Its creator dies half-way, or it loses a part: the next process that comes makes it anew, and says so once.
#[test]
fn a_half_made_object() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let creator = child(|| {
                let _ = Mutex::create_with(&name, |_: &mut u32| exit_now(0));
            });
            creator.join();
            let mutex = Mutex::open_or_create(&name, 7_u32).unwrap();
            let seen = observer.take_only("object_repaired", "mutex", &name);
            assert_eq!((seen.level, seen.field("found")), (Level::WARN, "half made"));

            let key = mutex.status().unwrap().key;
            drop(mutex);
            remove_segment(key);
            drop(Mutex::open_or_create(&name, 8_u32).unwrap());
            let seen = observer.take_only("object_repaired", "mutex", &name);
            assert_eq!(seen.field("found"), "its segment");
        },
    );
}

fn remove_segment(key: Key) {
    SharedMemoryOptions::new().open_segment(key).unwrap().remove().unwrap();
}

/// A process without the right to post reports it at once, and its next call fails as before.
#[test]
fn a_refused_post() {
    observed(
        |_| {},
        |observer| {
            each_loss(|lose| {
                let name = name();
                let mutex = Mutex::create(&name, 0_u32).unwrap();
                let set = mutex.status().unwrap().set;
                let begin = || {
                    let mutex = Box::leak(Box::new(Mutex::<u32>::open(&name).unwrap()));
                    let guard = mutex.lock().unwrap();
                    || {
                        drop(guard);
                        // An unlock tries it again if it had offered the lock to the waiter.
                        let seen = observer.take();
                        assert!((1..=2).contains(&seen.len()), "{seen:?}");
                        for seen in &seen {
                            assert_eq!((seen.event(), seen.level), ("post_refused", Level::ERROR));
                            assert_eq!((seen.field("object.kind"), seen.field("object.name")), ("mutex", &*name));
                            assert!(seen.field("error").contains("semop"), "{seen:?}");
                        }
                        assert!(matches!(mutex.lock(), Err(LockError::Failed(_))));
                    }
                };
                let sleep = || drop(Mutex::<u32>::open(&name).unwrap().lock().unwrap());
                let (refused, sleeper) = refused_while_another_sleeps((set, Waiters::OF_MUTEX), lose, begin, sleep);
                drop(mutex.try_lock().unwrap());
                sleeper.join();
                refused.kill();
            });
        },
    );
}

#[test]
fn a_message_set_aside() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let channel = Channel::options().attempts(1).create(&name).unwrap();
            channel.send(&Number(7)).unwrap();
            drop(channel.claim::<Number>().unwrap());
            let seen = observer.take_only("message_set_aside", "channel", &name);
            assert_eq!(seen.field("route"), channel.set_aside().unwrap()[0].route().to_string());
        },
    );
}
