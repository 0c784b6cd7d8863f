//! Events of the feature `tracing`: what a subscriber gets between real processes, and that no operation waits for it.
#![cfg(feature = "tracing")]

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Barrier, Mutex as StdMutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use support::{
    LONG, SHORT, Waiters, alone, child, exit_now, hold_for_ever,
    letters::Number,
    name, only_this_thread_handles_signals,
    rights::{each_loss, refused_while_another_sleeps},
    threads_named, until,
};
use sysv_ipc::{Key, SharedMemoryOptions};
use sysv_primitives::{Channel, LockError, Mutex, Pool, RateLimiter, events};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    dispatcher::with_default,
    field::{Field, Visit},
    span,
};

/// Longer than the wait that is reported.
const LONG_WAIT: Duration = Duration::from_millis(1200);

/// An event, as a subscriber sees it.
#[derive(Clone, Debug)]
struct Seen {
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn event(&self) -> &str {
        self.field("event")
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// A subscriber that keeps what it sees, and then does something.
#[derive(Clone)]
struct Observer {
    seen: Arc<StdMutex<Vec<Seen>>>,
    then: Arc<dyn Fn(&Seen) + Send + Sync>,
}

impl Observer {
    fn new(then: impl Fn(&Seen) + Send + Sync + 'static) -> Self {
        Self { seen: Arc::default(), then: Arc::new(then) }
    }

    /// Runs a body with it as the subscriber.
    fn observe<T>(&self, body: impl FnOnce() -> T) -> T {
        with_default(&Dispatch::new(self.clone()), body)
    }

    /// Takes what was seen of the events so far.
    #[track_caller]
    fn take(&self) -> Vec<Seen> {
        assert!(events::flush(LONG), "the events are emitted");
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Takes the only event, which must be of this name and about this object.
    #[track_caller]
    fn take_only(&self, event: &str, kind: &str, name: &str) -> Seen {
        let seen = self.take();
        let [only] = seen.as_slice() else { panic!("not only {event}: {seen:?}") };
        assert_eq!((only.event(), only.field("object.kind"), only.field("object.name")), (event, kind, name));
        only.clone()
    }
}

impl Subscriber for Observer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sysv_primitives"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen { level: *event.metadata().level(), fields: BTreeMap::new() };
        event.record(&mut seen);
        assert_eq!(event.metadata().name(), seen.event());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        (self.then)(&seen);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Runs a test in a process of its own, with a subscriber. No thread of the harness uses `tracing`, so a child inherits
/// none of its locks locked.
fn observed(then: impl Fn(&Seen) + Send + Sync + 'static, body: impl FnOnce(&Observer)) {
    alone(|| {
        let observer = Observer::new(then);
        observer.observe(|| body(&observer));
    });
}

/// Makes a mutex that is poisoned, without an event.
fn poisoned(name: &str) -> Mutex<u32> {
    let mutex = Mutex::create(name, 7).unwrap();
    thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            let _guard = mutex.lock().unwrap();
            panic!("on purpose");
        });
        assert!(panicking.join().is_err());
    });
    mutex
}

fn is_poisoned<T>(result: &Result<T, LockError>) -> bool {
    matches!(result, Err(LockError::Poisoned { .. }))
}

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

/// A wait above a second is reported when it is over, however it ends. A shorter one is not.
#[test]
fn a_long_wait() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let mutex = Mutex::create(&name, 0_u32).unwrap();
            let guard = mutex.lock().unwrap();
            let wait = |time| observer.observe(|| mutex.lock_timeout(time).map(drop));
            thread::scope(|scope| {
                let late = scope.spawn(|| wait(LONG_WAIT));
                let found = scope.spawn(|| wait(LONG));
                assert!(matches!(wait(SHORT), Err(LockError::TimedOut)));
                assert!(observer.take().is_empty(), "no wait took so long");
                assert!(matches!(late.join().unwrap(), Err(LockError::TimedOut)));
                let seen = observer.take_only("long_wait", "mutex", &name);
                assert_eq!((seen.level, seen.field("outcome")), (Level::INFO, "timed_out"));
                assert!(seen.field("waited_ms").parse::<u64>().unwrap() >= 1000);
                drop(guard);
                found.join().unwrap().unwrap();
                assert_eq!(observer.take_only("long_wait", "mutex", &name).field("outcome"), "found");
            });
        },
    );
}

/// A limiter sleeps on no doorbell.
#[test]
fn a_long_wait_for_a_limiter() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let limiter = RateLimiter::options().burst(1).create(&name, 1, LONG_WAIT).unwrap();
            limiter.acquire(1).unwrap();
            limiter.acquire(1).unwrap();
            assert_eq!(observer.take_only("long_wait", "rate limiter", &name).field("outcome"), "found");
        },
    );
}

#[cfg(feature = "async")]
#[test]
fn a_long_wait_of_a_future() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let pool = Pool::create(&name, 1).unwrap();
            let permit = pool.acquire().unwrap();
            thread::scope(|scope| {
                let waits = || observer.observe(|| pollster::block_on(pool.acquire_async()).map(drop));
                let found = scope.spawn(waits);
                thread::sleep(LONG_WAIT);
                drop(permit);
                found.join().unwrap().unwrap();
            });
            assert_eq!(observer.take_only("long_wait", "pool", &name).field("outcome"), "found");
        },
    );
}

/// No doorbell and no list of futures has a part in it.
#[cfg(feature = "async")]
#[test]
fn a_long_wait_of_a_future_for_a_limiter() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let limiter = RateLimiter::options().burst(1).create(&name, 1, LONG_WAIT).unwrap();
            pollster::block_on(async {
                limiter.acquire_async(1).await.unwrap();
                limiter.acquire_async(1).await.unwrap();
            });
            assert_eq!(observer.take_only("long_wait", "rate limiter", &name).field("outcome"), "found");
        },
    );
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

/// A subscriber locks the mutex that the event is about, while the thread that caused the event holds it.
#[test]
fn a_subscriber_that_uses_the_same_mutex() {
    let name = name();
    let (tries, has_locked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let subscriber = {
        let (name, tries, has_locked) = (name.to_string(), Arc::clone(&tries), Arc::clone(&has_locked));
        move |_: &Seen| {
            let mutex = Mutex::<u32>::open(&name).unwrap();
            assert!(matches!(mutex.try_lock(), Err(LockError::WouldBlock)));
            tries.store(true, SeqCst);
            *mutex.lock().unwrap() += 1;
            has_locked.store(true, SeqCst);
        }
    };
    observed(subscriber, |observer| {
        let mutex = Mutex::create(&name, 0_u32).unwrap();
        let guard = mutex.lock().unwrap();
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                observer.observe(|| {
                    let guard = mutex.lock().unwrap();
                    until(|| tries.load(SeqCst));
                    assert!(!has_locked.load(SeqCst));
                    drop(guard);
                });
            });
            thread::sleep(LONG_WAIT);
            drop(guard);
            waits.join().unwrap();
        });
        observer.take_only("long_wait", "mutex", &name);
        assert_eq!((has_locked.load(SeqCst), *mutex.lock().unwrap()), (true, 1));
    });
}

/// A subscriber that panics loses its own event alone. One that calls `flush` is refused at once.
#[test]
fn a_subscriber_that_panics() {
    let calls = AtomicUsize::new(0);
    let subscriber = move |_: &Seen| {
        assert!(!events::flush(LONG));
        assert!(calls.fetch_add(1, SeqCst) > 0, "on purpose");
    };
    observed(subscriber, |observer| {
        let name = name();
        let mutex = poisoned(&name);
        for _ in 0..3 {
            assert!(is_poisoned(&mutex.lock()));
        }
        assert_eq!(observer.take().len(), 3);
        mutex.clear_poison();
        assert_eq!(*mutex.lock().unwrap(), 7);
    });
}

/// A subscriber that hangs holds up no operation. Events that find no room are counted.
#[test]
fn a_subscriber_that_hangs() {
    const MANY: u64 = 1500;
    let may_go = Arc::new(AtomicBool::new(false));
    let hangs = {
        let may_go = Arc::clone(&may_go);
        move |_: &Seen| until(|| may_go.load(SeqCst))
    };
    observed(hangs, |observer| {
        let name = name();
        let mutex = poisoned(&name);
        for _ in 0..MANY {
            assert!(is_poisoned(&mutex.lock()));
        }
        assert!(!events::flush(SHORT));
        may_go.store(true, SeqCst);
        // The count is reported with the next event.
        assert!(events::flush(LONG));
        assert!(is_poisoned(&mutex.lock()));
        let seen = observer.take();
        let lost = seen.iter().filter(|seen| seen.event() == "events_lost");
        let lost: u64 = lost.map(|seen| seen.field("count").parse::<u64>().unwrap()).sum();
        let emitted = seen.iter().filter(|seen| seen.event() == "poison_met").count() as u64;
        assert!((1024..=1027).contains(&emitted), "{emitted}");
        assert_eq!(emitted + lost, MANY + 1);
    });
}

/// A child has a thread of its own for them, also if its parent had one.
#[test]
fn a_child_made_by_fork() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let mutex = poisoned(&name);
            let refused = || {
                assert!(is_poisoned(&mutex.lock()));
                observer.take_only("poison_met", "mutex", &name);
            };
            refused();
            alone(refused);
            refused();
        },
    );
}

/// A handler of the program's runs in the program's own threads.
#[test]
fn no_handler_runs_there() {
    observed(
        |_| {},
        |observer| {
            let name = name();
            let mutex = poisoned(&name);
            alone(|| {
                assert!(is_poisoned(&mutex.lock()));
                observer.take_only("poison_met", "mutex", &name);
                assert_eq!(threads_named("sysv-events"), 1);
                only_this_thread_handles_signals();
            });
        },
    );
}

/// Without a subscriber there is no thread, and so nothing to wait for.
#[test]
fn no_subscriber() {
    alone(|| {
        let name = name();
        let mutex = poisoned(&name);
        assert!(is_poisoned(&mutex.lock()));
        assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), 1);
        assert!(events::flush(Duration::ZERO));
    });
}
