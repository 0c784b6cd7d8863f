//! What the handles of one channel share in a process.

use std::{sync::Arc, time::Duration};

use super::{attempt::Cause, error::ChannelFull, typed::Route};
use crate::{
    Failure, ObjectName, OpenError, RecvError, SendError,
    fingerprint::Fingerprint,
    members::{Members, Session},
    name::Name,
    object::{Blueprint, Disposition, Kind, Object},
    options::{MOST_IN_CHANNEL, Settings},
    raw::Deadline,
    store::{Class, Geometry, Plan, Received, Refusal, Return, Store},
    waiting::Party,
};

pub(super) const KIND: Kind = Kind { most_handles: MOST_IN_CHANNEL, ..Kind::new("channel", 5, Store::BELLS) };

/// A channel, opened.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) object: Object,
    pub(super) members: Members,
    pub(super) store: Store,
}

impl Shared {
    pub(super) fn enter(options: &Settings, name: &str, disposition: Disposition) -> Result<Arc<Self>, OpenError> {
        // The sizes of a new channel. One that exists has its own, which count instead.
        let max_handles = KIND.max_handles(options, disposition);
        let geometry = Geometry {
            messages: options.messages,
            max_message_size: options.max_message_size,
            max_routes: options.max_routes,
            max_handles,
            attempts: options.attempts,
        };
        // Before anything is made: an object of this size could not be filled.
        if !geometry.is_possible() {
            let object = ObjectName::new(KIND.name, name);
            return Err(OpenError::TooLarge { object, bytes: options.max_message_size });
        }
        let name = Name::new(name)?;
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: geometry.packed(),
            fingerprint: Fingerprint::without_type(options),
            body: Plan::new(&geometry).end as u64,
            // Only the creator does this, before the object is published.
            fill: &|memory, body| Store::set_up(memory, body, geometry),
        };
        let (object, (members, store)) = Object::enter(&blueprint, disposition, &|object| {
            let found = object.description();
            let geometry = Geometry::unpacked(found.capacity, found.max_handles);
            // The sizes come from memory: numbers that no channel can have are refused before anything is read by them.
            let geometry = geometry.ok_or_else(|| object.damaged("the sizes of the channel"))?;
            let members = object.members()?;
            let store = Store::at(object.memory(), object.body(), geometry).map_err(|error| object.failed(error))?;
            // Only options that were asked for by `exact` are compared. A new channel has them as they are.
            let options = [
                ("max_message_size", geometry.max_message_size as u64, options.max_message_size as u64),
                ("capacity", geometry.messages.into(), options.messages.into()),
                ("max_routes", geometry.max_routes.into(), options.max_routes.into()),
                ("attempts", geometry.attempts.into(), options.attempts.into()),
            ];
            options.into_iter().try_for_each(|(name, found, wanted)| object.check_option(name, found, wanted))?;
            // Last of all, when every part was found: a member may be called upon to repair at once.
            let registration = object.register(&members, &store)?;
            Ok(((members, store), registration))
        })?;
        Ok(Arc::new(Self { object, members, store }))
    }

    #[inline]
    pub(super) fn session(&self) -> Result<Session, Failure> {
        self.members.session(&self.store)
    }

    #[inline]
    pub(super) fn party(&self, me: Session) -> Party<'_, Store> {
        Party { members: &self.members, repair: &self.store, me }
    }

    pub(super) fn name(&self) -> &ObjectName {
        self.object.name()
    }

    /// Returns why a message of so many bytes was not sent.
    #[cold]
    pub(super) fn not_sent(&self, refusal: Refusal, class: Class, bytes: usize, deadline: Deadline) -> SendError {
        let object = self.name().clone();
        match refusal {
            Refusal::Busy => {
                // Read after the refusal, so it may be out of date. It only explains.
                let fill = self.store.fill(class);
                let full = ChannelFull {
                    object,
                    messages: fill.messages,
                    max_messages: fill.max_messages,
                    bytes: fill.bytes,
                    max_bytes: fill.max_bytes,
                };
                if deadline == Deadline::NOW { SendError::Full(full) } else { SendError::TimedOut(full) }
            }
            Refusal::TooLong => SendError::TooLong { object, bytes, limit: self.store.geometry.max_message_size },
            Refusal::Failed(failure) => failure.into(),
            // A sender does not ask for a disconnect. The one that stops it knows why.
            Refusal::Closed | Refusal::Disconnected | Refusal::Stopped => SendError::Closed { object },
        }
    }

    /// Returns why no message was received.
    #[cold]
    pub(super) fn not_received(&self, refusal: Refusal, deadline: Deadline) -> RecvError {
        let object = self.name().clone();
        match refusal {
            Refusal::Busy if deadline == Deadline::NOW => RecvError::Empty,
            Refusal::Busy => RecvError::TimedOut,
            Refusal::Closed => RecvError::Closed { object },
            Refusal::Disconnected => RecvError::Disconnected { object },
            Refusal::Stopped => RecvError::Stopped,
            Refusal::TooLong => self.members.damaged("the length of a message").into(),
            Refusal::Failed(failure) => failure.into(),
        }
    }

    /// Returns the members of these slots.
    pub(super) fn members_in(&self, slots: impl Iterator<Item = usize>) -> Result<Vec<crate::Member>, Failure> {
        let slots: Vec<usize> = slots.collect();
        // The kernel lists living members alone, so the slot of one that has died is left out.
        let mut members = self.members.list()?;
        members.retain(|member| slots.contains(&(member.slot as usize)));
        Ok(members)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // First the membership: what this member holds is freed before the object may go.
        #[cfg(feature = "async")]
        self.store.rooms().into_iter().for_each(|room| room.dismiss_clerk(&self.members));
        self.members.deregister(&self.store);
        self.object.remove_if_asked();
    }
}

/// A message that this process holds. When it is dropped a claim is requeued. Any other message is freed, and a caller that waits
/// learns that there is no response.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) shared: Arc<Shared>,
    pub(super) received: Received,
    pub(super) me: Session,
    /// Whether it was responded to, and belongs to its caller.
    is_done: bool,
}

impl Incoming {
    pub(super) fn new(shared: &Arc<Shared>, received: Received, me: Session) -> Self {
        Self { shared: Arc::clone(shared), received, me, is_done: false }
    }

    /// Returns its route.
    pub(super) fn route(&self) -> Route {
        Route::from_number(self.received.route)
    }

    /// Leaves it to its caller: it was responded to.
    pub(super) fn done(mut self) {
        // Before it is freed, so that the drop at the end of this function does not free it again.
        self.is_done = true;
    }

    /// Frees it. A caller that waits learns that there is no response.
    pub(super) fn finish(mut self) {
        self.is_done = true;
        self.free();
    }

    fn free(&self) {
        let Shared { store, members, .. } = &*self.shared;
        let Received { held, is_call, .. } = self.received;
        // A drop can't return an error. The next call on the handle does.
        members.record(match self.received.is_claim() {
            true => store.done(held, members).map(drop),
            // A response names its caller as well, and has none that waits.
            false if is_call => store.lose(held, members),
            false => store.release(held, members),
        });
    }

    /// Requeues a claim, to be received after a delay.
    pub(super) fn requeue(mut self, cause: Cause, delay: Duration) {
        self.is_done = true;
        if self.received.is_claim() {
            self.give_back(cause, delay);
        } else {
            self.free();
        }
    }

    fn give_back(&self, cause: Cause, delay: Duration) {
        let Shared { store, members, .. } = &*self.shared;
        // The store counts the attempt, and keeps the cause for `Claimed::attempts`.
        let end = Return { cause: cause.number(), delay };
        members.record(store.requeue(self.received.held, end, self.shared.party(self.me)));
    }

    /// Completes a claim.
    #[inline]
    pub(super) fn finish_claim(mut self) -> Result<(), Failure> {
        let Shared { store, members, .. } = &*self.shared;
        // A message that is HELD is no claim of the store's (CL4), and ends in another way.
        if !self.received.is_claim() || !self.me.is_ours() {
            return self.finish_other();
        }
        let is_done = store.done(self.received.held, members);
        // Whatever came of it: a drop would requeue a message that is not ours any more.
        self.is_done = true;
        match is_done {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::MembershipLost { object: self.shared.name().clone() }),
            Err(failure) => {
                // It has taken effect.
                members.record(Err(failure));
                Ok(())
            }
        }
    }

    #[cold]
    fn finish_other(self) -> Result<(), Failure> {
        self.check_claim()?;
        self.finish();
        Ok(())
    }

    /// Returns whether the claim is this process's still.
    pub(super) fn check_claim(&self) -> Result<(), Failure> {
        if !self.me.is_ours() {
            return Err(Failure::Inherited { object: self.shared.name().clone(), what: "claim" });
        }
        // CL6.
        if self.received.is_claim() && !self.shared.store.is_claimed(self.received.held) {
            return Err(Failure::MembershipLost { object: self.shared.name().clone() });
        }
        Ok(())
    }

    /// Returns whether this process may respond. In a child made by `fork` it is the parent's.
    pub(super) fn check_ours(&self) -> Result<(), Failure> {
        if self.me.is_ours() {
            return Ok(());
        }
        Err(Failure::Inherited { object: self.shared.name().clone(), what: "request" })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // A child made by `fork` drops a copy. The message is the parent's.
        if self.is_done || !self.me.is_ours() {
            return;
        }
        if self.received.is_claim() {
            // A claim comes back, and says whether its holder panicked.
            let cause = if std::thread::panicking() { Cause::Panicked } else { Cause::Requeued };
            self.give_back(cause, Duration::ZERO);
        } else {
            self.free();
        }
    }
}
