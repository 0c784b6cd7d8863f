//! Many that send, and as many that receive.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    thread,
};

use anyhow::Result;
use sysv_ipc::SharedMemory;

use super::super::own::Own;
use crate::{
    harness::{self, APART, Alternative, Comparison, Crowd, Process, is_wanted, objects::memory, pin},
    lanes::{Any, Bounded, Datagrams, Lane, Lines, Posix, Receiver, Sender, SystemV},
    report::Section,
};

type Line = Lines<1>;

const CAPACITY: usize = 1024;

pub(super) fn measure(section: &mut Section) -> Result<()> {
    let point = |each: u8| anyhow::Ok((f64::from(2 * each), of_each(each)?));
    let points = [1, 2, 4, 8].into_iter().map(point).collect::<Result<_>>()?;
    section.add_family("item", "Any to any, 64 bytes, by processes, half of which send", "processes", points);
    Ok(())
}

fn of_each(each: u8) -> Result<Option<Comparison>> {
    let title = format!("any to any, items of 64 bytes, {each} to {each} processes");
    if !is_wanted(&title) {
        return Ok(None);
    }
    let each = usize::from(each);
    let alternatives = vec![
        processes::<Any<Line>>(each)?,
        processes::<SystemV>(each)?,
        processes::<Posix>(each)?,
        processes::<Datagrams>(each)?,
        // Threads only after all processes are forked.
        threads::<Bounded<Line>>(each)?,
    ];
    Ok(harness::measure(&title, alternatives))
}

/// Where a receiver writes how many it has received.
fn counter(counters: &SharedMemory, number: usize) -> &AtomicU64 {
    counters.view(APART * number).expect("it fits")
}

/// Waits until so many have been received.
fn wait_for(sent: u64, counters: &SharedMemory, each: usize) {
    while (0..each).map(|number| counter(counters, number).load(Acquire)).sum::<u64>() < sent {
        thread::yield_now();
    }
}

/// So many processes send without end, and as many receive.
pub(in crate::rows) fn processes<'a, L: Lane<Line> + 'a>(each: usize) -> Result<Alternative<'a>>
where
    L::Sender: 'a,
{
    let lane = Rc::new(L::new(CAPACITY)?);
    let counters = memory(APART * each)?;
    let start = |number: usize| {
        Process::start_on(number + 1, || {
            let mut receiver = lane.receiver().expect("it can be had");
            let counter = counter(&counters, number);
            for received in 1.. {
                receiver.receive();
                counter.store(received, Release);
            }
        })
    };
    let receivers: Vec<Process> = (0..each).map(start).collect();
    let own = Own::left_alone();
    let sending = Rc::clone(&lane);
    let send = move || own.with(|| sending.sender().expect("it can be had"), |sender: &mut L::Sender| sender.send(0));
    let crowd = Crowd::start(each, &send);
    let mut sent = 0;
    let alternative = Alternative::new(L::NAME, move |count| {
        sent += crowd.run(count, &send);
        wait_for(sent, &counters, each);
    });
    Ok(alternative.kind(L::KIND).keeping((receivers, lane)))
}

/// Says to a receiver that nothing more comes.
const END: u64 = u64::MAX;

/// Receivers in threads, which end at a last item.
struct Receivers<S: Sender> {
    sender: S,
    threads: Vec<thread::JoinHandle<()>>,
}

impl<S: Sender> Drop for Receivers<S> {
    fn drop(&mut self) {
        self.threads.iter().for_each(|_| self.sender.send(END));
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// The same between threads of one process.
fn threads<'a, L: Lane<Line>>(each: usize) -> Result<Alternative<'a>>
where
    L::Sender: Clone + Send + 'static,
    L::Receiver: Send + 'static,
{
    let lane = L::new(CAPACITY)?;
    let counters = Arc::new(memory(APART * each)?);
    let start = |number| {
        let (mut receiver, counters) = (lane.receiver()?, Arc::clone(&counters));
        anyhow::Ok(thread::spawn(move || {
            pin(number + 1);
            let counter = counter(&counters, number);
            let mut received = 0;
            while receiver.receive() != END {
                received += 1;
                counter.store(received, Release);
            }
        }))
    };
    let threads = (0..each).map(start).collect::<Result<_>>()?;
    let sender = lane.sender()?;
    let send = {
        let sender = sender.clone();
        move || {
            let sender = RefCell::new(sender.clone());
            move || sender.borrow_mut().send(0)
        }
    };
    let crowd = Crowd::start_threads(each, &send);
    let own = send();
    let mut sent = 0;
    let alternative = Alternative::new(L::NAME, move |count| {
        sent += crowd.run(count, &own);
        wait_for(sent, &counters, each);
    });
    Ok(alternative.kind(L::KIND).keeping(Receivers { sender, threads }))
}
