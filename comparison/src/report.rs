//! What a report consists of.

use crate::harness::Comparison;

/// Everything that was measured in one run.
pub(crate) struct Report {
    /// What it was measured on, and with.
    pub(crate) machine: Vec<(&'static str, String)>,
    pub(crate) sections: Vec<Section>,
}

/// What was measured of one primitive.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// How it was measured, and what a peer does that ours doesn't, or the other way round.
    pub(crate) about: &'static str,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) facts: Vec<Facts>,
}

/// What was counted, and not compared.
pub(crate) struct Facts {
    pub(crate) title: &'static str,
    pub(crate) head: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
}

impl Section {
    pub(crate) fn new(title: &'static str, about: &'static str) -> Self {
        Self { title, about, comparisons: Vec::new(), facts: Vec::new() }
    }

    /// Adds a comparison, unless it wasn't asked for.
    pub(crate) fn add(&mut self, comparison: Option<Comparison>) {
        self.comparisons.extend(comparison);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.comparisons.is_empty() && self.facts.is_empty()
    }
}
