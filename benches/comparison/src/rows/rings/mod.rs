//! The rings: streams of items by size, single items there and back, and crowds of processes.

mod any_to_any;

use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;

use crate::{
    calls,
    harness::{self, Comparison, UNPINNED, is_wanted},
    lanes::{
        Any, Bounded, Futex, Iceoryx, IceoryxEvents, Ipmpsc, Item, Lane, Line, Lines, Memory, One, Pipe, Posix, Queue,
        Receiver, Rtrb, Sender, ShmemIpc, Socket, SystemV, Word, send_to_sleeper, stream, stream_to_thread,
        there_and_back, there_and_back_by_thread,
    },
    report::{Facts, Section},
};

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let streams = vec![
        (8.0, streams::<Word>()?),
        (64.0, streams::<Lines<1>>()?),
        (512.0, streams::<Lines<8>>()?),
        (4096.0, streams::<Lines<64>>()?),
        (65536.0, streams::<Lines<1024>>()?),
    ];
    section.add_family("One to one, by size; time for an item", "bytes", streams);
    looking(section)?;
    waiting(section, 1, "there and back, 8 bytes, whoever waits may sleep")?;
    if !UNPINNED.load(Relaxed) {
        waiting(section, 0, "there and back, 8 bytes, on one processor, so whoever waits sleeps")?;
    }
    any_to_any::measure(section)?;
    calls_per_item(section)
}

/// A stream of items from one to one.
fn streams<T: Item>() -> Result<Option<Comparison>> {
    let title = format!("one to one, items of {} bytes", size_of::<T>());
    if !is_wanted(&title) {
        return Ok(None);
    }
    // What a processor's own cache holds.
    let capacity = ((1 << 20) / size_of::<T>()).clamp(16, 1024);
    let mut alternatives = vec![
        stream::<T, One<T>>(capacity)?,
        stream::<T, Any<T>>(capacity)?,
        stream::<T, Iceoryx>(capacity)?,
        stream::<T, ShmemIpc<T>>(capacity)?,
        stream::<T, Ipmpsc>(capacity)?,
        stream::<T, Socket>(capacity)?,
        stream::<T, Pipe>(capacity)?,
    ];
    // Longer ones they don't take, as systems come.
    if size_of::<T>() <= 8192 {
        alternatives.push(stream::<T, SystemV>(capacity)?);
        alternatives.push(stream::<T, Posix>(capacity)?);
    }
    // Short items in bare memory are written and read faster than their lines cross, in whatever order they happen to.
    if T::IS_READ_IN_PLACE {
        alternatives.push(stream::<T, Memory>(capacity)?);
    }
    // Threads only after all processes are forked.
    alternatives.push(stream_to_thread::<T, Rtrb<T>>(capacity)?);
    alternatives.push(stream_to_thread::<T, Queue<T>>(capacity)?);
    alternatives.push(stream_to_thread::<T, Bounded<T>>(capacity)?);
    Ok(harness::measure(&title, alternatives))
}

/// One item there and one back; both sides look all the time.
fn looking(section: &mut Section) -> Result<()> {
    let title = "there and back, 8 bytes, whoever waits looks again and again";
    if !is_wanted(title) {
        return Ok(());
    }
    let lanes = vec![
        there_and_back::<Word, One<Word, true>>(1)?,
        there_and_back::<Word, Any<Word, true>>(1)?,
        there_and_back::<Word, Iceoryx>(1)?,
        there_and_back::<Word, Line>(1)?,
        there_and_back_by_thread::<Word, Rtrb<Word>>()?,
        there_and_back_by_thread::<Word, Queue<Word>>()?,
    ];
    section.add_timed(title, lanes);
    Ok(())
}

/// The same by whatever each offers for waiting.
fn waiting(section: &mut Section, processor: usize, title: &str) -> Result<()> {
    if !is_wanted(title) {
        return Ok(());
    }
    let lanes = vec![
        there_and_back::<Word, One<Word>>(processor)?,
        there_and_back::<Word, Any<Word>>(processor)?,
        there_and_back::<Word, IceoryxEvents>(processor)?,
        there_and_back::<Word, ShmemIpc<Word>>(processor)?,
        there_and_back::<Word, Ipmpsc>(processor)?,
        there_and_back::<Word, Socket>(processor)?,
        there_and_back::<Word, Pipe>(processor)?,
        there_and_back::<Word, SystemV>(processor)?,
        there_and_back::<Word, Posix>(processor)?,
        there_and_back::<Word, Futex>(processor)?,
    ];
    section.add_timed(title, lanes);
    Ok(())
}

/// Counts them for one item: by one process that does both, so that nobody waits; and to one that sleeps.
fn calls_per_item(section: &mut Section) -> Result<()> {
    let title = "System calls for an item, counted";
    if !is_wanted(title) || UNPINNED.load(Relaxed) {
        return Ok(());
    }
    let mut rows = vec![
        calls_of::<One<Word>>()?,
        calls_of::<Any<Word>>()?,
        calls_of::<IceoryxEvents>()?,
        calls_of::<ShmemIpc<Word>>()?,
        calls_of::<Ipmpsc>()?,
        calls_of::<Socket>()?,
        calls_of::<Pipe>()?,
        calls_of::<SystemV>()?,
        calls_of::<Posix>()?,
    ];
    let looks = vec![<Iceoryx as Lane<Word>>::NAME.to_owned(), calls_alone::<Iceoryx>()?, "never sleeps".to_owned()];
    rows.insert(2, looks);
    section.add_facts(Facts {
        title,
        head: &["", "sent and received, nobody waits", "sent to a receiver that sleeps, both sides"],
        rows,
    });
    Ok(())
}

fn calls_of<L: Lane<Word>>() -> Result<Vec<String>> {
    // One of them is the sleep before it is sent.
    let asleep = calls::count(send_to_sleeper::<Word, L>)? - 1.0;
    Ok(vec![L::NAME.to_owned(), calls_alone::<L>()?, format!("{asleep:.2}")])
}

fn calls_alone<L: Lane<Word>>() -> Result<String> {
    let alone = calls::count(|count| {
        let lane = L::new(16).expect("it can be made");
        let (mut sender, mut receiver) =
            (lane.sender().expect("it can be had"), lane.receiver().expect("it can be had"));
        for number in 0..count {
            sender.send(number);
            assert_eq!(receiver.receive(), number, "an item is lost");
        }
    })?;
    Ok(format!("{alone:.2}"))
}
