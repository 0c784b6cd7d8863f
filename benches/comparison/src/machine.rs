//! What it was measured on, and how.

use std::fs;

use crate::{
    harness::{Load, processors, settings},
    pools::python,
    report::Machine,
};

/// Describes the machine, the kernel, and how much was measured under which load.
pub(crate) fn describe(quick: bool, load: &Load) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name").and_then(|rest| rest.split_once(": ")))
        .map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned());
    let (count, arch) = (processors().len(), std::env::consts::ARCH);
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let rounds = if quick {
        "one of a millisecond".to_owned()
    } else {
        format!("{} of 50 ms for each alternative, in turn; each begins with another of them", settings().rounds)
    };
    let mut details = vec![
        ("processor", format!("{processor}, {arch}, {count} processors allowed")),
        ("kernel", kernel.clone()),
        ("rounds", rounds),
        ("other programs", busy(load.others())),
        ("freed memory", FREED_MEMORY.to_owned()),
        ("rivals", rivals()),
    ];
    if !settings().titles.is_empty() {
        let titles = settings().titles.join(", ");
        details.insert(0, ("chosen", format!("only comparisons or sections with one of these in the title: {titles}")));
    }
    Machine {
        name: format!("{processor} ({arch}), {count} processors, Linux {}", short(&kernel)),
        details: details.into_iter().map(|(what, value)| (what.to_owned(), value)).collect(),
        warning: warning(quick, load),
    }
}

const FREED_MEMORY: &str = "the C library keeps it, in all processes (M_TRIM_THRESHOLD of 1 GiB, M_MMAP_THRESHOLD of 32 \
    MiB), so that one comparison changes nothing for the next";

/// The version without what a distribution adds.
fn short(kernel: &str) -> &str {
    kernel.split('-').next().unwrap_or(kernel)
}

fn busy(others: Option<f64>) -> String {
    match others {
        Some(others) => format!("used {others:.2} processors during the measurement"),
        None => "unknown: this system doesn't say how much they used".to_owned(),
    }
}

fn warning(quick: bool, load: &Load) -> Option<String> {
    if quick {
        return Some("A quick run: these figures show that everything works, and not how fast.".to_owned());
    }
    let others = load.too_much()?;
    Some(format!("Other programs kept {others:.2} processors busy during this run. Its figures are not to be trusted."))
}

/// The versions of the rivals, as the lock file has them, and of Python.
fn rivals() -> String {
    const RIVALS: [&str; 12] = [
        "crossbeam-channel",
        "crossbeam-queue",
        "iceoryx2",
        "ipc-channel",
        "ipmpsc",
        "named-lock",
        "parking_lot",
        "procspawn",
        "raw_sync",
        "rayon",
        "rtrb",
        "shmem-ipc",
    ];
    let lock = include_str!("../Cargo.lock");
    let versions = RIVALS.map(|name| {
        let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, after)| after);
        let version = after.and_then(|after| after.split('"').next()).unwrap_or("?");
        format!("{name} {version}")
    });
    format!("{}, {}", versions.join(", "), python().unwrap_or("no Python, so its pools are missing"))
}
