//! Why ours is not first, where it is not: only what holds on any machine, and was found out.

struct Reason {
    /// Parts of the titles of the table and of the two alternatives.
    table: &'static str,
    ours: &'static str,
    other: &'static str,
    why: &'static str,
}

const BETWEEN_THREADS: &str = "It is between threads of one process, which die together: it looks for no end, no fork and no \
    sleeper, and trusts its indexes. A push and a pop of eight bytes are 40 user-mode instructions in rtrb, 71 in an spsc \
    ring and 218 in an mpmc ring, as callgrind counts on x86-64, with those of the loop around them.";

const CLAIMED: &str = "Each item of an mpmc ring is claimed on both sides, by a compare-and-swap on a word that says whose it \
    is, so that it is found in a dead hand; these words have to cross between the processors as well.";

const THE_BYTES: &str = "The bytes take most of it, and cross between the processors for all alike. Which of those that do \
    nothing more is some percent ahead differs from run to run.";

const BARE_QUEUE: &str = "The same system calls on the same kind of queue. What is added are the channel's own \
    instructions: for a message of 64 bytes sent and received 1,970 in user mode on x86-64, 1,260 of which are the codec, \
    as callgrind counts.";

const CALLS: &str = "The same sleep and wake-up of the kernel's take most of it. What is added are the codec, twice, and a \
    parcel by which the caller is answered, or told at once if whoever has its request dies.";

/// The first that fits counts.
const REASONS: &[Reason] = &[
    Reason {
        table: "whoever waits looks again and again",
        ours: "spsc ring",
        other: "a bare cache line",
        why: "It is one word that is its own announcement. A ring has an item, and an index on another line that \
            announces it: two lines have to cross.",
    },
    Reason { table: "items of 4096 bytes", ours: "spsc ring", other: "", why: THE_BYTES },
    Reason { table: "items of 65536 bytes", ours: "ring", other: "", why: THE_BYTES },
    Reason { table: "", ours: "ring", other: "between threads", why: BETWEEN_THREADS },
    Reason { table: "one to one", ours: "mpmc ring", other: "", why: CLAIMED },
    Reason { table: "whoever waits looks again and again", ours: "mpmc ring", other: "", why: CLAIMED },
    Reason {
        table: "on one processor, so whoever waits sleeps",
        ours: "spsc ring",
        other: "",
        why: "A process that goes to sleep in a ring calls membarrier, so that pushes need no fence while nobody sleeps: \
            one system call more for each sleep. And it sleeps at a semaphore, which its death posts; an eventfd or a futex \
            takes the kernel less.",
    },
    Reason {
        table: "on one processor, so whoever waits sleeps",
        ours: "mpmc ring",
        other: "",
        why: "A process that goes to sleep looks for the dead before it and after it, since an item may be in a dead hand, \
            and calls membarrier, so that pushes need no fence while nobody sleeps: some system calls more, as counted below.",
    },
    Reason { table: "64 bytes, from process to process", ours: "channel", other: "System V", why: BARE_QUEUE },
    Reason {
        table: "64 bytes, from process to process",
        ours: "channel",
        other: "POSIX",
        why: "It is well ahead of the bare System V queue too, of which ours is made; nobody can choose from it by type.",
    },
    Reason { table: "64 bytes, sent and received in one", ours: "channel", other: "msgsnd", why: BARE_QUEUE },
    Reason { table: "of another route", ours: "channel", other: "msgsnd", why: BARE_QUEUE },
    Reason { table: "jobs of 0 µs", ours: "channel", other: "System V", why: BARE_QUEUE },
    Reason {
        table: "there and back, both sides sleep",
        ours: "by a Receiver",
        other: "",
        why: "A Receiver sleeps at a semaphore instead of in the queue, so that it hears of the end, and looks for the dead \
            around each sleep: some system calls more.",
    },
    Reason { table: "there and back, both sides sleep", ours: "call, answer", other: "", why: CALLS },
    Reason {
        table: "16 MiB, from process to process",
        ours: "channel",
        other: "stream socket",
        why: "The first bytes of a stream are received while the last are sent, so they mostly stay in a cache. A message is \
            whole before it is received, and the codec fills the receiver's vector with zeroes first.",
    },
    Reason {
        table: "MiB, sent and received in one process",
        ours: "channel",
        other: "memcpy",
        why: "Three passes instead of two, since the codec fills the receiver's vector with zeroes first.",
    },
    Reason {
        table: "jobs of 100 µs",
        ours: "mpmc rings",
        other: "",
        why: "Whoever waits for results looks for some microseconds before it sleeps. Where there are as many workers as \
            processors, or more, it does so on one that a worker could use.",
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
    Reason {
        table: "a semaphore, nobody else wants it",
        ours: "acquire, release",
        other: "by libc",
        why: "The wrapper's own instructions, by which signals, deadlines and errors are told apart: 142 in user mode for \
            both calls instead of 29, as callgrind counts on x86-64.",
    },
    Reason {
        table: "a message of 64 bytes",
        ours: "send, receive_into",
        other: "by libc",
        why: "The wrapper's own instructions, by which signals, deadlines and errors are told apart: 215 in user mode for \
            both calls instead of 29, as callgrind counts on x86-64.",
    },
];

/// Returns why another is ahead of a row of ours, if that is known.
pub(crate) fn why(table: &str, ours: &str, other: &str) -> &'static str {
    let fits =
        |reason: &&Reason| table.contains(reason.table) && ours.contains(reason.ours) && other.contains(reason.other);
    REASONS.iter().find(fits).map_or("not known yet", |reason| reason.why)
}
