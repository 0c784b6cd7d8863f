//! A channel in a storm: 16 senders and 16 receivers on 8 routes, killed at random.
//!
//! Each message has a number on its route, and a ledger in shared memory says how far it is. What was sent comes out
//! once, unless the receiver that took it was killed: so no more is missing than receivers were killed. What was being sent when
//! its sender was killed comes out once or never. `STORM_KILLS` sets how many are killed, 300 unless said.

use std::{
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_ipc::SharedMemory;
use sysv_primitives::{Channel, Message, Options, Route, SendError, codec::Bincode};

const CROWD: u32 = 16;
const ROUTES: usize = 8;
const MOST: usize = 40_000;

#[derive(Serialize, Deserialize)]
struct Numbered<const ROUTE: i32> {
    number: u32,
    #[serde(with = "serde_bytes")]
    padding: Vec<u8>,
}

impl<const ROUTE: i32> Message for Numbered<ROUTE> {
    const ROUTE: Route = Route::new(ROUTE);
    type Codec = Bincode;
}

// How far a message is: what its sender says, and then one for each time that it was received.
const SENDING: u32 = 1;
const SENT: u32 = 2;
const RECEIVED: u32 = 16;

/// What everybody sees.
struct Ledger<'a> {
    next: &'a [AtomicU64],
    messages: &'a [AtomicU32],
}

impl<'a> Ledger<'a> {
    const SIZE: usize = 8 * ROUTES + 4 * ROUTES * MOST;

    fn of(memory: &'a SharedMemory) -> Self {
        Self {
            next: memory.slice(0, ROUTES).expect("it fits"),
            messages: memory.slice(8 * ROUTES, ROUTES * MOST).expect("it fits"),
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally { received: [0; ROUTES], lost: 0, unsure: 0 };
        for (index, message) in self.messages.iter().enumerate() {
            match message.load(Relaxed) {
                0 => {}
                word if word == SENDING + SENT + RECEIVED => tally.received[index / MOST] += 1,
                word if word == SENDING + SENT => tally.lost += 1,
                word if word == SENDING || word == SENDING + RECEIVED => tally.unsure += 1,
                word => panic!("message {index} is in state {word}"),
            }
        }
        tally
    }

    fn message(&self, route: usize, number: u32) -> &AtomicU32 {
        &self.messages[(route - 1) * MOST + number as usize]
    }
}

/// What became of the messages.
struct Tally {
    received: [u32; ROUTES],
    lost: u32,
    unsure: u32,
}

macro_rules! with_route {
    ($route:expr, $function:ident, $($argument:expr),*) => {
        match $route {
            1 => $function::<1>($($argument),*),
            2 => $function::<2>($($argument),*),
            3 => $function::<3>($($argument),*),
            4 => $function::<4>($($argument),*),
            5 => $function::<5>($($argument),*),
            6 => $function::<6>($($argument),*),
            7 => $function::<7>($($argument),*),
            _ => $function::<8>($($argument),*),
        }
    };
}

fn send<const ROUTE: i32>(channel: &Channel, ledger: &Ledger<'_>) -> bool {
    let route = ROUTE.unsigned_abs() as usize;
    let number = ledger.next[route - 1].fetch_add(1, SeqCst);
    if number >= MOST as u64 {
        return false;
    }
    let number = u32::try_from(number).expect("it is small");
    let len = [10, 10, 10, 9_000, 30_000][fastrand::usize(..5)];
    let message = Numbered::<ROUTE> { number, padding: vec![number.to_le_bytes()[0]; len] };
    ledger.message(route, number).fetch_add(SENDING, SeqCst);
    match channel.send_timeout(&message, LONG) {
        Ok(()) => {}
        Err(SendError::Closed { .. }) => return false,
        Err(error) => panic!("a sender is stuck: {error}"),
    }
    ledger.message(route, number).fetch_add(SENT, SeqCst);
    true
}

/// Receives on one route; returns whether there was a message.
fn receive<const ROUTE: i32>(receiver: &Channel, ledger: &Ledger<'_>, timeout: Duration) -> bool {
    match receiver.recv_timeout::<Numbered<ROUTE>>(timeout) {
        Ok(message) => {
            assert!(message.padding.iter().all(|&byte| byte == message.number.to_le_bytes()[0]), "torn");
            let before = ledger.message(ROUTE.unsigned_abs() as usize, message.number).fetch_add(RECEIVED, SeqCst);
            assert!(before < RECEIVED, "received twice");
            true
        }
        Err(error) if error.is_busy() || error.is_end() => false,
        Err(error) => panic!("a receiver is stuck: {error}"),
    }
}

fn options() -> Options<Channel> {
    Channel::options().max_handles(64).open_timeout(Duration::from_millis(300)).max_message_size(100_000)
}

fn sender(name: &str, ledger: &Ledger<'_>) {
    let sender = options().open(name).unwrap();
    while with_route!(fastrand::usize(1..=ROUTES), send, &sender, ledger) {
        if fastrand::u8(..8) == 0 {
            thread::sleep(Duration::from_micros(fastrand::u64(..500)));
        }
    }
}

fn receiver(name: &str, ledger: &Ledger<'_>) {
    let receiver = options().open(name).unwrap();
    while !receiver.is_closed() {
        with_route!(fastrand::usize(1..=ROUTES), receive, &receiver, ledger, Duration::from_millis(20));
    }
}

/// Closes the channel, and receives what is left until everybody has ended.
fn close(channel: &Channel, ledger: &Ledger<'_>, survivors: Vec<Child>) {
    channel.close().unwrap();
    let rest = channel;
    let drain = || {
        (1..=ROUTES).for_each(|route| while with_route!(route, receive, rest, ledger, Duration::ZERO) {});
    };
    // Senders that wait for room are still to have it.
    while !survivors.iter().all(Child::is_done) {
        drain();
        thread::sleep(Duration::from_millis(1));
    }
    survivors.into_iter().for_each(Child::join);
    drain();
}

#[test]
fn sixteen_by_sixteen_by_eight() {
    let kills = number_from_env("STORM_KILLS", 300);
    let name = name();
    let shared = memory(Ledger::SIZE);
    let ledger = Ledger::of(&shared);
    let channel = options().create(&name).unwrap();
    let start = |sends: bool| {
        let body = || if sends { sender(&name, &ledger) } else { receiver(&name, &ledger) };
        (sends, child(body))
    };
    let mut crowd: Vec<(bool, Child)> = (0..2 * CROWD).map(|index| start(index % 2 == 0)).collect();
    let (mut killed, begun) = ([0; 2], Instant::now());
    for _ in 0..kills {
        thread::sleep(Duration::from_micros(fastrand::u64(..6_000)));
        let (sends, victim) = crowd.swap_remove(fastrand::usize(..crowd.len()));
        victim.kill_unless_done();
        killed[usize::from(sends)] += 1;
        crowd.push(start(sends));
    }
    close(&channel, &ledger, crowd.into_iter().map(|(_, survivor)| survivor).collect());
    let depth = channel.depth().unwrap();
    assert_eq!((depth.messages, depth.bytes), (0, 0), "leaked");
    let Tally { received, lost, unsure } = ledger.tally();
    let [receivers, senders] = killed;
    println!(
        "channel storm: {receivers} receivers and {senders} senders killed, received by route {received:?}, lost with a \
         receiver {lost}, in a killed sender's hands {unsure}, in {:.1?}",
        begun.elapsed()
    );
    assert!(received.iter().all(|&count| count > 0), "too little was sent to say anything");
    assert!(lost <= receivers, "{lost} messages lost, and {receivers} receivers killed");
    // A sender may also have been in the middle when the channel was closed.
    assert!(unsure <= senders + CROWD, "{unsure} messages half sent, and {senders} senders killed");
}
