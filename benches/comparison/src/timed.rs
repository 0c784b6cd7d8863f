//! Alternatives of which each single time is noted.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::harness::{Alternative, Kind};

/// More than a minute is noted as one.
const LONGEST: u64 = 60_000_000_000;

/// Nanoseconds that half of the single times took at most, 99 of 100, 999 of 1,000, and all of them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Times {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) longest: u64,
}

impl Times {
    pub(crate) const NAMES: [&str; 4] = ["p50", "p99", "p99.9", "longest"];

    #[expect(clippy::cast_precision_loss, reason = "times are below 2^52 nanoseconds")]
    pub(crate) fn nanoseconds(self) -> [f64; 4] {
        [self.p50, self.p99, self.p999, self.longest].map(|nanoseconds| nanoseconds as f64)
    }
}

/// How long each single time took.
#[derive(Clone)]
pub(crate) struct Stopwatch(Rc<RefCell<Histogram<u64>>>);

impl Stopwatch {
    fn new() -> Self {
        Self(Rc::new(RefCell::new(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order"))))
    }

    /// Does something, and notes how long it took. Two readings of the clock are in it.
    #[inline]
    pub(crate) fn time(&self, act: impl FnOnce()) {
        let begun = Instant::now();
        act();
        self.note(begun.elapsed());
    }

    /// Notes how long something took.
    #[inline]
    pub(crate) fn note(&self, took: Duration) {
        self.0.borrow_mut().saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was noted, if anything was.
    pub(crate) fn times(&self) -> Option<Times> {
        let noted = self.0.borrow();
        let at = |percentile| noted.value_at_percentile(percentile);
        (!noted.is_empty()).then(|| Times { p50: at(50.0), p99: at(99.0), p999: at(99.9), longest: noted.max() })
    }
}

pub(crate) struct Timed<'a> {
    pub(crate) alternative: Alternative<'a>,
    pub(crate) times: Stopwatch,
}

impl<'a> Timed<'a> {
    /// `run` does the thing as often as asked, and notes each time. What was noted before rounds begin is forgotten.
    pub(crate) fn new(name: &str, kind: Kind, mut run: impl FnMut(u64, &Stopwatch) + 'a) -> Self {
        let times = Stopwatch::new();
        let (noted, begun) = (times.clone(), times.clone());
        let alternative = Alternative::new(name, move |count| run(count, &noted)).kind(kind);
        Self { alternative: alternative.beginning(move || begun.0.borrow_mut().reset()), times }
    }

    /// The same, of a part of each time: `once` does the thing, is told its number, and returns how long that part took.
    /// The rounds consist of these parts, too. `all` has the other side serve so many, while they are done.
    pub(crate) fn of_a_part(
        name: &str,
        kind: Kind,
        mut once: impl FnMut(u64) -> Duration + 'a,
        all: impl Fn(u64, &mut dyn FnMut()) + 'a,
    ) -> Self {
        let times = Stopwatch::new();
        let (noted, begun) = (times.clone(), times.clone());
        let run = move |count| {
            let mut sum = Duration::ZERO;
            all(count, &mut || {
                for number in 0..count {
                    let took = once(number);
                    noted.note(took);
                    sum += took;
                }
            });
            sum
        };
        let alternative = Alternative::of_a_part(name, run).kind(kind);
        Self { alternative: alternative.beginning(move || begun.0.borrow_mut().reset()), times }
    }

    pub(crate) fn keeping<T: 'a>(self, kept: T) -> Self {
        Self { alternative: self.alternative.keeping(kept), times: self.times }
    }

    pub(crate) fn limit(self) -> Self {
        Self { alternative: self.alternative.limit(), times: self.times }
    }
}
