//! The real words of a broadcast ring, and cells in place of the items: loom sees a writer beside any other user. A lagging
//! ring's items are two words each, which may be torn.

use std::sync::Arc;

use crate::{
    Error,
    atomics::with_death,
    kernel::{Deadline, Members, SLOTS, Session},
    layout::Mapped,
    lock::Lock,
    ring::patience::Patience,
    rings::Cells,
    role::Role,
    scene::room,
    sync::{AtomicU32, AtomicU64, Ordering::Relaxed},
    waiting::{Party, fence::Fence},
};

#[path = "../../../primitives/src/ring/broadcast/state.rs"]
pub(crate) mod state;
#[path = "../../../primitives/src/ring/broadcast/wait.rs"]
pub(crate) mod wait;
#[path = "../../../primitives/src/ring/broadcast/word.rs"]
pub(crate) mod word;

use state::{BroadcastControl, BroadcastState, Cursor, Joined};

/// The real words, and the items.
#[derive(Debug)]
pub struct BroadcastScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: BroadcastState,
    items: Cells,
    copied: Vec<[AtomicU64; 2]>,
}

/// The producer, as `Producer` is.
#[derive(Debug)]
pub struct ProducerScene<'a> {
    scene: &'a BroadcastScene,
    me: Session,
    index: u64,
    limit: u64,
}

/// A subscriber, as `Subscriber` is.
#[derive(Debug)]
pub struct SubscriberScene<'a> {
    scene: &'a BroadcastScene,
    me: Session,
    joined: Joined,
    wants_to_know: bool,
}

impl BroadcastScene {
    /// Makes an empty ring.
    #[must_use]
    pub fn new(members: Arc<Members>, capacity: u64, is_lagging: bool) -> Arc<Self> {
        let state = BroadcastState {
            control: Mapped::new(BroadcastControl::default()),
            is_lagging,
            role: Lock::new(Mapped::new(AtomicU32::new(0)), room(1, 2)),
            tail: Mapped::new(AtomicU64::new(0)),
            window: Mapped::new(AtomicU64::new(0)),
            cursors: (0..SLOTS - 1).map(|_| Cursor::default()).collect(),
            subscribers: room(2, 2),
            capacity,
            fence: Fence,
        };
        let copied = (0..capacity).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect();
        Arc::new(Self { members, state, items: Cells::new(capacity), copied })
    }

    fn party(&self, me: Session) -> Party<'_, BroadcastState> {
        Party { members: &self.members, repair: &self.state, me }
    }

    /// Takes the role of the producer, as soon as it is free.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn producer(&self, me: Session) -> ProducerScene<'_> {
        let taken = self.state.take_role(self.party(me), Deadline::NEVER);
        assert!(taken.expect("nothing is damaged"), "it waits as long as it takes");
        let index = self.state.tail();
        ProducerScene { scene: self, me, index, limit: index }
    }

    /// Joins.
    ///
    /// # Panics
    ///
    /// As [`producer`](Self::producer).
    pub fn join(&self, me: Session, wants_to_know: bool) -> SubscriberScene<'_> {
        let joined = self.state.join(me, &self.members).expect("nothing is damaged").expect("there is a cursor");
        SubscriberScene { scene: self, me, joined, wants_to_know }
    }

    /// Returns the subscriber that was the first to join an empty ring.
    #[must_use]
    pub fn first(&self, me: Session) -> SubscriberScene<'_> {
        SubscriberScene { scene: self, me, joined: Joined { cursor: 0, index: 0 }, wants_to_know: false }
    }

    /// Closes it.
    ///
    /// # Panics
    ///
    /// As [`producer`](Self::producer).
    pub fn close(&self) {
        self.state.close(&self.members).expect("nothing is removed");
    }

    /// Does something as a process that dies before so many changes of shared memory and one more. Returns whether it survived
    /// so far. It is dead afterwards.
    pub fn die_in(&self, me: Session, changes: u32, body: impl FnOnce(&Self, Session)) -> bool {
        let is_over = with_death(changes, || body(self, me)).is_some();
        self.members.die(me);
        is_over
    }

    fn copied(&self, position: u64) -> &[AtomicU64; 2] {
        &self.copied[usize::try_from(position).expect("it is small") % self.copied.len()]
    }
}

impl ProducerScene<'_> {
    /// Pushes, as `Producer::push` does.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`].
    pub fn push(&mut self, item: u64) -> Result<(), Error> {
        let BroadcastScene { state, members, items, .. } = self.scene;
        if state.is_closed() {
            return Err(Error::Closed);
        }
        if state.is_lagging {
            self.limit = self.index + 1;
            state.move_window(self.limit);
            self.scene.copied(self.index).iter().for_each(|word| word.store(item, Relaxed));
        } else {
            self.make_room()?;
            items.write(self.index, item);
        }
        self.index += 1;
        let _ = state.publish(self.index, members);
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), Error> {
        let BroadcastScene { state, members, .. } = self.scene;
        if self.index != self.limit {
            return Ok(());
        }
        let mut scan = state.scan(self.index, members)?;
        if scan.room == 0 {
            let patience = Patience::new(Role::Producer);
            scan = state.wait_for_room(self.index, self.scene.party(self.me), &patience, Deadline::NEVER)?;
        }
        self.limit = self.index + scan.room;
        Ok(())
    }

    /// Leaves the role.
    pub fn leave(self) {
        self.scene.state.leave_role(self.me, &self.scene.members);
    }
}

impl SubscriberScene<'_> {
    /// Pops, as `Subscriber::pop` does. Returns `None` if the next items were overwritten.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`], and [`Error::Disconnected`] if it wants to know.
    ///
    /// # Panics
    ///
    /// If an item is torn.
    pub fn pop(&mut self) -> Result<Option<u64>, Error> {
        let BroadcastScene { state, members, items, .. } = self.scene;
        let index = self.joined.index;
        if state.distance(index, state.tail(), members)? == 0 {
            let patience = Patience { wants_to_know: self.wants_to_know, ..Patience::new(Role::Consumer) };
            state.wait_for_items(index, self.scene.party(self.me), &patience, Deadline::NEVER)?;
        }
        let item = if state.is_lagging {
            let words = self.scene.copied(index).each_ref().map(|word| word.load(Relaxed));
            let missed = state.missed(index, members)?;
            if missed > 0 {
                self.move_on(missed);
                return Ok(None);
            }
            assert_eq!(words[0], words[1], "torn");
            words[0]
        } else {
            items.read(index)
        };
        self.move_on(1);
        Ok(Some(item))
    }

    fn move_on(&mut self, count: u64) {
        let BroadcastScene { state, members, .. } = self.scene;
        let from = self.joined.index;
        self.joined.index += count;
        let _ = state.move_cursor(self.joined.cursor, self.me, from, self.joined.index, members);
    }

    /// Leaves.
    pub fn leave(self) {
        self.scene.state.leave(self.joined, self.me, &self.scene.members);
    }
}
