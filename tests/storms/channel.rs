//! A channel in a storm: 16 senders and 16 receivers on 8 routes, killed at random, and stopped at random for a while.
//!
//! Each message has a number on its route, and a ledger in shared memory says how far it is. What was sent comes out once,
//! unless the receiver that took it was killed: so no more is missing than receivers were killed. What was being sent when
//! its sender was killed comes out once or never. A receiver has the messages of each sender to a route in order. A process
//! that was stopped and goes on loses nothing, and takes nothing twice. `STORM_KILLS` sets how many are killed, 300 by
//! default. Twice as many are stopped.

use std::{
    cell::RefCell,
    collections::HashMap,
    process,
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use serde::{Deserialize, Serialize};
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_ipc::SharedMemory;
use sysv_primitives::{Channel, Envelope, Message, Options, RecvError, Route, SendError, codec::Bincode};

const CROWD: u32 = 16;
const ROUTES: usize = 8;
const MOST: usize = 200_000;

/// How long the padding of messages is. Some do not fit into a cell.
const MIXED: [usize; 5] = [10, 10, 10, 9_000, 30_000];
const SHORT: [usize; 1] = [10];

/// How long a receiver waits, before it wants another message.
const PATIENCE: Duration = Duration::from_millis(5);

#[derive(Serialize, Deserialize)]
struct Numbered<const ROUTE: i32> {
    number: u32,
    /// The process that sent it.
    sender: u32,
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

/// What every process sees.
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
        let mut tally = Tally::default();
        for (index, message) in self.messages.iter().enumerate() {
            match message.load(Relaxed) {
                0 => {}
                word if word == SENDING + SENT + RECEIVED => tally.received[index / MOST] += 1,
                word if word == SENDING + SENT => tally.lost += 1,
                word if word == SENDING => tally.half_sent += 1,
                word if word == SENDING + RECEIVED => tally.received_half_sent += 1,
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
#[derive(Default)]
struct Tally {
    /// By route.
    received: [u32; ROUTES],
    /// Sent, and not received.
    lost: u32,
    /// Not known to be sent, and not received.
    half_sent: u32,
    /// Not known to be sent, and received.
    received_half_sent: u32,
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

fn send<const ROUTE: i32>(channel: &Channel, ledger: &Ledger<'_>, lengths: &[usize]) -> bool {
    let route = ROUTE.unsigned_abs() as usize;
    let number = ledger.next[route - 1].fetch_add(1, SeqCst);
    if number >= MOST as u64 {
        return false;
    }
    let number = u32::try_from(number).expect("it is small");
    let len = lengths[fastrand::usize(..lengths.len())];
    let message = Numbered::<ROUTE> { number, sender: process::id(), padding: vec![number.to_le_bytes()[0]; len] };
    ledger.message(route, number).fetch_add(SENDING, SeqCst);
    match channel.send_timeout(&message, LONG) {
        Ok(()) => {}
        Err(SendError::Closed { .. }) => return false,
        Err(error) => panic!("a sender is stuck: {error}"),
    }
    ledger.message(route, number).fetch_add(SENT, SeqCst);
    true
}

/// What one receiver has seen.
struct Reader<'a> {
    ledger: &'a Ledger<'a>,
    /// The last message of each sender and route.
    last: RefCell<HashMap<(u32, i32), u32>>,
}

impl<'a> Reader<'a> {
    fn new(ledger: &'a Ledger<'a>) -> Self {
        Self { ledger, last: RefCell::default() }
    }

    /// Notes that a message was received.
    fn note<const ROUTE: i32>(&self, message: &Numbered<ROUTE>) {
        let &Numbered { number, sender, ref padding } = message;
        assert!(padding.iter().all(|&byte| byte == number.to_le_bytes()[0]), "torn");
        let before = self.ledger.message(ROUTE.unsigned_abs() as usize, number).fetch_add(RECEIVED, SeqCst);
        assert!(before < RECEIVED, "received twice");
        let last = self.last.borrow_mut().insert((sender, ROUTE), number);
        assert!(last.is_none_or(|last| last < number), "{number} of a sender came after {last:?}");
    }
}

/// Returns the message, if there was one.
fn found<T>(received: Result<T, RecvError>) -> Option<T> {
    match received {
        Ok(found) => Some(found),
        Err(error) if error.is_busy() || error.is_end() => None,
        Err(error) => panic!("a receiver is stuck: {error}"),
    }
}

/// Receives on one route. Returns whether there was a message.
fn receive<const ROUTE: i32>(receiver: &Channel, reader: &Reader<'_>, timeout: Duration) -> bool {
    let found = found(receiver.recv_timeout::<Numbered<ROUTE>>(timeout));
    found.map(|message| reader.note(&message)).is_some()
}

fn decode<const ROUTE: i32>(envelope: Envelope, reader: &Reader<'_>) {
    reader.note(&envelope.decode::<Numbered<ROUTE>>().expect("torn"));
}

/// Receives the oldest message of all routes, or the oldest one of the lowest route.
fn receive_any(receiver: &Channel, reader: &Reader<'_>) {
    let received = match fastrand::bool() {
        true => receiver.recv_any_timeout(PATIENCE),
        false => receiver.recv_lowest_timeout(Numbered::<8>::ROUTE, PATIENCE),
    };
    if let Some(envelope) = found(received) {
        let route: usize = envelope.route().to_string().parse().expect("it is a number");
        with_route!(route, decode, envelope, reader);
    }
}

fn options() -> Options<Channel> {
    Channel::options().max_handles(64).open_timeout(Duration::from_millis(300)).max_message_size(100_000)
}

fn sender(name: &str, ledger: &Ledger<'_>, lengths: &[usize]) {
    let sender = options().open(name).unwrap();
    while with_route!(fastrand::usize(1..=ROUTES), send, &sender, ledger, lengths) {
        if fastrand::u8(..8) == 0 {
            thread::sleep(Duration::from_micros(fastrand::u64(..500)));
        }
    }
}

fn receiver(name: &str, ledger: &Ledger<'_>) {
    let (receiver, reader) = (options().open(name).unwrap(), Reader::new(ledger));
    while !receiver.is_closed() {
        match fastrand::u8(..4) {
            0 => drop(with_route!(fastrand::usize(1..=ROUTES), receive, &receiver, &reader, PATIENCE)),
            _ => receive_any(&receiver, &reader),
        }
    }
}

/// A process of the storm.
struct Member {
    sends: bool,
    child: Child,
    /// Until when it is stopped.
    stopped: Option<Instant>,
}

/// The processes of the storm, and what was done to them.
struct Crowd<'a> {
    name: &'a str,
    ledger: &'a Ledger<'a>,
    lengths: &'a [usize],
    members: Vec<Member>,
    /// Receivers, and senders.
    killed: [u32; 2],
    killed_while_stopped: u32,
    stopped: [u32; 2],
}

impl<'a> Crowd<'a> {
    fn new(name: &'a str, ledger: &'a Ledger<'a>, lengths: &'a [usize]) -> Self {
        let mut crowd = Self {
            name,
            ledger,
            lengths,
            members: Vec::new(),
            killed: [0; 2],
            killed_while_stopped: 0,
            stopped: [0; 2],
        };
        (0..2 * CROWD).for_each(|index| crowd.start(index % 2 == 0));
        crowd
    }

    fn start(&mut self, sends: bool) {
        let body =
            || if sends { sender(self.name, self.ledger, self.lengths) } else { receiver(self.name, self.ledger) };
        self.members.push(Member { sends, child: child(body), stopped: None });
    }

    /// Kills a member, which may be stopped, and starts another one.
    fn kill_one(&mut self) {
        let victim = self.members.swap_remove(fastrand::usize(..self.members.len()));
        self.killed_while_stopped += u32::from(victim.stopped.is_some());
        victim.child.kill_unless_done();
        self.killed[usize::from(victim.sends)] += 1;
        self.start(victim.sends);
    }

    /// Stops a member for some milliseconds, wherever it is.
    fn stop_one(&mut self) {
        let index = fastrand::usize(..self.members.len());
        let member = &mut self.members[index];
        member.child.signal(SIGSTOP);
        member.stopped = Some(Instant::now() + Duration::from_micros(fastrand::u64(..20_000)));
        self.stopped[usize::from(member.sends)] += 1;
    }

    /// Lets each member go on that was stopped for long enough.
    fn resume(&mut self, now: Instant) {
        for member in &mut self.members {
            if member.stopped.is_some_and(|until| until <= now) {
                member.child.signal(SIGCONT);
                member.stopped = None;
            }
        }
    }

    fn resume_all(&mut self) {
        self.resume(Instant::now() + LONG);
    }

    fn are_done(&self) -> bool {
        self.members.iter().all(|member| member.child.is_done())
    }
}

/// Closes the channel, and receives what is left until all members have ended. Some of them are stopped when it is closed.
fn close(channel: &Channel, ledger: &Ledger<'_>, crowd: &mut Crowd<'_>) {
    channel.close().unwrap();
    let (rest, reader) = (channel, Reader::new(ledger));
    let drain = || {
        (1..=ROUTES).for_each(|route| while with_route!(route, receive, rest, &reader, Duration::ZERO) {});
    };
    drain();
    crowd.resume_all();
    // Senders that wait for room are still to have it.
    while !crowd.are_done() {
        drain();
        thread::sleep(Duration::from_millis(1));
    }
    crowd.members.drain(..).for_each(|survivor| survivor.child.join());
    drain();
}

/// Messages of all lengths, which wait for blocks most of the time.
#[test]
fn sixteen_by_sixteen_by_eight() {
    storm(1024, &MIXED);
}

/// Short messages through few cells, each of which has thousands of messages.
#[test]
fn short_messages() {
    storm(16, &SHORT);
}

fn storm(capacity: u32, lengths: &[usize]) {
    let kills = number_from_env("STORM_KILLS", 300);
    let name = name();
    let shared = memory(Ledger::SIZE);
    let ledger = Ledger::of(&shared);
    let channel = options().capacity(capacity).create(&name).unwrap();
    let mut crowd = Crowd::new(&name, &ledger, lengths);
    let begun = Instant::now();
    for _ in 0..kills {
        for _ in 0..2 {
            thread::sleep(Duration::from_micros(fastrand::u64(..3_000)));
            crowd.resume(Instant::now());
            crowd.stop_one();
        }
        crowd.kill_one();
    }
    close(&channel, &ledger, &mut crowd);
    let depth = channel.depth().unwrap();
    assert_eq!((depth.messages, depth.bytes), (0, 0), "leaked");
    let Tally { received, lost, half_sent, received_half_sent } = ledger.tally();
    let Crowd { killed: [receivers, senders], killed_while_stopped, stopped, .. } = crowd;
    let sent = received.iter().sum::<u32>() + lost;
    println!(
        "channel storm, in {:.1?}: {receivers} receivers and {senders} senders killed, {killed_while_stopped} of them while \
         stopped; {} receivers and {} senders stopped for a while\n\
         {sent} messages sent: received once {}, lost with a killed receiver {lost}\n\
         {} messages half sent by a killed sender: received once {received_half_sent}, never {half_sent}\n\
         received by route: {received:?}",
        begun.elapsed(),
        stopped[0],
        stopped[1],
        sent - lost,
        half_sent + received_half_sent
    );
    assert!(received.iter().all(|&count| count > 0), "too little was sent to say anything");
    assert!(lost <= receivers, "{lost} messages lost, and {receivers} receivers killed");
    // A sender may also have been in the middle when the channel was closed.
    let unsure = half_sent + received_half_sent;
    assert!(unsure <= senders + CROWD, "{unsure} messages half sent, and {senders} senders killed");
}
