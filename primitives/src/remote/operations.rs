//! Sending, and what supervisors and operators do.

use std::{collections::BTreeMap, io, sync::atomic::Ordering::Relaxed, time::Duration};

use super::{
    Remote,
    connect::failure,
    inbox::CallEnd,
    line::{Line, Trouble},
    reply::{Reply, ending_of},
    script::Script,
};
use crate::{
    Failure,
    raw::{Deadline, Errno},
    sizes::INLINE,
    store::{About, CauseNumber, Class, Ending, Until},
};

/// How long an operation that waits for nothing may take, if the server is away.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The same for what a drop does. The lease ends by itself.
pub(super) const PATIENCE_OF_DROP: Duration = Duration::from_millis(500);

/// Why an operation did nothing.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There was no room: how many messages of the class and bytes there are.
    Full {
        messages: u64,
        bytes: u64,
    },
    /// There was no message.
    Empty,
    TooLong,
    Closed,
    Stopped,
    /// The connection broke on the way, and the message may have been sent.
    Maybe(String),
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A message that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) about: About,
    pub(crate) bytes: &'a [u8],
}

/// A message that is offered once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'a> {
    pub(super) message: Outgoing<'a>,
    /// How long a server that is away is waited for.
    pub(super) deadline: Deadline,
    /// Whether the sender is to be told of room.
    pub(super) waits: bool,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Offered {
    Sent,
    /// There was no room: how many messages of the class and bytes there are, the last event, and when something is due.
    Full {
        messages: u64,
        bytes: u64,
        last: String,
        due: i64,
    },
}

/// How a claim ends without being done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned {
    pub(crate) cause: CauseNumber,
    pub(crate) delay: Duration,
}

/// What waits on one route: messages, bytes, and the age of the oldest.
pub(crate) type Waiting = (u64, u64, Duration);

/// What is in a channel.
#[derive(Debug, Default)]
pub(crate) struct Depth {
    pub(crate) routes: BTreeMap<u32, Waiting>,
    pub(crate) messages: u64,
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
    pub(crate) claimed: u64,
    pub(crate) delayed: u64,
    pub(crate) aside: u64,
    pub(crate) dropped: u64,
}

/// A message that is set aside, as it was copied.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) id: String,
    pub(crate) route: u32,
    pub(crate) codec: u32,
    pub(crate) schema: u32,
    pub(crate) age: Duration,
    pub(crate) endings: Vec<(u32, Ending)>,
    pub(crate) bytes: Vec<u8>,
    order: u64,
}

impl Remote {
    /// Sends a message, and waits for room. Returns its name, by which a call waits for its end.
    pub(crate) fn send(&self, message: Outgoing<'_>, until: Until<'_>) -> Result<String, Refusal> {
        self.check_ours("connection")?;
        self.check_length(message.bytes)?;
        let is_call = message.about.class == Class::Call;
        self.lines.with(|line| {
            let id = line.unique();
            if is_call {
                self.keep_call(&id)?;
            }
            let sent = self.send_as(line, &id, message, until);
            if is_call && sent.is_err() {
                self.forget_call(&id);
            }
            sent.map(|()| id)
        })
    }

    pub(super) fn check_length(&self, bytes: &[u8]) -> Result<(), Refusal> {
        if bytes.len() > self.geometry.max_message_size.max(INLINE) { Err(Refusal::TooLong) } else { Ok(()) }
    }

    /// Keeps a call alive that is about to be sent, and waits for its end. Before it is sent: its end may come at once.
    pub(super) fn keep_call(&self, id: &str) -> Result<(), Failure> {
        self.keeper.keep_call(&self.client, id).map_err(|error| self.no_thread(&error))
    }

    /// Forgets a call that was not sent.
    pub(super) fn forget_call(&self, id: &str) {
        self.keeper.drop_call(id);
    }

    pub(super) fn no_thread(&self, error: &io::Error) -> Failure {
        // The system's own refusal always has a number.
        let errno = error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw);
        Failure::NoThread { object: self.name().clone(), errno }
    }

    fn send_as(&self, line: &mut Line, id: &str, message: Outgoing<'_>, until: Until<'_>) -> Result<(), Refusal> {
        let stops = || until.is_stopped();
        let offer = Offer { message, deadline: until.deadline, waits: until.deadline != Deadline::NOW };
        loop {
            let (messages, bytes, last, due) = match self.offer(line, id, offer, &stops)? {
                Offered::Sent => return Ok(()),
                Offered::Full { messages, bytes, last, due } => (messages, bytes, last, due),
            };
            if until.deadline.has_passed() {
                return Err(Refusal::Full { messages, bytes });
            }
            // After the announcement: what stops it writes an event then.
            if stops() {
                return Err(Refusal::Stopped);
            }
            self.wait_for_room(line, &last, due, until.deadline).map_err(|trouble| failure(&self.object, trouble))?;
        }
    }

    /// Sends a message, if there is room.
    pub(super) fn offer(
        &self,
        line: &mut Line,
        id: &str,
        offer: Offer<'_>,
        stops: &dyn Fn() -> bool,
    ) -> Result<Offered, Refusal> {
        let Offer { message: Outgoing { about, bytes }, deadline, waits } = offer;
        let blocks =
            if bytes.len() > INLINE { self.geometry.blocks_for(bytes.len()) * self.geometry.block() } else { 0 };
        let caller = if about.class == Class::Call { self.keeper.session.as_str() } else { "" };
        let waits = u8::from(waits).to_string();
        let numbers = [
            about.route.to_string(),
            about.codec.to_string(),
            about.schema.to_string(),
            (about.class as u32).to_string(),
            about.wishes.limit().to_string(),
            about.wishes.flags().to_string(),
            bytes.len().to_string(),
            blocks.to_string(),
            millis(about.delay).to_string(),
        ];
        let mut words: Vec<&[u8]> = vec![waits.as_bytes()];
        words.extend(numbers.iter().map(String::as_bytes));
        words.extend([caller.as_bytes(), id.as_bytes(), bytes]);
        let answer = line.run_numbered(Script::Send, &self.key, &words, deadline, stops);
        let mut answer = Reply::new(answer.map_err(|trouble| match trouble {
            Trouble::Stopped => Refusal::Stopped,
            Trouble::Unreachable { why, may_have_run: true } => Refusal::Maybe(why),
            trouble => failure(&self.object, trouble).into(),
        })?);
        match answer.text().as_str() {
            "ok" => Ok(Offered::Sent),
            "closed" => Err(self.closed()),
            "full" => Ok(Offered::Full {
                messages: answer.number(),
                bytes: answer.number(),
                last: answer.text(),
                due: answer.number(),
            }),
            _ => Err(self.removed().into()),
        }
    }

    pub(super) fn closed(&self) -> Refusal {
        self.is_closed.store(true, Relaxed);
        Refusal::Closed
    }

    pub(super) fn removed(&self) -> Failure {
        Failure::Removed { object: self.object.clone() }
    }

    /// Runs a script that waits for nothing, and does the same when it is run twice. Returns what it answers after `ok`.
    fn simply(&self, script: Script, words: &[&[u8]], patience: Duration) -> Result<(String, Reply), Failure> {
        self.check_ours("connection")?;
        let run = |line: &mut Line| line.run(script, &self.key, words, Deadline::after(patience));
        let mut answer = Reply::new(self.lines.with(run).map_err(|trouble| failure(&self.object, trouble))?);
        match answer.text() {
            gone if gone == "gone" => Err(self.removed()),
            said => Ok((said, answer)),
        }
    }

    /// Waits for the end of a call. Returns `None` if the deadline has passed.
    pub(crate) fn wait_for_end(&self, id: &str, deadline: Deadline) -> Option<CallEnd> {
        self.keeper.wait_for_end(id, deadline)
    }

    pub(crate) fn is_ended(&self, id: &str) -> bool {
        self.keeper.is_ended(id)
    }

    /// Waits for a call no more. `keeps` leaves the request to be worked on.
    pub(crate) fn leave(&self, id: &str, keeps: bool) {
        if !self.is_ours() || !self.keeper.drop_call(id) {
            return;
        }
        let keeps: &[u8] = if keeps { b"1" } else { b"0" };
        // If the server is away, the lease of the call ends by itself.
        let _ = self.simply(Script::Leave, &[self.keeper.session.as_bytes(), id.as_bytes(), keeps], PATIENCE_OF_DROP);
    }

    /// Waits until a check finds something, which is made again after each end of a call.
    pub(crate) fn wait_for_calls<T>(&self, deadline: Deadline, check: impl FnMut() -> Option<T>) -> Option<T> {
        self.keeper.wait_for_any(deadline, check)
    }

    pub(crate) fn rouse_callers(&self) {
        self.keeper.rouse();
    }

    /// Makes all that wait for messages or room look again, whether they are to stop.
    pub(crate) fn rouse(&self) -> Result<(), Failure> {
        self.simply(Script::Close, &[b"rouse"], PATIENCE).map(drop)
    }

    pub(crate) fn close(&self) -> Result<(), Failure> {
        self.simply(Script::Close, &[b"close"], PATIENCE)?;
        self.is_closed.store(true, Relaxed);
        Ok(())
    }

    /// Returns whether it was closed, as far as this handle knows.
    pub(crate) fn is_closed_here(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    /// Returns whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        if !self.is_closed_here()
            && let Ok((_, mut answer)) = self.simply(Script::Close, &[b"ask"], PATIENCE_OF_DROP)
        {
            self.is_closed.fetch_or(answer.text() == "1", Relaxed);
        }
        self.is_closed_here()
    }

    pub(crate) fn remove(&self) -> Result<(), Failure> {
        self.simply(Script::Remove, &[], PATIENCE).map(drop)
    }

    pub(crate) fn depth(&self) -> Result<Depth, Failure> {
        let (_, mut answer) = self.simply(Script::Depth, &[], PATIENCE)?;
        let mut depth = Depth {
            messages: answer.number(),
            calls: answer.number(),
            bytes: answer.number(),
            claimed: answer.number(),
            delayed: answer.number(),
            aside: answer.number(),
            dropped: answer.number(),
            ..Depth::default()
        };
        self.is_closed.fetch_or(answer.text() == "1", Relaxed);
        for route in answer.list() {
            let mut route = Reply::of(route);
            let number = route.number();
            depth.routes.insert(number, (route.number(), route.number(), Duration::from_millis(route.number())));
        }
        Ok(depth)
    }

    /// Returns the messages that are set aside, the oldest one first.
    pub(crate) fn set_aside(&self) -> Result<Vec<Aside>, Failure> {
        let (_, mut answer) = self.simply(Script::Aside, &[b"list"], PATIENCE)?;
        let listed = |message| {
            let mut message = Reply::of(message);
            Aside {
                id: message.text(),
                route: message.number(),
                codec: message.number(),
                schema: message.number(),
                age: Duration::from_millis(message.number()),
                endings: ending_of(&message.text()),
                order: message.number(),
                bytes: message.bytes(),
            }
        };
        let mut found: Vec<Aside> = answer.list().into_iter().map(listed).collect();
        found.sort_by_key(|message| message.order);
        Ok(found)
    }

    /// Makes a message that is set aside one that can be received. Returns whether it was still there.
    pub(crate) fn retry(&self, aside: &Aside) -> Result<bool, Refusal> {
        let (said, mut answer) = self.simply(Script::Aside, &[b"retry", aside.id.as_bytes()], PATIENCE)?;
        match said.as_str() {
            "full" => Err(Refusal::Full { messages: answer.number(), bytes: answer.number() }),
            said => Ok(said == "ok"),
        }
    }

    pub(crate) fn discard(&self, aside: &Aside) -> Result<bool, Failure> {
        let (said, _) = self.simply(Script::Aside, &[b"discard", aside.id.as_bytes()], PATIENCE)?;
        Ok(said == "ok")
    }

    /// Gives back the claims of a process of this machine that has ended, with the cause.
    pub(crate) fn bury(&self, pid: u32, cause: CauseNumber, status: u16) -> Result<(), Failure> {
        let (gone, cause, status) = (format!("{}:{pid}:", self.host), cause.to_string(), status.to_string());
        self.simply(Script::Buried, &[gone.as_bytes(), cause.as_bytes(), status.as_bytes()], PATIENCE).map(drop)
    }
}

/// Returns a time in whole milliseconds, and none that is 0 unless the time is.
pub(super) fn millis(time: Duration) -> u64 {
    // Beyond this a time would not be exact in a script.
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(1 << 45)
}
