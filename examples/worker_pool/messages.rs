//! What the supervisor and its workers tell each other.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use serde::{Deserialize, Serialize};
use sysv_primitives::messages;

use crate::count::Words;

messages! { 1 => Job; 2 => Counted; 3 => Event }

/// A file to be counted.
#[derive(Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) number: usize,
    /// The path's bytes: not every path is text.
    path: Vec<u8>,
}

impl Job {
    pub(crate) fn new(number: usize, path: PathBuf) -> Self {
        Self { number, path: path.into_os_string().into_vec() }
    }

    pub(crate) fn path(self) -> PathBuf {
        OsString::from_vec(self.path).into()
    }
}

/// What became of a job.
#[derive(Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) job: usize,
    /// Which worker, by a number that is never used again. A replacement has another one.
    pub(crate) worker: usize,
    pub(crate) kind: Kind,
    pub(crate) words: Words,
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Text { bytes: u64 },
    Binary { bytes: u64 },
    Empty,
    Unreadable,
}

/// What the supervisor must attend to besides results. Its own threads send it, so that it waits in
/// one place alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    ChildEnded,
    Stop,
}
