//! The pool beside other counting semaphores.

use anyhow::Result;
use sysv_ipc::{Key, SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::Options;

use super::{Operation, alone, crowds, name, removed::Removed, system_calls};
use crate::{
    harness::{Alternative, Kind, is_wanted, measure as measure_these},
    report::Section,
};

const PERMITS: u32 = 4;

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let pool = Options::new().remove_on_drop(true).create_pool(&name("pool"), PERMITS, PERMITS)?;
    let memory = SharedMemoryOptions::new().size(4096).open(Key::PRIVATE)?;
    memory.remove()?;
    let posix = memory.as_mut_ptr().cast::<libc::sem_t>();
    // SAFETY: the memory is mapped, large enough, and nobody else's.
    assert_eq!(unsafe { libc::sem_init(posix, 1, PERMITS) }, 0);
    let mut semaphore = SemaphoreOptions::new().initial_value(4).open(Key::PRIVATE)?;
    semaphore.set_undo(true);
    let semaphore = Removed(semaphore);

    let ours = || drop(pool.acquire().expect("nobody removes it"));
    let posix = || {
        // SAFETY: it was initialised above.
        assert_eq!(unsafe { libc::sem_wait(posix) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(posix) }, 0);
    };
    let semop = || {
        semaphore.0.acquire().expect("nobody removes it");
        semaphore.0.release().expect("it is held");
    };
    let operations: [Operation<'_>; 3] = [
        (Kind::Ours, "Pool", &ours),
        (Kind::Rival, "POSIX semaphore", &posix),
        (Kind::Rival, "semop with undo", &semop),
    ];
    let one = operations.iter().map(alone).collect();
    let mut points = vec![(1.0, measure_these("acquire and release, nobody else wants to", one))];
    for processes in [2, 4, 8, 16] {
        let title = format!("acquire and release, {processes} processes for {PERMITS} permits; time for one of all");
        points.push((f64::from(processes), crowds(&title, processes, &operations)));
    }
    section.add_family("Acquire and release, four permits; time for one of all", "processes", points);
    sizes(section)?;
    system_calls(section, "System calls to acquire and release, nobody else wants to, counted", &operations)
}

/// All permits but one are taken. The one is not always the same: it is the one freed last.
fn sizes(section: &mut Section) -> Result<()> {
    let title = "acquire and release, nearly all taken";
    if !is_wanted(title) {
        return Ok(());
    }
    let pool = |permits| Options::new().remove_on_drop(true).create_pool(&name("pool"), permits, permits);
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
    section.add(measure_these(title, alternatives.collect()));
    Ok(())
}
