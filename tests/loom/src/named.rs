//! A room with named calls: messages of two lanes, and waiters that want one lane or both.

use std::sync::Arc;

use crate::{
    Error,
    failure::Result,
    kernel::{Deadline, Failure, Members, Repair, Session},
    scene::room,
    sync::{
        AtomicU32,
        Ordering::{Acquire, Relaxed, SeqCst},
        fence,
    },
    waiting::{
        Checked, Party,
        flag::Flag,
        room::Room,
        wait,
        waiter::{Gate, Waiter},
    },
};

const LANES: usize = 2;

/// Messages that are each there once at most. Message `m` is in lane `m % 2`.
#[derive(Debug)]
pub struct NamedScene {
    /// The kernel.
    pub members: Arc<Members>,
    messages: Vec<AtomicU32>,
    room: Room,
    /// Up for waiters of one lane.
    flags: [Flag; LANES],
    /// Up for waiters of several lanes.
    wide: Flag,
    passes_on: bool,
}

fn lane_of(message: usize) -> u64 {
    1 << (message % LANES)
}

fn is_wide(interest: u64) -> bool {
    interest.count_ones() > 1
}

impl NamedScene {
    /// Makes a scene without messages.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        Self::make(members, true)
    }

    /// Makes a scene with waiters that keep what they were called for, and did not take: to show that they must not.
    #[must_use]
    pub fn without_passing_on(members: Arc<Members>) -> Arc<Self> {
        Self::make(members, false)
    }

    fn make(members: Arc<Members>, passes_on: bool) -> Arc<Self> {
        let messages = (0..4).map(|_| AtomicU32::new(0)).collect();
        let room = room(0, 1).with_named_calls();
        Arc::new(Self { members, messages, room, flags: Default::default(), wide: Flag::default(), passes_on })
    }

    fn is_there(&self, message: usize) -> bool {
        self.messages[message].load(Acquire) != 0
    }

    /// Sends a message, and calls a waiter for it.
    ///
    /// # Errors
    ///
    /// If a post is refused.
    pub fn send(&self, message: usize) -> Result<(), Failure> {
        self.messages[message].store(1, SeqCst);
        fence(SeqCst);
        let lane = lane_of(message);
        let what = u32::try_from(message).unwrap_or(u32::MAX);
        let fits = |interest: u64| interest & lane != 0;
        let flag = &self.flags[message % LANES];
        let called = if flag.is_up() {
            self.room.notify_fitting(flag, what, fits, fits, &self.members)
        } else {
            self.room.notify_fitting(&self.wide, what, fits, is_wide, &self.members)
        };
        called.map(drop)
    }

    /// Takes a message of some lanes. Blocks until there is one.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn take(&self, me: Session, lanes: u64) -> usize {
        let taken = self.take_by(me, lanes, Deadline::NEVER);
        taken.expect("nothing is damaged").expect("it waits as long as it takes")
    }

    /// Takes a message if there is one when the timeout of a wait elapses.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is none.
    pub fn take_impatiently(&self, me: Session, lanes: u64) -> Result<usize, Error> {
        self.take_by(me, lanes, Deadline::NOW)?.ok_or(Error::Busy)
    }

    fn take_by(&self, me: Session, lanes: u64, deadline: Deadline) -> Result<Option<usize>> {
        let waiter = Waiter::new(&self.room, LanesGate(self), me, lanes);
        let fitting = || (0..self.messages.len()).filter(|&message| lane_of(message) & lanes != 0);
        let claim = |message: &usize| self.messages[*message].compare_exchange(1, 0, SeqCst, Relaxed).is_ok();
        let party = Party { members: &self.members, repair: self, me };
        wait(party, &waiter, deadline, |_| {
            Ok(fitting().find(claim).map_or(Checked::Sleep(Deadline::NEVER), Checked::Found))
        })
    }
}

struct LanesGate<'a>(&'a NamedScene);

impl Gate for LanesGate<'_> {
    fn open(&self, interest: u64) -> Deadline {
        if is_wide(interest) {
            self.0.wide.raise();
        } else {
            self.0.flags[interest.trailing_zeros() as usize].raise();
        }
        fence(SeqCst);
        Deadline::NEVER
    }

    fn pass_on_named(&self, what: u32, members: &Members) -> Result<()> {
        let message = what as usize;
        if !self.0.passes_on || !self.0.is_there(message) {
            return Ok(());
        }
        self.0.room.call_fitting(what, |interest| interest & lane_of(message) != 0, members).map(drop)
    }
}

impl Repair for NamedScene {
    fn repair(&self, slot: u32, _: bool, _: &Members) -> Result<()> {
        self.room.repair(slot);
        Ok(())
    }
}

/// Responses to members that each wait for their own.
#[derive(Debug)]
pub struct ResponseScene {
    /// The kernel.
    pub members: Arc<Members>,
    responses: Vec<AtomicU32>,
    room: Room,
}

impl ResponseScene {
    /// Makes a scene without responses.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        let responses = (0..3).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self { members, responses, room: room(0, 1).with_named_calls() })
    }

    /// Responds to a member.
    ///
    /// # Errors
    ///
    /// If a post is refused.
    pub fn respond(&self, slot: usize) -> Result<(), Failure> {
        if let Some(response) = self.responses.get(slot) {
            response.store(1, SeqCst);
        }
        self.room.call_slot(slot, 0, &self.members).map(drop)
    }

    /// Waits for the response to this member.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn await_response(&self, me: Session) {
        let waiter = Waiter::new(&self.room, ResponseGate, me, 0);
        let party = Party { members: &self.members, repair: self, me };
        let response = wait(party, &waiter, Deadline::NEVER, |_| -> Result<_> {
            let is_there = self.responses[me.slot()].load(Acquire) != 0;
            Ok(if is_there { Checked::Found(()) } else { Checked::Sleep(Deadline::NEVER) })
        });
        response.expect("nothing is damaged").expect("it waits as long as it takes");
    }
}

struct ResponseGate;

impl Gate for ResponseGate {
    fn open(&self, _: u64) -> Deadline {
        fence(SeqCst);
        Deadline::NEVER
    }
}

impl Repair for ResponseScene {
    fn repair(&self, slot: u32, _: bool, _: &Members) -> Result<()> {
        self.room.repair(slot);
        Ok(())
    }
}
