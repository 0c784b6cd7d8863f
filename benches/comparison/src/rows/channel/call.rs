//! A request and its answer; both sides sleep meanwhile.

use anyhow::Result;
use ipc_channel::ipc::{self, IpcSender};
use sysv_primitives::Channel;

use super::{Ask, Job, channel, check, job};
use crate::{
    harness::{Kind, gate::Other, is_wanted},
    lanes::{Lines, Socket, SystemV, answered, there_and_back},
    report::Section,
};

pub(super) fn measure(section: &mut Section) -> Result<()> {
    let title = "64 bytes there and back, both sides sleep";
    if !is_wanted(title) {
        return Ok(());
    }
    let served = channel(1 << 20)?;
    let answer = |channel: &Channel| {
        let asked = channel.recv_request::<Ask>().expect("it comes");
        let job = asked.0.clone();
        asked.respond(&job).expect("the caller lives");
    };
    let peer = Other::process(|| |count| (0..count).for_each(|_| answer(&served)));
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
        answered("call, answer", Kind::Ours, peer, |number| {
            check(served.call(&Ask(job(number))).expect("the peer lives").number, number);
        }),
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
