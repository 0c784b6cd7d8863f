//! What it was measured on, and how.

use std::fs;

use crate::harness::{processors, settings};

/// Describes the machine, the kernel, and how much was measured.
pub(crate) fn describe(quick: bool) -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name").and_then(|rest| rest.split_once(": ")))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned());
    let count = processors().len();
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let rounds = if quick {
        "one of a millisecond: these figures say only that it works".to_owned()
    } else {
        format!("{} of 50 ms for each alternative, in turn; each begins with another of them", settings().rounds)
    };
    let mut described = vec![
        ("processor", format!("{processor}, {count} of them, {}", std::env::consts::ARCH)),
        ("kernel", kernel),
        ("rounds", rounds),
        ("placing", placing(count)),
        ("system calls", "counted with ptrace, in all processes that take part".to_owned()),
        (
            "freed memory",
            "the C library keeps it, in all processes (M_TRIM_THRESHOLD of 1 GiB, M_MMAP_THRESHOLD of 32 MiB): what one \
             comparison has freed changes nothing for the next"
                .to_owned(),
        ),
        ("rivals", rivals()),
    ];
    if !settings().titles.is_empty() {
        let titles = settings().titles.join(", ");
        described
            .insert(0, ("chosen", format!("only comparisons or sections with one of these in the title: {titles}")));
    }
    described
}

/// Says where processes were.
fn placing(count: usize) -> String {
    format!(
        "of the {count} processors that it was allowed, the process that measures is on the first, the other side on the \
         second, and where there are more, each on the next, round and round if they are more than the processors; \
         what is measured on one processor is on the first. In the columns \"unpinned\" the kernel placed all of them"
    )
}

/// The versions of the rivals, as the lock file has them.
fn rivals() -> String {
    const RIVALS: [&str; 10] = [
        "crossbeam-channel",
        "crossbeam-queue",
        "iceoryx2",
        "ipc-channel",
        "ipmpsc",
        "named-lock",
        "parking_lot",
        "raw_sync",
        "rtrb",
        "shmem-ipc",
    ];
    let lock = include_str!("../Cargo.lock");
    let versions = RIVALS.map(|name| {
        let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map(|(_, after)| after);
        let version = after.and_then(|after| after.split('"').next()).unwrap_or("?");
        format!("{name} {version}")
    });
    versions.join(", ")
}
