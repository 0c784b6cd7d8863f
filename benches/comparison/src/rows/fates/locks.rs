//! What becomes of locks and permits when a holder or waiter is killed or stopped.

use std::{
    cell::RefCell,
    fs::{self, File},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, anyhow};
use raw_sync::locks::{LockImpl, LockInit};
use sysv_primitives::{LockError, Mutex, Pool, RwLock};

use super::{Made, OF_LOCK, Said, Subject, add, made};
use crate::{
    harness::{
        Kind::{Ours, Rival},
        PosixRwLock, PosixSemaphore, RobustMutex,
        objects::{memory, undone_semaphore},
    },
    lanes::again,
    report::Section,
    rows::name,
};

/// Longer than any of these cases.
const LONG: Duration = Duration::from_secs(60);

pub(in crate::rows) fn of_mutex(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::lock(Ours, "Mutex", mutex),
        Subject::lock(Rival, "pthread mutex, robust", robust),
        Subject::lock(Rival, "POSIX semaphore", posix),
        Subject::lock(Rival, "raw_sync's mutex", raw_sync),
        Subject::lock(Rival, "semop with undo", semop),
        Subject::lock(Rival, "flock", flock),
    ];
    add(section, "A process is killed or stopped: locks", OF_LOCK, &subjects)
}

pub(in crate::rows) fn of_pool(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::lock(Ours, "Pool", pool),
        Subject::lock(Rival, "POSIX semaphore", posix),
        Subject::lock(Rival, "semop with undo", semop),
    ];
    add(section, "A process is killed or stopped: the only permit", OF_LOCK, &subjects)
}

pub(in crate::rows) fn of_rwlock(section: &mut Section) -> Result<()> {
    let subjects =
        [Subject::lock(Ours, "RwLock", rwlock), Subject::lock(Rival, "pthread rwlock, process-shared", posix_rwlock)];
    add(section, "A process is killed or stopped: writers", OF_LOCK, &subjects)
}

fn learned(error: &LockError) -> Said {
    assert!(matches!(error, LockError::Poisoned { .. }), "{error}");
    Said::Death
}

fn mutex<'a>() -> Result<Made<'a>> {
    let mutex = Arc::new(Mutex::options().remove_on_drop(true).create(&name("fate"), 0_u64)?);
    // A child's copy of its parent's guard does nothing.
    let held = Rc::new(RefCell::new(None));
    let give = Rc::clone(&held);
    let take = move || match mutex.lock_owned() {
        Ok(guard) => {
            held.replace(Some(guard));
            Said::Nothing
        }
        Err(error) => learned(&error),
    };
    Ok(made(take, move || drop(give.take())))
}

fn pool<'a>() -> Result<Made<'a>> {
    let pool = Arc::new(Pool::options().remove_on_drop(true).create(&name("fate"), 1)?);
    let held = Rc::new(RefCell::new(None));
    let give = Rc::clone(&held);
    let take = move || {
        held.replace(Some(pool.acquire_owned().expect("it is there")));
        Said::Nothing
    };
    Ok(made(take, move || drop(give.take())))
}

/// An rwlock that outlives its guards.
struct Kept(&'static RwLock<u64>);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

fn rwlock<'a>() -> Result<Made<'a>> {
    let kept = Kept(Box::leak(Box::new(RwLock::create(&name("fate"), 0_u64)?)));
    let held = Rc::new(RefCell::new(None));
    let give = Rc::clone(&held);
    let take = move || {
        // All of it, so that it is removed with this closure and not before.
        let kept: &Kept = &kept;
        let lock: &'static RwLock<u64> = kept.0;
        match lock.write() {
            Ok(guard) => {
                held.replace(Some(guard));
                Said::Nothing
            }
            Err(error) => learned(&error),
        }
    };
    Ok(made(take, move || drop(give.take())))
}

fn robust<'a>() -> Result<Made<'a>> {
    let memory = memory(4096)?;
    let mutex = RobustMutex::new(&memory, 0);
    let take = move || {
        let _ = &memory;
        if mutex.lock() { Said::Death } else { Said::Nothing }
    };
    Ok(made(take, move || mutex.unlock()))
}

fn posix<'a>() -> Result<Made<'a>> {
    let memory = memory(4096)?;
    let semaphore = PosixSemaphore::new(&memory, 0, 1);
    let take = move || {
        let _ = &memory;
        semaphore.wait();
        Said::Nothing
    };
    Ok(made(take, move || semaphore.post()))
}

fn posix_rwlock<'a>() -> Result<Made<'a>> {
    let memory = memory(4096)?;
    let lock = PosixRwLock::new(&memory, 0);
    let take = move || {
        let _ = &memory;
        assert!(lock.write_timeout(LONG), "it is given on");
        Said::Nothing
    };
    Ok(made(take, move || lock.unlock()))
}

fn raw_sync<'a>() -> Result<Made<'a>> {
    let memory = memory(4096)?;
    let (lock, data) = (memory.as_mut_ptr(), memory.as_mut_ptr().wrapping_add(64));
    // SAFETY: the memory is mapped, has room for a mutex there, and nothing else uses it.
    let lock = unsafe { raw_sync::locks::Mutex::new(lock, data) };
    let lock: Rc<dyn LockImpl> = Rc::from(lock.map_err(|error| anyhow!("{error}"))?.0);
    let give = Rc::clone(&lock);
    let take = move || {
        let _ = &memory;
        std::mem::forget(lock.lock().expect("it can be locked"));
        Said::Nothing
    };
    Ok(made(take, move || give.release().expect("it is held")))
}

fn semop<'a>() -> Result<Made<'a>> {
    let semaphore = Rc::new(undone_semaphore(1)?);
    let give = Rc::clone(&semaphore);
    let take = move || {
        semaphore.acquire().expect("it is there");
        Said::Nothing
    };
    Ok(made(take, move || give.release().expect("it is held")))
}

/// A file that is removed in the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn flock<'a>() -> Result<Made<'a>> {
    let path = Scratch(std::env::temp_dir().join(name("fate")));
    let held = Rc::new(RefCell::new(None));
    let give = Rc::clone(&held);
    let take = move || {
        let file = File::create(&path.0).expect("the file can be made");
        again(|| file.lock());
        held.replace(Some(file));
        Said::Nothing
    };
    let give = move || {
        // Children have this file open, too, so it is not enough to close it.
        let file = give.take().expect("it is locked");
        file.unlock().expect("it can be unlocked");
    };
    Ok(made(take, give))
}
