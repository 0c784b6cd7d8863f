//! The channel and the pool of workers on a server, beside other ways over the same server.

mod jobs;
pub(super) mod mail;

use std::{
    fs,
    sync::atomic::Ordering::Relaxed,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use self::mail::{Claimed, Mail, Moved, Popped, Received, Streamed};
use super::name;
use crate::{
    calls,
    harness::{self, Alternative, Comparison, Process, STOP, UNPINNED, gate::Other, is_wanted},
    report::{Cell, Fact, Section},
    server::Server,
    timed::Timed,
};

/// The lease that a channel has by default, in milliseconds.
pub(super) const LEASE: u64 = 10_000;

/// While this lives the kernel places processes.
struct Unpinned;

impl Unpinned {
    fn new() -> Self {
        UNPINNED.store(true, Relaxed);
        Self
    }
}

impl Drop for Unpinned {
    fn drop(&mut self) {
        UNPINNED.store(false, Relaxed);
    }
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    // The kernel places all of them in any case, and the server.
    if UNPINNED.load(Relaxed) || !is_any_wanted() {
        return Ok(());
    }
    let Some(server) = Server::start()? else { return Ok(()) };
    let unpinned = Unpinned::new();
    messages(section, &server)?;
    one_by_one(section, &server)?;
    count(section, &server)?;
    drop(unpinned);
    super::fates::of_server(section, &server)?;
    jobs::measure(section, &server)
}

/// Whether a server is needed at all.
fn is_any_wanted() -> bool {
    let titles = MESSAGES.map(messages_title).into_iter().chain([ONE, COUNTED, FATES].map(str::to_owned));
    titles.chain(jobs::titles()).any(|title| is_wanted(&title))
}

const MESSAGES: [u16; 3] = [1, 4, 16];
const ONE: &str = "a message on a server, sent to a process that sleeps, and one back";
const COUNTED: &str = "What a message on a server costs";
pub(super) const FATES: &str = "What becomes of a message on a server";

fn messages_title(each: u16) -> String {
    format!("messages of 64 bytes on a server, {each} to {each} {}", if each == 1 { "process" } else { "processes" })
}

fn messages(section: &mut Section, server: &Server) -> Result<()> {
    let point = |each: u16| anyhow::Ok((f64::from(each), of_each(server, each)?));
    let points = MESSAGES.into_iter().map(point).collect::<Result<_>>()?;
    let title = "Messages of 64 bytes on a server, by processes that send, and as many that receive";
    section.add_family("message", title, "processes on each side", points);
    Ok(())
}

fn of_each(server: &Server, each: u16) -> Result<Option<Comparison>> {
    let title = messages_title(each);
    if !is_wanted(&title) {
        return Ok(None);
    }
    server.clear()?;
    let alternatives = vec![
        crowd::<Received>(server, each),
        crowd::<Claimed<LEASE>>(server, each),
        crowd::<Popped>(server, each),
        crowd::<Moved>(server, each),
        crowd::<Streamed>(server, each),
    ];
    Ok(harness::measure(&title, alternatives))
}

/// Has all of them do their part at once.
fn run_all(others: &[Other], count: u64) {
    if let Some((first, others)) = others.split_first() {
        first.run(count, || run_all(others, count));
    }
}

/// So many processes send, and as many receive. Each has the same share.
fn crowd<'a, M: Mail>(server: &Server, each: u16) -> Alternative<'a> {
    let (address, name) = (server.address(), name("mail"));
    let open = || M::open(&address, &name).expect("the server lives");
    let receiver = |number: u16| {
        Other::process_on(usize::from(number), || {
            let mut mail = open();
            move |count| (0..count).for_each(|_| mail.receive().expect("it comes"))
        })
    };
    let sender = |number: u16| {
        Other::process_on(usize::from(number) + 1, || {
            let mut mail = open();
            move |count| (0..count).for_each(|number| mail.send(number).expect("the server lives"))
        })
    };
    let others: Vec<Other> = (0..each).flat_map(|number| [receiver(number), sender(number)]).collect();
    let run = move |count: u64| {
        let share = count.div_ceil(each.into());
        let begun = Instant::now();
        run_all(&others, share);
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let part = count as f64 / (share * u64::from(each)) as f64;
        begun.elapsed().mul_f64(part)
    };
    Alternative::of_a_part(M::NAME, run).kind(M::KIND)
}

fn one_by_one(section: &mut Section, server: &Server) -> Result<()> {
    if is_wanted(ONE) {
        server.clear()?;
        let lanes = vec![
            there_and_back::<Received>(server)?,
            there_and_back::<Claimed<LEASE>>(server)?,
            there_and_back::<Popped>(server)?,
            there_and_back::<Moved>(server)?,
            there_and_back::<Streamed>(server)?,
        ];
        section.add_timed("there and back", ONE, lanes);
        end_threads()?;
    }
    Ok(())
}

/// Waits until this process has one thread again, since it forks: a channel that claims has another one for its leases.
fn end_threads() -> Result<()> {
    let begun = Instant::now();
    while fs::read_dir("/proc/self/task")?.count() > 1 {
        ensure!(begun.elapsed() < Duration::from_secs(10), "a thread does not end");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// A message to a process that waits for it, and one back.
fn there_and_back<'a, M: Mail + 'a>(server: &Server) -> Result<Timed<'a>> {
    let (address, there, back) = (server.address(), name("there"), name("back"));
    let peer = Other::process(|| {
        let open = |name| M::open(&address, name).expect("the server lives");
        let (mut from, mut to) = (open(&there), open(&back));
        move |count| {
            for number in 0..count {
                from.receive().expect("it comes");
                to.send(number).expect("the server lives");
            }
        }
    });
    let (mut to, mut from) = (M::open(&address, &there)?, M::open(&address, &back)?);
    let run = move |count, times: &crate::timed::Stopwatch| {
        peer.run(count, || {
            for number in 0..count {
                times.time(|| {
                    to.send(number).expect("the server lives");
                    from.receive().expect("it comes");
                });
            }
        });
    };
    Ok(Timed::new(M::NAME, M::KIND, run))
}

fn count(section: &mut Section, server: &Server) -> Result<()> {
    if !is_wanted(COUNTED) {
        return Ok(());
    }
    let rows = vec![
        of_mail::<Received>(server)?,
        of_mail::<Claimed<LEASE>>(server)?,
        of_mail::<Popped>(server)?,
        of_mail::<Moved>(server)?,
        of_mail::<Streamed>(server)?,
    ];
    let columns = [
        "round trips",
        "round trips, to a process that sleeps",
        "system calls of both processes",
        "system calls, to a process that sleeps",
        "commands that the server runs, in scripts too",
        "processor time of the server (µs)",
    ];
    section.add_facts(COUNTED, &columns, rows);
    Ok(())
}

/// Sends and receives so many in one process: each is there when it is received.
fn alone<M: Mail>(address: &str, count: u64) {
    let mut mail = M::open(address, &name("counted")).expect("the server lives");
    for number in 0..count {
        mail.send(number).expect("the server lives");
        mail.receive().expect("it is there");
    }
}

/// Sends so many to a process that has had a while to fall asleep before each.
fn to_sleeper<M: Mail>(address: &str, count: u64) {
    let name = name("counted");
    let open = || M::open(address, &name).expect("the server lives");
    let other = Other::process(|| {
        let mut mail = open();
        move |count| (0..count).for_each(|_| mail.receive().expect("it comes"))
    });
    let mut mail = open();
    other.run(count, || {
        for number in 0..count {
            thread::sleep(Duration::from_millis(2));
            mail.send(number).expect("the server lives");
        }
    });
}

const WARM: u32 = 16;
const MORE: u32 = 250;

/// What a server counts for one of many. Each time a process of its own does so many.
fn served(server: &Server, act: impl Fn(u64)) -> Result<[f64; 3]> {
    let counted = |count: u32| {
        ensure!(!STOP.load(Relaxed), "interrupted");
        let before = server.counts()?;
        Process::start(|| act(count.into())).join();
        let after = server.counts()?;
        Ok([after.trips - before.trips, after.commands - before.commands, after.time - before.time])
    };
    let (warm, all) = (counted(WARM)?, counted(WARM + MORE)?);
    Ok([0, 1, 2].map(|which| (all[which] - warm[which]) / f64::from(MORE)))
}

fn of_mail<M: Mail>(server: &Server) -> Result<Fact> {
    let address = server.address();
    let [trips, commands, _] = served(server, |count| alone::<M>(&address, count))?;
    let [trips_to_sleeper, ..] = served(server, |count| to_sleeper::<M>(&address, count))?;
    // The server's clock has ticks of a millisecond or more, so there are many.
    let [_, _, time] = served(server, |count| alone::<M>(&address, 20 * count))?;
    let calls = calls::count(|count| alone::<M>(&address, count))?;
    let calls_to_sleeper = calls::count(|count| to_sleeper::<M>(&address, count))?;
    let cells = [trips, trips_to_sleeper, calls, calls_to_sleeper, commands, time / 20.0];
    Ok(Fact::new(M::NAME, M::KIND, cells.map(Cell::from).into()))
}
