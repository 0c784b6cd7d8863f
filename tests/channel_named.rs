//! Channels that have a name: sizes, calls, ends and deaths.

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use support::{child, memory, name, until};
use sysv_primitives::{
    Channel, Error, Message, Options, Request, Route, Router, Side, messages,
    raw::{MessageBuffer, MessageQueueOptions, Selector},
};

/// Bytes that know what they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Blob {
    seed: u64,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Number(u64);

/// Asks for so many bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Ask {
    number: u64,
    len: usize,
}

/// What comes back.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Echo(Blob);

messages! { 1 => Blob; 2 => Number; 3 => Ask; 4 => Echo }

impl Request for Ask {
    type Answer = Blob;
}

const PATIENCE: Duration = Duration::from_secs(20);

fn blob(seed: u64, len: usize) -> Blob {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    Blob { seed, bytes }
}

fn ask(number: u64) -> Ask {
    Ask { number, len: 10 }
}

/// Everything that was taken is free again.
#[track_caller]
fn assert_unused(channel: &Channel) {
    let usage = channel.usage().unwrap();
    assert_eq!((usage.messages, usage.bytes), (0, 0), "leaked");
}

#[test]
fn two_processes() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let worker = child(|| {
        let channel = Channel::open(&name).unwrap();
        for _ in 0..48 {
            let blob: Blob = channel.recv().unwrap();
            channel.send(&Number(blob.bytes.len() as u64)).unwrap();
            channel.send(&Echo(blob)).unwrap();
        }
    });
    let sizes = [0, 10, 5_000, 8_200, 70_000, 900_000].into_iter().cycle();
    for (number, len) in (0..48).zip(sizes) {
        channel.send(&blob(number, len)).unwrap();
        assert_eq!(channel.recv_timeout::<Number>(PATIENCE).unwrap(), Number(len as u64));
        assert_eq!(channel.recv_timeout::<Echo>(PATIENCE).unwrap().0, blob(number, len));
    }
    worker.join();
    assert_unused(&channel);
}

/// One byte to 64 MiB, with the kernel's limits as they are.
#[test]
fn every_size() {
    let name = name();
    let channel = Options::new().largest_message(65 << 20).create_channel(&name).unwrap();
    assert_eq!(channel.largest_message(), 65 << 20);
    let sizes = [1, 31, 32, 33, 1 << 10, 8_150, 8_192, 8_193, 65_535, 65_536, 65_537, 1 << 20, 16 << 20, 64 << 20];
    let echo = child(|| {
        let channel = Channel::open(&name).unwrap();
        for _ in sizes {
            channel.send(&Echo(channel.recv().unwrap())).unwrap();
            let incoming = channel.recv_lowest(Blob::ROUTE).unwrap();
            channel.send(&Echo(incoming.decode().unwrap())).unwrap();
        }
    });
    for size in sizes {
        let sent = blob(size as u64, size);
        for _ in 0..2 {
            channel.send(&sent).unwrap();
            assert!(channel.recv_timeout::<Echo>(PATIENCE).unwrap().0 == sent, "{size} bytes came back changed");
        }
    }
    echo.join();
    assert_unused(&channel);
}

/// What is longer than the channel carries is refused before anything is sent, and so is what is no limit.
#[test]
fn too_long() {
    let name = name();
    let channel = Options::new().largest_message(100_000).create_channel(&name).unwrap();
    match channel.send(&blob(0, 100_000)) {
        Err(Error::TooLong { bytes, limit: 100_000 }) => assert!(bytes > 100_000),
        other => panic!("{other:?}"),
    }
    assert_eq!(channel.queue().stat().unwrap().messages, 0);
    assert_unused(&channel);
    channel.send(&blob(0, 99_000)).unwrap();
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(0, 99_000));
    let unlimited = Options::new().largest_message(1 << 40).create_channel(&support::name());
    assert!(matches!(unlimited, Err(Error::TooLarge { .. })), "{unlimited:?}");
}

/// Openers take what they find, whatever they would have made.
#[test]
fn a_channel_is_opened_as_it_was_made() {
    let name = name();
    let made = Options::new().largest_message(3 << 20).max_processes(5).create_channel(&name).unwrap();
    let opened = Channel::open_or_create(&name).unwrap();
    assert_eq!(opened.largest_message(), 3 << 20);
    assert!(matches!(Channel::create(&name), Err(Error::NameTaken { .. })));
    assert!(matches!(Options::new().schema(1).open_channel(&name), Err(Error::WrongType { .. })));
    assert_eq!(made.members().unwrap().len(), 2);
    let status = made.status().unwrap();
    assert_eq!(status.queue, Some(opened.queue().id()));
    made.remove().unwrap();
    assert!(matches!(Channel::open(&name), Err(Error::NoSuchName { .. })));
    assert!(opened.send(&Number(1)).unwrap_err().is_gone());
}

#[test]
fn a_plain_queue_says_what_needs_a_name() {
    let queue = support::queue();
    let channel = Channel::from_id(queue.id()).unwrap();
    let refused = channel.call(&ask(1)).unwrap_err();
    assert!(matches!(refused, Error::NeedsName { .. }), "{refused:?}");
    assert!(refused.to_string().contains("by name"), "{refused}");
    assert!(matches!(channel.close(), Err(Error::NeedsName { .. })));
    assert!(matches!(channel.send(&blob(0, 10_000)), Err(Error::TooLong { .. })));
}

/// Without room in the segment a send waits, until the deadline or until a message is received.
#[test]
fn full_of_parcels() {
    let name = name();
    let channel = Options::new().largest_message(1 << 20).create_channel(&name).unwrap();
    let mut sent = 0;
    loop {
        match channel.try_send(&blob(sent, 900_000)) {
            Ok(()) => sent += 1,
            Err(error) => break assert!(error.is_busy(), "{error:?}"),
        }
    }
    assert!(sent >= 1);
    let begun = Instant::now();
    assert!(channel.send_timeout(&blob(0, 900_000), Duration::from_millis(50)).unwrap_err().is_busy());
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let waiting = child(|| channel.send_timeout(&blob(sent, 900_000), PATIENCE).unwrap());
    waiting.until_asleep();
    for number in 0..=sent {
        assert_eq!(channel.recv_timeout::<Blob>(PATIENCE).unwrap(), blob(number, 900_000));
    }
    waiting.join();
    assert_unused(&channel);
}

/// A full queue refuses a notice as it refuses a message, and nothing leaks.
#[test]
fn full_queue() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    while channel.try_send_raw(Route::new(9), &[0; 8_000]).is_ok() {}
    while channel.try_send_raw(Route::new(9), &[0; 16]).is_ok() {}
    assert!(channel.try_send(&blob(1, 20_000)).unwrap_err().is_busy());
    assert!(channel.send_timeout(&blob(1, 20_000), Duration::from_millis(20)).unwrap_err().is_busy());
    assert!(channel.call_timeout(&ask(1), Duration::from_millis(20)).unwrap_err().is_busy());
    assert_unused(&channel);
}

#[test]
fn closed_wakes_who_listens() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let listeners = [0; 3].map(|_| {
        child(|| {
            let receiver = Channel::open(&name).unwrap().receiver().unwrap();
            let mut received = 0;
            for number in receiver.iter::<Number>() {
                number.unwrap();
                received += 1;
            }
            assert!(matches!(receiver.recv_any(), Err(Error::Closed)));
            assert!(received > 0);
        })
    });
    until(|| channel.receivers().unwrap().len() == 3);
    for number in 0..3 {
        listeners.iter().for_each(|listener| listener.until_asleep());
        channel.send(&Number(number)).unwrap();
        until(|| channel.queued().unwrap().is_empty());
    }
    // Each has had at least one, or gets it now.
    (0..30).for_each(|number| channel.send(&Number(number)).unwrap());
    thread::sleep(Duration::from_millis(20));
    channel.close().unwrap();
    assert!(channel.is_closed());
    assert!(matches!(channel.send(&Number(9)), Err(Error::Closed)));
    assert!(matches!(channel.call(&ask(9)), Err(Error::Closed)));
    for listener in listeners {
        listener.kill_unless_done();
    }
}

/// Who asked is told when the last sender is gone, by its own will or by death, and not before.
#[test]
fn abandoned() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let mut receiver = channel.receiver().unwrap();
    receiver.tell_when_abandoned(true);
    // Nobody has come yet.
    assert!(receiver.recv_timeout::<Number>(Duration::from_millis(10)).unwrap_err().is_busy());
    for dies in [false, true] {
        let sender = child(|| {
            let sender = Channel::open(&name).unwrap().sender().unwrap();
            sender.send(&Number(7)).unwrap();
            if dies {
                std::mem::forget(sender);
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
            }
        });
        let first = || receiver.recv_timeout::<Number>(PATIENCE);
        // The one before is gone until the next one has come.
        until(|| matches!(first(), Ok(Number(7))));
        let told = receiver.recv_timeout::<Number>(PATIENCE);
        assert!(matches!(told, Err(Error::Abandoned(Side::Producer))), "{told:?}");
        sender.kill_unless_done();
        assert!(channel.senders().unwrap().is_empty());
    }
    // Another one comes: it goes on.
    let sender = child(|| {
        let sender = Channel::open(&name).unwrap().sender().unwrap();
        thread::sleep(PATIENCE);
        drop(sender);
    });
    until(|| channel.senders().unwrap().len() == 1);
    let busy = receiver.recv_timeout::<Number>(Duration::from_millis(30));
    assert!(busy.as_ref().is_err_and(Error::is_busy), "{busy:?}");
    let waiting = thread::scope(|scope| {
        let waiting = scope.spawn(|| receiver.recv_timeout::<Number>(PATIENCE));
        thread::sleep(Duration::from_millis(30));
        sender.kill();
        waiting.join().unwrap()
    });
    assert!(matches!(waiting, Err(Error::Abandoned(Side::Producer))), "{waiting:?}");
}

fn serve(name: &str) {
    let receiver = Channel::open(name).unwrap().receiver().unwrap();
    loop {
        match receiver.recv_request::<Ask>() {
            Ok(asked) => {
                let answer = blob(asked.number, asked.len);
                asked.answer(&answer).unwrap();
            }
            Err(error) => return assert!(error.is_end(), "{error:?}"),
        }
    }
}

#[test]
fn calls() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let servers = [0; 2].map(|_| child(|| serve(&name)));
    for (number, len) in [0, 1, 500, 1_000, 5_000, 9_000, 100_000, 1_000_000].into_iter().enumerate() {
        let ask = Ask { number: number as u64, len };
        assert_eq!(channel.call_timeout(&ask, PATIENCE).unwrap(), blob(number as u64, len), "{len}");
    }
    // Several under way, answered in any order.
    let pending: Vec<_> = (0..50).map(|number| channel.ask(&ask(number)).unwrap()).collect();
    for (number, mut pending) in pending.into_iter().enumerate().rev() {
        assert_eq!(pending.wait_timeout(PATIENCE).unwrap(), blob(number as u64, 10));
        assert!(matches!(pending.try_wait(), Err(Error::Unanswered { .. })), "it was had");
    }
    channel.close().unwrap();
    servers.into_iter().for_each(support::Child::join);
    assert_unused(&channel);
}

/// A thousand callers at once, in 20 processes with 50 threads each: each gets its own answer.
#[test]
fn a_thousand_calls_at_once() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let servers = [0; 4].map(|_| child(|| serve(&name)));
    let callers: Vec<_> = (0..20_u64)
        .map(|process| {
            let (name, channel) = (&name, &channel);
            child(move || {
                // Half of them inherit the handle, half have their own.
                let own;
                let channel = if process % 2 == 0 {
                    channel
                } else {
                    own = Channel::open(name).unwrap();
                    &own
                };
                let together = Barrier::new(50);
                thread::scope(|scope| {
                    for thread in 0..50 {
                        let together = &together;
                        scope.spawn(move || {
                            together.wait();
                            for round in 0..5 {
                                let number = process * 1_000_000 + thread * 1_000 + round;
                                let answer = channel.call_timeout(&ask(number), PATIENCE).unwrap();
                                assert_eq!(answer, blob(number, 10), "another one's answer");
                            }
                        });
                    }
                });
            })
        })
        .collect();
    callers.into_iter().for_each(support::Child::join);
    channel.close().unwrap();
    servers.into_iter().for_each(support::Child::join);
    assert_unused(&channel);
}

/// Who took a request dies, or gives it up: the caller is told at once.
#[test]
fn unanswered() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let dies = child(|| {
        let channel = Channel::open(&name).unwrap();
        let asked = channel.recv_request::<Ask>().unwrap();
        assert_eq!((asked.number, asked.is_call()), (5, true));
        thread::sleep(PATIENCE);
        drop(asked);
    });
    let told = thread::scope(|scope| {
        let caller = scope.spawn(|| channel.call_timeout(&ask(5), PATIENCE));
        until(|| channel.queue().stat().unwrap().receive_time.is_some());
        thread::sleep(Duration::from_millis(20));
        let killed = Instant::now();
        dies.kill();
        let told = caller.join().unwrap();
        assert!(killed.elapsed() < Duration::from_secs(5));
        told
    });
    assert!(matches!(told, Err(Error::Unanswered { route: Ask::ROUTE })), "{told:?}");

    let gives_up = child(|| {
        let channel = Channel::open(&name).unwrap();
        drop(channel.recv_request::<Ask>().unwrap());
        // A plain receive is no answer either.
        assert_eq!(channel.recv::<Ask>().unwrap(), ask(7));
        drop(channel.recv_any().unwrap());
        // Nor is what it can't be.
        assert!(matches!(channel.recv_any().unwrap().decode_request::<Other>(), Err(Error::Undecodable { .. })));
    });
    for number in [6, 7, 8, 9] {
        let told = channel.call_timeout(&ask(number), PATIENCE);
        assert!(matches!(told, Err(Error::Unanswered { .. })), "{told:?}");
    }
    gives_up.join();
    assert_unused(&channel);
}

/// Another program's idea of the third route.
#[derive(Serialize, Deserialize)]
struct Other(Number, Number, Number, Number);
impl Message for Other {
    const ROUTE: Route = Ask::ROUTE;
    const SCHEMA: u32 = 8;
}
impl Request for Other {
    type Answer = Number;
}

/// A caller that gives up takes its request back, or its answer goes nowhere; one that dies leaves nothing.
#[test]
fn callers_that_are_gone() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    assert!(channel.call_timeout(&ask(1), Duration::from_millis(20)).unwrap_err().is_busy());
    assert!(channel.try_recv_request::<Ask>().unwrap_err().is_busy(), "it was taken back");
    assert_unused(&channel);

    // Gives up while somebody works on it.
    let mut pending = channel.ask(&ask(2)).unwrap();
    let asked = channel.recv_request::<Ask>().unwrap();
    assert!(pending.wait_timeout(Duration::from_millis(10)).unwrap_err().is_busy());
    drop(pending);
    asked.answer(&blob(2, 100)).unwrap();
    assert_unused(&channel);

    // Dies: before its request is taken, while it is worked on, when it is answered.
    for stage in 0..3 {
        let caller = child(|| {
            let _ = Channel::open(&name).unwrap().call(&ask(3));
        });
        until(|| channel.queue().stat().unwrap().messages == 1);
        caller.until_asleep();
        if stage == 0 {
            caller.kill();
            assert_unused(&channel);
            assert!(channel.try_recv_request::<Ask>().unwrap_err().is_busy(), "its request is gone with it");
            continue;
        }
        let asked = channel.recv_request::<Ask>().unwrap();
        if stage == 1 {
            caller.kill();
            asked.answer(&blob(3, 100)).unwrap();
        } else {
            caller.signal(nix::sys::signal::Signal::SIGSTOP);
            asked.answer(&blob(3, 100)).unwrap();
            caller.kill();
        }
        assert_unused(&channel);
    }
}

/// An answer longer than the request finds room, although requests fill the channel.
#[test]
fn answers_find_room() {
    let name = name();
    let channel = Options::new().largest_message(200_000).create_channel(&name).unwrap();
    let mut pending = Vec::new();
    loop {
        match channel.try_send(&blob(0, 150_000)) {
            Ok(()) => {}
            Err(error) => break assert!(error.is_busy()),
        }
        pending.push(channel.ask(&Ask { number: 1, len: 190_000 }).unwrap());
    }
    let server = child(|| serve(&name));
    for mut pending in pending {
        assert_eq!(pending.wait_timeout(PATIENCE).unwrap(), blob(1, 190_000));
    }
    server.kill();
}

/// A router answers requests, and is done when the channel is closed.
#[test]
fn routers_answer() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let seen = memory(8);
    let seen: &AtomicU64 = seen.view(0).unwrap();
    let server = child(|| {
        let receiver = Channel::open(&name).unwrap().receiver().unwrap();
        let mut router = Router::new();
        router.answer(|ask: Ask| blob(ask.number, ask.len)).unwrap();
        router
            .on(|Number(number)| {
                seen.fetch_add(number, SeqCst);
            })
            .unwrap();
        router.run(&receiver).unwrap();
    });
    channel.send(&Number(40)).unwrap();
    assert_eq!(channel.call_timeout(&ask(3), PATIENCE).unwrap(), blob(3, 10));
    channel.send(&Number(2)).unwrap();
    channel.close().unwrap();
    server.join();
    assert_eq!(seen.load(SeqCst), 42);
}

/// A child made by `fork` goes on with the handle, and doesn't answer for its parent.
#[test]
fn forked_child() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let pending = channel.ask(&ask(1)).unwrap();
    let asked = channel.recv_request::<Ask>().unwrap();
    let mut inherited = Some((pending, asked, channel.sender().unwrap()));
    let forked = child(|| {
        // Its copies of them, by the fork.
        let (mut pending, asked, sender) = inherited.take().unwrap();
        assert!(matches!(asked.answer(&blob(1, 10)), Err(Error::Unanswered { .. })));
        assert!(matches!(pending.try_wait(), Err(Error::Unanswered { .. })));
        drop(pending);
        drop(sender);
        channel.send(&blob(4, 50_000)).unwrap();
    });
    forked.join();
    let (pending, asked, sender) = inherited.unwrap();
    assert_eq!(channel.senders().unwrap().len(), 1, "the parent's sender counts");
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(4, 50_000));
    asked.answer(&blob(1, 10)).unwrap();
    assert_eq!(pending.wait().unwrap(), blob(1, 10));
    drop(sender);
    assert_eq!(channel.senders().unwrap().len(), 0);
    assert_unused(&channel);
}

/// Whatever is told of a channel is true.
#[test]
fn observed() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    assert_eq!((channel.last_sent().unwrap(), channel.last_received().unwrap()), (None, None));
    channel.send(&blob(1, 100_000)).unwrap();
    channel.send(&Number(1)).unwrap();
    channel.send_raw(Route::new(9), b"raw").unwrap();
    assert!(channel.last_sent().unwrap().is_some());
    let queued = channel.queued().unwrap();
    let told: Vec<_> = queued.iter().map(|(route, queued)| (*route, queued.messages, queued.bytes)).collect();
    assert_eq!(told[1..], [(Number::ROUTE, 1, 5), (Route::new(9), 1, 3)]);
    assert_eq!((told[0].0, told[0].1), (Blob::ROUTE, 1));
    assert!((100_000..100_100).contains(&told[0].2), "{told:?}");
    let usage = channel.usage().unwrap();
    assert!(usage.messages == 1 && usage.bytes >= 100_000 && usage.max_bytes >= 1 << 20, "{usage:?}");
    channel.recv::<Blob>().unwrap();
    assert!(channel.last_received().unwrap().is_some());
    assert_unused(&channel);
    let pids: BTreeSet<u32> = channel.members().unwrap().iter().map(|member| member.pid).collect();
    assert_eq!(pids, [std::process::id()].into());
}

/// The notices of parcels that are gone are skipped; those that say nonsense do no harm.
#[test]
fn notices_from_outside() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let plain = MessageQueueOptions::new().open(channel.status().unwrap().key).unwrap();
    channel.send(&blob(1, 20_000)).unwrap();
    let notice = plain.receive(Selector::Any).unwrap();
    // The same thrice, and others that name what isn't there.
    for _ in 0..3 {
        plain.send(&notice).unwrap();
    }
    for _ in 0..200 {
        let mut bytes = notice.bytes().to_vec();
        let at = 16 + fastrand::usize(..16);
        bytes[at] ^= fastrand::u8(1..);
        plain.try_send(&MessageBuffer::new(notice.message_type(), &bytes)).unwrap();
    }
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(1, 20_000));
    let nothing = channel.try_recv::<Blob>();
    assert!(nothing.as_ref().is_err_and(Error::is_busy), "{nothing:?}");
    assert_unused(&channel);
}

/// A notice that died with its receiver is sent again.
#[test]
fn a_lost_notice() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    for pass in 0..3 {
        channel.send(&blob(pass, 20_000)).unwrap();
        let dies = child(|| {
            let channel = Channel::open(&name).unwrap();
            // It counts as a receiver from here on.
            assert!(channel.try_recv::<Number>().unwrap_err().is_busy());
            channel.queue().receive(Selector::Any).unwrap();
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
        });
        until(|| channel.queue().stat().unwrap().messages == 0);
        dies.kill_unless_done();
        let receiver = channel.receiver().unwrap();
        assert_eq!(receiver.recv_timeout::<Blob>(PATIENCE).unwrap(), blob(pass, 20_000));
    }
    assert_unused(&channel);
}
