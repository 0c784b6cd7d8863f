//! How a process learns that it is a worker: by a variable of its environment, and by the pipe that the variable names.
//!
//! A process that a worker starts inherits the variable, and not the pipe. So it takes itself for no worker.

use std::{
    env,
    fmt::{self, Write as _},
    os::fd::{OwnedFd, RawFd},
    str::FromStr,
    sync::{Mutex, OnceLock, PoisonError},
};

use super::{sys, tally::Row};

/// The variable that makes a process a worker.
pub(super) const VARIABLE: &str = "SYSV_WORKER";
/// The version of its text.
const VERSION: &str = "1";

/// What a supervisor asks of a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The end of a pipe. The supervisor alone has the other end. A byte means to stop. Its end of file means that the supervisor is
    /// dead, and to stop as well.
    pub(super) control: RawFd,
    /// By which that pipe is known.
    pub(super) identity: u64,
    /// The reading end of the worker's own stderr, and the supervisor's stderr. Negative: stderr is no pipe.
    pub(super) own_stderr: RawFd,
    pub(super) pools_stderr: RawFd,
    /// The segment of the tally, and this worker's row.
    pub(super) tally: i32,
    pub(super) row: usize,
    /// After how many jobs the worker ends. 0: never.
    pub(super) recycle_after: u64,
    /// The milliseconds that a job may take. 0: any time.
    pub(super) job_timeout: u64,
    pub(super) retries_panics: bool,
    /// Whether the channel goes when the supervisor dies.
    pub(super) removes: bool,
    pub(super) pool: String,
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { control, identity, own_stderr, pools_stderr, tally, row, recycle_after, job_timeout, .. } = self;
        let [retries, removes] = [self.retries_panics, self.removes].map(u8::from);
        write!(f, "{VERSION} {control} {identity} {own_stderr} {pools_stderr} {tally} {row} {recycle_after} ")?;
        write!(f, "{job_timeout} {retries} {removes} ")?;
        f.write_str(&self.pool)?;
        f.write_char('.')
    }
}

impl Assignment {
    fn parse(text: &str) -> Option<Self> {
        fn next<T: FromStr>(words: &mut std::str::SplitN<'_, char>) -> Option<T> {
            words.next()?.parse().ok()
        }
        let mut words = text.splitn(12, ' ');
        if words.next()? != VERSION {
            return None;
        }
        Some(Self {
            control: next(&mut words)?,
            identity: next(&mut words)?,
            own_stderr: next(&mut words)?,
            pools_stderr: next(&mut words)?,
            tally: next(&mut words)?,
            row: next(&mut words)?,
            recycle_after: next(&mut words)?,
            job_timeout: next(&mut words)?,
            retries_panics: next::<u8>(&mut words)? != 0,
            removes: next::<u8>(&mut words)? != 0,
            pool: words.next()?.strip_suffix('.')?.to_owned(),
        })
    }
}

/// What this process has of its supervisor, if it is a worker.
#[derive(Debug)]
pub(super) struct Inherited {
    pub(super) assignment: Assignment,
    /// `None` once they are in use.
    pipes: Mutex<Option<Pipes>>,
}

/// The descriptors that the supervisor left open for this process.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) control: OwnedFd,
    pub(super) own_stderr: Option<OwnedFd>,
    pub(super) pools_stderr: Option<OwnedFd>,
}

impl Inherited {
    /// Returns what this process inherited. `None`: it is no worker.
    pub(super) fn get() -> Option<&'static Self> {
        static INHERITED: OnceLock<Option<Inherited>> = OnceLock::new();
        INHERITED.get_or_init(Self::find).as_ref()
    }

    fn find() -> Option<Self> {
        let assignment = Assignment::parse(&env::var(VARIABLE).ok()?)?;
        let control = sys::take_inherited(assignment.control, Some(assignment.identity))?;
        let own_stderr = sys::take_inherited(assignment.own_stderr, None);
        let pools_stderr = sys::take_inherited(assignment.pools_stderr, None);
        Some(Self { assignment, pipes: Mutex::new(Some(Pipes { control, own_stderr, pools_stderr })) })
    }

    /// Takes the pipes, once.
    pub(super) fn take_pipes(&self) -> Option<Pipes> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn row(&self) -> Option<Row> {
        Row::attach(self.assignment.tally, self.assignment.row, &self.assignment.pool)
    }
}

#[cfg(test)]
mod tests {
    use super::Assignment;

    #[test]
    fn any_name_comes_through() {
        for pool in ["thumbnails", " a b  c ", "..", "ü 1"] {
            let assignment =
                Assignment { control: 7, own_stderr: -1, row: 3, pool: pool.to_owned(), ..Assignment::default() };
            assert_eq!(Assignment::parse(&assignment.to_string()), Some(assignment));
        }
        for other in ["", "2 3 4", "1 3 4 5 6 7 8 9 0 0 0", "1 3 x 5 6 7 8 9 0 0 0 pool."] {
            assert_eq!(Assignment::parse(other), None, "{other}");
        }
    }
}
