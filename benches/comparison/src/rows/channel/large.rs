//! Long messages; ipc-channel has a channel for bytes alone, and shared memory, which it advises for these.
//!
//! The sender makes the bytes once. The receiver reads all of them, wherever they lie.

use std::{
    hint::black_box,
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use anyhow::Result;
use ipc_channel::ipc::{self, IpcSender, IpcSharedMemory};
use serde::{Deserialize, Serialize};

use super::{Payload, channel, check, payload};
use crate::{
    harness::{Alternative, gate::Other, is_wanted, measure as measure_these},
    lanes::enlarge,
    report::Section,
};

/// The same message by reference.
#[derive(Serialize, Deserialize)]
struct Lent<'a> {
    number: u64,
    #[serde(borrow, with = "serde_bytes")]
    bytes: &'a [u8],
}

/// Reads all bytes.
fn read(bytes: &[u8], size: usize) {
    assert_eq!(bytes.len(), size, "a message is cut");
    let (words, _) = bytes.as_chunks();
    let sum = words.iter().fold(0_u64, |sum, &word| sum ^ u64::from_ne_bytes(word));
    black_box(sum);
}

pub(super) fn measure(section: &mut Section, size: usize) -> Result<()> {
    let title = format!("{} MiB, from process to process", size >> 20);
    if !is_wanted(&title) {
        return Ok(());
    }
    let payload = payload(size);
    let bytes = payload.bytes.as_slice();
    let alternatives = vec![ours(size)?, shared_memory(bytes)?, bytes_alone(bytes)?, typed(bytes)?, socket(bytes)?];
    section.add("message", measure_these(&title, alternatives));
    Ok(())
}

fn ours<'a>(size: usize) -> Result<Alternative<'a>> {
    let channel = channel(size + 100)?;
    let peer = Other::process(|| {
        |count| {
            for number in 0..count {
                let payload: Payload = channel.recv().expect("it comes");
                check(payload.number, number);
                read(&payload.bytes, size);
            }
        }
    });
    let mut payload = payload(size);
    Ok(Alternative::new("channel", move |count| {
        peer.run(count, || {
            for number in 0..count {
                payload.number = number;
                channel.send(&payload).expect("the peer lives");
            }
        });
    })
    .ours())
}

/// Each message is shared memory of its own, which the receiver doesn't copy.
fn shared_memory(bytes: &[u8]) -> Result<Alternative<'_>> {
    let (sender, receiver) = ipc::channel::<(u64, IpcSharedMemory)>()?;
    let size = bytes.len();
    let peer = Other::process(move || {
        move |count| {
            for expected in 0..count {
                let (number, bytes) = receiver.recv().expect("it comes");
                check(number, expected);
                read(&bytes, size);
            }
        }
    });
    Ok(Alternative::new("ipc-channel, shared memory", move |count| {
        peer.run(count, || {
            for number in 0..count {
                sender.send((number, IpcSharedMemory::from_bytes(bytes))).expect("the peer lives");
            }
        });
    }))
}

fn bytes_alone(bytes: &[u8]) -> Result<Alternative<'_>> {
    let (sender, receiver) = ipc::bytes_channel()?;
    let size = bytes.len();
    let peer =
        Other::process(move || move |count| (0..count).for_each(|_| read(&receiver.recv().expect("it comes"), size)));
    Ok(Alternative::new("ipc-channel, bytes", move |count| {
        peer.run(count, || (0..count).for_each(|_| sender.send(bytes).expect("the peer lives")));
    }))
}

fn typed(bytes: &[u8]) -> Result<Alternative<'_>> {
    let (sender, receiver) = ipc::channel::<Payload>()?;
    let size = bytes.len();
    let peer = Other::process(move || {
        move |count| {
            for number in 0..count {
                let payload = receiver.recv().expect("it comes");
                check(payload.number, number);
                read(&payload.bytes, size);
            }
        }
    });
    let sender: IpcSender<Lent<'_>> = sender.to_opaque().to();
    Ok(Alternative::new("ipc-channel, typed", move |count| {
        peer.run(count, || {
            (0..count).for_each(|number| sender.send(Lent { number, bytes }).expect("the peer lives"));
        });
    }))
}

fn socket(bytes: &[u8]) -> Result<Alternative<'_>> {
    let (mut to, mut from) = UnixStream::pair()?;
    enlarge(&to)?;
    let size = bytes.len();
    let peer = Other::process(move || {
        move |count| {
            for _ in 0..count {
                // As much is allocated for each message as the others do.
                let mut bytes = vec![0; size];
                from.read_exact(&mut bytes).expect("it comes");
                read(&bytes, size);
            }
        }
    });
    Ok(Alternative::new("Unix stream socket, bytes", move |count| {
        peer.run(count, || (0..count).for_each(|_| to.write_all(bytes).expect("the peer lives")));
    }))
}
