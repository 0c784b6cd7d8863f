//! A signal ends a wait of a handle that asked for it, with nothing lost. Otherwise the wait goes on.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use nix::sys::signal::{SigHandler, Signal, raise};
use serde::{Deserialize, Serialize};
use support::{child, hold_for_ever, install, memory, name, until};
use sysv_primitives::{
    Barrier, Channel, Error, Mutex, OnceLock, Pool, RateLimiter, Request, RwLock, Watch, broadcast, messages, mpmc,
    spsc,
};

#[derive(Serialize, Deserialize)]
struct Event(u32);

messages! { 1 => Event }

impl Request for Event {
    type Response = u32;
}

type Maker = Box<dyn FnMut()>;
type Waiter = Box<dyn FnMut() -> Result<(), Error>>;

/// A wait of some kind of object.
struct Case {
    what: &'static str,
    /// Creates the object, without an event. Returns what makes one.
    create: fn(&str) -> Maker,
    /// Opens it, interruptible or not. Returns what waits for an event, and takes it.
    open: fn(&str, bool) -> Waiter,
}

fn cases() -> Vec<Case> {
    let mut cases = locks();
    cases.extend(rings());
    cases.extend(others());
    cases
}

/// Each event is that the lock is free for a moment.
fn locks() -> Vec<Case> {
    vec![
        Case {
            what: "Mutex::lock",
            create: |name| {
                let mutex: &'static Mutex<u32> = Box::leak(Box::new(Mutex::create(name, 0).unwrap()));
                let mut guard = Some(mutex.lock().unwrap());
                Box::new(move || drop(guard.take()))
            },
            open: |name, is| {
                let mutex = Mutex::<u32>::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(mutex.lock().map(drop)?))
            },
        },
        Case {
            what: "MutexGuard::wait_while",
            create: |name| {
                let mutex = Mutex::create(name, 0_u32).unwrap();
                Box::new(move || *mutex.lock().unwrap() += 1)
            },
            open: |name, is| {
                let mutex = Mutex::<u32>::options().interruptible(is).open(name).unwrap();
                Box::new(move || {
                    let mut guard = mutex.lock()?.wait_while(|&events| events == 0)?;
                    *guard -= 1;
                    Ok(())
                })
            },
        },
        Case {
            what: "RwLock::read",
            create: |name| {
                let lock: &'static RwLock<u32> = Box::leak(Box::new(RwLock::create(name, 0).unwrap()));
                let mut guard = Some(lock.write().unwrap());
                Box::new(move || drop(guard.take()))
            },
            open: |name, is| {
                let lock = RwLock::<u32>::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(lock.read().map(drop)?))
            },
        },
        Case {
            what: "RwLock::write",
            create: |name| {
                let lock: &'static RwLock<u32> = Box::leak(Box::new(RwLock::create(name, 0).unwrap()));
                let mut guard = Some(lock.read().unwrap());
                Box::new(move || drop(guard.take()))
            },
            open: |name, is| {
                let lock = RwLock::<u32>::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(lock.write().map(drop)?))
            },
        },
        Case {
            what: "Pool::acquire",
            create: |name| {
                let pool: &'static Pool = Box::leak(Box::new(Pool::create(name, 1).unwrap()));
                let mut permit = Some(pool.acquire().unwrap());
                Box::new(move || drop(permit.take()))
            },
            open: |name, is| {
                let pool = Pool::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(pool.acquire().map(drop)?))
            },
        },
        Case {
            what: "Pool::acquire_many",
            create: |name| {
                let pool: &'static Pool = Box::leak(Box::new(Pool::create(name, 3).unwrap()));
                let mut permits = Some(pool.acquire_many(3).unwrap());
                Box::new(move || drop(permits.take()))
            },
            open: |name, is| {
                let pool = Pool::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(pool.acquire_many(3).map(drop)?))
            },
        },
    ]
}

fn rings() -> Vec<Case> {
    vec![
        Case {
            what: "mpmc::Consumer::pop",
            create: |name| {
                let producer = mpmc::Ring::<u32>::create(name, 8).unwrap().producer().unwrap();
                Box::new(move || producer.push(7).unwrap())
            },
            open: |name, is| {
                let consumer = mpmc::Ring::<u32>::options().interruptible(is).open(name).unwrap().consumer().unwrap();
                Box::new(move || Ok(consumer.pop().map(drop)?))
            },
        },
        Case {
            what: "mpmc::Producer::push",
            create: |name| {
                let ring = mpmc::Ring::<u32>::create(name, 1).unwrap();
                ring.producer().unwrap().push(7).unwrap();
                let consumer = ring.consumer().unwrap();
                Box::new(move || assert_eq!(consumer.pop().unwrap(), 7))
            },
            open: |name, is| {
                let producer = mpmc::Ring::<u32>::options().interruptible(is).open(name).unwrap().producer().unwrap();
                Box::new(move || Ok(producer.push(7)?))
            },
        },
        Case {
            what: "spsc::Consumer::pop",
            create: |name| {
                let mut producer = spsc::Ring::<u32>::create(name, 8).unwrap().producer().unwrap();
                Box::new(move || producer.push(7).unwrap())
            },
            open: |name, is| {
                let mut consumer =
                    spsc::Ring::<u32>::options().interruptible(is).open(name).unwrap().consumer().unwrap();
                Box::new(move || Ok(consumer.pop().map(drop)?))
            },
        },
        Case {
            what: "spsc::Ring::producer",
            create: |name| {
                let mut producer = Some(spsc::Ring::<u32>::create(name, 8).unwrap().producer().unwrap());
                Box::new(move || drop(producer.take()))
            },
            open: |name, is| {
                let ring = spsc::Ring::<u32>::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(ring.producer().map(drop)?))
            },
        },
        Case {
            what: "broadcast::Subscriber::pop",
            create: |name| {
                let mut producer = broadcast::Ring::<u32>::create(name, 8).unwrap().producer().unwrap();
                Box::new(move || producer.push(7).unwrap())
            },
            open: |name, is| {
                let ring = broadcast::Ring::<u32>::options().interruptible(is).open(name).unwrap();
                let mut subscriber = ring.subscriber().unwrap();
                Box::new(move || Ok(subscriber.pop().map(drop)?))
            },
        },
    ]
}

fn others() -> Vec<Case> {
    vec![
        Case {
            what: "Watcher::changed",
            create: |name| {
                let watch = Watch::create(name, 0_u32).unwrap();
                Box::new(move || watch.update(|value| *value += 1).unwrap())
            },
            open: |name, is| {
                let mut watcher = Watch::<u32>::options().interruptible(is).open(name).unwrap().watcher();
                Box::new(move || Ok(watcher.changed()?))
            },
        },
        Case {
            what: "OnceLock::wait",
            create: |name| {
                let once = OnceLock::create(name).unwrap();
                Box::new(move || once.set(7_u32).unwrap())
            },
            open: |name, is| {
                let once = OnceLock::<u32>::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(once.wait().map(drop)?))
            },
        },
        Case {
            what: "Barrier::wait",
            create: |name| {
                let barrier = Barrier::create(name, 2).unwrap();
                Box::new(move || assert!(barrier.wait().is_ok()))
            },
            open: |name, is| {
                let barrier = Barrier::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(barrier.wait().map(drop)?))
            },
        },
        Case {
            what: "Channel::recv",
            create: |name| {
                let channel = Channel::create(name).unwrap();
                Box::new(move || channel.send(&Event(7)).unwrap())
            },
            open: |name, is| {
                let channel = Channel::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(channel.recv::<Event>().map(drop)?))
            },
        },
        Case {
            what: "Channel::send",
            create: |name| {
                let channel = Channel::options().capacity(1).create(name).unwrap();
                while channel.try_send(&Event(7)).is_ok() {}
                Box::new(move || assert_eq!(channel.recv::<Event>().unwrap().0, 7))
            },
            open: |name, is| {
                let channel = Channel::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(channel.send(&Event(7))?))
            },
        },
        Case {
            what: "Channel::call",
            create: |name| {
                let channel = Channel::create(name).unwrap();
                // The request of a call that was interrupted was taken back.
                Box::new(move || channel.recv_request::<Event>().unwrap().respond(&7).unwrap())
            },
            open: |name, is| {
                let channel = Channel::options().interruptible(is).open(name).unwrap();
                Box::new(move || Ok(channel.call(&Event(7)).map(drop)?))
            },
        },
    ]
}

/// How many handlers ran in this process.
static RAN: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    RAN.fetch_add(1, SeqCst);
}

fn is_interrupted(error: &Error) -> bool {
    error.failure().is_some_and(sysv_primitives::Failure::is_interrupted)
}

/// It waits twice: for the signal, and for the event.
#[test]
fn a_signal_ends_a_wait() {
    for Case { what, create, open } in cases() {
        let name = name();
        let mut make = create(&name);
        let said = memory(4);
        let interrupted: &AtomicU32 = said.view(0).unwrap();
        let waiter = child(|| {
            install(Signal::SIGUSR1, SigHandler::Handler(count));
            let mut wait = open(&name, true);
            let error = wait().expect_err(what);
            assert!(is_interrupted(&error), "{what}: {error}");
            assert!(error.to_string().contains(&*name), "{what}: {error}");
            interrupted.store(1, SeqCst);
            wait().expect(what);
        });
        waiter.until_asleep();
        waiter.signal(Signal::SIGUSR1);
        until(|| interrupted.load(SeqCst) == 1);
        waiter.until_asleep();
        make();
        waiter.join();
    }
}

#[test]
fn without_the_option_the_wait_goes_on() {
    for Case { what, create, open } in cases() {
        let name = name();
        let mut make = create(&name);
        let waiter = child(|| {
            install(Signal::SIGUSR1, SigHandler::Handler(count));
            open(&name, false)().expect(what);
            assert_eq!(RAN.load(SeqCst), 1, "{what}");
        });
        waiter.until_asleep();
        waiter.signal(Signal::SIGUSR1);
        waiter.until_asleep();
        assert!(!waiter.is_done(), "{what}");
        make();
        waiter.join();
    }
}

extern "C" fn stop(_: i32) {
    // In the handler the sleep is over, and the waiter is still announced.
    let _ = raise(Signal::SIGSTOP);
}

/// The signal ends the sleep, and then the waiter is called. It does nothing for that, so the next one is called.
#[test]
fn what_an_interrupted_waiter_was_called_for_goes_to_the_next() {
    let cases = cases().into_iter().filter(|case| {
        ["Mutex::lock", "Pool::acquire", "Pool::acquire_many", "mpmc::Consumer::pop", "Channel::recv", "RwLock::write"]
            .contains(&case.what)
    });
    for Case { what, create, open } in cases {
        let name = name();
        let mut make = create(&name);
        let first = child(|| {
            install(Signal::SIGUSR1, SigHandler::Handler(stop));
            let error = open(&name, true)().expect_err(what);
            assert!(is_interrupted(&error), "{what}: {error}");
            // Its death would wake the other one.
            hold_for_ever()
        });
        first.until_asleep();
        let second = child(|| open(&name, false)().expect(what));
        second.until_asleep();
        first.signal(Signal::SIGUSR1);
        until(|| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", first.id())).unwrap();
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        });
        make();
        first.signal(Signal::SIGCONT);
        second.join();
        first.kill();
    }
}

/// A limiter has no event: its permits come with time.
#[test]
fn a_signal_ends_the_wait_for_a_limiter() {
    let name = name();
    let limiter = RateLimiter::create(&name, 1, Duration::from_secs(3600)).unwrap();
    limiter.acquire(1).unwrap();
    let waiter = child(|| {
        install(Signal::SIGUSR1, SigHandler::Handler(count));
        let limiter =
            RateLimiter::options().interruptible(true).open_or_create(&name, 1, Duration::from_secs(3600)).unwrap();
        let error = Error::from(limiter.acquire(1).unwrap_err());
        assert!(is_interrupted(&error), "{error}");
    });
    waiter.until_asleep();
    waiter.signal(Signal::SIGUSR1);
    waiter.join();
}
