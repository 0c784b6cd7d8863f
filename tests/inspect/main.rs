//! What an operator may know of objects: reports, waits, chains, and what may be removed. Between real processes.
#![cfg(target_os = "linux")]

mod chains;
mod channels;
mod clean;
mod fuzz;
mod holders;
#[cfg(feature = "serde")]
mod json;
mod states;
mod told;
mod undisturbed;

use sysv_primitives::inspect::{self, Hold, Report};

/// Returns the report of the one object with a name.
#[track_caller]
fn report(name: &str) -> Report {
    let mut reports = inspect::named(name).expect("objects can be listed");
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

/// Returns which processes hold something, with how many of it.
fn holders(report: &Report, what: Hold) -> Vec<(u32, u64)> {
    report.holders.iter().filter(|holder| holder.what == what).map(|holder| (holder.pid, holder.count)).collect()
}

/// Returns the code of each finding.
fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code).collect()
}
