//! A future's errand at the desk, and its result.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use super::{desk::Desk, line::Line};
use crate::background::wake_all;

enum Stage<T> {
    Running(Option<Waker>),
    Done(T),
    Returned,
}

struct Slot<T> {
    stage: Mutex<Stage<T>>,
    /// Whether the future is gone that wants it.
    is_dropped: AtomicBool,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Stage<T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of an errand. If the future was dropped first, the errand is not run. If it was run already, the result is dropped.
pub(super) struct Asked<T>(Arc<Slot<T>>);

impl<T: Send + 'static> Asked<T> {
    pub(super) fn new(
        desk: &Arc<Desk>,
        work: impl FnOnce(&mut Line, &dyn Fn() -> bool) -> T + Send + 'static,
    ) -> io::Result<Self> {
        let slot = Arc::new(Slot { stage: Mutex::new(Stage::Running(None)), is_dropped: AtomicBool::new(false) });
        let clerks = Arc::clone(&slot);
        desk.submit(move |line| {
            if clerks.is_dropped.load(Relaxed) {
                return;
            }
            let found = work(line, &|| clerks.is_dropped.load(Relaxed));
            let before = std::mem::replace(&mut *clerks.lock(), Stage::Done(found));
            if let Stage::Running(waker) = before {
                wake_all(waker);
            }
        })?;
        Ok(Self(slot))
    }

    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<T> {
        let waker = context.waker().clone();
        let mut stage = self.0.lock();
        match std::mem::replace(&mut *stage, Stage::Returned) {
            Stage::Done(found) => Poll::Ready(found),
            // It is polled no more after it was returned.
            former @ (Stage::Running(_) | Stage::Returned) => {
                *stage = Stage::Running(Some(waker));
                // Without the lock: a waker may do anything when it is dropped.
                drop(stage);
                drop(former);
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        self.0.is_dropped.store(true, Relaxed);
        // Here, and not by the clerk: a waker may panic when it is dropped. If the stage is locked, the clerk has it and calls the waker, or
        // this is a child made by `fork`.
        let waker = match self.0.stage.try_lock().as_deref_mut() {
            Ok(Stage::Running(waker)) => waker.take(),
            _ => None,
        };
        drop(waker);
    }
}
