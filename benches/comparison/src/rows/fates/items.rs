//! What becomes of items, messages and values when a receiver is killed or stopped.

use std::{
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sysv_primitives::{Barrier, BarrierError, Channel, Mutex, OnceLock, Watch, messages, mpmc};

use super::{Made, OF_ITEMS, OF_NEWS, Said, Subject, add, made};
use crate::{
    harness::{
        Kind::{Ours, Rival},
        PosixBarrier, PosixCondition,
        objects::memory,
    },
    lanes::{Datagrams, Lane, Lines, Posix, Receiver, Sender, SystemV},
    report::Section,
    rows::name,
};

#[derive(Serialize, Deserialize)]
struct Job(u64);
messages! { 1 => Job }

type Line = Lines<1>;

pub(in crate::rows) fn of_rings(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::empty(Ours, "mpmc ring, claim", ring),
        Subject::empty(Rival, "System V message queue", lane::<SystemV>),
        Subject::empty(Rival, "POSIX message queue", lane::<Posix>),
        Subject::empty(Rival, "Unix datagram socket", lane::<Datagrams>),
    ];
    add(section, "A process is killed or stopped: receivers of items", OF_ITEMS, &subjects)
}

pub(in crate::rows) fn of_channel(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::empty(Ours, "channel, claim", || channel(true)),
        Subject::empty(Ours, "channel, recv", || channel(false)),
        Subject::empty(Rival, "System V message queue", lane::<SystemV>),
        Subject::empty(Rival, "POSIX message queue", lane::<Posix>),
    ];
    add(section, "A process is killed or stopped: receivers of messages", OF_ITEMS, &subjects)
}

pub(in crate::rows) fn of_conditions(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::empty(Ours, "wait_while", condition),
        Subject::empty(Rival, "pthread condition, process-shared", posix_condition),
    ];
    add(section, "A process is killed or stopped: waiters for a condition", OF_NEWS, &subjects)
}

pub(in crate::rows) fn of_watch(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::empty(Ours, "Watch", watch),
        Subject::empty(Rival, "pthread condition variable, process-shared", posix_condition),
    ];
    add(section, "A process is killed or stopped: waiters for a value", OF_NEWS, &subjects)
}

pub(in crate::rows) fn of_once(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::empty(Ours, "OnceLock", once),
        Subject::empty(Rival, "pthread condition variable, process-shared", posix_condition),
    ];
    add(section, "A process is killed or stopped: waiters for the first value", OF_NEWS, &subjects)
}

pub(in crate::rows) fn of_barrier(section: &mut Section) -> Result<()> {
    let subjects = [
        Subject::empty(Ours, "Barrier", barrier),
        Subject::empty(Rival, "pthread barrier, process-shared", posix_barrier),
    ];
    add(section, "One of 3 processes is killed or stopped while it waits", OF_NEWS, &subjects)
}

fn ring<'a>() -> Result<Made<'a>> {
    let ring = Rc::new(mpmc::Ring::<u64>::options().remove_on_drop(true).create(&name("fate"), 16)?);
    let producer = ring.producer()?;
    let take = move || {
        let consumer = ring.consumer().expect("it can be had");
        std::mem::forget(consumer.claim().expect("it comes"));
        std::mem::forget(consumer);
        Said::Nothing
    };
    Ok(made(take, move || producer.push(1).expect("there is room")))
}

fn lane<'a, L: Lane<Line> + 'a>() -> Result<Made<'a>> {
    let lane = Rc::new(L::new(8)?);
    let giving = Rc::clone(&lane);
    let take = move || {
        lane.receiver().expect("it can be had").receive();
        Said::Nothing
    };
    Ok(made(take, move || giving.sender().expect("it can be had").send(0)))
}

fn channel<'a>(is_claimed: bool) -> Result<Made<'a>> {
    let channel = Rc::new(Channel::options().remove_on_drop(true).create(&name("fate"))?);
    let giving = Rc::clone(&channel);
    let take = move || {
        match is_claimed {
            true => std::mem::forget(channel.claim::<Job>().expect("it comes")),
            false => assert_eq!(channel.recv::<Job>().expect("it comes").0, 1),
        }
        Said::Nothing
    };
    Ok(made(take, move || giving.send(&Job(1)).expect("there is room")))
}

fn condition<'a>() -> Result<Made<'a>> {
    let mutex = Rc::new(Mutex::options().remove_on_drop(true).create(&name("fate"), 0_u64)?);
    let giving = Rc::clone(&mutex);
    let take = move || {
        let guard = mutex.lock().expect("it is there");
        drop(guard.wait_while(|value| *value == 0).expect("it is there"));
        Said::Nothing
    };
    Ok(made(take, move || *giving.lock().expect("it is there") = 1))
}

fn posix_condition<'a>() -> Result<Made<'a>> {
    let memory = Rc::new(memory(4096)?);
    let condition = PosixCondition::new(&memory, 0);
    let giving = Rc::clone(&memory);
    let place = PosixCondition::SIZE.next_multiple_of(8);
    let take = move || {
        let word: &AtomicU32 = memory.view(place).expect("it fits");
        condition.wait_until(|| word.load(Relaxed) != 0);
        Said::Nothing
    };
    let give = move || {
        let word: &AtomicU32 = giving.view(place).expect("it fits");
        condition.change(|| word.store(1, Relaxed));
    };
    Ok(made(take, give))
}

fn watch<'a>() -> Result<Made<'a>> {
    let watch = Rc::new(Watch::options().remove_on_drop(true).create(&name("fate"), 0_u64)?);
    let giving = Rc::clone(&watch);
    let take = move || {
        watch.wait_for(|value| *value != 0).expect("it is there");
        Said::Nothing
    };
    Ok(made(take, move || giving.set(1).expect("it is there")))
}

fn once<'a>() -> Result<Made<'a>> {
    let once = Rc::new(OnceLock::<u64>::options().remove_on_drop(true).create(&name("fate"))?);
    let giving = Rc::clone(&once);
    let take = move || {
        once.wait().expect("it is there");
        Said::Nothing
    };
    Ok(made(take, move || giving.set(1).expect("it is empty")))
}

fn barrier<'a>() -> Result<Made<'a>> {
    let barrier = Rc::new(Barrier::options().remove_on_drop(true).create(&name("fate"), 3)?);
    let giving = Rc::clone(&barrier);
    let take = move || match barrier.wait() {
        Ok(_) => Said::Nothing,
        Err(BarrierError::Broken { .. }) => Said::Death,
        Err(error) => panic!("{error}"),
    };
    // If it was broken, this one is the first of the next generation.
    Ok(made(take, move || _ = giving.wait_timeout(Duration::from_millis(100))))
}

fn posix_barrier<'a>() -> Result<Made<'a>> {
    let memory = memory(4096)?;
    let barrier = PosixBarrier::new(&memory, 0, 3);
    let take = move || {
        let _ = &memory;
        barrier.wait();
        Said::Nothing
    };
    Ok(made(take, move || barrier.wait()))
}
