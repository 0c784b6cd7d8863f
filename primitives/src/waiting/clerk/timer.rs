//! Futures that wait for a time and for no other process, and the thread of a handle that wakes them.
//!
//! - **TI1** The thread sleeps until the earliest time on its list. A future that comes with an earlier one wakes it.
//! - **TI2** A future is on the list from the first poll that finds the time not come, until it is woken or dropped. It has
//!   taken nothing, so a future that is not polled holds up no other.
//! - **TI3** The thread ends with the handle, or after [`IDLE`] without futures. A child made by `fork` has a list of its own.
//!
//! A waker that panics ends neither the thread nor the wake-ups of the others (CK8).

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use once_cell::race::OnceBox;

use super::{start::start, work::IDLE};
use crate::{ObjectName, background::wake_all, failure::Result, raw::process};

/// The futures of a handle that wait for a time.
#[derive(Debug)]
pub(crate) struct Timer {
    generation: u32,
    shared: Arc<Shared>,
    /// That of a child made by `fork`, which inherits this one.
    childs: OnceBox<Self>,
}

#[derive(Debug, Default)]
struct Shared {
    list: Mutex<List>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct List {
    waiting: BTreeMap<(Instant, u64), Waker>,
    next: u64,
    is_running: bool,
    /// The handle is being dropped.
    ends: bool,
}

impl Default for Timer {
    fn default() -> Self {
        Self { generation: process::fork_generation(), shared: Arc::default(), childs: OnceBox::new() }
    }
}

impl Timer {
    fn ours(&self) -> &Self {
        let mut timer = self;
        while !process::is_generation(timer.generation) {
            timer = timer.childs.get_or_init(Box::default);
        }
        timer
    }

    /// Waits for a time. If it is dropped it has changed nothing.
    pub(crate) fn sleep<'a>(&'a self, time: Duration, object: &'a ObjectName) -> Sleep<'a> {
        Sleep { timer: self.ours(), until: Instant::now() + time, object, number: None }
    }

    /// Ends the thread of this process, if there is one. The handle is being dropped, so no future waits.
    pub(crate) fn dismiss(&self) {
        let Self { shared, .. } = self.ours();
        shared.list().ends = true;
        shared.changed.notify_one();
    }
}

impl Shared {
    fn list(&self) -> MutexGuard<'_, List> {
        // No code panics while it is locked.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does all its life.
    fn work(&self) {
        let mut list = self.list();
        while !list.ends {
            let now = Instant::now();
            let mut due = Vec::new();
            while let Some(first) = list.waiting.first_entry().filter(|first| first.key().0 <= now) {
                due.push(first.remove());
            }
            if !due.is_empty() {
                // A waker may run any code.
                drop(list);
                // CK8.
                wake_all(due);
                list = self.list();
                continue;
            }
            let (time, is_idle) = match list.waiting.first_key_value() {
                Some((&(until, _), _)) => (until - now, false),
                None => (IDLE, true),
            };
            let (woken, slept) = self.changed.wait_timeout(list, time).unwrap_or_else(PoisonError::into_inner);
            list = woken;
            if is_idle && slept.timed_out() && list.waiting.is_empty() {
                break;
            }
        }
        list.is_running = false;
    }
}

/// A future that waits for a time.
pub(crate) struct Sleep<'a> {
    timer: &'a Timer,
    until: Instant,
    object: &'a ObjectName,
    /// Its number on the list, once it has one.
    number: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let Self { timer, until, object, .. } = *self;
        if !process::is_generation(timer.generation) || Instant::now() >= until {
            // In a child made by `fork` its caller finds out.
            return Poll::Ready(Ok(()));
        }
        let waker = context.waker().clone();
        let mut list = timer.shared.list();
        let number = self.number.unwrap_or(list.next);
        if self.number.is_none() {
            list.next += 1;
        }
        let former = list.waiting.insert((until, number), waker);
        if !list.is_running {
            let shared = Arc::clone(&timer.shared);
            if let Err(failure) = start(object, move || shared.work()) {
                let taken = list.waiting.remove(&(until, number));
                drop(list);
                drop(taken);
                return Poll::Ready(Err(failure));
            }
            list.is_running = true;
        }
        let is_first = list.waiting.first_key_value().is_some_and(|(&first, _)| first == (until, number));
        drop(list);
        // A waker may run any code when it is dropped.
        drop(former);
        self.number = Some(number);
        if is_first {
            // TI1.
            timer.shared.changed.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number
            && process::is_generation(self.timer.generation)
        {
            // Out of the lock, since a waker may run any code when it is dropped.
            let taken = self.timer.shared.list().waiting.remove(&(self.until, number));
            drop(taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{self, Sender},
        task::Wake,
        thread,
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    struct Told(Sender<()>);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            // If the test has failed, no thread listens.
            let _ = self.0.send(());
        }
    }

    #[test]
    fn ti1_a_future_with_an_earlier_time_is_woken_in_time() {
        let (timer, object) = (Timer::default(), ObjectName::new("limiter", "test"));
        let (told, woken) = mpsc::channel();
        let waker = Waker::from(Arc::new(Told(told)));
        let mut context = Context::from_waker(&waker);
        let mut late = Box::pin(timer.sleep(100 * LONG, &object));
        assert!(late.as_mut().poll(&mut context).is_pending());
        // The thread has begun to sleep by then.
        thread::sleep(SHORT);
        let mut early = Box::pin(timer.sleep(SHORT, &object));
        assert!(early.as_mut().poll(&mut context).is_pending());
        woken.recv_timeout(LONG).expect("it is woken, long before the other one");
        assert!(early.as_mut().poll(&mut context).is_ready());
        timer.dismiss();
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics, for the test");
        }
    }

    #[test]
    fn a_waker_that_panics_holds_up_no_other_future() {
        let (timer, object) = (Timer::default(), ObjectName::new("limiter", "test"));
        let (told, woken) = mpsc::channel();
        let (panics, tells) = (Waker::from(Arc::new(Panics)), Waker::from(Arc::new(Told(told))));
        let mut first = Box::pin(timer.sleep(SHORT, &object));
        assert!(first.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
        // Due at the same time or later: after the panic in any case.
        let mut second = Box::pin(timer.sleep(SHORT, &object));
        assert!(second.as_mut().poll(&mut Context::from_waker(&tells)).is_pending());
        woken.recv_timeout(LONG).expect("it is woken after the panic");
        let mut later = Box::pin(timer.sleep(SHORT, &object));
        assert!(later.as_mut().poll(&mut Context::from_waker(&tells)).is_pending());
        woken.recv_timeout(LONG).expect("the thread goes on");
        timer.dismiss();
    }
}
