//! Members of a channel are stopped while they wait, and then there is one message, or room for one: a waiter that came after
//! them, and runs, goes on. RM6.

use support::{
    child,
    letters::{Blob, Number, blob},
    name,
    prompt::{assert_waits, each_event_passes_stopped_sleepers, join_promptly},
};
use sysv_primitives::Channel;

fn open(name: &str) -> Channel {
    Channel::open(name).unwrap()
}

/// Receivers and claimers, of one type and of any.
#[test]
fn a_message_goes_to_a_receiver_that_runs() {
    let receive: [fn(&Channel); 4] = [
        |channel| assert_eq!(channel.recv::<Number>().unwrap(), Number(1)),
        |channel| drop(channel.recv_any().unwrap()),
        |channel| channel.claim::<Number>().unwrap().done().map(drop).unwrap(),
        |channel| channel.claim_any().unwrap().done().map(drop).unwrap(),
    ];
    for receive in receive {
        let name = name();
        let channel = Channel::create(&name).unwrap();
        each_event_passes_stopped_sleepers(|| receive(&open(&name)), || channel.send(&Number(1)).unwrap());
        assert!(channel.try_recv_any().is_err(), "each message came once");
    }
}

/// The receiver that runs waits for any message, and receivers of another type are left alone.
#[test]
fn a_message_goes_to_a_receiver_that_wants_it() {
    let name = name();
    let channel = Channel::create(&name).unwrap();
    // Each type has its lane before.
    channel.send(&blob(1, 1)).unwrap();
    assert_eq!(channel.recv::<Blob>().unwrap(), blob(1, 1));
    let other = child(|| drop(open(&name).recv::<Blob>().unwrap()));
    other.until_asleep();
    let receive = || assert_eq!(open(&name).recv::<Number>().unwrap(), Number(1));
    each_event_passes_stopped_sleepers(receive, || channel.send(&Number(1)).unwrap());
    assert_waits("no blob was sent", &other);
    channel.send(&blob(2, 1)).unwrap();
    join_promptly("it has its blob", other);
}

#[test]
fn room_goes_to_a_sender_that_runs() {
    let name = name();
    let channel = Channel::options().capacity(1).create(&name).unwrap();
    channel.send(&Number(1)).unwrap();
    let send = || open(&name).send(&Number(2)).unwrap();
    let mut received = Vec::new();
    each_event_passes_stopped_sleepers(send, || received.push(channel.recv::<Number>().unwrap().0));
    received.push(channel.recv::<Number>().unwrap().0);
    assert_eq!(received, [1, 2, 2, 2]);
}
