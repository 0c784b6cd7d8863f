//! The mutex beside other locks between processes.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use named_lock::NamedLock;
use raw_sync::locks::{LockImpl, LockInit};
use sysv_ipc::{Key, SemaphoreOptions, SharedMemory, SharedMemoryOptions};
use sysv_primitives::Options;

use super::{Operation, alone, crowds, name, own::Own, removed::Removed, system_calls};
use crate::{
    harness::{Alternative, Kind, RobustMutex, measure as measure_these},
    report::Section,
};

/// A file that is removed in the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

// Locks on files belong to whoever opened them: so each process opens its own.

fn flock(path: &Path) {
    thread_local!(static FILE: Own<File> = const { Own::none() });
    let open = || File::create(path).expect("the file can be made");
    FILE.with(|file| {
        file.with(open, |file| {
            file.lock().expect("it can be locked");
            file.unlock().expect("it can be unlocked");
        });
    });
}

fn named_lock(path: &Path) {
    thread_local!(static LOCK: Own<NamedLock> = const { Own::none() });
    let open = || NamedLock::with_path(path).expect("the file can be made");
    LOCK.with(|lock| lock.with(open, |lock| drop(lock.lock().expect("it can be locked"))));
}

fn memory() -> Result<SharedMemory> {
    let memory = SharedMemoryOptions::new().size(4096).open(Key::PRIVATE)?;
    memory.remove()?;
    Ok(memory)
}

fn posix_semaphore(memory: &SharedMemory) -> impl Fn() {
    let semaphore = memory.as_mut_ptr().wrapping_add(1024).cast::<libc::sem_t>();
    // SAFETY: the memory is mapped, large enough, and nobody else's.
    assert_eq!(unsafe { libc::sem_init(semaphore, 1, 1) }, 0);
    move || {
        // SAFETY: it was initialised above, and the memory outlives its users.
        assert_eq!(unsafe { libc::sem_wait(semaphore) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(semaphore) }, 0);
    }
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let mutex = Options::new().remove_on_drop(true).create_mutex(&name("mutex"), 0_u64)?;
    let memory = memory()?;
    let robust = RobustMutex::new(&memory, 0);
    let posix = posix_semaphore(&memory);
    let place = memory.as_mut_ptr().wrapping_add(2048);
    // SAFETY: the memory is mapped, has room for a mutex there, and nobody else uses it.
    let raw = unsafe { raw_sync::locks::Mutex::new(place, place.wrapping_add(1024)) };
    let (raw, _): (Box<dyn LockImpl>, _) = raw.map_err(|error| anyhow!("{error}"))?;
    let mut semaphore = SemaphoreOptions::new().initial_value(1).open(Key::PRIVATE)?;
    semaphore.set_undo(true);
    let semaphore = Removed(semaphore);
    let files = ["flock", "named"].map(|what| Scratch(std::env::temp_dir().join(name(what))));

    let ours = || *mutex.lock().expect("nobody dies here") += 1;
    let pthread = || robust.lock_and_unlock(|| ());
    let semop = || {
        semaphore.0.acquire().expect("it is there");
        semaphore.0.release().expect("it is held");
    };
    let file = || flock(&files[0].0);
    let named = || named_lock(&files[1].0);
    let raw_sync = || drop(raw.lock().expect("nobody dies here"));
    let operations: [Operation<'_>; 7] = [
        (Kind::Ours, "Mutex", &ours),
        (Kind::Rival, "pthread mutex, robust", &pthread),
        (Kind::Rival, "POSIX semaphore", &posix),
        (Kind::Rival, "raw_sync's mutex", &raw_sync),
        (Kind::Rival, "semop with undo", &semop),
        (Kind::Rival, "flock", &file),
        (Kind::Rival, "named-lock", &named),
    ];

    let parking_lot = parking_lot::Mutex::new(0_u64);
    let mut one: Vec<Alternative<'_>> = operations.iter().map(alone).collect();
    one.push(
        Alternative::new("parking_lot, in one process", |count| (0..count).for_each(|_| *parking_lot.lock() += 1))
            .limit(),
    );
    let mut points = vec![(1.0, measure_these("lock and unlock, nobody else wants to", one))];
    for processes in [2, 4, 8, 16] {
        let title = format!("lock and unlock, {processes} processes; time for one of all");
        points.push((f64::from(processes), crowds(&title, processes, &operations)));
    }
    section.add_family("Lock and unlock; time for one of all", "processes", points);
    system_calls(section, "System calls to lock and unlock, nobody else wants to, counted", &operations)?;
    Ok(())
}
