//! What the handle of a pool, its jobs and its supervisor share.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use super::{
    WorkersError,
    deaths::Deaths,
    report::{Ends, Received},
    tally::Tally,
};
use crate::{Channel, ObjectName};

#[derive(Debug)]
pub(super) struct Shared {
    /// As errors show it.
    pub(super) name: String,
    /// As its workers open it. It may have a password.
    pub(super) address: Address,
    pub(super) channel: Channel,
    pub(super) tally: Tally,
    pub(super) ends: Ends,
    pub(super) deaths: Deaths,
    pub(super) attempts: u8,
    pub(super) in_flight: usize,
    pub(super) received: Received,
    takes_no_more: AtomicBool,
    has_ended: AtomicBool,
    end: Mutex<Option<WorkersError>>,
    ended: Condvar,
}

impl Shared {
    pub(super) fn new(name: &str, channel: Channel, tally: Tally, attempts: u8, in_flight: usize) -> Arc<Self> {
        Arc::new(Self {
            name: shown(name),
            address: Address(name.to_owned()),
            channel,
            tally,
            ends: Ends::default(),
            deaths: Deaths::default(),
            attempts,
            in_flight,
            received: Received::default(),
            takes_no_more: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            end: Mutex::default(),
            ended: Condvar::new(),
        })
    }

    /// Returns what errors call the channel.
    pub(super) fn object(&self) -> ObjectName {
        ObjectName::new("channel", &self.name)
    }

    fn lock(&self) -> MutexGuard<'_, Option<WorkersError>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses further jobs of this process, and those that wait for room.
    pub(super) fn stop_submitting(&self) {
        // SYNC: SeqCst pairs with the fence of a waiter's announcement: it sees this, or it is roused.
        self.takes_no_more.store(true, SeqCst);
        // A channel that is gone has no sleepers.
        let _ = self.channel.rouse_senders();
    }

    /// Returns what is set when no further job is taken.
    pub(super) fn stops_submitting(&self) -> &AtomicBool {
        &self.takes_no_more
    }

    /// Says that the pool has ended, to every thread that waits for that or for a job.
    pub(super) fn end(&self, why: WorkersError) {
        self.stop_submitting();
        *self.lock() = Some(why);
        // Read before each sleep, and each sleeper is roused afterwards, behind a lock.
        self.has_ended.store(true, Relaxed);
        self.ended.notify_all();
        // A channel that is gone has no sleepers.
        let _ = self.channel.rouse_callers();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Relaxed)
    }

    /// Returns why no job is taken, if that is so.
    pub(super) fn check_submitting(&self) -> Result<(), WorkersError> {
        if !self.takes_no_more.load(Relaxed) {
            return Ok(());
        }
        Err(self.why())
    }

    /// Returns why the pool has ended, or is about to.
    pub(super) fn why(&self) -> WorkersError {
        self.lock().clone().unwrap_or_else(|| WorkersError::Drained { pool: self.name.clone() })
    }

    /// Waits for the end of the pool.
    pub(super) fn wait_for_end(&self) -> WorkersError {
        let mut end = self.lock();
        loop {
            match &*end {
                Some(why) => return why.clone(),
                None => end = self.ended.wait(end).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// What a pool is opened by. `Debug` shows no password.
pub(super) struct Address(pub(super) String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&shown(&self.0), f)
    }
}

/// Returns the name of a pool without the user and the password, if it is an address that has them.
pub(super) fn shown(name: &str) -> String {
    match name.split_once("://") {
        // A password may have an `@` in it, and the name of a channel hardly. So more is left out rather than less.
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn no_error_has_a_password() {
        assert_eq!(shown("redis://me:se/cr@t@host/jobs"), "redis://host/jobs");
        assert_eq!((shown("jobs@home"), shown("redis://host/jobs")), ("jobs@home".into(), "redis://host/jobs".into()));
    }
}
