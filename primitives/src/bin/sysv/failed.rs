//! Why a command ended without its result, and the exit code of each end.

use std::{fmt, io, process::ExitCode};

use sysv_primitives::raw;

/// How a command ended that did what it was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Exit code 0.
    Well,
    /// Exit code 1: something that was found needs attention.
    WithAttention,
}

impl Ended {
    /// Returns 1 if something needs attention, otherwise 0.
    pub(crate) fn attention_if(needed: bool) -> Self {
        if needed { Self::WithAttention } else { Self::Well }
    }
}

/// Why a command could not do what it was asked to do.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Exit code 2: the arguments make no sense together.
    Usage(String),
    /// Exit code 3: it was refused, by the tool or by the system.
    Refused(String),
    /// The reader of the output went away, as `head` does. There is nothing to report to it.
    NoReader,
}

pub(crate) type Result<T, E = Failed> = std::result::Result<T, E>;

impl Failed {
    pub(crate) fn refused(why: impl fmt::Display) -> Self {
        Self::Refused(why.to_string())
    }

    /// Returns the text for standard error, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Usage(text) | Self::Refused(text) => Some(text),
            Self::NoReader => None,
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::NoReader => 0,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::NoReader } else { Self::refused(error) }
    }
}

impl From<raw::Error> for Failed {
    fn from(error: raw::Error) -> Self {
        Self::refused(error)
    }
}

impl From<sysv_primitives::Error> for Failed {
    fn from(error: sysv_primitives::Error) -> Self {
        Self::refused(error)
    }
}

/// Returns the exit code of an end.
pub(crate) fn exit_code(end: &Result<Ended>) -> ExitCode {
    ExitCode::from(match end {
        Ok(Ended::Well) => 0,
        Ok(Ended::WithAttention) => 1,
        Err(failed) => failed.code(),
    })
}
