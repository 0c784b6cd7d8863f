//! One that sends, and some that each receive everything.

use std::{
    rc::Rc,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
    thread,
};

use anyhow::{Context, Result};
use sysv_ipc::SharedMemory;

use crate::{
    harness::{self, APART, Alternative, Comparison, Process, is_wanted, objects::memory},
    lanes::{All, Iceoryx, IceoryxEvents, Lane, Lines, Receiver, Sender},
    report::Section,
};

type Line = Lines<1>;

const CAPACITY: usize = 1024;

pub(super) fn measure(section: &mut Section) -> Result<()> {
    let point = |subscribers: u8| anyhow::Ok((f64::from(subscribers), to_each(subscribers)?));
    let points = [1, 4, 8].into_iter().map(point).collect::<Result<_>>()?;
    section.add_family(
        "item",
        "One to all, 64 bytes, by receivers, each of which gets every item",
        "receivers",
        points,
    );
    Ok(())
}

fn to_each(subscribers: u8) -> Result<Option<Comparison>> {
    let title = format!("one to all, items of 64 bytes, {subscribers} receivers");
    if !is_wanted(&title) {
        return Ok(None);
    }
    let subscribers = usize::from(subscribers);
    let alternatives = vec![
        to_all(All::<Line>::new(CAPACITY)?, subscribers)?,
        to_all(Iceoryx::to_all(CAPACITY, subscribers), subscribers)?,
        to_all(IceoryxEvents::to_all(CAPACITY, subscribers), subscribers)?,
    ];
    Ok(harness::measure(&title, alternatives))
}

/// Where a receiver writes how many it has received, and one more as soon as it is there.
fn counter(counters: &SharedMemory, number: usize) -> &AtomicU64 {
    counters.view(APART * number).expect("it fits")
}

/// Waits until each has received so many.
fn wait_for(sent: u64, counters: &SharedMemory, subscribers: usize) {
    while (0..subscribers).any(|number| counter(counters, number).load(Acquire) < sent + 1) {
        thread::yield_now();
    }
}

/// Sends to receivers in processes of their own. An item counts once, however many receive it.
fn to_all<'a, L: Lane<Line> + 'a>(lane: L, subscribers: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let counters = Rc::new(memory(APART * subscribers)?);
    let start = |number: usize| {
        Process::start_on(number + 1, || {
            let mut receiver = lane.receiver().expect("it can be had");
            let counter = counter(&counters, number);
            counter.store(1, Release);
            for expected in 0.. {
                assert_eq!(receiver.receive(), expected, "an item is lost");
                counter.store(expected + 2, Release);
            }
        })
    };
    let receivers: Vec<Process> = (0..subscribers).map(start).collect();
    let mut sender = lane.sender().context(L::NAME)?;
    wait_for(0, &counters, subscribers);
    let mut sent = 0;
    let counted = Rc::clone(&counters);
    let alternative = Alternative::new(L::NAME, move |count| {
        (sent..sent + count).for_each(|number| sender.send(number));
        sent += count;
        wait_for(sent, &counted, subscribers);
    });
    Ok(alternative.kind(L::KIND).keeping((receivers, counters, lane)))
}
