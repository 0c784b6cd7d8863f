//! Many receivers of a channel sleep, and few messages come: each message wakes one receiver that it fits.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

use support::{
    Child, SHORT, child, hold_for_ever,
    letters::{Blob, Number},
    memory, name,
    prompt::{promptly, sleeps_of},
};
use sysv_primitives::{Channel, Message, Route, raw::MessageType};

const SLEEPERS: usize = 64;
const ROUTES: u32 = 8;
/// To which route each message goes. None comes to a route more often than there are sleepers for it.
const SENT: [u32; 12] = [1, 1, 3, 8, 3, 2, 3, 5, 1, 8, 2, 7];

/// What a sleeper receives.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Only(u32),
    Any,
    UpTo(u32),
    ExceptBlobs,
    ExceptNumbers,
}

impl Wish {
    fn fits(self, route: u32) -> bool {
        match self {
            Self::Only(only) => route == only,
            Self::Any => true,
            Self::UpTo(most) => route <= most,
            Self::ExceptBlobs => self::route(route) != Blob::ROUTE,
            Self::ExceptNumbers => self::route(route) != Number::ROUTE,
        }
    }

    fn receive(self, channel: &Channel) -> Vec<u8> {
        let received = match self {
            Self::Only(only) => return channel.recv_raw(route(only)).unwrap(),
            Self::Any => channel.recv_any(),
            Self::UpTo(most) => channel.recv_lowest(route(most)),
            Self::ExceptBlobs => channel.recv_except::<Blob>(),
            Self::ExceptNumbers => channel.recv_except::<Number>(),
        };
        received.unwrap().bytes().to_vec()
    }
}

fn small(number: usize) -> u32 {
    number.try_into().unwrap()
}

fn route(number: u32) -> Route {
    MessageType::new(number.into()).unwrap().into()
}

/// Starts a sleeper for each wish, sends each message, and asserts that one sleeper has each, and how many were woken in vain.
fn each_message_wakes_one(
    wishes: &[Wish; SLEEPERS],
    sent: &[u32],
    most_in_vain: usize,
    act: impl FnOnce(&Channel, &dyn Fn(usize)),
) {
    let (name, shared) = (name(), memory(4 * SLEEPERS));
    // The number of the message that each sleeper has, plus one.
    let has: &[AtomicU32] = shared.slice(0, SLEEPERS).unwrap();
    let channel = Channel::options().max_handles(1 + small(SLEEPERS)).create(&name).unwrap();
    // Each route has its lane before: a lane that comes into use makes receivers of several routes look.
    for number in 1..=ROUTES {
        channel.send_raw(route(number), &[]).unwrap();
        channel.recv_raw(route(number)).unwrap();
    }
    let sleepers: Vec<_> = wishes
        .iter()
        .zip(has)
        .map(|(wish, has)| {
            child(|| {
                let channel = Channel::open(&name).unwrap();
                let bytes = wish.receive(&channel);
                has.store(1 + u32::from_le_bytes(bytes.try_into().unwrap()), SeqCst);
                hold_for_ever()
            })
        })
        .collect();
    sleepers.iter().for_each(Child::until_asleep);
    let before: Vec<_> = sleepers.iter().map(sleeps_of).collect();
    let count = || has.iter().filter(|has| has.load(SeqCst) != 0).count();
    act(&channel, &|sent| promptly("a receiver has each message", || count() == sent));
    thread::sleep(SHORT);
    let (mut received, mut in_vain) = (Vec::new(), Vec::new());
    for (number, has) in has.iter().enumerate() {
        match has.load(SeqCst) {
            0 if sleeps_of(&sleepers[number]) > before[number] => in_vain.push((number, wishes[number])),
            0 => {}
            message => {
                let route = sent[message as usize - 1];
                assert!(wishes[number].fits(route), "{:?} got a message of route {route}", wishes[number]);
                received.push(message as usize);
            }
        }
    }
    received.sort_unstable();
    assert_eq!(received, (1..=sent.len()).collect::<Vec<_>>(), "each message came once");
    assert!(in_vain.len() <= most_in_vain, "receivers without a message were woken: {in_vain:?}");
}

fn send(channel: &Channel, number: usize, to: u32) {
    channel.send_raw(route(to), &small(number).to_le_bytes()).unwrap();
}

/// Sends each message once the one before is received.
fn one_by_one(channel: &Channel, until_received: &dyn Fn(usize)) {
    for (number, to) in SENT.into_iter().enumerate() {
        send(channel, number, to);
        until_received(number + 1);
    }
}

fn at_once(channel: &Channel, sent: &[u32], until_received: &dyn Fn(usize)) {
    sent.iter().enumerate().for_each(|(number, to)| send(channel, number, *to));
    until_received(sent.len());
}

/// Eight sleepers for each route.
fn of_one_route() -> [Wish; SLEEPERS] {
    std::array::from_fn(|sleeper| Wish::Only(1 + small(sleeper) % ROUTES))
}

#[test]
fn messages_one_by_one_wake_one_receiver_of_their_route_each() {
    each_message_wakes_one(&of_one_route(), &SENT, 0, one_by_one);
}

#[test]
fn messages_of_several_routes_at_once_wake_one_receiver_each() {
    let sent: [u32; ROUTES as usize] = [3, 1, 2, 8, 5, 7, 4, 6];
    each_message_wakes_one(&of_one_route(), &sent, 0, |channel, until_received| {
        at_once(channel, &sent, until_received);
    });
}

/// A receiver that was called for the second message of its route may take the first one. It passes its call on, and the
/// receiver that was called for the first message takes the second one as well. So a message wakes two receivers at most.
#[test]
fn messages_of_one_route_at_once_wake_two_receivers_each_at_most() {
    each_message_wakes_one(&of_one_route(), &SENT, SENT.len(), |channel, until_received| {
        at_once(channel, &SENT, until_received);
    });
}

/// The four ways to choose, mixed. One by one: a receiver that was called for a message may take an older one, and another
/// receiver was called for that in vain.
#[test]
fn messages_wake_one_receiver_that_they_fit() {
    let wishes = std::array::from_fn(|sleeper| match sleeper % 8 {
        0 => Wish::Any,
        1 => Wish::UpTo(1 + small(sleeper) / 8),
        2 => Wish::ExceptBlobs,
        3 => Wish::ExceptNumbers,
        _ => Wish::Only(1 + small(sleeper) / 8),
    });
    each_message_wakes_one(&wishes, &SENT, 0, one_by_one);
}
