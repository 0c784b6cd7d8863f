//! Random operations on a channel, and on a list that does what the documentation says.

use std::time::Duration;

use support::number_from_env;
use sysv_primitives::{Channel, Claimed, Delivery, Envelope, RecvError, Route, SendError, messages};

use crate::conformance::Place;

const ROUTES: i32 = 5;
const CAPACITY: usize = 40;
const LIMIT: u8 = 3;

macro_rules! letters {
    ($($route:literal => $name:ident),*) => {
        $(#[derive(Debug, serde::Serialize, serde::Deserialize)] struct $name(u32);)*
        messages! { $($route => $name);* }
        fn send(channel: &Channel, route: i32, number: u32) -> Result<(), SendError> {
            let delivery = Delivery::new().attempts(LIMIT);
            match route {
                $($route => channel.try_send_with(&$name(number), delivery),)*
                _ => unreachable!("there are five"),
            }
        }
        fn receive_except(channel: &Channel, route: i32) -> Result<Envelope, RecvError> {
            match route {
                $($route => channel.try_recv_except::<$name>(),)*
                _ => unreachable!("there are five"),
            }
        }
        fn claim_except(channel: &Channel, route: i32) -> Result<Claimed<Envelope>, RecvError> {
            match route {
                $($route => channel.try_claim_except::<$name>(),)*
                _ => unreachable!("there are five"),
            }
        }
        fn claim_only(channel: &Channel, route: i32) -> Result<Claimed<Envelope>, RecvError> {
            // The bytes as they are, so that all ways return the same.
            match route {
                $($route => channel.try_claim_lowest(Route::new($route)),)*
                _ => unreachable!("there are five"),
            }
        }
    };
}
letters! { 1 => One, 2 => Two, 3 => Three, 4 => Four, 5 => Five }

/// A message of the model: its route, its number, and how often it was claimed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Letter {
    route: i32,
    number: u32,
    attempts: u32,
}

#[derive(Default)]
struct Model {
    queued: Vec<Letter>,
    claimed: usize,
    aside: Vec<Letter>,
}

impl Model {
    fn take(&mut self, fits: impl Fn(i32) -> bool) -> Option<Letter> {
        let index = self.queued.iter().position(|letter| fits(letter.route))?;
        Some(self.queued.remove(index))
    }

    fn take_lowest(&mut self, up_to: i32) -> Option<Letter> {
        let lowest = self.queued.iter().map(|letter| letter.route).filter(|&route| route <= up_to).min()?;
        self.take(|route| route == lowest)
    }

    fn fails(&mut self, letter: Letter) {
        let letter = Letter { attempts: letter.attempts + 1, ..letter };
        if letter.attempts.is_multiple_of(LIMIT.into()) { self.aside.push(letter) } else { self.queued.push(letter) }
    }
}

fn number(bytes: &[u8]) -> u32 {
    // The codec's numbers are as long as their types.
    u32::from_le_bytes(bytes.try_into().expect("it is a number"))
}

fn of_envelope(found: Result<Envelope, RecvError>) -> Option<(i32, u32)> {
    match found {
        Ok(found) => Some(identified(&found)),
        Err(RecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    }
}

fn identified(envelope: &Envelope) -> (i32, u32) {
    let route = envelope.route().to_string().parse().unwrap();
    (route, number(envelope.bytes()))
}

fn of_raw(found: Result<Vec<u8>, RecvError>, route: i32) -> Option<(i32, u32)> {
    match found {
        Ok(bytes) => Some((route, number(&bytes))),
        Err(RecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    }
}

fn of_claim(found: Result<Claimed<Envelope>, RecvError>) -> Option<Claimed<Envelope>> {
    match found {
        Ok(found) => Some(found),
        Err(RecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn random_operations(place: &Place) {
    let channel = place.create(|options| options.capacity(CAPACITY.try_into().unwrap()));
    let other = place.open();
    let operations = number_from_env("CHANNEL_OPERATIONS", 6_000);
    let (mut model, mut claims) = (Model::default(), Vec::<(Claimed<Envelope>, Letter)>::new());
    let mut counts = [0_u32; 12];
    for operation in 0..u32::try_from(operations).unwrap() {
        let channel = if fastrand::bool() { &channel } else { &other };
        let route = fastrand::i32(1..=ROUTES);
        let what = fastrand::usize(..21);
        let same = |ours: Option<(i32, u32)>, models: Option<Letter>| {
            assert_eq!(ours, models.map(|letter| (letter.route, letter.number)), "at operation {operation}: {what}");
            ours.is_some()
        };
        let happened = match what {
            0..=6 => {
                let is_full = model.queued.len() + model.claimed >= CAPACITY;
                match send(channel, route, operation) {
                    Ok(()) => {
                        assert!(!is_full, "at operation {operation}: it should be full");
                        model.queued.push(Letter { route, number: operation, attempts: 0 });
                    }
                    Err(SendError::Full(full)) => {
                        assert!(is_full, "at operation {operation}: {full}");
                        assert_eq!(full.messages, CAPACITY as u64);
                    }
                    Err(error) => panic!("{error}"),
                }
                (0, true)
            }
            7 => (1, same(of_envelope(channel.try_recv_any()), model.take(|_| true))),
            8 => (2, same(of_envelope(channel.try_recv_lowest(Route::new(route))), model.take_lowest(route))),
            9 => (3, same(of_envelope(receive_except(channel, route)), model.take(|other| other != route))),
            10 => (4, same(of_raw(channel.try_recv_raw(Route::new(route)), route), model.take(|other| other == route))),
            11..=14 => {
                let (claim, letter) = match what {
                    11 => (of_claim(channel.try_claim_any()), model.take(|_| true)),
                    12 | 13 => (of_claim(claim_only(channel, route)), model.take_lowest(route)),
                    _ => (of_claim(claim_except(channel, route)), model.take(|other| other != route)),
                };
                let happened = same(claim.as_ref().map(|claim| identified(claim)), letter);
                if let (Some(claim), Some(letter)) = (claim, letter) {
                    assert_eq!(claim.attempt(), letter.attempts + 1);
                    assert_eq!(claim.attempts().len(), letter.attempts.min(8) as usize);
                    assert_eq!(claim.is_last_attempt(), (letter.attempts + 1).is_multiple_of(LIMIT.into()));
                    model.claimed += 1;
                    claims.push((claim, letter));
                }
                (5, happened)
            }
            15..=18 if !claims.is_empty() => {
                let (claim, letter) = claims.swap_remove(fastrand::usize(..claims.len()));
                model.claimed -= 1;
                match what {
                    15 => drop(claim.done().unwrap()),
                    16 => {
                        claim.requeue().unwrap();
                        model.fails(letter);
                    }
                    17 => {
                        claim.requeue_after(Duration::ZERO).unwrap();
                        model.fails(letter);
                    }
                    _ => {
                        drop(claim);
                        model.fails(letter);
                    }
                }
                (what - 9, true)
            }
            19 | 20 if !model.aside.is_empty() => {
                let aside = channel.set_aside().unwrap();
                let found: Vec<u32> = aside.iter().map(|found| number(found.bytes())).collect();
                let mut expected: Vec<u32> = model.aside.iter().map(|letter| letter.number).collect();
                let mut sorted = found.clone();
                sorted.sort_unstable();
                expected.sort_unstable();
                assert_eq!(sorted, expected, "at operation {operation}");
                let chosen = fastrand::usize(..aside.len());
                let index = model.aside.iter().position(|letter| letter.number == found[chosen]).unwrap();
                // Few are kept aside, so that none is dropped.
                let is_full = model.queued.len() + model.claimed >= CAPACITY;
                if fastrand::bool() && !is_full {
                    assert!(aside[chosen].retry().unwrap());
                    assert!(!aside[chosen].discard().unwrap(), "it is there no more");
                    let letter = model.aside.remove(index);
                    model.queued.push(letter);
                } else {
                    assert!(aside[chosen].discard().unwrap());
                    assert!(!aside[chosen].retry().unwrap(), "it is there no more");
                    model.aside.remove(index);
                }
                (10, true)
            }
            _ => (11, false),
        };
        counts[happened.0] += u32::from(happened.1);
    }
    let depth = channel.depth().unwrap();
    assert_eq!(depth.messages, (model.queued.len() + model.claimed) as u64);
    assert_eq!((depth.claimed, depth.set_aside), (model.claimed as u64, model.aside.len() as u64));
    let waiting: u64 = depth.routes.values().map(|queued| queued.messages).sum();
    assert_eq!(waiting, model.queued.len() as u64);
    println!("{operations} operations, {counts:?}: no difference");
    assert!(counts[..11].iter().all(|&count| count > 10), "too few to say anything: {counts:?}");
}
