//! How much processor time others used during a measurement.

use std::{fs, time::Instant};

/// What the machine had done when a measurement began.
#[derive(Debug)]
pub struct Load {
    begun: Instant,
    before: Option<Used>,
}

/// Clock ticks that processors were busy, or taken away by a hypervisor.
#[derive(Clone, Copy, Debug)]
struct Used {
    by_all: u64,
    /// By this process, and by those of its children that it has waited for.
    by_us: u64,
}

/// The kernel counts in hundredths of a second, whatever the architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Above this share of one processor, figures are not to be trusted.
const TOO_MUCH: f64 = 0.15;

impl Load {
    /// A measurement begins.
    pub fn begin() -> Self {
        Self { begun: Instant::now(), before: Used::now() }
    }

    /// Returns how many processors others kept busy since then: 0.5 is half of one. `None` if the system doesn't say.
    ///
    /// All children that took part must have been waited for.
    pub fn others(&self) -> Option<f64> {
        self.before?.others(Used::now()?, self.begun.elapsed().as_secs_f64())
    }

    /// Returns the same if it is so much that figures are not to be trusted.
    pub fn too_much(&self) -> Option<f64> {
        self.others().filter(|others| is_too_much(*others, self.begun.elapsed().as_secs_f64()))
    }
}

/// Ticks may be counted that were used just before a measurement, or by us just before its end: a few in all.
fn is_too_much(others: f64, seconds: f64) -> bool {
    others > TOO_MUCH + 3.0 / TICKS_PER_SECOND / seconds
}

impl Used {
    fn now() -> Option<Self> {
        let read = |path| fs::read_to_string(path).ok();
        Some(Self { by_all: by_all(&read("/proc/stat")?)?, by_us: by_us(&read("/proc/self/stat")?)? })
    }

    #[allow(clippy::cast_precision_loss, reason = "ticks are far below 2^52")]
    fn others(self, now: Self, seconds: f64) -> Option<f64> {
        let all = now.by_all.checked_sub(self.by_all)? as f64;
        let us = now.by_us.checked_sub(self.by_us)? as f64;
        Some(((all - us) / TICKS_PER_SECOND / seconds).max(0.0))
    }
}

/// Reads `/proc/stat`: what all processors did but wait.
fn by_all(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal. What guests use is a part of user.
    let [user, nice, system, _, _, irq, soft, steal, ..] = ticks[..] else { return None };
    Some(user + nice + system + irq + soft + steal)
}

/// Reads `/proc/self/stat`: user and system time of a process and of its children.
fn by_us(stat: &str) -> Option<u64> {
    // The name, which may hold anything, ends with the last bracket. The time is in the 14th field and the next three.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>).sum::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_used_is_all_but_ours() {
        let stat = "cpu  100 10 50 900 5 1 2 3 0 0\ncpu0 1 2 3\n";
        assert_eq!(by_all(stat), Some(166));
        let own = "7 (a (strange) name) S 1 1 1 0 -1 4 5 6 7 8 20 10 5 1 20 0 1 0 99";
        assert_eq!(by_us(own), Some(36));
        let (before, after) = (Used { by_all: 100, by_us: 50 }, Used { by_all: 400, by_us: 250 });
        let others = before.others(after, 2.0).unwrap();
        assert!((others - 0.5).abs() < 1e-9, "{others}");
    }

    #[test]
    fn a_busy_machine_is_told_from_a_quiet_one() {
        assert!(is_too_much(0.5, 10.0) && !is_too_much(0.05, 10.0));
        // A tick or two in a moment are nothing.
        assert!(!is_too_much(0.2, 0.1) && is_too_much(0.9, 0.1));
    }

    #[test]
    fn a_system_without_these_files_says_nothing() {
        assert_eq!((by_all(""), by_us("")), (None, None));
    }
}
