//! A driver that polls by hand: it counts wake-ups, and polls only when the test says so.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use support::until;

#[derive(Default)]
struct Count {
    wakes: AtomicU32,
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
    }
}

/// A future, polled by hand.
pub(crate) struct ByHand<F: Future> {
    future: Pin<Box<F>>,
    count: Arc<Count>,
    waker: Waker,
    seen: u32,
}

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        let count = Arc::new(Count::default());
        Self { future: Box::pin(future), waker: Arc::clone(&count).into(), count, seen: 0 }
    }

    /// Polls once, woken or not.
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.seen = self.wakes();
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker))
    }

    fn wakes(&self) -> u32 {
        self.count.wakes.load(SeqCst)
    }

    /// Returns whether its waker was called since the last poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.wakes() != self.seen
    }

    /// Polls until it waits, and was not woken since.
    #[track_caller]
    pub(crate) fn until_waiting(&mut self) {
        loop {
            assert!(self.poll().is_pending(), "there is nothing to wait for");
            if !self.is_woken() {
                return;
            }
        }
    }

    /// Polls each time that it is woken, up to its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> F::Output {
        loop {
            if let Poll::Ready(output) = self.poll() {
                return output;
            }
            until(|| self.is_woken());
        }
    }
}
