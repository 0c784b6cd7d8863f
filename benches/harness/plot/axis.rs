//! Axes: where a value lies, and which ticks have labels.

/// A range of values, and the ticks on it.
#[derive(Clone, Debug)]
pub struct Axis {
    is_log: bool,
    from: f64,
    to: f64,
    /// Values and their labels.
    pub ticks: Vec<(f64, String)>,
}

/// Digits that ticks may begin with, from coarse to fine.
const DIGITS: [&[f64]; 3] = [&[1.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]];

/// Fewer ticks don't show a scale.
const ENOUGH: usize = 3;

impl Axis {
    /// A scale of powers that covers all values, with ticks at round numbers.
    pub fn log(values: impl Iterator<Item = f64>, label: impl Fn(f64) -> String) -> Self {
        let (least, most) = extent(values.filter(|value| *value > 0.0));
        let (from, to) = if least <= most { (least / 1.15, most * 1.15) } else { (1.0, 10.0) };
        let ticks = round_ticks(from, to).into_iter().map(|tick| (tick, label(tick))).collect();
        Self { is_log: true, from, to, ticks }
    }

    /// A scale of powers with these ticks, of which those that are in its range are shown.
    pub fn log_with(values: impl Iterator<Item = f64>, ticks: &[f64], label: impl Fn(f64) -> String) -> Self {
        let mut axis = Self::log(values, |_| String::new());
        let shown = ticks.iter().filter(|tick| (axis.from..=axis.to).contains(tick));
        axis.ticks = shown.map(|&tick| (tick, label(tick))).collect();
        axis
    }

    /// A scale of powers with a tick at each measured point.
    pub fn measured(points: &[f64], label: impl Fn(f64) -> String) -> Self {
        let (from, to) = extent(points.iter().copied());
        let (from, to) = if from < to { (from, to) } else { (from / 2.0, to * 2.0) };
        Self { is_log: true, from, to, ticks: points.iter().map(|&point| (point, label(point))).collect() }
    }

    /// Places with names, at the same distance from each other.
    pub fn named(names: &[&str]) -> Self {
        let ticks: Vec<_> = (0_u32..).zip(names).map(|(place, name)| (f64::from(place), (*name).to_owned())).collect();
        let to = ticks.last().map_or(1.0, |last| last.0.max(1.0));
        Self { is_log: false, from: 0.0, to, ticks }
    }

    /// A linear scale from zero.
    pub fn from_zero(most: f64, label: impl Fn(f64) -> String) -> Self {
        let to = if most > 0.0 { most } else { 1.0 };
        let step = round_step(to / 4.0);
        let ticks: Vec<_> = (0_u32..).map(|n| f64::from(n) * step).take_while(|tick| *tick < to + step).collect();
        let to = ticks.last().copied().unwrap_or(to);
        Self { is_log: false, from: 0.0, to, ticks: ticks.into_iter().map(|tick| (tick, label(tick))).collect() }
    }

    /// Returns where a value lies: 0 at the beginning of the axis, 1 at its end.
    pub fn share(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(f64::MIN_POSITIVE) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)))
}

/// Returns round numbers in a range: powers of ten if there are enough of them, else more.
fn round_ticks(from: f64, to: f64) -> Vec<f64> {
    for digits in DIGITS {
        let mut power = 10_f64.powf(from.log10().floor());
        let mut ticks = Vec::new();
        while power <= to {
            ticks.extend(digits.iter().map(|digit| digit * power).filter(|tick| (from..=to).contains(tick)));
            power *= 10.0;
        }
        if ticks.len() >= ENOUGH {
            return ticks;
        }
    }
    let linear = |parts: f64| -> Vec<f64> {
        let step = round_step((to - from) / parts);
        let first = (from / step).ceil();
        (0_u32..).map(|n| (first + f64::from(n)) * step).take_while(|tick| *tick <= to).collect()
    };
    let ticks = linear(4.0);
    if ticks.len() >= ENOUGH { ticks } else { linear(10.0) }
}

/// Returns 1, 2 or 5 times a power of ten, at least the given step.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|round| *round >= step).unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(least: f64, most: f64) -> Vec<f64> {
        Axis::log([least, most].into_iter(), |_| String::new()).ticks.iter().map(|tick| tick.0).collect()
    }

    #[test]
    fn a_wide_range_has_powers_of_ten() {
        assert_eq!(ticks(3.0, 2000.0), [10.0, 100.0, 1000.0]);
    }

    #[test]
    fn every_range_has_enough_ticks_inside() {
        for (least, most) in [
            (1.0, 1.0),
            (413.0, 903.0),
            (53.1, 56.5),
            (726.0, 738.0),
            (715.0, 760.0),
            (5.0, 50.0),
            (0.04, 2400.0),
            (1e6, 1.01e6),
        ] {
            let ticks = ticks(least, most);
            assert!(ticks.len() >= ENOUGH, "{least} to {most}: {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{least} to {most}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (least / 1.2..most * 1.2).contains(tick)), "{least} to {most}: {ticks:?}");
        }
    }

    #[test]
    fn measured_points_are_the_ticks() {
        let axis = Axis::measured(&[8.0, 64.0, 512.0], |bytes| bytes.to_string());
        let labels: Vec<_> = axis.ticks.iter().map(|tick| tick.1.as_str()).collect();
        assert_eq!(labels, ["8", "64", "512"]);
        assert_eq!([8.0, 64.0, 512.0].map(|bytes| (axis.share(bytes) * 100.0).round()), [0.0, 50.0, 100.0]);
    }

    #[test]
    fn a_linear_scale_begins_at_zero_and_covers_the_most() {
        for most in [0.0, 2.0, 7.3, 999_927.0] {
            let axis = Axis::from_zero(most, |tick| tick.to_string());
            assert!(axis.ticks[0].0 == 0.0 && axis.to >= most && axis.ticks.len() >= ENOUGH, "{most}: {axis:?}");
        }
    }
}
