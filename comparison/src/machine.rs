//! What it was measured on.

use std::fs;

/// Describes the machine, the kernel, and how much was measured.
pub(crate) fn describe(quick: bool) -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name").and_then(|rest| rest.split_once(": ")))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let rounds = if quick {
        "one of a millisecond: these figures say only that it works".to_owned()
    } else {
        format!("{} of 50 ms for each alternative, in turn", std::env::var("BENCH_ROUNDS").unwrap_or("15".to_owned()))
    };
    vec![
        ("processor", format!("{processor}, {processors} of them, {}", std::env::consts::ARCH)),
        ("kernel", kernel),
        ("rounds", rounds),
        (
            "placing",
            "each side pinned to a processor of its own; in the columns \"unpinned\" the kernel placed them".to_owned(),
        ),
        ("system calls", "counted with ptrace, in all processes that take part".to_owned()),
        ("rivals", rivals()),
    ]
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
