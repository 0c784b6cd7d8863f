//! One of several ways to do the same thing.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::STOP;

/// What an alternative is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// This project's.
    Ours,
    /// What one would take instead.
    Rival,
    /// What ours is made of, without it: what the hardware or the kernel can do at best.
    Limit,
    /// Does less, and can't be taken instead.
    Floor,
}

pub struct Alternative<'a> {
    pub(super) name: String,
    pub(super) kind: Kind,
    run: Box<dyn FnMut(u64) -> Option<Duration> + 'a>,
    begin: Box<dyn FnMut() + 'a>,
}

impl<'a> Alternative<'a> {
    /// `run` does the thing as often as it is told.
    pub fn new(name: impl Into<String>, mut run: impl FnMut(u64) + 'a) -> Self {
        Self::running(name.into(), move |count| {
            run(count);
            None
        })
    }

    /// `run` returns how long the part took that counts. Its rounds last as long as all of it takes.
    pub fn of_a_part(name: impl Into<String>, mut run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self::running(name.into(), move |count| Some(run(count)))
    }

    fn running(name: String, run: impl FnMut(u64) -> Option<Duration> + 'a) -> Self {
        Self { name, kind: Kind::Rival, run: Box::new(run), begin: Box::new(|| ()) }
    }

    pub fn ours(self) -> Self {
        self.kind(Kind::Ours)
    }

    pub fn limit(self) -> Self {
        self.kind(Kind::Limit)
    }

    pub fn floor(self) -> Self {
        self.kind(Kind::Floor)
    }

    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Is called when what it takes begins to count.
    pub fn beginning(self, begin: impl FnMut() + 'a) -> Self {
        Self { begin: Box::new(begin), ..self }
    }

    /// Keeps a thing as long as it lives.
    pub fn keeping<T: 'a>(self, kept: T) -> Self {
        let Self { name, kind, mut run, begin } = self;
        let run = move |count| {
            let _ = &kept;
            run(count)
        };
        Self { name, kind, run: Box::new(run), begin }
    }

    pub(super) fn time(&mut self, count: u64) -> Duration {
        let started = Instant::now();
        (self.run)(count).unwrap_or_else(|| started.elapsed())
    }

    /// Finds how often it must run for a round to last about `wanted`. Only a run that lasts half as long says so: a
    /// shorter one may be a hiccup of the machine's.
    pub(super) fn calibrate(&mut self, wanted: Duration) -> u64 {
        let mut count = 1;
        // A run that is to stop needs no count.
        while !STOP.load(Relaxed) {
            let started = Instant::now();
            (self.run)(count);
            let scale = wanted.as_secs_f64() / started.elapsed().as_secs_f64();
            if scale <= 2.0 {
                count = scaled(count, scale);
                break;
            }
            count = scaled(count, scale.min(10.0));
        }
        (self.begin)();
        count
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn scaled(count: u64, scale: f64) -> u64 {
    ((count as f64 * scale) as u64).max(1)
}
