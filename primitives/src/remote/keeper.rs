//! What a handle keeps alive on the server, and what it learns from there by itself: leases, and the ends of its calls.
//!
//! Two threads, each with a connection of its own. Neither is started before it is needed.
//!
//! - The *renewer* extends the leases of all claims and calls of the handle, at a third of their time (RD3, RD9).
//! - The *reader* waits for entries in the inbox of the handle, which say how its calls ended (RD8).
//!
//! Both wake futures. A waker that panics ends neither thread, and the other futures are woken.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

#[cfg(feature = "async")]
use std::task::{Poll, Waker};

use redis::{Client, Value};

#[cfg(feature = "async")]
use super::callers::Callers;
use super::{
    inbox::{CallEnd, Entries},
    line::Line,
    reply::{Reply, entries},
    script::Script,
};
use crate::{background, raw::Deadline};

/// How long one wait for entries takes. It is ended by an entry, so this is how late a thread learns that its handle is gone.
const READING: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct State {
    /// The claims by message: the token, and whether the server said that it is another's.
    claims: HashMap<String, (String, Arc<AtomicBool>)>,
    /// The calls that have not ended. With `true` if the server did not know it when the lease was last extended.
    calls: HashMap<String, bool>,
    ends: HashMap<String, CallEnd>,
    #[cfg(feature = "async")]
    callers: Callers,
    /// Counts what a waiter may have to check.
    changes: u64,
    has_renewer: bool,
    has_reader: bool,
    /// Whether the renewer has nothing to renew, and sleeps.
    is_renewer_idle: bool,
    /// The handle is gone.
    is_over: bool,
}

/// What a handle keeps alive.
#[derive(Debug)]
pub(super) struct Keeper {
    state: Mutex<State>,
    /// For threads that wait for the end of a call.
    changed: Condvar,
    for_renewer: Condvar,
    for_reader: Condvar,
    pub(super) session: String,
    key: String,
    inbox: String,
    lease: Duration,
}

impl Keeper {
    pub(super) fn new(key: &str, session: &str, lease: Duration) -> Arc<Self> {
        let inbox = format!("{}a:{session}", key.trim_end_matches('s'));
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            for_renewer: Condvar::new(),
            for_reader: Condvar::new(),
            session: session.to_owned(),
            key: key.to_owned(),
            inbox,
            lease,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a claim alive. Returns a flag that is set when it is lost.
    pub(super) fn keep_claim(self: &Arc<Self>, client: &Arc<Client>, id: &str, token: &str) -> Arc<AtomicBool> {
        let is_lost = Arc::new(AtomicBool::new(false));
        let mut state = self.lock();
        state.claims.insert(id.to_owned(), (token.to_owned(), Arc::clone(&is_lost)));
        // Without it the lease ends after its time, and the message comes to another process. `done` says so then.
        let _ = self.start_renewer(client, &mut state);
        is_lost
    }

    pub(super) fn drop_claim(&self, id: &str) {
        self.lock().claims.remove(id);
    }

    /// Keeps a call alive that is about to be sent. Without both threads its caller could wait for ever, so it fails if the
    /// system refuses one.
    pub(super) fn keep_call(self: &Arc<Self>, client: &Arc<Client>, id: &str) -> io::Result<()> {
        let mut state = self.lock();
        self.start_renewer(client, &mut state)?;
        if !state.has_reader {
            let (keeper, line) = (Arc::clone(self), Line::new(client, &self.session));
            background::start("redis inbox", None, move || keeper.read(line))?;
            state.has_reader = true;
        }
        state.calls.insert(id.to_owned(), false);
        drop(state);
        self.for_reader.notify_one();
        Ok(())
    }

    fn start_renewer(self: &Arc<Self>, client: &Arc<Client>, state: &mut State) -> io::Result<()> {
        if state.has_renewer {
            if state.is_renewer_idle {
                state.is_renewer_idle = false;
                self.for_renewer.notify_one();
            }
            return Ok(());
        }
        let (keeper, line) = (Arc::clone(self), Line::new(client, &self.session));
        background::start("redis leases", None, move || keeper.renew(line))?;
        state.has_renewer = true;
        Ok(())
    }

    /// Forgets a call, and how it ended. Returns whether it had not ended.
    pub(super) fn drop_call(&self, id: &str) -> bool {
        let mut state = self.lock();
        let end = state.ends.remove(id);
        #[cfg(feature = "async")]
        let caller = state.callers.forget(id);
        let had_not_ended = state.calls.remove(id).is_some();
        drop(state);
        // Without the lock: a waker may do anything when it is dropped.
        #[cfg(feature = "async")]
        drop(caller);
        drop(end);
        had_not_ended
    }

    /// Takes the end of a call, and waits for it.
    pub(super) fn wait_for_end(&self, id: &str, deadline: Deadline) -> Option<CallEnd> {
        let mut state = self.lock();
        loop {
            if let Some(end) = state.ends.remove(id) {
                return Some(end);
            }
            // It was taken before, or never sent.
            if !state.calls.contains_key(id) {
                return Some(CallEnd::Lost);
            }
            state = self.wait(state, deadline)?;
        }
    }

    pub(super) fn is_ended(&self, id: &str) -> bool {
        !self.lock().calls.contains_key(id)
    }

    /// Waits until a check finds something, which is made again after each end of a call.
    pub(super) fn wait_for_any<T>(&self, deadline: Deadline, mut check: impl FnMut() -> Option<T>) -> Option<T> {
        let mut seen = self.lock().changes;
        loop {
            // Without the lock: a check looks at calls.
            if let Some(found) = check() {
                return Some(found);
            }
            let mut state = self.lock();
            while state.changes == seen {
                state = self.wait(state, deadline)?;
            }
            seen = state.changes;
        }
    }

    /// Returns `None` once the deadline has passed.
    fn wait<'a>(&self, state: MutexGuard<'a, State>, deadline: Deadline) -> Option<MutexGuard<'a, State>> {
        if deadline.has_passed() {
            return None;
        }
        Some(match deadline.remaining() {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
        })
    }

    pub(super) fn rouse(&self) {
        let mut state = self.lock();
        state.changes += 1;
        #[cfg(feature = "async")]
        let woken = state.callers.take_all();
        drop(state);
        self.changed.notify_all();
        #[cfg(feature = "async")]
        background::wake_all(woken);
    }

    /// Takes the end of a call, or has a waker called at it.
    #[cfg(feature = "async")]
    pub(super) fn poll_end(&self, id: &str, waker: &Waker) -> Poll<CallEnd> {
        let mut state = self.lock();
        if let Some(end) = state.ends.remove(id) {
            return Poll::Ready(end);
        }
        if !state.calls.contains_key(id) {
            return Poll::Ready(CallEnd::Lost);
        }
        let before = state.callers.wait_for(id, waker);
        drop(state);
        // Without the lock: a waker may do anything when it is dropped.
        drop(before);
        Poll::Pending
    }

    /// As [`wait_for_any`](Self::wait_for_any), and has a waker called at the next end of a call. The future [unwatches](Self::unwatch) its
    /// number when it is dropped.
    #[cfg(feature = "async")]
    pub(super) fn poll_any<T>(
        &self,
        number: &mut Option<u64>,
        mut check: impl FnMut() -> Option<T>,
        waker: &Waker,
    ) -> Poll<T> {
        loop {
            let seen = self.lock().changes;
            // Without the lock: a check looks at calls.
            if let Some(found) = check() {
                return Poll::Ready(found);
            }
            let mut state = self.lock();
            if state.changes == seen {
                let before = state.callers.watch(number, waker);
                drop(state);
                // As in `poll_end`.
                drop(before);
                return Poll::Pending;
            }
        }
    }

    #[cfg(feature = "async")]
    pub(super) fn unwatch(&self, number: u64) {
        let watching = self.lock().callers.unwatch(number);
        // As in `poll_end`.
        drop(watching);
    }

    /// Ends the threads.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.for_renewer.notify_one();
        self.for_reader.notify_one();
    }

    fn conclude(&self, id: String, end: CallEnd) {
        let mut state = self.lock();
        // A call that was cancelled, or that has ended before, has no waiter.
        #[cfg(feature = "async")]
        let mut woken = Vec::new();
        if state.calls.remove(&id).is_some() {
            #[cfg(feature = "async")]
            woken.append(&mut state.callers.take_for(&id));
            state.ends.insert(id, end);
            state.changes += 1;
        }
        drop(state);
        self.changed.notify_all();
        #[cfg(feature = "async")]
        background::wake_all(woken);
    }

    /// Extends leases, until the handle is gone.
    fn renew(&self, mut line: Line) {
        loop {
            let mut state = self.lock();
            while !state.is_over && state.claims.is_empty() && state.calls.is_empty() {
                state.is_renewer_idle = true;
                state = self.for_renewer.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.is_renewer_idle = false;
            // What there is now has its whole lease still, or was extended just before.
            let (pause, begun) = (self.lease / 3, Instant::now());
            while !state.is_over && begun.elapsed() < pause {
                let left = pause.saturating_sub(begun.elapsed());
                state = self.for_renewer.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            if state.is_over {
                return;
            }
            drop(state);
            self.extend(&mut line);
        }
    }

    fn extend(&self, line: &mut Line) {
        let (claims, calls) = {
            let state = self.lock();
            let claims: Vec<_> = state.claims.iter().map(|(id, (token, _))| (id.clone(), token.clone())).collect();
            (claims, state.calls.keys().cloned().collect::<Vec<_>>())
        };
        let count = claims.len().to_string();
        let mut arguments: Vec<&[u8]> = vec![self.session.as_bytes(), count.as_bytes()];
        claims.iter().for_each(|(id, token)| arguments.extend([id.as_bytes(), token.as_bytes()]));
        arguments.extend(calls.iter().map(String::as_bytes));
        // As long as the lease lasts at most, and then anew, with what there is to renew then.
        let extended = line.run(Script::Extend, &self.key, &arguments, Deadline::after(self.lease / 3));
        let Ok(answer) = extended else { return };
        let mut answer = Reply::new(answer);
        match answer.text().as_str() {
            "ok" => self.note_unknown(Reply::new(answer.list())),
            // The channel was removed.
            _ => calls.into_iter().for_each(|id| self.conclude(id, CallEnd::Removed)),
        }
    }

    fn note_unknown(&self, mut unknown: Reply) {
        let mut state = self.lock();
        let mut names = Vec::new();
        while !unknown.is_empty() {
            names.push(unknown.text());
        }
        let mut parts = names.split(|name| name.is_empty());
        for id in parts.next().unwrap_or_default() {
            if let Some((_, is_lost)) = state.claims.get(id) {
                is_lost.store(true, Relaxed);
            }
        }
        let unknown: HashSet<&String> = parts.next().unwrap_or_default().iter().collect();
        // How it ended may be in the inbox, and not read yet. If it still is unknown next time the server has lost it.
        let lost: Vec<String> =
            state.calls.iter().filter(|(id, was)| **was && unknown.contains(id)).map(|(id, _)| id.clone()).collect();
        state.calls.iter_mut().for_each(|(id, was)| *was = unknown.contains(id));
        drop(state);
        lost.into_iter().for_each(|id| self.conclude(id, CallEnd::Lost));
    }

    /// Reads the inbox, until the handle is gone.
    fn read(&self, mut line: Line) {
        let (mut last, mut read) = ("0-0".to_owned(), Entries::new(&self.inbox));
        loop {
            let mut state = self.lock();
            while !state.is_over && state.calls.is_empty() {
                state = self.for_reader.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_over {
                return;
            }
            drop(state);
            let found = match line.wait_for(&[(&self.inbox, &last)], READING) {
                Ok(Value::Nil) => {
                    // Either the time is over, or the connection broke. Then it is made again, with pauses.
                    let _ = line.command(&[b"PING"], Deadline::after(READING));
                    read.delete(&mut line);
                    continue;
                }
                Err(_) => {
                    // It refuses, as it does when the rights of the user were changed. It is asked again, and not in a hurry.
                    let state = self.lock();
                    let _ = self.for_reader.wait_timeout(state, READING);
                    continue;
                }
                Ok(found) => entries(found),
            };
            for entry in found {
                self.conclude(entry.text("i"), CallEnd::of(&entry));
                read.add(&entry);
                last = entry.name;
            }
            if read.is_enough() {
                read.delete(&mut line);
            }
        }
    }
}

#[cfg(all(test, feature = "async"))]
mod tests {
    use std::task::Wake;

    use super::*;

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics, for the test");
        }
    }

    #[derive(Default)]
    struct Told(AtomicBool);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    fn keeper() -> Arc<Keeper> {
        let keeper = Keeper::new("sysv:{a}:s", "session", READING);
        ["1-0", "2-0", "3-0"].into_iter().for_each(|id| _ = keeper.lock().calls.insert(id.to_owned(), false));
        keeper
    }

    #[test]
    fn a_future_that_waits_for_any_call_leaves_one_waker_and_none_when_it_is_dropped() {
        let keeper = keeper();
        let told = Arc::new(Told::default());
        let (mut number, rounds) = (None, 100);
        for _ in 0..rounds {
            // Each is another waker.
            let waker = Waker::from(Arc::clone(&told));
            assert!(keeper.poll_any(&mut number, || None::<()>, &waker).is_pending());
            let other = Waker::from(Arc::new(Told::default()));
            let mut dropped = None;
            assert!(keeper.poll_any(&mut dropped, || None::<()>, &other).is_pending());
            keeper.unwatch(dropped.expect("it waits"));
        }
        assert_eq!(Arc::strong_count(&told), 2, "its own waker alone is left");
        keeper.conclude("1-0".to_owned(), CallEnd::Lost);
        assert!(told.0.load(Relaxed), "it is woken");
        assert_eq!(Arc::strong_count(&told), 1);
    }

    #[test]
    fn a_waker_that_panics_holds_up_no_other_future() {
        let keeper = keeper();
        let told: [Arc<Told>; 2] = Default::default();
        let [first, last] = told.each_ref().map(|told| Waker::from(Arc::clone(told)));
        let panics = Waker::from(Arc::new(Panics));
        for waker in [&first, &panics, &last] {
            assert!(keeper.poll_any(&mut None, || None::<()>, waker).is_pending());
        }
        keeper.conclude("1-0".to_owned(), CallEnd::Lost);
        assert!(told.iter().all(|told| told.0.load(Relaxed)), "both are woken");
    }
}
