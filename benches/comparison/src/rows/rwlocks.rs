//! The rwlock beside that of the C library, and beside one for threads.
//!
//! A reader reads two numbers, which must be equal. A writer adds one to both, by loads and stores.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use sysv_ipc::SharedMemory;
use sysv_primitives::RwLock;

use super::{
    crowds::{Operation, alone, count_calls, crowds, waits},
    fates, name,
};
use crate::{
    harness::{
        APART, Alternative, Comparison, Crowd, Kind, PosixRwLock, Process, is_wanted, measure as measure_these,
        objects::memory,
    },
    report::{Fact, Section},
};

/// What times are for.
const OF_READING: &str = "read and leave";
const OF_WRITING: &str = "write and leave";

/// How long a writer waits for a reader that was killed.
const WAITED: Duration = Duration::from_secs(3);

/// How many readers are killed, one after the other.
const KILLED: u32 = 20;

/// Two numbers behind a lock of the C library's.
struct Numbers(SharedMemory);

impl Numbers {
    const ROOM: usize = 64;

    fn number(&self, number: usize) -> &AtomicU64 {
        self.0.view(Self::ROOM + 8 * number).expect("it fits")
    }

    #[inline]
    fn look(&self) {
        assert_eq!(self.number(0).load(Relaxed), self.number(1).load(Relaxed), "a writer was inside");
    }

    #[inline]
    fn add(&self) {
        for number in [0, 1].map(|number| self.number(number)) {
            number.store(number.load(Relaxed) + 1, Relaxed);
        }
    }
}

fn look(numbers: &[u64; 2]) {
    let [first, second] = *black_box(numbers);
    assert_eq!(first, second, "a writer was inside");
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let lock = RwLock::options().remove_on_drop(true).create(&name("rwlock"), [0_u64; 2])?;
    let strong = RwLock::options().light_fences(false).remove_on_drop(true).create(&name("strong"), [0_u64; 2])?;
    let numbers = Numbers(memory(APART)?);
    let posix = PosixRwLock::new(&numbers.0, 0);

    let ours = || look(&lock.read().expect("no writer dies"));
    let ours_strong = || look(&strong.read().expect("no writer dies"));
    let pthread = || posix.read_and_unlock(|| numbers.look());
    let readers = [
        Operation::new(Kind::Ours, "RwLock", &ours),
        Operation::new(Kind::Ours, "RwLock, without light fences", &ours_strong),
        Operation::new(Kind::Rival, "pthread rwlock, process-shared", &pthread),
    ];
    let mut points = Vec::new();
    for count in [1, 2, 4] {
        let title = format!("read and leave, {count} at once");
        points.push((f64::from(count), together(&title, count, &readers)));
    }
    section.add_family(OF_READING, "Read and leave, by readers", "readers", points);
    waits(section, OF_READING, "read and leave, 4 readers, single times", 4, &readers);

    let write = || {
        let mut guard = lock.write().expect("no writer dies");
        guard.iter_mut().for_each(|number| *number += 1);
    };
    let strong_write = || {
        let mut guard = strong.write().expect("no writer dies");
        guard.iter_mut().for_each(|number| *number += 1);
    };
    let pthread_write = || posix.write_and_unlock(|| numbers.add());
    let our_number = || lock.read().expect("no writer dies")[0];
    let strong_number = || strong.read().expect("no writer dies")[0];
    let number = || numbers.number(0).load(Relaxed);
    let writers = [
        Operation::new(Kind::Ours, "RwLock", &write).summed(&our_number),
        Operation::new(Kind::Ours, "RwLock, without light fences", &strong_write).summed(&strong_number),
        Operation::new(Kind::Rival, "pthread rwlock, process-shared", &pthread_write).summed(&number),
    ];
    section.add(OF_WRITING, measure_these("write and leave, uncontended", writers.iter().map(alone).collect()));
    section.add(OF_WRITING, crowds("write and leave, 4 processes", 4, &writers));
    killed(section)?;
    fates::of_rwlock(section)?;
    count_calls(section, "System calls of a reader, uncontended", OF_READING, &readers)
}

/// Processes beside threads of one process, which have parking_lot's.
fn together(title: &str, count: u16, readers: &[Operation<'_>]) -> Option<Comparison> {
    if !is_wanted(title) {
        return None;
    }
    let mut all: Vec<Alternative<'_>> = match count {
        1 => readers.iter().map(alone).collect(),
        _ => readers.iter().map(|&reader| super::crowds::together(count, reader)).collect(),
    };
    let parking_lot = Arc::new(parking_lot::RwLock::new([0_u64; 2]));
    let read = move || {
        let parking_lot = Arc::clone(&parking_lot);
        move || look(&parking_lot.read())
    };
    let own = read();
    let crowd = Crowd::start_threads(usize::from(count), read);
    let run = move |count| _ = crowd.run(count, &own);
    all.push(Alternative::new("parking_lot, threads of one process", run).floor());
    measure_these(title, all)
}

/// A reader is killed while it reads, and a writer comes.
fn killed(section: &mut Section) -> Result<()> {
    let title = "A reader is killed";
    if !is_wanted(title) {
        return Ok(());
    }
    let ours = {
        let lock = RwLock::options().remove_on_drop(true).create(&name("killed"), 0_u64)?;
        time_after_kills(
            || std::mem::forget(lock.read().expect("no writer dies")),
            || lock.write_timeout(WAITED).is_ok(),
        )?
    };
    let theirs = {
        let numbers = Numbers(memory(APART)?);
        let posix = PosixRwLock::new(&numbers.0, 0);
        let write = || {
            let is_locked = posix.write_timeout(WAITED);
            if is_locked {
                posix.unlock();
            }
            is_locked
        };
        time_after_kills(|| posix.read(), write)?
    };
    let row = |name, kind, longest: Option<Duration>| {
        let cell = match longest {
            Some(longest) => (longest.as_secs_f64() * 1e6).into(),
            None => "never".into(),
        };
        Fact::new(name, kind, vec![cell])
    };
    let rows = vec![row("RwLock", Kind::Ours, ours), row("pthread rwlock, process-shared", Kind::Rival, theirs)];
    let column =
        format!("longest time until the next writer goes on, µs, of {KILLED}; never: not in 3 s, nor afterwards");
    section.add_facts(title, &[&column], rows);
    Ok(())
}

/// Returns how long a writer needed at most after a reader was killed, or `None` if it did not get the lock.
fn time_after_kills(read: impl Fn(), write: impl Fn() -> bool) -> Result<Option<Duration>> {
    let shared = memory(4)?;
    let has_read: &AtomicU32 = shared.view(0)?;
    let mut longest = Duration::ZERO;
    for number in 1..=KILLED {
        // A process is killed when it is dropped.
        let reader = Process::start(|| {
            read();
            has_read.store(number, SeqCst);
            loop {
                thread::park();
            }
        });
        while has_read.load(SeqCst) < number {
            thread::yield_now();
        }
        drop(reader);
        let begun = Instant::now();
        if !write() {
            return Ok(None);
        }
        longest = longest.max(begun.elapsed());
    }
    Ok(Some(longest))
}
