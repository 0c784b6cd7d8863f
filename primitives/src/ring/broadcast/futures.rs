//! What the ends keep for their futures, and how a producer's wait: alone on its doorbell, as the producer does (BC4).

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    state::{BroadcastState, PRODUCER_BELL, Scan},
    wait::Producer,
    word::AwaitedWord,
};
use crate::{
    failure::Result,
    members::Members,
    raw::Deadline,
    ring::refusal::Refusal,
    sync::Ordering::SeqCst,
    waiting::{
        Party, Station, Turn, Withdrawn,
        clerk::{HeldTicket, Stand, TaskStation, cancel, poll_wait},
        desk::{Desk, Ticket},
    },
};

/// What a subscriber keeps between the polls of its futures.
#[derive(Debug, Default)]
pub(super) struct SubscriberFutures {
    pub(super) held: HeldTicket,
    /// The stream has given its last item.
    pub(super) has_ended: bool,
}

/// What a producer keeps between the polls of its futures.
#[derive(Debug, Default)]
pub(super) struct ProducerFutures {
    /// Made when the first future waits.
    desk: Option<Arc<Desk>>,
    pub(super) held: HeldTicket,
}

impl ProducerFutures {
    /// Ends a wait of the sink, before a call that blocks. As long as the ticket lives, the clerk leaves the doorbell to this
    /// thread.
    pub(super) fn begin_blocking(
        &mut self,
        state: &BroadcastState,
        index: u64,
        members: &Members,
    ) -> Option<Ticket<'_>> {
        let Self { desk, held } = self;
        let desk = desk.as_ref()?;
        cancel(held, members, |held| station(state, index, desk, held));
        Some(desk.ours().join(0, Some(0)))
    }

    /// Ends a wait.
    pub(super) fn cancel(&mut self, state: &BroadcastState, index: u64, members: &Members) {
        if let Some(desk) = &self.desk {
            cancel(&mut self.held, members, |held| station(state, index, desk, held));
        }
    }

    /// Ends the clerk, before the role is left.
    pub(super) fn dismiss_clerk(&mut self, state: &BroadcastState, index: u64, members: &Members) {
        self.cancel(state, index, members);
        if let Some(desk) = &self.desk {
            desk.dismiss_clerk(PRODUCER_BELL, members);
        }
    }

    /// Polls until there is room from an index on.
    pub(super) fn poll_room(
        &mut self,
        index: u64,
        party: Party<'_, BroadcastState>,
        context: &Context<'_>,
    ) -> Poll<Result<Scan, Refusal>> {
        let Self { desk, held } = self;
        let (state, desk) = (party.repair, &*desk.get_or_insert_with(|| Arc::new(Desk::alone())));
        let check = |round| state.check_room(index, party, round);
        poll_wait(held, party, |held| station(state, index, desk, held), check, context)
    }
}

fn station<'a>(state: &'a BroadcastState, index: u64, desk: &'a Arc<Desk>, held: &HeldTicket) -> TaskProducer<'a> {
    TaskProducer { producer: Producer { state, index }, desk, ticket: held.ticket(desk, 0, Some(0)) }
}

/// The producer, while its future is polled.
struct TaskProducer<'a> {
    producer: Producer<'a>,
    desk: &'a Arc<Desk>,
    ticket: Ticket<'a>,
}

impl Station for TaskProducer<'_> {
    fn turn(&self, deadline: Deadline) -> Turn {
        self.ticket.turn(deadline, |_| {})
    }

    fn announce(&self) -> Deadline {
        let mut until = Deadline::NEVER;
        self.ticket.announce(|_| until = self.producer.announce());
        until
    }

    fn withdraw(&self) -> Withdrawn {
        self.producer.withdraw()
    }

    fn bell(&self) -> u16 {
        self.producer.bell()
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.producer.pass_on_used(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        self.producer.pass_on_unused(members)
    }
}

impl TaskStation for TaskProducer<'_> {
    fn ticket(&self) -> &Ticket<'_> {
        &self.ticket
    }

    fn into_id(self) -> u64 {
        self.ticket.into_id()
    }

    fn stand(&self, members: &Members) -> Stand {
        let control = self.producer.state.control.clone();
        let withdraw = move || {
            // SYNC: as in `Producer::withdraw`.
            let was = AwaitedWord(control.awaited.swap(AwaitedWord::NONE.0, SeqCst));
            if was == AwaitedWord::NONE { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
        };
        Stand::alone(self.desk, self.bell(), members, withdraw)
    }

    fn withdraw_locked(&self) -> Withdrawn {
        self.producer.withdraw()
    }
}
