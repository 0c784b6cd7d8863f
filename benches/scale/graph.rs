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

/// One measured point: a median and its extent, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// To the first point, of the same rounds where they were measured in turn.
    pub(crate) ratio: f64,
}

impl Curve {
    /// Measures all points in turn, in each round.
    pub(crate) fn in_turn(name: &str, role: Role, points: Vec<(f64, Alternative<'_>)>) -> Option<Self> {
        let (xs, alternatives): (Vec<f64>, Vec<_>) = points.into_iter().unzip();
        let Comparison { lines, .. } = measure(name, alternatives)?;
        let point = |(x, line): (f64, &crate::harness::Line)| {
            let (least, most) = line.rounds.extent();
            let ratio = line.rounds.ratio_to(&lines[0].rounds).median;
            Point { x, median: line.rounds.nanoseconds(), least, most, ratio }
        };
        Some(Self { name: name.to_owned(), role, points: xs.into_iter().zip(&lines).map(point).collect() })
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
        let mut nanoseconds: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e9).collect();
        nanoseconds.sort_unstable_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (nanoseconds.first(), nanoseconds.last()) else { return };
        let median = nanoseconds[nanoseconds.len() / 2];
        let ratio = median / self.points.first().map_or(median, |first| first.median);
        self.points.push(Point { x, median, least, most, ratio });
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
