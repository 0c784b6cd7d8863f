//! What becomes of one end of a stream when the process at the other end is killed.
//!
//! Both ends are asked to notice it, where they can be asked.

use std::{
    any::Any,
    cell,
    io::{Read, Write, pipe},
    os::unix::net::UnixStream,
    rc::Rc,
    sync::atomic::{
        AtomicU32,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::sys::signal::{Signal, kill};
use sysv_primitives::{broadcast, mpmc, spsc};

use super::{Said, Taker};
use crate::{
    harness::{
        Kind::{self, Ours, Rival},
        STOP, UNPINNED, is_wanted,
        objects::memory,
    },
    lanes::{Iceoryx, Lane, Lines, Posix, Receiver, Sender, SystemV},
    report::{Cell, Fact, Section},
    rows::name,
};

type Line = Lines<1>;

/// How many items a stream has room for. A kernel object may have room for some more.
const CAPACITY: usize = 16;
/// More than any of them has room for.
const MANY: u32 = 100_000;

/// Does one thing at one end, and returns whether it could.
type End = Box<dyn FnMut() -> bool>;

/// A stream of which no process has an end yet. Each is made in the process that is to have it, which closes the other.
struct Stream {
    send: Box<dyn FnOnce() -> End>,
    receive: Box<dyn FnOnce() -> End>,
    /// What the measuring process keeps. It has no end.
    _kept: Box<dyn Any>,
}

struct Subject {
    kind: Kind,
    name: &'static str,
    make: fn() -> Result<Stream>,
}

/// Which end is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// The receiver waits for an item.
    Sender,
    /// The sender waits for room.
    Receiver,
}

pub(in crate::rows) fn of_ends(section: &mut Section) -> Result<()> {
    let title = "A process is killed: the other end of a stream";
    if !is_wanted(title) || UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let subjects = [
        Subject { kind: Ours, name: "spsc ring", make: one },
        Subject { kind: Ours, name: "mpmc ring", make: any },
        Subject { kind: Ours, name: "broadcast ring", make: all },
        Subject { kind: Rival, name: "iceoryx2 publish/subscribe", make: lane::<Iceoryx> },
        Subject { kind: Rival, name: "Unix stream socket", make: socket },
        Subject { kind: Rival, name: "pipe", make: a_pipe },
        Subject { kind: Rival, name: "System V message queue", make: lane::<SystemV> },
        Subject { kind: Rival, name: "POSIX message queue", make: lane::<Posix> },
    ];
    let fact = |Subject { kind, name, make }: &Subject| {
        let cells = [Killed::Sender, Killed::Receiver].map(|killed| observe(name, *make, killed));
        Ok(Fact::new(*name, *kind, cells.into_iter().collect::<Result<Vec<Cell>>>()?))
    };
    let rows = subjects.iter().map(fact).collect::<Result<Vec<_>>>()?;
    let columns = [
        "the sender is killed: the receiver that waits for an item goes on",
        "the receiver is killed: the sender that waits for room goes on",
    ];
    section.add_facts(title, &columns, rows);
    Ok(())
}

fn observe(name: &str, make: fn() -> Result<Stream>, killed: Killed) -> Result<Cell> {
    ensure!(!STOP.load(SeqCst), "interrupted");
    let Stream { send, receive, _kept } = make()?;
    let shared = memory(8)?;
    let words: &[AtomicU32] = shared.slice(0, 2)?;
    let (send, receive) = (cell::Cell::new(Some(send)), cell::Cell::new(Some(receive)));
    // The one that dies has its end, and does nothing with it.
    let (idle, busy, often) = match killed {
        Killed::Sender => (&send, &receive, 1),
        Killed::Receiver => (&receive, &send, MANY),
    };
    let take = |mine: &cell::Cell<Option<Box<dyn FnOnce() -> End>>>| mine.take().expect("once a process");
    let victim = Taker::started(&words[0], || {
        let mine = take(idle);
        drop(busy.take());
        std::mem::forget(mine());
        Said::Nothing
    });
    ensure!(victim.wait(Duration::from_secs(10)), "{name}: an end can't be had");
    let other = Taker::started(&words[1], || {
        let mine = take(busy);
        drop(idle.take());
        let mut end = mine();
        if (0..often).all(|_| end()) { Said::Nothing } else { Said::Death }
    });
    drop((send.take(), receive.take()));
    other.settle();
    let begun = Instant::now();
    kill(victim.process.pid(), Signal::SIGKILL)?;
    while victim.process.is_alive() {
        thread::yield_now();
    }
    Ok(other.outcome(begun).into())
}

/// One of our rings, each of which has types of its own.
macro_rules! ring {
    ($make:ident, $kind:ident, $receiver:ident) => {
        fn $make() -> Result<Stream> {
            let ring = $kind::Ring::<u64>::options().remove_on_drop(true).create(&name("ends"), CAPACITY)?;
            let (theirs, kept) = (ring.clone(), ring.clone());
            let send = move || {
                let mut producer = ring.producer().expect("it can be had");
                producer.detect_disconnect(true);
                Box::new(move || producer.push(1).is_ok()) as End
            };
            let receive = move || {
                let mut receiver = theirs.$receiver().expect("it can be had");
                receiver.detect_disconnect(true);
                Box::new(move || receiver.pop().is_ok()) as End
            };
            Ok(Stream { send: Box::new(send), receive: Box::new(receive), _kept: Box::new(kept) })
        }
    };
}

ring!(one, spsc, consumer);
ring!(any, mpmc, consumer);
ring!(all, broadcast, subscriber);

fn lane<L: Lane<Line> + 'static>() -> Result<Stream> {
    let lane = Rc::new(L::new(CAPACITY)?);
    let (theirs, kept) = (Rc::clone(&lane), Rc::clone(&lane));
    let send = move || {
        let mut sender = lane.sender().expect("it can be had");
        let end = move || {
            sender.send(1);
            let _ = &lane;
            true
        };
        Box::new(end) as End
    };
    let receive = move || {
        let mut receiver = theirs.receiver().expect("it can be had");
        Box::new(move || receiver.receive() == 1) as End
    };
    Ok(Stream { send: Box::new(send), receive: Box::new(receive), _kept: Box::new(kept) })
}

fn socket() -> Result<Stream> {
    let (sender, receiver) = UnixStream::pair()?;
    Ok(bytes(sender, receiver))
}

fn a_pipe() -> Result<Stream> {
    let (receiver, sender) = pipe()?;
    Ok(bytes(sender, receiver))
}

fn bytes(mut sender: impl Write + 'static, mut receiver: impl Read + 'static) -> Stream {
    let send = move || Box::new(move || sender.write_all(&[1; 64]).is_ok()) as End;
    let receive = move || Box::new(move || receiver.read_exact(&mut [0; 64]).is_ok()) as End;
    Stream { send: Box::new(send), receive: Box::new(receive), _kept: Box::new(()) }
}
