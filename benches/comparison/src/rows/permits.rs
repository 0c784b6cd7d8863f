//! The pool beside other counting semaphores.

use anyhow::Result;
use sysv_primitives::Pool;

use super::{
    crowds::{Operation, alone, count_calls, crowds, waits},
    fates, name,
};
use crate::{
    harness::{
        Alternative, Kind, PosixSemaphore, is_wanted, measure as measure_these,
        objects::{memory, undone_semaphore},
    },
    report::Section,
};

const PERMITS: u16 = 4;

/// What times are for.
const OF: &str = "acquire and release";

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let permits = u32::from(PERMITS);
    let pool = Pool::options().remove_on_drop(true).create(&name("pool"), permits)?;
    let memory = memory(4096)?;
    let posix = PosixSemaphore::new(&memory, 0, permits);
    let semaphore = undone_semaphore(PERMITS)?;

    let ours = || drop(pool.acquire().expect("it is not removed"));
    let posix = || {
        posix.wait();
        posix.post();
    };
    let semop = || {
        semaphore.acquire().expect("it is not removed");
        semaphore.release().expect("it is held");
    };
    let operations = [
        Operation::new(Kind::Ours, "Pool", &ours),
        Operation::new(Kind::Rival, "POSIX semaphore", &posix),
        Operation::new(Kind::Rival, "semop with undo", &semop),
    ];
    let one = operations.iter().map(alone).collect();
    let mut points = vec![(1.0, measure_these("acquire and release, uncontended", one))];
    for processes in [2, 4, 8, 16] {
        let title = format!("acquire and release, {processes} processes for {PERMITS} permits");
        points.push((f64::from(processes), crowds(&title, processes, &operations)));
    }
    section.add_family(OF, "Acquire and release, four permits, by processes", "processes", points);
    waits(section, OF, "acquire and release, 16 processes for 4 permits, single times", 16, &operations);
    sizes(section)?;
    fates::of_pool(section)?;
    count_calls(section, "System calls of an acquire and release, uncontended", OF, &operations)
}

/// All permits but one are taken. The one is not always the same: it is the one freed last.
fn sizes(section: &mut Section) -> Result<()> {
    let title = "acquire and release, nearly all taken";
    if !is_wanted(title) {
        return Ok(());
    }
    let pool = |permits| Pool::options().remove_on_drop(true).create(&name("pool"), permits);
    let pools = [5, 64, 1024, 16_384].map(pool).into_iter().collect::<Result<Vec<_>, _>>()?;
    let alternatives = pools.iter().map(|pool| {
        let mut held: Vec<_> = (1..pool.permits()).map(|_| pool.acquire().expect("it is free")).collect();
        let replace = move |count| {
            for _ in 0..count {
                let number = fastrand::usize(..held.len());
                // One is given back, and the one that was free is taken.
                let taken = pool.acquire().expect("one is free");
                drop(std::mem::replace(&mut held[number], taken));
            }
        };
        Alternative::new(format!("Pool of {} permits", pool.permits()), replace).ours()
    });
    section.add(OF, measure_these(title, alternatives.collect()));
    Ok(())
}
