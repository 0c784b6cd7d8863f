//! The mutex beside other locks between processes.
//!
//! The holder of a lock adds one to a number beside it, by a load and a store. If two held it at once, an addition would
//! be lost. So each crowd's sum shows whether the lock excludes.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::{Result, anyhow};
use named_lock::NamedLock;
use raw_sync::locks::{LockImpl, LockInit};
use sysv_ipc::SharedMemory;
use sysv_primitives::Mutex;

use super::{
    crowds::{Operation, alone, count_calls, crowds, waits},
    fates, name,
    own::Own,
};
use crate::{
    harness::{
        APART, Alternative, Kind, PosixSemaphore, RobustMutex, measure as measure_these,
        objects::{memory, undone_semaphore},
    },
    lanes::again,
    report::Section,
};

/// What times are for.
const OF: &str = "lock and unlock";

/// A file that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(what: &str) -> Self {
        Self(std::env::temp_dir().join(name(what)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

// A lock on a file belongs to the process that opened it, so each process opens it for itself.

fn flock<'a>(path: &'a Path, inside: impl Fn() + 'a) -> impl Fn() + 'a {
    let own = Own::closed();
    move || {
        own.with(
            || File::create(path).expect("the file can be made"),
            |file| {
                again(|| file.lock());
                inside();
                file.unlock().expect("it can be unlocked");
            },
        );
    }
}

fn named_lock<'a>(path: &'a Path, inside: impl Fn() + 'a) -> impl Fn() + 'a {
    let own = Own::closed();
    move || {
        own.with(
            || NamedLock::with_path(path).expect("the file can be made"),
            |lock| {
                let _held = lock.lock().expect("it can be locked");
                inside();
            },
        );
    }
}

/// Numbers in shared memory. Each has some room in front for a lock, on the same line.
struct Numbers(SharedMemory);

impl Numbers {
    const COUNT: usize = 6;
    const ROOM: usize = 48;

    fn new() -> Result<Self> {
        Ok(Self(memory(APART * Self::COUNT)?))
    }

    fn number(&self, place: usize) -> &AtomicU64 {
        self.0.view(APART * place + Self::ROOM).expect("it fits")
    }

    fn sum(&self, place: usize) -> impl Fn() -> u64 {
        move || self.number(place).load(Relaxed)
    }

    /// Adds one without an atomic operation: a load, and a store.
    #[inline]
    fn add(&self, place: usize) {
        let number = self.number(place);
        number.store(number.load(Relaxed) + 1, Relaxed);
    }
}

fn raw_sync_mutex(numbers: &Numbers, place: usize) -> Result<Box<dyn LockImpl>> {
    let lock = numbers.0.as_mut_ptr().wrapping_add(APART * place);
    // SAFETY: the memory is mapped, has room for a mutex there, and nothing else uses it.
    let lock = unsafe { raw_sync::locks::Mutex::new(lock, lock.wrapping_add(Numbers::ROOM)) };
    Ok(lock.map_err(|error| anyhow!("{error}"))?.0)
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let mutex = Mutex::options().remove_on_drop(true).create(&name("mutex"), 0_u64)?;
    let numbers = Numbers::new()?;
    let robust = RobustMutex::new(&numbers.0, 0);
    let posix = PosixSemaphore::new(&numbers.0, APART, 1);
    let raw = raw_sync_mutex(&numbers, 2)?;
    let semaphore = undone_semaphore(1)?;
    let files = ["flock", "named"].map(Scratch::new);

    let ours = || *mutex.lock().expect("no holder dies") += 1;
    let pthread = || robust.lock_and_unlock(|| numbers.add(0));
    let posix = || {
        posix.wait();
        numbers.add(1);
        posix.post();
    };
    let raw_sync = || {
        let _held = raw.lock().expect("no holder dies");
        numbers.add(2);
    };
    let semop = || {
        semaphore.acquire().expect("it is there");
        numbers.add(3);
        semaphore.release().expect("it is held");
    };
    let file = flock(&files[0].0, || numbers.add(4));
    let named = named_lock(&files[1].0, || numbers.add(5));
    let our_number = || *mutex.lock().expect("no holder dies");
    let sums = [0, 1, 2, 3, 4, 5].map(|place| numbers.sum(place));
    let operations = [
        Operation::new(Kind::Ours, "Mutex", &ours).summed(&our_number),
        Operation::new(Kind::Rival, "pthread mutex, robust", &pthread).summed(&sums[0]),
        Operation::new(Kind::Rival, "POSIX semaphore", &posix).summed(&sums[1]),
        Operation::new(Kind::Rival, "raw_sync's mutex", &raw_sync).summed(&sums[2]),
        Operation::new(Kind::Rival, "semop with undo", &semop).summed(&sums[3]),
        Operation::new(Kind::Rival, "flock", &file).summed(&sums[4]),
        Operation::new(Kind::Rival, "named-lock", &named).summed(&sums[5]),
    ];

    let parking_lot = parking_lot::Mutex::new(0_u64);
    let mut one: Vec<Alternative<'_>> = operations.iter().map(alone).collect();
    one.push(
        Alternative::new("parking_lot, in one process", |count| (0..count).for_each(|_| *parking_lot.lock() += 1))
            .floor(),
    );
    let mut points = vec![(1.0, measure_these("lock and unlock, uncontended", one))];
    for processes in [2, 4, 8, 16] {
        let title = format!("lock and unlock, {processes} processes");
        points.push((f64::from(processes), crowds(&title, processes, &operations)));
    }
    section.add_family(OF, "Lock and unlock, by processes", "processes", points);
    waits(section, OF, "lock and unlock, 4 processes, single times", 4, &operations);
    fates::of_mutex(section)?;
    count_calls(section, "System calls of a lock and unlock, uncontended", OF, &operations)
}
