//! Claims in a storm: 8 workers do 10,000 messages, give some back, and are killed or stopped at random.
//!
//! A ledger in shared memory says how often each message was begun, given back, and done. Each is done once. A message that the
//! ledger does not call done was done by a worker that was killed right after it: so there are no more of these than kills.
//! `STORM_KILLS` sets how many workers are killed, 300 by default. Twice as many are stopped.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use serde::{Deserialize, Serialize};
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_primitives::{Channel, Options, RecvError, messages};

const MESSAGES: u32 = 10_000;
const WORKERS: usize = 8;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    number: u32,
    #[serde(with = "serde_bytes")]
    padding: Vec<u8>,
}

messages! { 1 => Job }

fn job(number: u32) -> Job {
    // Some do not fit into a cell.
    let len = if number.is_multiple_of(10) { 3_000 } else { 10 };
    Job { number, padding: vec![number.to_le_bytes()[0]; len] }
}

fn options() -> Options<Channel> {
    Channel::options().capacity(64).max_handles(64).open_timeout(Duration::from_millis(300))
}

/// How often a message was begun, and done.
type Entry = [AtomicU32; 2];

fn work(name: &str, entries: &[Entry]) {
    let channel = options().open(name).unwrap();
    loop {
        let claimed = match channel.claim_timeout::<Job>(LONG) {
            Ok(claimed) => claimed,
            Err(RecvError::Closed { .. }) => return,
            Err(error) => panic!("a worker is stuck: {error}"),
        };
        assert_eq!(*claimed, job(claimed.number), "torn");
        let [begun, done] = &entries[claimed.number as usize];
        begun.fetch_add(1, SeqCst);
        thread::sleep(Duration::from_micros(fastrand::u64(..1_000)));
        match fastrand::u8(..16) {
            0 => claimed.requeue().unwrap(),
            1 => drop(claimed),
            _ => {
                claimed.done().unwrap();
                assert_eq!(done.fetch_add(1, SeqCst), 0, "done twice");
            }
        }
    }
}

#[test]
fn each_message_is_done_once() {
    let kills = u32::try_from(number_from_env("STORM_KILLS", 300)).unwrap();
    let name = name();
    let shared = memory(8 * MESSAGES as usize);
    let entries: &[Entry] = shared.slice(0, MESSAGES as usize).unwrap();
    let channel = options().create(&name).unwrap();
    let start = || child(|| work(&name, entries));
    let mut workers: Vec<Child> = (0..WORKERS).map(|_| start()).collect();
    let sender = child(|| {
        let channel = options().open(&name).unwrap();
        (0..MESSAGES).for_each(|number| channel.send_timeout(&job(number), LONG).unwrap());
    });
    let (mut killed, mut stopped) = (0, 0);
    while killed < kills && !sender.is_done() {
        let stops: Vec<usize> = (0..2).map(|_| fastrand::usize(..WORKERS)).collect();
        stops.iter().for_each(|&index| workers[index].signal(SIGSTOP));
        stopped += stops.len();
        thread::sleep(Duration::from_micros(fastrand::u64(..3_000)));
        let victim = fastrand::usize(..WORKERS);
        std::mem::replace(&mut workers[victim], start()).kill_unless_done();
        killed += 1;
        stops.iter().for_each(|&index| workers[index].signal(SIGCONT));
    }
    sender.join();
    let patience = Instant::now() + LONG;
    while channel.depth().unwrap().messages > 0 && Instant::now() < patience {
        thread::sleep(Duration::from_millis(1));
    }
    channel.close().unwrap();
    workers.into_iter().for_each(Child::join);
    let depth = channel.depth().unwrap();
    assert_eq!((depth.messages, depth.bytes), (0, 0), "a message is left");
    let count = |index: usize| entries.iter().map(|entry| entry[index].load(SeqCst)).sum::<u32>();
    let (begun, done) = (count(0), count(1));
    println!(
        "{killed} killed, {stopped} times stopped: {MESSAGES} messages, begun {begun} times, {done} known to be done"
    );
    assert!(done + killed >= MESSAGES, "{} messages are lost", MESSAGES - done - killed);
}
