//! Medians and percentiles.

use serde::Serialize;

/// What a row of numbers comes down to, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) p99: f64,
    pub(super) longest: f64,
    /// How many numbers they are of.
    pub(super) samples: usize,
}

impl Figures {
    pub(super) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        let at = |thousandth: usize| {
            let index = (samples.len() * thousandth).div_ceil(1000).saturating_sub(1);
            samples.get(index).copied().unwrap_or(0.0)
        };
        Self { least: at(0), median: at(500), p99: at(990), longest: at(1000), samples: samples.len() }
    }
}
