//! Messages that a process has taken, and the ends of their claims (RD3, RD5).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    Remote,
    connect::failure,
    line::{Line, Trouble},
    operations::{PATIENCE_OF_DROP, Refusal, Returned, millis},
    reply::{Reply, ending_of},
    script::Script,
    waiting::{How, Receiver, bound},
};
use crate::{
    Failure,
    raw::Deadline,
    store::{CauseNumber, Ending, Selection, Wants},
};

/// The causes of a drop, by the numbers that a channel gives them.
const REQUEUED: CauseNumber = 2;
const PANICKED: CauseNumber = 3;

/// What a receiver wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) selection: Selection,
    pub(crate) wants: Wants<'a>,
    pub(crate) deadline: Deadline,
}

/// What a look found.
pub(super) enum Look {
    Message(Taken),
    /// In how many milliseconds something is due.
    Nothing {
        due: i64,
    },
}

/// A message that this process has taken.
#[derive(Debug)]
pub(crate) struct Taken {
    remote: Arc<Remote>,
    id: String,
    token: String,
    pub(crate) route: u32,
    pub(crate) codec: u32,
    pub(crate) schema: u32,
    pub(crate) limit: u8,
    /// How often it was claimed before.
    pub(crate) attempts: u8,
    pub(crate) endings: Vec<(u32, Ending)>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_call: bool,
    /// Whether it comes back unless it is done.
    pub(crate) is_claim: bool,
    age: Duration,
    at: Instant,
    /// Set by the renewer. `None` if there is nothing to end: it was received.
    is_lost: Option<Arc<AtomicBool>>,
}

impl Remote {
    /// Takes a message, and waits for one.
    pub(crate) fn take(self: &Arc<Self>, wanted: Wanted<'_>) -> Result<Taken, Refusal> {
        self.check_ours("connection")?;
        self.lines.with(|line| self.take_over(line, wanted))
    }

    fn take_over(self: &Arc<Self>, line: &mut Line, wanted: Wanted<'_>) -> Result<Taken, Refusal> {
        let Wanted { selection, wants, deadline } = wanted;
        let stops = || wants.is_stopped();
        let how = if wants.claims { How::Claim } else { How::Receive };
        let mut receiver = Receiver::new(selection, how, 0, line.name());
        loop {
            // A receiver that is announced looks once more after its deadline, so it leaves no notice behind.
            let waits = if deadline.has_passed() { Duration::ZERO } else { bound(-1, deadline) };
            let looked = self.look(line, &mut receiver, waits, deadline, &stops);
            let due = match looked {
                Ok(Look::Message(taken)) => return Ok(taken),
                Ok(Look::Nothing { .. }) if waits.is_zero() && !stops() => return Err(Refusal::Empty),
                Ok(Look::Nothing { due }) => due,
                Err(refusal) => {
                    if receiver.is_announced && stops() {
                        self.withdraw(line, &receiver);
                    }
                    return Err(refusal);
                }
            };
            // After the announcement: what stops it notifies all that are announced.
            if stops() {
                if receiver.is_announced {
                    self.withdraw(line, &receiver);
                }
                return Err(Refusal::Stopped);
            }
            self.wait_for_notice(line, due, deadline).map_err(|trouble| failure(&self.object, trouble))?;
        }
    }

    /// Takes a message, if there is one.
    pub(super) fn look(
        self: &Arc<Self>,
        line: &mut Line,
        receiver: &mut Receiver,
        waits: Duration,
        deadline: Deadline,
        stops: &dyn Fn() -> bool,
    ) -> Result<Look, Refusal> {
        let (kind, route) = receiver.selected();
        let (how, waits) = ((receiver.how as u8).to_string(), millis(waits).to_string());
        let is_announced: &[u8] = if receiver.is_announced { b"1" } else { b"0" };
        // Unless it is known to have found a message.
        receiver.is_announced |= waits != "0";
        let owner = format!("{}:{}:{}", self.host, std::process::id(), self.keeper.session);
        loop {
            let token = line.unique();
            let mut words = vec![waits.as_bytes(), kind, route.as_bytes(), how.as_bytes(), owner.as_bytes()];
            words.extend([token.as_bytes(), receiver.name.as_bytes(), is_announced]);
            let answer = match line.run_numbered(Script::Take, &self.key, &words, deadline, stops) {
                Ok(answer) => answer,
                Err(Trouble::Stopped) => return Err(Refusal::Stopped),
                // The server was away for minutes. A message that it took for this process has gone back, or is lost with its answer (RD10).
                Err(Trouble::Unreachable { may_have_run: true, .. }) if !deadline.has_passed() => continue,
                Err(trouble) => return Err(failure(&self.object, trouble).into()),
            };
            let mut answer = Reply::new(answer);
            let found = answer.text();
            receiver.is_announced = found == "none" && waits != "0";
            return match found.as_str() {
                "message" => Ok(Look::Message(self.taken(token, answer))),
                "closed" => Err(self.closed()),
                "none" => Ok(Look::Nothing { due: answer.number() }),
                _ => Err(self.removed().into()),
            };
        }
    }

    fn taken(self: &Arc<Self>, token: String, mut answer: Reply) -> Taken {
        let id = answer.text();
        let mut taken = Taken {
            remote: Arc::clone(self),
            token,
            route: answer.number(),
            codec: answer.number(),
            schema: answer.number(),
            limit: answer.number(),
            attempts: answer.number(),
            age: Duration::from_millis(answer.number()),
            is_call: answer.text() == "1",
            endings: Vec::new(),
            bytes: Vec::new(),
            is_claim: false,
            at: Instant::now(),
            is_lost: None,
            id,
        };
        let how = answer.text();
        taken.is_claim = how == "claimed";
        if how != "no" {
            taken.is_lost = Some(self.keeper.keep_claim(&self.client, &taken.id, &taken.token));
        }
        taken.endings = ending_of(&answer.text());
        taken.bytes = answer.bytes();
        taken
    }
}

impl Taken {
    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// Returns how long ago it was sent.
    pub(crate) fn age(&self) -> Duration {
        self.age + self.at.elapsed()
    }

    /// Returns whether there is a claim, or a request that is held, to be ended.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_lost.is_some()
    }

    /// Fails if it is known that the claim is not this process's any more.
    pub(crate) fn check(&self, what: &'static str) -> Result<(), Failure> {
        self.remote.check_ours(what)?;
        match &self.is_lost {
            Some(is_lost) if is_lost.load(Relaxed) => Err(self.lease_lost()),
            _ => Ok(()),
        }
    }

    fn lease_lost(&self) -> Failure {
        Failure::LeaseLost { object: self.remote.object.clone() }
    }

    /// Completes it. A caller that waits learns that there is no response.
    pub(crate) fn done(mut self) -> Result<(), Failure> {
        self.end(&[b"done"], self.remote.lease)
    }

    /// Responds, which completes it.
    pub(crate) fn respond(mut self, codec: u32, schema: u32, bytes: &[u8]) -> Result<(), Failure> {
        let (codec, schema) = (codec.to_string(), schema.to_string());
        self.end(&[b"response", codec.as_bytes(), schema.as_bytes(), bytes], self.remote.lease)
    }

    pub(crate) fn give_back(mut self, returned: Returned) -> Result<(), Failure> {
        let patience = self.remote.lease;
        self.return_within(returned, patience)
    }

    fn return_within(&mut self, Returned { cause, delay }: Returned, patience: Duration) -> Result<(), Failure> {
        let (cause, delay) = (cause.to_string(), millis(delay).to_string());
        self.end(&[b"back", cause.as_bytes(), b"0", delay.as_bytes()], patience)
    }

    /// Returns what is to be ended, which is then not this one's any more.
    #[cfg(feature = "async")]
    pub(super) fn split(&mut self) -> Option<Self> {
        let is_lost = self.is_lost.take()?;
        Some(Self {
            remote: Arc::clone(&self.remote),
            id: self.id.clone(),
            token: self.token.clone(),
            endings: Vec::new(),
            bytes: Vec::new(),
            is_lost: Some(is_lost),
            ..*self
        })
    }

    pub(super) fn end(&mut self, how: &[&[u8]], patience: Duration) -> Result<(), Failure> {
        self.remote.check_ours("claim")?;
        let Some(is_lost) = self.is_lost.take() else { return Ok(()) };
        let remote = &self.remote;
        let mut words: Vec<&[u8]> = vec![self.id.as_bytes(), self.token.as_bytes()];
        words.extend(how);
        let deadline = Deadline::after(patience);
        let run = |line: &mut Line| line.run_numbered(Script::End, &remote.key, &words, deadline, &|| false);
        // The lease is extended until it is known: the server may be away for a while.
        let ended = remote.lines.with(run);
        remote.keeper.drop_claim(&self.id);
        let answer = ended.map_err(|trouble| failure(&remote.object, trouble))?;
        match Reply::new(answer).text().as_str() {
            "ok" => Ok(()),
            "lost" => Err(self.lease_lost()),
            _ => {
                is_lost.store(true, Relaxed);
                Err(remote.removed())
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A child made by `fork` drops a copy. The claim is the parent's.
        if self.is_lost.is_some() && self.remote.is_ours() {
            let cause = if std::thread::panicking() { PANICKED } else { REQUEUED };
            // It waits for the server for a moment alone, since the lease ends by itself.
            let _ = self.return_within(Returned { cause, delay: Duration::ZERO }, PATIENCE_OF_DROP);
        }
    }
}
