//! Comparisons in one run: alternatives in turn, several rounds, the median ratio and its spread.
//!
//! A single timing says little on a machine that does other things as well. Each round times every
//! alternative once, the first again as the one to compare with, so that what disturbs a round
//! disturbs all of it.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses its own part")]
#![allow(unsafe_code, reason = "peers are forked")]

use std::{
    env,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, alarm, fork},
};

/// One of several ways to do the same thing.
pub struct Alternative<'a> {
    name: String,
    run: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Alternative<'a> {
    /// `run` does the thing as often as it is told.
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
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

/// Compares alternatives with the first of them, and prints a table.
pub fn compare(title: &str, mut alternatives: Vec<Alternative<'_>>) {
    // `cargo test` runs benchmarks too, to see that they work; and a glance needs fewer rounds.
    let (rounds, round) = match (env::args().any(|argument| argument == "--test"), env::var("BENCH_ROUNDS")) {
        (true, _) => (1, Duration::from_millis(1)),
        (false, Ok(rounds)) => (rounds.parse().expect("BENCH_ROUNDS is a number"), Duration::from_millis(50)),
        (false, Err(_)) => (15, Duration::from_millis(50)),
    };
    pin(0);
    let counts: Vec<u64> = alternatives.iter_mut().map(|alternative| alternative.calibrate(round)).collect();
    let mut times = vec![Vec::new(); alternatives.len()];
    for _ in 0..rounds {
        for (index, alternative) in alternatives.iter_mut().enumerate() {
            let took = alternative.time(counts[index]);
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            times[index].push(took.as_secs_f64() * 1e9 / counts[index] as f64);
        }
    }
    println!("\n{title}");
    println!("{:<44} {:>12} {:>8}   spread of the ratio", "", "ns each", "ratio");
    for (alternative, nanoseconds) in alternatives.iter().zip(&times) {
        let mut ratios: Vec<f64> = nanoseconds.iter().zip(&times[0]).map(|(this, first)| this / first).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let mut sorted = nanoseconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        println!(
            "{:<44} {:>12.1} {:>8.3}   {:.3} to {:.3}",
            alternative.name,
            sorted[sorted.len() / 2],
            ratios[ratios.len() / 2],
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
}

/// Keeps the calling thread on one processor, counted round those there are.
pub fn pin(processor: usize) {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_setaffinity};
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut set = CpuSet::new();
        // Where it can't be had, the spread shows it.
        let _ = set.set(processor % processors.max(2));
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
}

/// A process that serves, on another processor, until it is dropped.
pub struct Peer(Pid);

impl Peer {
    pub fn start(serve: impl FnOnce()) -> Self {
        // SAFETY: a benchmark has one thread here.
        match unsafe { fork() }.expect("a peer can be forked") {
            ForkResult::Parent { child } => Self(child),
            ForkResult::Child => {
                alarm::set(300);
                pin(1);
                serve();
                // SAFETY: it ends the process at once.
                unsafe { libc::_exit(0) }
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = waitpid(self.0, None);
    }
}
