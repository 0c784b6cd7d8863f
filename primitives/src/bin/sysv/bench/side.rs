//! What the processes of a lane do: they open it, and run a round each time their parent says so.
//!
//! If the parent has gone, the lane is removed by the processes that it leaves, and each of them ends, also one that
//! sleeps in the lane.

use std::{
    io::{self, BufRead, Write as _},
    sync::mpsc::{self, Receiver},
    thread,
};

use clap::{Args, ValueEnum};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::{
    ends::{
        ChannelReceiver, ChannelSender, MpmcReceiver, MpmcSender, Obtain, PipeReceiver, PipeSender, QueueReceiver,
        QueueSender, SpscReceiver, SpscSender, Transmit,
    },
    lane::{Lane, for_slot},
};
use crate::failed::{Ended, Failed, Result};

/// Which part a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    Send,
    Receive,
    /// Sends there, and waits for the way back.
    Ask,
    /// Receives, and sends back.
    Answer,
}

/// The arguments of such a process.
#[derive(Clone, Debug, Args)]
pub(crate) struct Side {
    pub(super) lane: Lane,
    pub(super) part: Part,
    /// Bytes of an item.
    pub(super) size: usize,
    /// Items, or trips, of a round.
    pub(super) count: u64,
    /// The number of the first item.
    pub(super) first: u64,
    /// The names of the lane there, and of that back.
    pub(super) names: Vec<String>,
}

/// What a process reports of a round.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Round {
    /// When it began and ended, on the machine's clock, in nanoseconds.
    pub(super) begun: u64,
    pub(super) ended: u64,
    /// The sum of the numbers of the items, which wraps around.
    pub(super) sum: u64,
    /// How long each trip took.
    pub(super) trips: Vec<u64>,
}

/// What the parent reads when the lane is open.
pub(super) const READY: &str = "ready";

pub(crate) fn side(side: &Side) -> Result<Ended> {
    let gate = gate(side);
    let size = side.size;
    match side.lane {
        Lane::Ring => for_slot!(size, spsc(side, &gate)),
        Lane::Mpmc => for_slot!(size, mpmc(side, &gate)),
        Lane::Channel => rounds(side, &gate, |name| ChannelSender::open(name, size), ChannelReceiver::open),
        Lane::Queue => {
            rounds(side, &gate, |name| QueueSender::open(name, size), |name| QueueReceiver::open(name, size))
        }
        Lane::Pipe => rounds(side, &gate, |name| PipeSender::open(name, size), |name| PipeReceiver::open(name, size)),
    }?;
    Ok(Ended::Well)
}

fn spsc<const SLOT: usize>(side: &Side, gate: &Receiver<()>) -> Result<()> {
    rounds(side, gate, SpscSender::<SLOT>::open, SpscReceiver::<SLOT>::open)
}

fn mpmc<const SLOT: usize>(side: &Side, gate: &Receiver<()>) -> Result<()> {
    rounds(side, gate, MpmcSender::<SLOT>::open, MpmcReceiver::<SLOT>::open)
}

/// Returns what yields once for each round. A thread waits for the parent's words, also while a round runs.
fn gate(side: &Side) -> Receiver<()> {
    let (open, gate) = mpsc::channel();
    let side = side.clone();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() || open.send(()).is_err() {
                break;
            }
        }
        // The parent has finished with this lane, or has died. A process that sleeps in it wakes by its removal.
        side.names.iter().for_each(|name| side.lane.remove(name));
        std::process::exit(0);
    });
    gate
}

fn rounds<S: Transmit, R: Obtain>(
    side: &Side,
    gate: &Receiver<()>,
    sender: impl Fn(&str) -> Result<S>,
    receiver: impl Fn(&str) -> Result<R>,
) -> Result<()> {
    let name = |index: usize| side.names.get(index).ok_or_else(|| Failed::Usage("a lane has no name".to_owned()));
    // Both sides open the way there before the way back: a pipe opens when both its ends do.
    match side.part {
        Part::Send => {
            let mut sender = sender(name(0)?)?;
            each(gate, || stream_out(&mut sender, side))
        }
        Part::Receive => {
            let mut receiver = receiver(name(0)?)?;
            each(gate, || stream_in(&mut receiver, side))
        }
        Part::Ask => {
            let (mut there, mut back) = (sender(name(0)?)?, receiver(name(1)?)?);
            each(gate, || ask(&mut there, &mut back, side))
        }
        Part::Answer => {
            let (mut there, mut back) = (receiver(name(0)?)?, sender(name(1)?)?);
            each(gate, || answer(&mut there, &mut back, side))
        }
    }
}

/// Runs a round each time the gate opens, and reports it.
fn each(gate: &Receiver<()>, mut round: impl FnMut() -> Result<Round>) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{READY}")?;
    while gate.recv().is_ok() {
        let report = serde_json::to_string(&round()?).map_err(Failed::refused)?;
        writeln!(out, "{report}")?;
    }
    Ok(())
}

fn stream_out(sender: &mut impl Transmit, side: &Side) -> Result<Round> {
    let begun = now()?;
    for number in side.first..side.first + side.count {
        sender.send(number)?;
    }
    Ok(Round { begun, ended: now()?, ..Round::default() })
}

fn stream_in(receiver: &mut impl Obtain, side: &Side) -> Result<Round> {
    let begun = now()?;
    let mut sum = 0_u64;
    for _ in 0..side.count {
        sum = sum.wrapping_add(receiver.receive()?);
    }
    Ok(Round { begun, ended: now()?, sum, ..Round::default() })
}

fn ask(there: &mut impl Transmit, back: &mut impl Obtain, side: &Side) -> Result<Round> {
    let begun = now()?;
    let mut trips = Vec::with_capacity(usize::try_from(side.count).unwrap_or(0));
    let mut sum = 0_u64;
    for number in 0..side.count {
        let sent = now()?;
        there.send(number)?;
        sum = sum.wrapping_add(back.receive()?);
        trips.push(now()? - sent);
    }
    Ok(Round { begun, ended: now()?, sum, trips })
}

fn answer(there: &mut impl Obtain, back: &mut impl Transmit, side: &Side) -> Result<Round> {
    let begun = now()?;
    for _ in 0..side.count {
        back.send(there.receive()?)?;
    }
    Ok(Round { begun, ended: now()?, ..Round::default() })
}

/// The machine's clock, which all processes read alike, in nanoseconds.
fn now() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(Failed::refused)?;
    #[allow(clippy::useless_conversion, reason = "the types differ from system to system")]
    let (seconds, nanos) = (i64::from(time.tv_sec()), i64::from(time.tv_nsec()));
    Ok(seconds.unsigned_abs() * 1_000_000_000 + nanos.unsigned_abs())
}
