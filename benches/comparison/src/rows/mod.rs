//! What is measured: a module for each primitive.

mod barriers;
mod channel;
mod conditions;
mod crowds;
mod fates;
mod futures;
mod idle;
mod limiter;
mod locks;
mod once;
mod own;
mod peers;
mod permits;
mod rings;
mod rwlocks;
mod served;
mod watches;
mod worker_pool;
mod worker_pools;
mod wrappers;

use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};

use self::peers::Difference;
use crate::report::Section;

/// A primitive, and how it is measured.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    /// What was measured, in a sentence or two.
    pub(crate) about: &'static str,
    /// How, in as much detail as a repetition needs.
    pub(crate) method: &'static [&'static str],
    pub(crate) peers: &'static [Difference],
    measure: fn(&mut Section) -> Result<()>,
}

impl Part {
    pub(crate) fn measure(&self) -> Result<Section> {
        let mut section = Section::new(self.title);
        (self.measure)(&mut section).context(self.title)?;
        Ok(section)
    }
}

/// Returns the part that a section of a report is of, unless the report is of another version.
pub(crate) fn part(title: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.title == title)
}

/// Returns a name that nothing else has.
pub(crate) fn name(what: &str) -> String {
    use std::sync::atomic::AtomicU64;
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("comparison-{}-{what}-{:x}", std::process::id(), COUNTER.fetch_add(1, Relaxed))
}

const MUTEX: &[&str] = &[
    "The holder of a lock adds one to a number, by a load and a store. The sum is checked after each run, so each row is of a \
        lock that has excluded the other processes.",
    "The number lies right behind the locks that lie in memory, as in a structure of the two. The Mutex has its value on a \
        line of its own.",
];

const RWLOCK: &[&str] = &[
    "A reader reads two numbers, which must be equal. A writer adds one to both, by loads and stores. The sum of the writers is \
        checked after each run.",
    "parking_lot's is between threads of one process, and in each comparison there are as many threads as there are processes.",
    "A reader is killed while it reads, and its parent has waited for it. Then a writer comes, which waits for 3 s at most. The \
        time is the writer's, the longest of 20.",
];

const WATCH: &[&str] = &[
    "Memcpy and two loads is a copy out of shared memory into the reader's own, with a load before it and one after it: what a \
        reader can't do without.",
    "Of two processes that wait for each other, each sets a value and sleeps until the other one has set its own. A time is \
        that of both ways, and so of two wake-ups. Neither checks again before it sleeps.",
];

const RINGS: &[&str] = &[
    "A sender makes an item and hands it over. A receiver reads each word of it, in place where it can.",
    "Items of 64 bytes and more begin at a multiple of 64, except in ipmpsc: there an item lies where the last one ends, and in \
        the kernel.",
    "Rings, queues and channels have room for 1,024 items, or for 1 MiB of longer ones. A pipe has 1 MiB, the most that an \
        ordinary process may have. Sockets are asked for 1 MiB, and get what the system allows (net.core.wmem_max). A System \
        V queue has 16 KiB and a POSIX queue 10 items, unless the system's administrator raised that. iceoryx2 and ipmpsc \
        have what 1,024 items need. There and back all of them have room for 16.",
    "Receivers that never sleep (rtrb, ArrayQueue, bare memory, iceoryx2 without events) check, pause once (spin_loop), and \
        check again. crossbeam's channel and ours have ways of their own: ours pauses up to 64 times between checks if a \
        stream keeps coming in small pieces.",
    "One to all: each receiver gets every item, and the time is that of an item for all of them. None is lost: the sender waits \
        for the slowest receiver.",
    "The file of ipmpsc is in /dev/shm, if there is one, and never on a disk.",
    "Bare memory is two processes with two indexes and nothing else: no waiting, no deaths, no checks. It does less and is \
        written item by item, so it is a floor and not the fastest that can be.",
];

const CHANNEL: &[&str] = &[
    "Ours and the datagram socket use the same codec. The bare System V queue, the limit of what goes through it, carries \
        bytes, as POSIX queues do.",
    "Sockets are asked for buffers of 1 MiB.",
    "Long messages are made once, and sent from there. The receiver reads all of them. The shared memory of ipc-channel is \
        made for each message, and is read where it lies. Memcpy in, memcpy out is two processes in turn, and a cache line \
        each way says that it was done.",
    "A typed queue puts 8 bytes before each message: the codec and the schema.",
    "The trips of a cache line are between two processes that spin, each on a word that the other one writes. These and the two \
        memcpys are measured pinned only: two that spin on one processor measure its time slices.",
    "In calls with pauses the caller sleeps for 200 µs before each call, and the server works for 100 µs before it answers, so \
        that each is asleep when its message comes. The time is that of both ways: from the call until the server has it, and \
        from the end of the work until the caller has the answer. Neither pause is in it, and nothing is subtracted. The \
        server writes both of its times into shared memory.",
];

const FUTURES: &[&str] = &[
    "A future that is ready at once is polled once, with a waker that does nothing.",
    "A trip is between two tasks of two processes, each in a runtime of tokio's with one thread, sockets and timers. A process awaits its \
        item after it has sent its own, so on one processor each trip has two waits of which both sleep.",
    "The waiters wait for one value of a Watch. The time is from the set until the last of them has run. Memory is that of resident \
        pages, of all waiters together, and in a process of its own.",
];

const WORKERS: &[&str] = &[
    "At most 64 jobs are under way. Workers sleep when there is no job, and the sender sleeps when there is no result.",
    "A job and a result are eight bytes. The codec pod sends them as they are, and the default one encodes them. All jobs are \
        on one route of a channel, and all results on another one.",
    "More workers than processors can't be faster; they show the cost of crowding.",
];

const POOLS: &[&str] = &[
    "Each pool is driven by a program of its own, which measures itself: a round begins with the first job and ends with the \
        last result. Its workers are there before that.",
    "The kernel places all processes of a pool, as in practice, so these tables are measured once, and have no other figures \
        for unpinned.",
    "At most 64 jobs are under way: WorkerPool::map's own number, and as many requests of the channel, which waits for the oldest \
        one. procspawn has as many, waits for the oldest too, and has as many jobs of 1 MiB as workers. With one more it \
        stops for ever, as examples/procspawn_stops.rs shows: spawn waits until a worker reads the job, and no worker takes \
        a job before the result of its last one was taken. Python's pools take all jobs of a round at once, as is their way.",
    "The number of jobs in a round is a multiple of the number of workers.",
    "A job is a number, what to do, and its bytes, which are made anew for each. A result is a number, and is checked.",
    "Python's pools are measured with one job at a time, their default, and in chunks, as their documentation advises for many \
        jobs: four chunks for each worker, as Pool.map has by default. The start method is Python's default one.",
    "rayon's threads make the jobs that they do.",
    "In the table of kills there are two workers and nine jobs, all submitted at once. The first one takes a second, and \
        its worker is killed with SIGKILL as soon as it has begun. The others take 50 ms. Results are waited for 4 s. Then a \
        later job is submitted, and at last the pool is shut down: by its drop, shutdown, or close and join. Workers are \
        counted before the shutdown. Of rayon the process itself is killed, since a thread can't be.",
    "System calls are those of two workers and their driver together, of jobs with 100 bytes.",
];

const SERVED: &[&str] = &[
    "The server is started for this, on the loopback network and with a directory of its own. It has appendonly yes and appendfsync \
        everysec, as a server should have that loses no messages when it is restarted. It has one thread, and the kernel places all \
        processes, so these tables are measured once.",
    "Each process has a connection of its own, and waits for the answer to each command. So the time of a message with one process \
        on each side is mostly that of the network and of wake-ups, and with many it is the processor time of the server and its clients \
        together.",
    "Streams acknowledge and delete in one round trip.",
    "At most 64 jobs are under way. Workers that take jobs from lists report results in another list, and those of apalis-redis do \
        the same, since it looks for a result every 100 ms. An idle worker of apalis looks for jobs every millisecond, by a strategy of the \
        comparison's own: that of apalis 1.0 sleeps at times until the next heartbeat. RQ's results are waited for by latest_result, and its \
        jobs may be retried three times. Its Worker forks for each job, and its SimpleWorker does not.",
    "Round trips are the requests that the server has read. System calls are those of the clients, and not the server's. A process sleeps \
        if it has waited for 2 ms.",
    "In the table of kills a job takes a second, and its worker is killed as soon as it has begun, as in the section on WorkerPool. \
        apalis has a heartbeat each second, and a worker without two of them is dead. A WorkerPool sees the deaths of its own \
        workers, so their jobs come back before the lease of 10 s has ended. What a claim on another machine does is in the table before.",
];

pub(crate) const PARTS: [Part; 16] = [
    Part {
        title: "Mutex",
        about: "A lock between processes, found by name, around eight bytes.",
        method: MUTEX,
        peers: peers::OF_MUTEX,
        measure: locks::measure,
    },
    Part {
        title: "wait_while",
        about: "A process waits until another one has changed the value of a Mutex.",
        method: &[
            "Two processes take turns: each waits for the change of the other, changes the value, and wakes the other.",
        ],
        peers: &[],
        measure: conditions::measure,
    },
    Part {
        title: "RwLock",
        about: "A lock between processes for many readers or one writer, found by name, around two numbers.",
        method: RWLOCK,
        peers: peers::OF_RWLOCK,
        measure: rwlocks::measure,
    },
    Part {
        title: "OnceLock",
        about: "A value of 64 bytes that one process computes, and all read.",
        method: &["The value is set before. A time is that of a process that asks for it as if it might be the first."],
        peers: &[],
        measure: once::measure,
    },
    Part {
        title: "Watch",
        about: "The latest value, which processes set, read and wait for.",
        method: WATCH,
        peers: &[],
        measure: watches::measure,
    },
    Part {
        title: "Pool",
        about: "Counted permits, found by name.",
        method: &[],
        peers: peers::OF_POOL,
        measure: permits::measure,
    },
    Part {
        title: "Barrier",
        about: "Processes that wait for each other, again and again.",
        method: &["A time is that of one generation: until all have come, and have gone on."],
        peers: &[],
        measure: barriers::measure,
    },
    Part {
        title: "RateLimiter",
        about: "Permits by time, beside a reading of the clock and two atomic additions.",
        method: &[],
        peers: &[],
        measure: limiter::measure,
    },
    Part {
        title: "Rings",
        about: "Items from one process to another (spsc), from any number to any number (mpmc), and from one to each of many (broadcast).",
        method: RINGS,
        peers: peers::OF_RINGS,
        measure: rings::measure,
    },
    Part {
        title: "Channel",
        about: "Typed values from process to process, and calls with an answer.",
        method: CHANNEL,
        peers: peers::OF_CHANNEL,
        measure: channel::measure,
    },
    Part {
        title: "A worker pool",
        about: "Jobs from one process to workers, and results back.",
        method: WORKERS,
        peers: peers::OF_WORKER_POOL,
        measure: worker_pool::measure,
    },
    Part {
        title: "WorkerPool",
        about: "Pools of worker processes, each as its documentation advises: jobs from an iterator, and their results.",
        method: POOLS,
        peers: peers::OF_POOLS,
        measure: worker_pools::measure,
    },
    Part {
        title: "On a server",
        about: "The channel and the pool of workers over a Redis server on this machine, beside other ways over the same server.",
        method: SERVED,
        peers: peers::OF_SERVED,
        measure: served::measure,
    },
    Part {
        title: "Futures",
        about: "What futures add to the forms that do not wait, and two processes and a thousand waiters that await each other.",
        method: FUTURES,
        peers: &[],
        measure: futures::measure,
    },
    Part {
        title: "The raw layer",
        about: "The wrappers beside the same calls by libc, in one process.",
        method: &[],
        peers: &[],
        measure: wrappers::measure,
    },
    Part {
        title: "What waiting and being costs",
        about: "The processor time of a process that waits, and the size of an object.",
        method: &[],
        peers: &[],
        measure: idle::measure,
    },
];
