//! A wait above a second is reported when it is over.

use std::thread;

use support::{LONG, SHORT, name};
#[cfg(feature = "async")]
use sysv_primitives::Pool;
use sysv_primitives::{LockError, Mutex, RateLimiter};
use tracing::Level;

use crate::{LONG_WAIT, observer::observed};

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
