//! What a process uses while it waits, and what objects take.

use std::{
    sync::atomic::{
        AtomicU32, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::Duration,
};

use anyhow::Result;
use nix::{sys::time::TimeValLike, time::ClockId};
use serde::{Deserialize, Serialize};
use sysv_ipc::{Key, SharedMemory, SharedMemoryOptions};
use sysv_primitives::{Channel, Mutex, Options, Pool, Status, messages, mpmc, spsc};

use super::name;
use crate::{
    harness::{Peer, UNPINNED, is_wanted},
    lanes::{Any, Iceoryx, Ipmpsc, Lane, One, Pipe, Posix, Receiver, ShmemIpc, Socket, SystemV},
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

/// Returns how many microseconds of processor time a process uses in a second in which it waits.
fn idle(wait: impl FnOnce()) -> Result<i64> {
    let memory: SharedMemory = SharedMemoryOptions::new().size(8).open(Key::PRIVATE)?;
    memory.remove()?;
    let is_ready: &AtomicU32 = memory.view(0)?;
    let peer = Peer::start(|| {
        is_ready.store(1, SeqCst);
        wait();
    });
    // A second begins when it is there, and what it does first doesn't count.
    while is_ready.load(SeqCst) == 0 {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(200));
    let clock = ClockId::pid_cpu_clock_id(peer.pid())?;
    let before = clock.now()?;
    thread::sleep(Duration::from_secs(1));
    Ok((clock.now()? - before).num_microseconds())
}

/// What a lane's receiver uses while nothing comes, and how much shared memory one for 1,024 items of 64 bytes maps.
fn of_lane<L: Lane<8>>() -> Result<Vec<String>> {
    let lane = L::new(1024)?;
    let used = idle(|| _ = lane.receiver().map(|mut receiver| receiver.receive()))?;
    let told: SharedMemory = SharedMemoryOptions::new().size(8).open(Key::PRIVATE)?;
    told.remove()?;
    drop(lane);
    let bytes: &AtomicUsize = told.view(0)?;
    Peer::start(|| {
        let before = shared_bytes();
        let lane = L::new(1024).expect("it can be made");
        let _ends = (lane.sender().expect("it can be had"), lane.receiver().expect("it can be had"));
        bytes.store(shared_bytes() - before, SeqCst);
        // Dropped here, where it was made.
        drop(lane);
    })
    .join();
    let bytes = match bytes.load(SeqCst) {
        0 => "in the kernel".to_owned(),
        bytes => bytes.to_string(),
    };
    Ok(vec![format!("{}, receiver", L::NAME), used.to_string(), bytes])
}

/// Returns how much memory this process shares with others, the same memory once however often it is mapped.
fn shared_bytes() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut seen = std::collections::BTreeMap::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights), inode) = (fields.next(), fields.next(), fields.nth(2)) else { continue };
        let bounds =
            range.split_once('-').map(|(from, to)| (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)));
        if let (Some((Ok(from), Ok(to))), true) = (bounds, rights.ends_with('s')) {
            seen.insert(inode, to - from);
        }
    }
    seen.values().sum()
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    if !is_wanted("waiting") || UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let objects = Objects::new()?;
    let _held = (objects.mutex.lock().map_err(sysv_primitives::Error::from)?, objects.pool.acquire()?);
    let of_ours = |what: &str, used: i64| vec![what.to_owned(), used.to_string(), String::new()];
    let rows = vec![
        of_ours("Mutex::lock", idle(|| drop(objects.mutex.lock()))?),
        of_ours("Pool::acquire", idle(|| drop(objects.pool.acquire()))?),
        of_ours("Channel::recv", idle(|| drop(objects.channel.recv::<Nothing>()))?),
        of_ours(
            "Channel: Receiver::recv",
            idle(|| drop(objects.channel.receiver().map(|receiver| receiver.recv::<Nothing>())))?,
        ),
        of_lane::<One<8>>()?,
        of_lane::<Any<8>>()?,
        of_lane::<Iceoryx>()?,
        of_lane::<ShmemIpc<8>>()?,
        of_lane::<Ipmpsc>()?,
        of_lane::<Socket>()?,
        of_lane::<Pipe>()?,
        of_lane::<SystemV>()?,
        of_lane::<Posix<8>>()?,
    ];
    section.add_facts(Facts {
        title: "Processor time in a second of waiting, and shared memory for 1,024 items of 64 bytes",
        head: &["", "microseconds", "bytes mapped"],
        rows,
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
