//! The work: what is in one file, and the sum over many.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use crate::messages::Kind;

pub(crate) type Words = HashMap<String, u64>;

/// Longer runs of letters are data, not words.
const LONGEST_WORD: usize = 64;

/// Returns every file under a directory in a fixed order. What can't be listed comes as an error.
pub(crate) fn files(directory: &Path) -> (Vec<PathBuf>, Vec<walkdir::Error>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(directory).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    (files, errors)
}

/// Counts the words of a file: runs of letters, in lower case.
pub(crate) fn count(path: &Path) -> (Kind, Words) {
    let mut words = Words::new();
    let content: io::Result<Vec<u8>> = fs::read(path);
    let kind = match content {
        Err(_) => Kind::Unreadable,
        Ok(bytes) if bytes.is_empty() => Kind::Empty,
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) if !text.contains('\0') => {
                count_text(text, &mut words);
                Kind::Text { bytes: bytes.len() as u64 }
            }
            _ => Kind::Binary { bytes: bytes.len() as u64 },
        },
    };
    (kind, words)
}

fn count_text(text: &str, words: &mut Words) {
    let is_word = |word: &&str| !word.is_empty() && word.len() <= LONGEST_WORD;
    for word in text.split(|letter: char| !letter.is_alphabetic()).filter(is_word) {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
}

/// The sum over all files, which is the same in whatever order they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) text: u64,
    pub(crate) binary: u64,
    pub(crate) empty: u64,
    pub(crate) unreadable: u64,
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    counts: Words,
}

impl Summary {
    pub(crate) fn add(&mut self, kind: Kind, words: Words) {
        match kind {
            Kind::Text { bytes } => {
                self.text += 1;
                self.bytes += bytes;
            }
            Kind::Binary { bytes } => {
                self.binary += 1;
                self.bytes += bytes;
            }
            Kind::Empty => self.empty += 1,
            Kind::Unreadable => self.unreadable += 1,
        }
        for (word, count) in words {
            self.words += count;
            *self.counts.entry(word).or_default() += count;
        }
    }

    pub(crate) fn of(files: &[PathBuf]) -> Self {
        let mut summary = Self::default();
        for path in files {
            let (kind, words) = count(path);
            summary.add(kind, words);
        }
        summary
    }

    /// Returns the most frequent words, and of equally frequent ones the first in the alphabet.
    pub(crate) fn most_frequent(&self, number: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(word, &count)| (word.as_str(), count)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(number);
        all
    }
}
