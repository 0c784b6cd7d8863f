//! What the handles of one named channel share in a process, and how they wait.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    ops::Range,
    sync::Arc,
};

use super::{
    desk::{Desk, Watch},
    error::{ChannelFull, MEMORY},
    lost,
    notice::{Notice, Tag},
    parcels::{BELLS, Held, ParcelClaim, Parcels, Use},
    plan::{MOST, PARCELS, Plan},
    send::queue_is_full,
    words::{Control, Words},
};
use crate::{
    Failure, ObjectName, OpenError, Role, SendError,
    channel::doorbell::{Doorbell, Token},
    channel::lock::Lock,
    fingerprint::Fingerprint,
    layout::Mapped,
    members::{Members, Session},
    name::Name,
    object::{Blueprint, Kind, Object, Want},
    options::MOST_IN_CHANNEL,
    options::Settings,
    raw::{self, Deadline, MessageQueue, MessageType, SharedMemory},
    sync::Ordering::Relaxed,
};

pub(super) const KIND: Kind =
    Kind { name: "channel", number: 5, has_queue: true, bells: BELLS, most_handles: MOST_IN_CHANNEL };

// Where the words lie in the body.
const FLAGS: usize = 128;
const TURNSTILES: [usize; 2] = [256, 384];
const LOST: usize = 512;

/// A named channel, opened.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) object: Object,
    pub(super) members: Members,
    pub(super) words: Words,
    desk: Desk,
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn words_at(memory: &Arc<SharedMemory>, body: usize, plan: Plan, queue: &MessageQueue) -> raw::Result<Words> {
    let lock = |purpose: Use| -> raw::Result<Lock> {
        Ok(Lock::new(Mapped::at(memory, body + TURNSTILES[purpose as usize])?, purpose.turnstile_bell()))
    };
    let control: Mapped<Control> = Mapped::at(memory, body)?;
    // The last block must be inside, too.
    memory.slice::<std::sync::atomic::AtomicU8>(body + plan.bytes(), plan.blocks().saturating_mul(plan.block))?;
    let tag = Tag([control.tag[0].load(Relaxed), control.tag[1].load(Relaxed)]);
    let parcels = Parcels {
        plan,
        memory: Arc::clone(memory),
        bytes: body + plan.bytes(),
        flags: Mapped::at(memory, body + FLAGS)?,
        turnstiles: [lock(Use::Message)?, lock(Use::Answer)?],
        words: Mapped::slice(memory, body + plan.parcels(), PARCELS)?,
        blocks: Mapped::slice(memory, body + plan.block_words(), plan.blocks())?,
    };
    let mailboxes = Mapped::slice(memory, body + plan.mailboxes(), plan.max_handles)?;
    let lost = Mapped::slice(memory, body + LOST, lost::WORDS)?;
    Ok(Words { control, mailboxes, parcels, lost, queue: queue.clone(), tag })
}

impl Shared {
    pub(super) fn enter(options: &Settings, name: &str, want: Want) -> Result<Arc<Self>, OpenError> {
        let largest = options.max_message_size;
        if largest as u64 > MOST {
            let object = ObjectName::new(KIND.name, name);
            return Err(OpenError::TooLarge { object, bytes: largest });
        }
        let max_handles = KIND.max_handles(options, want);
        let plan = Plan::new(largest, max_handles);
        let name = Name::new(name)?;
        let fill = |memory: &_, body: usize| {
            let control: Mapped<Control> = Mapped::at(memory, body)?;
            control.tag.iter().for_each(|word| word.store(random(), Relaxed));
            Ok(())
        };
        let blueprint = Blueprint {
            kind: KIND,
            name: &name,
            options,
            max_handles,
            capacity: largest as u64,
            fingerprint: Fingerprint::without_type(options),
            body: plan.size() as u64,
            fill: &fill,
        };
        let (object, (members, words)) = Object::enter(&blueprint, want, &|object| {
            let damaged = |part| object.damaged(part);
            let found = object.description();
            let largest = usize::try_from(found.capacity.min(MOST)).map_err(|_| damaged("the capacity"))?;
            let plan = Plan::new(largest, found.max_handles);
            let mut queue = object.queue().ok_or_else(|| damaged("its message queue"))?.clone();
            let failed = |error| object.failed(error);
            queue.set_max_message_size(super::longest_message(&queue).map_err(failed)?);
            let members = object.members()?;
            let words = words_at(object.memory(), object.body(), plan, &queue).map_err(failed)?;
            object.check_option("max_message_size", found.capacity, options.max_message_size as u64)?;
            let registration = object.register(&members, &words)?;
            Ok(((members, words), registration))
        })?;
        Ok(Arc::new(Self { object, members, words, desk: Desk::new() }))
    }

    #[inline]
    pub(super) fn session(&self) -> Result<Session, Failure> {
        self.members.session(&self.words)
    }

    /// Waits until `look` finds something, and returns `None` if it does not by the deadline. The queue is not waited on here, but this slot's doorbell (W1).
    pub(super) fn wait<T, E: From<Failure>>(
        &self,
        watch: Watch,
        deadline: Deadline,
        mut look: impl FnMut(Session) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let me = self.session()?;
        let desk = self.desk.ours();
        let place = desk.join(watch);
        let mut token = Token::none(&self.members, Doorbell::unannounced(Words::bell(me.slot())));
        let mut was_woken = false;
        loop {
            let leads = place.lead();
            if leads {
                // Whoever drains takes posts that were meant for others of this process.
                was_woken |= token.clear_pile()?;
            }
            desk.announce(|wish, awaits| self.words.announce(me, wish, awaits));
            if leads {
                self.members.reap_all(&self.words)?;
                self.words.send_lost_if_due(&self.members)?;
                place.wake_others(was_woken, &self.words.parcels);
            }
            if let Some(found) = look(me)? {
                // Whoever leads next goes through a round of its own.
                token.used(|| false);
                return Ok(Some(found));
            }
            if deadline.has_passed() {
                token.used(|| false);
                return Ok(None);
            }
            if leads {
                was_woken = token.sleep(deadline)?;
            } else {
                place.park(deadline);
            }
        }
    }

    /// Takes a parcel for so many bytes.
    pub(super) fn rent(self: &Arc<Self>, len: usize, deadline: Deadline) -> Result<Parcel, SendError> {
        let largest = self.words.parcels.plan.largest;
        if len > largest {
            return Err(self.too_long(len));
        }
        let me = self.session()?;
        match self.words.parcels.rent(me, &self.members, &self.words, len, deadline)? {
            Some(held) => Ok(Parcel::new(self, held, me)),
            None => Err(self.full(&[self.words.parcels.plan.for_sending()], deadline)),
        }
    }

    fn too_long(&self, bytes: usize) -> SendError {
        SendError::TooLong {
            object: self.object.name().clone(),
            is_raw: false,
            bytes,
            limit: self.words.parcels.plan.largest,
        }
    }

    /// Returns the error of memory that has no room for a message by the deadline.
    #[cold]
    fn full(&self, ranges: &[Range<usize>], deadline: Deadline) -> SendError {
        let parcels = &self.words.parcels;
        let (messages, _) = parcels.taken();
        let (taken, all) = parcels.taken_of(ranges);
        let bytes = |blocks: usize| (blocks * parcels.plan.block) as u64;
        let full = ChannelFull {
            object: self.object.name().clone(),
            part: MEMORY,
            messages: messages as u64,
            max_messages: parcels.words.len() as u64,
            bytes: bytes(taken),
            max_bytes: bytes(all),
        };
        SendError::full(full, deadline)
    }

    /// Takes the parcel that a notice tells of, and says whether it is a call; `None` if somebody else has it.
    pub(super) fn claim(self: &Arc<Self>, notice: Notice, me: Session) -> Result<Option<(Parcel, bool)>, Failure> {
        match self.words.parcels.claim(notice, me, &self.members) {
            ParcelClaim::ByAnother => Ok(None),
            ParcelClaim::Whole(held, is_call) => Ok(Some((Parcel::new(self, held, me), is_call))),
            ParcelClaim::Damaged(caller) => {
                if let Some(caller) = caller {
                    self.words.tell_caller(caller, &self.members);
                }
                Err(self.members.damaged("a parcel"))
            }
        }
    }

    /// Returns who is seated at a side.
    pub(super) fn seated(&self, role: Role) -> Result<Vec<crate::Member>, Failure> {
        let mut members = self.members.list()?;
        members.retain(|member| self.words.is_attached(role, member.slot as usize));
        Ok(members)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.members.deregister(&self.words);
        self.object.remove_if_asked();
    }
}

/// A parcel that this process holds; dropping it frees it, or tells its caller that there is no answer.
#[derive(Debug)]
pub(super) struct Parcel {
    shared: Arc<Shared>,
    held: Held,
    session: Session,
    is_handed_on: bool,
}

impl Parcel {
    fn new(shared: &Arc<Shared>, held: Held, session: Session) -> Self {
        Self { shared: Arc::clone(shared), held, session, is_handed_on: false }
    }

    /// Takes an answer that the caller has found.
    pub(super) fn of_answer(shared: &Arc<Shared>, held: Held, session: Session) -> Self {
        Self::new(shared, held, session)
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn session(&self) -> Session {
        self.session
    }

    /// Returns what errors call the channel.
    pub(super) fn object(&self) -> &ObjectName {
        self.shared.object.name()
    }

    /// Names the channel on which a call failed.
    pub(super) fn failed(&self, error: raw::Error) -> Failure {
        self.shared.members.failed(error)
    }

    pub(super) fn parcels(&self) -> &Parcels {
        &self.shared.words.parcels
    }

    /// Takes what more room so many bytes of an answer need; waits for it until the deadline.
    pub(super) fn make_room(&mut self, len: usize, deadline: Deadline) -> Result<(), SendError> {
        let Shared { words, members, .. } = &*self.shared;
        let plan = &words.parcels.plan;
        if len > plan.largest {
            return Err(self.shared.too_long(len));
        }
        if words.parcels.enlarge(&mut self.held, self.session, members, words, len, deadline)? {
            return Ok(());
        }
        Err(self.shared.full(&[plan.for_answers(), plan.for_sending()], deadline))
    }

    /// Hands what was written to the caller.
    pub(super) fn respond(mut self) {
        self.is_handed_on = true;
        let Shared { words, members, .. } = &*self.shared;
        if let Some(caller) = words.parcels.answered(&self.held, members) {
            words.tell_caller(caller, members);
        }
    }

    /// Announces what was written, and says so to who listens; on an error nothing was sent, and the parcel is free.
    pub(super) fn post(mut self, route: MessageType, is_call: bool, deadline: Deadline) -> Result<(), SendError> {
        let (Shared { words, members, .. }, me, notice) = (&*self.shared, self.session, self.held.notice);
        words.parcels.ready(&self.held, route, me, is_call);
        self.is_handed_on = true;
        match words.queue.send_deadline(&words.tag.message(route, notice), deadline) {
            Ok(()) => words.parcels.sent(notice, me),
            // Otherwise a reaper sent the notice meanwhile, and somebody has the message.
            Err(error) if words.parcels.take_back(notice, me, members) => {
                return Err(if error.is_busy() {
                    queue_is_full(&words.queue, members.object().clone(), deadline)
                } else {
                    members.failed(error).into()
                });
            }
            Err(_) => {}
        }
        words.heard(route, members);
        Ok(())
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        // In a child made by `fork` it is the parent's.
        if self.is_handed_on || !self.session.is_ours() {
            return;
        }
        let Shared { words, members, .. } = &*self.shared;
        if let Some(caller) = words.parcels.done(&self.held, members) {
            words.tell_caller(caller, members);
        }
    }
}
