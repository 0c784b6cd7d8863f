//! How the workers of a pool died: what their supervisor learnt, and what the channel's lists of causes can't know.

use std::{
    collections::{BTreeMap, VecDeque},
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{Attempt, Cause};

/// How many deaths are remembered.
const MOST: usize = 4096;
/// How long a caller waits for the supervisor to bury a worker that is dead.
const BURIAL: Duration = Duration::from_secs(1);

/// What the supervisor knows of a worker's death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) cause: Cause,
    pub(super) status: ExitStatus,
}

impl Death {
    /// Returns the status as the channel keeps it.
    pub(super) fn raw_status(self) -> u16 {
        let [low, high, ..] = self.status.into_raw().to_le_bytes();
        u16::from_le_bytes([low, high])
    }
}

/// The deaths of a pool's workers, and which of them live.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    /// Those that are not buried, and which of them were not killed.
    living: Vec<(u32, bool)>,
    by_pid: BTreeMap<u32, Death>,
    order: VecDeque<u32>,
}

impl Deaths {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker. None of its deeds is seen before it is known.
    pub(super) fn born<T, E>(&self, start: impl FnOnce() -> Result<(u32, T), E>) -> Result<T, E> {
        let mut known = self.known();
        let (pid, started) = start()?;
        known.living.push((pid, true));
        // Its id may have been another worker's.
        known.by_pid.remove(&pid);
        Ok(started)
    }

    /// Returns the workers that live, as far as the pool knows.
    pub(super) fn living(&self) -> Vec<u32> {
        self.known().living.iter().filter(|(_, lives)| *lives).map(|&(pid, _)| pid).collect()
    }

    pub(super) fn killed(&self, pid: u32) {
        self.known().living.iter_mut().filter(|(killed, _)| *killed == pid).for_each(|(_, lives)| *lives = false);
    }

    pub(super) fn died(&self, pid: u32, death: Option<Death>) {
        let mut known = self.known();
        known.living.retain(|&(living, _)| living != pid);
        if let Some(death) = death {
            known.by_pid.insert(pid, death);
            known.order.push_back(pid);
            if known.order.len() > MOST
                && let Some(oldest) = known.order.pop_front()
            {
                known.by_pid.remove(&oldest);
            }
        }
        drop(known);
        self.changed.notify_all();
    }

    /// Fills in how the workers of a job's attempts died.
    ///
    /// A job may be set aside before the supervisor has buried its last worker: then this waits for that.
    pub(super) fn explain(&self, attempts: &mut [Attempt]) {
        let is_unexplained = |attempt: &&mut Attempt| attempt.cause == Cause::Died && attempt.status.is_none();
        for attempt in attempts.iter_mut().filter(is_unexplained) {
            let Some(pid) = attempt.pid else { continue };
            let is_unburied = |known: &mut Known| known.living.iter().any(|&(living, _)| living == pid);
            let waited = self.changed.wait_timeout_while(self.known(), BURIAL, is_unburied);
            let (known, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if let Some(death) = known.by_pid.get(&pid) {
                (attempt.cause, attempt.status) = (death.cause, Some(death.status));
            }
        }
    }
}

/// Notices whether the kernel killed for want of memory.
#[derive(Debug)]
pub(super) struct OomKills(u64);

impl OomKills {
    pub(super) fn new() -> Self {
        Self(Self::count())
    }

    /// Returns whether it did so since this was last asked.
    pub(super) fn have_happened(&mut self) -> bool {
        let count = Self::count();
        std::mem::replace(&mut self.0, count) != count
    }

    /// Returns how often it did since the system was started. 0 where the system does not say.
    fn count() -> u64 {
        let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus, thread, time::Duration};

    use super::{Attempt, Cause, Death, Deaths};
    use crate::{Channel, Route};

    /// Returns an attempt of this process that was requeued, as the channel lists it.
    fn attempt() -> Attempt {
        let name = format!("deaths-test-{}", std::process::id());
        let channel = Channel::options().remove_on_drop(true).create(&name).unwrap();
        channel.send_raw(Route::new(1), b"").unwrap();
        channel.claim_any().unwrap().requeue().unwrap();
        channel.claim_any().unwrap().attempts()[0]
    }

    #[test]
    fn a_death_that_is_not_known_yet_is_waited_for() {
        let deaths = Deaths::default();
        for pid in [7, 8] {
            deaths.born(|| Ok::<_, ()>((pid, ()))).unwrap();
        }
        let requeued = attempt();
        let died = |pid| Attempt { cause: Cause::Died, pid: Some(pid), ..requeued };
        let mut attempts = [died(7), Attempt { pid: Some(8), ..requeued }, died(9)];
        let status = ExitStatus::from_raw(9);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                deaths.died(7, Some(Death { cause: Cause::TimedOut, status }));
            });
            deaths.explain(&mut attempts);
        });
        assert_eq!((attempts[0].cause, attempts[0].status), (Cause::TimedOut, Some(status)));
        assert_eq!(attempts[1..], [Attempt { pid: Some(8), ..requeued }, died(9)]);
    }
}
