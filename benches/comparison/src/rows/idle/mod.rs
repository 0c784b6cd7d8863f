//! What a process uses while it waits, and what objects take.

mod mapped;

use std::{
    sync::atomic::{
        AtomicU32,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::{sys::time::TimeValLike, time::ClockId};
use serde::{Deserialize, Serialize};
use sysv_primitives::{
    Barrier, Channel, Mutex, OnceLock, Pool, RateLimiter, RwLock, Status, Watch, broadcast, messages, mpmc, spsc,
};

use super::name;
use crate::{
    harness::{Kind, Process, STOP, UNPINNED, is_wanted, objects::memory},
    lanes::{
        Any, Iceoryx, IceoryxEvents, Ipmpsc, Lane, Lines, One, Pipe, Posix, Receiver, Sender, ShmemIpc, Socket, SystemV,
    },
    report::{Cell, Fact, Section},
};

#[derive(Serialize, Deserialize)]
struct Nothing;
messages! { 1 => Nothing }

/// Everything that can be waited for, and never comes.
struct Objects {
    mutex: Mutex<u64>,
    pool: Pool,
    ring: spsc::Ring<u64>,
    any: mpmc::Ring<u64>,
    channel: Channel,
}

impl Objects {
    fn new() -> Result<Self> {
        Ok(Self {
            mutex: Mutex::options().remove_on_drop(true).create(&name("mutex"), 0)?,
            pool: Pool::options().remove_on_drop(true).create(&name("pool"), 1)?,
            ring: spsc::Ring::options().remove_on_drop(true).create(&name("spsc"), 1024)?,
            any: mpmc::Ring::options().remove_on_drop(true).create(&name("mpmc"), 1024)?,
            channel: Channel::options().remove_on_drop(true).create(&name("channel"))?,
        })
    }

    fn status(&self) -> Result<Vec<(&'static str, Status)>> {
        // Of these only the size is measured. Each is gone when its size is known.
        let rwlock = RwLock::options().remove_on_drop(true).create(&name("rwlock"), 0_u64)?;
        let once = OnceLock::<u64>::options().remove_on_drop(true).create(&name("once"))?;
        let watch = Watch::options().remove_on_drop(true).create(&name("watch"), 0_u64)?;
        let barrier = Barrier::options().remove_on_drop(true).create(&name("barrier"), 2)?;
        let limiter = RateLimiter::options().remove_on_drop(true);
        let limiter = limiter.create(&name("limiter"), 1, Duration::from_secs(1))?;
        let all: broadcast::Ring<u64> = broadcast::Ring::options().remove_on_drop(true).create(&name("all"), 1024)?;
        Ok(vec![
            ("Mutex of 8 bytes", self.mutex.status()?),
            ("RwLock of 8 bytes", rwlock.status()?),
            ("OnceLock of 8 bytes", once.status()?),
            ("Watch of 8 bytes", watch.status()?),
            ("Pool of one permit", self.pool.status()?),
            ("Barrier", barrier.status()?),
            ("RateLimiter", limiter.status()?),
            ("spsc::Ring, 1,024 items of 8 bytes", self.ring.status()?),
            ("mpmc::Ring, 1,024 items of 8 bytes", self.any.status()?),
            ("broadcast::Ring, 1,024 items of 8 bytes", all.status()?),
            ("Channel for messages up to 1 MiB", self.channel.status()?),
        ])
    }
}

/// Returns how many microseconds of processor time a process uses in a second in which it waits, and the process.
fn idle(wait: impl FnOnce()) -> Result<(i64, Process)> {
    const BEGUN: u32 = 1;
    const BACK: u32 = 2;
    ensure!(!STOP.load(Relaxed), "interrupted");
    let memory = memory(4)?;
    let state: &AtomicU32 = memory.view(0)?;
    let peer = Process::start(|| {
        state.store(BEGUN, SeqCst);
        wait();
        state.store(BACK, SeqCst);
    });
    // A second begins when it is there, and what it does first doesn't count.
    while state.load(SeqCst) == 0 && peer.is_alive() {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(200));
    let clock = ClockId::pid_cpu_clock_id(peer.pid())?;
    let before = clock.now()?;
    thread::sleep(Duration::from_secs(1));
    let used = (clock.now()? - before).num_microseconds();
    ensure!(state.load(SeqCst) == BEGUN && peer.is_alive(), "it doesn't wait any more");
    Ok((used, peer))
}

/// What a lane's receiver uses while nothing comes, and what is mapped.
fn of_lane<L: Lane<Lines<1>>>() -> Result<Fact> {
    let lane = L::new(1024)?;
    let (used, peer) = idle(|| _ = lane.receiver().map(|mut receiver| receiver.receive())).context(L::NAME)?;
    // It ends by itself, since not every lane clears up after one that is killed.
    let mut sender = lane.sender()?;
    sender.send(0);
    peer.join();
    drop((sender, lane));
    let bytes = match mapped::by_lane::<L>()? {
        0 => "in the kernel".into(),
        bytes => Cell::from(u32::try_from(bytes).map_or(f64::INFINITY, f64::from)),
    };
    Ok(Fact::new(format!("{}, receiver", L::NAME), L::KIND, vec![milliseconds(used), bytes]))
}

/// To a hundredth of a millisecond.
fn milliseconds(microseconds: i64) -> Cell {
    Cell::from(f64::from(i32::try_from(microseconds).unwrap_or(i32::MAX)) / 1e3)
}

const WAITING: &str = "Processor time in a second of waiting, and shared memory for 1,024 items of 64 bytes";
const SIZES: &str = "Size of an object for 64 processes";

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    if UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let objects = Objects::new()?;
    if is_wanted(WAITING) {
        waiting(section, &objects)?;
    }
    if is_wanted(SIZES) {
        let count = |count| Cell::from(u32::try_from(count).map_or(f64::INFINITY, f64::from));
        let size = |(what, status): (&str, Status)| {
            Fact::new(what, Kind::Ours, vec![count(status.semaphores), count(status.bytes)])
        };
        section.add_facts(SIZES, &["semaphores", "memory (bytes)"], objects.status()?.into_iter().map(size).collect());
    }
    Ok(())
}

fn waiting(section: &mut Section, objects: &Objects) -> Result<()> {
    let _held = (objects.mutex.lock()?, objects.pool.acquire()?);
    let of_ours =
        |what: &str, (used, _): (i64, Process)| Fact::new(what, Kind::Ours, vec![milliseconds(used), Cell::from("")]);
    let rows = vec![
        of_ours("Mutex::lock", idle(|| drop(objects.mutex.lock()))?),
        of_ours("Pool::acquire", idle(|| drop(objects.pool.acquire()))?),
        of_ours("Channel::recv", idle(|| drop(objects.channel.recv::<Nothing>()))?),
        of_lane::<One<Lines<1>>>()?,
        of_lane::<Any<Lines<1>>>()?,
        of_lane::<Iceoryx>()?,
        of_lane::<IceoryxEvents>()?,
        of_lane::<ShmemIpc<Lines<1>>>()?,
        of_lane::<Ipmpsc>()?,
        of_lane::<Socket>()?,
        of_lane::<Pipe>()?,
        of_lane::<SystemV>()?,
        of_lane::<Posix>()?,
    ];
    section.add_facts(WAITING, &["processor time in a second (ms)", "shared memory mapped (bytes)"], rows);
    Ok(())
}
