//! The channel beside the bare system calls, and beside `memcpy`. Rivals are in `comparison/`.
#![allow(unsafe_code, reason = "the system is called directly")]

mod harness;

use std::{hint::black_box, time::Duration};

use harness::{Alternative, compare, gate::Other};
use serde::{Deserialize, Serialize};
use sysv_ipc::{Key, MessageQueue, MessageQueueOptions, SharedMemory, SharedMemoryOptions};
use sysv_primitives::{Channel, Error, Options, Request, Route, messages};

/// What a typed message may be like; as [`fields`] has it, it takes 32 bytes with its schema number.
#[derive(Serialize, Deserialize)]
struct Fields {
    number: u64,
    time: u64,
    value: f64,
    kind: u8,
    is_last: bool,
}

fn fields() -> Fields {
    Fields { number: u64::MAX, time: 1 << 60, value: 0.5, kind: 3, is_last: false }
}

#[derive(Serialize, Deserialize)]
struct Job(Fields);

#[derive(Serialize, Deserialize)]
struct Ask(Fields);

#[derive(Serialize, Deserialize)]
struct Payload(#[serde(with = "serde_bytes")] Vec<u8>);

messages! { 1 => Job; 2 => Ask; 3 => Payload }

impl Request for Ask {
    type Answer = Fields;
}

const PATIENCE: Duration = Duration::from_secs(60);

fn named(largest: usize) -> Channel {
    let name = format!("bench-channel-{}-{:x}", std::process::id(), fastrand::u32(..));
    Options::new().largest_message(largest).remove_on_drop(true).create_channel(&name).expect("the name is ours")
}

/// A queue that is removed in the end.
struct Queue(MessageQueue);

impl Queue {
    fn new() -> Self {
        Self(MessageQueueOptions::new().open(Key::PRIVATE).expect("a queue can be had"))
    }

    fn channel(&self) -> Channel {
        Channel::new(self.0.clone()).expect("the queue is there")
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

/// A message of 32 bytes, as the C library sees it.
#[repr(C)]
struct Bare {
    message_type: libc::c_long,
    bytes: [u8; 32],
}

fn send_bare(queue: &Queue, message_type: libc::c_long) {
    let message = Bare { message_type, bytes: [1; 32] };
    // SAFETY: the message has 32 bytes behind its type.
    assert_eq!(unsafe { libc::msgsnd(queue.0.id(), (&raw const message).cast(), 32, 0) }, 0);
}

fn receive_bare(queue: &Queue, message_type: libc::c_long) {
    let mut message = Bare { message_type: 0, bytes: [0; 32] };
    // SAFETY: there is room for 32 bytes behind the type.
    assert_eq!(unsafe { libc::msgrcv(queue.0.id(), (&raw mut message).cast(), 32, message_type, 0) }, 32);
    black_box(&mut message);
}

fn main() -> Result<(), Error> {
    one_way();
    alone();
    there_and_back();
    large(1 << 20);
    large(16 << 20);
    [10, 100, 1000].into_iter().try_for_each(behind)
}

/// Small messages from process to process.
fn one_way() {
    let (bare, under_plain) = (Queue::new(), Queue::new());
    let plain = under_plain.channel();
    let (whole, timed, heard) = (named(1 << 20), named(1 << 20), named(1 << 20));
    let bare_peer = Other::process(|| |count| (0..count).for_each(|_| receive_bare(&bare, 1)));
    let receiving = |channel: &Channel| {
        let channel = channel.clone();
        Other::process(move || {
            move |count| {
                (0..count).for_each(|_| {
                    black_box(channel.recv::<Job>().expect("it comes"));
                })
            }
        })
    };
    let (plain_peer, whole_peer) = (receiving(&plain), receiving(&whole));
    let timed_peer = Other::process(|| {
        |count| {
            (0..count).for_each(|_| {
                black_box(timed.recv_timeout::<Job>(PATIENCE).expect("it comes"));
            })
        }
    });
    let heard_peer = Other::process(|| {
        let receiver = heard.receiver().expect("it can be had");
        move |count| {
            (0..count).for_each(|_| {
                black_box(receiver.recv::<Job>().expect("it comes"));
            })
        }
    });
    let send =
        |channel: &Channel, count| (0..count).for_each(|_| channel.send(&Job(fields())).expect("the peer lives"));
    compare(
        "32 bytes, send to recv, from process to process",
        vec![
            Alternative::new("msgsnd, msgrcv", |count| {
                bare_peer.run(count, || (0..count).for_each(|_| send_bare(&bare, 1)));
            }),
            Alternative::new("channel over a plain queue", |count| plain_peer.run(count, || send(&plain, count))),
            Alternative::new("named channel", |count| whole_peer.run(count, || send(&whole, count))),
            Alternative::new("named channel, recv_timeout", |count| timed_peer.run(count, || send(&timed, count))),
            Alternative::new("named channel, Receiver", |count| heard_peer.run(count, || send(&heard, count))),
        ],
    );
}

/// The same in one process, where nobody sleeps.
fn alone() {
    let (bare, under_plain) = (Queue::new(), Queue::new());
    let (plain, whole) = (under_plain.channel(), named(1 << 20));
    let receiver = whole.receiver().expect("it can be had");
    let send = |channel: &Channel| channel.send(&Job(fields())).expect("there is room");
    compare(
        "32 bytes, send and recv, in one process",
        vec![
            Alternative::new("msgsnd, msgrcv", |count| {
                (0..count).for_each(|_| {
                    send_bare(&bare, 1);
                    receive_bare(&bare, 1);
                });
            }),
            Alternative::new("channel over a plain queue", |count| {
                (0..count).for_each(|_| {
                    send(&plain);
                    black_box(plain.recv::<Job>().expect("it is there"));
                });
            }),
            Alternative::new("named channel", |count| {
                (0..count).for_each(|_| {
                    send(&whole);
                    black_box(whole.recv::<Job>().expect("it is there"));
                });
            }),
            Alternative::new("named channel, recv_timeout", |count| {
                (0..count).for_each(|_| {
                    send(&whole);
                    black_box(whole.recv_timeout::<Job>(PATIENCE).expect("it is there"));
                });
            }),
            Alternative::new("named channel, Receiver", |count| {
                (0..count).for_each(|_| {
                    send(&whole);
                    black_box(receiver.recv::<Job>().expect("it is there"));
                });
            }),
        ],
    );
}

/// A request and its answer; both sides sleep meanwhile.
fn there_and_back() {
    let (there, back) = (Queue::new(), Queue::new());
    let (channel, heard) = (named(1 << 20), named(1 << 20));
    let bare_peer = Other::process(|| {
        |count| {
            (0..count).for_each(|_| {
                receive_bare(&there, 1);
                send_bare(&back, 1);
            });
        }
    });
    let answer = |channel: &Channel| {
        let asked = channel.recv_request::<Ask>().expect("it comes");
        asked.answer(&fields()).expect("the caller lives");
    };
    let peer = Other::process(|| |count| (0..count).for_each(|_| answer(&channel)));
    let heard_peer = Other::process(|| {
        let receiver = heard.receiver().expect("it can be had");
        move |count| (0..count).for_each(|_| answer(&receiver))
    });
    let call = |channel: &Channel, count| {
        (0..count).for_each(|_| {
            black_box(channel.call(&Ask(fields())).expect("the peer lives"));
        });
    };
    compare(
        "32 bytes there and back, both sides sleep",
        vec![
            Alternative::new("msgsnd and msgrcv, twice", |count| {
                bare_peer.run(count, || {
                    (0..count).for_each(|_| {
                        send_bare(&there, 1);
                        receive_bare(&back, 1);
                    });
                });
            }),
            Alternative::new("call, answer", |count| peer.run(count, || call(&channel, count))),
            Alternative::new("call, answer by a Receiver", |count| heard_peer.run(count, || call(&heard, count))),
        ],
    );
}

/// Long messages, beside what has to be copied at least.
fn large(size: usize) {
    let memory: SharedMemory = SharedMemoryOptions::new().size(size).open(Key::PRIVATE).expect("memory can be had");
    memory.remove().expect("it is ours");
    let channel = named(size + 100);
    let payload = Payload(vec![1; size]);
    let mut out = vec![0_u8; size];
    compare(
        &format!("{} MiB in and out", size >> 20),
        vec![
            Alternative::new("two memcpys", |count| {
                (0..count).for_each(|_| {
                    // SAFETY: both have so many bytes, and nobody else has the memory.
                    unsafe { memory.as_mut_ptr().copy_from_nonoverlapping(payload.0.as_ptr(), size) };
                    // SAFETY: as above.
                    unsafe { memory.as_mut_ptr().copy_to_nonoverlapping(out.as_mut_ptr(), size) };
                    black_box(&mut out);
                });
            }),
            Alternative::new("channel: send, recv", |count| {
                (0..count).for_each(|_| {
                    channel.send(&payload).expect("there is room");
                    black_box(channel.recv::<Payload>().expect("it is there"));
                });
            }),
        ],
    );
}

/// Receives by route, behind messages of another route.
fn behind(others: u64) -> Result<(), Error> {
    let bare = Queue::new();
    let channel = named(1 << 20);
    for _ in 0..others {
        Channel::new(bare.0.clone())?.send_raw(Route::new(9), b"x")?;
        channel.send_raw(Route::new(9), b"x")?;
    }
    compare(
        &format!("32 bytes, received behind {others} messages of another route"),
        vec![
            Alternative::new("msgsnd, msgrcv", |count| {
                (0..count).for_each(|_| {
                    send_bare(&bare, 1);
                    receive_bare(&bare, 1);
                });
            }),
            Alternative::new("channel", |count| {
                (0..count).for_each(|_| {
                    channel.send(&Job(fields())).expect("there is room");
                    black_box(channel.recv::<Job>().expect("it is there"));
                });
            }),
        ],
    );
    Ok(())
}
