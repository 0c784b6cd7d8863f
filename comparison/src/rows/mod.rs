//! What is measured: a module for each primitive.

mod channel;
mod idle;
mod locks;
mod own;
mod permits;
mod ring;
mod worker_pool;

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

pub(crate) const PARTS: [Part; 6] = [
    Part {
        title: "Mutex",
        about: "A named lock between processes. Ours is poisoned when its holder dies, and found by name. A robust \
            pthread mutex and semop with undo learn of deaths too, and have no name of their own; flock and named-lock \
            (which uses it) are released by a death, and tell nobody; POSIX semaphores and raw_sync's mutex stay \
            locked. parking_lot works within one process, and is the floor.",
        peers: &[],
        measure: locks::measure,
    },
    Part {
        title: "Pool",
        about: "Counted permits. Ours says which permit it is, and gives back what the dead had. A POSIX semaphore \
            forgets the dead; semop with undo doesn't.",
        peers: &[],
        measure: permits::measure,
    },
    Part {
        title: "Rings",
        about: "rtrb and ArrayQueue work between threads of one process and know of no deaths; all others between \
            processes. iceoryx2 delivers to several subscribers, without copying, which ours doesn't; a ring's consumer \
            may sleep, and is told of deaths. ipmpsc has many producers, and takes items of any length.",
        peers: &[],
        measure: ring::measure,
    },
    Part {
        title: "Channel",
        about: "Typed values. Ours and the socket use the same codec; ipc-channel uses its own, and can send channels, \
            which ours can't, to one receiver; ours has any number of receivers, who choose by type, and survives the \
            death of each. The bare queues carry bytes.",
        peers: &[],
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
        title: "What waiting and being costs",
        about: "The processor time that a process uses while it waits for a second, and what an object for 64 processes \
            takes of the kernel.",
        peers: &[],
        measure: idle::measure,
    },
];
