//! The channel beside ipc-channel, a Unix datagram socket with the same codec, and the bare message queues.
//!
//! All between two processes, each pinned to a processor of its own. Every message carries its number, which is
//! checked.

mod alone;
mod any_to_any;
mod call;
mod large;
mod queue;
mod typed;

use std::{os::unix::net::UnixDatagram, time::Duration};

use anyhow::{Result, ensure};
use bincode::config::{Configuration, Fixint, LittleEndian};
use ipc_channel::ipc;
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Request, messages};

use super::name;
use crate::{
    harness::{Alternative, gate::Other, is_wanted, measure as measure_these},
    lanes::{Lines, Posix, SystemV, again, enlarge, stream},
    report::Section,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Encoded it takes 64 bytes.
#[derive(Clone, Serialize, Deserialize)]
struct Job {
    number: u64,
    times: [u64; 4],
    values: [f64; 2],
    kind: u16,
    color: u32,
    is_last: bool,
    level: u8,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    number: u64,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Ask(Job);

impl Request for Ask {
    type Response = Job;
}

/// Eight numbers, which need no encoding.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Plain {
    number: u64,
    rest: [u64; 7],
}

messages! { 1 => Job; 2 => Payload; 3 => Ask; 4 => Plain, codec pod }

fn job(number: u64) -> Job {
    Job {
        number: number | 1 << 40,
        times: [1, 1 << 40, 1 << 50, 1 << 60],
        values: [0.5; 2],
        kind: 7,
        color: 1 << 20,
        is_last: false,
        level: 3,
    }
}

fn payload(size: usize) -> Payload {
    Payload { number: 0, bytes: vec![1; size] }
}

fn check(number: u64, expected: u64) {
    assert_eq!(number & !(1 << 40), expected, "a message is lost");
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    one_way(section)?;
    any_to_any::measure(section)?;
    queue::measure(section)?;
    call::measure(section)?;
    large::measure(section, 1 << 20)?;
    large::measure(section, 16 << 20)?;
    alone::measure(section)?;
    super::fates::of_channel(section)
}

fn channel(largest: usize) -> Result<Channel> {
    Ok(Channel::options().max_message_size(largest).remove_on_drop(true).create(&name("channel"))?)
}

/// As the channel has it.
const CODEC: Configuration<LittleEndian, Fixint> = bincode::config::standard().with_fixed_int_encoding();

fn one_way(section: &mut Section) -> Result<()> {
    let title = "64 bytes, from process to process";
    if !is_wanted(title) {
        return Ok(());
    }
    let encoded = bincode::serde::encode_to_vec(job(1), CODEC)?.len();
    ensure!(encoded == 64, "the message takes {encoded} bytes");
    let (channel, timed, plain) = (channel(1 << 20)?, channel(1 << 20)?, channel(1 << 20)?);
    let ours = Other::process(|| {
        |count| (0..count).for_each(|number| check(channel.recv::<Job>().expect("it comes").number, number))
    });
    let timed_peer = Other::process(|| {
        let receive = || timed.recv_timeout::<Job>(PATIENCE).expect("it comes").number;
        move |count| (0..count).for_each(|number| check(receive(), number))
    });
    let plain_peer = Other::process(|| {
        |count| (0..count).for_each(|number| check(plain.recv::<Plain>().expect("it comes").number, number))
    });
    let (to_socket, from_socket) = UnixDatagram::pair()?;
    enlarge(&to_socket)?;
    let socket_peer = Other::process(|| {
        let mut bytes = [0; 1024];
        move |count| {
            for number in 0..count {
                let len = again(|| from_socket.recv(&mut bytes));
                let (job, _): (Job, usize) =
                    bincode::serde::decode_from_slice(&bytes[..len], CODEC).expect("it is one");
                check(job.number, number);
            }
        }
    });
    let (sender, receiver) = ipc::channel::<Job>()?;
    let ipc_channel_peer = Other::process(move || {
        move |count| (0..count).for_each(|number| check(receiver.recv().expect("it comes").number, number))
    });
    let mut bytes = [0; 1024];
    let send = |channel: &Channel, count| {
        (0..count).for_each(|number| channel.send(&job(number)).expect("the peer lives"));
    };
    let alternatives = vec![
        Alternative::new("channel", |count| ours.run(count, || send(&channel, count))).ours(),
        Alternative::new("channel, recv_timeout", |count| timed_peer.run(count, || send(&timed, count))).ours(),
        Alternative::new("channel, codec pod", |count| {
            plain_peer.run(count, || {
                (0..count).for_each(|number| plain.send(&Plain { number, rest: [number; 7] }).expect("the peer lives"));
            });
        })
        .ours(),
        Alternative::new("ipc-channel", |count| {
            ipc_channel_peer.run(count, || {
                (0..count).for_each(|number| sender.send(job(number)).expect("the peer lives"));
            });
        }),
        Alternative::new("Unix datagram socket, the same codec", |count| {
            socket_peer.run(count, || {
                for number in 0..count {
                    let len = bincode::serde::encode_into_slice(job(number), &mut bytes, CODEC).expect("it fits");
                    again(|| to_socket.send(&bytes[..len]));
                }
            });
        }),
        stream::<Lines<1>, Posix>(10)?,
        // The same 64 bytes without types: what the kernel allows.
        stream::<Lines<1>, SystemV>(10)?.limit(),
    ];
    section.add("message", measure_these(title, alternatives));
    Ok(())
}
