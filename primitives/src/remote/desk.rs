//! What a handle does for futures, so that no poll waits for the server (RD14).
//!
//! Two threads, each with a connection of its own. Neither is started before it is needed.
//!
//! - The *clerk* runs errands: each is one script, and none of them waits for a message or for room. It also keeps the times at which futures
//!   look again.
//! - The *listener* reads the notices for the futures of this handle, and the events of room. It wakes the future that a notice is for, and all
//!   that wait for a later event than the one that they know.
//!
//! Both wake futures. A waker that panics ends neither thread, and the other futures are woken.
//!
//! A notice that comes before its future waits is kept for it. A future that found no room says up to which event it has looked. The
//! listener says up to which one it has read. So whichever comes second notices an event in between.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt, io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

use redis::Client;

use super::{
    line::Line,
    reply::{Entry, Event, Reply, streams},
    stream::{LONGEST, notices_key, room_key},
};
use crate::{
    background::{self, wake_all},
    raw::Deadline,
};

/// How long one wait for events takes: how late the listener learns that its handle is gone.
const LISTENING: Duration = Duration::from_secs(1);

type Errand = Box<dyn FnOnce(&mut Line) + Send>;

/// A future that waits.
struct Waiting {
    /// The event of room that it knows. `None` if it waits for a notice.
    after: Option<Event>,
    /// When it looks again in any case.
    due: Instant,
    waker: Waker,
}

#[derive(Default)]
struct State {
    errands: VecDeque<Errand>,
    waiting: HashMap<u64, Waiting>,
    /// The futures that receive, by their numbers.
    receivers: HashSet<u64>,
    /// Those that have a notice, and have not looked again.
    notified: HashSet<u64>,
    /// Up to which event of room the listener has read.
    read: Event,
    /// What was read, and what a future had looked up to, when a future was last told that there is a later event.
    told: (Event, Event),
    next: u64,
    has_clerk: bool,
    has_listener: bool,
    /// The handle is gone.
    is_over: bool,
}

impl State {
    /// Takes the wakers of those that a condition holds for.
    fn woken(&mut self, is_woken: impl Fn(&Waiting) -> bool) -> Vec<Waker> {
        let woken: Vec<u64> =
            self.waiting.iter().filter(|(_, waiting)| is_woken(waiting)).map(|(&number, _)| number).collect();
        woken.iter().filter_map(|number| self.waiting.remove(number)).map(|waiting| waiting.waker).collect()
    }
}

/// The errands and the waits of a handle's futures.
pub(super) struct Desk {
    state: Mutex<State>,
    for_clerk: Condvar,
    for_listener: Condvar,
    client: Arc<Client>,
    session: String,
    key: String,
}

impl Desk {
    pub(super) fn new(client: &Arc<Client>, session: &str, key: &str) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            for_clerk: Condvar::new(),
            for_listener: Condvar::new(),
            client: Arc::clone(client),
            session: session.to_owned(),
            key: key.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>, name: &str, work: fn(&Self, Line)) -> io::Result<()> {
        let (desk, line) = (Arc::clone(self), Line::new(&self.client, &self.session));
        background::start(name, None, move || work(&desk, line)).map(drop)
    }

    /// Has something done by the clerk. Fails if the system refuses the thread.
    pub(super) fn submit(self: &Arc<Self>, errand: impl FnOnce(&mut Line) + Send + 'static) -> io::Result<()> {
        let mut state = self.lock();
        if !state.has_clerk {
            self.start("redis futures", Self::run_errands)?;
            state.has_clerk = true;
        }
        state.errands.push_back(Box::new(errand));
        drop(state);
        self.for_clerk.notify_one();
        Ok(())
    }

    fn start_listener(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        if !state.has_listener {
            self.start("redis events", Self::listen)?;
            state.has_listener = true;
        }
        Ok(())
    }

    /// Gives a future that receives its number.
    pub(super) fn enter(&self) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let number = state.next;
        state.receivers.insert(number);
        number
    }

    /// Forgets a future that receives.
    pub(super) fn leave(&self, number: u64) {
        let mut state = self.lock();
        state.receivers.remove(&number);
        state.notified.remove(&number);
        drop(state);
        self.cancel(number);
    }

    /// A future looks again. Returns whether it has a notice.
    pub(super) fn answer_notice(&self, number: u64) -> bool {
        self.lock().notified.remove(&number)
    }

    /// Waits for a notice. Returns `false` if there is one already.
    pub(super) fn wait_for_notice(
        self: &Arc<Self>,
        number: u64,
        due: Option<Duration>,
        waker: &Waker,
    ) -> io::Result<bool> {
        let mut state = self.lock();
        self.start_listener(&mut state)?;
        if state.notified.contains(&number) {
            return Ok(false);
        }
        self.insert(state, number, None, due, waker);
        Ok(true)
    }

    fn insert(
        &self,
        mut state: MutexGuard<'_, State>,
        number: u64,
        after: Option<Event>,
        due: Option<Duration>,
        waker: &Waker,
    ) {
        let due = Instant::now() + due.map_or(LONGEST, |due| due.min(LONGEST));
        state.waiting.insert(number, Waiting { after, due, waker: waker.clone() });
        drop(state);
        self.for_clerk.notify_one();
        self.for_listener.notify_one();
    }

    /// Waits for room after this event. Returns a number for the wait, or `None` if there is such an event already.
    pub(super) fn wait_for_room(
        self: &Arc<Self>,
        after: Event,
        due: Option<Duration>,
        waker: &Waker,
    ) -> io::Result<Option<u64>> {
        let mut state = self.lock();
        self.start_listener(&mut state)?;
        let State { read, told, .. } = &mut *state;
        if *read > after {
            if *told != (*read, after) {
                *told = (*read, after);
                return Ok(None);
            }
            // A future has looked since then, and the server knows of no later event: it has lost some, as one that was killed may.
            *read = after;
        }
        state.next += 1;
        let number = state.next;
        self.insert(state, number, Some(after), due, waker);
        Ok(Some(number))
    }

    /// Returns whether a wait is not over. Then it wakes this waker.
    pub(super) fn is_waiting(&self, number: u64, waker: &Waker) -> bool {
        let mut waker = waker.clone();
        let mut state = self.lock();
        let Some(waiting) = state.waiting.get_mut(&number) else { return false };
        std::mem::swap(&mut waiting.waker, &mut waker);
        // Without the lock, as in `cancel`.
        drop(state);
        drop(waker);
        true
    }

    pub(super) fn cancel(&self, number: u64) {
        let cancelled = self.lock().waiting.remove(&number);
        // Without the lock: a waker may do anything when it is dropped.
        drop(cancelled);
    }

    /// Ends the threads.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.for_clerk.notify_one();
        self.for_listener.notify_one();
    }

    /// The clerk.
    fn run_errands(&self, mut line: Line) {
        loop {
            let mut state = self.lock();
            if let Some(errand) = state.errands.pop_front() {
                drop(state);
                errand(&mut line);
                continue;
            }
            if state.is_over {
                return;
            }
            let now = Instant::now();
            let woken = state.woken(|waiting| waiting.due <= now);
            if !woken.is_empty() {
                drop(state);
                wake_all(woken);
                continue;
            }
            match state.waiting.values().map(|waiting| waiting.due).min() {
                Some(due) => drop(self.for_clerk.wait_timeout(state, due.saturating_duration_since(now))),
                None => drop(self.for_clerk.wait(state)),
            }
        }
    }

    /// The listener.
    fn listen(&self, mut line: Line) {
        let (notices, room) = (notices_key(&self.key, &self.session), room_key(&self.key));
        let (mut heard, mut is_current) = ("0-0".to_owned(), false);
        loop {
            let mut state = self.lock();
            while !state.is_over && state.waiting.is_empty() {
                state = self.for_listener.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_over {
                return;
            }
            let read = state.read;
            drop(state);
            let found = if is_current {
                let known = [(notices.as_str(), heard.as_str()), (room.as_str(), &read.to_string())];
                line.wait_for(&known, LISTENING).map(streams)
            } else {
                // Events from before it has begun to listen.
                let words: [&[u8]; 3] = [b"HGET", self.key.as_bytes(), b"rev"];
                line.command(&words, Deadline::after(LISTENING)).map(|last| {
                    let last = Entry::named(Reply::new(vec![last]).text());
                    vec![(room.clone(), vec![last])]
                })
            };
            match found {
                Ok(found) if found.is_empty() => {
                    // Either the time is over, or the connection broke. Then it is made again, with pauses.
                    let _ = line.command(&[b"PING"], Deadline::after(LISTENING));
                }
                Ok(found) => {
                    is_current = true;
                    for (key, entries) in found {
                        if key == notices {
                            heard = entries.last().map_or(heard, |last| last.name.clone());
                            self.note_notices(&entries);
                        } else if let Some(last) = entries.last() {
                            self.note_room(Event::of(&last.name));
                        }
                    }
                }
                Err(_) => {
                    // It is away, or refuses. It is asked again, and not in a hurry. Futures look by themselves meanwhile.
                    drop(self.for_listener.wait_timeout(self.lock(), LISTENING));
                }
            }
        }
    }

    /// Wakes the futures that notices are for. One that is gone has passed its notice on itself.
    fn note_notices(&self, entries: &[Entry]) {
        let mut state = self.lock();
        let mut woken = Vec::new();
        for entry in entries {
            let Ok(number) = entry.text("f").parse() else { continue };
            if state.receivers.contains(&number) {
                state.notified.insert(number);
                woken.extend(state.waiting.remove(&number).map(|waiting| waiting.waker));
            }
        }
        drop(state);
        wake_all(woken);
    }

    /// Wakes those that wait for an event of room that was read.
    fn note_room(&self, event: Event) {
        let mut state = self.lock();
        state.read = state.read.max(event);
        let read = state.read;
        let woken = state.woken(|waiting| waiting.after.is_some_and(|after| read > after));
        drop(state);
        wake_all(woken);
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_the_server_has_lost_is_looked_for_once() {
        let client = Arc::new(Client::open("redis://127.0.0.1").unwrap());
        let desk = Desk::new(&client, "session", "sysv:{a}:s");
        {
            let mut state = desk.lock();
            // None is needed here.
            state.has_listener = true;
            state.read = Event::of("9-0");
        }
        let wait = |after: &str| desk.wait_for_room(Event::of(after), None, Waker::noop()).unwrap();
        assert_eq!(wait("7-0"), None, "it looks again");
        let waiting = wait("7-0").expect("the server has no event after it");
        desk.note_room(Event::of("8-0"));
        assert!(!desk.is_waiting(waiting, Waker::noop()), "that is a new one");
    }

    /// A notice that the listener has read between a look and the wait after it is not waited for, and one future has it.
    #[test]
    fn a_notice_in_between_is_kept() {
        let client = Arc::new(Client::open("redis://127.0.0.1").unwrap());
        let desk = Desk::new(&client, "session", "sysv:{a}:s");
        desk.lock().has_listener = true;
        let (one, other) = (desk.enter(), desk.enter());
        let note = |number: u64| desk.note_notices(&[Entry::with("5-0", &[("f", number.to_string())])]);
        note(one);
        assert!(!desk.wait_for_notice(one, None, Waker::noop()).unwrap());
        assert!(desk.answer_notice(one));
        assert!(desk.wait_for_notice(one, None, Waker::noop()).unwrap());
        assert!(desk.wait_for_notice(other, None, Waker::noop()).unwrap());
        note(one);
        assert!(!desk.is_waiting(one, Waker::noop()));
        assert!(desk.is_waiting(other, Waker::noop()));
        desk.leave(other);
        note(other);
        assert!(!desk.answer_notice(other), "a future that is gone has none");
    }

    /// An event that the listener has read between a look and the wait after it is not waited for.
    #[test]
    fn an_event_in_between_is_noticed() {
        let client = Arc::new(Client::open("redis://127.0.0.1").unwrap());
        let desk = Desk::new(&client, "session", "sysv:{a}:s");
        {
            let mut state = desk.lock();
            // None is needed here.
            state.has_listener = true;
            state.read = Event::of("7-1");
        }
        let wait = |after: &str| desk.wait_for_room(Event::of(after), None, Waker::noop()).unwrap();
        assert_eq!(wait("7-0"), None);
        let waiting = wait("7-1").expect("there is none after it");
        assert!(desk.is_waiting(waiting, Waker::noop()));
        desk.note_room(Event::of("10-0"));
        assert!(!desk.is_waiting(waiting, Waker::noop()));
    }
}
