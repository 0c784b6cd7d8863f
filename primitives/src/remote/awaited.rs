//! Taking and sending as futures, by the errands of the desk (RD14).
//!
//! | a future is dropped | what becomes of its message |
//! | --- | --- |
//! | before its errand was run | nothing was done |
//! | while a look is under way, or before the poll that would return what it found | a message goes back as it was: to its old place, and without an attempt |
//! | while it waits for a message | its announcement is withdrawn, or its notice passed on (WK4) |
//! | while it waits for room | nothing was done |
//! | while a message is being sent, or before the poll that would return that | the message may have been sent. A request is taken back |

use std::{
    future::poll_fn,
    io,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{
    Remote,
    asked::Asked,
    inbox::CallEnd,
    operations::{Offer, Offered, Outgoing, PATIENCE_OF_DROP, Refusal},
    reply::Event,
    stream::LONGEST,
    taken::{Look, Taken},
    waiting::{How, Receiver},
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
    Nothing { due: i64 },
}

/// A wait for a message.
pub(crate) struct Taking {
    remote: Arc<Remote>,
    /// By its number at the desk.
    number: u64,
    /// Each errand of this future has it alone, one after another.
    receiver: Arc<Mutex<Receiver>>,
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
        // Claimed in any case, so that it can go back if no poll returns it.
        let how = if claims { How::Claim } else { How::ClaimToReceive };
        // The locks of a parent's desk may be locked for ever in a child made by `fork`.
        let number = if remote.is_ours() { remote.desk.enter() } else { 0 };
        let receiver = Receiver::new(selection, how, number, &remote.keeper.session);
        let receiver = Arc::new(Mutex::new(receiver));
        Self { remote: Arc::clone(remote), number, receiver, claims, stop: stop.cloned(), stage: Stage::Begin }
    }

    fn ask(&self) -> io::Result<Asked<Result<Found, Refusal>>> {
        let (remote, receiver, number) = (Arc::clone(&self.remote), Arc::clone(&self.receiver), self.number);
        Asked::new(&self.remote.desk, move |line, stops| {
            let mut receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            remote.desk.answer_notice(number);
            let look = remote.look(line, &mut receiver, LONGEST, Deadline::NEVER, stops)?;
            Ok(match look {
                Look::Message(taken) => Found::Message(Fresh(Some(taken))),
                Look::Nothing { due } => Found::Nothing { due },
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
                        Found::Nothing { due } => {
                            // After the announcement: what stops it notifies all that are announced.
                            if is_stopped(self.stop.as_deref()) {
                                return Poll::Ready(Err(Refusal::Stopped));
                            }
                            let waits = self.remote.desk.wait_for_notice(self.number, due_in(due), context.waker());
                            if waits.map_err(|error| self.remote.no_thread(&error))? {
                                self.stage = Stage::Waiting(self.number);
                            }
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
        if !self.remote.is_ours() {
            return;
        }
        self.remote.desk.leave(self.number);
        // An errand that is under way may announce it still. The clerk comes to this one afterwards.
        let is_announced = match &self.stage {
            Stage::Asked(_) => true,
            Stage::Begin | Stage::Waiting(_) => {
                self.receiver.lock().unwrap_or_else(PoisonError::into_inner).is_announced
            }
        };
        if is_announced {
            let (remote, receiver) = (Arc::clone(&self.remote), Arc::clone(&self.receiver));
            // Without a thread the announcement ends by itself.
            let _ = self.remote.desk.submit(move |line| {
                let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
                if receiver.is_announced {
                    remote.withdraw(line, &receiver);
                }
            });
        }
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
                            self.stage = self.remote.wait_for_room_at_desk(&last, due, context)?;
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

fn due_in(due: i64) -> Option<Duration> {
    u64::try_from(due).ok().map(Duration::from_millis)
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

    fn wait_for_room_at_desk<T>(&self, last: &str, due: i64, context: &Context<'_>) -> Result<Stage<T>, Failure> {
        let number = self.desk.wait_for_room(Event::of(last), due_in(due), context.waker());
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
