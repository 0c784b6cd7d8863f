//! Message queues: construction, sending and receiving, attributes. Time is in `message_queue_time.rs`.

use std::time::Duration;

use support::{LONG, as_nobody, assert_fails, child, free_key, full_queue, kind, message, own, queue, skip, until};
use sysv_ipc::{
    Error, Key, MessageBuffer, MessageQueue, MessageQueueOptions, MessageType, Mode, Selector, remove_message_queue,
};

// Construction ------------------------------------------------------------------------------

/// R117 R118 R119 R123: opening, opening or creating, creating. Keys of all kinds.
#[test]
fn r119_open_create_exclusive() {
    let key = free_key();
    let mut options = MessageQueueOptions::new();
    assert_fails!(options.open(key), Error::NotFound { call: "msgget", .. });
    let made = own(options.create(true).open(key).unwrap());
    assert_eq!(options.open(key).unwrap().id(), made.id());
    assert_fails!(options.exclusive(true).open(key), Error::AlreadyExists { call: "msgget", .. });
    assert_fails!(MessageQueueOptions::new().exclusive(true).open(key), Error::ExclusiveWithoutCreate);
    let private = own(MessageQueueOptions::new().open(Key::PRIVATE).unwrap());
    assert_eq!(private.key(), Some(Key::PRIVATE));
    assert_ne!(queue().key(), queue().key());
}

/// R120: bits of the mode beyond permissions are dropped. Opening asks for no access.
#[test]
fn r120_mode() {
    let made = own(MessageQueueOptions::new().mode(0o7604).open_random().unwrap());
    assert_eq!(made.permissions().unwrap().mode, Mode::new(0o604));
    let key = made.key().unwrap();
    made.send(&message(1, b"readable")).unwrap();
    as_nobody(|| {
        let reader = MessageQueueOptions::new().open(key).unwrap();
        assert_eq!(reader.receive(Selector::Any).unwrap().bytes(), b"readable");
        assert_fails!(reader.send(&message(1, b"")), Error::PermissionDenied { call: "msgsnd", .. });
        assert_fails!(MessageQueueOptions::new().write(true).open(key), Error::PermissionDenied { .. });
        assert_fails!(reader.remove(), Error::PermissionDenied { .. });
        assert_fails!(remove_message_queue(reader.id()), Error::PermissionDenied { .. });
        assert_fails!(reader.set_max_size(10), Error::PermissionDenied { .. });
    });
}

/// R121 R125: the longest message is a matter of the handle, for sending and for receiving.
#[test]
fn r121_max_message_size() {
    let made = queue();
    assert_eq!(made.max_message_size(), 2048);
    let too_long = message(1, &[0; 2049]);
    assert_fails!(made.send(&too_long), Error::MessageTooLong { len: 2049, max_message_size: 2048 });
    assert_eq!(made.stat().unwrap().messages, 0);
    let roomy = MessageQueueOptions::new().max_message_size(4096).open(made.key().unwrap()).unwrap();
    roomy.send(&too_long).unwrap();
    assert_fails!(made.receive(Selector::Any), Error::BufferTooSmall { buffer: 2048, .. });
    assert_eq!(roomy.receive(Selector::Any).unwrap(), too_long);
    let absurd = MessageQueueOptions::new().max_message_size(usize::MAX).open(made.key().unwrap()).unwrap();
    assert_fails!(absurd.try_receive(Selector::Any), Error::OutOfMemory { .. });
}

// Sending and receiving -----------------------------------------------------------------------

/// R124 R132: any bytes go through, none too, and the type with them.
#[test]
fn r124_bytes_and_types() {
    let queue = queue();
    for (number, bytes) in [(1, &b"a\0b\0"[..]), (2, b""), (3, &[0xff; 2048])] {
        queue.send(&message(number, bytes)).unwrap();
        let received = queue.receive(Selector::Any).unwrap();
        assert_eq!((received.message_type().get(), received.bytes()), (number, bytes));
    }
}

/// R131: types are positive, and as wide as the kernel's.
#[test]
fn r131_types() {
    for number in [0, -1, libc::c_long::MIN] {
        assert_fails!(MessageType::new(number), Error::TypeOutOfRange { .. });
    }
    let queue = queue();
    for number in [1 << 31, i64::MAX] {
        queue.send(&message(number, b"wide")).unwrap();
        assert_eq!(queue.receive(Selector::Type(kind(number))).unwrap().message_type().get(), number);
    }
}

/// R126 T10: longer than the kernel's `MSGMAX` is an error of its own, with the limit in it.
#[test]
#[cfg(target_os = "linux")]
fn r126_longer_than_msgmax() {
    let msgmax = usize::try_from(sysv_ipc::limits().unwrap().message_queues.max_message_size).unwrap();
    let queue = own(MessageQueueOptions::new().max_message_size(usize::MAX >> 1).open_random().unwrap());
    let sent = queue.send(&message(1, &vec![0; msgmax + 1]));
    assert_fails!(sent, Error::MessageExceedsMsgmax { len, msgmax: limit } if (len, limit) == (msgmax + 1, msgmax));
}

/// R127 R128 R129 R162: a full queue makes senders wait, or refuses at once. 16 KiB are full.
#[test]
fn r127_full() {
    let queue = full_queue();
    let stat = queue.stat().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(stat.messages, stat.max_size / 1024);
        assert_eq!(stat.bytes, Some(stat.max_size));
    }
    assert_fails!(queue.try_send(&message(2, b"no")), Error::WouldBlock { call: "msgsnd", .. });
    let sender = child(|| queue.send(&message(2, b"at last")).unwrap());
    sender.until_asleep();
    queue.receive(Selector::Any).unwrap();
    sender.join();
    assert_eq!(queue.receive(Selector::Type(kind(2))).unwrap().bytes(), b"at last");
}

/// R129: on Linux a queue holds as many messages as bytes, which empty ones meet.
#[test]
#[cfg(target_os = "linux")]
fn r129_empty_messages_fill_a_queue() {
    let queue = queue();
    queue.set_max_size(10).unwrap();
    for _ in 0..10 {
        queue.try_send(&message(1, b"")).unwrap();
    }
    assert_fails!(queue.try_send(&message(1, b"")), Error::WouldBlock { .. });
}

/// R130: what could never fit is refused, and doesn't wait for ever.
#[test]
fn r130_larger_than_the_queue() {
    let queue = queue();
    queue.set_max_size(10).unwrap();
    let eleven = message(1, &[0; 11]);
    assert_fails!(queue.send(&eleven), Error::MessageExceedsQueue { len: 11, max_size: 10, .. });
    assert_fails!(queue.try_send(&eleven), Error::MessageExceedsQueue { .. });
    assert_fails!(queue.send_timeout(&eleven, LONG), Error::MessageExceedsQueue { .. });
    queue.send(&message(1, &[0; 10])).unwrap();
    queue.set_max_size(0).unwrap();
    assert_fails!(queue.send(&message(1, b"")), Error::MessageExceedsQueue { len: 0, max_size: 0, .. });
    // Also for a process that may write and not read.
    queue.set_max_size(10).unwrap();
    queue.set_mode(0o602).unwrap();
    as_nobody(|| {
        let writer = MessageQueue::from_id(queue.id()).unwrap();
        assert_fails!(writer.send(&eleven), Error::MessageExceedsQueue { len: 11, max_size: 10, .. });
    });
}

/// R133 R135: receiving waits for a message, and takes the oldest.
#[test]
fn r133_receive() {
    let queue = queue();
    let receiver = child(|| assert_eq!(queue.receive(Selector::Any).unwrap().bytes(), b"first"));
    receiver.until_asleep();
    queue.send(&message(9, b"first")).unwrap();
    receiver.join();
    for bytes in [b"a", b"b", b"c"] {
        queue.send(&message(1, bytes)).unwrap();
    }
    let order: Vec<_> = (0..3).map(|_| queue.receive(Selector::Any).unwrap().into_bytes()).collect();
    assert_eq!(order, [b"a", b"b", b"c"]);
}

/// R134: nothing there is would-block, whatever is selected.
#[test]
fn r134_nothing_there() {
    let queue = queue();
    queue.send(&message(2, b"two")).unwrap();
    for selector in [Selector::Type(kind(1)), Selector::LowestUpTo(kind(1)), Selector::Except(kind(2))] {
        assert_fails!(queue.try_receive(selector), Error::WouldBlock { call: "msgrcv", .. });
    }
    assert_eq!(queue.stat().unwrap().messages, 1);
}

/// R136 R137 R138: by type, by lowest type, by all but a type. The others keep their order.
#[test]
fn r136_selectors() {
    let queue = queue();
    let fill = || [4, 3, 2, 1, 2].map(|number| queue.send(&message(number, b"")).unwrap());
    let drain = || {
        let mut numbers = Vec::new();
        while let Ok(message) = queue.try_receive(Selector::Any) {
            numbers.push(message.message_type().get());
        }
        numbers
    };
    let after = |selector| {
        fill();
        let taken = queue.try_receive(selector).unwrap().message_type().get();
        (taken, drain())
    };
    assert_eq!(after(Selector::Any), (4, vec![3, 2, 1, 2]));
    assert_eq!(after(Selector::Type(kind(2))), (2, vec![4, 3, 1, 2]));
    if cfg!(target_os = "linux") {
        assert_eq!(after(Selector::LowestUpTo(kind(2))), (1, vec![4, 3, 2, 2]));
        assert_eq!(after(Selector::LowestUpTo(MessageType::MAX)), (1, vec![4, 3, 2, 2]));
        assert_eq!(after(Selector::Except(kind(4))), (3, vec![4, 2, 1, 2]));
    }
}

/// R139: what is too long for the buffer stays. The truncating form takes it and cuts it.
#[test]
fn r139_too_long_for_the_buffer() {
    let queue = queue();
    let mut small = MessageQueue::clone(&queue);
    small.set_max_message_size(4);
    queue.send(&message(5, b"123456")).unwrap();
    let mut buffer = message(1, b"untouched");
    assert_fails!(small.receive_into(&mut buffer, Selector::Any), Error::BufferTooSmall { buffer: 4, .. });
    assert_eq!((buffer.bytes(), queue.stat().unwrap().messages), (&b"untouched"[..], 1));
    small.receive_truncating(&mut buffer, Selector::Any, sysv_ipc::Deadline::NOW).unwrap();
    assert_eq!((buffer.message_type().get(), buffer.bytes()), (5, &b"1234"[..]));
}

/// Peeking copies and leaves.
#[test]
#[cfg(target_os = "linux")]
fn peek() {
    let queue = queue();
    for number in 1..=3 {
        queue.send(&message(number, &[b'0'; 2])).unwrap();
    }
    match queue.peek(2) {
        Err(Error::Unsupported { .. }) => return skip("this kernel was built without MSG_COPY"),
        peeked => assert_eq!(peeked.unwrap().message_type().get(), 3),
    }
    assert_fails!(queue.peek(3), Error::WouldBlock { .. });
    assert_fails!(queue.peek(usize::MAX), Error::WouldBlock { .. });
    assert_eq!(queue.stat().unwrap().messages, 3);
}

/// R140 R143 R3: removal wakes the waiters on either side, and the messages are lost.
#[test]
fn r140_removed_while_waiting() {
    let full = full_queue();
    let sender = child(|| assert_fails!(full.send(&message(1, b"late")), Error::Removed { .. }));
    let timed = child(|| assert_fails!(full.send_timeout(&message(1, b"late"), LONG), Error::Removed { .. }));
    let receiver = child(|| {
        assert_fails!(full.receive(Selector::Type(kind(2))), Error::Removed { .. });
    });
    let timed_receiver = child(|| {
        assert_fails!(full.receive_timeout(Selector::Type(kind(2)), LONG), Error::Removed { .. });
    });
    let waiters = [sender, timed, receiver, timed_receiver];
    waiters.iter().for_each(support::Child::until_asleep);
    full.remove().unwrap();
    waiters.into_iter().for_each(support::Child::join);
}

/// R141 R170: on a removed queue every call says so.
#[test]
fn r141_already_removed() {
    let queue = queue();
    queue.remove().unwrap();
    assert_fails!(queue.send(&message(1, b"x")), Error::Removed { call: "msgsnd", .. });
    assert_fails!(queue.try_send(&message(1, b"x")), Error::Removed { .. });
    assert_fails!(queue.receive(Selector::Any), Error::Removed { call: "msgrcv", .. });
    assert_fails!(queue.try_receive(Selector::Any), Error::Removed { .. });
    assert_fails!(queue.receive_timeout(Selector::Any, LONG), Error::Removed { .. });
    assert_fails!(queue.stat(), Error::Removed { .. });
    assert_fails!(queue.remove(), Error::Removed { .. });
    assert_fails!(remove_message_queue(queue.id()), Error::NotFound { .. });
    assert_fails!(MessageQueue::from_id(queue.id()), Error::NotFound { .. });
}

/// R181: receiving again and again into one buffer needs one allocation, and keeps nothing.
#[test]
fn r181_a_buffer_is_used_again() {
    let queue = queue();
    let mut buffer = MessageBuffer::with_capacity(MessageType::ONE, 2048);
    let place = buffer.bytes().as_ptr();
    for round in 0..1000_u32 {
        queue.send(&message(1, &round.to_ne_bytes())).unwrap();
        queue.receive_into(&mut buffer, Selector::Any).unwrap();
        assert_eq!((buffer.bytes(), buffer.bytes().as_ptr()), (&round.to_ne_bytes()[..], place));
    }
    assert_fails!(queue.try_receive_into(&mut buffer, Selector::Any), Error::WouldBlock { .. });
    let soon = Duration::from_millis(5);
    assert_fails!(queue.receive_into_timeout(&mut buffer, Selector::Any, soon), Error::TimedOut { .. });
    assert_eq!(buffer.bytes(), 999_u32.to_ne_bytes());
}

// Attributes ---------------------------------------------------------------------------------

/// R144 R146 R147 R148 R149 R152: times and processes are of the last send and receive.
#[test]
fn r146_attributes() {
    let queue = queue();
    let stat = queue.stat().unwrap();
    assert!(queue.id() >= 0 || cfg!(target_os = "macos"));
    assert_eq!((stat.send_time, stat.receive_time, stat.messages), (None, None, 0));
    assert_eq!((stat.last_send_pid, stat.last_receive_pid), (None, None));
    assert!(stat.change_time.is_some());
    queue.send(&message(1, b"12345")).unwrap();
    let stat = queue.stat().unwrap();
    assert_eq!((stat.messages, stat.last_send_pid), (1, Some(std::process::id())));
    assert!(stat.send_time.is_some() && stat.bytes.is_none_or(|bytes| bytes == 5));
    let receiver = child(|| drop(queue.receive(Selector::Any).unwrap()));
    let pid = receiver.id();
    receiver.join();
    let stat = queue.stat().unwrap();
    assert_eq!((stat.messages, stat.last_receive_pid), (0, Some(pid)));
    assert!(stat.receive_time.is_some());
}

/// R145: a stranger is refused for being one, whatever the size.
#[test]
fn r145_strangers() {
    let queue = queue();
    queue.set_mode(0o666).unwrap();
    as_nobody(|| {
        let stranger = MessageQueue::from_id(queue.id()).unwrap();
        assert_fails!(stranger.set_max_size(1 << 20), Error::PermissionDenied { .. });
    });
}

/// R145: the queue's size. What it holds stays readable when it shrinks. More than `MSGMNB` needs privilege.
#[test]
fn r145_max_size() {
    let queue = queue();
    let usual = usize::try_from(queue.stat().unwrap().max_size).unwrap();
    queue.send(&message(1, &[7; 100])).unwrap();
    queue.set_max_size(50).unwrap();
    assert_eq!(queue.stat().unwrap().max_size, 50);
    assert_fails!(queue.try_send(&message(1, b"x")), Error::WouldBlock { .. });
    assert_eq!(queue.receive(Selector::Any).unwrap().bytes(), [7; 100]);
    queue.set_max_size(usual).unwrap();
    as_nobody(|| {
        let mine = support::queue();
        mine.set_max_size(usual).unwrap();
        assert_fails!(
            mine.set_max_size(usual + 1),
            Error::LimitReached { limit: sysv_ipc::Limit::Msgmnb, value: Some(_), .. }
        );
        assert_eq!(mine.stat().unwrap().max_size, usual as u64);
    });
}

/// R150 R151: owner and mode can be changed, and keep the queue's size. The creator can't.
#[test]
fn r150_owner_and_mode() {
    let queue = queue();
    queue.set_max_size(1000).unwrap();
    queue.set_mode(0o107_666).unwrap();
    let stat = queue.stat().unwrap();
    assert_eq!((stat.permissions.mode, stat.max_size), (Mode::new(0o666), 1000));
    if !support::has_user(support::NOBODY) {
        return skip("only root can give a queue away");
    }
    queue.set_owner(Some(65_534), Some(65_534)).unwrap();
    let given = queue.permissions().unwrap();
    assert_eq!((given.uid, given.gid, given.cuid, given.cgid), (65_534, 65_534, 0, stat.permissions.cgid));
    // R143: the owner may remove it, though another user made it.
    as_nobody(|| queue.remove().unwrap());
    until(|| queue.stat().is_err_and(|error| error.is_gone()));
}

/// R153: what a handle shows has key and id, and a message its type and bytes.
#[test]
fn r153_debug() {
    let queue = queue();
    let text = format!("{:?}", *queue);
    assert!(text.contains(&queue.id().to_string()) && text.contains(&queue.key().unwrap().to_string()));
    let text = format!("{:?}", message(7, b"a\0"));
    assert!(text.contains('7') && text.contains(r"a\\x00"), "{text}");
}
