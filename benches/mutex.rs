//! The mutex beside the C library's robust one and the kernel's semaphores.
//!
//! ```text
//! cargo bench --bench mutex
//! ```

mod harness;

use harness::{Alternative, Crowd, RobustMutex, compare};
use sysv_ipc::{Key, SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::{Error, Mutex, Options};

fn main() -> Result<(), Error> {
    let name = format!("bench-mutex-{}", std::process::id());
    let mutex = Options::new().remove_on_drop(true).create_mutex(&name, 0_u64)?;
    let memory = SharedMemoryOptions::new().size(4096).open(Key::PRIVATE)?;
    memory.remove()?;
    let robust = RobustMutex::new(&memory, 0);
    let mut semaphore = SemaphoreOptions::new().initial_value(1).open(Key::PRIVATE)?;
    semaphore.set_undo(true);
    let in_process = std::sync::Mutex::new(0_u64);

    let ours = || *mutex.lock().expect("nobody dies here") += 1;
    let theirs = || robust.lock_and_unlock(|| ());
    compare(
        "lock and unlock, uncontended",
        vec![
            Alternative::new("pthread mutex, robust, process-shared", |count| (0..count).for_each(|_| theirs())),
            Alternative::new("Mutex", |count| (0..count).for_each(|_| ours())),
            Alternative::new("Mutex::try_lock", |count| {
                (0..count).for_each(|_| *mutex.try_lock().expect("it is free") += 1);
            }),
            Alternative::new("semop pair with undo", |count| {
                for _ in 0..count {
                    semaphore.acquire().expect("it is free");
                    semaphore.release().expect("it is held");
                }
            }),
            Alternative::new("std::sync::Mutex, in one process", |count| {
                (0..count).for_each(|_| *in_process.lock().expect("nobody panics here") += 1);
            }),
        ],
    );
    for processes in [2, 4] {
        let (our_crowd, their_crowd) = (Crowd::start(processes, &ours), Crowd::start(processes, &theirs));
        compare(
            &format!("lock and unlock, {processes} processes contend; time for one of all"),
            vec![
                Alternative::new("pthread mutex, robust, process-shared", |count| their_crowd.run(count, &theirs)),
                Alternative::new("Mutex", |count| our_crowd.run(count, &ours)),
            ],
        );
    }
    compare(
        "open and drop an existing name",
        vec![
            Alternative::new("Mutex::open", |count| {
                (0..count).for_each(|_| drop(Mutex::<u64>::open(&name).expect("it is there")));
            }),
            Alternative::new("a segment alone: open, attach, detach", |count| {
                let key = mutex.status().expect("it is there").key;
                (0..count).for_each(|_| drop(SharedMemoryOptions::new().open(key).expect("it is there")));
            }),
        ],
    );
    semaphore.remove()?;
    Ok(())
}
