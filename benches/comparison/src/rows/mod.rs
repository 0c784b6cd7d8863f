//! What is measured: a module for each primitive.

mod channel;
mod crowds;
mod idle;
mod locks;
mod own;
mod peers;
mod permits;
mod rings;
mod worker_pool;
mod wrappers;

use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};

use crate::report::{Difference, Section};

/// A primitive, and how it is measured.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    about: &'static str,
    peers: &'static [Difference],
    measure: fn(&mut Section) -> Result<()>,
}

impl Part {
    pub(crate) fn measure(&self) -> Result<Section> {
        let mut section = Section::new(self.title, self.about, self.peers);
        (self.measure)(&mut section).context(self.title)?;
        Ok(section)
    }
}

/// Returns a name that nothing else has.
pub(crate) fn name(what: &str) -> String {
    use std::sync::atomic::AtomicU64;
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("comparison-{}-{what}-{:x}", std::process::id(), COUNTER.fetch_add(1, Relaxed))
}

const MUTEX: &str = "A lock between processes, found by name, around eight bytes. Whoever has any of these locks adds one to \
    a number, without any other care, and each run ends with a look at the sum: so each row is of a lock that has excluded \
    the others. The number lies right behind those locks that lie in memory, as in a structure of the two; the Mutex has its \
    value on a line of its own.";

const RINGS: &str = "A sender makes an item and hands it over; a receiver reads each word of it, in place where it can. Items \
    of 64 bytes and more begin at a multiple of 64 with all that have a say in it: not in ipmpsc, whose items lie where the \
    last one ends, nor in the kernel. \
    Streams: rings, queues and channels have room for 1,024 items, or for 1 MiB of longer ones; a pipe for 1 MiB, which is \
    the most that everybody may have; sockets are asked for 1 MiB, and get what the system allows (net.core.wmem_max); a \
    System V queue has 16 KiB and a POSIX queue 10 items, unless the system's administrator raised that; iceoryx2 and \
    ipmpsc have what 1,024 items need. There and back they have room for 16. \
    Those that never sleep (rtrb, ArrayQueue, bare memory, iceoryx2 without events) look, pause once (spin_loop), and look \
    again; crossbeam's channel and ours have ways of their own: ours pauses up to 64 times before it looks again, if it \
    keeps finding a stream in small pieces. ipmpsc's file is in /dev/shm, if there is one: never on a disk. \
    Bare memory is two processes with two indexes and nothing else, without waiting, deaths or checks: it does less, and is \
    written item by item, so it is a floor and not the fastest that can be.";

pub(crate) const PARTS: [Part; 7] = [
    Part { title: "Mutex", about: MUTEX, peers: peers::OF_MUTEX, measure: locks::measure },
    Part { title: "Pool", about: "Counted permits, found by name.", peers: peers::OF_POOL, measure: permits::measure },
    Part { title: "Rings", about: RINGS, peers: peers::OF_RINGS, measure: rings::measure },
    Part {
        title: "Channel",
        about: "Typed values. Ours and the datagram socket use the same codec. The bare queue, which is the limit of \
            what goes through it, carries bytes, as POSIX queues do. Sockets are asked for buffers of 1 MiB, and get what \
            the system allows. Long messages are made once and for all, and sent from there, and whoever receives reads \
            all of them; ipc-channel's shared memory is made for each message, and is read where it lies.",
        peers: peers::OF_CHANNEL,
        measure: channel::measure,
    },
    Part {
        title: "A worker pool",
        about: "Jobs from one process to workers, and results back; the time for one job. Both sides sleep when \
            nothing is there. More workers than processors can't be faster; they show what crowding costs. At most 64 \
            jobs are under way.",
        peers: peers::OF_WORKER_POOL,
        measure: worker_pool::measure,
    },
    Part {
        title: "The raw layer",
        about: "The wrappers beside the same calls by libc, in one process.",
        peers: &[],
        measure: wrappers::measure,
    },
    Part {
        title: "What waiting and being costs",
        about: "The processor time that a process uses in a second while it waits, and what an object takes.",
        peers: &[],
        measure: idle::measure,
    },
];
