//! Waiting for a condition beside the C library's condition variable: two processes take turns.

use std::{
    process, ptr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::Result;
use sysv_primitives::Mutex;

use super::{fates, name};
use crate::{
    harness::{Alternative, Crowd, Kind, PosixCondition, is_wanted, measure as measure_these, objects::memory},
    report::Section,
    timed::Timed,
};

/// What times are for.
const OF: &str = "turn there and back";

/// How many operations of a crowd are in one batch. Both processes do the same number of batches.
const BATCH: u64 = 64;

/// Has both processes take so many turns.
fn run(crowd: &Crowd, turns: u64, own: &dyn Fn()) {
    crowd.run(2 * turns.next_multiple_of(BATCH), own);
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let mutex = Mutex::options().remove_on_drop(true).create(&name("condition"), 0_u64)?;
    let memory = memory(4096)?;
    let posix = PosixCondition::new(&memory, 0);
    let last: *const AtomicU64 = ptr::from_ref(memory.view::<AtomicU64>(PosixCondition::SIZE.next_multiple_of(8))?);
    // The value is the process that had the last turn: each waits for the other one.
    let ours = || {
        let me = process::id().into();
        let guard = mutex.lock().expect("it is there");
        *guard.wait_while(|&last| last == me).expect("it is there") = me;
    };
    let pthread = || {
        let me = process::id().into();
        // SAFETY: the memory is kept as long as the benchmark runs.
        let last = unsafe { &*last };
        posix.wait_and_change(|| last.load(Relaxed) == me, || last.store(me, Relaxed));
    };
    let both: [(Kind, &str, &dyn Fn()); 2] =
        [(Kind::Ours, "wait_while", &ours), (Kind::Rival, "pthread condition, process-shared", &pthread)];
    let title = "Two processes take turns";
    if is_wanted(title) {
        let alternatives = both.map(|(kind, name, once)| {
            let crowd = Crowd::start(2, once);
            Alternative::new(name, move |count| run(&crowd, count, once)).kind(kind)
        });
        section.add(OF, measure_these(title, alternatives.into()));
    }
    let title = "Two processes take turns, single times";
    if is_wanted(title) {
        let timed = both.map(|(kind, name, once)| {
            let crowd = Crowd::start(2, once);
            Timed::new(name, kind, move |count, times| run(&crowd, count, &|| times.time(once)))
        });
        section.add_timed(OF, title, timed.into());
    }
    fates::of_conditions(section)
}
