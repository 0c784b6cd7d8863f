//! What came of a comparison, and how it is made.

use std::sync::{OnceLock, atomic::Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::{Alternative, Kind, STOP, is_wanted, pin, settings};

#[derive(Clone, Debug)]
pub struct Comparison {
    pub title: String,
    pub lines: Vec<Line>,
}

/// What came of one alternative.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub kind: Kind,
    pub rounds: Rounds,
}

/// The nanoseconds that an operation took, in each round.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Rounds(Vec<f64>);

/// The ratio of two alternatives: the median of all rounds, the least and the greatest.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    pub median: f64,
    /// Three quarters of all rounds were at most that.
    pub upper: f64,
    pub least: f64,
    pub most: f64,
}

impl Rounds {
    pub fn new(rounds: Vec<f64>) -> Self {
        Self(rounds)
    }

    /// The median of all rounds.
    pub fn nanoseconds(&self) -> f64 {
        let sorted = sorted(self.0.iter().copied());
        sorted[sorted.len() / 2]
    }

    /// The least and the greatest of all rounds.
    pub fn extent(&self) -> (f64, f64) {
        let sorted = sorted(self.0.iter().copied());
        (sorted[0], sorted[sorted.len() - 1])
    }

    /// Compares with another in the same rounds.
    pub fn ratio_to(&self, other: &Self) -> Ratio {
        let ratios = sorted(self.0.iter().zip(&other.0).map(|(this, other)| this / other));
        Ratio {
            median: ratios[ratios.len() / 2],
            upper: ratios[ratios.len() * 3 / 4],
            least: ratios[0],
            most: ratios[ratios.len() - 1],
        }
    }

    /// The same to four digits, which is more than a measurement says.
    pub fn rounded(&self) -> Self {
        Self(self.0.iter().map(|number| format!("{number:.3e}").parse().unwrap_or(*number)).collect())
    }
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Is told what is measured next.
pub static PROGRESS: OnceLock<fn(&str)> = OnceLock::new();

/// Compares alternatives with the first of them, if it is wanted, and prints a table.
pub fn compare(title: &str, alternatives: Vec<Alternative<'_>>) -> Option<Comparison> {
    let comparison = measure(title, alternatives)?;
    println!("\n{title}");
    println!("{:<44} {:>12} {:>8}   spread of the ratio", "", "ns each", "ratio");
    for line in &comparison.lines {
        let (name, nanoseconds) = (&line.name, line.rounds.nanoseconds());
        let Ratio { median, least, most, .. } = line.rounds.ratio_to(&comparison.lines[0].rounds);
        println!("{name:<44} {nanoseconds:>12.1} {median:>8.3}   {least:.3} to {most:.3}");
    }
    Some(comparison)
}

/// Compares alternatives, if it is wanted. Each round begins with another of them: so none is always behind the same.
pub fn measure(title: &str, mut alternatives: Vec<Alternative<'_>>) -> Option<Comparison> {
    if !is_wanted(title) {
        return None;
    }
    if let Some(progress) = PROGRESS.get() {
        progress(title);
    }
    let settings = settings();
    pin(0);
    let counts: Vec<u64> = alternatives.iter_mut().map(|alternative| alternative.calibrate(settings.round)).collect();
    let mut times = vec![Vec::new(); alternatives.len()];
    for round in 0..settings.rounds {
        for place in 0..alternatives.len() {
            if STOP.load(Relaxed) {
                return None;
            }
            let index = (round + place) % alternatives.len();
            let took = alternatives[index].time(counts[index]);
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            times[index].push(took.as_secs_f64() * 1e9 / counts[index] as f64);
        }
    }
    let line = |(alternative, rounds): (Alternative<'_>, _)| {
        let Alternative { name, kind, .. } = alternative;
        Line { name, kind, rounds: Rounds(rounds) }
    };
    Some(Comparison { title: title.to_owned(), lines: alternatives.into_iter().zip(times).map(line).collect() })
}
