//! What stands in the first picture: each primitive beside what is best known for the same.

use super::{Report, Row};
use crate::harness::Ratio;

/// A primitive in the first picture.
struct Choice {
    title: &'static str,
    /// What was measured of it.
    subtitle: &'static str,
    /// The table that it comes from.
    table: &'static str,
    ours: &'static str,
    /// Names in the table, and short ones for the picture.
    others: &'static [(&'static str, &'static str)],
}

const CHOICES: &[Choice] = &[
    Choice {
        title: "Mutex",
        subtitle: "uncontended",
        table: "lock and unlock, uncontended",
        ours: "Mutex",
        others: &[
            ("POSIX semaphore", "POSIX semaphore"),
            ("pthread mutex, robust", "robust pthread mutex"),
            ("named-lock", "named-lock"),
        ],
    },
    Choice {
        title: "Mutex",
        subtitle: "4 processes",
        table: "lock and unlock, 4 processes, single times",
        ours: "Mutex",
        others: &[
            ("pthread mutex, robust", "robust pthread mutex"),
            ("POSIX semaphore", "POSIX semaphore"),
            ("named-lock", "named-lock"),
        ],
    },
    Choice {
        title: "Pool",
        subtitle: "16 processes, 4 permits",
        table: "acquire and release, 16 processes for 4 permits, single times",
        ours: "Pool",
        others: &[("POSIX semaphore", "POSIX semaphore"), ("semop with undo", "semop with undo")],
    },
    Choice {
        title: "spsc ring",
        subtitle: "items of 64 bytes",
        table: "one to one, items of 64 bytes",
        ours: "spsc ring",
        others: &[
            ("rtrb, between threads", "rtrb, between threads"),
            ("shmem-ipc", "shmem-ipc"),
            ("iceoryx2 publish/subscribe", "iceoryx2"),
            ("pipe", "pipe"),
        ],
    },
    Choice {
        title: "mpmc ring",
        subtitle: "2 to 2, 64 bytes",
        table: "any to any, items of 64 bytes, 2 to 2 processes",
        ours: "mpmc ring",
        others: &[
            ("crossbeam channel, between threads", "crossbeam channel, between threads"),
            ("POSIX message queue", "POSIX message queue"),
            ("Unix datagram socket", "Unix datagram socket"),
        ],
    },
    Choice {
        title: "Channel",
        subtitle: "64 bytes",
        table: "64 bytes, from process to process",
        ours: "channel",
        others: &[
            ("POSIX message queue", "POSIX message queue, untyped"),
            ("System V message queue", "bare System V queue"),
            ("ipc-channel", "ipc-channel"),
        ],
    },
    Choice {
        title: "Channel",
        subtitle: "1 MiB",
        table: "1 MiB, from process to process",
        ours: "channel",
        others: &[("Unix stream socket, bytes", "Unix stream socket"), ("ipc-channel, bytes", "ipc-channel")],
    },
    Choice {
        title: "Call",
        subtitle: "64 bytes and an answer",
        table: "64 bytes there and back, both sides sleep",
        ours: "call, answer",
        others: &[("Unix stream socket", "Unix stream socket"), ("ipc-channel, there and back", "ipc-channel")],
    },
    Choice {
        title: "Worker pool",
        subtitle: "2 workers, empty jobs",
        table: "2 workers, jobs of 0 µs",
        ours: "mpmc rings",
        others: &[("System V queue, eight bytes", "System V queue")],
    },
    Choice {
        title: "WorkerPool",
        subtitle: "2 workers, empty jobs",
        table: "2 workers, empty jobs of 100 B",
        ours: "WorkerPool::map",
        others: &[
            ("procspawn", "procspawn"),
            ("ProcessPoolExecutor.map", "ProcessPoolExecutor"),
            ("multiprocessing.Pool, imap_unordered", "multiprocessing.Pool"),
            ("multiprocessing.Pool, imap_unordered, chunks", "multiprocessing.Pool, chunks"),
        ],
    },
];

/// A primitive and what it is compared with.
pub(crate) struct Beside {
    pub(crate) title: &'static str,
    pub(crate) subtitle: &'static str,
    pub(crate) others: Vec<Other>,
}

pub(crate) struct Other {
    pub(crate) name: &'static str,
    pub(crate) ratio: Ratio,
    /// The ratio of single times that 99 of 100 don't exceed, if they were noted.
    pub(crate) p99: Option<f64>,
}

/// Returns what of the first picture was measured.
pub(crate) fn summary(report: &Report) -> Vec<Beside> {
    let beside = |choice: &Choice| {
        let table =
            report.sections.iter().flat_map(super::Section::tables).find(|table| table.title == choice.table)?;
        let ours = table.row(choice.ours)?;
        let other = |(name, short): &(&str, &'static str)| Some(Other::new(short, table.row(name)?, ours));
        Some(Beside {
            title: choice.title,
            subtitle: choice.subtitle,
            others: choice.others.iter().filter_map(other).collect(),
        })
    };
    CHOICES.iter().filter_map(beside).filter(|beside| !beside.others.is_empty()).collect()
}

impl Other {
    fn new(name: &'static str, other: &Row, ours: &Row) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "times are below 2^52 nanoseconds")]
        let p99 =
            other.pinned.times.zip(ours.pinned.times).map(|(other, ours)| other.p99 as f64 / ours.p99.max(1) as f64);
        Self { name, ratio: other.ratio_to(ours), p99 }
    }
}
