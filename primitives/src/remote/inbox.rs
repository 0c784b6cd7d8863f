//! What the inbox of a handle says: how its calls ended (RD8).

use super::{line::Line, reply::Entry};
use crate::raw::Deadline;

/// How many entries of an inbox are read, and how many of their bytes, before they are deleted together. Each deletion is a round trip.
const MOST_ENTRIES: usize = 32;
const MOST_BYTES: usize = 64 << 10;

/// Entries that are read, as the command that deletes them.
pub(super) struct Entries {
    words: Vec<Vec<u8>>,
    bytes: usize,
}

impl Entries {
    /// How many words come before the entries.
    const FIRST: usize = 2;

    pub(super) fn new(inbox: &str) -> Self {
        Self { words: vec![b"XDEL".to_vec(), inbox.as_bytes().to_vec()], bytes: 0 }
    }

    pub(super) fn delete(&mut self, line: &mut Line) {
        if self.words.len() > Self::FIRST {
            // They are read. If this fails the entries go with the inbox, after its time.
            let words: Vec<&[u8]> = self.words.iter().map(Vec::as_slice).collect();
            let _ = line.command(&words, Deadline::NOW);
        }
        self.words.truncate(Self::FIRST);
        self.bytes = 0;
    }

    /// Adds an entry that was read.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.bytes += entry.field("b").len();
        self.words.push(entry.name.clone().into_bytes());
    }

    /// Whether there are so many that they are to be deleted.
    pub(super) fn is_enough(&self) -> bool {
        self.words.len() >= MOST_ENTRIES || self.bytes >= MOST_BYTES
    }
}

/// How a call ended.
#[derive(Clone, Debug)]
pub(crate) enum CallEnd {
    Response {
        codec: u32,
        schema: u32,
        bytes: Vec<u8>,
    },
    /// It was attempted as often as allowed: how the attempts ended, as the server has it.
    Aside(String),
    Lost,
    /// The channel was closed before a process took it.
    Closed,
    Removed,
}

impl CallEnd {
    /// Returns how a call ended, as an entry of the inbox says it.
    pub(super) fn of(entry: &Entry) -> Self {
        match entry.text("k").as_str() {
            "response" => Self::Response {
                codec: entry.text("c").parse().unwrap_or(0),
                schema: entry.text("s").parse().unwrap_or(0),
                bytes: entry.field("b").to_vec(),
            },
            "aside" => Self::Aside(entry.text("b")),
            "closed" => Self::Closed,
            "gone" => Self::Removed,
            _ => Self::Lost,
        }
    }
}
