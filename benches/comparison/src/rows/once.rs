//! The value that is computed once, beside a robust mutex around a flag, and beside one for threads.

use std::{
    hint::black_box,
    sync::{
        OnceLock as StdOnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Result;
use sysv_primitives::OnceLock;

use super::{
    crowds::{Operation, alone, count_calls, crowds, waits},
    fates, name,
};
use crate::{
    harness::{APART, Kind, RobustMutex, measure as measure_these, objects::memory},
    report::Section,
};

/// What times are for.
const OF: &str = "get the value";

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let once = OnceLock::<[u64; 8]>::options().remove_on_drop(true).create(&name("once"))?;
    once.set([7; 8])?;
    let memory = memory(2 * APART)?;
    let robust = RobustMutex::new(&memory, 0);
    let words: &[AtomicU64] = memory.slice(APART, 8)?;
    words.iter().for_each(|word| word.store(7, Relaxed));
    let threads = StdOnceLock::from([7_u64; 8]);

    let ours = || {
        black_box(once.get_or_init(|| [0; 8]).expect("it is there")[0]);
    };
    let pthread = || robust.lock_and_unlock(|| _ = black_box(words[0].load(Relaxed)));
    let std = || {
        black_box(threads.get_or_init(|| [0; 8])[0]);
    };
    let operations = [
        Operation::new(Kind::Ours, "OnceLock::get_or_init", &ours),
        Operation::new(Kind::Rival, "pthread mutex, robust, and a flag", &pthread),
        Operation::new(Kind::Floor, "std's OnceLock, in one process", &std),
    ];
    let one = operations.iter().map(alone).collect();
    let mut points = vec![(1.0, measure_these("get the first value, 1 process", one))];
    for processes in [2, 4] {
        let title = format!("get the first value, {processes} processes");
        points.push((f64::from(processes), crowds(&title, processes, &operations)));
    }
    section.add_family(OF, "Get the first value, by processes", "processes", points);
    waits(section, OF, "get the first value, 4 processes, single times", 4, &operations);
    fates::of_once(section)?;
    count_calls(section, "System calls of a reader of the first value", OF, &operations)
}
