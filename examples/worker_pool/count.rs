//! The work: what is in one file, and the sum over many, which is the same in any order.

use std::{collections::HashMap, fmt, fs, path};

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

/// Returns every file under a directory in a fixed order, and says which can't be listed.
pub(crate) fn files(directory: &path::Path) -> Vec<path::PathBuf> {
    let entries = WalkDir::new(directory).sort_by_file_name().into_iter();
    let entries = entries.filter_map(|entry| entry.inspect_err(|error| eprintln!("can't list: {error}")).ok());
    entries.filter(|entry| entry.file_type().is_file()).map(DirEntry::into_path).collect()
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Texts, binary files, empty ones, unreadable ones.
    files: [u64; 4],
    bytes: u64,
    words: HashMap<String, u64>,
}

impl Summary {
    /// Counts the words of a file: runs of letters, in lower case.
    pub(crate) fn of(path: &path::Path) -> Self {
        let Ok(content) = fs::read(path) else { return Self { files: [0, 0, 0, 1], ..Self::default() } };
        let mut summary = Self { bytes: content.len() as u64, ..Self::default() };
        summary.files = match std::str::from_utf8(&content) {
            Ok("") => [0, 0, 1, 0],
            Ok(text) if !text.contains('\0') => {
                let words = text.split(|letter: char| !letter.is_alphabetic());
                for word in words.filter(|word| (1..=64).contains(&word.len())) {
                    *summary.words.entry(word.to_lowercase()).or_default() += 1;
                }
                [1, 0, 0, 0]
            }
            _ => [0, 1, 0, 0],
        };
        summary
    }

    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.files.iter_mut().zip(other.files).for_each(|(files, more)| *files += more);
        self.bytes += other.bytes;
        other.words.into_iter().for_each(|(word, count)| *self.words.entry(word).or_default() += count);
        self
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files: [text, binary, empty, unreadable], bytes, words } = self;
        let files: u64 = self.files.iter().sum();
        writeln!(f, "files: {files} ({text} text, {binary} binary, {empty} empty, {unreadable} unreadable)")?;
        writeln!(f, "bytes: {bytes}\nwords: {}", words.values().sum::<u64>())?;
        let mut words: Vec<_> = words.iter().collect();
        words.sort_unstable_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        words.iter().take(20).try_for_each(|(word, count)| writeln!(f, "{count:>10} {word}"))
    }
}
