//! The channel beside ipc-channel, a Unix datagram socket with the same codec, and the bare message queues.
//!
//! All between two processes, each pinned to a processor of its own. Every message carries its number, which is
//! checked.

use std::{ffi::CString, os::unix::net::UnixDatagram};

use super::name;
use crate::{
    harness::{Alternative, compare, gate::Other},
    report::Section,
};
use anyhow::{Result, ensure};
use ipc_channel::ipc;
use serde::{Deserialize, Serialize};
use sysv_ipc::{Key, MessageQueueOptions};
use sysv_primitives::{Channel, Options, messages};

/// With a schema number in front it takes 64 bytes.
#[derive(Clone, Serialize, Deserialize)]
struct Job {
    number: u64,
    times: [u64; 4],
    values: [f64; 2],
    kind: u16,
    color: u32,
    is_last: bool,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    number: u64,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

messages! { 1 => Job; 2 => Payload }

fn job(number: u64) -> Job {
    Job {
        number: number | 1 << 40,
        times: [1, 1 << 40, 1 << 50, 1 << 60],
        values: [0.5; 2],
        kind: 7,
        color: 1 << 20,
        is_last: false,
    }
}

fn check(number: u64, expected: u64) {
    assert_eq!(number & !(1 << 40), expected, "a message is lost");
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    small(section)?;
    large(section, 1 << 20)?;
    large(section, 16 << 20)
}

fn channel(largest: usize) -> Result<Channel> {
    Ok(Options::new().largest_message(largest).remove_on_drop(true).create_channel(&name("channel"))?)
}

const CODEC: bincode::config::Configuration = bincode::config::standard();

/// A message of 64 bytes, as the C library sees it.
#[repr(C)]
struct Bare {
    message_type: libc::c_long,
    bytes: [u8; 64],
}

/// A POSIX message queue, which has lost its name.
struct PosixQueue(libc::mqd_t);

impl PosixQueue {
    fn new() -> Result<Self> {
        let name = CString::new(format!("/comparison-{}", std::process::id()))?;
        // SAFETY: zeroes are valid for a structure of integers.
        let mut limits: libc::mq_attr = unsafe { std::mem::zeroed() };
        (limits.mq_maxmsg, limits.mq_msgsize) = (10, 64);
        // SAFETY: the name ends with NUL, and the limits live during the call.
        let queue = unsafe {
            libc::mq_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_RDWR, 0o600, &raw mut limits)
        };
        ensure!(queue >= 0, "mq_open: {}", std::io::Error::last_os_error());
        // SAFETY: as above.
        unsafe { libc::mq_unlink(name.as_ptr()) };
        Ok(Self(queue))
    }
}

fn small(section: &mut Section) -> Result<()> {
    let encoded = bincode::serde::encode_to_vec(job(1), CODEC)?.len() + 4;
    ensure!(encoded == 64, "the message takes {encoded} bytes");
    let channel = channel(1 << 20)?;
    let ours = Other::process(|| {
        |count| (0..count).for_each(|number| check(channel.recv::<Job>().expect("it comes").number, number))
    });
    let queue = MessageQueueOptions::new().open(Key::PRIVATE)?;
    let id = queue.id();
    let bare_peer = Other::process(move || {
        move |count| {
            let mut message = Bare { message_type: 0, bytes: [0; 64] };
            for _ in 0..count {
                // SAFETY: there is room for 64 bytes behind the type.
                assert_eq!(unsafe { libc::msgrcv(id, (&raw mut message).cast(), 64, 1, 0) }, 64);
            }
        }
    });
    let posix = PosixQueue::new()?;
    let posix_peer = Other::process(|| {
        |count| {
            let mut bytes = [0_u8; 64];
            for _ in 0..count {
                // SAFETY: there is room for 64 bytes.
                assert_eq!(
                    unsafe { libc::mq_receive(posix.0, bytes.as_mut_ptr().cast(), 64, std::ptr::null_mut()) },
                    64
                );
            }
        }
    });
    let (to_socket, from_socket) = UnixDatagram::pair()?;
    let socket_peer = Other::process(|| {
        let mut bytes = [0; 1024];
        move |count| {
            for number in 0..count {
                let len = from_socket.recv(&mut bytes).expect("it comes");
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
    section.add(compare(
        "64 bytes, from process to process",
        vec![
            Alternative::new("msgsnd, msgrcv", |count| {
                let message = Bare { message_type: 1, bytes: [1; 64] };
                bare_peer.run(count, || {
                    for _ in 0..count {
                        // SAFETY: the message has 64 bytes behind its type.
                        assert_eq!(unsafe { libc::msgsnd(id, (&raw const message).cast(), 64, 0) }, 0);
                    }
                });
            }),
            Alternative::new("channel", |count| {
                ours.run(count, || {
                    (0..count).for_each(|number| channel.send(&job(number)).expect("the peer lives"));
                });
            }),
            Alternative::new("ipc-channel", |count| {
                ipc_channel_peer.run(count, || {
                    (0..count).for_each(|number| sender.send(job(number)).expect("the peer lives"));
                });
            }),
            Alternative::new("Unix datagram socket, the same codec", |count| {
                socket_peer.run(count, || {
                    for number in 0..count {
                        let len = bincode::serde::encode_into_slice(job(number), &mut bytes, CODEC).expect("it fits");
                        to_socket.send(&bytes[..len]).expect("the peer lives");
                    }
                });
            }),
            Alternative::new("mq_send, mq_receive", |count| {
                posix_peer.run(count, || {
                    for _ in 0..count {
                        // SAFETY: there are 64 bytes.
                        assert_eq!(unsafe { libc::mq_send(posix.0, [1_u8; 64].as_ptr().cast(), 64, 0) }, 0);
                    }
                });
            }),
        ],
    ));
    queue.remove()?;
    Ok(())
}

/// Long messages; ipc-channel has a channel for bytes alone, which it advises for these.
fn large(section: &mut Section, size: usize) -> Result<()> {
    let channel = channel(size + 100)?;
    let ours = Other::process(|| {
        |count| {
            for number in 0..count {
                let payload: Payload = channel.recv().expect("it comes");
                check(payload.number, number);
                assert_eq!(payload.bytes.len(), size);
            }
        }
    });
    let (sender, receiver) = ipc::bytes_channel()?;
    let bytes_peer = Other::process(move || {
        move |count| (0..count).for_each(|_| assert_eq!(receiver.recv().expect("it comes").len(), size))
    });
    let (typed_sender, typed_receiver) = ipc::channel::<Payload>()?;
    let typed_peer = Other::process(move || {
        move |count| (0..count).for_each(|number| check(typed_receiver.recv().expect("it comes").number, number))
    });
    let payload = |number| Payload { number, bytes: vec![1; size] };
    // Whoever sends by reference makes it once.
    let (reused, mut ours_reused) = (payload(0), payload(0));
    section.add(compare(
        &format!("{} MiB, from process to process", size >> 20),
        vec![
            Alternative::new("ipc-channel, bytes", |count| {
                bytes_peer.run(count, || {
                    (0..count).for_each(|_| sender.send(&reused.bytes).expect("the peer lives"));
                });
            }),
            Alternative::new("ipc-channel, typed", |count| {
                typed_peer.run(count, || {
                    (0..count).for_each(|number| typed_sender.send(payload(number)).expect("the peer lives"));
                });
            }),
            Alternative::new("channel", |count| {
                ours.run(count, || {
                    for number in 0..count {
                        ours_reused.number = number;
                        channel.send(&ours_reused).expect("the peer lives");
                    }
                });
            }),
        ],
    ));
    Ok(())
}
