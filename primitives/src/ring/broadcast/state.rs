//! The shared state of a broadcast ring, and the operations on it.
//!
//! Positions count forever. An item's slot is its position modulo the capacity. There is one producer, and a cursor for
//! each subscriber.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `role` | the member that is the producer: a [`Lock`] | a member that takes the role; its holder, on leaving; a reaper of the holder |
//! | `tail` | the position of the next push: the items before it are complete | the producer |
//! | `window` | in a lagging ring: the producer may be writing any item before this position | the producer |
//! | a cursor | FREE; JOINING(k, t): member k joins, and has seen tail t; AT(k, p): a subscriber of k pops position p next | a new subscriber, by compare-and-swap from FREE; its owner; a reaper of k, by compare-and-swap to FREE |
//! | `reach` | cursors from here on were never used | a new subscriber |
//! | `awaited` | the position that the producer waits for the cursors to leave, if it waits | the producer; a notifier, which swaps it for none and posts |
//! | `flag`, and the room | the subscribers that wait for an item | subscribers; a process that calls them |
//! | `arrived` of a role | 1 as soon as there was a producer, or a subscriber | its member, or a reaper |
//! | `closed` | 1 from the closing on | `close` |
//!
//! - **BC1** The producer writes an item only if a scan of all cursors since it has the role found none that holds its slot,
//!   and stores `tail` afterwards. So an item before `tail` that a subscriber has not popped stays, and is complete.
//! - **BC2** A subscriber reads the items from its cursor to `tail`, and moves its cursor after that. No other process
//!   changes the cursor while its owner lives (R-own).
//! - **BC3** A subscriber joins by making its cursor JOINING. Then it fences, loads `tail` again, and begins there. A scan
//!   of the producer fences, and then takes JOINING for a cursor at the tail that it names. So either the scan sees the cursor, or the subscriber
//!   begins at the tail of the scan or later. JOINING may name a tail of long ago: then there is no room until the subscriber begins.
//! - **BC4** (R-sleep) The producer sleeps only after it has set `awaited`, fenced for every process, and then scanned
//!   the cursors. It alone sleeps on its doorbell, as the holder of the role.
//! - **BC5** (R-wake) A subscriber that moves its cursor checks `awaited` afterwards. If it has left that very position,
//!   it fences and scans the others. If none of them holds the position, it swaps `awaited` for none and posts. One that
//!   joins or leaves does the same, whatever its position was. If the post is refused, it sets `awaited` again. So the last one in the way posts,
//!   and only that one.
//! - **BC6** The producer stores `tail`, and then reads the flag. A subscriber announces itself, raises the flag, fences
//!   for every process, and then loads `tail`. If the flag is up, the producer calls all waiters at once, and lowers it
//!   by compare-and-swap (WF1).
//! - **BC7** A helper frees each cursor that names the dead slot, by compare-and-swap. Then it does as one that leaves. A cursor
//!   that names a slot without a member is damage. A producer that would wait for it repairs it.
//! - **BC8** In a lagging ring the producer scans nothing. It moves `window` past an item and fences before it writes the item. A
//!   subscriber copies an item word by word, fences, and then loads `window`. The copy counts if its item is not a
//!   capacity or more before `window`. Otherwise it may be torn, and the subscriber goes on at the oldest one that is not.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | producing, before `tail` is stored | an item that never was | no action is needed: its slot is written again |
//! | producing, after that, before it called | complete items | the subscribers that sleep, by the obituary |
//! | holding the role | a role that names a dead member | a process that takes the role or waits for it; a subscriber that detects a disconnect |
//! | as a subscriber, at any instruction | a cursor of a dead slot | a producer that waits, by the obituary, or that finds no room |
//! | having moved its cursor, before it posted | room | the producer, by the obituary |
//! | joining | JOINING of a dead slot | as a cursor |
//! | helping | a cursor that is freed, or not | the next helper; the producer, by the obituary |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | as a subscriber of a lossless ring | the producer, once the ring is full of what it has not popped |
//! | joining | the producer, once it has pushed a capacity of items |
//! | as a subscriber of a lagging ring | nothing |
//! | with the role | the processes that wait for the role, or for items |
//! | having moved its cursor, before it posted | the producer that sleeps, unless another subscriber leaves the same position or goes |
//! | having stored `tail`, before it called | the subscribers that sleep. The item is there for each that comes |
//! | waiting | as a subscriber, or with the role |

use crate::{
    failure::Result,
    layout::Mapped,
    lock::Lock,
    members::{Members, Repair, Session},
    raw::Deadline,
    ring::broadcast::word::{AwaitedWord, CursorWord},
    role::Role,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
    waiting::{
        Party,
        fence::Fence,
        flag::Flag,
        room::Room,
        spin::{LastCpus, record_cpu},
    },
};

/// The doorbell on which the producer sleeps.
pub(crate) const PRODUCER_BELL: u16 = 0;

/// How often to look through all cursors for a free one, if others are faster each time.
const ATTEMPTS: usize = 8;

/// What all sides read often and change seldom: one cache line.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct BroadcastControl {
    pub(crate) awaited: AtomicU64,
    /// How many items subscribers have missed.
    pub(crate) missed: AtomicU64,
    pub(crate) flag: Flag,
    pub(crate) closed: AtomicU32,
    /// Not 0: every process fences for itself (`StrongFences`).
    pub(crate) strong: AtomicU32,
    /// Not 0: the producer overwrites what subscribers have not popped.
    pub(crate) lagging: AtomicU32,
    pub(crate) arrived: [AtomicU32; 2],
    pub(crate) reach: AtomicU32,
    pub(crate) last_cpus: LastCpus,
}

/// The cursor of a subscriber, on cache lines of its own: its owner stores it at every pop.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Cursor(pub(crate) AtomicU64);

/// The ring's state in shared memory.
#[derive(Debug)]
pub(crate) struct BroadcastState {
    pub(crate) control: Mapped<BroadcastControl>,
    pub(crate) role: Lock,
    pub(crate) tail: Mapped<AtomicU64>,
    pub(crate) window: Mapped<AtomicU64>,
    pub(crate) cursors: Mapped<[Cursor]>,
    /// Where subscribers wait for items.
    pub(crate) subscribers: Room,
    pub(crate) capacity: u64,
    /// Whether the producer overwrites, as the creator said before any process could see it.
    pub(crate) is_lagging: bool,
    pub(crate) fence: Fence,
}

/// What a scan of all cursors found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) room: u64,
    pub(crate) has_subscribers: bool,
}

/// A subscriber's cursor, and the position that it pops first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) cursor: usize,
    pub(crate) index: u64,
}

impl BroadcastState {
    #[inline]
    pub(crate) fn tail(&self) -> u64 {
        // SYNC: pairs with the store in `publish`: the items before it are complete.
        self.tail.load(Acquire)
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Relaxed: a push that begins before it sees the closing counts as one before the closing.
        self.control.closed.load(Relaxed) != 0
    }

    pub(crate) fn has_arrived(&self, role: Role) -> bool {
        // SYNC: pairs with the stores in `take_role`, `join` and `repair`.
        self.control.arrived[role as usize].load(SeqCst) != 0
    }

    fn arrive(&self, role: Role) {
        // It never goes back to 0. SYNC: pairs with the load in `has_arrived`.
        self.control.arrived[role as usize].store(1, SeqCst);
    }

    /// Returns the cursors that were ever used.
    pub(crate) fn used_cursors(&self) -> &[Cursor] {
        // Cut, since the number in memory may be any.
        // SYNC: pairs with the change in `join`.
        let reach = self.control.reach.load(SeqCst) as usize;
        &self.cursors[..reach.min(self.cursors.len())]
    }

    /// Returns the cursors that have an owner, dead or alive.
    pub(crate) fn taken(&self) -> impl Iterator<Item = CursorWord> {
        // SYNC: Acquire pairs with the store in `move_cursor`: what lies before the cursor was read.
        let words = self.used_cursors().iter().map(|cursor| CursorWord(cursor.0.load(Acquire)));
        words.filter(|word| word.owner() != 0)
    }

    // Pushing ----------------------------------------------------------------------------------

    /// Returns how many items there is room for from the producer's index on (BC1).
    pub(crate) fn scan(&self, index: u64, members: &Members) -> Result<Scan> {
        // SYNC: pairs with the fence in `join`: either this sees the cursor, or the subscriber sees the tail (BC3). A producer
        // that publishes lightly has not fenced since it stored the tail.
        fence(SeqCst);
        let (mut behind, mut has_subscribers) = (0, false);
        for word in self.taken() {
            has_subscribers = true;
            behind = match word.behind(index) {
                // BC3: it may name a tail of long ago.
                far if far > self.capacity && word.is_joining() => self.capacity,
                far if far > self.capacity => return Err(members.damaged("the cursors")),
                near => behind.max(near),
            };
        }
        Ok(Scan { room: self.capacity - behind, has_subscribers })
    }

    /// Moves the tail, and calls the subscribers that wait for that (BC6). Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn publish(&self, index: u64, members: &Members) -> bool {
        self.fence.publish(&self.tail, index);
        self.control.flag.is_up() && self.call_subscribers_recording(members)
    }

    #[cold]
    fn call_subscribers_recording(&self, members: &Members) -> bool {
        members.record(self.call_subscribers(members))
    }

    /// Calls all subscribers that wait. The caller has made something available, and fenced.
    pub(crate) fn call_subscribers(&self, members: &Members) -> Result<()> {
        let Some(seen) = self.control.flag.seen() else { return Ok(()) };
        record_cpu(Role::Producer, &self.control.last_cpus);
        // If a post is refused, the flag stays up for the next notifier.
        self.subscribers.notify_all(members)?;
        self.control.flag.lower(seen);
        Ok(())
    }

    /// Says that items before this position may be written from now on (BC8).
    pub(crate) fn move_window(&self, position: u64) {
        // SYNC: Release pairs with the load in `missed`: a subscriber that sees the window sees the tail of before.
        self.window.store(position, Release);
        // SYNC: pairs with the fence in `missed`. A subscriber that copied a word of what is written from now on sees the window.
        fence(Release);
    }

    // Popping ----------------------------------------------------------------------------------

    /// Returns how many items lie between a subscriber's index and the tail that it saw. Fails if there can't be so many.
    #[inline]
    pub(crate) fn distance(&self, index: u64, tail: u64, members: &Members) -> Result<u64> {
        let distance = tail.wrapping_sub(index);
        // A subscriber of a lagging ring may be any number of laps behind, but not before the ring.
        let most = if self.is_lagging { i64::MAX.cast_unsigned() } else { self.capacity };
        if distance <= most { Ok(distance) } else { Err(members.damaged("the tail")) }
    }

    /// Moves a subscriber's cursor, and notifies the producer if it waits for that (BC5). Returns whether a failure was
    /// recorded.
    #[inline]
    #[must_use]
    pub(crate) fn move_cursor(&self, cursor: usize, me: Session, from: u64, to: u64, members: &Members) -> bool {
        self.fence.publish(&self.cursors[cursor].0, CursorWord::at(me.owner(), to).0);
        // SYNC: pairs with the store in `announce` of the producer. The fence of `publish`, or that of the producer, lies
        // between the two.
        let awaited = AwaitedWord(self.control.awaited.load(SeqCst));
        awaited != AwaitedWord::NONE && awaited.is_at(from) && self.call_producer_recording(members)
    }

    #[cold]
    fn call_producer_recording(&self, members: &Members) -> bool {
        members.record(self.call_producer(members))
    }

    /// Posts for the producer, if it waits and there is room (BC5).
    pub(crate) fn call_producer(&self, members: &Members) -> Result<()> {
        // SYNC: between the cursor that the caller moved and those of others: the last of two that move at once sees both.
        fence(SeqCst);
        let awaited = AwaitedWord(self.control.awaited.load(SeqCst));
        if awaited == AwaitedWord::NONE || self.taken().any(|word| word.holds(awaited.0, self.capacity)) {
            return Ok(());
        }
        self.wake_producer(members)
    }

    /// Posts for the producer, if it waits.
    pub(crate) fn wake_producer(&self, members: &Members) -> Result<()> {
        // SYNC: pairs with the swap in `withdraw`: either this process posts, or the producer knows that no notifier does.
        let awaited = self.control.awaited.swap(AwaitedWord::NONE.0, SeqCst);
        if AwaitedWord(awaited) == AwaitedWord::NONE {
            return Ok(());
        }
        record_cpu(Role::Consumer, &self.control.last_cpus);
        let posted = members.post(PRODUCER_BELL);
        if posted.is_err() {
            // The producer still sleeps. Announced again, it is woken by the next notifier that may post.
            // SYNC: pairs with the load in `move_cursor`.
            self.control.awaited.store(awaited, SeqCst);
        }
        posted
    }

    /// Returns how many items from an index on may have been written over (BC8). The caller has copied some of them.
    pub(crate) fn missed(&self, index: u64, members: &Members) -> Result<u64> {
        // SYNC: pairs with the fence in `move_window`.
        fence(Acquire);
        // SYNC: pairs with the store in `move_window`.
        let window = self.window.load(Acquire);
        // The tail is read later, so it is not before the one that the window was made from. It may be far ahead.
        let is_possible = window.wrapping_sub(self.tail()).cast_signed() <= self.capacity.cast_signed();
        let missed = window.wrapping_sub(self.capacity).wrapping_sub(index).cast_signed();
        if is_possible { Ok(missed.max(0).cast_unsigned()) } else { Err(members.damaged("the window")) }
    }

    // Coming and leaving -----------------------------------------------------------------------

    /// Takes the role of the producer, or waits until it is free. Returns whether it was taken before the deadline.
    pub(crate) fn take_role(&self, party: Party<'_, Self>, deadline: Deadline) -> Result<bool> {
        // A caller that doesn't wait still repairs a dead holder's role.
        let taken = match deadline == Deadline::NOW {
            true => self.role.try_take_slowly(party)?,
            false => self.role.take_contended(party, deadline)?,
        };
        if taken.is_some() {
            self.begin_to_produce(party);
        }
        Ok(taken.is_some())
    }

    /// The role of the producer was taken.
    pub(super) fn begin_to_produce(&self, party: Party<'_, Self>) {
        // After the role is ours: a subscriber that saw an arrival and a free role would take the ring for disconnected.
        self.arrive(Role::Producer);
        // A former holder's death leaves nothing half done.
        self.role.clear_poison();
        // The former holder may have taken an obituary from the producer's doorbell, and not reaped.
        party.members.suspect();
    }

    /// Leaves the role. Subscribers may detect that. What fails is recorded.
    pub(crate) fn leave_role(&self, me: Session, members: &Members) {
        self.role.free(me, members, false);
        // SYNC: pairs with the fence of an announcement: either the waiter sees the free role, or this sees the flag.
        fence(SeqCst);
        self.call_subscribers_recording(members);
    }

    /// Adds a subscriber (BC3), if a cursor is free.
    pub(crate) fn join(&self, me: Session, members: &Members) -> Result<Option<Joined>> {
        for _ in 0..ATTEMPTS {
            for (cursor, word) in self.cursors.iter().enumerate() {
                let tail = self.tail();
                // Relaxed: only what to try. The compare-and-swap decides.
                if word.0.load(Relaxed) != CursorWord::FREE.0 {
                    continue;
                }
                #[expect(clippy::cast_possible_truncation, reason = "there are no more cursors than slots")]
                let reach = cursor as u32 + 1;
                // Before the cursor is there. SYNC: pairs with the load in `used_cursors`.
                self.control.reach.fetch_max(reach, SeqCst);
                let joining = CursorWord::joining(me.owner(), tail).0;
                // SYNC: pairs with the load in `taken`, and with the change of the one that left the cursor.
                if word.0.compare_exchange(CursorWord::FREE.0, joining, AcqRel, Relaxed).is_err() {
                    continue;
                }
                self.arrive(Role::Consumer);
                // SYNC: pairs with the fence in `scan` (BC3).
                fence(SeqCst);
                let index = self.tail();
                // SYNC: pairs with the load in `taken`.
                word.0.store(CursorWord::at(me.owner(), index).0, Release);
                // BC5: the producer may have waited for the tail of before.
                self.call_producer_recording(members);
                return Ok(Some(Joined { cursor, index }));
            }
        }
        Ok(None)
    }

    /// Takes a subscriber out. What fails is recorded.
    pub(crate) fn leave(&self, joined: Joined, me: Session, members: &Members) {
        let mine = CursorWord::at(me.owner(), joined.index).0;
        // By compare-and-swap: if this process lost its membership, the cursor may be another subscriber's.
        // SYNC: pairs with the load in `taken`, and with the change of the next subscriber.
        let left = self.cursors[joined.cursor].0.compare_exchange(mine, CursorWord::FREE.0, AcqRel, Relaxed);
        if left.is_err() {
            members.record(Err(members.membership_lost()));
        }
        self.call_producer_recording(members);
    }

    pub(crate) fn close(&self, members: &Members) -> Result<()> {
        // SYNC: pairs with the load in `end`.
        self.control.closed.store(1, SeqCst);
        // SYNC: pairs with the fence of an announcement: either the waiter sees that it is closed, or this sees it announced.
        fence(SeqCst);
        let producer = self.wake_producer(members);
        self.call_subscribers(members).and(producer)
    }

    /// Frees the cursors of a dead slot (BC7). Returns whether there were any.
    fn free_cursors(&self, slot: u32) -> bool {
        let mut is_freed = false;
        for cursor in self.used_cursors() {
            // SYNC: pairs with the changes in `join`.
            let word = cursor.0.load(Acquire);
            if CursorWord(word).owner() == slot + 1 {
                // Perhaps it died before it said so.
                self.arrive(Role::Consumer);
                // MB7. SYNC: pairs with the load in `taken`, and with the change of the next subscriber.
                is_freed |= cursor.0.compare_exchange(word, CursorWord::FREE.0, AcqRel, Relaxed).is_ok();
            }
        }
        is_freed
    }
}

impl Repair for BroadcastState {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        self.subscribers.repair(slot);
        let had_role = self.role.holder() == slot + 1;
        if had_role {
            // Before the role is free: a subscriber that saw it free and no arrival would wait for the first producer.
            self.arrive(Role::Producer);
        }
        let freed = self.role.repair(slot, members);
        let had_cursors = self.free_cursors(slot);
        // SYNC: as in `leave_role`, and as in `leave`.
        fence(SeqCst);
        let producer = if had_cursors { self.call_producer(members) } else { Ok(()) };
        let subscribers = if had_role { self.call_subscribers(members) } else { Ok(()) };
        freed.and(producer).and(subscribers)
    }
}
