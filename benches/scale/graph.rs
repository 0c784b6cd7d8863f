//! Curves, and the graphs that they stand in.

use std::time::{Duration, Instant};

use crate::{
    harness::{Alternative, Comparison, measure},
    plot::Role,
};

/// Curves along the same axis.
pub(crate) struct Graph {
    pub(crate) title: &'static str,
    /// What grows.
    pub(crate) axis: &'static str,
    /// What is measured, in a sentence or two.
    pub(crate) about: String,
    /// What the limit of the axis is made of.
    pub(crate) limit: String,
    pub(crate) curves: Vec<Curve>,
}

/// The time of one operation, by what grows.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) points: Vec<Point>,
}

/// One measured point: the least and the greatest of all rounds, in nanoseconds. The least is what it takes when nothing
/// disturbs it.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// The least to that of the first point.
    pub(crate) ratio: f64,
}

impl Curve {
    /// Measures all points in turn, in each round.
    pub(crate) fn in_turn(name: &str, role: Role, points: Vec<(f64, Alternative<'_>)>) -> Option<Self> {
        let (xs, alternatives): (Vec<f64>, Vec<_>) = points.into_iter().unzip();
        let Comparison { lines, .. } = measure(name, alternatives)?;
        let mut curve = Self::new(name, role);
        for (x, line) in xs.into_iter().zip(&lines) {
            let (least, most) = line.rounds.extent();
            curve.push(x, least, most);
        }
        Some(curve)
    }

    fn push(&mut self, x: f64, least: f64, most: f64) {
        let ratio = least / self.points.first().map_or(least, |first| first.least);
        self.points.push(Point { x, least, most, ratio });
    }

    /// Measures the same operation with each of these, in turn.
    pub(crate) fn over<T>(name: &str, role: Role, items: &[(f64, T)], act: impl Fn(&T)) -> Option<Self> {
        let act = &act;
        Self::in_turn(name, role, items.iter().map(|(x, item)| (*x, repeated(move || act(item)))).collect())
    }

    pub(crate) fn new(name: &str, role: Role) -> Self {
        Self { name: name.to_owned(), role, points: Vec::new() }
    }

    /// Adds what was measured at one point.
    pub(crate) fn add(&mut self, x: f64, times: &[Duration]) {
        if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
            let [least, most] = [least, most].map(|time| time.as_secs_f64() * 1e9);
            self.push(x, least, most);
        }
    }
}

/// An operation that is done again and again.
pub(crate) fn repeated<'a>(mut once: impl FnMut() + 'a) -> Alternative<'a> {
    Alternative::new("", move |count| (0..count).for_each(|_| once()))
}

/// An operation that takes longer is timed once.
const LONG: Duration = Duration::from_millis(200);

/// Times an operation some times. Short ones are repeated in each round.
pub(crate) fn rounds(rounds: u32, mut once: impl FnMut()) -> Vec<Duration> {
    let wanted = Duration::from_millis(5);
    let mut count = 1;
    let mut round = |count: u32| {
        let begun = Instant::now();
        (0..count).for_each(|_| once());
        begun.elapsed() / count
    };
    let first = round(1);
    if first > LONG {
        return vec![first];
    }
    if first < wanted {
        let ratio = wanted.as_nanos() / first.as_nanos().max(1);
        count = u32::try_from(ratio).unwrap_or(1).clamp(1, 10_000);
    }
    (0..rounds).map(|_| round(count)).collect()
}
