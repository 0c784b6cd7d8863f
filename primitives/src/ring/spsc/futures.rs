//! What an endpoint keeps for its futures, and how they wait.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytemuck::Pod;

use super::{
    SharedRing,
    state::{Holder, SpscState, bell},
};
use crate::{
    Role,
    failure::Result,
    members::{Members, Session},
    raw::Deadline,
    ring::refusal::Refusal,
    sync::Ordering::SeqCst,
    waiting::{
        Party, Station, Turn, Withdrawn,
        clerk::{HeldTicket, Stand, TaskStation, cancel, poll_wait},
        desk::{Desk, Ticket},
    },
};

/// What an endpoint keeps between the polls of its futures.
#[derive(Debug, Default)]
pub(super) struct Futures {
    /// Made when the first future waits.
    desk: Option<Arc<Desk>>,
    pub(super) held: HeldTicket,
    /// The stream has given its last item.
    pub(super) has_ended: bool,
}

impl Futures {
    /// Ends a wait of the stream or sink, before a call that blocks. As long as the ticket lives, the clerk leaves the
    /// doorbell to this thread.
    pub(super) fn begin_blocking(&mut self, state: &SpscState, role: Role, members: &Members) -> Option<Ticket<'_>> {
        let Self { desk, held, .. } = self;
        let desk = desk.as_ref()?;
        cancel(held, members, |held| station(state, role, desk, held));
        Some(desk.ours().join(0, Some(0)))
    }

    /// Ends a wait.
    pub(super) fn cancel(&mut self, state: &SpscState, role: Role, members: &Members) {
        if let Some(desk) = &self.desk {
            cancel(&mut self.held, members, |held| station(state, role, desk, held));
        }
    }

    /// Ends the clerk, before the role is left.
    pub(super) fn dismiss_clerk(&mut self, state: &SpscState, role: Role, members: &Members) {
        self.cancel(state, role, members);
        if let Some(desk) = &self.desk {
            desk.dismiss_clerk(bell(role), members);
        }
    }
}

fn station<'a>(state: &'a SpscState, role: Role, desk: &'a Arc<Desk>, held: &HeldTicket) -> TaskHolder<'a> {
    TaskHolder { holder: Holder { state, role }, desk, ticket: held.ticket(desk, 0, Some(0)) }
}

/// The holder of a role, while its future is polled.
struct TaskHolder<'a> {
    holder: Holder<'a>,
    desk: &'a Arc<Desk>,
    ticket: Ticket<'a>,
}

impl Station for TaskHolder<'_> {
    fn turn(&self, deadline: Deadline) -> Turn {
        self.ticket.turn(deadline, |_| {})
    }

    fn announce(&self) -> Deadline {
        let mut until = Deadline::NEVER;
        self.ticket.announce(|_| until = self.holder.announce());
        until
    }

    fn withdraw(&self) -> Withdrawn {
        self.holder.withdraw()
    }

    fn bell(&self) -> u16 {
        self.holder.bell()
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.holder.pass_on_used(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.holder.pass_on_unused(members)
    }
}

impl TaskStation for TaskHolder<'_> {
    fn ticket(&self) -> &Ticket<'_> {
        &self.ticket
    }

    fn into_id(self) -> u64 {
        self.ticket.into_id()
    }

    fn stand(&self, members: &Members) -> Stand {
        let (control, role) = (self.holder.state.control.clone(), self.holder.role);
        let withdraw = move || {
            // SYNC: as in `Holder::withdraw`.
            let was = control.asleep[role as usize].swap(0, SeqCst);
            if was == 0 { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
        };
        Stand::alone(self.desk, self.bell(), members, withdraw)
    }

    fn withdraw_locked(&self) -> Withdrawn {
        self.holder.withdraw()
    }
}

/// Polls until the other's index differs from `seen`.
pub(super) fn poll_moved<T: Pod>(
    shared: &SharedRing<T, SpscState>,
    (role, me, detects_disconnect): (Role, Session, bool),
    seen: u64,
    futures: &mut Futures,
    context: &Context<'_>,
) -> Poll<Result<u64, Refusal>> {
    let SharedRing { state, members, .. } = shared;
    let Futures { desk, held, .. } = futures;
    let desk = &*desk.get_or_insert_with(|| Arc::new(Desk::alone()));
    let party = Party { members, repair: state, me };
    let check = |round| state.check(role, seen, detects_disconnect, round);
    poll_wait(held, party, |held| station(state, role, desk, held), check, context)
}
