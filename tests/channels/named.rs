//! Channels that have a name: sizes, order, ends, and what is left behind.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use support::letters::{Ask, Blob, Echo, Number, ask, assert_unused, blob};
use support::{Child, LONG, SHORT, child, hold_for_ever, name, until};
use sysv_primitives::{
    CallError, Channel, Error, Failure, Message, OpenError, RecvError, Route, SendError, raw::Deadline,
};

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
        assert_eq!(channel.recv_timeout::<Number>(LONG).unwrap(), Number(len as u64));
        assert_eq!(channel.recv_timeout::<Echo>(LONG).unwrap().0, blob(number, len));
    }
    worker.join();
    assert_unused(&channel);
}

/// A full channel says so, with what it holds and how much there is room for. Calls and control messages have room of their own.
#[test]
fn case_f4_a_full_channel_is_reported_with_counts() {
    let name = name();
    let channel = Channel::options().capacity(100).create(&name).unwrap();
    let mut sent = 0;
    while channel.try_send(&Number(sent)).is_ok() {
        sent += 1;
    }
    let depth = channel.depth().unwrap();
    assert_eq!((sent, depth.messages, depth.max_messages, depth.bytes), (100, 100, 100, 0));
    let begun = Instant::now();
    for refused in [channel.try_send(&Number(0)), channel.send_timeout(&Number(0), SHORT)] {
        let error = refused.unwrap_err();
        assert!(error.is_busy());
        let (SendError::Full(full) | SendError::TimedOut(full)) = &error else { panic!("{error}") };
        assert_eq!((full.messages, full.max_messages, full.bytes, full.max_bytes), (100, 100, 0, depth.max_bytes));
        let text = error.to_string();
        assert!(text.contains(&format!("channel {:?} has no room: it holds 100 of at most 100", &*name)), "{text}");
    }
    assert!(begun.elapsed() >= SHORT);
    assert!(matches!(channel.try_send(&blob(1, 15_000)), Err(SendError::Full(_))));
    channel.try_send(&Urgent).unwrap();
    let mut pending = channel.try_request(&ask(1)).unwrap();
    assert_eq!(channel.recv::<Urgent>().unwrap(), Urgent);
    channel.recv_request::<Ask>().unwrap().respond(&blob(1, 10)).unwrap();
    assert_eq!(pending.try_wait().unwrap(), blob(1, 10));
    while channel.try_recv::<Number>().is_ok() {}
    assert_unused(&channel);
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Urgent;
sysv_primitives::messages! { 90 => Urgent, control }

/// So does a channel that has no memory for long messages left, and room for short ones.
#[test]
fn case_f4_full_memory_is_reported_with_counts() {
    let name = name();
    let channel = Channel::options().max_message_size(1 << 20).create(&name).unwrap();
    let mut sent = 0;
    let error = loop {
        match channel.try_send(&blob(1, 1_000_000)) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    let SendError::Full(full) = &error else { panic!("{error}") };
    // The refused one has a cell until it is dropped.
    assert!((sent..=sent + 1).contains(&full.messages), "{full:?}");
    assert!(full.bytes >= sent * 1_000_000 && full.max_bytes - full.bytes < 1_000_000);
    channel.try_send(&Number(1)).expect("short messages need no such room");
}

/// The sender is notified that nothing more is sent, and the receiver that nothing is left.
#[test]
fn case_f8_the_ends_of_a_channel_are_distinguished() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    channel.send(&Number(1)).unwrap();
    channel.close().unwrap();
    let Err(CallError::NotSent(called)) = channel.call(&ask(1)) else { panic!("it is closed") };
    for error in [channel.send(&Number(2)).unwrap_err(), called] {
        assert!(matches!(error, SendError::Closed { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("channel {:?} was closed, and takes no more messages", &*name)), "{text}");
    }
    assert_eq!(channel.recv::<Number>().unwrap(), Number(1));
    for error in [channel.recv::<Number>().unwrap_err(), channel.try_recv::<Number>().unwrap_err()] {
        assert!(matches!(error, RecvError::Closed { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("{:?} was closed, and no such message is left", &*name)), "{text}");
    }
}

/// What is too long is reported with the option.
#[test]
fn case_f8_the_advice_for_a_long_message_fits_the_option() {
    let name = name();
    let channel = Channel::options().max_message_size(100_000).create(&name).unwrap();
    let text = channel.send(&blob(1, 200_000)).unwrap_err().to_string();
    assert!(text.contains(&format!("channel {:?}, 100000 bytes", &*name)), "{text}");
    assert!(text.contains("a larger Options::max_message_size"), "{text}");
    let error = channel.send_raw(Route::new(9), &[0; 200_000]).unwrap_err();
    assert!(matches!(error, SendError::TooLong { bytes: 200_000, limit: 100_000, .. }), "{error}");
    channel.remove().unwrap();
    let gone: [Error; 3] = [
        channel.send(&Number(1)).unwrap_err().into(),
        channel.try_recv::<Number>().unwrap_err().into(),
        channel.depth().unwrap_err().into(),
    ];
    for error in gone {
        assert!(error.is_gone() && error.to_string().contains(&*name), "{error}");
    }
}

/// One byte to 64 MiB, with the kernel's limits as they are.
#[test]
fn every_size() {
    let name = name();
    let channel = Channel::options().max_message_size(65 << 20).create(&name).unwrap();
    assert_eq!(channel.max_message_size(), 65 << 20);
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
            assert!(channel.recv_timeout::<Echo>(LONG).unwrap().0 == sent, "{size} bytes came back changed");
        }
    }
    echo.join();
    assert_unused(&channel);
}

/// What is longer than the channel carries is refused before anything is sent, and so is what is no limit.
#[test]
fn too_long() {
    let name = name();
    let channel = Channel::options().max_message_size(100_000).create(&name).unwrap();
    match channel.send(&blob(0, 100_000)) {
        Err(SendError::TooLong { bytes, limit: 100_000, .. }) => assert!(bytes > 100_000),
        other => panic!("{other:?}"),
    }
    assert_unused(&channel);
    channel.send(&blob(0, 99_000)).unwrap();
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(0, 99_000));
    let unlimited = Channel::options().max_message_size(1 << 40).create(&support::name());
    assert!(matches!(unlimited, Err(OpenError::TooLarge { .. })), "{unlimited:?}");
}

/// Openers take what they find, whatever they would have made.
#[test]
fn a_channel_is_opened_as_it_was_made() {
    let name = name();
    let made = Channel::options().max_message_size(3 << 20).max_handles(5).create(&name).unwrap();
    let opened = Channel::open_or_create(&name).unwrap();
    assert_eq!(opened.max_message_size(), 3 << 20);
    assert!(matches!(Channel::create(&name), Err(OpenError::NameTaken { .. })));
    assert!(matches!(Channel::options().schema(1).open(&name), Err(OpenError::WrongType { .. })));
    assert_eq!(made.members().unwrap().len(), 2);
    assert_eq!(made.status().unwrap().set, opened.status().unwrap().set);
    made.remove().unwrap();
    assert!(matches!(Channel::open(&name), Err(OpenError::NoSuchName { .. })));
    assert!(opened.send(&Number(1)).unwrap_err().is_gone());
}

/// Without room in the segment a send waits, until the deadline or until a message is received.
#[test]
fn full_of_long_messages() {
    let name = name();
    let channel = Channel::options().max_message_size(1 << 20).create(&name).unwrap();
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
    let waiting = child(|| channel.send_timeout(&blob(sent, 900_000), LONG).unwrap());
    waiting.until_asleep();
    for number in 0..=sent {
        assert_eq!(channel.recv_timeout::<Blob>(LONG).unwrap(), blob(number, 900_000));
    }
    waiting.join();
    assert_unused(&channel);
}

#[test]
fn closed_wakes_receivers() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let listeners = [0; 3].map(|_| {
        child(|| {
            let channel = Channel::open(&name).unwrap();
            let _counted = channel.receiver::<Number>().unwrap();
            let receiver = &channel;
            receiver.iter::<Number>().for_each(|number| assert!(number.is_ok()));
            assert!(matches!(receiver.recv_any(), Err(RecvError::Closed { .. })));
        })
    });
    until(|| channel.receivers::<Number>().unwrap().len() == 3);
    (0..30).for_each(|number| channel.send(&Number(number)).unwrap());
    until(|| channel.depth().unwrap().routes.is_empty());
    listeners.iter().for_each(Child::until_asleep);
    channel.close().unwrap();
    assert!(channel.is_closed());
    assert!(matches!(channel.send(&Number(9)), Err(SendError::Closed { .. })));
    assert!(channel.call(&ask(9)).unwrap_err().is_end());
    listeners.into_iter().for_each(Child::join);
}

/// A receiver that detects it is notified when the last sender has left or died, and not before.
#[test]
fn abandoned() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let mut receiver = channel.receiver::<Number>().unwrap();
    receiver.detect_disconnect(true);
    // No sender has come yet.
    assert!(receiver.recv_timeout(Duration::from_millis(10)).unwrap_err().is_busy());
    for dies in [false, true] {
        let sender = child(|| {
            let sender = Channel::open(&name).unwrap().sender::<Number>().unwrap();
            sender.send(&Number(7)).unwrap();
            if dies {
                std::mem::forget(sender);
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
            }
        });
        let first = || receiver.recv_timeout(LONG);
        // The one before is gone until the next one has come.
        until(|| matches!(first(), Ok(Number(7))));
        let told = receiver.recv_timeout(LONG);
        assert!(matches!(told, Err(RecvError::Disconnected { .. })), "{told:?}");
        sender.kill_unless_done();
        assert!(channel.senders::<Number>().unwrap().is_empty());
    }
    // Another one comes: it goes on.
    let sender = child(|| {
        let _sender = Channel::open(&name).unwrap().sender::<Number>().unwrap();
        hold_for_ever()
    });
    until(|| channel.senders::<Number>().unwrap().len() == 1);
    let busy = receiver.recv_timeout(Duration::from_millis(30));
    assert!(busy.as_ref().is_err_and(RecvError::is_busy), "{busy:?}");
    let waiting = thread::scope(|scope| {
        let waiting = scope.spawn(|| receiver.recv_timeout(LONG));
        thread::sleep(Duration::from_millis(30));
        sender.kill();
        waiting.join().unwrap()
    });
    assert!(matches!(waiting, Err(RecvError::Disconnected { .. })), "{waiting:?}");
}

/// A child made by `fork` goes on with the handle, and doesn't answer for its parent.
#[test]
fn forked_child() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let pending = channel.request(&ask(1)).unwrap();
    let asked = channel.recv_request::<Ask>().unwrap();
    let mut inherited = Some((pending, asked, channel.sender::<Number>().unwrap()));
    let forked = child(|| {
        // Its copies of them, by the fork.
        let (mut pending, asked, sender) = inherited.take().unwrap();
        assert!(matches!(asked.respond(&blob(1, 10)), Err(SendError::Failed(Failure::Inherited { .. }))));
        assert!(matches!(pending.try_wait(), Err(CallError::Failed(Failure::Inherited { .. }))));
        drop(pending);
        drop(sender);
        channel.send(&blob(4, 50_000)).unwrap();
    });
    forked.join();
    let (pending, asked, sender) = inherited.unwrap();
    assert_eq!(channel.senders::<Number>().unwrap().len(), 1, "the parent's sender counts");
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(4, 50_000));
    asked.respond(&blob(1, 10)).unwrap();
    assert_eq!(pending.wait().unwrap(), blob(1, 10));
    drop(sender);
    assert_eq!(channel.senders::<Number>().unwrap().len(), 0);
    assert_unused(&channel);
}

/// Whatever is reported of a channel is true.
#[test]
fn observed() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    channel.send(&blob(1, 100_000)).unwrap();
    channel.send(&Number(1)).unwrap();
    channel.send_raw(Route::new(9), b"raw").unwrap();
    let depth = channel.depth().unwrap();
    let told: Vec<_> = depth.routes.iter().map(|(route, queued)| (*route, queued.messages, queued.bytes)).collect();
    assert_eq!(told[1..], [(Number::ROUTE, 1, 8), (Route::new(9), 1, 3)]);
    assert_eq!((told[0].0, told[0].1), (Blob::ROUTE, 1));
    assert!((100_000..100_100).contains(&told[0].2), "{told:?}");
    assert!(depth.messages == 3 && depth.bytes >= 100_000 && depth.max_bytes >= 1 << 20, "{depth:?}");
    channel.recv::<Blob>().unwrap();
    channel.recv::<Number>().unwrap();
    channel.recv_raw(Route::new(9)).unwrap();
    assert_unused(&channel);
    let pids: BTreeSet<u32> = channel.members().unwrap().iter().map(|member| member.pid).collect();
    assert_eq!(pids, [std::process::id()].into());
}

/// Each waiting verb has a form with a deadline, and one that has passed is a wait that ended.
#[test]
fn every_verb_has_a_deadline() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    let (route, past) = (Route::new(9), Deadline::after(Duration::ZERO));
    let timed_out = |result: Result<(), RecvError>| assert!(matches!(result, Err(RecvError::TimedOut)), "{result:?}");
    timed_out(channel.recv_deadline::<Number>(past).map(drop));
    timed_out(channel.recv_any_deadline(past).map(drop));
    timed_out(channel.recv_lowest_deadline(route, past).map(drop));
    timed_out(channel.recv_raw_deadline(route, past).map(drop));
    timed_out(channel.recv_request_deadline::<Ask>(past).map(drop));
    #[cfg(target_os = "linux")]
    timed_out(channel.recv_except_deadline::<Number>(past).map(drop));
    channel.send_raw_timeout(route, b"1", LONG).unwrap();
    channel.send_raw_deadline(route, b"2", past).unwrap();
    assert_eq!(channel.recv_raw_deadline(route, past).unwrap(), b"1");
    let mut pending = channel.try_request(&ask(1)).unwrap();
    assert!(matches!(pending.wait_deadline(past), Err(CallError::TimedOut)));
    channel.recv_request_deadline::<Ask>(past).unwrap().try_respond(&blob(1, 10)).unwrap();
    assert_eq!(pending.wait_deadline(past).unwrap(), blob(1, 10));
    let mut pending = channel.request_deadline(&ask(2), past).unwrap();
    channel.recv_request_deadline::<Ask>(past).unwrap().respond_deadline(&blob(2, 10), past).unwrap();
    assert_eq!(pending.try_wait().unwrap(), blob(2, 10));
}
