//! What it was measured on, and how.

use std::fs;

use crate::{
    harness::{Load, processors, settings},
    pools::{python, rq},
    report::Machine,
    server,
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
    const RIVALS: [&str; 13] = [
        "apalis-redis",
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
    let versions = RIVALS.map(|name| format!("{name} {}", version(name, include_str!("../Cargo.lock")).unwrap_or("?")));
    let server = server::version()
        .map_or("no redis-server, so nothing is on one".to_owned(), |version| format!("Redis {version}"));
    let python = python().unwrap_or("no Python, so its pools are missing");
    let rq = rq().unwrap_or("no RQ, so its workers are missing");
    format!("{}, {python}, {server}, {rq}", versions.join(", "))
}

/// The version of a package that this program uses. Where a lock file has several, each package says which one it uses.
fn version<'a>(name: &str, lock: &'a str) -> Option<&'a str> {
    let after = |text: &'a str, start: &str| Some(text.split_once(start)?.1.split('"').next().unwrap_or_default());
    let (_, own) = lock.split_once("name = \"sysv-comparison\"\n")?;
    let own = own.split("[[package]]").next().unwrap_or_default();
    after(own, &format!(" \"{name} ")).or_else(|| after(lock, &format!("name = \"{name}\"\nversion = \"")))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_of_a_rival_is_the_one_in_use() {
        let package =
            |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n");
        let own = "dependencies = [\n \"one\",\n \"two 2.1.0\",\n]\n\n";
        let lock = package("one", "1.0.0") + &package("sysv-comparison", "0.1.0") + own + &package("two", "2.0.0");
        assert_eq!(version("one", &lock), Some("1.0.0"));
        assert_eq!(version("two", &lock), Some("2.1.0"));
        assert_eq!(version("three", &lock), None);
    }
}
