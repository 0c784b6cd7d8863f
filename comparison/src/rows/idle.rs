//! What a process uses while it waits, and what objects take.

use std::time::Duration;

use anyhow::Result;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use serde::{Deserialize, Serialize};
use sysv_ipc::{Key, SharedMemory, SharedMemoryOptions};
use sysv_primitives::{Channel, Mutex, Options, Pool, Status, messages, mpmc, spsc};

use super::name;
use crate::{
    harness::Peer,
    report::{Facts, Section},
};

#[derive(Serialize, Deserialize)]
struct Nothing;
messages! { 1 => Nothing }

/// Everything that can be waited for, and nobody brings.
struct Objects {
    mutex: Mutex<u64>,
    pool: Pool,
    ring: spsc::Ring<u64>,
    any: mpmc::Ring<u64>,
    channel: Channel,
}

impl Objects {
    fn new() -> Result<Self> {
        let options = Options::new().remove_on_drop(true);
        Ok(Self {
            mutex: options.create_mutex(&name("mutex"), 0)?,
            pool: options.create_pool(&name("pool"), 1, 1)?,
            ring: options.create_spsc(&name("spsc"), 1024)?,
            any: options.create_mpmc(&name("mpmc"), 1024)?,
            channel: options.create_channel(&name("channel"))?,
        })
    }

    fn status(&self) -> Result<[(&'static str, Status); 5]> {
        Ok([
            ("Mutex of 8 bytes", self.mutex.status()?),
            ("Pool of one permit", self.pool.status()?),
            ("spsc::Ring, 1,024 items of 8 bytes", self.ring.status()?),
            ("mpmc::Ring, 1,024 items of 8 bytes", self.any.status()?),
            ("Channel for messages up to 1 MiB", self.channel.status()?),
        ])
    }
}

/// Returns how many microseconds of processor time a process uses that waits for a second.
fn idle(wait: impl FnOnce(Duration)) -> Result<i64> {
    let memory: SharedMemory = SharedMemoryOptions::new().size(8).open(Key::PRIVATE)?;
    memory.remove()?;
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("one's own can be had");
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
    };
    let told: &std::sync::atomic::AtomicI64 = memory.view(0)?;
    let peer = Peer::start(|| {
        let before = used();
        wait(Duration::from_secs(1));
        told.store(used() - before + 1, std::sync::atomic::Ordering::SeqCst);
    });
    peer.join();
    Ok(told.load(std::sync::atomic::Ordering::SeqCst) - 1)
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let only_some = std::env::args().skip(1).any(|argument| !argument.starts_with('-'));
    if only_some {
        return Ok(());
    }
    let objects = Objects::new()?;
    let _held = (objects.mutex.lock().map_err(sysv_primitives::Error::from)?, objects.pool.acquire()?);
    let rows = [
        ("Mutex::lock_timeout", idle(|second| drop(objects.mutex.lock_timeout(second)))?),
        ("Pool::acquire_timeout", idle(|second| drop(objects.pool.acquire_timeout(second)))?),
        (
            "spsc::Consumer::pop_timeout",
            idle(|second| drop(objects.ring.consumer().map(|mut consumer| consumer.pop_timeout(second))))?,
        ),
        (
            "mpmc::Consumer::pop_timeout",
            idle(|second| drop(objects.any.consumer().map(|consumer| consumer.pop_timeout(second))))?,
        ),
        ("Channel::recv_timeout", idle(|second| drop(objects.channel.recv_timeout::<Nothing>(second)))?),
        (
            "Receiver::recv_timeout",
            idle(|second| drop(objects.channel.receiver().map(|receiver| receiver.recv_timeout::<Nothing>(second))))?,
        ),
    ];
    section.add_facts(Facts {
        title: "Processor time while waiting for a second",
        head: &["", "microseconds"],
        rows: rows.map(|(what, used)| vec![what.to_owned(), used.to_string()]).into(),
    });
    let sizes = objects
        .status()?
        .map(|(what, status)| vec![what.to_owned(), status.semaphores.to_string(), status.bytes.to_string()]);
    section.add_facts(Facts {
        title: "Size of an object for 64 processes",
        head: &["", "semaphores", "bytes of memory"],
        rows: sizes.into(),
    });
    Ok(())
}
