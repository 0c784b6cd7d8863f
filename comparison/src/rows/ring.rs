//! The rings: streams of items by size, single items there and back, and crowds of processes.

use std::{
    rc::Rc,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    thread,
};

use anyhow::Result;
use sysv_ipc::{Key, SharedMemoryOptions};

use super::own::Own;
use crate::{
    calls,
    harness::{self, Alternative, Comparison, Crowd, Peer, UNPINNED, is_wanted},
    lanes::{
        Any, Bounded, Futex, Iceoryx, Ipmpsc, Lane, Line, Memory, One, Pipe, Posix, Queue, Receiver, Rtrb, Sender,
        ShmemIpc, Socket, SystemV, send_to_sleeper, stream, stream_to_thread, there_and_back, there_and_back_by_thread,
    },
    report::{Facts, Section},
};

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let streams = vec![
        (8.0, streams::<1>()?),
        (64.0, streams::<8>()?),
        (512.0, streams::<64>()?),
        (4096.0, streams::<512>()?),
        (65536.0, streams::<8192>()?),
    ];
    section.add_family("One to one, by size; time for an item", "bytes", streams);
    looking(section)?;
    waiting(section, 1, "there and back, 8 bytes, whoever waits may sleep")?;
    if !UNPINNED.load(Relaxed) {
        waiting(section, 0, "there and back, 8 bytes, on one processor, so whoever waits sleeps")?;
    }
    let crowds = [1, 2, 4, 8].into_iter().map(|each| anyhow::Ok((f64::from(2 * each), crowds(each)?)));
    let crowds = crowds.collect::<Result<_>>()?;
    section.add_family("Any to any, 64 bytes, by processes, half of which send; time for an item", "processes", crowds);
    if is_wanted("system calls") && !UNPINNED.load(Relaxed) {
        system_calls(section)?;
    }
    Ok(())
}

/// A stream of items from one to one, of so many words.
fn streams<const WORDS: usize>() -> Result<Option<Comparison>> {
    let title = format!("one to one, items of {} bytes", 8 * WORDS);
    if !is_wanted(&title) {
        return Ok(None);
    }
    // What a processor's own cache holds.
    let capacity = ((1 << 20) / (8 * WORDS)).clamp(16, 1024);
    let mut alternatives = vec![
        stream::<WORDS, One<WORDS>>(capacity)?,
        stream::<WORDS, Any<WORDS>>(capacity)?,
        stream::<WORDS, Iceoryx>(capacity)?,
        stream::<WORDS, ShmemIpc<WORDS>>(capacity)?,
        stream::<WORDS, Ipmpsc>(capacity)?,
        stream::<WORDS, Socket>(capacity)?,
        stream::<WORDS, Pipe>(capacity)?,
    ];
    // Longer ones they don't take, as systems come.
    if WORDS <= 1024 {
        alternatives.push(stream::<WORDS, SystemV>(capacity)?);
        alternatives.push(stream::<WORDS, Posix<WORDS>>(capacity)?);
    }
    // Short items in bare memory are written and read faster than their lines cross, in whatever order they happen to.
    if WORDS >= 64 {
        alternatives.push(stream::<WORDS, Memory>(capacity)?);
    }
    // Threads only after all processes are forked.
    alternatives.push(stream_to_thread::<WORDS, Rtrb<WORDS>>(capacity)?);
    alternatives.push(stream_to_thread::<WORDS, Queue<WORDS>>(capacity)?);
    alternatives.push(stream_to_thread::<WORDS, Bounded<WORDS>>(capacity)?);
    Ok(harness::measure(&title, alternatives))
}

/// One item there and one back; both sides look all the time.
fn looking(section: &mut Section) -> Result<()> {
    let title = "there and back, 8 bytes, whoever waits looks again and again";
    if !is_wanted(title) {
        return Ok(());
    }
    let lanes = vec![
        there_and_back::<1, One<1, true>>(1)?,
        there_and_back::<1, Any<1, true>>(1)?,
        there_and_back::<1, Iceoryx>(1)?,
        there_and_back::<1, Line>(1)?,
        there_and_back_by_thread::<1, Rtrb<1>>()?,
        there_and_back_by_thread::<1, Queue<1>>()?,
    ];
    section.add_lanes(title, lanes);
    Ok(())
}

/// The same by whatever each offers for waiting.
fn waiting(section: &mut Section, processor: usize, title: &str) -> Result<()> {
    if !is_wanted(title) {
        return Ok(());
    }
    let lanes = vec![
        there_and_back::<1, One<1>>(processor)?,
        there_and_back::<1, Any<1>>(processor)?,
        there_and_back::<1, ShmemIpc<1>>(processor)?,
        there_and_back::<1, Ipmpsc>(processor)?,
        there_and_back::<1, Socket>(processor)?,
        there_and_back::<1, Pipe>(processor)?,
        there_and_back::<1, SystemV>(processor)?,
        there_and_back::<1, Posix<1>>(processor)?,
        there_and_back::<1, Futex>(processor)?,
    ];
    section.add_lanes(title, lanes);
    Ok(())
}

/// Many that send and as many that receive.
fn crowds(each: u32) -> Result<Option<Comparison>> {
    let title = format!("any to any, items of 64 bytes, {each} to {each} processes; time for one of all");
    if !is_wanted(&title) {
        return Ok(None);
    }
    let alternatives = vec![crowd::<Any<8>>(each)?, crowd::<SystemV>(each)?, crowd::<Posix<8>>(each)?];
    Ok(harness::measure(&title, alternatives))
}

/// How far apart those count who receive.
const APART: usize = 256;

fn crowd<'a, L: Lane<8> + 'a>(each: u32) -> Result<Alternative<'a>>
where
    L::Sender: 'static,
{
    let lane = Rc::new(L::new(1024)?);
    let each = usize::try_from(each)?;
    let counters = SharedMemoryOptions::new().size(APART * each).open(Key::PRIVATE)?;
    counters.remove()?;
    let start = |number: usize| {
        Peer::start_on(number + 1, || {
            let mut receiver = lane.receiver().expect("it can be had");
            let counter: &AtomicU64 = counters.view(APART * number).expect("it fits");
            for received in 1.. {
                receiver.receive();
                counter.store(received, Release);
            }
        })
    };
    let receivers: Vec<Peer> = (0..each).map(start).collect();
    let own = Own::none();
    let sending = Rc::clone(&lane);
    let send = move || own.with(|| sending.sender().expect("it can be had"), |sender: &mut L::Sender| sender.send(0));
    let crowd = Crowd::start(each, &send);
    let mut sent = 0;
    let alternative = Alternative::new(L::NAME, move |count| {
        sent += crowd.run(count, &send);
        let counter = |number: usize| -> &AtomicU64 { counters.view(APART * number).expect("it fits") };
        while (0..each).map(|number| counter(number).load(Acquire)).sum::<u64>() < sent {
            thread::yield_now();
        }
    });
    Ok(alternative.kind(L::KIND).keeping((receivers, lane)))
}

/// Counts them for one item: by one process that does both, so that nobody waits; and to one that sleeps.
fn system_calls(section: &mut Section) -> Result<()> {
    let mut rows = vec![
        system_calls_of::<One<1>>()?,
        system_calls_of::<Any<1>>()?,
        system_calls_of::<Iceoryx>()?,
        system_calls_of::<ShmemIpc<1>>()?,
        system_calls_of::<Ipmpsc>()?,
        system_calls_of::<Socket>()?,
        system_calls_of::<Pipe>()?,
        system_calls_of::<SystemV>()?,
        system_calls_of::<Posix<1>>()?,
    ];
    // It never sleeps, so there is nothing to count.
    rows[2][2] = "looks".to_owned();
    section.add_facts(Facts {
        title: "System calls for an item, counted",
        head: &["", "sent and received, nobody waits", "sent to a receiver that sleeps, both sides"],
        rows,
    });
    Ok(())
}

fn system_calls_of<L: Lane<1>>() -> Result<Vec<String>> {
    let alone = calls::count(|count| {
        let lane = L::new(16).expect("it can be made");
        let (mut sender, mut receiver) =
            (lane.sender().expect("it can be had"), lane.receiver().expect("it can be had"));
        for number in 0..count {
            sender.send(number);
            assert_eq!(receiver.receive(), number, "an item is lost");
        }
    })?;
    // One of them is the sleep before it is sent.
    let asleep = calls::count(send_to_sleeper::<1, L>)? - 1.0;
    Ok(vec![L::NAME.to_owned(), format!("{alone:.2}"), format!("{asleep:.2}")])
}
