//! The futures of a handle that wait for ends of calls.

use std::{collections::HashMap, task::Waker};

/// Their wakers. Each waker that a method returns is to be dropped or called without the lock, since it may do anything.
#[derive(Debug, Default)]
pub(super) struct Callers {
    /// Of those that wait for the end of one call.
    of_one: HashMap<String, Waker>,
    /// Of those that wait for the end of any, by their number.
    of_any: HashMap<u64, Waker>,
    numbers: u64,
}

impl Callers {
    /// Has a waker called at the end of a call. Returns the one before it.
    pub(super) fn wait_for(&mut self, id: &str, waker: &Waker) -> Option<Waker> {
        self.of_one.insert(id.to_owned(), waker.clone())
    }

    /// Has a waker called at the next end of any call. Returns the one before it. The future is given a number, and keeps it until it is
    /// dropped. So it has one waker here, however often it is polled.
    pub(super) fn watch(&mut self, number: &mut Option<u64>, waker: &Waker) -> Option<Waker> {
        let number = *number.get_or_insert_with(|| {
            self.numbers += 1;
            self.numbers
        });
        self.of_any.insert(number, waker.clone())
    }

    pub(super) fn forget(&mut self, id: &str) -> Option<Waker> {
        self.of_one.remove(id)
    }

    pub(super) fn unwatch(&mut self, number: u64) -> Option<Waker> {
        self.of_any.remove(&number)
    }

    /// Takes those that wait for the end of this call, or of any.
    pub(super) fn take_for(&mut self, id: &str) -> Vec<Waker> {
        self.of_one.remove(id).into_iter().chain(self.of_any.drain().map(|(_, waker)| waker)).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Waker> {
        let Self { of_one, of_any, .. } = self;
        of_one.drain().map(|(_, waker)| waker).chain(of_any.drain().map(|(_, waker)| waker)).collect()
    }
}
