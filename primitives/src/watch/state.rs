//! The words of a watched value: its versions, their buffers, and the lock of those that set it.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `lock` | as in `lock`. Its owner is the *setter* | setters; the reaper of the owner |
//! | `begun` | the version that the last setter began to write | the setter |
//! | a buffer | the value of a version: that of version v is number v mod [`BUFFERS`] | the setter |
//! | `published` | the version that counts | the setter, by compare-and-swap |
//! | `told` | the last version after which all waiters were called | a process that has called all of them |
//! | `flag`, and the room | the waiters for another version, or for the end | waiters; a process that calls all of them |
//! | `attachments`, `arrivals` | which members are writers | as in `attendance` |
//!
//! - **WA1** Only the owner of the lock writes `begun`, a buffer and `published`. Its version is the one after `published`. It
//!   stores that in `begun`, then writes the buffer of that version, and then publishes it, by compare-and-swap from the version
//!   that it found.
//! - **WA2** A reader reads `published`, copies the buffer of that version, and then reads `begun`. It has the whole value if
//!   `begun` is less than [`BUFFERS`] versions ahead: the setter of the version that has the same buffer had not begun to write.
//!   Otherwise it reads again. A copy is made by atomic loads, and is not looked at before it is known to be whole.
//! - **WA3** A setter that dies before it publishes has changed a buffer that no version has. The next one takes the same
//!   version, and writes it over. So nothing is poisoned.
//! - **WA4** (R-wake) A setter publishes, frees the lock, and then calls all waiters, if the flag is up. It lowers the flag by
//!   compare-and-swap from what it read before it looked for waiters (WF1). A waiter announces itself, raises the flag, fences,
//!   and checks. So it sees the version, or is called. Each thread of a process checks after each announcement (DK4), as each
//!   waits for something else.
//! - **WA5** After all were called for a version, `told` becomes that version. A caller that comes to wait, or to set, and finds
//!   it behind `published`, calls all waiters first. So a setter that is stopped, or has its posts refused, leaves no waiter
//!   asleep for longer than until then. `told` may fall back to an older version, and then waiters are called once more.
//! - **WA6** A waiter that wants to know of the end checks for it before it checks the version. So it sees what the last writer
//!   set before it is notified of the end. A writer that detaches, and a helper that takes a dead one off, call all waiters.
//! - **WA7** A reader that was disturbed [`ATTEMPTS`] times takes the lock, and copies with no setter beside it. If it does not get
//!   the lock for [`PATIENCE`], its owner may be stopped, and disturbs no reader: it reads without the lock again.
//!
//! | the process dies | what is left | what notices it |
//! | --- | --- | --- |
//! | before it has the lock, reading, or waiting | nothing | – |
//! | with the lock, before it published | a lock that names a dead slot, and the version before, whole | a setter that waits, by the obituary; one that comes |
//! | having published, before it freed the lock | the same, and the new version | the same; each waiter, by the obituary |
//! | having freed the lock, before it called | waiters that sleep beside a new version | each of them, by the obituary |
//! | having called, before it said so | `told`, which is behind | the next caller calls all once more |
//! | as a writer | an attachment of a dead slot | each waiter, by the obituary: it reaps, and checks for the end |
//!
//! | the process is stopped | what it holds up |
//! | --- | --- |
//! | with the lock | those that set it. No reader, and no waiter for a version that is published and told |
//! | having published, before it called | the waiters that sleep, until another process comes to wait or to set (WA5) |
//! | having detached as the last writer, before it called | the waiters that sleep and want to know of the end, until they are called for a version |
//! | reading, or waiting, called or not | nothing |

use crate::{
    attendance::{Arrivals, Attachment},
    failure::Result,
    layout::Mapped,
    lock::Lock,
    members::{Members, Repair, Session},
    raw::Deadline,
    role::Role,
    sizes::{ATTEMPTS, BUFFERS},
    sync::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
        fence, order_seq_cst,
    },
    waiting::{Party, flag::Flag, room::Room},
};
use std::time::Duration;

/// How long a reader waits for the lock before it tries without again.
const PATIENCE: Duration = Duration::from_millis(5);

/// The versions. They count from the first value, which is version 0, and wrap.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Versions {
    pub(crate) published: AtomicU64,
    pub(crate) begun: AtomicU64,
    pub(crate) told: AtomicU64,
}

/// What a setter writes besides, and what waiters write.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct WatchControl {
    pub(crate) flag: Flag,
    pub(crate) arrivals: Arrivals,
}

/// The words in shared memory.
#[derive(Debug)]
pub(crate) struct WatchState {
    pub(crate) versions: Mapped<Versions>,
    pub(crate) lock: Lock,
    pub(crate) control: Mapped<WatchControl>,
    pub(crate) room: Room,
    pub(crate) attachments: Mapped<[Attachment]>,
    pub(crate) buffers: Mapped<[AtomicU64]>,
    /// How many words one buffer has. It is the handle's own.
    pub(crate) words: usize,
    /// How many waits there were in this process: each has a number of its own (WA4).
    pub(super) waits: std::sync::atomic::AtomicU64,
}

impl WatchState {
    pub(crate) fn new(
        (versions, lock, control, room): (Mapped<Versions>, Lock, Mapped<WatchControl>, Room),
        attachments: Mapped<[Attachment]>,
        (buffers, words): (Mapped<[AtomicU64]>, usize),
    ) -> Self {
        Self { versions, lock, control, room, attachments, buffers, words, waits: Default::default() }
    }

    /// Returns the version that counts.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        // SYNC: SeqCst pairs with the compare-and-swap in `publish`, for the check of an announced waiter (WA4).
        self.versions.published.load(SeqCst)
    }

    #[inline]
    fn buffer(&self, version: u64) -> &[AtomicU64] {
        #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
        let number = version as usize % BUFFERS;
        &self.buffers[number * self.words..][..self.words]
    }

    /// Copies the value that counts, and returns its version. Returns `None` if the copy may not be whole (WA2).
    #[inline]
    pub(crate) fn try_read(&self, copy: impl FnOnce(&[AtomicU64])) -> Option<u64> {
        // SYNC: Acquire pairs with the compare-and-swap in `publish`: the buffer has at least that version.
        let version = self.versions.published.load(Acquire);
        copy(self.buffer(version));
        // SYNC: pairs with the fence in `publish`: if a word of a later version was copied, `begun` shows that version.
        fence(Acquire);
        let begun = self.versions.begun.load(Relaxed);
        (begun.wrapping_sub(version) < BUFFERS as u64).then_some(version)
    }

    /// Does the same, as often as it takes. Returns the version.
    #[cold]
    pub(crate) fn read_slowly(&self, party: Party<'_, Self>, mut copy: impl FnMut(&[AtomicU64])) -> Result<u64> {
        loop {
            for _ in 0..ATTEMPTS {
                // Relaxed: the value alone is compared.
                let before = self.versions.published.load(Relaxed);
                if let Some(version) = self.try_read(&mut copy) {
                    return Ok(version);
                }
                // SYNC: pairs with the store of `begun` in `publish`: a version that was begun follows one that was published.
                fence(Acquire);
                if self.versions.published.load(Relaxed) == before {
                    return Err(party.members.damaged("the versions of a value"));
                }
            }
            // WA7.
            if let Some(change) = self.begin(party, Deadline::after(PATIENCE))? {
                copy(change.current());
                return Ok(change.version);
            }
        }
    }

    /// Becomes the setter. Returns `None` if the timeout elapsed.
    #[inline]
    pub(crate) fn begin<'a>(&'a self, party: Party<'a, Self>, deadline: Deadline) -> Result<Option<Change<'a>>> {
        let is_taken = self.lock.try_take(party.me)
            || match deadline {
                Deadline::NOW => self.lock.try_take_slowly(party)?,
                _ => self.lock.take_contended(party, deadline)?,
            }
            .is_some();
        Ok(is_taken.then(|| self.change(party)))
    }

    /// The caller has become the setter.
    #[inline]
    pub(super) fn change<'a>(&self, party: Party<'a, Self>) -> Change<'a> {
        // Relaxed: the lock was acquired, and only its owner changes it (WA1).
        Change { party, version: self.versions.published.load(Relaxed) }
    }

    /// Calls all waiters for a version that was published, and says so (WA5).
    #[inline]
    fn tell_of(&self, version: u64, members: &Members) -> Result<()> {
        order_seq_cst();
        if self.control.flag.is_up() {
            self.call_all(members)?;
        }
        // SYNC: Release keeps the calls before it. The word decides only whether another caller calls as well.
        self.versions.told.store(version, Release);
        Ok(())
    }

    /// Calls all waiters, if a setter may not have done so (WA5). What fails is recorded for the next call.
    #[inline]
    pub(crate) fn tell(&self, members: &Members) {
        let version = self.version();
        // Relaxed: as in `tell_of`.
        if self.versions.told.load(Relaxed) != version {
            members.record(self.tell_of(version, members));
        }
    }

    #[cold]
    fn call_all(&self, members: &Members) -> Result<()> {
        let Some(seen) = self.control.flag.seen() else { return Ok(()) };
        // If a post is refused, the flag stays up for the next one.
        self.room.notify_all(members)?;
        self.control.flag.lower(seen);
        Ok(())
    }

    /// Attaches a writer.
    pub(crate) fn attach(&self, me: Session) {
        self.control.arrivals.attach(Role::Producer, &self.attachments[me.slot()]);
    }

    /// Detaches a writer, and calls those that want to know of the end (WA6). What fails is recorded for the next call.
    pub(crate) fn detach(&self, me: Session, members: &Members) {
        self.attachments[me.slot()].detach(Role::Producer);
        if self.control.flag.is_up() {
            members.record(self.call_all(members));
        }
    }

    /// Returns the slots that have writers.
    pub(crate) fn writer_slots(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&*self.attachments).filter(|(_, attachment)| attachment.has(Role::Producer)).map(|(slot, _)| slot)
    }
}

/// The right to set the value, until it is published or dropped: the caller has the lock.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    party: Party<'a, WatchState>,
    /// The version that counts meanwhile.
    version: u64,
}

impl<'a> Change<'a> {
    /// Returns the buffer of the version that counts. No setter writes it meanwhile.
    pub(crate) fn current(&self) -> &'a [AtomicU64] {
        self.party.repair.buffer(self.version)
    }

    /// Writes and publishes the next version, frees the lock, and calls all waiters (WA1, WA4). Fails if it has not the lock any
    /// more. What fails afterwards is recorded for the next call.
    #[inline]
    pub(crate) fn publish(self, write: impl FnOnce(&[AtomicU64])) -> Result<()> {
        let Party { members, repair: state, me } = self.party;
        if !me.is_ours() {
            // The closure has forked, and this is the child: the lock is its parent's.
            return Err(members.membership_lost());
        }
        let next = self.version.wrapping_add(1);
        // SYNC: Release pairs with the fence in `read_slowly`.
        state.versions.begun.store(next, Release);
        // SYNC: pairs with the fence in `try_read`: a reader that copied a word from here finds `begun` so far.
        fence(Release);
        write(state.buffer(next));
        // SYNC: Release pairs with the loads of readers. SeqCst orders it before the look at the flag (WA4).
        let published = state.versions.published.compare_exchange(self.version, next, SeqCst, Relaxed);
        drop(self);
        if published.is_err() {
            return Err(members.membership_lost());
        }
        members.record(state.tell_of(next, members));
        Ok(())
    }
}

impl Drop for Change<'_> {
    #[inline]
    fn drop(&mut self) {
        let Party { members, repair, me } = self.party;
        // In a child made by `fork` it is the parent's.
        if me.is_ours() {
            repair.lock.free(me, members, false);
        }
    }
}

impl Repair for WatchState {
    /// Takes the lock and the attachment away from the slot of a member that is dead, or leaves. Any number of helpers may do it.
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        self.room.repair(slot);
        // WA3: whatever a dead setter had written, the version that counts is whole.
        let (_, freed) = self.lock.repair_holder(slot, false, members);
        let told = if self.control.arrivals.reap(&self.attachments[slot as usize]) {
            // WA6. SYNC: as in `Attachment::detach`.
            fence(SeqCst);
            self.call_all(members)
        } else {
            Ok(())
        };
        freed.and(told)
    }
}
