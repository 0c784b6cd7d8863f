//! Events on slow paths, for a subscriber of the crate [`tracing`](https://docs.rs/tracing). Needs the feature `tracing`.
//!
//! | event | level | when | fields |
//! | --- | --- | --- | --- |
//! | `member_reaped` | WARN | this process was the first to repair all that a dead member left | `slot`, `pid` |
//! | `poison_met` | WARN | a lock was refused, since its value may be half changed | |
//! | `object_repaired` | WARN | what a creator that died, or `ipcrm`, had left under a name was condemned or removed | `found` |
//! | `long_wait` | INFO | a wait ended that took more than a second | `waited_ms`, `outcome`: `found`, `timed_out` or `failed` |
//! | `post_refused` | ERROR | the system refused to wake a waiter: the next notifier does it | `error` |
//! | `message_set_aside` | WARN | the last attempt to process a message ended | `route` |
//! | `events_lost` | WARN | events were lost, since the subscriber was too slow for them | `count` |
//!
//! The target of each is `sysv_primitives`. Each has the field `event` with this name, and all but the last have
//! `object.kind` and `object.name`. These names are stable.
//!
//! # Where a subscriber runs
//!
//! No subscriber runs inside an operation of this crate. The operation hands the event over, together with the
//! subscriber of its thread, to a thread named `sysv-events`. It is started by the first event. So a subscriber may
//! use any object, also the one that the event is about, and may wait for it. A subscriber that is slow or panics delays the events
//! behind it, and nothing else. A panic is reported by the panic hook, and the next event comes as usual.
//!
//! - An event is in no span, and its time is when the subscriber got it.
//! - At most 1024 events wait for the subscriber. Later ones are counted by `events_lost`.
//! - Events that are not emitted before the process ends are lost. [`flush`] waits for them.
//! - Without a subscriber no event is made, and no thread is started.
//! - A child made by `fork` has a thread of its own, started by its first event. As with each thread, a lock that the
//!   subscriber held at the moment of the `fork` stays locked in the child.
//!
//! ```
//! use std::time::Duration;
//!
//! // Before the program ends, or `exec` replaces it.
//! assert!(sysv_primitives::events::flush(Duration::from_secs(1)));
//! ```

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use once_cell::race::OnceBox;
use tracing::{
    Dispatch,
    dispatcher::{get_default, with_default},
    error, info,
    level_filters::LevelFilter,
    warn,
};

use crate::{ObjectName, background, clock, raw::process};

/// How many events may wait for the subscriber.
const MOST_WAITING: usize = 1024;
/// How long a wait is that is not reported, in nanoseconds.
const LONG_WAIT: u64 = 1_000_000_000;

thread_local! {
    /// Whether this thread is the one that emits the events.
    static IS_OUTLET: Cell<bool> = const { Cell::new(false) };
}

/// What happened.
#[derive(Debug)]
enum Event {
    MemberReaped { slot: u32, pid: u32 },
    PoisonMet,
    ObjectRepaired { found: &'static str },
    LongWait { waited_ms: u64, outcome: &'static str },
    PostRefused { error: String },
    MessageSetAside { route: u32 },
}

#[derive(Debug)]
enum Handed {
    Event {
        dispatch: Dispatch,
        object: ObjectName,
        event: Event,
    },
    /// All that was handed over before is emitted.
    Flush(Sender<()>),
}

/// The way to the thread of one process.
#[derive(Debug)]
struct Outlet {
    generation: u32,
    /// `None` if the system refused the thread.
    sender: Option<Sender<Handed>>,
    counts: Arc<Counts>,
    /// That of a child made by `fork`, which has no such thread. It uses nothing else of this one, which may be
    /// locked forever there.
    of_child: OnceBox<Self>,
}

/// What the operations and the thread count. Nothing is ordered by it.
#[derive(Debug, Default)]
struct Counts {
    /// How many events wait for the subscriber.
    waiting: AtomicUsize,
    /// How many were lost, and not reported yet.
    lost: AtomicU64,
}

static OUTLET: OnceBox<Outlet> = OnceBox::new();

impl Outlet {
    fn start() -> Box<Self> {
        let (sender, receiver) = channel();
        let counts = Arc::<Counts>::default();
        let of_thread = Arc::clone(&counts);
        // Of two threads that start one at once, the second finds that its sender is dropped, and ends.
        let started = background::start("sysv-events", None, move || work(&receiver, &of_thread));
        let sender = started.is_ok().then_some(sender);
        Box::new(Self { generation: process::fork_generation(), sender, counts, of_child: OnceBox::new() })
    }

    /// Returns this process's outlet.
    fn ours() -> &'static Self {
        let mut outlet = OUTLET.get_or_init(Self::start);
        while outlet.generation != process::fork_generation() {
            outlet = outlet.of_child.get_or_init(Self::start);
        }
        outlet
    }

    /// Returns this process's outlet, if it has one.
    fn existing() -> Option<&'static Self> {
        let mut outlet = OUTLET.get()?;
        while outlet.generation != process::fork_generation() {
            outlet = outlet.of_child.get()?;
        }
        Some(outlet)
    }
}

/// Waits until the subscriber has got all events that happened so far. Returns `false` if it had not when the timeout elapsed.
///
/// Events that were lost are not among them. Returns `false` at once if a subscriber calls it while it gets an event, and if the system refused the thread.
#[must_use]
pub fn flush(timeout: Duration) -> bool {
    let Some(outlet) = Outlet::existing() else { return true };
    if IS_OUTLET.get() {
        return false;
    }
    let (done, is_done) = channel();
    let sent = outlet.sender.as_ref().is_some_and(|sender| sender.send(Handed::Flush(done)).is_ok());
    sent && is_done.recv_timeout(timeout).is_ok()
}

/// Hands an event over. It may be called at any point of a protocol, also with a lock or an announcement: it runs no code
/// of the subscriber's, and waits for none.
#[cold]
fn hand_over(object: &ObjectName, event: Event) {
    if LevelFilter::current() == LevelFilter::OFF {
        return;
    }
    let Outlet { sender, counts, .. } = Outlet::ours();
    let Some(sender) = sender else { return };
    if counts.waiting.fetch_add(1, Relaxed) >= MOST_WAITING {
        counts.waiting.fetch_sub(1, Relaxed);
        counts.lost.fetch_add(1, Relaxed);
        return;
    }
    // The subscriber of this thread, which may have one of its own. Within a subscriber it is none.
    let dispatch = get_default(Dispatch::clone);
    // The thread never ends as long as there is a sender.
    let _ = sender.send(Handed::Event { dispatch, object: object.clone(), event });
}

/// The thread: emits one event after the other.
fn work(receiver: &Receiver<Handed>, counts: &Counts) {
    IS_OUTLET.set(true);
    while let Ok(handed) = receiver.recv() {
        match handed {
            Handed::Event { dispatch, object, event } => {
                counts.waiting.fetch_sub(1, Relaxed);
                let lost = counts.lost.swap(0, Relaxed);
                let emitted = || with_default(&dispatch, || emit(lost, &object, &event));
                // The panic hook has reported it, and no word of an object depends on it.
                let _ = catch_unwind(AssertUnwindSafe(emitted));
                // A dispatch that is dropped may drop the subscriber. Its code may panic as well.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(dispatch)));
            }
            // The caller's time may have elapsed.
            Handed::Flush(done) => drop(done.send(())),
        }
    }
}

macro_rules! emit {
    ($level:ident, $name:literal, $object:expr, $text:literal $(, $field:ident = $value:expr)*) => {
        $level!(
            name: $name,
            target: "sysv_primitives",
            event = $name,
            object.kind = $object.kind(),
            object.name = $object.name(),
            $($field = $value,)*
            $text
        )
    };
}

fn emit(lost: u64, object: &ObjectName, event: &Event) {
    if lost > 0 {
        warn!(name: "events_lost", target: "sysv_primitives", event = "events_lost", count = lost, "events were lost");
    }
    match *event {
        Event::MemberReaped { slot, pid } => {
            emit!(warn, "member_reaped", object, "a dead member was reaped", slot = slot, pid = pid);
        }
        Event::PoisonMet => emit!(warn, "poison_met", object, "the value may be half changed"),
        Event::ObjectRepaired { found } => {
            emit!(warn, "object_repaired", object, "what was left of an object was condemned", found = found);
        }
        Event::LongWait { waited_ms, outcome } => {
            emit!(info, "long_wait", object, "a long wait is over", waited_ms = waited_ms, outcome = outcome);
        }
        Event::PostRefused { ref error } => {
            emit!(error, "post_refused", object, "the system refused to wake a waiter", error = error.as_str());
        }
        Event::MessageSetAside { route } => {
            emit!(warn, "message_set_aside", object, "the last attempt at a message ended", route = route);
        }
    }
}

pub(crate) fn member_reaped(object: &ObjectName, slot: u32, pid: u32) {
    hand_over(object, Event::MemberReaped { slot, pid });
}

pub(crate) fn poison_met(object: &ObjectName) {
    hand_over(object, Event::PoisonMet);
}

pub(crate) fn object_repaired(object: &ObjectName, found: &'static str) {
    hand_over(object, Event::ObjectRepaired { found });
}

pub(crate) fn post_refused(object: &ObjectName, error: &impl ToString) {
    hand_over(object, Event::PostRefused { error: error.to_string() });
}

pub(crate) fn message_set_aside(object: &ObjectName, route: u32) {
    hand_over(object, Event::MessageSetAside { route });
}

/// Returns the time at which a wait begins. Returns `None` without a subscriber, and then no wait is measured.
pub(crate) fn wait_begins() -> Option<u64> {
    (LevelFilter::current() != LevelFilter::OFF).then(clock::monotonic)
}

/// A wait is over. `found` is `None` if it failed.
pub(crate) fn wait_ends(object: &ObjectName, began: Option<u64>, found: Option<bool>) {
    let Some(began) = began.filter(|_| LevelFilter::current() != LevelFilter::OFF) else { return };
    let waited = clock::monotonic().saturating_sub(began);
    if waited > LONG_WAIT {
        let outcome = match found {
            Some(true) => "found",
            Some(false) => "timed_out",
            None => "failed",
        };
        hand_over(object, Event::LongWait { waited_ms: waited / 1_000_000, outcome });
    }
}
