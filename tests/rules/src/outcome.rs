//! What was seen when a rule was taken out.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::list::Entry;

/// Where the outcomes are kept.
const FILE: &str = "tests/rules/outcomes.toml";

/// What a test did when a rule was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Outcome {
    /// A test failed, and said this.
    Failed { test: String, said: String },
    /// The test program ended otherwise than by the failure of a test.
    Ended { how: String },
    /// The test was ended because it took so many seconds.
    Limit { seconds: u64 },
    /// The test passed.
    Survived,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { test, said } => write!(f, "`{test}`: {said}"),
            Self::Ended { how } => write!(f, "the test program ended: {how}"),
            Self::Limit { seconds } => write!(f, "still running after {seconds} seconds"),
            Self::Survived => write!(f, "survived"),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    /// Says whether the entry is still the one that was run.
    of: String,
    outcome: Outcome,
}

/// The outcomes of all entries that were run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcomes(BTreeMap<String, Seen>);

impl Outcomes {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let file = root.join(FILE);
        if !file.exists() {
            return Ok(Self::default());
        }
        Ok(toml::from_str(&fs::read_to_string(file)?)?)
    }

    /// Adds an outcome to those in the file, which another run may have changed meanwhile.
    pub(crate) fn add(root: &Path, entry: &Entry, outcome: Outcome) -> Result<()> {
        let mut outcomes = Self::read(root)?;
        outcomes.0.insert(entry.name.clone(), Seen { of: fingerprint(entry), outcome });
        fs::write(root.join(FILE), toml::to_string_pretty(&outcomes)?)?;
        Ok(())
    }

    /// Forgets what is not in the list any more.
    pub(crate) fn retain(root: &Path, entries: &[Entry]) -> Result<Self> {
        let mut outcomes = Self::read(root)?;
        outcomes.0.retain(|name, _| entries.iter().any(|entry| entry.name == *name));
        fs::write(root.join(FILE), toml::to_string_pretty(&outcomes)?)?;
        Ok(outcomes)
    }

    /// Returns what was seen, if the entry has not changed since.
    pub(crate) fn of(&self, entry: &Entry) -> Option<&Outcome> {
        let seen = self.0.get(&entry.name).filter(|seen| seen.of == fingerprint(entry));
        seen.map(|seen| &seen.outcome)
    }

    pub(crate) fn has(&self, entry: &Entry) -> bool {
        self.of(entry).is_some()
    }

    pub(crate) fn survived(&self, entry: &Entry) -> bool {
        self.of(entry) == Some(&Outcome::Survived)
    }
}

/// Returns a number that another entry, or a changed one, most probably does not have.
fn fingerprint(entry: &Entry) -> String {
    let (test, file) = (entry.noticer().to_string(), entry.file.display().to_string());
    let parts = [&entry.from, &entry.to, &test, &file].map(String::as_bytes);
    // FNV-1a, which is the same in every version of Rust.
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0]));
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
