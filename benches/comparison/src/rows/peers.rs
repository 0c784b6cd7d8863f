//! What a peer does that ours doesn't, and the other way round.

use crate::report::Difference;

const fn peer(name: &'static str, more: &'static str, less: &'static str) -> Difference {
    Difference { name, more, less }
}

pub(super) const OF_MUTEX: &[Difference] = &[
    peer("pthread mutex, robust", "learns of a death in the kernel alone", "a name; a value inside"),
    peer("POSIX semaphore", "can be posted by anyone", "deaths: it stays locked"),
    peer("raw_sync's mutex", "lies in memory of one's own choice; Windows", "deaths: it stays locked; a name"),
    peer("semop with undo", "several semaphores in one step", "poisoning: nobody is told of a death; user space alone"),
    peer(
        "flock, named-lock",
        "works between containers that share files; Windows (named-lock)",
        "poisoning: nobody is told of a death; timeouts; user space alone",
    ),
    peer("parking_lot", "condition variables, and read-write locks", "other processes: it is a floor"),
];

pub(super) const OF_POOL: &[Difference] = &[
    peer(
        "POSIX semaphore",
        "can be posted by who holds nothing",
        "deaths: what the dead had is gone; which permit it is",
    ),
    peer("semop with undo", "gives back at the moment of death", "which permit it is; user space alone"),
];

pub(super) const OF_RINGS: &[Difference] = &[
    peer(
        "iceoryx2 publish/subscribe, and with events",
        "one item to many subscribers, history, samples lent in any number; other systems than Linux",
        "sleeping in the same call (its events are a service of their own); whoever dies with an item in hand loses it",
    ),
    peer(
        "shmem-ipc",
        "peers who don't trust each other: sealed memory, descriptors passed on",
        "a name; deaths; more than one on a side, as mpmc has",
    ),
    peer(
        "ipmpsc",
        "items of any length, anything that serde knows; Windows",
        "deaths: a killed holder of its lock stops all; more than one consumer, as mpmc has",
    ),
    peer(
        "Unix sockets",
        "other machines' worth of tools: poll, descriptors, credentials; the end of a stream is heard at once",
        "items (streams): they carry bytes; the end of the other side (datagrams, while anybody has it open)",
    ),
    peer("pipe", "poll and splice; its end is heard at once", "items beyond 4 KiB whole; its capacity in items"),
    peer("System V message queue", "choice by type", "items beyond 8 KiB; the end of the other side"),
    peer(
        "POSIX message queue",
        "priorities, notification, poll on Linux",
        "items beyond 8 KiB and more than 10, unless raised; the end of the other side",
    ),
    peer(
        "rtrb, ArrayQueue, crossbeam channel",
        "values of any type; select over several (crossbeam channel)",
        "other processes: they are between threads of one, and know of no deaths",
    ),
];

pub(super) const OF_CHANNEL: &[Difference] = &[
    peer(
        "ipc-channel",
        "sends channels and shared memory through channels; Windows and macOS",
        "any number of receivers, who choose by type; messages that survive both sides; calls that learn of a death",
    ),
    peer(
        "Unix datagram socket",
        "poll, descriptors, credentials",
        "messages beyond its buffer; choice by type; answers",
    ),
    peer("Unix stream socket", "poll, descriptors, credentials", "messages: it carries bytes"),
    peer("POSIX message queue", "priorities, notification", "types; messages beyond 8 KiB unless raised"),
    peer(
        "System V message queue",
        "nothing: it is what ours is made of",
        "types, messages beyond 8 KiB, calls, the end of the other side",
    ),
];

pub(super) const OF_WORKER_POOL: &[Difference] = &[peer(
    "System V queue, eight bytes",
    "jobs and results in one object, which outlives all who use it",
    "types; jobs beyond 8 KiB; what a worker that died had in hand; the end of the other side",
)];
