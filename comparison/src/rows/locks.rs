//! The mutex beside other locks between processes.

use std::{
    cell::RefCell,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow};
use named_lock::NamedLock;
use raw_sync::locks::{LockImpl, LockInit};
use sysv_ipc::{Key, SemaphoreOptions, SharedMemory, SharedMemoryOptions};
use sysv_primitives::Options;

use super::name;
use crate::{
    harness::{Alternative, Crowd, RobustMutex, compare},
    report::Section,
};

/// A file that is removed in the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Locks on files belong to whoever opened them: so each process opens its own, the first time.
struct Own<T: 'static>(RefCell<Option<(u32, T)>>);

impl<T> Own<T> {
    const fn none() -> Self {
        Self(RefCell::new(None))
    }

    fn with(&self, open: impl FnOnce() -> T, act: impl FnOnce(&T)) {
        let me = std::process::id();
        let mut own = self.0.borrow_mut();
        match &mut *own {
            Some((owner, value)) if *owner == me => act(value),
            _ => act(&own.insert((me, open())).1),
        }
    }
}

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
    let removed = RemovedSemaphore(&semaphore);
    let files = ["flock", "named"].map(|what| Scratch(std::env::temp_dir().join(name(what))));

    let ours = || *mutex.lock().expect("nobody dies here") += 1;
    let pthread = || robust.lock_and_unlock(|| ());
    let semop = || {
        semaphore.acquire().expect("it is there");
        semaphore.release().expect("it is held");
    };
    let file = || flock(&files[0].0);
    let named = || named_lock(&files[1].0);
    let raw_sync = || drop(raw.lock().expect("nobody dies here"));
    let operations: [(&str, &dyn Fn()); 7] = [
        ("pthread mutex, robust", &pthread),
        ("Mutex", &ours),
        ("POSIX semaphore", &posix),
        ("raw_sync's mutex", &raw_sync),
        ("semop with undo", &semop),
        ("flock", &file),
        ("named-lock", &named),
    ];

    let parking_lot = parking_lot::Mutex::new(0_u64);
    let mut alone: Vec<Alternative<'_>> = operations
        .iter()
        .map(|&(name, operation)| Alternative::new(name, move |count| (0..count).for_each(|_| operation())))
        .collect();
    alone.push(Alternative::new("parking_lot, in one process", |count| {
        (0..count).for_each(|_| *parking_lot.lock() += 1);
    }));
    section.add(compare("lock and unlock, nobody else wants to", alone));
    for processes in [2, 4, 8, 16] {
        let crowds: Vec<Crowd> = operations.iter().map(|(_, operation)| Crowd::start(processes, *operation)).collect();
        let contended = operations
            .iter()
            .zip(&crowds)
            .map(|(&(name, operation), crowd)| Alternative::new(name, move |count| crowd.run(count, operation)));
        let title = format!("lock and unlock, {processes} processes; time for one of all");
        section.add(compare(&title, contended.collect()));
    }
    drop(removed);
    Ok(())
}

struct RemovedSemaphore<'a>(&'a sysv_ipc::Semaphore);

impl Drop for RemovedSemaphore<'_> {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}
