//! Alternatives of which each single time is noted.

use std::{cell::RefCell, rc::Rc, time::Instant};

use hdrhistogram::Histogram;

use crate::harness::{Alternative, Kind};

/// More than a minute is noted as one.
const LONGEST: u64 = 60_000_000_000;

/// How long each single time took.
#[derive(Clone)]
pub(crate) struct Stopwatch(Rc<RefCell<Histogram<u64>>>);

impl Stopwatch {
    fn new() -> Self {
        Self(Rc::new(RefCell::new(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order"))))
    }

    /// Does something, and notes how long it took; two looks at the clock are in it.
    #[inline]
    pub(crate) fn time(&self, act: impl FnOnce()) {
        let begun = Instant::now();
        act();
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.borrow_mut().saturating_record(took);
    }

    /// Nanoseconds that half of the times took at most, 99 of 100, and 999 of 1,000, if there were any.
    pub(crate) fn percentiles(&self) -> Option<[u64; 3]> {
        let times = self.0.borrow();
        (!times.is_empty()).then(|| [50.0, 99.0, 99.9].map(|percentile| times.value_at_percentile(percentile)))
    }
}

pub(crate) struct Timed<'a> {
    pub(crate) alternative: Alternative<'a>,
    pub(crate) times: Stopwatch,
}

impl<'a> Timed<'a> {
    /// `run` does the thing as often as it is told, and notes each time. What was noted before rounds begin is
    /// forgotten.
    pub(crate) fn new(name: &str, kind: Kind, mut run: impl FnMut(u64, &Stopwatch) + 'a) -> Self {
        let times = Stopwatch::new();
        let (noted, begun) = (times.clone(), times.clone());
        let alternative = Alternative::new(name, move |count| run(count, &noted)).kind(kind);
        Self { alternative: alternative.beginning(move || begun.0.borrow_mut().reset()), times }
    }

    pub(crate) fn keeping<T: 'a>(self, kept: T) -> Self {
        Self { alternative: self.alternative.keeping(kept), times: self.times }
    }

    pub(crate) fn limit(self) -> Self {
        Self { alternative: self.alternative.limit(), times: self.times }
    }
}
