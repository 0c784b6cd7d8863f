//! Futures of a role: its holder waits alone on a doorbell, as long as it has the role.
//!
//! - **AL1** The holder of the role ends the clerk before it gives the role up, unless the clerk is parked: the next holder sleeps
//!   on the same doorbell. It is CK6 of a role.
//! - **AL2** A call of the holder's that blocks goes to the front of the list beforehand, so the clerk leaves it the doorbell (CK4).

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use once_cell::race::OnceBox;

use super::{
    stand::{GiveUp, IsBeside, Stand, Withdrawal},
    wait::{HeldTicket, TaskStation, cancel, poll_wait},
};
use crate::{
    failure::{Failure, Result},
    members::{Members, Repair},
    raw::Deadline,
    waiting::{
        desk::{Desk, Ticket},
        wait::{Checked, Party, Round, Station, Turn, Withdrawn},
    },
};

/// A station with a doorbell of its own, on which no other waits.
pub(crate) trait Lone: Station {
    /// Returns what withdraws it, for the clerk.
    fn withdrawal(&self) -> Withdrawal;

    /// Returns what tells the clerk where its notifier ran (CK7).
    fn nearness(&self) -> IsBeside {
        Box::new(|| false)
    }

    /// Returns what gives up what it holds while it waits, if it holds anything that others wait for.
    fn giving_up(&self) -> Option<GiveUp> {
        None
    }
}

/// The desk of a role. It is made when the first future waits, also in the middle of a `fork`.
#[derive(Debug, Default)]
pub(crate) struct LoneDesk(OnceBox<Arc<Desk>>);

impl LoneDesk {
    /// Where a future waits, during a poll.
    pub(crate) fn station<S: Lone>(&self, station: S, held: &HeldTicket) -> Alone<'_, S> {
        let desk = self.0.get_or_init(|| Box::new(Arc::new(Desk::alone())));
        Alone { station, desk, ticket: held.ticket(desk, 0, Some(0)) }
    }

    /// Ends the clerk of this process, if there is one (AL1).
    pub(crate) fn dismiss_clerk(&self, bell: u16, members: &Members) {
        if let Some(desk) = self.0.get() {
            desk.dismiss_clerk(bell, members);
        }
    }
}

/// What the holder of a role keeps between the polls of its futures, of which one waits at a time.
#[derive(Debug, Default)]
pub(crate) struct LoneFutures {
    desk: LoneDesk,
    held: HeldTicket,
}

impl LoneFutures {
    /// Whether a poll has found nothing. Otherwise there is nothing to cancel.
    #[inline]
    pub(crate) fn is_begun(&self) -> bool {
        self.held.is_begun()
    }

    /// Whether a future waits.
    pub(crate) fn is_waiting(&self) -> bool {
        self.held.is_taken()
    }

    /// Polls until a check finds something.
    pub(crate) fn poll<T, E: From<Failure>, S: Lone>(
        &mut self,
        party: Party<'_, impl Repair>,
        station: impl Fn() -> S,
        check: impl FnMut(Round) -> Result<Checked<T>, E>,
        context: &Context<'_>,
    ) -> Poll<Result<T, E>> {
        let Self { desk, held } = self;
        poll_wait(held, party, |held| desk.station(station(), held), check, context)
    }

    /// Ends a wait.
    pub(crate) fn cancel(&mut self, station: impl Lone, members: &Members) {
        let Self { desk, held } = self;
        cancel(held, members, |held| desk.station(station, held));
    }

    /// Ends a wait, before a call that blocks. As long as the ticket lives, the clerk leaves the doorbell to this thread (AL2).
    pub(crate) fn begin_blocking(&mut self, station: impl Lone, members: &Members) -> Option<Ticket<'_>> {
        self.cancel(station, members);
        Some(self.desk.0.get()?.ours().join(0, Some(0)))
    }

    /// Ends a wait and the clerk, before the role is given up (AL1).
    pub(crate) fn dismiss_clerk(&mut self, station: impl Lone, members: &Members) {
        let bell = station.bell();
        self.cancel(station, members);
        self.desk.dismiss_clerk(bell, members);
    }
}

/// A station alone on its doorbell, while its future is polled.
pub(crate) struct Alone<'a, S> {
    station: S,
    desk: &'a Arc<Desk>,
    ticket: Ticket<'a>,
}

impl<S: Lone> Station for Alone<'_, S> {
    fn turn(&self, deadline: Deadline) -> Turn {
        // As the front it leads, unless it may not announce itself any more.
        match self.station.turn(deadline) {
            Turn::Lead => self.ticket.turn(deadline, |_| {}),
            turn => turn,
        }
    }

    fn announce(&self) -> Deadline {
        let mut until = Deadline::NEVER;
        self.ticket.announce(|_| {
            until = self.station.announce();
            Withdrawn::Uncalled
        });
        until
    }

    fn withdraw(&self) -> Withdrawn {
        self.station.withdraw()
    }

    fn bell(&self) -> u16 {
        self.station.bell()
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.station.pass_on_used(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.station.pass_on_unused(members)
    }
}

impl<S: Lone> TaskStation for Alone<'_, S> {
    fn ticket(&self) -> &Ticket<'_> {
        &self.ticket
    }

    fn into_id(self) -> u64 {
        self.ticket.into_id()
    }

    fn stand(&self, members: &Members) -> Stand {
        let Self { station, desk, .. } = self;
        Stand::alone(desk, self.bell(), members, station.withdrawal(), station.nearness(), station.giving_up())
    }

    fn withdraw_locked(&self) -> Withdrawn {
        self.station.withdraw()
    }
}
