//! Receiving, and notifying of messages (ST4, ST7).

use super::{
    Held, Refusal, Store, Wants,
    control::WIDE,
    select::Selection,
    word::{CellState, Hint},
};
use crate::{
    Role,
    failure::Result,
    members::{Members, Repair},
    raw::Deadline,
    sizes::INLINE,
    sync::{
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    waiting::{
        Checked, Party, Round,
        spin::record_cpu,
        wait,
        waiter::{Gate, Waiter},
    },
};

/// How often a process that does not wait, and finds nothing, checks for dead members: once in so many times, since that is a
/// system call.
const VAIN: u64 = 64;

/// What a message that was received says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) held: Held,
    pub(crate) route: u32,
    pub(crate) codec: u32,
    pub(crate) schema: u32,
    pub(crate) len: usize,
    /// From which word of the cell on it lies there. `None` if it lies in blocks.
    pub(crate) inline: Option<u8>,
    /// Whether a caller waits for a response.
    pub(crate) is_call: bool,
    /// When it was sent, or given back last.
    pub(crate) sent_at: u64,
}

/// How senders find a receiver.
pub(super) struct ReceiveGate<'a> {
    pub(super) store: &'a Store,
    /// What threads have in common that find the same messages.
    pub(super) selection: Option<u64>,
}

impl ReceiveGate<'_> {
    fn raise(&self, interest: u64) {
        // Of two flags one is enough: senders to any lane check the wide one as well.
        if interest & WIDE != 0 {
            self.store.control.seldom.wide.raise();
        } else {
            let lanes = self.store.lanes.iter().enumerate();
            lanes.filter(|(lane, _)| interest & 1 << lane != 0).for_each(|(_, words)| words.flag.raise());
        }
        // SYNC: pairs with the SeqCst push of a sender: either the sender sees the flag, or the check sees the hint.
        fence(SeqCst);
    }
}

impl Gate for ReceiveGate<'_> {
    fn open(&self, interest: u64) -> Deadline {
        self.raise(interest);
        Deadline::NEVER
    }

    fn interest_changed(&self, interest: u64) {
        self.raise(interest);
    }

    fn selection(&self) -> Option<u64> {
        self.selection
    }

    fn pass_on_named(&self, what: u32, members: &Members) -> Result<()> {
        let hint = Hint::from_what(what);
        let Some(cell) = self.store.cell_of(hint) else { return Ok(()) };
        // The message is gone, so no other waiter needs the call.
        if !cell.word().is_ready(hint.generation) {
            return Ok(());
        }
        self.store.notify_message(hint, self.store.lane_of(cell.route.load(Relaxed)), members)
    }
}

impl Store {
    /// Returns what a message says of itself. Fails if that can't be, and frees it.
    fn describe(&self, held: Held, members: &Members) -> Result<Received, Refusal> {
        let cell = self.held(held);
        // ST9: an impossible length costs this message, and not the channel.
        let len = usize::try_from(cell.len.load(Relaxed)).unwrap_or(usize::MAX);
        let received = Received {
            held,
            route: cell.route.load(Relaxed),
            codec: cell.codec.load(Relaxed),
            schema: cell.schema.load(Relaxed),
            len,
            inline: (len <= INLINE).then_some(0),
            is_call: held.word.caller() != 0,
            sent_at: cell.sent_at.load(Relaxed),
        };
        if len <= self.geometry.max_message_size.max(INLINE)
            && (received.inline.is_some() || cell.first_block.load(Relaxed) != 0)
        {
            if received.is_claim() {
                self.note_claim(held);
            }
            return Ok(received);
        }
        // It would come back for ever, so it is freed, and the error names what is wrong.
        self.give_up(held, members)?;
        Err(members.damaged("the length of a message").into())
    }

    /// Takes the next message, and waits for one.
    #[inline]
    pub(crate) fn receive(
        &self,
        selection: Selection,
        party: Party<'_, impl Repair>,
        wants: Wants<'_>,
        deadline: Deadline,
    ) -> Result<Received, Refusal> {
        let held = match self.try_take(selection, wants.claims, party.me.owner(), party.members)? {
            Some(held) => held,
            None => self.receive_slowly(selection, party, wants, deadline)?,
        };
        self.describe(held, party.members)
    }

    #[cold]
    fn receive_slowly(
        &self,
        selection: Selection,
        party: Party<'_, impl Repair>,
        wants: Wants<'_>,
        deadline: Deadline,
    ) -> Result<Held, Refusal> {
        let Party { members, me, .. } = party;
        if let (Selection::Only(route), true) = (selection, wants.claims) {
            // It may be a request's.
            self.serve(self.lane_of(route), me);
        }
        let take = || {
            // First the delayed messages that are due: they may be older than what a lane has.
            self.promote(me.owner(), members)?;
            self.try_take(selection, wants.claims, me.owner(), members)
        };
        if deadline == Deadline::NOW {
            // A caller that never waits gets no obituary, so it checks now and then by itself.
            if self.is_turn() {
                party.reap_all()?;
            }
            let end = self.end(selection, wants, party);
            // What was sent before the end is received before it.
            return take()?.ok_or(end.unwrap_or(Refusal::Busy));
        }
        // One lane has one sender to learn from. Several are taken together.
        let processors = match selection {
            Selection::Only(route) => {
                // For callers: the response that they wait for may be of any lane.
                record_cpu(Role::Consumer, &self.control.last_cpus.0);
                &self.lanes[self.lane_of(route)].last_cpus
            }
            _ => &self.control.last_cpus.0,
        };
        // Messages that come while this process is awake cost no system call.
        let (delay, spin) = &self.patience.message;
        if let Some(found) = spin.until_gathered(delay, Role::Consumer, processors, || take().transpose()) {
            let held = found?;
            let lane = self.lane_of(self.held(held).route.load(Relaxed));
            delay.learn(self.waiting_in(lane).saturating_add(1), self.geometry.messages.into(), 1);
            return Ok(held);
        }
        loop {
            // Lanes without a route are in the interest of a selection that may want their first one.
            let lanes = self.control.seldom.used_lanes();
            let interest = self.lanes_of(selection);
            let gate = ReceiveGate { store: self, selection: selection.number() };
            let waiter = Waiter::new(&self.receive, gate, me, interest);
            let found = wait(party, &waiter, deadline, |_: Round| {
                let end = self.end(selection, wants, party);
                match (take()?, end) {
                    (Some(held), _) => Ok(Checked::Found(Some(held))),
                    (None, Some(end)) => Err(end),
                    // A route has come. Leaving passes on what it was called for in vain, and the next interest is exact.
                    (None, None) if lanes != self.control.seldom.used_lanes() => Ok(Checked::Found(None)),
                    (None, None) => Ok(Checked::Sleep(self.until_due())),
                }
            })?;
            match found {
                Some(Some(held)) => return Ok(held),
                Some(None) if !deadline.has_passed() => {}
                _ => return Err(Refusal::Busy),
            }
        }
    }

    /// Returns whether it is a vain call's turn to check for dead members.
    pub(super) fn is_turn(&self) -> bool {
        self.vain.fetch_add(1, Relaxed).is_multiple_of(VAIN)
    }

    /// Copies a message that lies in its cell, from a word on.
    #[inline]
    pub(crate) fn read_short(&self, held: Held, first: u8, len: usize, to: &mut [u8; INLINE]) {
        self.held(held).read_at(first.into(), len, to);
    }

    /// Returns the bytes of a message that lies in blocks.
    pub(crate) fn run(&self, held: Held) -> super::Run<'_> {
        let is_response = held.word.state() == CellState::Answered;
        self.blocks.run(if is_response { self.response_chain(held) } else { self.chain(held) })
    }

    /// Frees a message that is held. If it is a request, its caller learns that there will be no response.
    pub(crate) fn give_up(&self, held: Held, members: &Members) -> Result<()> {
        // A claim is done and not given back: the message would come back for ever.
        if held.word.state() == CellState::Claimed {
            return self.done(held, members).map(drop);
        }
        if held.word.caller() == 0 { self.release(held, members) } else { self.lose(held, members) }
    }

    /// Makes the threads of this process that wait for messages check whether they are to stop.
    pub(crate) fn rouse(&self, slot: usize, members: &Members) -> Result<()> {
        self.receive.rouse_own(slot, members)
    }
}
