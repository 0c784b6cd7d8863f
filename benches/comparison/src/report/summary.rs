//! What stands in the first picture: eight plots, of each primitive beside what is best known for the same.

use super::{Report, Row, Table};
use crate::harness::Ratio;

/// One of the plots.
struct Plot {
    title: &'static str,
    choices: &'static [Choice],
}

/// What stands in a plot.
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

const PLOTS: [Plot; 8] = [
    Plot { title: "One at a time", choices: MUTEX },
    Plot { title: "Many readers", choices: READERS },
    Plot { title: "Some at a time", choices: PERMITS },
    Plot { title: "Waiting for each other", choices: WAITING },
    Plot { title: "Items, one to one", choices: ONE_TO_ONE },
    Plot { title: "Items, many to many and one to all", choices: MANY },
    Plot { title: "Messages and calls", choices: MESSAGES },
    Plot { title: "Jobs for worker processes", choices: JOBS },
];

const POSIX: (&str, &str) = ("POSIX semaphore", "POSIX semaphore");
const ROBUST: (&str, &str) = ("pthread mutex, robust", "robust pthread mutex");
const SEMOP: (&str, &str) = ("semop with undo", "semop with undo");
const RWLOCK: (&str, &str) = ("pthread rwlock, process-shared", "pthread rwlock");
const POSIX_QUEUE: (&str, &str) = ("POSIX message queue", "POSIX message queue");
const PIPE: (&str, &str) = ("pipe", "pipe");
const STREAM: (&str, &str) = ("Unix stream socket", "Unix stream socket");

const MUTEX: &[Choice] = &[
    Choice {
        title: "Mutex",
        subtitle: "uncontended",
        table: "lock and unlock, uncontended",
        ours: "Mutex",
        others: &[POSIX, ROBUST, ("named-lock", "named-lock"), SEMOP],
    },
    Choice {
        title: "Mutex",
        subtitle: "4 processes",
        table: "lock and unlock, 4 processes, single times",
        ours: "Mutex",
        others: &[ROBUST, POSIX, ("named-lock", "named-lock")],
    },
];

const READERS: &[Choice] = &[
    Choice {
        title: "RwLock",
        subtitle: "4 readers",
        table: "read and leave, 4 readers, single times",
        ours: "RwLock",
        others: &[RWLOCK],
    },
    Choice {
        title: "RwLock",
        subtitle: "4 writers",
        table: "write and leave, 4 processes",
        ours: "RwLock",
        others: &[RWLOCK],
    },
    Choice {
        title: "Watch",
        subtitle: "64 bytes are got by 4 readers",
        table: "get 64 B, 4 readers, single times",
        ours: "Watch::get",
        others: &[("memcpy and two loads", "memcpy and two loads (limit)")],
    },
    Choice {
        title: "Watch",
        subtitle: "64 bytes are set",
        table: "set 64 B, uncontended",
        ours: "Watch::set",
        others: &[("pthread mutex, robust, and a copy", "robust pthread mutex, and a copy")],
    },
];

const PERMITS: &[Choice] = &[
    Choice {
        title: "Pool",
        subtitle: "uncontended",
        table: "acquire and release, uncontended",
        ours: "Pool",
        others: &[POSIX, SEMOP],
    },
    Choice {
        title: "Pool",
        subtitle: "16 processes, 4 permits",
        table: "acquire and release, 16 processes for 4 permits, single times",
        ours: "Pool",
        others: &[POSIX, SEMOP],
    },
];

const WAITING: &[Choice] = &[
    Choice {
        title: "wait_while",
        subtitle: "2 processes take turns",
        table: "Two processes take turns, single times",
        ours: "wait_while",
        others: &[("pthread condition, process-shared", "pthread condition variable")],
    },
    Choice {
        title: "Barrier",
        subtitle: "4 processes",
        table: "4 processes wait until all have come, single times",
        ours: "Barrier",
        others: &[("pthread barrier, process-shared", "pthread barrier")],
    },
    Choice {
        title: "Watch",
        subtitle: "set and changed, asleep",
        table: "set to changed, asleep, there and back, single times",
        ours: "Watch",
        others: &[("pthread condition variable, process-shared", "pthread condition variable")],
    },
];

const ONE_TO_ONE: &[Choice] = &[
    Choice {
        title: "spsc ring",
        subtitle: "64 bytes",
        table: "one to one, items of 64 bytes",
        ours: "spsc ring",
        others: &[
            ("rtrb, between threads", "rtrb, between threads (floor)"),
            ("shmem-ipc", "shmem-ipc"),
            ("iceoryx2 publish/subscribe", "iceoryx2"),
            PIPE,
        ],
    },
    Choice {
        title: "spsc ring",
        subtitle: "there and back, each waits in its own way",
        table: "there and back, 8 bytes, each waits in its own way",
        ours: "spsc ring",
        others: &[("shmem-ipc", "shmem-ipc"), ("iceoryx2, with events", "iceoryx2, with events"), PIPE],
    },
];

const MANY: &[Choice] = &[
    Choice {
        title: "mpmc ring",
        subtitle: "2 to 2, 64 bytes",
        table: "any to any, items of 64 bytes, 2 to 2 processes",
        ours: "mpmc ring",
        others: &[
            ("crossbeam channel, between threads", "crossbeam, between threads (floor)"),
            POSIX_QUEUE,
            ("Unix datagram socket", "Unix datagram socket"),
        ],
    },
    Choice {
        title: "broadcast ring",
        subtitle: "one to each of 4, 64 bytes",
        table: "one to all, items of 64 bytes, 4 receivers",
        ours: "broadcast ring",
        others: &[("iceoryx2 publish/subscribe", "iceoryx2"), ("iceoryx2, with events", "iceoryx2, with events")],
    },
];

const MESSAGES: &[Choice] = &[
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
        subtitle: "64 bytes and a response",
        table: "64 bytes there and back, both sides sleep",
        ours: "call, answer",
        others: &[STREAM, ("ipc-channel, there and back", "ipc-channel")],
    },
];

const JOBS: &[Choice] = &[
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
    Choice {
        title: "Rings or a channel",
        subtitle: "2 workers, empty jobs",
        table: "2 workers, jobs of 0 µs",
        ours: "mpmc rings",
        others: &[("System V queue, eight bytes", "System V queue")],
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

/// Returns what of the first picture was measured, plot by plot.
pub(crate) fn summary(report: &Report) -> Vec<(&'static str, Vec<Beside>)> {
    let plot = |plot: &Plot| {
        let all: Vec<Beside> = plot.choices.iter().filter_map(|choice| choice.find(report)).collect();
        (!all.is_empty()).then_some((plot.title, all))
    };
    PLOTS.iter().filter_map(plot).collect()
}

/// Returns what the first picture lacks: names that no table of the report has.
pub(crate) fn lacking(report: &Report) -> Vec<String> {
    PLOTS.iter().flat_map(|plot| plot.choices).flat_map(|choice| choice.lacking(report)).collect()
}

impl Choice {
    fn table<'a>(&self, report: &'a Report) -> Option<&'a Table> {
        report.sections.iter().flat_map(super::Section::tables).find(|table| table.title == self.table)
    }

    fn find(&self, report: &Report) -> Option<Beside> {
        let table = self.table(report)?;
        let ours = table.row(self.ours)?;
        let other = |(name, short): &(&str, &'static str)| Some(Other::new(short, table.row(name)?, ours));
        let others: Vec<Other> = self.others.iter().filter_map(other).collect();
        (!others.is_empty()).then_some(Beside { title: self.title, subtitle: self.subtitle, others })
    }

    fn lacking(&self, report: &Report) -> Vec<String> {
        let Some(table) = self.table(report) else { return vec![self.table.to_owned()] };
        let names = self.others.iter().map(|(name, _)| *name).chain([self.ours]);
        names.filter(|name| table.row(name).is_none()).map(|name| format!("{}: {name}", self.table)).collect()
    }
}

impl Other {
    fn new(name: &'static str, other: &Row, ours: &Row) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "times are below 2^52 nanoseconds")]
        let p99 =
            other.pinned.times.zip(ours.pinned.times).map(|(other, ours)| other.p99 as f64 / ours.p99.max(1) as f64);
        Self { name, ratio: other.ratio_to(ours), p99 }
    }
}
