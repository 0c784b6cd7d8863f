//! The rings: streams of items by size, single items there and back, and crowds of processes.

pub(super) mod any_to_any;
mod one_to_all;

use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;

use crate::{
    calls,
    harness::{self, Comparison, Kind, UNPINNED, is_wanted},
    lanes::{
        Any, Bounded, Futex, Iceoryx, IceoryxEvents, Ipmpsc, Item, Lane, Line, Lines, Memory, One, Pipe, Posix, Queue,
        Receiver, Rtrb, Sender, ShmemIpc, Socket, SystemV, Word, send_to_sleeper, stream, stream_to_thread,
        there_and_back, there_and_back_by_thread,
    },
    report::{Cell, Fact, Section},
};

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    let streams = vec![
        (8.0, streams::<Word>()?),
        (64.0, streams::<Lines<1>>()?),
        (512.0, streams::<Lines<8>>()?),
        (4096.0, streams::<Lines<64>>()?),
        (65536.0, streams::<Lines<1024>>()?),
    ];
    section.add_family("item", "One to one, by size of item", "bytes", streams);
    looking(section)?;
    waiting(section, 1, "there and back, 8 bytes, each waits in its own way")?;
    if !UNPINNED.load(Relaxed) {
        waiting(section, 0, "there and back, 8 bytes, on one processor, both sides sleep")?;
    }
    any_to_any::measure(section)?;
    one_to_all::measure(section)?;
    super::fates::of_rings(section)?;
    super::fates::of_ends(section)?;
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

/// One item there and one back. Both sides spin.
fn looking(section: &mut Section) -> Result<()> {
    let title = "there and back, 8 bytes, both sides spin";
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
    section.add_timed("trip there and back", title, lanes);
    Ok(())
}

/// The same by the way of waiting that each offers.
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
    section.add_timed("trip there and back", title, lanes);
    Ok(())
}

/// Counts them for one item: in one process that sends and receives, and in two of which the receiver sleeps.
fn calls_per_item(section: &mut Section) -> Result<()> {
    let title = "System calls for an item";
    if !is_wanted(title) {
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
    let spinning = vec![calls_alone::<Iceoryx>()?, "never sleeps".into()];
    rows.insert(2, Fact::new(<Iceoryx as Lane<Word>>::NAME, Kind::Rival, spinning));
    section.add_facts(
        title,
        &["system calls, one process sends and receives", "system calls, the receiver sleeps"],
        rows,
    );
    Ok(())
}

fn calls_of<L: Lane<Word>>() -> Result<Fact> {
    // One of them is the sleep before it is sent.
    let asleep = calls::count(send_to_sleeper::<Word, L>)? - 1.0;
    Ok(Fact::new(L::NAME, L::KIND, vec![calls_alone::<L>()?, asleep.into()]))
}

fn calls_alone<L: Lane<Word>>() -> Result<Cell> {
    let alone = calls::count(|count| {
        let lane = L::new(16).expect("it can be made");
        let (mut sender, mut receiver) =
            (lane.sender().expect("it can be had"), lane.receiver().expect("it can be had"));
        for number in 0..count {
            sender.send(number);
            assert_eq!(receiver.receive(), number, "an item is lost");
        }
    })?;
    Ok(alone.into())
}
