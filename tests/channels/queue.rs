//! Typed messages over a plain queue, between processes.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use proptest::prelude::{any, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};
use support::{Child, LONG, child, typed_queue};
use sysv_primitives::{
    Message, RecvError, Route, SendError, TypedQueue, Undecodable,
    codec::Bincode,
    raw::{MessageBuffer, MessageQueue, MessageType},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    number: u32,
    name: String,
    tags: Vec<Option<bool>>,
}

impl Message for Job {
    const ROUTE: Route = Route::new(1);
    type Codec = Bincode;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Answer {
    Done(BTreeMap<String, f64>),
    Failed { why: String },
}

impl Message for Answer {
    const ROUTE: Route = Route::new(2);
    type Codec = Bincode;
}

fn job(number: u32) -> Job {
    Job { number, name: "größe".into(), tags: vec![None, Some(true)] }
}

/// Values of two types cross between processes, each by its own route.
#[test]
fn two_processes() {
    let (channel, _queue) = typed_queue();
    let worker = child(|| {
        for _ in 0..100 {
            let job: Job = channel.recv().unwrap();
            let answer = match job.number % 2 {
                0 => Answer::Done([(job.name, f64::from(job.number))].into()),
                _ => Answer::Failed { why: format!("{} is odd", job.number) },
            };
            channel.send(&answer).unwrap();
        }
    });
    for number in 0..100 {
        channel.send(&job(number)).unwrap();
        match channel.recv().unwrap() {
            Answer::Done(done) => assert_eq!(done["größe"], f64::from(number)),
            Answer::Failed { why } => assert_eq!(why, format!("{number} is odd")),
        }
    }
    worker.join();
}

/// The oldest of its type is received, whatever else is queued. Any takes the oldest of all.
#[test]
fn routes() {
    let (channel, _queue) = typed_queue();
    let failed = || Answer::Failed { why: "x".into() };
    channel.send(&job(1)).unwrap();
    channel.send(&failed()).unwrap();
    channel.send(&job(2)).unwrap();
    assert_eq!(channel.recv::<Answer>().unwrap(), failed());
    assert!(channel.try_recv::<Answer>().unwrap_err().is_busy());
    assert!(channel.recv_timeout::<Answer>(Duration::from_millis(10)).unwrap_err().is_busy());
    let first = channel.recv_any().unwrap();
    assert_eq!((first.route(), first.decode::<Job>().unwrap()), (Job::ROUTE, job(1)));
    channel.send(&failed()).unwrap();
    #[cfg(target_os = "linux")]
    assert_eq!(channel.recv_except::<Job>().unwrap().decode::<Answer>().unwrap(), failed());
    assert_eq!(channel.recv::<Job>().unwrap(), job(2));
}

/// What can't be decoded comes back with its bytes, and the channel goes on.
#[test]
fn undecodable_messages_come_back() {
    let (channel, queue) = typed_queue();
    let send = |bytes: &[u8]| queue.send(&MessageBuffer::new(MessageType::ONE, bytes)).unwrap();
    // Too short, too long a string, a length beyond all memory, and one byte too many.
    let mut and_more = Vec::new();
    channel.send(&job(1)).unwrap();
    and_more.extend_from_slice(channel.recv_any().unwrap().bytes());
    and_more.push(0);
    let head = |rest: &[u8]| [&[1, 0, 0, 0, 0, 0, 0, 0], rest].concat();
    let long = [b"\x01\xfc\xff\xff\xff\xff".to_vec(), b"\x01\xfd\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec()];
    for bytes in [Vec::new(), b"1234567".to_vec(), head(&long[0]), head(&long[1]), and_more] {
        send(&bytes);
        channel.send(&job(7)).unwrap();
        match channel.recv::<Job>() {
            Err(RecvError::Undecodable(Undecodable { route, bytes: returned, .. })) => {
                assert_eq!((route, returned), (Job::ROUTE, bytes));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(channel.recv::<Job>().unwrap(), job(7));
    }
    channel.send(&job(1)).unwrap();
    let wrong = channel.recv_any().unwrap().decode::<Answer>().unwrap_err();
    assert!(wrong.to_string().contains("route 2"), "{wrong}");
}

proptest! {
    /// Bytes from outside are a value or an error, and never a panic or a hang.
    #[test]
    fn any_bytes_are_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (channel, queue) = typed_queue();
        let bytes = if bytes.len() % 2 == 0 { [&[1, 0, 0, 0, 0, 0, 0, 0], &bytes[..]].concat() } else { bytes };
        queue.send(&MessageBuffer::new(MessageType::new(2).unwrap(), &bytes)).unwrap();
        if let Err(error) = channel.recv::<Answer>() {
            match error {
                RecvError::Undecodable(Undecodable { bytes: returned, .. }) => prop_assert_eq!(returned, bytes),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A value that is too long for a message is refused before anything is sent.
#[test]
fn too_long() {
    let (channel, queue) = typed_queue();
    let name = "x".repeat(1 << 20);
    let refused = channel.send(&Job { name, ..job(1) });
    assert!(matches!(refused, Err(SendError::TooLong { .. })), "{refused:?}");
    assert_eq!(queue.stat().unwrap().messages, 0);
}

/// A plain queue has no option to make it longer, and a handle's own limit is distinguished from the kernel's.
#[test]
fn case_f8_the_advice_for_a_long_message_fits_the_channel() {
    let (channel, queue) = typed_queue();
    let long = Job { name: "x".repeat(1 << 20), ..job(1) };
    for refused in [channel.send(&long), channel.send_raw(Route::new(9), &[0; 1 << 20])] {
        let error = refused.unwrap_err();
        let SendError::TooLong { limit, .. } = error else { panic!("{error}") };
        let text = error.to_string();
        assert!(text.contains(&format!("queue {}, {limit} bytes", queue.id())), "{text}");
        assert!(text.contains("use a Channel") && !text.contains("max_message_size"), "{text}");
    }
    let short_handle = MessageQueue::from_id(queue.id()).unwrap();
    let text = short_handle.send(&MessageBuffer::new(MessageType::ONE, &[0; 3000])).unwrap_err().to_string();
    assert!(text.contains("max_message_size of 2048") && text.contains("MSGMAX (8192 bytes"), "{text}");
}

/// "Full" comes with counts, also of a plain queue.
#[test]
fn case_f4_a_full_queue_is_reported_with_counts() {
    let (channel, queue) = typed_queue();
    let mut sent = 0_u64;
    let error = loop {
        match channel.try_send_raw(Route::new(1), &[0; 100]) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    let SendError::Full(full) = &error else { panic!("{error}") };
    assert_eq!((full.messages, full.max_bytes), (sent, queue.stat().unwrap().max_size));
    let text = error.to_string();
    assert!(text.contains(&format!("queue {} has no room: it holds {sent} of", queue.id())), "{text}");
}

/// A message that became possible only after the channel was made is received all the same.
#[test]
#[cfg(target_os = "linux")]
fn longer_than_was_possible() {
    support::in_own_namespace(|| {
        support::set_limit("msgmax", "100");
        let (channel, queue) = typed_queue();
        support::set_limit("msgmax", "8192");
        let mut roomy = MessageQueue::clone(&queue);
        roomy.set_max_message_size(8192);
        roomy.send(&MessageBuffer::new(MessageType::ONE, &[0; 8000])).unwrap();
        assert_eq!(channel.recv_any().unwrap().bytes().len(), 8000);
    });
}

/// A full channel refuses or waits, and the value stays the sender's.
#[test]
fn full() {
    let (channel, _queue) = typed_queue();
    let value = job(1);
    while channel.try_send(&value).is_ok() {}
    assert!(channel.send_timeout(&value, Duration::from_millis(10)).unwrap_err().is_busy());
    let sender = child(|| channel.send(&Job { number: 99, ..value.clone() }).unwrap());
    sender.until_asleep();
    channel.recv::<Job>().unwrap();
    sender.join();
}

/// C1: of several receivers each value reaches one, also while receivers are killed.
#[test]
fn receivers_are_killed() {
    const JOBS: u32 = 3000;
    let (channel, _queue) = typed_queue();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            child(|| {
                while let Ok(job) = channel.recv::<Job>() {
                    channel.send(&Answer::Failed { why: job.number.to_string() }).unwrap();
                }
            })
        })
        .collect();
    const KILLED: u32 = 2;
    let mut receivers = receivers.into_iter();
    let (mut sent, mut seen, answers) = (0, HashSet::new(), Cell::new(0));
    let mut take = |answer| {
        let Answer::Failed { why } = answer else { panic!("no process sends that") };
        assert!(seen.insert(why.parse::<u32>().unwrap()), "{why} came twice");
        answers.set(answers.get() + 1);
    };
    while sent < JOBS {
        // The queue must keep room for answers, or receivers and sender would wait for each other.
        if channel.queue().stat().unwrap().messages < 100 {
            channel.send(&job(sent)).unwrap();
            sent += 1;
            if sent % (JOBS / 3) == 0 && receivers.len() > 2 {
                receivers.next().unwrap().kill();
            }
        }
        while let Ok(answer) = channel.try_recv() {
            take(answer);
        }
    }
    // A victim takes along at most what it had claimed.
    while answers.get() < JOBS - KILLED {
        take(channel.recv_timeout(LONG).expect("no more is lost than was in hand"));
    }
    // A sleeping worker has claimed nothing: what the victims left has come, too.
    receivers.as_slice().iter().for_each(Child::until_asleep);
    while let Ok(answer) = channel.try_recv() {
        take(answer);
    }
    assert!(answers.get() <= JOBS);
    channel.remove().unwrap();
    receivers.for_each(Child::join);
}

/// A waiter is notified when the channel is removed.
#[test]
fn removed_while_waiting() {
    let (channel, _queue) = typed_queue();
    let receiver = child(|| assert!(channel.recv::<Job>().unwrap_err().is_gone()));
    receiver.until_asleep();
    channel.remove().unwrap();
    receiver.join();
    assert!(channel.send(&job(1)).unwrap_err().is_gone());
    assert!(matches!(TypedQueue::from_id(channel.queue().id()), Err(error) if error.is_gone()));
}

/// A handle made from an id is as good as any; and a value may send while it is encoded.
#[test]
fn handles() {
    let (channel, queue) = typed_queue();
    let other = TypedQueue::from_id(queue.id()).unwrap();
    other.send(&Nested(queue.id())).unwrap();
    assert_eq!(channel.recv::<Job>().unwrap(), job(5));
    assert_eq!(channel.recv::<Nested>().unwrap().0, queue.id());
}

#[derive(Debug, Deserialize)]
struct Nested(i32);

impl Serialize for Nested {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TypedQueue::from_id(self.0).unwrap().send(&job(5)).unwrap();
        self.0.serialize(serializer)
    }
}

impl Message for Nested {
    const ROUTE: Route = Route::new(3);
    type Codec = Bincode;
}
