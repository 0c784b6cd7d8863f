//! Events of the feature `tracing`: what a subscriber gets between real processes, and that no operation waits for it.
#![cfg(feature = "tracing")]

mod damage;
mod long_waits;
mod observer;
mod subscribers;

use std::{thread, time::Duration};

use sysv_primitives::{LockError, Mutex};

/// Longer than the wait that is reported.
const LONG_WAIT: Duration = Duration::from_millis(1200);

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
