//! What a peer does that ours doesn't, and the other way round.

/// What one would take instead, and what that changes besides the time.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    /// What it does, and ours doesn't.
    pub(crate) more: &'static str,
    /// What ours does, and it doesn't.
    pub(crate) less: &'static str,
}

const fn peer(name: &'static str, more: &'static str, less: &'static str) -> Difference {
    Difference { name, more, less }
}

pub(super) const OF_MUTEX: &[Difference] = &[
    peer("pthread mutex, robust", "detects a death in the kernel alone", "a name; a value inside"),
    peer("POSIX semaphore", "can be posted by any process", "deaths: it stays locked"),
    peer("raw_sync's mutex", "lies in memory of the caller's choice; Windows", "deaths: it stays locked; a name"),
    peer("semop with undo", "several semaphores in one step", "poisoning after a death; user space alone"),
    peer(
        "flock, named-lock",
        "works between containers that share files; Windows (named-lock)",
        "poisoning after a death; timeouts; user space alone",
    ),
    peer("parking_lot", "condition variables, and read-write locks", "other processes: it is a floor"),
];

pub(super) const OF_RWLOCK: &[Difference] = &[
    peer(
        "pthread rwlock, process-shared",
        "writes without a system call; lies in memory of the caller's choice",
        "deaths: a dead reader keeps every writer out, for ever; a name; poisoning",
    ),
    peer("parking_lot", "upgradable readers", "other processes: it is a floor"),
];

pub(super) const OF_POOL: &[Difference] = &[
    peer(
        "POSIX semaphore",
        "can be posted by a process that holds nothing",
        "deaths: a dead holder's permits are lost; which permit it is",
    ),
    peer("semop with undo", "gives back at the moment of death", "which permit it is; user space alone"),
];

pub(super) const OF_RINGS: &[Difference] = &[
    peer(
        "iceoryx2 publish/subscribe, and with events",
        "one item to many subscribers, history, samples lent in any number; other systems than Linux",
        "sleeping in the same call (its events are a service of their own); an item that a dead process had claimed",
    ),
    peer(
        "shmem-ipc",
        "peers that don't trust each other: sealed memory, descriptors passed on",
        "a name; deaths; more than one on a side, as mpmc has",
    ),
    peer(
        "ipmpsc",
        "items of any length, anything that serde knows; Windows",
        "deaths: a killed holder of its lock stops all; several consumers, as mpmc has",
    ),
    peer(
        "Unix sockets",
        "poll, descriptors, credentials; a disconnected stream is noticed at once",
        "items (streams): they carry bytes; disconnection (datagrams, while any process has them open)",
    ),
    peer(
        "pipe",
        "poll and splice; disconnection is noticed at once",
        "items beyond 4 KiB whole; its capacity in items",
    ),
    peer("System V message queue", "choice by type", "items beyond 8 KiB; disconnection"),
    peer(
        "POSIX message queue",
        "priorities, notification, poll on Linux",
        "items beyond 8 KiB and more than 10, unless raised; disconnection of the other side",
    ),
    peer(
        "rtrb, ArrayQueue, crossbeam channel",
        "values of any type; select over several (crossbeam channel)",
        "other processes: they are between threads of one, which die together",
    ),
];

pub(super) const OF_CHANNEL: &[Difference] = &[
    peer(
        "ipc-channel",
        "sends channels and shared memory through channels; Windows and macOS",
        "any number of receivers, which choose by type; messages that survive both sides; calls that fail when the peer dies",
    ),
    peer(
        "Unix datagram socket",
        "poll, descriptors, credentials",
        "messages beyond its buffer; choice by type; answers",
    ),
    peer("Unix stream socket", "poll, descriptors, credentials", "messages: it carries bytes"),
    peer("POSIX message queue", "priorities, notification", "types; messages beyond 8 KiB unless raised"),
    peer("System V message queue", "programs in any language", "types, messages beyond 8 KiB, calls, disconnection"),
];

pub(super) const OF_WORKER_POOL: &[Difference] = &[peer(
    "System V queue, eight bytes",
    "jobs and results in one object, which outlives all processes that use it",
    "types; jobs beyond 8 KiB; the job of a worker that died; disconnection",
)];

pub(super) const OF_POOLS: &[Difference] = &[
    peer(
        "procspawn",
        "any function and its arguments as a job; panics with a backtrace; Windows and macOS",
        "retries; limits of time and memory for each job; jobs that outlive the pool's process; priorities; progress",
    ),
    peer(
        "ProcessPoolExecutor",
        "any function and its arguments as a job; futures with callbacks; Windows and macOS",
        "a worker's death: it breaks the pool, with every job; limits of time and memory",
    ),
    peer(
        "multiprocessing.Pool",
        "any function and its arguments as a job; an initialiser of workers; Windows and macOS",
        "a worker's death: its job never returns; retries; limits of time and memory",
    ),
    peer(
        "rayon",
        "borrowed data; jobs that split themselves; no encoding",
        "other processes: it is a floor; a job that crashes, which ends all",
    ),
];

pub(super) const OF_SERVED: &[Difference] = &[
    peer(
        "LPUSH and BRPOP",
        "programs in any language",
        "redelivery: what is popped is lost with its process; a bound; types; a send or a receive that is repeated after a broken \
            connection takes effect twice, or loses a message",
    ),
    peer(
        "LPUSH, BLMOVE and LREM",
        "programs in any language",
        "redelivery by itself: a program must find the lists of the dead; leases, attempts, a bound, types",
    ),
    peer(
        "XADD, XREADGROUP and XACK",
        "programs in any language; many groups that each get everything",
        "redelivery by itself: a program must call XAUTOCLAIM; choice by type, a bound, delays",
    ),
    peer(
        "apalis-redis",
        "futures, middleware, a web page; several tasks in one round trip",
        "waking up for a job that comes: it looks at intervals; a lease for each claim, extended by itself; a bound; types; priorities",
    ),
    peer(
        "RQ",
        "any function and its arguments as a job; schedules; a web page",
        "redelivery soon: the job of a worker that died is found after its time-out; a bound; types",
    ),
];
