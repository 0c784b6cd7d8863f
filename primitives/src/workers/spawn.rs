//! How one worker is started, and what its supervisor has of it.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write},
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    process::Child,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use super::{
    assignment::{Assignment, VARIABLE},
    program::{Program, Stream},
    sys::{self, Limits},
};
use crate::background;

/// How many lines of a worker's standard error are kept, and how many bytes of each.
const MOST_LINES: usize = 20;
const LONGEST_LINE: usize = 1000;
/// What Rust's runtime says before it aborts a program that gets no memory.
const NO_MEMORY: &[u8] = b"memory allocation of ";
/// How long the last lines of a dead worker may take: something that it started may keep its standard error open.
const LAST_LINES: Duration = Duration::from_millis(200);

/// A worker that was started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    /// The worker stops when this is written to, or closed.
    pub(super) control: PipeWriter,
    pub(super) stderr: LastLines,
}

impl Program {
    /// Starts a worker. What it is to know of its pipes is filled in.
    pub(super) fn start(&self, mut assignment: Assignment, limits: &Limits) -> io::Result<Started> {
        let mut command = self.command()?;
        let (theirs, control) = io::pipe()?;
        let mut inherited: Vec<RawFd> = sys::raw(&[&theirs]);
        (assignment.control, assignment.identity) = (theirs.as_raw_fd(), sys::identity(&theirs)?);
        (assignment.own_stderr, assignment.pools_stderr) = (-1, -1);
        let stderr = match &self.stderr {
            Stream::File(_) => None,
            Stream::Inherit | Stream::Null => Some(Collected::new(matches!(self.stderr, Stream::Inherit))?),
        };
        if let Some(collected) = &stderr {
            command.stderr(collected.writer.try_clone()?);
            // The worker has the reading end too: so writing never fails, whatever dies.
            inherited.push(collected.reader.as_raw_fd());
            assignment.own_stderr = collected.reader.as_raw_fd();
            if let Some(ours) = &collected.ours {
                inherited.push(ours.as_raw_fd());
                assignment.pools_stderr = ours.as_raw_fd();
            }
        }
        command.env(VARIABLE, assignment.to_string());
        sys::prepare(&mut command, limits, inherited);
        let child = command.spawn()?;
        // The command has a writing end, without which there is no end of file.
        drop(command);
        Ok(Started { child, control, stderr: stderr.map_or_else(LastLines::none, Collected::read) })
    }
}

/// A worker's standard error, before it is read.
struct Collected {
    reader: PipeReader,
    writer: PipeWriter,
    /// Where it is passed on to.
    ours: Option<OwnedFd>,
}

impl Collected {
    fn new(is_passed_on: bool) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let ours = if is_passed_on { Some(io::stderr().as_fd().try_clone_to_owned()?) } else { None };
        Ok(Self { reader, writer, ours })
    }

    /// Reads it in a thread of its own until its end.
    fn read(self) -> LastLines {
        let Self { reader, writer, ours } = self;
        drop(writer);
        let lines = Arc::new(Mutex::new(Lines::default()));
        let (ended, at_end) = mpsc::channel();
        let kept = Arc::clone(&lines);
        // Without a thread there are no lines.
        let _ = background::start("worker stderr", None, move || {
            pass_on(reader, ours, &kept);
            drop(ended);
        });
        LastLines { lines, at_end }
    }
}

/// Reads lines, keeps the last ones, and passes all on.
fn pass_on(reader: PipeReader, ours: Option<OwnedFd>, kept: &Mutex<Lines>) {
    let mut reader = BufReader::new(reader);
    let mut ours = ours.map(std::fs::File::from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut reader, LONGEST_LINE as u64).read_until(b'\n', &mut line);
        if !matches!(read, Ok(len) if len > 0) {
            return;
        }
        if let Some(ours) = &mut ours {
            // If nothing reads ours any more, the lines are kept all the same.
            let _ = ours.write_all(&line);
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.says_no_memory |= line.starts_with(NO_MEMORY);
        if kept.last.len() == MOST_LINES {
            kept.last.pop_front();
        }
        kept.last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
    }
}

/// What is kept of a worker's standard error.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) last: VecDeque<String>,
    /// Whether Rust's runtime ever said that there is no memory. A backtrace comes after it.
    pub(super) says_no_memory: bool,
}

/// The last lines of a worker's standard error.
#[derive(Debug)]
pub(super) struct LastLines {
    lines: Arc<Mutex<Lines>>,
    /// Disconnected at their end.
    at_end: mpsc::Receiver<()>,
}

impl LastLines {
    fn none() -> Self {
        Self { lines: Arc::default(), at_end: mpsc::channel().1 }
    }

    /// Returns them, once a dead worker's have all been read.
    pub(super) fn of_the_dead(self) -> Lines {
        let _ = self.at_end.recv_timeout(LAST_LINES);
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
