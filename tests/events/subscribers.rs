//! What a subscriber may do, and the thread that calls it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use support::{LONG, SHORT, alone, name, only_this_thread_handles_signals, threads_named, until};
use sysv_primitives::{LockError, Mutex, events};

use crate::{
    LONG_WAIT, is_poisoned,
    observer::{Seen, observed},
    poisoned,
};

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
