//! The rounds of a future, W1 to W8 of [`waiting`](crate::waiting), cut at the sleep.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    stand::{IsBeside, PassOn, Stand},
    turns::{Parked, Resumed},
};
use crate::{
    clock,
    failure::{Failure, Result},
    members::{Members, Repair, Session},
    raw::{Deadline, process},
    sync::UNWINDS,
    waiting::{
        desk::{Desk, Ticket},
        room::Room,
        wait::{Checked, Party, Round, Station, Turn, Withdrawn},
        waiter::{Gate, Waiter, selection},
    },
};

/// A future's wait, between its polls.
///
/// It is on the list of a desk, so it is ended by its last poll, or by [`cancel`].
#[derive(Debug, Default)]
pub(crate) struct HeldTicket {
    /// Its number on the list, since the first poll that found nothing.
    id: Option<u64>,
    /// When that was.
    since: u64,
    /// Of which process's list.
    generation: u32,
    has_paused: bool,
}

impl HeldTicket {
    /// Returns the ticket on a desk's list. Joins the list in the first poll.
    pub(crate) fn ticket<'a>(&self, desk: &'a Desk, interest: u64, selection: Option<u64>) -> Ticket<'a> {
        let desk = desk.ours();
        match self.id {
            Some(id) => Ticket { desk, id },
            None => desk.join_task(interest, selection),
        }
    }

    /// Whether a poll has found nothing. Otherwise there is nothing to cancel.
    #[inline]
    pub(crate) fn is_begun(&self) -> bool {
        self.has_paused
    }

    /// Whether it is on a list of this process's.
    pub(crate) fn is_taken(&self) -> bool {
        self.id.is_some() && process::is_generation(self.generation)
    }
}

/// Where a future waits, during a poll.
pub(crate) trait TaskStation: Station {
    fn ticket(&self) -> &Ticket<'_>;

    /// Stays on the list after the poll. Returns the number there.
    fn into_id(self) -> u64;

    /// What the clerk needs to know.
    fn stand(&self, members: &Members) -> Stand;

    /// Withdraws the announcement. The list is locked.
    fn withdraw_locked(&self) -> Withdrawn;

    /// Passes on calls for things.
    fn pass_on_things(&self, _things: Vec<u32>, _members: &Members) -> Result<()> {
        Ok(())
    }
}

impl<'a, G: Gate> Waiter<'a, G> {
    /// A future's wait, during a poll.
    pub(crate) fn of_task(room: &'a Room, gate: G, me: Session, interest: u64, held: &HeldTicket) -> Self {
        let ticket = held.ticket(&room.desk, interest, selection(room, &gate, interest));
        Self { room, gate, slot: me.slot(), since: held.since, ticket }
    }
}

/// How a room's clerk passes calls on without a handle.
pub(crate) trait TaskGate: Gate {
    fn pass_on(&self) -> PassOn;

    /// Returns what tells the clerk where its notifier ran (CK7).
    fn nearness(&self) -> IsBeside {
        Box::new(|| false)
    }
}

impl<G: TaskGate> TaskStation for Waiter<'_, G> {
    fn ticket(&self) -> &Ticket<'_> {
        &self.ticket
    }

    fn into_id(self) -> u64 {
        self.ticket.into_id()
    }

    fn stand(&self, members: &Members) -> Stand {
        Stand::in_room(self.room, self.slot, members, self.gate.pass_on(), self.gate.nearness())
    }

    fn withdraw_locked(&self) -> Withdrawn {
        self.room.withdraw(self.slot)
    }

    fn pass_on_things(&self, things: Vec<u32>, members: &Members) -> Result<()> {
        if self.room.has_named_calls() { self.pass_on_all(things, members) } else { Ok(()) }
    }
}

/// Waits until a check finds something. See [`wait`](crate::waiting::wait).
///
/// If it is dropped, nothing was taken, and what it was called for is passed on.
pub(crate) fn wait_async<'a, T, E, R, S, M, C>(party: Party<'a, R>, station: M, check: C) -> Wait<'a, R, S, M, C>
where
    E: From<Failure>,
    R: Repair,
    S: TaskStation,
    M: Fn(&HeldTicket) -> S,
    C: FnMut(Round) -> Result<Checked<T>, E>,
{
    Wait { held: HeldTicket::default(), party, station, check }
}

/// A future that waits.
pub(crate) struct Wait<'a, R: Repair, S: TaskStation, M: Fn(&HeldTicket) -> S, C> {
    held: HeldTicket,
    party: Party<'a, R>,
    station: M,
    check: C,
}

impl<R: Repair, S: TaskStation, M: Fn(&HeldTicket) -> S, C> Wait<'_, R, S, M, C> {
    /// Waits without letting others of the runtime run first.
    pub(crate) fn at_once(mut self) -> Self {
        self.held.has_paused = true;
        self
    }
}

impl<R: Repair, S: TaskStation, M: Fn(&HeldTicket) -> S, C> Unpin for Wait<'_, R, S, M, C> {}

impl<T, E, R, S, M, C> Future for Wait<'_, R, S, M, C>
where
    E: From<Failure>,
    R: Repair,
    S: TaskStation,
    M: Fn(&HeldTicket) -> S,
    C: FnMut(Round) -> Result<Checked<T>, E>,
{
    type Output = Result<T, E>;

    // Not in its caller, so that what is there at once costs no more than without the wait.
    #[inline(never)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let Self { held, party, station, check } = self.get_mut();
        if !party.me.is_ours() {
            // CK5.
            let object = party.members.object().clone();
            return Poll::Ready(Err(Failure::Inherited { object, what: "wait" }.into()));
        }
        poll_wait(held, *party, &*station, check, context)
    }
}

impl<R: Repair, S: TaskStation, M: Fn(&HeldTicket) -> S, C> Drop for Wait<'_, R, S, M, C> {
    #[inline(never)]
    fn drop(&mut self) {
        cancel(&mut self.held, self.party.members, &self.station);
    }
}

/// Polls a wait. The session of the party is this process's.
pub(crate) fn poll_wait<T, E: From<Failure>, S: TaskStation>(
    held: &mut HeldTicket,
    party: Party<'_, impl Repair>,
    station: impl Fn(&HeldTicket) -> S,
    mut check: impl FnMut(Round) -> Result<Checked<T>, E>,
    context: &Context<'_>,
) -> Poll<Result<T, E>> {
    if !held.has_paused {
        // Others of the runtime run first. Under load that is when what is waited for comes, without the kernel.
        held.has_paused = true;
        context.waker().wake_by_ref();
        return Poll::Pending;
    }
    if !held.is_taken() {
        *held = HeldTicket {
            id: None,
            since: clock::monotonic(),
            generation: process::fork_generation(),
            has_paused: true,
        };
        let ended = match check(Round::Awake) {
            Ok(Checked::Found(found)) => Some(Ok(found)),
            Ok(Checked::Sleep(_)) => None,
            Err(error) => Some(Err(error)),
        };
        if let Some(ended) = ended {
            *held = HeldTicket::default();
            return Poll::Ready(ended);
        }
    }
    let station = station(held);
    // From here on the station has it, and leaves if a check panics.
    held.id = None;
    let leaving = UNWINDS.then(|| EndsInPanic { station: &station, members: party.members });
    let polled = rounds(party, &station, &mut check, context);
    mem::forget(leaving);
    if let Poll::Ready(ended) = &polled {
        leave(&station, party.members, ended.is_ok());
        // As in the wait of a thread. A future has no timeout of its own.
        #[cfg(feature = "tracing")]
        crate::events::wait_ends(party.members.object(), Some(held.since), ended.as_ref().ok().map(|_| true));
        *held = HeldTicket::default();
    } else {
        held.id = Some(station.into_id());
    }
    polled
}

/// Ends the wait of a future if a check panics, as one that decodes may: its call is passed on.
struct EndsInPanic<'a, S: TaskStation> {
    station: &'a S,
    members: &'a Members,
}

impl<S: TaskStation> Drop for EndsInPanic<'_, S> {
    fn drop(&mut self) {
        leave(self.station, self.members, false);
    }
}

/// Ends a wait without a result, if it has begun. Nothing was taken, and what it was called for is passed on.
pub(crate) fn cancel<S: TaskStation>(held: &mut HeldTicket, members: &Members, station: impl FnOnce(&HeldTicket) -> S) {
    // A child made by `fork` has no part in its parent's.
    if held.is_taken() {
        leave(&station(held), members, false);
    }
    *held = HeldTicket::default();
}

fn rounds<T, E: From<Failure>>(
    party: Party<'_, impl Repair>,
    station: &impl TaskStation,
    check: &mut impl FnMut(Round) -> Result<Checked<T>, E>,
    context: &Context<'_>,
) -> Poll<Result<T, E>> {
    // The labels are those of the header in `waiting`.
    let Party { members, .. } = party;
    let Some(mut resumed) = station.ticket().resume(context.waker()) else { return Poll::Pending };
    if let Some(failure) = resumed.refused.take() {
        members.record(Err(failure));
    }
    loop {
        let Resumed { call, failure, .. } = resumed;
        if let Some(failure) = failure {
            if call.is_some() {
                members.record(station.pass_on_unused(members));
            }
            return Poll::Ready(Err(failure.into()));
        }
        if let Some(call) = call {
            // W4.
            match check(Round::Awake) {
                Ok(Checked::Found(found)) => return Poll::Ready(Ok(found)),
                Ok(Checked::Sleep(_)) => {
                    if matches!(call, Withdrawn::Chosen(_)) {
                        // W6.
                        members.suspect();
                    }
                    // W8.
                    members.record(station.found_nothing(members));
                }
                Err(error) => {
                    members.record(station.pass_on_unused(members));
                    return Poll::Ready(Err(error));
                }
            }
        }
        let until = match turn(party, station, check) {
            Ok(Checked::Found(found)) => return Poll::Ready(Ok(found)),
            Ok(Checked::Sleep(until)) => until,
            Err(error) => return Poll::Ready(Err(error)),
        };
        // W3: the clerk sleeps, and withdraws.
        match station.ticket().park(until, context.waker(), || station.stand(members)) {
            Ok(Parked::Waits { is_post_due }) => {
                if is_post_due {
                    members.record(members.post(station.bell()));
                }
                return Poll::Pending;
            }
            Ok(Parked::Roused(again)) => resumed = again,
            Err(failure) => return Poll::Ready(Err(failure.into())),
        }
    }
}

/// Leads or follows: announces what the future waits for, and checks. Returns until when the process may sleep.
fn turn<T, E: From<Failure>>(
    party: Party<'_, impl Repair>,
    station: &impl TaskStation,
    check: &mut impl FnMut(Round) -> Result<Checked<T>, E>,
) -> Result<Checked<T>, E> {
    loop {
        // It does not wait: its deadline has passed.
        match station.turn(Deadline::NOW) {
            Turn::Lead => break,
            Turn::Check => {
                if let Checked::Found(found) = check(Round::Awake)? {
                    return Ok(Checked::Found(found));
                }
            }
            Turn::Late => return Ok(Checked::Sleep(Deadline::NEVER)),
        }
    }
    // W1.
    party.members.clear_suspicion(station.bell(), party.repair)?;
    if station.ticket().is_clerk_poked() {
        // The post for the clerk may have been among those that were taken.
        party.members.record(party.members.post(station.bell()));
    }
    // W2.
    let at_most = station.announce();
    Ok(match check(Round::Announced)? {
        Checked::Sleep(until) => Checked::Sleep(until.min(at_most)),
        found @ Checked::Found(_) => found,
    })
}

/// Leaves the list, and passes on a call that is not spent (CK2).
fn leave(station: &impl TaskStation, members: &Members, has_found: bool) {
    let left = station.ticket().leave_task(|| station.withdraw_locked());
    // The wait has a result, or none takes one. So what fails is recorded.
    if left.is_posted {
        // The post would wake the next wait in vain.
        members.record(members.take_post(station.bell()));
    }
    if left.is_called {
        // W7.
        let passed = if has_found { station.pass_on_used(members) } else { station.pass_on_unused(members) };
        members.record(passed);
    }
    // W8.
    members.record(station.pass_on_things(left.things, members));
    if left.is_poke_due {
        members.record(members.post(station.bell()));
    }
}
