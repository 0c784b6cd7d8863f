//! The ring and the queue, which are removed in the end, however it comes.

use std::{
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context, Result};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};
use sysv_primitives::{
    raw::{self, MessageQueue, MessageQueueOptions},
    spsc,
};

use crate::item::{Item, by_size};

/// How many items there is room for in the ring. The kernel's queue holds 16 KiB by default.
const CAPACITY: usize = 1024;

/// What ends a process from outside.
pub(crate) const ENDINGS: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// What the two processes are connected by.
pub(crate) struct Links {
    pub(crate) name: String,
    pub(crate) queue: MessageQueue,
}

impl Links {
    /// Makes both for items of one size.
    pub(crate) fn new(size: usize) -> Result<Self> {
        let name = format!("ring-vs-queue-{}-{size}", process::id());
        // Locked all the while: a signal comes before both, or after both are noted.
        let mut made = made();
        by_size!(size, create(&name)).context("can't make the ring")?;
        let queue = MessageQueueOptions::new().max_message_size(size).open_random().inspect_err(|_| {
            let _ = spsc::Ring::<u64>::unlink(&name);
        });
        let queue = queue.context("can't make the queue")?;
        *made = Some((name.clone(), queue.id()));
        Ok(Self { name, queue })
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        remove_made();
    }
}

fn create<const WORDS: usize>(name: &str) -> sysv_primitives::Result<()> {
    spsc::Ring::<Item<WORDS>>::create(name, CAPACITY)?;
    Ok(())
}

/// The ring's name and the queue's id, as long as they are there.
static MADE: Mutex<Option<(String, i32)>> = Mutex::new(None);

fn made() -> MutexGuard<'static, Option<(String, i32)>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what was made here. Its waiters fail.
pub(crate) fn remove_made() {
    if let Some((name, queue)) = made().take() {
        remove(&name, queue);
    }
}

pub(crate) fn remove(name: &str, queue: i32) {
    // What is gone already is as good, and nothing else can be done here.
    let _ = spsc::Ring::<u64>::unlink(name);
    let _ = raw::remove_message_queue(queue);
}

/// From now on removes what is there when a signal is to end this process.
pub(crate) fn clear_up_on_signals() -> Result<()> {
    let mut signals = Signals::new(ENDINGS).context("can't handle signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Locked for good: nothing more is made, and a thread that failed by this stops in `drop`, without a word.
            let mut made = made();
            if let Some((name, queue)) = made.take() {
                remove(&name, queue);
            }
            process::exit(128 + signal);
        }
    });
    Ok(())
}
