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

pub(crate) const PARTS: [Part; 7] = [
    Part {
        title: "Mutex",
        about: "A lock between processes, found by name, around eight bytes.",
        peers: peers::OF_MUTEX,
        measure: locks::measure,
    },
    Part { title: "Pool", about: "Counted permits, found by name.", peers: peers::OF_POOL, measure: permits::measure },
    Part {
        title: "Rings",
        about: "A sender makes an item and hands it over; a receiver reads each word of it, in place where it can. Percentiles are of single trips there and back, \
            and each has the two looks at the clock in it, as the limit has. Bare memory is what two processes reach \
            with two indexes and nothing else: no waiting, no deaths, no checks. An mpmc ring's sleep has eight system \
            calls: before it and after it the dead are looked for (twice two), since an item may be in a dead hand, and \
            fences are had for everybody (twice one).",
        peers: peers::OF_RINGS,
        measure: rings::measure,
    },
    Part {
        title: "Channel",
        about: "Typed values. Ours and the datagram socket use the same codec. The bare queue, which is the limit of \
            what goes through it, carries bytes.",
        peers: peers::OF_CHANNEL,
        measure: channel::measure,
    },
    Part {
        title: "A worker pool",
        about: "Jobs from one process to workers, and results back; the time for one job. Both sides sleep when \
            nothing is there. More workers than processors can't be faster; they show what crowding costs.",
        peers: &[],
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
