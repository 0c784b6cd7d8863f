//! Comparisons in one run: alternatives in turn, several rounds, the median ratio and its spread.
//!
//! A single timing says little on a machine that does other things as well. Each round times every
//! alternative once, and a ratio is to the first one of the same round: what disturbs a round disturbs all of it.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses its own part")]
#![allow(unsafe_code, reason = "peers are forked")]

pub mod gate;
mod peers;
mod robust;

#[allow(unused_imports, reason = "each benchmark uses its own part")]
pub use self::{
    peers::{Crowd, Peer, begin_child, generation},
    robust::RobustMutex,
};

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// What an alternative is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This project's.
    Ours,
    /// What one would take instead.
    Rival,
    /// What the hardware or the kernel can do at best; or something that does less, as a floor.
    Limit,
}

/// One of several ways to do the same thing.
pub struct Alternative<'a> {
    name: String,
    kind: Kind,
    run: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Alternative<'a> {
    /// `run` does the thing as often as it is told.
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) + 'a) -> Self {
        Self { name: name.into(), kind: Kind::Rival, run: Box::new(run) }
    }

    pub fn ours(self) -> Self {
        self.kind(Kind::Ours)
    }

    pub fn limit(self) -> Self {
        self.kind(Kind::Limit)
    }

    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Keeps a thing as long as it lives.
    pub fn keeping<T: 'a>(self, kept: T) -> Self {
        let Self { name, kind, mut run } = self;
        let run = move |count| {
            let _ = &kept;
            run(count);
        };
        Self { name, kind, run: Box::new(run) }
    }

    /// Does the thing so often.
    pub fn run(&mut self, count: u64) {
        (self.run)(count);
    }

    fn time(&mut self, count: u64) -> Duration {
        let started = Instant::now();
        (self.run)(count);
        started.elapsed()
    }

    /// Finds how often it must run for a round to last about `wanted`.
    fn calibrate(&mut self, wanted: Duration) -> u64 {
        let mut count = 1;
        loop {
            let took = self.time(count);
            if took > wanted / 10 {
                let scale = wanted.as_secs_f64() / took.as_secs_f64();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
                return ((count as f64 * scale) as u64).max(1);
            }
            count *= 4;
        }
    }
}

/// What came of a comparison.
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
    /// The median of what it took each time.
    pub nanoseconds: f64,
    /// Median, least and most of its ratio to the first alternative of the same round.
    pub ratio: f64,
    pub least: f64,
    pub most: f64,
}

/// Set by who wants it to end early: what is measured then comes to nothing.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// Set by who wants the kernel to place processes: nobody is pinned then.
pub static UNPINNED: AtomicBool = AtomicBool::new(false);

/// Is told what is measured next.
pub static PROGRESS: OnceLock<fn(&str)> = OnceLock::new();

/// How many rounds, and how long one is. `cargo test` runs benchmarks too, to see that they work; and a glance needs
/// fewer rounds.
fn effort() -> (usize, Duration) {
    let is_quick = env::args().any(|argument| argument == "--test" || argument == "--quick");
    match (is_quick, env::var("BENCH_ROUNDS")) {
        (true, _) => (1, Duration::from_millis(1)),
        (false, Ok(rounds)) => (rounds.parse().expect("BENCH_ROUNDS is a number"), Duration::from_millis(50)),
        (false, Err(_)) => (15, Duration::from_millis(50)),
    }
}

/// Whether this is wanted: arguments choose among titles, by parts of them.
pub fn is_wanted(title: &str) -> bool {
    let mut parts = env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    !STOP.load(Relaxed) && (parts.peek().is_none() || parts.any(|part| title.contains(&part)))
}

/// Compares alternatives with the first of them, if it is wanted, and prints a table.
pub fn compare(title: &str, alternatives: Vec<Alternative<'_>>) -> Option<Comparison> {
    let comparison = measure(title, alternatives)?;
    println!("\n{title}");
    println!("{:<44} {:>12} {:>8}   spread of the ratio", "", "ns each", "ratio");
    for Line { name, nanoseconds, ratio, least, most, .. } in &comparison.lines {
        println!("{name:<44} {nanoseconds:>12.1} {ratio:>8.3}   {least:.3} to {most:.3}");
    }
    Some(comparison)
}

/// Compares alternatives with the first of them, if it is wanted.
pub fn measure(title: &str, mut alternatives: Vec<Alternative<'_>>) -> Option<Comparison> {
    if !is_wanted(title) {
        return None;
    }
    if let Some(progress) = PROGRESS.get() {
        progress(title);
    }
    let (rounds, round) = effort();
    pin(0);
    let counts: Vec<u64> = alternatives.iter_mut().map(|alternative| alternative.calibrate(round)).collect();
    let mut times = vec![Vec::new(); alternatives.len()];
    for _ in 0..rounds {
        for (index, alternative) in alternatives.iter_mut().enumerate() {
            if STOP.load(Relaxed) {
                return None;
            }
            let took = alternative.time(counts[index]);
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            times[index].push(took.as_secs_f64() * 1e9 / counts[index] as f64);
        }
    }
    let line = |(alternative, nanoseconds): (&Alternative<'_>, &Vec<f64>)| {
        let mut ratios: Vec<f64> = nanoseconds.iter().zip(&times[0]).map(|(this, first)| this / first).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let mut sorted = nanoseconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Line {
            name: alternative.name.clone(),
            kind: alternative.kind,
            nanoseconds: sorted[sorted.len() / 2],
            ratio: ratios[ratios.len() / 2],
            least: ratios[0],
            most: ratios[ratios.len() - 1],
        }
    };
    let lines: Vec<Line> = alternatives.iter().zip(&times).map(line).collect();
    Some(Comparison { title: title.to_owned(), lines })
}

/// Keeps the calling thread on one processor, counted round those there are.
pub fn pin(processor: usize) {
    if UNPINNED.load(Relaxed) {
        return unpin();
    }
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut set = CpuSet::new();
        // Where it can't be had, the spread shows it.
        let _ = set.set(processor % processors.max(2));
        let _ = sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
}

/// Lets the calling thread run on any processor.
pub fn unpin() {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        let mut set = CpuSet::new();
        (0..CpuSet::count()).for_each(|processor| set.set(processor).expect("it is in range"));
        let _ = sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
    }
}
