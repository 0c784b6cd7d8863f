//! Taking and sending as futures, by the errands of the desk (RD14).
//!
//! | a future is dropped | what becomes of its message |
//! | --- | --- |
//! | before its errand was run | nothing was done |
//! | while a look is under way, or before the poll that would return what it found | a message goes back as it was: to its old place, and without an attempt |
//! | while it waits for an event | nothing was done |
//! | while a message is being sent, or before the poll that would return that | the message may have been sent. A request is taken back |

use std::{
    future::poll_fn,
    io,
    sync::{Arc, atomic::AtomicBool},
    task::{Context, Poll, ready},
};

use super::{
    Remote,
    desk::Asked,
    inbox::CallEnd,
    operations::{Offer, Offered, Outgoing, PATIENCE_OF_DROP, Refusal},
    reply::Event,
    stream::Stream,
    taken::{How, Look, Taken},
};
use crate::{
    Failure,
    raw::Deadline,
    store::{About, Class, Selection, is_stopped},
};

/// What a future does.
enum Stage<T> {
    /// It looks, or offers, next.
    Begin,
    Asked(Asked<T>),
    /// For an event, by the number of the wait.
    Waiting(u64),
}

/// A message that no poll has returned yet. Dropping it gives it back as it was.
struct Fresh(Option<Taken>);

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(taken) = self.0.take() {
            taken.untake_later();
        }
    }
}

enum Found {
    Message(Fresh),
    Nothing { last: String, due: i64 },
}

/// A wait for a message.
pub(crate) struct Taking {
    remote: Arc<Remote>,
    selection: Selection,
    claims: bool,
    stop: Option<Arc<AtomicBool>>,
    stage: Stage<Result<Found, Refusal>>,
}

impl Taking {
    pub(crate) fn new(
        remote: &Arc<Remote>,
        selection: Selection,
        claims: bool,
        stop: Option<&Arc<AtomicBool>>,
    ) -> Self {
        Self { remote: Arc::clone(remote), selection, claims, stop: stop.cloned(), stage: Stage::Begin }
    }

    fn ask(&self) -> io::Result<Asked<Result<Found, Refusal>>> {
        let (remote, selection, claims) = (Arc::clone(&self.remote), self.selection, self.claims);
        Asked::new(&self.remote.desk, move |line, stops| {
            // Claimed in any case, so that it can go back if no poll returns it.
            let how = if claims { How::Claim } else { How::ClaimToReceive };
            let look = remote.look(line, selection, how, Deadline::NEVER, true, stops)?;
            Ok(match look {
                Look::Message(taken) => Found::Message(Fresh(Some(taken))),
                Look::Nothing { last, due } => Found::Nothing { last, due },
            })
        })
    }

    pub(crate) fn poll_take(&mut self, context: &Context<'_>) -> Poll<Result<Taken, Refusal>> {
        // The locks of a parent's desk may be locked for ever in a child made by `fork`.
        self.remote.check_ours("wait")?;
        loop {
            match &mut self.stage {
                Stage::Begin => self.stage = Stage::Asked(self.ask().map_err(|error| self.remote.no_thread(&error))?),
                Stage::Asked(asked) => {
                    let found = ready!(asked.poll(context));
                    self.stage = Stage::Begin;
                    match found? {
                        Found::Message(mut fresh) => {
                            let Some(mut taken) = fresh.0.take() else { continue };
                            if !self.claims {
                                taken.receive_later();
                            }
                            return Poll::Ready(Ok(taken));
                        }
                        Found::Nothing { last, due } => {
                            // After the announcement: what stops it writes an event then.
                            if is_stopped(self.stop.as_deref()) {
                                return Poll::Ready(Err(Refusal::Stopped));
                            }
                            self.stage = self.remote.wait_at_desk(Stream::Messages, &last, due, context)?;
                        }
                    }
                }
                Stage::Waiting(number) => {
                    if self.remote.desk.is_waiting(*number, context.waker()) {
                        return Poll::Pending;
                    }
                    self.stage = Stage::Begin;
                }
            }
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.remote.cancel(&self.stage);
    }
}

/// A message that was sent, which no poll has returned yet. Dropping it takes a request back.
struct Sent {
    remote: Arc<Remote>,
    id: Option<String>,
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.remote.leave_later(id);
        }
    }
}

/// A message that is being sent, and waits for room.
struct Sending<'a> {
    remote: Arc<Remote>,
    about: About,
    bytes: Arc<[u8]>,
    stop: Option<&'a AtomicBool>,
    stage: Stage<Result<Result<Sent, Offered>, Refusal>>,
}

impl Sending<'_> {
    fn ask(&self) -> io::Result<Asked<Result<Result<Sent, Offered>, Refusal>>> {
        let (remote, about, bytes) = (Arc::clone(&self.remote), self.about, Arc::clone(&self.bytes));
        Asked::new(&self.remote.desk, move |line, stops| {
            let offer = Offer { message: Outgoing { about, bytes: &bytes }, deadline: Deadline::NEVER, waits: true };
            let id = line.unique();
            let is_call = about.class == Class::Call;
            if is_call {
                remote.keep_call(&id)?;
            }
            let offered = remote.offer(line, &id, offer, stops);
            if is_call && !matches!(offered, Ok(Offered::Sent)) {
                remote.forget_call(&id);
            }
            Ok(match offered? {
                Offered::Sent => Ok(Sent { remote: Arc::clone(&remote), id: Some(id) }),
                full => Err(full),
            })
        })
    }

    fn poll_send(&mut self, context: &Context<'_>) -> Poll<Result<String, Refusal>> {
        self.remote.check_ours("wait")?;
        loop {
            match &mut self.stage {
                Stage::Begin => self.stage = Stage::Asked(self.ask().map_err(|error| self.remote.no_thread(&error))?),
                Stage::Asked(asked) => {
                    let offered = ready!(asked.poll(context));
                    self.stage = Stage::Begin;
                    match offered? {
                        Ok(mut sent) => return Poll::Ready(Ok(sent.id.take().unwrap_or_default())),
                        Err(Offered::Full { last, due, .. }) => {
                            if is_stopped(self.stop) {
                                return Poll::Ready(Err(Refusal::Stopped));
                            }
                            self.stage = self.remote.wait_at_desk(Stream::Room, &last, due, context)?;
                        }
                        Err(Offered::Sent) => {}
                    }
                }
                Stage::Waiting(number) => {
                    if self.remote.desk.is_waiting(*number, context.waker()) {
                        return Poll::Pending;
                    }
                    self.stage = Stage::Begin;
                }
            }
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.remote.cancel(&self.stage);
    }
}

impl Remote {
    /// Sends a message, and waits for room, without blocking the thread. Returns its name.
    pub(crate) async fn send_async(
        self: &Arc<Self>,
        message: Outgoing<'_>,
        stop: Option<&AtomicBool>,
    ) -> Result<String, Refusal> {
        self.check_length(message.bytes)?;
        let (remote, about, bytes) = (Arc::clone(self), message.about, Arc::from(message.bytes));
        let mut sending = Sending { remote, about, bytes, stop, stage: Stage::Begin };
        poll_fn(|context| sending.poll_send(context)).await
    }

    fn wait_at_desk<T>(
        &self,
        stream: Stream,
        last: &str,
        due: i64,
        context: &Context<'_>,
    ) -> Result<Stage<T>, Failure> {
        let due = u64::try_from(due).ok().map(std::time::Duration::from_millis);
        let number = self.desk.wait(stream, Event::of(last), due, context.waker());
        Ok(number.map_err(|error| self.no_thread(&error))?.map_or(Stage::Begin, Stage::Waiting))
    }

    fn cancel<T>(&self, stage: &Stage<T>) {
        if let (Stage::Waiting(number), true) = (stage, self.is_ours()) {
            self.desk.cancel(*number);
        }
    }

    /// Waits for a call no more, without blocking the thread.
    pub(crate) fn leave_later(self: &Arc<Self>, id: String) {
        if self.is_ours() {
            let remote = Arc::clone(self);
            // Without a thread the lease of the call ends by itself.
            let _ = self.desk.submit(move |_| remote.leave(&id, false));
        }
    }

    /// Polls for the end of a call.
    pub(crate) fn poll_end(&self, id: &str, context: &Context<'_>) -> Result<Poll<CallEnd>, Failure> {
        self.check_ours("request")?;
        Ok(self.keeper.poll_end(id, context.waker()))
    }

    /// Polls until a check finds something, which is made again after each end of a call. The wait has this number from then on, and is
    /// to be [cancelled](Self::cancel_calls).
    pub(crate) fn poll_calls<T>(
        &self,
        number: &mut Option<u64>,
        check: impl FnMut() -> Option<T>,
        context: &Context<'_>,
    ) -> Poll<Result<T, Failure>> {
        self.check_ours("request")?;
        self.keeper.poll_any(number, check, context.waker()).map(Ok)
    }

    /// Ends such a wait.
    pub(crate) fn cancel_calls(&self, number: &mut Option<u64>) {
        if let (Some(number), true) = (number.take(), self.is_ours()) {
            self.keeper.unwatch(number);
        }
    }
}

impl Taken {
    /// Gives it back as it was, without blocking the thread.
    fn untake_later(mut self) {
        let remote = Arc::clone(self.remote());
        if !remote.is_ours() || !self.is_kept() {
            return;
        }
        // Without a thread the lease ends by itself, as that of a dead process does.
        let _ = remote.desk.submit(move |_| drop(self.end(&[b"untaken"], PATIENCE_OF_DROP)));
    }

    /// Makes a message that was claimed to be received a received one, without blocking the thread. A request stays kept.
    fn receive_later(&mut self) {
        if !self.is_claim {
            return;
        }
        self.is_claim = false;
        if let Some(rest) = self.split() {
            let remote = Arc::clone(rest.remote());
            let _ = remote.desk.submit(move |_| drop(rest.done()));
        }
    }

    /// Responds, without blocking the thread.
    pub(crate) async fn respond_async(self, codec: u32, schema: u32, bytes: Vec<u8>) -> Result<(), Failure> {
        let remote = Arc::clone(self.remote());
        remote.check_ours("claim")?;
        let asked = Asked::new(&remote.desk, move |_, _| self.respond(codec, schema, &bytes));
        let mut asked = asked.map_err(|error| remote.no_thread(&error))?;
        poll_fn(|context| asked.poll(context)).await
    }
}
