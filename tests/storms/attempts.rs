//! Limits, delays and requests that are delivered again, in a storm: workers and callers are killed, stopped and continued
//! at random, and claims are requeued, delayed, dropped and lost in panics.
//!
//! A ledger in shared memory says of each message which attempts were begun, which were about to end it, and which ended it.
//! The account is exact. No attempt has the number of another one, or one above the limit. A message is done once, and nothing
//! is begun afterwards, or it is set aside with as many attempts as its limit. Each call has one end. A message that was
//! about to be done, and is not known to be, is one of a worker that was killed there: so there are no more of these than kills.
//! `STORM_KILLS` sets how many processes are killed, 100 by default, and ten times as many messages are sent, but 10,000 at most.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use serde::{Deserialize, Serialize};
use support::{Child, LONG, child, memory, name, number_from_env};
use sysv_primitives::{CallError, Channel, Claimed, Delivery, Message, Options, PendingResponse, Request, messages};

const MOST_MESSAGES: usize = 10_000;
const MOST_CALLS: usize = 2 * MOST_MESSAGES;
const WORKERS: usize = 6;
const CALLERS: usize = 3;
const CAPACITY: u32 = 64;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    number: u32,
    #[serde(with = "serde_bytes")]
    padding: Vec<u8>,
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Ask {
    number: u32,
    #[serde(with = "serde_bytes")]
    padding: Vec<u8>,
}

messages! { 1 => Job; 2 => Ask }

impl Request for Ask {
    type Response = Job;
}

/// In the cell, in the cell with a response that does not fit beside it, and in blocks.
fn padding(number: u32) -> Vec<u8> {
    let len = [10, 120, 3_000][number as usize % 11 % 3];
    vec![number.to_le_bytes()[0]; len]
}

fn job(number: u32) -> Job {
    Job { number, padding: padding(number) }
}

fn ask(number: u32) -> Ask {
    Ask { number, padding: padding(number) }
}

/// A limit, and a delay of some: both follow from the number.
fn delivery(number: u32) -> Delivery {
    let delay =
        if number.is_multiple_of(4) { Duration::from_micros(u64::from(number % 5_000)) } else { Duration::ZERO };
    Delivery::new().attempts(limit(number)).delay(delay).outlives_caller(number.is_multiple_of(2))
}

fn limit(number: u32) -> u8 {
    [2, 3, 5][number as usize % 3]
}

fn options() -> Options<Channel> {
    Channel::options().capacity(CAPACITY).max_handles(64).open_timeout(Duration::from_millis(300))
}

/// What is known of a message. Attempts are a bit each.
#[derive(Clone, Copy)]
enum Known {
    Begun,
    Ending,
    Ended,
    /// How often it was found aside, and dropped.
    Aside,
    Retried,
    /// Of a call: it was sent, its caller left it, and how it ended for its caller.
    Sent,
    Detached,
    End,
}

type Entry = [AtomicU32; 8];

const ANSWERED: u32 = 1;
const WAS_SET_ASIDE: u32 = 2;
const WAS_DROPPED: u32 = 3;
const LEFT: u32 = 4;

fn note(entry: &Entry, known: Known, bits: u32) -> u32 {
    entry[known as usize].fetch_or(bits, SeqCst)
}

fn get(entry: &Entry, known: Known) -> u32 {
    entry[known as usize].load(SeqCst)
}

/// The shared memory: the number of the next call, and what is known of each message.
struct Ledger<'a> {
    next: &'a AtomicU32,
    jobs: &'a [Entry],
    calls: &'a [Entry],
}

/// Works on a message, and ends the claim in any way.
fn attempt<T>(claimed: Claimed<T>, entry: &Entry, end: impl FnOnce(Claimed<T>)) {
    let bit = 1 << (claimed.attempt() - 1);
    assert_eq!(note(entry, Known::Begun, bit) & bit, 0, "attempt {} comes twice", claimed.attempt());
    thread::sleep(Duration::from_micros(fastrand::u64(..500)));
    match fastrand::u8(..16) {
        0 => claimed.requeue().unwrap(),
        1 => drop(claimed),
        2 => claimed.requeue_after(Duration::from_micros(fastrand::u64(..3_000))).unwrap(),
        3 => {
            let lose = move || {
                let _claimed = claimed;
                panic::resume_unwind(Box::new("on purpose"));
            };
            assert!(panic::catch_unwind(AssertUnwindSafe(lose)).is_err());
        }
        _ => {
            note(entry, Known::Ending, bit);
            end(claimed);
            assert_eq!(note(entry, Known::Ended, bit), 0, "it has ended twice");
        }
    }
}

fn work(name: &str, ledger: &Ledger<'_>) {
    let channel = options().open(name).unwrap();
    loop {
        let begun = Instant::now();
        let claimed = channel.claim_any_timeout(LONG).expect("there is work");
        assert!(begun.elapsed() < LONG / 2, "a worker was not woken");
        if claimed.route() == Job::ROUTE {
            let claimed = claimed.decode::<Job>().unwrap();
            assert_eq!(*claimed, job(claimed.number), "torn");
            let entry = &ledger.jobs[claimed.number as usize];
            attempt(claimed, entry, |claimed| drop(claimed.done().unwrap()));
        } else {
            let claimed = claimed.decode::<Ask>().unwrap();
            assert_eq!(*claimed, ask(claimed.number), "torn");
            let (number, entry) = (claimed.number, &ledger.calls[claimed.number as usize]);
            attempt(claimed, entry, |claimed| claimed.respond(&job(number)).unwrap());
        }
    }
}

/// Waits for a response. At its end a wait looks once more, and finds what it was not woken for.
fn wait(pending: &mut PendingResponse<Ask>) -> Result<Job, CallError> {
    let begun = Instant::now();
    let ended = pending.wait_timeout(LONG);
    assert!(begun.elapsed() < LONG / 2, "a caller was not woken");
    ended
}

/// Calls until there are no more numbers.
fn call(name: &str, ledger: &Ledger<'_>, calls: u32) {
    let channel = options().open(name).unwrap();
    loop {
        let number = ledger.next.fetch_add(1, SeqCst);
        if number >= calls {
            return;
        }
        let entry = &ledger.calls[number as usize];
        let mut pending = channel.request_with(&ask(number), delivery(number)).unwrap();
        note(entry, Known::Sent, 1);
        let end = match number % 8 {
            0 => {
                thread::sleep(Duration::from_micros(fastrand::u64(..500)));
                pending.detach();
                note(entry, Known::Detached, 1);
                LEFT
            }
            1 => {
                thread::sleep(Duration::from_micros(fastrand::u64(..500)));
                drop(pending);
                LEFT
            }
            _ => match wait(&mut pending) {
                Ok(response) => {
                    assert_eq!(response, job(number), "torn");
                    ANSWERED
                }
                Err(CallError::SetAside { attempts, .. }) => {
                    assert_eq!(attempts.len(), usize::from(limit(number)), "set aside early or late");
                    WAS_SET_ASIDE
                }
                // It was set aside, and dropped before its caller looked.
                Err(CallError::NoResponse { .. }) => WAS_DROPPED,
                other => panic!("a caller is stuck: {other:?}"),
            },
        };
        assert_eq!(note(entry, Known::End, end), 0, "two ends of a call");
    }
}

/// Looks at what is set aside: some of the jobs are retried, once, and the rest is counted and dropped.
fn operate(channel: &Channel, ledger: &Ledger<'_>) {
    for aside in channel.set_aside().unwrap() {
        let (entry, number) = if aside.route() == Job::ROUTE {
            let Job { number, .. } = aside.decode().unwrap();
            (&ledger.jobs[number as usize], number)
        } else {
            let Ask { number, .. } = aside.decode().unwrap();
            (&ledger.calls[number as usize], number)
        };
        let allowed = allowed(entry, number);
        let last = aside.attempts().last().map(|attempt| attempt.number);
        assert_eq!(last, Some(allowed), "it is set aside after another number of attempts");
        assert_eq!(aside.attempts().len(), allowed.min(8) as usize);
        if aside.route() == Job::ROUTE && number.is_multiple_of(5) && get(entry, Known::Retried) == 0 {
            // It may be claimed before this process goes on.
            note(entry, Known::Retried, 1);
            while aside.retry().is_err() {
                thread::sleep(Duration::from_micros(100));
            }
        } else {
            assert!(aside.discard().unwrap());
            assert_eq!(note(entry, Known::Aside, 1), 0, "it was aside twice");
        }
    }
}

/// How many attempts a message may have.
fn allowed(entry: &Entry, number: u32) -> u32 {
    u32::from(limit(number)) * (1 + get(entry, Known::Retried))
}

/// What became of the messages.
#[derive(Debug, Default)]
struct Account {
    ended: u32,
    aside: u32,
    /// It was about to end, and its worker was killed.
    unknown: u32,
    /// Neither: it was dropped, since there was no room for more to be aside, or it is a call that its caller left.
    gone: u32,
    attempts: u32,
}

impl Account {
    fn add(&mut self, entry: &Entry, number: u32) {
        let [begun, ending, ended, aside] =
            [Known::Begun, Known::Ending, Known::Ended, Known::Aside].map(|known| get(entry, known));
        assert!(begun < 1 << allowed(entry, number), "{number} has more attempts than its limit: {begun:#b}");
        let last = |attempts: u32| attempts.leading_zeros();
        assert!(ended == 0 || last(ended) == last(begun), "{number} was begun after its end");
        assert!(ended == 0 || aside == 0, "{number} is done, and set aside");
        self.attempts += begun.count_ones();
        match (ended != 0, aside != 0, ending != 0) {
            (true, ..) => self.ended += 1,
            (_, true, _) => self.aside += 1,
            (.., true) => self.unknown += 1,
            _ => self.gone += 1,
        }
    }
}

/// The channel has its whole room.
fn survey(channel: &Channel) {
    let depth = channel.depth().unwrap();
    let found = (depth.messages, depth.calls, depth.bytes, depth.claimed, depth.delayed, depth.set_aside);
    assert_eq!(found, (0, 0, 0, 0, 0, 0), "leaked: {depth:?}");
    let messages = (0..).take_while(|&number| channel.try_send(&job(11 * number)).is_ok()).count();
    let calls: Vec<_> = (0..).map_while(|number| channel.try_request(&ask(11 * number)).ok()).collect();
    assert_eq!((messages, calls.len()), (CAPACITY as usize, CAPACITY as usize), "the capacity");
    drop(calls);
    while channel.try_recv_any().is_ok() {}
}

/// Waits until nothing is left in the channel, but for what is set aside.
fn drain(channel: &Channel, ledger: &Ledger<'_>) {
    let patience = Instant::now() + LONG;
    loop {
        operate(channel, ledger);
        let depth = channel.depth().unwrap();
        if (depth.messages, depth.calls, depth.set_aside) == (0, 0, 0) {
            return;
        }
        assert!(Instant::now() < patience, "stuck: {depth:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn each_message_is_done_or_set_aside() {
    let kills = usize::try_from(number_from_env("STORM_KILLS", 100)).unwrap().min(MOST_MESSAGES / 10);
    let (messages, name) = (u32::try_from(10 * kills).unwrap(), name());
    let size = size_of::<Entry>();
    let shared = memory(size * (1 + MOST_MESSAGES + MOST_CALLS));
    let ledger = Ledger {
        next: shared.view(0).unwrap(),
        jobs: shared.slice(size, MOST_MESSAGES).unwrap(),
        calls: shared.slice(size * (1 + MOST_MESSAGES), MOST_CALLS).unwrap(),
    };
    let channel = options().create(&name).unwrap();
    let start =
        |index: usize| child(|| if index < WORKERS { work(&name, &ledger) } else { call(&name, &ledger, messages) });
    let mut children: Vec<Child> = (0..WORKERS + CALLERS).map(start).collect();
    let sender = child(|| {
        let channel = options().open(&name).unwrap();
        (0..messages).for_each(|number| channel.send_with_timeout(&job(number), delivery(number), LONG).unwrap());
    });
    let (mut killed, mut callers_killed, mut stopped) = (0, 0, 0);
    while killed < kills {
        operate(&channel, &ledger);
        let stops: Vec<usize> = (0..2).map(|_| fastrand::usize(..children.len())).collect();
        stops.iter().for_each(|&index| children[index].signal(SIGSTOP));
        stopped += stops.len();
        thread::sleep(Duration::from_micros(fastrand::u64(..3_000)));
        let victim = fastrand::usize(..children.len());
        if std::mem::replace(&mut children[victim], start(victim)).kill_unless_done() {
            callers_killed += u32::from(victim >= WORKERS);
        }
        killed += 1;
        stops.iter().for_each(|&index| children[index].signal(SIGCONT));
    }
    let callers = children.split_off(WORKERS);
    while !sender.is_done() || !callers.iter().all(Child::is_done) {
        operate(&channel, &ledger);
        thread::sleep(Duration::from_millis(1));
    }
    callers.into_iter().chain([sender]).for_each(Child::join);
    drain(&channel, &ledger);
    let dropped = u32::try_from(channel.depth().unwrap().dropped).unwrap();
    // They wait for messages, and must not take those of the survey.
    for worker in children {
        worker.kill_unless_done();
    }
    survey(&channel);
    let (mut jobs, mut calls) = (Account::default(), Account::default());
    (0..messages).zip(ledger.jobs).for_each(|(number, entry)| jobs.add(entry, number));
    let (mut lost, mut without_end) = (0, 0);
    for (number, entry) in (0..messages).zip(ledger.calls) {
        let gone = calls.gone;
        calls.add(entry, number);
        let (is_gone, end) = (calls.gone > gone, get(entry, Known::End));
        let is_kept = get(entry, Known::Detached) != 0
            || get(entry, Known::Sent) != 0
                && (end != 0 && end != LEFT || end == 0 && number % 8 > 1 && number.is_multiple_of(2));
        lost += u32::from(is_gone && is_kept);
        without_end += u32::from(end == 0);
        assert!(
            end != ANSWERED || get(entry, Known::Ending) != 0 && get(entry, Known::Aside) == 0,
            "{number} was answered"
        );
        assert!(!matches!(end, WAS_SET_ASIDE | WAS_DROPPED) || get(entry, Known::Ended) == 0, "{number} was set aside");
    }
    println!("{killed} killed, {stopped} times stopped, {dropped} dropped; jobs: {jobs:?}; calls: {calls:?}");
    assert!(jobs.gone + lost <= dropped, "{} jobs and {lost} calls are lost", jobs.gone);
    assert!(
        jobs.unknown + calls.unknown <= u32::try_from(killed).unwrap(),
        "more are not known to be done than were killed"
    );
    assert!(without_end <= callers_killed, "{without_end} calls have no end, and {callers_killed} callers were killed");
    assert!(jobs.aside > 0 && calls.aside > 0 && jobs.ended > messages / 2, "it was no storm");
}
