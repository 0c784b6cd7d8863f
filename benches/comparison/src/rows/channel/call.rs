//! A request and its answer: as fast as it goes, beside what the processors need for it, and with pauses.

use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;
use ipc_channel::ipc::{self, IpcSender};
use sysv_primitives::Channel;

use super::{Ask, Job, channel, check, job};
use crate::{
    harness::{Kind, UNPINNED, gate::Other, is_wanted},
    lanes::{Lines, Paused, Socket, SystemV, answered, line_there_and_back, paused, there_and_back},
    report::Section,
    timed::Timed,
};

/// As many trips of a cache line as a call may take.
const TRIPS: u64 = 12;

pub(super) fn measure(section: &mut Section) -> Result<()> {
    sleeping(section)?;
    beside_lines(section)?;
    with_pauses(section)
}

/// Takes a request and answers it, after this.
fn answer(channel: &Channel, before: impl FnOnce()) {
    let asked = channel.recv_request::<Ask>().expect("it comes");
    before();
    let job = asked.0.clone();
    asked.respond(&job).expect("the caller lives");
}

fn call(channel: &Channel, number: u64) {
    check(channel.call(&Ask(job(number))).expect("the peer lives").number, number);
}

fn calls<'a>() -> Result<Timed<'a>> {
    let served = channel(1 << 20)?;
    let peer = Other::process(|| |count| (0..count).for_each(|_| answer(&served, || ())));
    Ok(answered("call, answer", Kind::Ours, peer, move |number| call(&served, number)))
}

fn beside_lines(section: &mut Section) -> Result<()> {
    let title = format!("a call, and {TRIPS} trips of a cache line");
    // Two that spin on one processor, where the kernel may place them, measure its time slices.
    if is_wanted(&title) && !UNPINNED.load(Relaxed) {
        section.add_timed("call and answer", &title, vec![calls()?, line_there_and_back(TRIPS)?]);
    }
    Ok(())
}

/// The server sleeps when a call comes, and the caller sleeps when the answer comes.
fn with_pauses(section: &mut Section) -> Result<()> {
    let title = "a call after 200 µs, answered after 100 µs, both sides asleep";
    if !is_wanted(title) {
        return Ok(());
    }
    let (served, pauses) = (channel(1 << 20)?, Paused::new()?);
    let peer = Other::process(|| |count| (0..count).for_each(|_| answer(&served, || pauses.work())));
    let lanes = vec![
        pauses.calls("call, answer", Kind::Ours, peer, move |number| call(&served, number)),
        paused::<Lines<1>, Socket>()?,
        // The same 64 bytes without types and without news of deaths: what the kernel allows.
        paused::<Lines<1>, SystemV>()?.limit(),
    ];
    section.add_timed("call and answer, beyond the pauses", title, lanes);
    Ok(())
}

fn sleeping(section: &mut Section) -> Result<()> {
    let title = "64 bytes there and back, both sides sleep";
    if !is_wanted(title) {
        return Ok(());
    }
    // As its documentation does: the request brings the channel for the answer, which is made once.
    let (ask, asked) = ipc::channel::<(Job, Option<IpcSender<Job>>)>()?;
    let ipc_channel_peer = Other::process(move || {
        let mut back: Option<IpcSender<Job>> = None;
        move |count| {
            for _ in 0..count {
                let (job, way) = asked.recv().expect("it comes");
                back = way.or(back.take());
                back.as_ref().expect("the first brought it").send(job).expect("the caller lives");
            }
        }
    });
    let (way, answers) = ipc::channel::<Job>()?;
    let mut way = Some(way);
    let lanes = vec![
        calls()?,
        answered("ipc-channel, there and back", Kind::Rival, ipc_channel_peer, |number| {
            ask.send((job(number), way.take())).expect("the peer lives");
            check(answers.recv().expect("the peer lives").number, number);
        }),
        there_and_back::<Lines<1>, Socket>(1)?,
        // The same 64 bytes without types and without news of deaths: what the kernel allows.
        there_and_back::<Lines<1>, SystemV>(1)?.limit(),
    ];
    section.add_timed("call and answer", title, lanes);
    Ok(())
}
