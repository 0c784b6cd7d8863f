//! Why ours is not first, where it is not: only what holds on any machine, and was found out.

struct Reason {
    /// Parts of the titles of the table and of the two alternatives.
    table: &'static str,
    ours: &'static str,
    other: &'static str,
    why: &'static str,
}

const BETWEEN_THREADS: &str = "It is between threads of one process, where nobody dies alone and nobody else writes: it \
    looks for neither. How much of the difference that makes is not known yet.";

const BARE_QUEUE: &str = "The same system calls on the same kind of queue. What is added are the channel's own \
    instructions: for a message of 64 bytes sent and received 1,880 in user mode on x86-64, 1,220 of which are the codec, \
    as callgrind counts.";

/// The first that fits counts.
const REASONS: &[Reason] = &[
    Reason {
        table: "whoever waits looks again and again",
        ours: "spsc ring",
        other: "a bare cache line",
        why: "It is one word that is its own announcement. A ring has an item, and an index on another line that \
            announces it: two lines have to cross.",
    },
    Reason { table: "", ours: "ring", other: "between threads", why: BETWEEN_THREADS },
    Reason {
        table: "on one processor, so whoever waits sleeps",
        ours: "spsc ring",
        other: "",
        why: "Who goes to sleep in a ring calls membarrier, so that pushes need no fence while nobody sleeps: one system \
            call more for each sleep.",
    },
    Reason {
        table: "on one processor, so whoever waits sleeps",
        ours: "mpmc ring",
        other: "",
        why: "Who goes to sleep looks for the dead before it and after it, since an item may be in a dead hand, and calls \
            membarrier, so that pushes need no fence while nobody sleeps: some system calls more, as counted below.",
    },
    Reason { table: "64 bytes, from process to process", ours: "channel", other: "System V", why: BARE_QUEUE },
    Reason { table: "64 bytes, sent and received in one", ours: "channel", other: "msgsnd", why: BARE_QUEUE },
    Reason { table: "of another route", ours: "channel", other: "msgsnd", why: BARE_QUEUE },
    Reason { table: "jobs of 0 µs", ours: "channel", other: "System V", why: BARE_QUEUE },
    Reason {
        table: "MiB, sent and received in one process",
        ours: "channel",
        other: "memcpy",
        why: "Three passes instead of two, since the codec fills the receiver's vector with zeroes first; and shared \
            memory is copied by atomic words, since others may write there meanwhile, which memcpy may not be.",
    },
    Reason {
        table: "jobs of 100 µs",
        ours: "mpmc rings",
        other: "",
        why: "Whoever waits for results looks for some microseconds before it sleeps. Where there are as many workers as \
            processors, or more, it does so on one that a worker could use.",
    },
    Reason {
        table: "1 MiB into shared memory",
        ours: "",
        other: "memcpy",
        why: "Other processes may write there meanwhile: so it is copied by atomic words, which memcpy may not be.",
    },
    Reason {
        table: "nobody else wants to",
        ours: "Mutex",
        other: "parking_lot",
        why: "It is for threads of one process, which die together: so it writes down no owner.",
    },
    Reason {
        table: "a semaphore, nobody else wants it",
        ours: "with undo",
        other: "by libc",
        why: "The bare calls here ask for no undo, which the kernel has to note each time.",
    },
];

/// Returns why another is ahead of a row of ours, if that is known.
pub(crate) fn why(table: &str, ours: &str, other: &str) -> &'static str {
    let fits =
        |reason: &&Reason| table.contains(reason.table) && ours.contains(reason.ours) && other.contains(reason.other);
    REASONS.iter().find(fits).map_or("not known yet", |reason| reason.why)
}
