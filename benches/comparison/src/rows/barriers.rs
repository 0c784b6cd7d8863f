//! The barrier beside the C library's.

use anyhow::Result;
use sysv_primitives::{Barrier, BarrierError};

use super::{fates, name};
use crate::{
    harness::{
        Alternative, Comparison, Crowd, Kind, PosixBarrier, is_wanted, measure as measure_these, objects::memory,
    },
    report::Section,
    timed::Timed,
};

/// What times are for.
const OF: &str = "wait until all have come";

/// How many operations of a crowd are in one batch. All do the same number of batches, since none ends one before all others
/// are in it.
const BATCH: u64 = 64;

/// A barrier, and what it is to us.
struct Waited<'a> {
    kind: Kind,
    name: &'static str,
    once: &'a dyn Fn(),
}

impl Waited<'_> {
    fn crowd(&self, processes: u16) -> Crowd {
        Crowd::start(usize::from(processes), self.once)
    }
}

/// Has all wait so often.
fn run(crowd: &Crowd, processes: u16, generations: u64, own: &dyn Fn()) {
    crowd.run(generations.next_multiple_of(BATCH) * u64::from(processes), own);
}

fn together<'a>(processes: u16, waited: &'a Waited<'a>) -> Alternative<'a> {
    let crowd = waited.crowd(processes);
    Alternative::new(waited.name, move |count| run(&crowd, processes, count, waited.once)).kind(waited.kind)
}

fn timed_together<'a>(processes: u16, waited: &'a Waited<'a>) -> Timed<'a> {
    let crowd = waited.crowd(processes);
    Timed::new(waited.name, waited.kind, move |count, times| {
        run(&crowd, processes, count, &|| times.time(waited.once));
    })
}

/// Measures both with so many processes.
fn measure_with(section: &mut Section, processes: u16) -> Result<Option<Comparison>> {
    let barrier = Barrier::options().remove_on_drop(true).create(&name("barrier"), processes)?;
    let memory = memory(4096)?;
    let posix = PosixBarrier::new(&memory, 0, processes.into());
    // The processes of a crowd that is over are dead members, of which the next crowd is told.
    let ours = || {
        while let Err(error) = barrier.wait() {
            assert!(matches!(error, BarrierError::Broken { .. }), "{error}");
        }
    };
    let pthread = || posix.wait();
    let both = [
        Waited { kind: Kind::Ours, name: "Barrier", once: &ours },
        Waited { kind: Kind::Rival, name: "pthread barrier, process-shared", once: &pthread },
    ];
    let title = format!("{processes} processes wait until all have come");
    let compared = match is_wanted(&title) {
        true => measure_these(&title, both.iter().map(|waited| together(processes, waited)).collect()),
        false => None,
    };
    let title = format!("{processes} processes wait until all have come, single times");
    if processes == 4 && is_wanted(&title) {
        section.add_timed(OF, &title, both.iter().map(|waited| timed_together(processes, waited)).collect());
    }
    Ok(compared)
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let mut points = Vec::new();
    for processes in [2, 4, 8] {
        points.push((f64::from(processes), measure_with(section, processes)?));
    }
    section.add_family(OF, "Wait until all have come, by processes", "processes", points);
    fates::of_barrier(section)
}
