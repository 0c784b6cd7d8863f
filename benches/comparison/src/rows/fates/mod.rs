//! What becomes of others when a process is killed, or stopped: seen, and not said.
//!
//! Each case begins with a new object, since some are of no use afterwards.

mod ends;
mod items;
mod locks;

use std::{
    fs,
    sync::atomic::{
        AtomicU32,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

pub(super) use self::{
    ends::of_ends,
    items::{of_barrier, of_channel, of_conditions, of_once, of_rings, of_watch},
    locks::{of_mutex, of_pool, of_rwlock},
};
use crate::{
    figures::time,
    harness::{Kind, Process, STOP, UNPINNED, is_wanted, objects::memory, settings},
    report::{Cell, Fact, Section},
};

/// What a process learns when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing = 1,
    /// That another one died.
    Death = 2,
}

/// How to take what is taken by one process at a time, and how to give it on.
struct Made<'a> {
    take: Box<dyn Fn() -> Said + 'a>,
    give: Box<dyn Fn() + 'a>,
}

fn made<'a>(take: impl Fn() -> Said + 'a, give: impl Fn() + 'a) -> Made<'a> {
    Made { take: Box::new(take), give: Box::new(give) }
}

/// What is taken.
struct Subject<'a> {
    kind: Kind,
    name: &'static str,
    /// Whether it can be taken in the beginning, as a lock can.
    is_there: bool,
    make: Box<dyn Fn() -> Result<Made<'a>> + 'a>,
}

impl<'a> Subject<'a> {
    /// A lock, which is free.
    fn lock(kind: Kind, name: &'static str, make: impl Fn() -> Result<Made<'a>> + 'a) -> Self {
        Self { kind, name, is_there: true, make: Box::new(make) }
    }

    /// What carries items or news, of which there are none.
    fn empty(kind: Kind, name: &'static str, make: impl Fn() -> Result<Made<'a>> + 'a) -> Self {
        Self { kind, name, is_there: false, make: Box::new(make) }
    }
}

/// The process that it befalls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// The process that has it, while another one waits.
    Holder,
    /// The process that waits first. Another one waits as well, and then it is given on.
    Waiter,
}

/// What befalls which process, and how the report calls it.
#[derive(Clone, Copy)]
struct Event {
    victim: Victim,
    signal: Signal,
    column: &'static str,
}

const fn event(victim: Victim, signal: Signal, column: &'static str) -> Event {
    Event { victim, signal, column }
}

/// Of locks and permits.
const OF_LOCK: &[Event] = &[
    event(Victim::Holder, Signal::SIGKILL, "the holder is killed: the waiter goes on"),
    event(Victim::Holder, Signal::SIGSTOP, "the holder is stopped: the waiter goes on"),
    event(Victim::Waiter, Signal::SIGKILL, "a waiter is killed, then it is released: the other waiter goes on"),
    event(Victim::Waiter, Signal::SIGSTOP, "a waiter is stopped, then it is released: the other waiter goes on"),
];

/// Of items and messages.
const OF_ITEMS: &[Event] = &[
    event(Victim::Holder, Signal::SIGKILL, "a receiver is killed with it in hand: another one has it"),
    event(Victim::Waiter, Signal::SIGKILL, "a waiting receiver is killed, then it is sent: another one has it"),
    event(Victim::Waiter, Signal::SIGSTOP, "a waiting receiver is stopped, then it is sent: another one has it"),
];

/// Of news that all wait for.
const OF_NEWS: &[Event] = &[
    event(Victim::Waiter, Signal::SIGKILL, "a waiter is killed, then it comes: the other waiter goes on"),
    event(Victim::Waiter, Signal::SIGSTOP, "a waiter is stopped, then it comes: the other waiter goes on"),
];

/// How long a process is waited for.
fn patience() -> Duration {
    // A quick run has rounds of a millisecond, and shows that everything works.
    if settings().round < Duration::from_millis(10) { Duration::from_millis(150) } else { Duration::from_secs(1) }
}

/// Adds a table with a row for each of these, and a column for each event.
fn add(section: &mut Section, title: &str, events: &[Event], subjects: &[Subject<'_>]) -> Result<()> {
    if !is_wanted(title) || UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let fact = |subject: &Subject<'_>| {
        let cells = events.iter().map(|event| observe(subject, *event)).collect::<Result<Vec<Cell>>>()?;
        Ok(Fact::new(subject.name, subject.kind, cells))
    };
    let rows = subjects.iter().map(fact).collect::<Result<Vec<_>>>()?;
    let columns: Vec<&str> = events.iter().map(|event| event.column).collect();
    section.add_facts(title, &columns, rows);
    Ok(())
}

/// A process that takes it, and what it has learned.
struct Taker<'a> {
    said: &'a AtomicU32,
    process: Process,
}

impl<'a> Taker<'a> {
    fn start(made: &Made<'_>, said: &'a AtomicU32) -> Self {
        Self::started(said, || (made.take)())
    }

    fn started(said: &'a AtomicU32, take: impl FnOnce() -> Said) -> Self {
        let process = Process::start(|| {
            said.store(take() as u32, SeqCst);
            loop {
                thread::park();
            }
        });
        Self { said, process }
    }

    fn has_it(&self) -> bool {
        self.said.load(SeqCst) != 0
    }

    /// Waits until it has it, and returns whether it has.
    fn wait(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        while !self.has_it() && begun.elapsed() < patience {
            thread::sleep(Duration::from_micros(20));
        }
        self.has_it()
    }

    /// Waits until it sleeps, or for a while if it does not.
    fn settle(&self) {
        let begun = Instant::now();
        let mut seen = 0;
        while seen < 3 && begun.elapsed() < Duration::from_millis(300) {
            thread::sleep(Duration::from_millis(5));
            seen = if is_asleep(self.process.pid()) { seen + 1 } else { 0 };
        }
    }

    /// What it has learned, and how soon.
    fn outcome(&self, begun: Instant) -> String {
        if !self.wait(patience()) {
            return format!("not in {} s", patience().as_secs_f64());
        }
        let took = time(begun.elapsed().as_secs_f64() * 1e9);
        format!("after {took}{}", self.learned())
    }

    fn learned(&self) -> &'static str {
        if self.said.load(SeqCst) == Said::Death as u32 { ", told of the death" } else { "" }
    }
}

fn is_asleep(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, which may hold anything, ends with the last bracket.
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('S'))
}

/// Lets it happen, and returns what comes of it.
fn observe(subject: &Subject<'_>, event: Event) -> Result<Cell> {
    ensure!(!STOP.load(Relaxed), "interrupted");
    let made = (subject.make)()?;
    let shared = memory(8)?;
    let words: &[AtomicU32] = shared.slice(0, 2)?;
    let is_of_holder = event.victim == Victim::Holder;
    if is_of_holder && !subject.is_there {
        (made.give)();
    }
    if !is_of_holder && subject.is_there {
        (made.take)();
    }
    let victim = Taker::start(&made, &words[0]);
    match is_of_holder {
        true => ensure!(victim.wait(Duration::from_secs(10)), "{}: it can't be taken", subject.name),
        false => victim.settle(),
    }
    let other = Taker::start(&made, &words[1]);
    other.settle();
    let mut begun = Instant::now();
    kill(victim.process.pid(), event.signal)?;
    if !is_of_holder {
        // The kernel is through with it.
        while event.signal == Signal::SIGKILL && victim.process.is_alive() {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(20));
        if other.has_it() {
            return Ok(format!("at once{}", other.learned()).into());
        }
        begun = Instant::now();
        (made.give)();
    }
    Ok(other.outcome(begun).into())
}
