//! What is measured: a module for each primitive.

mod channel;
mod idle;
mod locks;
mod own;
mod peers;
mod permits;
mod removed;
mod ring;
mod worker_pool;
mod wrappers;

use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};

use crate::{
    calls,
    harness::{self, Alternative, Comparison, Crowd, Kind, UNPINNED, is_wanted},
    report::{Facts, Peer, Section},
};

/// A primitive, and how it is measured.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    about: &'static str,
    peers: &'static [Peer],
    measure: fn(&mut Section) -> Result<()>,
}

impl Part {
    pub(crate) fn measure(&self) -> Result<Section> {
        let mut section = Section::new(self.title, self.about, self.peers);
        (self.measure)(&mut section).context(self.title)?;
        Ok(section)
    }
}

/// Something that a process does again and again: what it is to us, its name, and once of it.
type Operation<'a> = (Kind, &'static str, &'a dyn Fn());

/// One process does it.
fn alone<'a>(&(kind, name, operation): &Operation<'a>) -> Alternative<'a> {
    Alternative::new(name, move |count| (0..count).for_each(|_| operation())).kind(kind)
}

/// So many processes do it at once.
fn crowds(title: &str, processes: u16, operations: &[Operation<'_>]) -> Option<Comparison> {
    if !is_wanted(title) {
        return None;
    }
    harness::measure(title, operations.iter().map(|operation| crowd(processes, operation)).collect())
}

fn crowd<'a>(processes: u16, &(kind, name, operation): &Operation<'a>) -> Alternative<'a> {
    let crowd = Crowd::start(usize::from(processes), operation);
    Alternative::new(name, move |count| _ = crowd.run(count, operation)).kind(kind)
}

/// Counts the system calls of each.
fn system_calls(section: &mut Section, title: &'static str, operations: &[Operation<'_>]) -> Result<()> {
    if !is_wanted(title) || UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let count = |&(_, name, operation): &Operation<'_>| {
        let count = calls::count(|count| (0..count).for_each(|_| operation()))?;
        Ok(vec![name.to_owned(), format!("{count:.2}")])
    };
    let rows = operations.iter().map(count).collect::<Result<_>>()?;
    section.add_facts(Facts { title, head: &["", "each"], rows });
    Ok(())
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
        measure: ring::measure,
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
