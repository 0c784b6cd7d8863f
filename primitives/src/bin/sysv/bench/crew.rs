//! The processes of a lane, as the parent sees them.

use std::{
    env,
    io::{BufRead, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, Once, PoisonError},
    thread,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use super::{
    figures::Figures,
    lane::{Lane, Plan},
    side::{READY, Round},
};
use crate::failed::{Failed, Result};

/// What the processes measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Stream,
    Trips,
}

/// The processes of one lane.
pub(super) struct Crew {
    lane: Lane,
    purpose: Purpose,
    /// Items or trips of a round.
    count: u64,
    size: usize,
    names: Vec<String>,
    workers: Vec<Worker>,
    samples: Vec<f64>,
}

struct Worker {
    child: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
}

impl Crew {
    pub(super) fn start(lane: Lane, plan: &Plan, purpose: Purpose) -> Result<Self> {
        let ways = if purpose == Purpose::Trips { 2 } else { 1 };
        let count = if purpose == Purpose::Trips { plan.trips() } else { plan.count };
        let (names, workers, samples) = (Vec::new(), Vec::new(), Vec::new());
        // From here on its drop removes what was made so far.
        let mut crew = Self { lane, purpose, count, size: plan.size, names, workers, samples };
        for _ in 0..ways {
            let name = lane.create(plan, next_number())?;
            remove_when_interrupted(lane, &name);
            crew.names.push(name);
        }
        match purpose {
            Purpose::Stream => {
                let (sent, received) = (count / u64::from(plan.senders), count / u64::from(plan.receivers));
                for index in 0..plan.senders {
                    crew.spawn("send", sent, u64::from(index) * sent)?;
                }
                for _ in 0..plan.receivers {
                    crew.spawn("receive", received, 0)?;
                }
            }
            Purpose::Trips => {
                crew.spawn("ask", count, 0)?;
                crew.spawn("answer", count, 0)?;
            }
        }
        for worker in &mut crew.workers {
            if worker.report(lane)?.trim_end() != READY {
                return Err(lane_failed(lane));
            }
        }
        Ok(crew)
    }

    fn spawn(&mut self, part: &str, count: u64, first: u64) -> Result<()> {
        let numbers = [self.size as u64, count, first].map(|number| number.to_string());
        let mut child = Command::new(own_program())
            .args(["bench-side", self.lane.name(), part])
            .args(numbers)
            .args(&self.names)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(orders), Some(reports)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(lane_failed(self.lane));
        };
        self.workers.push(Worker { child, orders, reports: BufReader::new(reports) });
        Ok(())
    }

    /// Runs a round in all its processes, and checks that each item came.
    pub(super) fn round(&mut self) -> Result<()> {
        for worker in &mut self.workers {
            // A process that has ended says so by its missing report.
            let _ = worker.orders.write_all(b"go\n");
        }
        let mut rounds = Vec::new();
        for worker in &mut self.workers {
            let report = worker.report(self.lane)?;
            rounds.push(serde_json::from_str::<Round>(&report).map_err(|_| lane_failed(self.lane))?);
        }
        let sum = rounds.iter().fold(0_u64, |sum, round| sum.wrapping_add(round.sum));
        if sum != self.expected_sum() {
            return Err(Failed::refused(format_args!("{}: items were lost or doubled", self.lane.name())));
        }
        self.take(&rounds);
        Ok(())
    }

    #[allow(clippy::cast_precision_loss, reason = "some digits are shown")]
    fn take(&mut self, rounds: &[Round]) {
        match self.purpose {
            Purpose::Stream => {
                let begun = rounds.iter().map(|round| round.begun).min().unwrap_or(0);
                let ended = rounds.iter().map(|round| round.ended).max().unwrap_or(0);
                self.samples.push(ended.saturating_sub(begun) as f64 / self.count as f64);
            }
            Purpose::Trips => {
                self.samples.extend(rounds.iter().flat_map(|round| &round.trips).map(|&trip| trip as f64));
            }
        }
    }

    /// The sum of the numbers of the items, of which small items carry the low bytes only.
    fn expected_sum(&self) -> u64 {
        let mask = if self.lane.item_bytes(self.size) >= 8 { u64::MAX } else { (1 << (8 * self.size)) - 1 };
        (0..self.count).fold(0_u64, |sum, number| sum.wrapping_add(number & mask))
    }

    /// Ends its processes, and returns what was measured.
    pub(super) fn finish(mut self) -> Figures {
        Figures::of(std::mem::take(&mut self.samples))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Its processes that sleep in the lane wake by that.
        self.names.iter().for_each(|name| self.lane.remove(name));
        for mut worker in self.workers.drain(..) {
            drop(worker.orders);
            // It may wait for the other end of a pipe that never came.
            let _ = worker.child.kill();
            let _ = worker.child.wait();
        }
    }
}

impl Worker {
    fn report(&mut self, lane: Lane) -> Result<String> {
        let mut line = String::new();
        match self.reports.read_line(&mut line) {
            Ok(len) if len > 0 => Ok(line),
            _ => Err(lane_failed(lane)),
        }
    }
}

fn lane_failed(lane: Lane) -> Failed {
    Failed::refused(format_args!("{}: a process of it ended before its round", lane.name()))
}

fn next_number() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Relaxed)
}

/// Returns how this program is started again.
pub(crate) fn own_program() -> PathBuf {
    // `/proc` finds it also if its file was replaced. Without `/proc` there is the name it was called by.
    let by_proc = PathBuf::from("/proc/self/exe");
    if by_proc.exists() { by_proc } else { env::args_os().next().unwrap_or_default().into() }
}

/// Has Ctrl-C remove the lane before it ends this program.
fn remove_when_interrupted(lane: Lane, name: &str) {
    static MADE: Mutex<Vec<(Lane, String)>> = Mutex::new(Vec::new());
    static WATCHED: Once = Once::new();
    MADE.lock().unwrap_or_else(PoisonError::into_inner).push((lane, name.to_owned()));
    WATCHED.call_once(|| {
        // Without a watcher an interrupt leaves the lanes to the processes in them, which remove them as well.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                let made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
                made.iter().for_each(|(lane, name)| lane.remove(name));
                std::process::exit(128 + signal);
            }
        });
    });
}
