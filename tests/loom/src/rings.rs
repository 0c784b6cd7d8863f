//! The real words of both rings, and cells in place of the items: loom sees two users of a cell at once.

use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::{
    Error,
    atomics::thoroughly,
    attendance::Attachment,
    kernel::{Deadline, Members, Session},
    layout::Mapped,
    lock::Lock,
    ring::{
        mpmc::{control::MpmcControl, state as mpmc},
        patience::Patience,
        spsc::state::{self as spsc, SpscControl},
    },
    role::Role,
    scene::room,
    sync::{AtomicU32, AtomicU64, Ordering::SeqCst},
    waiting::Party,
    waiting::fence::Fence,
};

/// Items in their places.
#[derive(Debug)]
pub(crate) struct Cells(Vec<UnsafeCell<u64>>);

// The cells are what the words under test must guard.
#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cells report every access at the same time.
unsafe impl Sync for Cells {}

impl Cells {
    pub(crate) fn new(capacity: u64) -> Self {
        Self((0..capacity).map(|_| UnsafeCell::new(0)).collect())
    }

    fn cell(&self, position: u64) -> &UnsafeCell<u64> {
        &self.0[usize::try_from(position).expect("it is small") % self.0.len()]
    }

    #[allow(unsafe_code, reason = "loom checks it")]
    pub(crate) fn write(&self, position: u64, item: u64) {
        self.cell(position).with_mut(|place| {
            // SAFETY: loom reports a second user.
            unsafe { *place = item };
        });
    }

    #[allow(unsafe_code, reason = "loom checks it")]
    pub(crate) fn read(&self, position: u64) -> u64 {
        self.cell(position).with(|place| {
            // SAFETY: loom reports a writer.
            unsafe { *place }
        })
    }
}

/// A ring for one producer and one consumer.
#[derive(Debug)]
pub struct SpscScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: spsc::SpscState,
    items: Cells,
}

/// One end of it, as `Producer` and `Consumer` are.
#[derive(Debug)]
pub struct SpscEnd<'a> {
    scene: &'a SpscScene,
    role: Role,
    me: Session,
    index: u64,
    patience: Patience,
    /// Whether a failure was recorded for its next call.
    pub has_recorded: bool,
}

impl SpscScene {
    /// Makes an empty ring.
    #[must_use]
    pub fn new(members: Arc<Members>, capacity: u64) -> Arc<Self> {
        let role = |role: Role| Lock::new(Mapped::new(AtomicU32::new(0)), room(2 + role as u16, 2));
        let state = spsc::SpscState {
            control: Mapped::new(SpscControl::default()),
            roles: [role(Role::Producer), role(Role::Consumer)],
            indices: [Mapped::new(AtomicU64::new(0)), Mapped::new(AtomicU64::new(0))],
            capacity,
            fence: Fence,
        };
        Arc::new(Self { members, state, items: Cells::new(capacity) })
    }

    fn party(&self, me: Session) -> Party<'_, spsc::SpscState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    /// Takes a role, as soon as it is free. It may ask to be notified of the end of the other.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn take(&self, role: Role, me: Session, wants_to_know: bool) -> SpscEnd<'_> {
        let taken = self.state.take_role(role, self.party(me), Deadline::NEVER);
        assert!(taken.expect("nothing is damaged"), "it waits as long as it takes");
        let patience = Patience { wants_to_know, ..Patience::new(role) };
        SpscEnd { scene: self, role, me, index: self.state.index(role), patience, has_recorded: false }
    }

    /// Overwrites an index, as no member does.
    pub fn overwrite_index(&self, role: Role, index: u64) {
        self.state.indices[role as usize].store(index, SeqCst);
    }

    /// Closes it.
    ///
    /// # Panics
    ///
    /// As [`take`](Self::take).
    pub fn close(&self) {
        self.state.close(&self.members).expect("nothing is removed");
    }
}

impl SpscEnd<'_> {
    /// Pushes as `Producer::push` does, or says why not.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] and [`Error::Disconnected`].
    ///
    /// # Panics
    ///
    /// If the real code wakes it for nothing.
    pub fn push(&mut self, item: u64) -> Result<(), Error> {
        let SpscScene { state, members, items } = self.scene;
        if state.is_closed() {
            return Err(Error::Closed);
        }
        let seen = state.index(Role::Consumer);
        if state.distance(seen, self.index, members)? == state.capacity {
            let seen = state.wait(Role::Producer, seen, self.scene.party(self.me), &self.patience, Deadline::NEVER)?;
            assert!(state.distance(seen, self.index, members)? < state.capacity);
        }
        items.write(self.index, item);
        self.index += 1;
        self.has_recorded |= state.publish(Role::Producer, self.index, members);
        Ok(())
    }

    /// Reads the next item, but doesn't consume it.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Panics
    ///
    /// As [`push`](Self::push).
    pub fn peek(&mut self) -> Result<u64, Error> {
        let SpscScene { state, members, items } = self.scene;
        let seen = state.index(Role::Producer);
        if state.distance(self.index, seen, members)? == 0 {
            let seen = state.wait(Role::Consumer, seen, self.scene.party(self.me), &self.patience, Deadline::NEVER)?;
            assert!(state.distance(self.index, seen, members)? > 0);
        }
        Ok(items.read(self.index))
    }

    /// Pops as `Consumer::pop` does, or says why not.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn pop(&mut self) -> Result<u64, Error> {
        let item = self.peek()?;
        self.index += 1;
        self.has_recorded |= self.scene.state.publish(Role::Consumer, self.index, &self.scene.members);
        Ok(item)
    }

    /// Leaves the role.
    pub fn leave(self) {
        self.scene.state.leave_role(self.role, self.me, &self.scene.members);
    }
}

/// How often an overwriting producer tries. The real one tries more often, which only multiplies the interleavings.
const ATTEMPTS: usize = 2;

/// A ring for any number on each side.
#[derive(Debug)]
pub struct MpmcScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: mpmc::MpmcState,
    items: Cells,
}

impl MpmcScene {
    /// Makes an empty ring.
    #[must_use]
    pub fn new(members: Arc<Members>, capacity: u32) -> Arc<Self> {
        let state = mpmc::MpmcState {
            control: Mapped::new(MpmcControl::default()),
            tail: Mapped::new(AtomicU64::new(0)),
            head: Mapped::new(AtomicU64::new(0)),
            rooms: [room(0, 2), room(1, 2)],
            attachments: (0..4).map(|_| Attachment::default()).collect(),
            slots: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            shift: capacity.trailing_zeros(),
            fence: Fence,
        };
        Arc::new(Self { members, state, items: Cells::new(capacity.into()) })
    }

    /// Makes a ring with words that are thorough, for so many processes. There may be more members than those: a process may act
    /// for one that is dead afterwards.
    #[must_use]
    pub fn thorough(processes: usize, members: Arc<Members>, capacity: u32) -> Arc<Self> {
        thoroughly(processes, || Self::new(members, capacity))
    }

    fn party(&self, me: Session) -> Party<'_, mpmc::MpmcState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    fn claim(&self, role: Role, me: Session, wants_to_know: bool) -> Result<mpmc::Claim, Error> {
        let claim = match role {
            Role::Producer if self.state.is_closed() => return Err(Error::Closed),
            Role::Producer => self.state.start_push(me, &self.members)?,
            Role::Consumer => self.state.start_pop(me, &self.members)?,
        };
        match claim {
            Some(claim) => Ok(claim),
            None => {
                let patience = Patience { wants_to_know, ..Patience::new(role) };
                Ok(self.state.wait(role, self.party(me), &patience, Deadline::NEVER)?)
            }
        }
    }

    /// Pushes, as `Producer::push` does.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`].
    pub fn push(&self, me: Session, item: u64) -> Result<(), Error> {
        let claim = self.claim(Role::Producer, me, false)?;
        self.items.write(claim.position, item);
        let _ = self.state.finish_push(claim, &self.members);
        Ok(())
    }

    /// Pushes, and overwrites the oldest item if there is no room, as `Producer::force_push` does.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`]. [`Error::Busy`] if others have claimed every slot.
    pub fn force_push(&self, me: Session, item: u64) -> Result<(), Error> {
        let claim = self.claim_overwriting(me)?;
        self.items.write(claim.position, item);
        let _ = self.state.finish_push(claim, &self.members);
        Ok(())
    }

    fn claim_overwriting(&self, me: Session) -> Result<mpmc::Claim, Error> {
        if self.state.is_closed() {
            return Err(Error::Closed);
        }
        for _ in 0..ATTEMPTS {
            if let Some(claim) = self.state.start_push(me, &self.members)? {
                return Ok(claim);
            }
            if let Some(oldest) = self.state.start_overwrite(me) {
                let _ = self.state.finish_pop(oldest, &self.members);
            }
        }
        Ok(self.state.claim_now(Role::Producer, self.party(me), false, true)?)
    }

    /// Pops if there is an item, or a dead process has one, as `Consumer::try_pop` does at its first attempt in vain.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if not. [`Error::Closed`].
    pub fn try_pop(&self, me: Session) -> Result<u64, Error> {
        let claim = match self.state.start_pop(me, &self.members)? {
            Some(claim) => claim,
            None => self.state.claim_now(Role::Consumer, self.party(me), false, true)?,
        };
        let item = self.items.read(claim.position);
        let _ = self.state.finish_pop(claim, &self.members);
        Ok(item)
    }

    /// Begins to push, and gives the place up.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn push_and_cancel(&self, me: Session) {
        let claim = self.claim(Role::Producer, me, false).expect("there is room");
        self.items.write(claim.position, 99);
        self.state.give_up_push(claim, &self.members);
    }

    /// Begins to push, and goes no further.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn begin_push(&self, me: Session) {
        let claim = self.claim(Role::Producer, me, false).expect("there is room");
        self.items.write(claim.position, 99);
    }

    /// Pops, as `Consumer::pop` does.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] and, if it wants to know, [`Error::Disconnected`].
    pub fn pop(&self, me: Session, wants_to_know: bool) -> Result<u64, Error> {
        let claim = self.claim(Role::Consumer, me, wants_to_know)?;
        let item = self.items.read(claim.position);
        let _ = self.state.finish_pop(claim, &self.members);
        Ok(item)
    }

    /// Begins to pop, and goes no further.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn begin_pop(&self, me: Session) -> u64 {
        self.items.read(self.claim(Role::Consumer, me, false).expect("there is an item").position)
    }

    /// Pops and requeues.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn pop_and_requeue(&self, me: Session) {
        let claim = self.claim(Role::Consumer, me, false).expect("there is an item");
        self.items.read(claim.position);
        self.state.requeue(claim, &self.members);
    }

    /// Claims the next item, and returns its position.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn claim_item(&self, me: Session) -> u64 {
        self.claim(Role::Consumer, me, false).expect("there is an item").position
    }

    /// Claims the next free slot, and returns its position.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn claim_room(&self, me: Session) -> u64 {
        self.claim(Role::Producer, me, false).expect("there is room").position
    }

    /// Requeues the item of a position that was claimed.
    pub fn requeue_at(&self, position: u64) {
        self.state.requeue(mpmc::Claim { position }, &self.members);
    }

    /// Consumes the item of a position that was claimed.
    pub fn consume_at(&self, position: u64) {
        let _ = self.state.finish_pop(mpmc::Claim { position }, &self.members);
    }

    /// Pushes at a position that was claimed.
    pub fn push_at(&self, position: u64, item: u64) {
        self.items.write(position, item);
        let _ = self.state.finish_push(mpmc::Claim { position }, &self.members);
    }

    /// Gives up a position that was claimed to push.
    pub fn give_up_at(&self, position: u64) {
        self.state.give_up_push(mpmc::Claim { position }, &self.members);
    }

    /// Repairs what the dead left.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn reap(&self, me: Session) {
        self.party(me).reap_all().expect("nothing is damaged");
    }

    /// Sits down at a side.
    pub fn attach(&self, role: Role, me: Session) {
        self.state.attach(role, me);
    }

    /// Gets up from it.
    pub fn detach(&self, role: Role, me: Session) {
        self.state.detach(role, me, &self.members);
    }

    /// Closes it.
    ///
    /// # Panics
    ///
    /// As [`begin_push`](Self::begin_push).
    pub fn close(&self) {
        self.state.close(&self.members).expect("nothing is removed");
    }
}
