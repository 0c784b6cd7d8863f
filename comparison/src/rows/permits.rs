//! The pool beside other counting semaphores.

use anyhow::Result;
use sysv_ipc::{Key, Semaphore, SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::Options;

use super::name;
use crate::{
    harness::{Alternative, Crowd, compare},
    report::Section,
};

const PERMITS: u32 = 4;

/// A semaphore that is removed in the end.
struct Removed(Semaphore);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

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
    let operations: [(&str, &dyn Fn()); 3] =
        [("POSIX semaphore", &posix), ("Pool", &ours), ("semop with undo", &semop)];
    let alone = operations
        .iter()
        .map(|&(name, operation)| Alternative::new(name, move |count| (0..count).for_each(|_| operation())));
    section.add(compare("acquire and release, nobody else wants to", alone.collect()));
    for processes in [4, 16] {
        let crowds: Vec<Crowd> = operations.iter().map(|(_, operation)| Crowd::start(processes, *operation)).collect();
        let contended = operations
            .iter()
            .zip(&crowds)
            .map(|(&(name, operation), crowd)| Alternative::new(name, move |count| crowd.run(count, operation)));
        let title = format!("acquire and release, {processes} processes for {PERMITS} permits; time for one of all");
        section.add(compare(&title, contended.collect()));
    }
    Ok(())
}
