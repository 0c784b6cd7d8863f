//! The lanes: what each is made of, which items it can carry, and how it is removed.

use std::{env, fs, path::PathBuf, sync::OnceLock};

use clap::ValueEnum;
use nix::{sys::stat::Mode, unistd::mkfifo};
use serde::Serialize;
use sysv_primitives::{
    Channel, OpenError, mpmc,
    raw::{MessageQueueOptions, limits, remove_message_queue},
    spsc,
};

use crate::failed::{Failed, Result};

/// A way from process to process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Lane {
    /// A ring with one producer and one consumer
    Ring,
    /// A ring with any number of both
    Mpmc,
    /// A channel
    Channel,
    /// A System V message queue
    Queue,
    /// A pipe
    Pipe,
}

/// The bytes by which a lane may be ahead of its receivers.
const ROOM: usize = 4 << 20;
/// The bytes that a pipe takes as one.
const PIPE_BUF: usize = 4096;

/// Runs a generic function for the size of slot that suits a size of item.
macro_rules! for_slot {
    ($size:expr, $function:ident($($argument:expr),*)) => {
        $crate::bench::lane::for_slot!(@ $size, $function($($argument),*),
            8 16 24 32 48 64 96 128 192 256 512 1024 4096 16384 65536)
    };
    (@ $size:expr, $function:ident $arguments:tt, $($slot:literal)+) => {
        match $crate::bench::lane::slot_for($size) {
            $(Some($slot) => $function::<$slot> $arguments,)+
            _ => unreachable!("a ring was not refused for its size"),
        }
    };
}
pub(super) use for_slot;

const SLOTS: [usize; 15] = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 4096, 16_384, 65_536];

/// Returns the least slot of a ring that an item fits in. The size of a slot is that of a type, so there are some only.
pub(super) fn slot_for(size: usize) -> Option<usize> {
    SLOTS.into_iter().find(|&slot| slot >= size)
}

/// How many items of which size go between how many processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) size: usize,
    /// Items of a round, as each side has a whole share of them.
    pub(super) count: u64,
    pub(super) senders: u32,
    pub(super) receivers: u32,
}

impl Plan {
    pub(super) fn new(size: usize, count: u64, processes: u32) -> Self {
        let senders = processes / 2;
        let receivers = processes - senders;
        let whole = u64::from(senders) * u64::from(receivers);
        Self { size, count: count.div_ceil(whole) * whole, senders, receivers }
    }

    pub(super) fn processes(&self) -> u32 {
        self.senders + self.receivers
    }

    /// Trips of a round. Each takes as long as many items of a stream.
    pub(super) fn trips(&self) -> u64 {
        (self.count / 10).clamp(1, 20_000)
    }

    /// How many items a lane has room for.
    fn capacity(&self, item: usize) -> usize {
        (ROOM / item.max(1)).clamp(16, 1024)
    }
}

impl Lane {
    pub(super) const ALL: [Self; 5] = [Self::Ring, Self::Mpmc, Self::Channel, Self::Queue, Self::Pipe];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Mpmc => "mpmc",
            Self::Channel => "channel",
            Self::Queue => "queue",
            Self::Pipe => "pipe",
        }
    }

    /// Returns the bytes that an item takes in it.
    pub(super) fn item_bytes(self, size: usize) -> usize {
        match self {
            Self::Ring | Self::Mpmc => slot_for(size).unwrap_or(size),
            _ => size,
        }
    }

    /// Returns why it can't carry the items.
    pub(super) fn refusal(self, plan: &Plan) -> Option<String> {
        let is_crowd = plan.processes() > 2;
        match self {
            Self::Ring if is_crowd => Some("it has one producer and one consumer".to_owned()),
            Self::Ring | Self::Mpmc if slot_for(plan.size).is_none() => {
                Some("this tool has rings of up to 65,536 bytes an item".to_owned())
            }
            Self::Pipe if is_crowd && plan.size > PIPE_BUF => {
                Some(format!("several processes mix items of more than {PIPE_BUF} bytes"))
            }
            Self::Queue => match limits() {
                Ok(limits) if limits.message_queues.max_message_size < plan.size as u64 => {
                    let most = limits.message_queues.max_message_size;
                    Some(format!("a message has at most {most} bytes: raise `sysctl kernel.msgmax`"))
                }
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            },
            _ => None,
        }
    }

    /// Makes one, and returns the name by which the processes open it.
    pub(super) fn create(self, plan: &Plan, number: usize) -> Result<String> {
        let name = format!("sysv-bench-{}-{number}", std::process::id());
        let (slot, capacity) = (self.item_bytes(plan.size), plan.capacity(self.item_bytes(plan.size)));
        match self {
            Self::Ring => for_slot!(slot, create_spsc(&name, capacity)),
            Self::Mpmc => for_slot!(slot, create_mpmc(&name, capacity)),
            Self::Channel => {
                let room = u32::try_from(capacity).unwrap_or(u32::MAX);
                Channel::options().capacity(room).max_message_size(plan.size).create(&name).map(drop)
            }
            Self::Queue => return Ok(MessageQueueOptions::new().open_random()?.id().to_string()),
            Self::Pipe => {
                let path = folder()?.join(&name);
                mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(Failed::refused)?;
                return Ok(path.display().to_string());
            }
        }
        .map_err(Failed::refused)?;
        Ok(name)
    }

    /// Removes one. Its processes then fail, also those that sleep in it. Removed already is as good.
    pub(super) fn remove(self, name: &str) {
        match self {
            Self::Ring => drop(spsc::Ring::<u64>::unlink(name)),
            Self::Mpmc => drop(mpmc::Ring::<u64>::unlink(name)),
            Self::Channel => drop(Channel::unlink(name)),
            Self::Queue => {
                let _ = name.parse().map(remove_message_queue);
            }
            Self::Pipe => {
                let path = PathBuf::from(name);
                let _ = fs::remove_file(&path);
                // The last one takes the folder along.
                let _ = path.parent().map(fs::remove_dir);
            }
        }
    }
}

/// The folder of the pipes, in which this user alone may make files.
fn folder() -> Result<PathBuf> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(|| env::temp_dir().join(format!("sysv-bench-{}", std::process::id())));
    match nix::unistd::mkdir(path, Mode::S_IRWXU) {
        Ok(()) => Ok(path.clone()),
        Err(nix::errno::Errno::EEXIST) if path.is_dir() => Ok(path.clone()),
        Err(errno) => Err(Failed::refused(format_args!("making {}: {errno}", path.display()))),
    }
}

fn create_spsc<const SLOT: usize>(name: &str, capacity: usize) -> Result<(), OpenError> {
    spsc::Ring::<[u8; SLOT]>::create(name, capacity).map(drop)
}

fn create_mpmc<const SLOT: usize>(name: &str, capacity: usize) -> Result<(), OpenError> {
    mpmc::Ring::<[u8; SLOT]>::create(name, capacity).map(drop)
}
