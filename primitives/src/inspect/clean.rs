//! Which objects may be removed, and removing them.

use std::time::Duration;

use super::{Kind, State};

/// What to clean, and with how much care.
///
/// ```no_run
/// use sysv_primitives::inspect::Clean;
///
/// for verdict in Clean::new().dry_run()? {
///     println!("{} {:?}: {:?}, {}", verdict.kind, verdict.name, verdict.decision, verdict.reason);
/// }
/// # Ok::<(), sysv_primitives::raw::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clean {
    pub(super) older_than: Duration,
    pub(super) with_messages: bool,
    pub(super) kinds: Vec<Kind>,
    pub(super) names: Vec<String>,
}

/// What became, or would become, of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Verdict {
    /// The object's kind.
    pub kind: Kind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How far it was.
    pub state: State,
    /// The id of its set.
    pub set: Option<i32>,
    /// The id of its segment.
    pub segment: Option<i32>,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

/// What was decided of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Decision {
    /// It stays.
    Keep,
    /// It would be removed: this was a dry run.
    Remove,
    /// It was removed.
    Removed,
    /// It was to be removed, and that failed.
    Failed,
}

impl Default for Clean {
    fn default() -> Self {
        Self::new()
    }
}

impl Clean {
    /// Returns the careful defaults: every kind and name, last used ten minutes ago or longer, no channel with messages.
    #[must_use]
    pub const fn new() -> Self {
        Self { older_than: Duration::from_secs(600), with_messages: false, kinds: Vec::new(), names: Vec::new() }
    }

    /// Sets for how long an object must not have been used.
    #[must_use]
    pub const fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// Sets whether channels and rings with something in them are removed as well.
    #[must_use]
    pub const fn with_messages(mut self, with_messages: bool) -> Self {
        self.with_messages = with_messages;
        self
    }

    /// Considers this kind. Without any, all kinds are considered.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Considers this name. Without any, all names are considered.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Returns what would become of each object, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::raw::Error::Unsupported) outside Linux.
    pub fn dry_run(&self) -> crate::raw::Result<Vec<Verdict>> {
        todo!()
    }

    /// Removes what may be removed, and returns what became of each object.
    ///
    /// # Errors
    ///
    /// As [`dry_run`](Self::dry_run).
    pub fn remove(&self) -> crate::raw::Result<Vec<Verdict>> {
        todo!()
    }
}
