//! Threads that park, by a mutex and a condition.

use std::{cell::RefCell, fmt, sync::Arc, time::Duration};

use loom::{
    sync::{Condvar, Mutex},
    thread,
};

use crate::time::{self, STEP};

/// A thread that can be unparked.
#[derive(Clone)]
pub(crate) struct Thread(Arc<Token>);

#[derive(Default)]
struct Token {
    is_there: Mutex<bool>,
    comes: Condvar,
}

loom::thread_local! {
    static CURRENT: RefCell<Thread> = RefCell::new(Thread(Arc::default()));
}

pub(crate) fn current() -> Thread {
    CURRENT.with(|current| current.borrow().clone())
}

pub(crate) fn spawn(body: impl FnOnce() + 'static) -> Thread {
    let started = Thread(Arc::default());
    let its_own = started.clone();
    thread::spawn(move || {
        CURRENT.with(|current| current.replace(its_own));
        body();
    });
    started
}

pub(crate) fn park() {
    let Thread(token) = current();
    let mut is_there = token.is_there.lock().expect("no code panics here");
    while !*is_there {
        is_there = token.comes.wait(is_there).expect("no code panics here");
    }
    *is_there = false;
}

pub(crate) fn park_timeout(timeout: Duration) {
    if timeout > STEP {
        return park();
    }
    let Thread(token) = current();
    let take = || std::mem::take(&mut *token.is_there.lock().expect("no code panics here"));
    if !take() {
        // The others run first.
        thread::yield_now();
        if !take() {
            time::pass();
        }
    }
}

impl Thread {
    pub(crate) fn id(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    pub(crate) fn unpark(&self) {
        *self.0.is_there.lock().expect("no code panics here") = true;
        self.0.comes.notify_one();
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}", self.id())
    }
}
