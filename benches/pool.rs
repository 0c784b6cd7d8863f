//! The pool beside POSIX semaphores and the kernel's.
//!
//! ```text
//! cargo bench --bench pool
//! ```
#![allow(unsafe_code, reason = "the C library is called directly, as the thing to compare with")]

mod harness;

use harness::{Alternative, Crowd, compare};
use sysv_ipc::{Key, SemaphoreOptions, SharedMemoryOptions};
use sysv_primitives::{Error, Options, Pool};

fn main() -> Result<(), Error> {
    let name = |permits: u32| format!("bench-pool-{}-{permits}", std::process::id());
    let pool = |permits: u32| Options::new().remove_on_drop(true).create_pool(&name(permits), permits, permits);
    let four = pool(4)?;
    let memory = SharedMemoryOptions::new().size(4096).open(Key::PRIVATE)?;
    memory.remove()?;
    let posix = memory.as_mut_ptr().cast::<libc::sem_t>();
    // SAFETY: the memory is mapped, large enough, and nobody else's.
    assert_eq!(unsafe { libc::sem_init(posix, 1, 4) }, 0);
    let mut semaphore = SemaphoreOptions::new().initial_value(4).open(Key::PRIVATE)?;
    semaphore.set_undo(true);

    let ours = || drop(four.acquire().expect("it is there"));
    let theirs = || {
        // SAFETY: it was initialised above.
        assert_eq!(unsafe { libc::sem_wait(posix) }, 0);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(posix) }, 0);
    };
    compare(
        "acquire and release, uncontended",
        vec![
            Alternative::new("POSIX semaphore, process-shared", |count| (0..count).for_each(|_| theirs())),
            Alternative::new("Pool", |count| (0..count).for_each(|_| ours())),
            Alternative::new("semop pair with undo", |count| {
                for _ in 0..count {
                    semaphore.acquire().expect("it is free");
                    semaphore.release().expect("it is held");
                }
            }),
            Alternative::new("Pool::acquire_many(2)", |count| {
                (0..count).for_each(|_| drop(four.acquire_many(2).expect("they are free")));
            }),
        ],
    );
    let crowds = (Crowd::start(4, &theirs), Crowd::start(4, &ours));
    compare(
        "acquire and release, 4 processes for 4 permits; time for one of all",
        vec![
            Alternative::new("POSIX semaphore, process-shared", |count| crowds.0.run(count, &theirs)),
            Alternative::new("Pool", |count| crowds.1.run(count, &ours)),
        ],
    );
    drop(crowds);
    sizes(&pool)?;
    semaphore.remove()?;
    Ok(())
}

/// All permits but one are taken. The one is not always the same: it is the one freed last.
fn sizes(pool: &dyn Fn(u32) -> Result<Pool, Error>) -> Result<(), Error> {
    let pools = [5, 64, 1024, 16_384].map(pool);
    let pools: Vec<Pool> = pools.into_iter().collect::<Result<_, _>>()?;
    let alternatives = pools.iter().map(|pool| {
        let mut held: Vec<_> = (1..pool.permits()).map(|_| pool.acquire().expect("it is free")).collect();
        Alternative::new(format!("{} permits", pool.permits()), move |count| {
            for _ in 0..count {
                let number = fastrand::usize(..held.len());
                // One is given back, and the one that was free is taken.
                let taken = pool.acquire().expect("one is free");
                drop(std::mem::replace(&mut held[number], taken));
            }
        })
    });
    compare("acquire and release, nearly all taken", alternatives.collect());
    Ok(())
}
