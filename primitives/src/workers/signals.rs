//! Signals that end a pool, or a worker.
//!
//! A signal that was ever handled does not get its default back by itself. So one thread handles them from the first pool on, and does
//! what they do by default while there is none.

use std::{
    io, process,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator,
};

use super::sys;

static HANDLERS: Mutex<Handlers> = Mutex::new(Handlers { process: 0, next: 0, all: Vec::new() });

struct Handlers {
    /// The process with the thread that handles signals. A child made by `fork` has none.
    process: u32,
    next: u64,
    all: Vec<(u64, Act)>,
}

type Act = Box<dyn FnMut(i32) + Send>;

impl Handlers {
    fn lock() -> MutexGuard<'static, Self> {
        HANDLERS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles one signal.
    fn handle(&mut self, number: i32) {
        if self.all.is_empty() {
            sys::die_by(number);
        }
        self.all.iter_mut().for_each(|(_, act)| act(number));
    }
}

/// Handles signals until it is dropped.
#[derive(Debug)]
pub(super) struct Signals(u64);

impl Signals {
    /// Calls this for each signal that asks the process to end.
    pub(super) fn each(act: impl FnMut(i32) + Send + 'static) -> io::Result<Self> {
        let mut handlers = Handlers::lock();
        if handlers.process != process::id() {
            let mut signals = iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
            let handle = move || signals.forever().for_each(|number| Handlers::lock().handle(number));
            thread::Builder::new().name("signals".to_owned()).spawn(handle)?;
            handlers.process = process::id();
            handlers.all.clear();
        }
        let id = handlers.next;
        handlers.next += 1;
        handlers.all.push((id, Box::new(act)));
        Ok(Self(id))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        Handlers::lock().all.retain(|(id, _)| *id != self.0);
    }
}
