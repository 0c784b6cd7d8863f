//! Long messages. The crate ipc-channel has a channel for bytes alone, and shared memory, which it advises for these.
//!
//! The sender makes the bytes once. The receiver reads all of them, wherever they lie.

use std::{
    hint::black_box,
    io::{Read, Write},
    os::unix::net::UnixStream,
    rc::Rc,
    sync::atomic::Ordering::Relaxed,
};

use anyhow::Result;
use ipc_channel::ipc::{self, IpcSender, IpcSharedMemory};
use serde::{Deserialize, Serialize};

use super::{Payload, channel, check, payload};
use crate::{
    harness::{Alternative, UNPINNED, gate::Other, is_wanted, measure as measure_these, objects},
    lanes::{Lane, Line, Receiver, Sender, enlarge},
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
    let mut alternatives = vec![ours(size)?, shared_memory(bytes)?, bytes_alone(bytes)?, typed(bytes)?, socket(bytes)?];
    // Two that spin on one processor, where the kernel may place them, measure its time slices.
    if !UNPINNED.load(Relaxed) {
        alternatives.push(memory(bytes)?);
    }
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

/// What has to be copied at least: once in, and once out, in turn. A cache line each way says that it was done.
fn memory(bytes: &[u8]) -> Result<Alternative<'_>> {
    let size = bytes.len();
    let memory = Rc::new(objects::memory(size)?);
    let (there, back) = (Line::new(1)?, Line::new(1)?);
    let peer = Other::process(|| {
        let (mut come, mut done) = (there.receiver().expect("it can be had"), back.sender().expect("it can be had"));
        let (memory, mut out) = (&memory, vec![0_u8; size]);
        move |count| {
            for number in 0..count {
                check(come.receive(), number);
                // SAFETY: both have so many bytes, and the sender waits until the line says that they were copied.
                #[allow(unsafe_code, reason = "the limit is reached by address")]
                unsafe {
                    memory.as_mut_ptr().copy_to_nonoverlapping(out.as_mut_ptr(), size);
                }
                done.send(number);
                read(&out, size);
            }
        }
    });
    let (mut come, mut done) = (there.sender()?, back.receiver()?);
    let run = move |count| {
        peer.run(count, || {
            for number in 0..count {
                // SAFETY: both have so many bytes, and the receiver waits until the line says that they are there.
                #[allow(unsafe_code, reason = "the limit is reached by address")]
                unsafe {
                    memory.as_mut_ptr().copy_from_nonoverlapping(bytes.as_ptr(), size);
                }
                come.send(number);
                check(done.receive(), number);
            }
        });
    };
    Ok(Alternative::new("one memcpy in, one out, in turn", run).limit())
}
