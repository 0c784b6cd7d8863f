//! Why ours is not first, where it is not: only reasons that hold on any machine, and were found out.

use super::Statistic;

struct Reason {
    /// Parts of the titles of the table and of the names of the two alternatives.
    table: &'static str,
    ours: &'static str,
    other: &'static str,
    of: Of,
    why: &'static str,
}

/// Which statistics a reason explains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The time that an operation takes on average, and half of the single times.
    Middle,
    /// The single times that are longer than 99 of 100 others.
    Tail,
    /// Both of these.
    Each,
    /// The longest single time of all.
    Longest,
}

/// Stands where another is ahead, but not often.
pub(super) const SELDOM: &str = "The other is ahead in fewer than three of four rounds.";

/// Stands where no reason was found out.
pub(crate) const NOT_KNOWN: &str = "Reason not known.";

const BETWEEN_THREADS: &str = "Queues between threads of one process end together with it. They check for no death, no fork \
    and no sleeper, and trust their indexes. A push and a pop of eight bytes are 46 user-mode instructions in rtrb, 57 in an \
    spsc ring and some 220 in an mpmc ring, with those of the loops around them, as callgrind counts on x86-64.";

const CLAIMED: &str = "Each item of an mpmc ring is claimed on both sides, by a compare-and-swap on a word that names its \
    owner, so that it is found if that process dies. These words have to cross between the processors as well.";

const THE_BYTES: &str = "The bytes take most of the time, and cross between the processors for all alike. Which of the \
    others is some percent ahead differs from run to run.";

const CALLS: &str = "The kernel's sleep and wake-up take most of a call, for all alike. The codec is added, twice.";

const WRAPPER: &str = "The wrapper's own instructions tell signals, deadlines and errors apart. For a pair of calls they are \
    142 in user mode for a semaphore and 215 for a message, instead of 29, as callgrind counts on x86-64.";

const ZEROES: &str = "The channel passes over the bytes three times instead of twice, since the codec fills the receiver's \
    vector with zeroes first.";

const SLEEPS_IN_RING: &str = "A process that goes to sleep in an spsc ring calls membarrier, so that pushes need no fence \
    while no process sleeps. That is one system call more for each sleep. It sleeps at a semaphore, which the kernel posts \
    if the peer dies, and which costs the kernel more than an eventfd or a futex.";

const SLEEPS_IN_MPMC: &str = "A process that goes to sleep in an mpmc ring checks for dead members before and after, since \
    one of them may have claimed an item, and calls membarrier. These are some system calls more, as the table of system \
    calls shows.";

const THREADS: &str = "Threads of one process hand over jobs by address, without encoding them, and take them from each other \
    without a system call. They end together.";

const CHUNKS: &str = "One message carries the jobs of a chunk, and another one their results. A WorkerPool sends each \
    job by itself, so that it is claimed, begun again and returned by itself.";

const PREEMPTED: &str = "The longest time is that of one operation of all, in a process that was preempted, mostly for whole \
    time slices of the scheduler. Which alternative has it differs from run to run.";

const MAP: &str = "A map is made of these requests and responses. It also bounds how many jobs are on their way, puts the \
    results in the order of the jobs, and keeps each job until its result is there.";

const LIMITED: &str = "A permit is taken by one reading of the clock and one compare-and-swap, which is repeated if another \
    process was faster. That, and the arithmetic of the rate, are 105 instructions in user mode, as callgrind counts on x86-64. \
    A reading of the clock alone is 33.";

const SCRIPTS: &str = "A command on a list is one command. Ours is a script of some ten commands, which the server runs in one step: it bounds \
    the channel, keeps each type by itself, counts attempts and leases, and remembers its own answer, so that a connection that breaks \
    neither loses a message nor repeats it.";

const ASKS_AGAIN: &str = "A receiver that finds nothing waits for the next event, and then asks again: three round trips, and BRPOP needs one. \
    So a message is in no answer to a process that has died while it waited.";

const BATCHES: &str = "A worker of apalis fetches up to ten jobs in one round trip, and reports on many at once. So all ten wait for its heartbeats \
    if it dies. A worker of ours takes a job when it is ready for it.";

const CALLS_ON_SERVER: &str = "A job is a call: it has a lease, its result is kept until its caller has read it, and a worker waits for jobs by type \
    and priority. That is a script for each of sending, taking and responding, beside one command.";

const BY_CLERK: &str = "A thread that blocks is woken by the kernel. A future is woken by the thread that waits for all futures of its \
    process, and then by its runtime.";

const TWO_THREADS: &str = "A socket is among the things that the thread of the runtime itself sleeps for. The kernel can't make a death of \
    another process known there, so a second thread sleeps at a semaphore, and wakes the runtime's.";

const SPINS: &str = "A waiter of ours checks for some ten microseconds before it sleeps, at intervals that grow up to 64 pauses of the \
    processor, so that it seldom takes the cache line away from the holder. If none checked, half of the single times were those of a \
    free lock, and the throughput a third lower. With intervals of up to 16 pauses, the 99.9th percentile was that of a pthread mutex, \
    and the throughput again a third lower.";

const PASSES: &str = "A few calls outlast the time for which a caller spins. It sleeps then, and is woken by the kernel. The bare line spins on.";

const TOGETHER: &str = "It is for threads of one process, which die together, so it records no holder.";

const NO_CHECKS: &str = "The floor is a copy and two indexes. It checks for no sleeper, no death and no end.";

const ONE_ACCESS: &str = "Another process may write at the same time, so each byte is moved by one access of a fixed width. memcpy may choose.";

const IN_MEMORY: &str = "The word is in the memory of the object, and is found through the handle. That of std's OnceLock is in the value itself.";

const NAMED_PERMITS: &str = "Each permit has a word that names its holder, so that it is found if that process dies. A caller tries one word \
    after the other, each by a compare-and-swap. A semaphore is one number.";

const AT_SEMAPHORES: &str = "A waiter sleeps at a semaphore, which the kernel posts if a member dies, and which costs the kernel more than a \
    futex.";

const fn tail(table: &'static str, ours: &'static str, other: &'static str, why: &'static str) -> Reason {
    Reason { table, ours, other, of: Of::Tail, why }
}

const fn middle(table: &'static str, ours: &'static str, other: &'static str, why: &'static str) -> Reason {
    Reason { table, ours, other, of: Of::Middle, why }
}

const fn each(table: &'static str, ours: &'static str, other: &'static str, why: &'static str) -> Reason {
    Reason { table, ours, other, of: Of::Each, why }
}

/// The first that fits counts.
const REASONS: &[Reason] = &[
    each(
        "both sides spin",
        "spsc ring",
        "a bare cache line",
        "A bare cache line is one word that is its own announcement. A ring has an item, and on another line an index that \
            announces it, so two lines have to cross.",
    ),
    middle("items of 4096 bytes", "spsc ring", "", THE_BYTES),
    middle("items of 65536 bytes", "ring", "", THE_BYTES),
    each("", "ring", "between threads", BETWEEN_THREADS),
    middle("empty jobs", "WorkerPool", "rayon", THREADS),
    middle("empty jobs", "WorkerPool", "chunks", CHUNKS),
    middle("one to one", "mpmc ring", "", CLAIMED),
    each("both sides spin", "mpmc ring", "", CLAIMED),
    each("both sides sleep", "futures", "threads that block", BY_CLERK),
    each("both sides sleep", "futures", "in tokio", TWO_THREADS),
    each("on one processor, both sides sleep", "spsc ring", "", SLEEPS_IN_RING),
    each("on one processor, both sides sleep", "mpmc ring", "", SLEEPS_IN_MPMC),
    each("lock and unlock, 4 processes", "Mutex", "", SPINS),
    each("each waits in its own way", "spsc ring", "", SLEEPS_IN_RING),
    each("each waits in its own way", "mpmc ring", "", SLEEPS_IN_MPMC),
    middle("one to one", "spsc ring", "bare memory", NO_CHECKS),
    middle("read and leave", "RwLock", "parking_lot", TOGETHER),
    middle("into shared memory", "SharedMemory::write", "memcpy", ONE_ACCESS),
    tail("16 processes for 4 permits", "Pool", "", NAMED_PERMITS),
    each("take turns", "wait_while", "pthread", AT_SEMAPHORES),
    middle(
        "64 bytes, from process to process",
        "channel",
        "POSIX",
        "The POSIX queue carries bytes without types, and its receivers can't choose.",
    ),
    each("there and back, both sides sleep", "call, answer", "", CALLS),
    each("both sides asleep", "call, answer", "", CALLS),
    each("12 trips of a cache line", "call, answer", "", PASSES),
    each("set to changed, asleep", "Watch", "", AT_SEMAPHORES),
    each("get the first value", "OnceLock", "std", IN_MEMORY),
    middle(
        "16 MiB, from process to process",
        "channel",
        "stream socket",
        "The first bytes of a stream are received while the last are sent, so they mostly stay in a cache. A message is whole \
            before it is received, and the codec fills the receiver's vector with zeroes before it copies.",
    ),
    middle("MiB, sent and received in one process", "channel", "memcpy", ZEROES),
    middle("MiB, from process to process", "channel", "memcpy", ZEROES),
    middle(
        "on one processor, both sides sleep",
        "futures in tokio",
        "Unix stream socket",
        "The thread that waits for all futures of a process is between the kernel and the runtime, on each side. On one \
            processor that makes seven context switches of a trip there and back.",
    ),
    middle(
        "jobs of 100 µs",
        "mpmc rings",
        "",
        "The process that waits for results spins for some microseconds before it sleeps. Where there are as many workers as \
            processors, or more, it spins on a processor that a worker could use.",
    ),
    middle("lock and unlock, uncontended", "Mutex", "parking_lot", TOGETHER),
    middle("messages of 64 bytes on a server", "channel", "", SCRIPTS),
    each("a message on a server", "channel", "", ASKS_AGAIN),
    middle("empty jobs of 64 bytes on a server", "WorkerPool", "apalis", BATCHES),
    middle("empty jobs of 64 bytes on a server", "WorkerPool", "", CALLS_ON_SERVER),
    middle(
        "a semaphore, uncontended",
        "with undo",
        "by libc",
        "The bare calls in this table ask for no undo, which the kernel has to note each time.",
    ),
    middle("a semaphore, uncontended", "acquire, release", "by libc", WRAPPER),
    middle(
        "write and leave",
        "RwLock",
        "",
        "Readers make no fence, so a writer makes it for them: by membarrier, which interrupts each processor that a member \
            runs on. It has the lock meanwhile. Without light fences it needs no such call, and readers take longer.",
    ),
    each(
        "get 64 B",
        "Watch",
        "memcpy",
        "The limit copies bytes that no process changes. A reader of a Watch also finds the buffer of the latest version, and \
            checks afterwards that no process has begun to write it: 42 instructions in user mode instead of 12, with those of \
            the loop around them, as callgrind counts on x86-64.",
    ),
    middle(
        "get 4 KiB",
        "Watch",
        "memcpy",
        "The value is copied word by word, by atomic loads, since another process may write meanwhile. memcpy uses wider \
            registers.",
    ),
    each("take a permit", "RateLimiter", "clock", LIMITED),
    middle(
        "set 64 B",
        "Watch",
        "pthread mutex",
        "A set of a Watch takes a lock, publishes the new version, and frees the lock, each by a locked instruction. A mutex has no \
            version to publish.",
    ),
    middle(
        "Ready at once",
        "_async",
        "try_",
        "A future is polled, and its result is moved once more. That is 8 more instructions for a lock and 79 more for a message \
            there and back, as callgrind counts on x86-64.",
    ),
    each(
        "wait until all have come",
        "Barrier",
        "pthread",
        "The waiters sleep at semaphores, one for each, which the kernel posts if a member dies. To post several takes the kernel \
            longer than to wake all waiters of one futex.",
    ),
    each(
        "TypedQueue",
        "TypedQueue",
        "System V",
        "It is that queue, with a codec. The limit carries 64 bytes as they are.",
    ),
    middle("worker", "WorkerPool::map", "channel, request and respond", MAP),
    middle("jobs of 100 µs", "WorkerPool", "rayon", THREADS),
    middle("jobs of 100 µs", "WorkerPool", "chunks", CHUNKS),
    Reason { table: "", ours: "", other: "", of: Of::Longest, why: PREEMPTED },
    middle("a message of 64 bytes", "send, receive_into", "by libc", WRAPPER),
];

/// Returns why another is ahead of a row of ours, if that is known.
pub(super) fn why(table: &str, ours: &str, other: &str, statistic: Statistic) -> &'static str {
    let of = match statistic {
        Statistic::Time | Statistic::P50 => Of::Middle,
        Statistic::P99 | Statistic::P999 => Of::Tail,
        Statistic::Longest => Of::Longest,
    };
    let fits = |reason: &&Reason| {
        let is_named = table.contains(reason.table) && ours.contains(reason.ours) && other.contains(reason.other);
        is_named && (reason.of == of || reason.of == Of::Each && of != Of::Longest)
    };
    REASONS.iter().find(fits).map_or(NOT_KNOWN, |reason| reason.why)
}
