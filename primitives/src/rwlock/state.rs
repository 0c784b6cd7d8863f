//! The words of an rwlock: the lock of its writers, a count of readers for each slot, and how one side waits for the other.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `lock` | as in `lock`. Its owner is a writer, which has shut the *gate* for readers. An offer leaves the gate open | writers, a reader that waited long, and the reaper of the owner |
//! | `reading` of a slot, `own` | how many guards the favoured thread of the slot's process has | that thread, by a store, and the reaper of the slot |
//! | `reading` of a slot, `shared` | how many guards all its other threads have | these threads, by an addition, and the reaper of the slot |
//! | `draining` | 1: the owner of the lock may sleep until the readers have left | that writer; a reader that leaves, which swaps it for 0 and posts |
//! | `inside` | the slot plus one of a writer that may change the value | that writer; the reaper of its slot, by compare-and-swap |
//! | `flag`, and the room | the readers that wait for the gate | readers; a process that opens the gate |
//! | `strong` | not 0: every process fences for itself | the creator |
//!
//! The counts of a slot have a cache line of their own, and a reader writes no other line. A reader stores its count and then checks
//! the gate. A writer shuts the gate and then checks the counts. By default the writer fences for both, as a sleeper does in
//! `waiting::fence`.
//!
//! - **RW1** A reader is counted before it checks the gate, and reads only if it finds the gate open then. Otherwise it takes
//!   its count back. It learns of POISONED by the same load.
//! - **RW2** A writer shuts the gate, fences for all readers, and goes in when it has found every count 0 since then. A reader that
//!   was counted later finds the gate shut. A writer that can't fence for light readers does not go in at all.
//! - **RW3** (R-sleep, R-wake) A writer that waits for readers sets `draining`, fences for all readers, and checks the counts
//!   once more, on every round. A reader that takes its count back checks `draining` afterwards, also if it was only
//!   refused. If it is set, the reader fences and checks all counts. If all are 0, it swaps `draining` for 0 and posts.
//!   So only the last reader to leave posts. If the post is refused, it sets `draining` again.
//! - **RW4** Only the owner of the lock sleeps on the doorbell of `draining`. If it takes an obituary there, it reaps before it sleeps
//!   again. It leaves only when every count is 0, or when its timeout elapses. Posts are counted, so the next owner finds the
//!   posts that it did not take.
//! - **RW5** A process opens the gate, fences, and then calls all readers that wait, if the flag is up. It clears the flag by
//!   compare-and-swap from what it read before (WF1). That holds for a writer that leaves, a writer that times out, a helper, and
//!   a reader that came in by the lock.
//! - **RW6** A writer sets `inside` before it changes the value, and clears it before it frees the lock. A helper of its slot reads
//!   `inside`, then frees the lock, then clears `inside`. So the lock is poisoned exactly if its owner died inside, whichever
//!   helper frees it: a helper that comes later reads `inside` as it was, or finds the lock freed already.
//! - **RW7** A writer that downgrades is counted as a reader before it opens the gate. So is a reader that came in by the lock.
//!   Such a reader was woken `TURNS` times, and found the gate shut by another writer each time. Then it takes the lock as
//!   writers do, and does not wait for other readers to leave.
//! - **RW8** A helper makes the dead slot AWAKE and clears its counts. The counts of a dead reader keep no writer out. They
//!   poison nothing.
//! - **RW9** A count of a slot without a member is damage, and a writer that would wait for it repairs it. If a process lost its
//!   membership, its slot was reaped: it takes no count back that is 0. It can't distinguish its own count from that of a later
//!   member of the same slot, as in LK7.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | counted, whether it reads or was refused | a count of a dead slot | the waiting writer, by the obituary, or the next writer, which reaps. Not poisoned |
//! | not counted any more, before it posted | `draining`, or no post for it | the writer, by the obituary |
//! | with the lock, not inside | a lock that names a dead slot | a waiter, by the obituary, or the next caller. Not poisoned |
//! | inside | the same, and `inside` | the same. Poisoned |
//! | after it opened the gate, before it called | readers that sleep at an open gate | these readers, by the obituary |
//! | waiting | its entry in a room | a notifier that chooses it posts in vain, and calls each other waiter as well |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | counted, whether it reads or was refused | writers, and readers that come while a writer waits |
//! | not counted any more, before it posted | the same, if that writer sleeps and no other reader is counted and leaves |
//! | with the lock | all others |
//! | after it opened the gate, before it called | the readers that sleep, until the next writer leaves. The gate is open for new readers |
//! | after it freed the lock, before it called a writer | as in `lock` |
//! | waiting, called or not | nothing |

use crate::{
    failure::Result,
    layout::Mapped,
    lock::{Lock, Taken},
    members::{Members, Repair, Session},
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Relaxed, SeqCst},
        fence, order_seq_cst,
    },
    waiting::{fence::Fence, flag::Flag, room::Room},
};

/// The doorbell of the writer that waits for the readers to leave.
pub(super) const WRITER_BELL: u16 = 0;

/// What readers check, beside the word of the lock.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct RwControl {
    pub(super) draining: AtomicU32,
    pub(super) inside: AtomicU32,
    pub(crate) strong: AtomicU32,
}

/// How many guards the process of a slot has for reading.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Reading {
    own: AtomicU64,
    shared: AtomicU64,
}

impl Reading {
    /// Returns how many guards there are, as memory says it.
    pub(super) fn count(&self) -> u64 {
        self.own.load(Relaxed).saturating_add(self.shared.load(Relaxed))
    }

    fn is_any(&self) -> bool {
        // SYNC: as Acquire they pair with the changes in `leave` and `uncount`: what the readers read is read.
        self.own.load(SeqCst) != 0 || self.shared.load(SeqCst) != 0
    }
}

/// In which count of its slot a guard is.
///
/// It is a whole word, since a guard is moved by words: to load a word of which a byte was just stored takes some nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Counter {
    /// That of the favoured thread, which alone changes it.
    Own,
    /// That of all other threads.
    Shared,
}

/// The words of an rwlock in shared memory.
#[derive(Debug)]
pub(crate) struct RwState {
    pub(crate) lock: Lock,
    pub(crate) control: Mapped<RwControl>,
    pub(crate) flag: Mapped<Flag>,
    pub(crate) readers: Room,
    pub(crate) reading: Mapped<[Reading]>,
    pub(crate) fence: Fence,
}

impl RwState {
    /// Counts a guard, and returns whether the caller may read: the gate is plainly open, and the lock is not poisoned (RW1). If not, the caller is
    /// counted all the same, and must [leave](Self::leave) first.
    #[inline]
    pub(crate) fn count_and_check(&self, me: Session, counter: Counter) -> bool {
        self.count(me, counter);
        self.lock.is_plainly_free()
    }

    /// Does the same for the favoured thread, if it has no guard yet. Returns `None` otherwise: then the caller is not counted.
    ///
    /// The processor predicts that there is none, and so it does not wait for its own last store to this word.
    #[inline]
    pub(crate) fn count_alone_and_check(&self, me: Session) -> Option<bool> {
        let Reading { own, .. } = self.reading.get(me.slot())?;
        // Relaxed: this thread alone changes it.
        if own.load(Relaxed) != 0 {
            return None;
        }
        self.fence.publish(own, 1);
        Some(self.lock.is_plainly_free())
    }

    /// Reads if the gate is open (RW1). Returns how the lock is.
    pub(crate) fn try_enter(&self, me: Session, counter: Counter, members: &Members) -> Option<Taken> {
        self.count(me, counter);
        let found = self.lock.if_unheld();
        if found.is_none() {
            self.leave(me, counter, members);
        }
        found
    }

    /// Counts a guard. The caller checks the gate afterwards.
    #[inline]
    pub(super) fn count(&self, me: Session, counter: Counter) {
        let Reading { own, shared } = &self.reading[me.slot()];
        match counter {
            // Memory may say any number, so it may wrap. Relaxed: this thread alone changes it.
            Counter::Own => self.fence.publish(own, own.load(Relaxed).wrapping_add(1)),
            Counter::Shared => {
                // SYNC: SeqCst pairs with the writer's fence, as the store in `publish` does.
                shared.fetch_add(1, SeqCst);
                order_seq_cst();
            }
        }
    }

    /// Takes a count back, and notifies a writer that waits for the readers (RW3). What fails is recorded for the next call.
    #[inline]
    pub(crate) fn leave(&self, me: Session, counter: Counter, members: &Members) {
        let mut is_counted = true;
        if counter == Counter::Own
            && let Some(Reading { own, .. }) = self.reading.get(me.slot())
            // As in `count_alone_and_check`: mostly it is the only guard.
            && own.load(Relaxed) == 1
        {
            // SYNC: as Release it pairs with the loads in `Reading::is_any`.
            self.fence.publish(own, 0);
            if self.control.draining.load(SeqCst) == 0 {
                return;
            }
            is_counted = false;
        }
        self.leave_slowly(me, counter, is_counted, members);
    }

    #[inline(never)]
    fn leave_slowly(&self, me: Session, counter: Counter, is_counted: bool, members: &Members) {
        if is_counted && !self.uncount(&self.reading[me.slot()], counter) {
            members.record(Err(members.membership_lost()));
        }
        if self.control.draining.load(SeqCst) != 0 {
            members.record(self.call_writer(members));
        }
    }

    /// Returns whether there was a count to be taken back (RW9).
    fn uncount(&self, Reading { own, shared }: &Reading, counter: Counter) -> bool {
        match counter {
            // Relaxed: as in `leave`.
            Counter::Own => match own.load(Relaxed).checked_sub(1) {
                Some(count) => {
                    // SYNC: as in `leave`.
                    self.fence.publish(own, count);
                    true
                }
                None => false,
            },
            Counter::Shared => {
                // SYNC: as Release it pairs with the loads in `Reading::is_any`, and SeqCst with the writer's fence, as in `count`.
                let taken = shared.fetch_update(SeqCst, Relaxed, |count| count.checked_sub(1)).is_ok();
                order_seq_cst();
                taken
            }
        }
    }

    /// Returns whether any process is counted as a reader.
    pub(crate) fn is_read(&self) -> bool {
        self.reading.iter().any(Reading::is_any)
    }

    /// Returns the slots that are counted.
    pub(crate) fn reading_slots(&self) -> impl Iterator<Item = u32> {
        (0..).zip(self.reading.iter()).filter(|(_, reading)| reading.is_any()).map(|(slot, _)| slot)
    }

    /// Posts for the writer that waits, if no reader is left (RW3).
    fn call_writer(&self, members: &Members) -> Result<()> {
        // SYNC: between the count that the caller took back and the counts of the others. So if two readers leave at once, the
        // later one sees both at 0.
        fence(SeqCst);
        let draining = &self.control.draining;
        if self.is_read() || draining.swap(0, SeqCst) == 0 {
            return Ok(());
        }
        let posted = members.post(WRITER_BELL);
        if posted.is_err() {
            // The writer still sleeps. Announced again, it is woken by the next reader that leaves and may post.
            draining.store(1, SeqCst);
        }
        posted
    }

    /// The owner of the lock may change the value from now on (RW6).
    pub(super) fn go_inside(&self, me: Session) {
        // SYNC: as Acquire it keeps what the writer changes behind it.
        self.control.inside.swap(me.owner(), SeqCst);
    }

    /// The owner of the lock has changed the value, and opens the gate. What fails is recorded for the next call.
    pub(crate) fn leave_inside(&self, me: Session, members: &Members, poison: bool) {
        // SYNC: as Release it keeps what the writer changed before it. A process that lost its membership leaves it alone.
        let _ = self.control.inside.compare_exchange(me.owner(), 0, SeqCst, Relaxed);
        self.open(me, members, poison);
    }

    /// The same, for a writer that goes on as a reader (RW7).
    pub(crate) fn downgrade(&self, me: Session, counter: Counter, members: &Members, poison: bool) {
        self.count(me, counter);
        self.leave_inside(me, members, poison);
    }

    /// Opens the gate, and calls the readers that wait (RW5). What fails is recorded for the next call.
    pub(super) fn open(&self, me: Session, members: &Members, poison: bool) {
        self.lock.free(me, members, poison);
        // SYNC: pairs with the fence of a reader that announces itself: either it sees the gate open, or this sees the flag.
        fence(SeqCst);
        if self.flag.is_up() {
            members.record(self.call_readers(members));
        }
    }

    #[cold]
    fn call_readers(&self, members: &Members) -> Result<()> {
        let Some(seen) = self.flag.seen() else { return Ok(()) };
        // If a post is refused, the flag stays up for the next one.
        self.readers.notify_all(members)?;
        self.flag.lower(seen);
        Ok(())
    }
}

impl Repair for RwState {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        let owner = slot + 1;
        // RW8. Words of the slot's own (MB7).
        self.readers.repair(slot);
        let Reading { own, shared } = &self.reading[slot as usize];
        own.store(0, SeqCst);
        shared.store(0, SeqCst);
        // RW6, in this order.
        let was_inside = self.control.inside.load(SeqCst) == owner;
        let (has_opened, called) = self.lock.repair_holder(slot, was_inside, members);
        let _ = self.control.inside.compare_exchange(owner, 0, SeqCst, Relaxed);
        // SYNC: as in `open`, and as in `call_writer`.
        fence(SeqCst);
        let is_awaited = self.control.draining.load(SeqCst) != 0;
        let posted = if is_awaited { self.call_writer(members) } else { Ok(()) };
        let notified = if has_opened && self.flag.is_up() { self.call_readers(members) } else { Ok(()) };
        called.and(posted).and(notified)
    }
}
