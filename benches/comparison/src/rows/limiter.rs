//! The rate limiter beside what it is made of: a reading of the clock, and atomic operations.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use anyhow::Result;
use sysv_primitives::RateLimiter;

use super::{
    crowds::{Operation, alone, count_calls, crowds, waits},
    name,
};
use crate::{
    harness::{Kind, measure as measure_these, objects::memory},
    report::Section,
};

/// What times are for.
const OF: &str = "take a permit, if it is available";

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    // More than any machine can take.
    let plenty = (u32::MAX, Duration::from_nanos(u32::MAX.into()));
    let limiter = RateLimiter::options().remove_on_drop(true).create(&name("limiter"), plenty.0, plenty.1)?;
    let memory = memory(4096)?;
    let word: &AtomicU64 = memory.view(0)?;
    let ours = || drop(limiter.try_acquire(1));
    let bound = || {
        black_box(Instant::now());
        word.fetch_add(1, SeqCst);
        word.fetch_add(1, SeqCst);
    };
    let clock = || {
        black_box(Instant::now());
    };
    let operations = [
        Operation::new(Kind::Ours, "RateLimiter", &ours),
        Operation::new(Kind::Limit, "a clock and two atomic additions", &bound),
        Operation::new(Kind::Floor, "a clock", &clock),
    ];
    let one = operations.iter().map(alone).collect();
    let mut points = vec![(1.0, measure_these("take a permit, uncontended", one))];
    for processes in [2, 4] {
        points.push((
            f64::from(processes),
            crowds(&format!("take a permit, {processes} processes"), processes, &operations),
        ));
    }
    section.add_family(OF, "Take a permit, by processes", "processes", points);
    waits(section, OF, "take a permit, 4 processes, single times", 4, &operations);
    count_calls(section, "System calls of a permit, uncontended", OF, &operations)
}
