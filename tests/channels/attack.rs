//! Attacks on the memory of a channel: what is written, and then everything that a member may do.
//!
//! Each operation is to end in time, with a value or an error, and to allocate no more than a message needs.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use support::{
    Child, Name, Owned, child,
    letters::{Ask, Blob, Echo, Number, ask, blob},
    memory, name, own,
};
use sysv_ipc::{Segment, SemaphoreSet};
use sysv_primitives::{
    Channel, Claimed, Delivery, Envelope, IncomingRequest, Message, PendingResponse, RecvError, Route, Status,
};

use super::{
    largest::largest_of,
    memory::{CELLS, FIRST_CALL, MAX_SIZE, Raw, options},
};

/// The timeout of each operation.
const SHORT: Duration = Duration::from_millis(1);
/// How long it may take nevertheless. Each loop over the memory has a bound, and so ends, also on a loaded machine.
const MOST: Duration = Duration::from_secs(5);

/// A route that has no lane of its own.
const SHARED: Route = Route::new(77);

// What is in the cells, in the order of sending.
pub(crate) const NUMBER: usize = 0;
pub(crate) const LONG: usize = 2;
pub(crate) const ASIDE: usize = 4;
pub(crate) const DELAYED: usize = 5;
pub(crate) const CLAIMED: usize = 6;
pub(crate) const ANSWERED: usize = FIRST_CALL;
pub(crate) const HELD: usize = FIRST_CALL + 1;
pub(crate) const CLAIMED_CALL: usize = FIRST_CALL + 2;
pub(crate) const REQUEST: usize = FIRST_CALL + 3;

/// What a case writes, and its name.
pub(crate) struct Case {
    name: String,
    write: Box<dyn Fn(&Raw)>,
    /// Whether a wait for the lock of the blocks may never end.
    is_of_lock: bool,
}

pub(crate) fn case(name: String, write: impl Fn(&Raw) + 'static) -> Case {
    Case { name, write: Box::new(write), is_of_lock: false }
}

impl Case {
    /// It writes what makes the lock of the blocks one that a living member holds. What has no timeout waits for that member.
    pub(crate) fn of_lock(self) -> Self {
        Self { is_of_lock: true, ..self }
    }
}

/// Runs an operation, whatever comes of it.
#[track_caller]
fn timed<T>(what: &str, slowest: &AtomicU64, operation: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let (result, largest) = largest_of(operation);
    let took = begun.elapsed();
    slowest.fetch_max(took.as_micros().try_into().unwrap(), SeqCst);
    assert!(took < MOST, "{what} took {took:?}");
    assert!(largest <= 2 * MAX_SIZE, "{what} allocated {largest} bytes at once");
    result
}

/// Two members, with messages that wait, and calls in each state.
struct Scene {
    here: Channel,
    there: Channel,
    answered: PendingResponse<Ask>,
    held: (PendingResponse<Ask>, IncomingRequest<Ask>),
    waiting: PendingResponse<Ask>,
    claimed: Claimed<Echo>,
    claimed_call: (PendingResponse<Ask>, Claimed<Ask>),
}

impl Scene {
    fn new(name: &str) -> Self {
        let (here, there) = (options().open(name).unwrap(), options().open(name).unwrap());
        (1..=2).for_each(|number| there.send(&Number(number)).unwrap());
        there.send(&blob(1, 3_000)).unwrap();
        there.send_raw(SHARED, b"shared").unwrap();
        let call = |number| there.request(&ask(number)).unwrap();
        let answered = call(1);
        here.recv_request::<Ask>().unwrap().respond(&blob(1, 1_500)).unwrap();
        let pending = call(2);
        let held = (pending, here.recv_request::<Ask>().unwrap());
        let pending = there.request_with(&ask(4), Delivery::new().attempts(3)).unwrap();
        let claimed_call = (pending, here.claim::<Ask>().unwrap());
        let waiting = call(3);
        there.send_with(&Echo(blob(4, 2_000)), Delivery::new().attempts(1)).unwrap();
        here.claim::<Echo>().unwrap().requeue().unwrap();
        there.send_with(&Number(5), Delivery::new().delay(2 * SHORT)).unwrap();
        there.send(&Echo(blob(6, 10))).unwrap();
        let claimed = here.claim::<Echo>().unwrap();
        Self { here, there, answered, held, waiting, claimed, claimed_call }
    }

    /// Ends the claims, each time in another way.
    fn end_claims(claimed: Claimed<Echo>, asked: Claimed<Ask>, turn: usize, slowest: &AtomicU64) {
        let look = |claimed: &Claimed<Echo>| (claimed.attempts().len(), claimed.is_last_attempt(), claimed.age());
        timed("look at a claim", slowest, || look(&claimed));
        match turn % 4 {
            0 => drop(timed("done", slowest, || claimed.done().is_ok())),
            1 => drop(timed("requeue", slowest, || claimed.requeue().is_ok())),
            2 => drop(timed("requeue_after", slowest, || claimed.requeue_after(SHORT).is_ok())),
            _ => timed("drop a claim", slowest, || drop(claimed)),
        }
        match turn / 4 % 5 {
            0 => drop(timed("respond beside", slowest, || asked.respond_timeout(&blob(4, 10), SHORT).is_ok())),
            1 => drop(timed("respond apart", slowest, || asked.respond_timeout(&blob(4, 1_500), SHORT).is_ok())),
            2 => drop(timed("requeue a call", slowest, || asked.requeue().is_ok())),
            3 => drop(timed("requeue_after, a call", slowest, || asked.requeue_after(SHORT).is_ok())),
            _ => timed("drop a claimed call", slowest, || drop(asked)),
        }
    }

    /// Everything that is under way ends.
    fn finish(mut self, turn: usize, slowest: &AtomicU64) -> (Channel, Channel) {
        let (mut redelivered, asked) = self.claimed_call;
        Self::end_claims(self.claimed, asked, turn, slowest);
        let (mut pending, asked) = self.held;
        let _ = timed("respond", slowest, || asked.respond_timeout(&blob(2, 1_500), SHORT));
        for (what, pending) in [
            ("an answered call", &mut self.answered),
            ("a held call", &mut pending),
            ("a request", &mut self.waiting),
            ("a claimed call", &mut redelivered),
        ] {
            let response = timed(what, slowest, || pending.wait_timeout(SHORT));
            assert!(response.is_err() || response.is_ok_and(|blob| blob.bytes.len() <= MAX_SIZE));
            timed(what, slowest, || (pending.is_ended(), pending.taken_by().is_some()));
        }
        timed("cancel", slowest, || drop((self.answered, pending, self.waiting)));
        if turn.is_multiple_of(2) {
            timed("detach", slowest, || redelivered.detach());
        } else {
            timed("cancel a claimed call", slowest, || drop(redelivered));
        }
        (self.here, self.there)
    }
}

fn send(channel: &Channel, slowest: &AtomicU64) {
    let _ = timed("send", slowest, || channel.send_timeout(&Number(3), SHORT));
    let _ = timed("try_send", slowest, || channel.try_send(&Number(4)));
    let _ = timed("send, long", slowest, || channel.send_timeout(&blob(2, 5_000), SHORT));
    let _ = timed("send, the longest", slowest, || channel.send_timeout(&blob(3, MAX_SIZE - 20), SHORT));
    let _ = timed("send on a shared lane", slowest, || channel.send_raw_timeout(SHARED, &[1; 300], SHORT));
    let _ = timed("send on a new route", slowest, || channel.send_raw_timeout(Route::new(78), b"new", SHORT));
}

fn receive(channel: &Channel, slowest: &AtomicU64) {
    let is_bounded = |len: usize| assert!(len <= MAX_SIZE, "a message of {len} bytes");
    let len_of = |found: Result<Envelope, RecvError>| found.map_or(0, |envelope| envelope.bytes().len());
    for _ in 0..2 {
        let _ = timed("recv", slowest, || channel.recv_timeout::<Number>(SHORT));
        let lengths = [
            timed("recv, long", slowest, || channel.recv_timeout::<Blob>(SHORT).map_or(0, |blob| blob.bytes.len())),
            timed("recv_raw", slowest, || channel.recv_raw_timeout(SHARED, SHORT).map_or(0, |bytes| bytes.len())),
            timed("recv_lowest", slowest, || len_of(channel.recv_lowest_timeout(Number::ROUTE, SHORT))),
            timed("recv_except", slowest, || len_of(channel.recv_except_timeout::<Number>(SHORT))),
            timed("recv_any", slowest, || len_of(channel.recv_any_timeout(SHORT))),
        ];
        lengths.into_iter().for_each(is_bounded);
    }
    // A channel has so many cells, so it ends, though some of them may be received more than once.
    for _ in 0..2 * CELLS {
        let Ok(envelope) = timed("try_recv_any", slowest, || channel.try_recv_any()) else { break };
        is_bounded(envelope.bytes().len());
    }
}

fn claim(channel: &Channel, slowest: &AtomicU64) {
    let later = Delivery::new().attempts(2).delay(SHORT);
    let _ = timed("send for later", slowest, || channel.send_with_timeout(&Number(8), later, SHORT));
    if let Ok(claimed) = timed("claim", slowest, || channel.claim_timeout::<Number>(SHORT)) {
        timed("look at a claim", slowest, || (claimed.attempts().len(), claimed.is_last_attempt()));
        let _ = timed("requeue", slowest, || claimed.requeue());
    }
    if let Ok(claimed) = timed("claim_any", slowest, || channel.claim_any_timeout(SHORT)) {
        assert!(claimed.bytes().len() <= MAX_SIZE);
        let _ = timed("requeue_after", slowest, || claimed.requeue_after(SHORT));
    }
    let _ = timed("claims", slowest, || channel.claims());
}

/// What an operator does. It waits for the lock of the blocks.
fn manage(channel: &Channel, slowest: &AtomicU64) {
    let Ok(aside) = timed("set_aside", slowest, || channel.set_aside()) else { return };
    assert!(aside.len() <= CELLS);
    for (index, aside) in aside.iter().enumerate() {
        assert!(aside.bytes().len() <= MAX_SIZE);
        timed("look at what is aside", slowest, || {
            (aside.decode::<Echo>().is_ok(), aside.age(), aside.attempts().len())
        });
        if index % 2 == 0 {
            let _ = timed("retry", slowest, || aside.retry());
        }
        let _ = timed("discard", slowest, || aside.discard());
    }
}

fn call(here: &Channel, there: &Channel, slowest: &AtomicU64) {
    let pending = timed("request", slowest, || there.request_timeout(&ask(9), SHORT));
    let asked = timed("recv_request", slowest, || here.recv_request_timeout::<Ask>(SHORT));
    let _ = asked.map(|asked| timed("respond", slowest, || asked.respond_timeout(&blob(9, 2_000), SHORT)));
    let _ = pending.map(|mut pending| timed("wait", slowest, || pending.wait_timeout(SHORT).is_ok()));
}

fn look(channel: &Channel, slowest: &AtomicU64) {
    let _ = timed("depth", slowest, || channel.depth());
    let _ = timed("status", slowest, || channel.status());
    let _ = timed("members", slowest, || channel.members());
    let _ = timed("servers", slowest, || channel.servers::<Ask>());
    let _ = timed("sender", slowest, || channel.sender::<Number>());
    let _ = timed("receivers", slowest, || channel.receivers::<Number>());
}

/// Everything that members may do.
fn use_all([here, there]: [&Channel; 2], sends_first: bool, manages: bool, slowest: &AtomicU64) {
    if manages {
        manage(there, slowest);
    }
    if sends_first {
        send(there, slowest);
        call(here, there, slowest);
    }
    claim(here, slowest);
    [here, there].into_iter().for_each(|channel| receive(channel, slowest));
    call(here, there, slowest);
    send(here, slowest);
    [here, there].into_iter().for_each(|channel| look(channel, slowest));
}

fn close([here, there]: [&Channel; 2], slowest: &AtomicU64) {
    let _ = timed("close", slowest, || here.close());
    [here, there].into_iter().for_each(|channel| receive(channel, slowest));
    call(here, there, slowest);
    send(there, slowest);
}

/// A channel with memory that a test writes to.
struct Attacked {
    name: Name,
    channel: Channel,
    /// What is damaged can't be removed by its name.
    _owned: (Owned<SemaphoreSet>, Owned<Segment>),
}

impl Attacked {
    fn new() -> Self {
        let name = name();
        let channel = options().create(&name).unwrap();
        let Status { set, segment, .. } = channel.status().unwrap();
        let owned = (own(SemaphoreSet::from_id(set).unwrap()), own(Segment::from_id(segment).unwrap()));
        Self { name, channel, _owned: owned }
    }
}

/// Runs each case on a channel of its own, in a child: a crash or a hang of it fails the test, and says in which case.
pub(crate) fn attack(what: &str, cases: Vec<Case>) {
    let (number, shared) = (cases.len(), memory(8));
    let slowest: &AtomicU64 = shared.view(0).unwrap();
    for (index, case) in cases.into_iter().enumerate() {
        let attacked = Attacked::new();
        let user = child(|| {
            let scene = Scene::new(&attacked.name);
            (case.write)(&Raw::of(&attacked.channel));
            let (here, there) = scene.finish(index, slowest);
            use_all([&here, &there], index % 2 == 0, !case.is_of_lock, slowest);
            close([&here, &there], slowest);
            timed("leave", slowest, || drop((here, there)));
        });
        let _told = Told(&case.name);
        user.join();
    }
    println!("{what}: {number} cases, the slowest operation took {} us", slowest.load(SeqCst));
}

/// Writes cases at random, for as long as two processes use the channel.
pub(crate) fn attack_while_used(cases: &[Case], channels: u64) {
    let harmless_to_locks: Vec<&Case> = cases.iter().filter(|case| !case.is_of_lock).collect();
    let all: Vec<&Case> = cases.iter().collect();
    let shared = memory(8);
    let (slowest, mut written): (&AtomicU64, _) = (shared.view(0).unwrap(), 0);
    for seed in 0..channels {
        let (attacked, mut random) = (Attacked::new(), fastrand::Rng::with_seed(seed));
        let manages = seed % 2 == 0;
        let cases = if manages { &harmless_to_locks } else { &all };
        let raw = Raw::of(&attacked.channel);
        let users = [true, false].map(|sends_first| {
            child(|| {
                // A word that changes again and again may keep it from entering.
                let mut tries = (0..1_000).map(|_| timed("open", slowest, || options().open(&attacked.name)));
                let channel = tries.find_map(Result::ok).expect("it comes in");
                (0..10).for_each(|_| use_all([&channel, &channel], sends_first, manages, slowest));
                close([&channel, &channel], slowest);
            })
        });
        let name = format!("seed {seed}");
        let _told = Told(&name);
        while !users.iter().all(Child::is_done) {
            (cases[random.usize(..cases.len())].write)(&raw);
            written += 1;
        }
        users.into_iter().for_each(Child::join);
    }
    println!("{written} writes meanwhile, the slowest operation took {} us", slowest.load(SeqCst));
}

/// Says in which case a test fails.
struct Told<'a>(&'a str);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("it was with {}", self.0);
        }
    }
}
