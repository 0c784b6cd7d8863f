//! Waiting in a future: for messages, for room, for responses.

use std::task::{Context, Poll};

use super::{
    Held, Refusal, Store,
    blocks::Chain,
    call::{Outcome, ResponseGate, Ticket},
    ends::Until,
    geometry::Class,
    receive::ReceiveGate,
    select::Selection,
    send::{About, Draft},
    space::{Share, SpaceGate},
};
use crate::{
    failure::{Failure, Result},
    members::{Members, Repair, Session},
    raw::Deadline,
    role::Role,
    waiting::{
        Checked, Party,
        clerk::{HeldTicket, IsBeside, PassOn, TaskGate, cancel, poll_wait, wait_async},
        room::Room,
        spin::is_beside_other,
        waiter::{Gate, Waiter},
    },
};

/// Makes what passes on the calls of a future that is not polled. It does not keep the handle.
pub(crate) trait Passes: Fn() -> PassOn + Sync {}

impl<F: Fn() -> PassOn + Sync> Passes for F {}

/// A gate with what its clerk needs.
struct Passing<'a, G, F> {
    store: &'a Store,
    role: Role,
    gate: G,
    pass_on: &'a F,
}

impl<G: Gate, F> Gate for Passing<'_, G, F> {
    fn open(&self, interest: u64) -> Deadline {
        self.gate.open(interest)
    }

    fn interest_changed(&self, interest: u64) {
        self.gate.interest_changed(interest);
    }

    fn selection(&self) -> Option<u64> {
        self.gate.selection()
    }

    fn may_find(&self, selection: Option<u64>) -> bool {
        self.gate.may_find(selection)
    }

    fn pass_on_named(&self, what: u32, members: &Members) -> Result<()> {
        self.gate.pass_on_named(what, members)
    }
}

impl<G: Gate, F: Passes> TaskGate for Passing<'_, G, F> {
    fn pass_on(&self) -> PassOn {
        (self.pass_on)()
    }

    fn nearness(&self) -> IsBeside {
        self.store.nearness(self.role)
    }
}

impl Store {
    /// Tells the clerk of a role whether the other side ran on its processor.
    fn nearness(&self, role: Role) -> IsBeside {
        let control = self.control.clone();
        Box::new(move || is_beside_other(role, &control.last_cpus.0))
    }

    /// Passes on a call for a message. See [`PassOn`].
    pub(crate) fn pass_on_message(&self, what: u32, members: &Members) -> Result<()> {
        ReceiveGate { store: self, selection: None }.pass_on_named(what, members)
    }

    /// Passes on a call for room.
    pub(crate) fn pass_on_space(&self, what: u32, members: &Members) -> Result<()> {
        SpaceGate { store: self, interest: 0 }.pass_on_named(what, members)
    }

    fn receiver<'a, F: Passes>(
        &'a self,
        selection: Selection,
        me: Session,
        pass_on: &'a F,
        held: &HeldTicket,
    ) -> Waiter<'a, Passing<'a, ReceiveGate<'a>, F>> {
        let gate = ReceiveGate { store: self, selection: selection.number() };
        let gate = Passing { store: self, role: Role::Consumer, gate, pass_on };
        Waiter::of_task(&self.receive, gate, me, self.lanes_of(selection), held)
    }

    /// Polls until an attempt finds a message. It returns `Ok(None)` if there is none.
    pub(crate) fn poll_receive<T, E: From<Failure>>(
        &self,
        held: &mut HeldTicket,
        selection: Selection,
        party: Party<'_, impl Repair>,
        pass_on: &impl Passes,
        mut attempt: impl FnMut() -> Result<Option<T>, E>,
        context: &Context<'_>,
    ) -> Poll<Result<T, E>> {
        loop {
            // As in `receive_slowly`: the interest of a wait is exact.
            let lanes = self.control.seldom.used_lanes();
            let check = |_| match attempt()? {
                Some(found) => Ok(Checked::Found(Some(found))),
                None if lanes != self.control.seldom.used_lanes() => Ok(Checked::Found(None)),
                None => Ok(Checked::Sleep(self.until_due())),
            };
            let station = |held: &HeldTicket| self.receiver(selection, party.me, pass_on, held);
            match poll_wait(held, party, station, check, context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(found))) => return Poll::Ready(Ok(found)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Ends a wait for messages.
    pub(crate) fn cancel_receive(
        &self,
        held: &mut HeldTicket,
        selection: Selection,
        me: Session,
        members: &Members,
        pass_on: &impl Passes,
    ) {
        cancel(held, members, |held| self.receiver(selection, me, pass_on, held));
    }

    async fn start_async(
        &self,
        class: Class,
        party: Party<'_, impl Repair>,
        until: Until<'_>,
        pass_on: &impl Passes,
    ) -> Result<Held, Refusal> {
        if self.is_closed() {
            return Err(self.closed(party.members));
        }
        let (cell, word) = match self.take_cell(class, party.me) {
            Some(taken) => taken,
            None => {
                let interest = class.interest();
                let station = |held: &HeldTicket| self.sender(interest, party.me, pass_on, held);
                let check = |_| {
                    until.check()?;
                    self.check_for_cell(class, party)
                };
                wait_async::<_, Refusal, _, _, _, _>(party, station, check).await?
            }
        };
        Ok(Held { cell, word })
    }

    fn sender<'a, F: Passes>(
        &'a self,
        interest: u32,
        me: Session,
        pass_on: &'a F,
        held: &HeldTicket,
    ) -> Waiter<'a, Passing<'a, SpaceGate<'a>, F>> {
        let gate = SpaceGate { store: self, interest };
        let gate = Passing { store: self, role: Role::Producer, gate, pass_on };
        Waiter::of_task(&self.space, gate, me, interest.into(), held)
    }

    /// Sends a message that fits into a cell.
    pub(crate) async fn send_short_async(
        &self,
        about: About,
        bytes: &[u8],
        party: Party<'_, impl Repair>,
        until: Until<'_>,
        pass_on: &impl Passes,
    ) -> Result<Held, Refusal> {
        let held = self.start_async(about.class, party, until, pass_on).await?;
        self.fill_short(held, about, bytes, party)
    }

    /// Starts a message that does not fit into a cell.
    pub(crate) async fn draft_async<'a>(
        &'a self,
        class: Class,
        len: usize,
        party: Party<'a, impl Repair>,
        until: Until<'_>,
        pass_on: &impl Passes,
    ) -> Result<Draft<'a>, Refusal> {
        if len > self.geometry.max_message_size {
            return Err(Refusal::TooLong);
        }
        let held = self.start_async(class, party, until, pass_on).await?;
        // It is freed if this future is dropped.
        let draft = self.draft_in(held, len, party);
        let take = || match self.take_blocks(Self::name(held), len, Share::Messages, party, Deadline::NOW.into()) {
            Err(Refusal::Busy) => Ok(None),
            taken => taken.map(Some),
        };
        let chain: Chain = match take()? {
            Some(chain) => chain,
            None => {
                let interest = Share::Messages.interest();
                let station = |held: &HeldTicket| self.sender(interest, party.me, pass_on, held);
                let check = |_| {
                    until.check()?;
                    if self.is_closed() {
                        return Err(self.closed(party.members));
                    }
                    Ok(take()?.map_or(Checked::Sleep(Deadline::NEVER), Checked::Found))
                };
                let chain = wait_async::<_, Refusal, _, _, _, _>(party, station, check).await?;
                // As in `take_blocks`.
                self.notify_blocks(party.members)?;
                chain
            }
        };
        Ok(draft.with(chain))
    }

    /// Waits until there is room for a response. `attempt` returns `Ok(None)` if there is not.
    pub(crate) async fn wait_to_respond_async<E: From<Failure>>(
        &self,
        party: Party<'_, impl Repair>,
        pass_on: &impl Passes,
        attempt: impl Fn() -> Result<Option<()>, E>,
    ) -> Result<(), E> {
        let interest = Share::Responses.interest();
        let station = |held: &HeldTicket| self.sender(interest, party.me, pass_on, held);
        let check = |_| Ok(attempt()?.map_or(Checked::Sleep(Deadline::NEVER), Checked::Found));
        wait_async::<_, E, _, _, _, _>(party, station, check).await?;
        // As in `take_blocks`. The response is sent, so what fails is recorded.
        party.members.record(self.notify_blocks(party.members));
        Ok(())
    }

    /// Polls until a request has ended. Fails with `Busy` if it has not, and the wait is to stop.
    pub(crate) fn poll_response(
        &self,
        held: &mut HeldTicket,
        ticket: Ticket,
        party: Party<'_, impl Repair>,
        stops: impl Fn() -> bool,
        context: &Context<'_>,
    ) -> Poll<Result<Outcome, Refusal>> {
        let check = |_| match self.wait_for_response(ticket, party, Deadline::NOW) {
            Ok(outcome) => Ok(Checked::Found(outcome)),
            Err(Refusal::Busy) if stops() => Err(Refusal::Busy),
            Err(Refusal::Busy) => self.check_for_end(ticket, party),
            Err(refusal) => Err(refusal),
        };
        poll_wait(held, party, |held| self.caller(Some(ticket), party.me, held), check, context)
    }

    /// Polls until a check finds something, as `wait_for_calls` waits.
    pub(crate) fn poll_for_calls<T>(
        &self,
        held: &mut HeldTicket,
        party: Party<'_, impl Repair>,
        mut check: impl FnMut() -> Option<T>,
        context: &Context<'_>,
    ) -> Poll<Result<T>> {
        let check = |_| Ok(check().map_or(Checked::Sleep(Deadline::NEVER), Checked::Found));
        poll_wait(held, party, |held| self.caller(None, party.me, held), check, context)
    }

    fn caller(&self, ticket: Option<Ticket>, me: Session, held: &HeldTicket) -> Waiter<'_, ResponseGate<'_>> {
        // As in `wait_slowly`.
        Waiter::of_task(&self.response, ResponseGate { store: self, me, ticket }, me, 1, held)
    }

    /// Ends the wait for a response.
    pub(crate) fn cancel_response(&self, held: &mut HeldTicket, me: Session, members: &Members) {
        // It is on the list already, so it need not say for which call it waits.
        cancel(held, members, |held| self.caller(None, me, held));
    }

    /// Returns where futures wait.
    pub(crate) fn rooms(&self) -> [&Room; 3] {
        [&self.receive, &self.space, &self.response]
    }
}

impl TaskGate for ResponseGate<'_> {
    /// A response is its caller's alone.
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }

    fn nearness(&self) -> IsBeside {
        self.store.nearness(Role::Producer)
    }
}
