//! The list of futures that wait for the permits of a rate limiter, and the thread that wakes them.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use support::{LONG, alone, name, within};
use sysv_primitives::RateLimiter;

use super::{
    by_hand::ByHand,
    ending::{SOON, clerks},
};

struct Silent;

impl Wake for Silent {
    fn wake(self: Arc<Self>) {}
}

/// Makes a limiter without permits.
fn exhausted(name: &str) -> RateLimiter {
    let limiter = RateLimiter::create(name, 1, Duration::from_secs(3600)).unwrap();
    limiter.acquire(1).unwrap();
    limiter
}

/// A list that kept its waker would call it later, and keep the task of the future alive until then.
#[test]
fn ti2_a_dropped_future_is_on_no_list() {
    let name = name();
    let limiter = exhausted(&name);
    let task = Arc::new(Silent);
    {
        let waker = Waker::from(Arc::clone(&task));
        let mut future = pin!(limiter.acquire_async(1));
        assert!(matches!(future.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending));
        drop(waker);
        assert_eq!(Arc::strong_count(&task), 2, "the list has it");
    }
    assert_eq!(Arc::strong_count(&task), 1);
}

/// The thread would sleep for the future that waits longest, which is gone.
#[test]
fn ti3_a_dropped_limiter_leaves_no_thread() {
    alone(|| {
        let name = name();
        let limiter = exhausted(&name);
        let mut future = ByHand::new(limiter.acquire_async(1));
        future.until_waiting();
        assert!(within(LONG, || clerks() == 1), "one sleeps for it");
        drop(future);
        drop(limiter);
        assert!(within(SOON, || clerks() == 0), "it has ended");
    });
}
