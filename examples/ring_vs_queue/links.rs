//! The ring and the queue, which are removed in the end, however it comes.

use std::{
    process,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result};
use signal_hook::{consts::TERM_SIGNALS, iterator::Signals};
use sysv_primitives::{
    Options, Status,
    raw::{self, MessageQueue, MessageQueueOptions},
    spsc,
};

/// How many items there is room for in the ring; the kernel's queue holds 16 KiB unless it was told otherwise.
const CAPACITY: usize = 1024;

/// What the two processes are connected by.
pub(crate) struct Links {
    pub(crate) name: String,
    pub(crate) queue: MessageQueue,
}

impl Links {
    /// Makes both for items of one size.
    pub(crate) fn new(size: usize) -> Result<Self> {
        let name = format!("ring-vs-queue-{}-{size}", process::id());
        let ring = match size {
            8 => create::<1>(&name),
            64 => create::<8>(&name),
            512 => create::<64>(&name),
            1024 => create::<128>(&name),
            4096 => create::<512>(&name),
            _ => create::<1024>(&name),
        }?;
        let queue = MessageQueueOptions::new().max_message_size(size).open_random().inspect_err(|_| {
            let _ = spsc::Ring::<u64>::remove_name(&name);
        })?;
        *made() = Some((ring.set, ring.segment, queue.id()));
        Ok(Self { name, queue })
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        remove_made();
    }
}

/// The ids of the ring's set and segment and of the queue, as long as they are there.
static MADE: Mutex<Option<(i32, i32, i32)>> = Mutex::new(None);

fn made() -> std::sync::MutexGuard<'static, Option<(i32, i32, i32)>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_made() {
    if let Some((set, segment, queue)) = made().take() {
        // What is gone already is as good, and there is nobody to tell of anything else.
        let _ = raw::remove_shared_memory(segment);
        let _ = raw::remove_semaphore(set);
        let _ = raw::remove_message_queue(queue);
    }
}

/// From now on removes what is there when a signal is to end this process.
pub(crate) fn clear_up_on_signals() -> Result<()> {
    let mut signals = Signals::new(TERM_SIGNALS).context("can't handle signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            remove_made();
            process::exit(128 + signal);
        }
    });
    Ok(())
}

fn create<const WORDS: usize>(name: &str) -> Result<Status> {
    let ring: spsc::Ring<[u64; WORDS]> = Options::new().create_spsc(name, CAPACITY)?;
    Ok(ring.status()?)
}
