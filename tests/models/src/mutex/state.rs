//! What a state consists of: what is shared, and what each process has of its own.

use super::{At, MOST, NO_SLOT, Slot, Ticket};

/// The word of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word {
    pub(super) owner: Slot,
    pub(super) offered: bool,
    pub(super) waiters: bool,
    pub(super) poisoned: bool,
}

/// The state of a slot in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// Does not wait.
    #[default]
    Awake,
    /// Waits, and was not called.
    Announced(Ticket),
    /// Was called, and perhaps not posted.
    Unposted(Ticket),
    /// Was called and posted.
    Called(Ticket),
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub(super) at: At,
    pub(super) stopped: bool,
    pub(super) suspects: bool,
    pub(super) timed_out: bool,
    /// Was woken by a post, and not by a clock.
    pub(super) woken: bool,
    /// Its entry said that it was called, and it has not looked since.
    pub(super) called: bool,
    /// Sleeps for at most 1 ms.
    pub(super) watches: bool,
    /// Scans as the holder of the lock.
    pub(super) unlocks: bool,
    /// Has offered the lock to `target`.
    pub(super) offers: bool,
    pub(super) ticket: Ticket,
    pub(super) target_ticket: Ticket,
    /// The slots that are still to be scanned or checked.
    pub(super) unseen: u8,
    pub(super) slot: Slot,
    /// The slot that it helps.
    pub(super) helped: Slot,
    pub(super) target: Slot,
    /// The tickets of UNPOSTED waiters that the scan saw.
    pub(super) unposted: [Ticket; MOST],
}

/// What the last action was, if it is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Any other action.
    None,
    /// A waiter took the lock that was offered to it.
    Confirmed,
    /// A process took the lock that was offered to another.
    Expired,
    /// A member died to which the lock was offered.
    OffereeDied,
    /// A waiter took its offer after its timeout had elapsed.
    LateConfirmed,
    /// A new member got the slot to which the lock was offered.
    OfferedSlotReused,
    /// A notifier took its offer back.
    Retracted,
    /// A holder that found no waiter did not free the word, because a waiter had set WAITERS.
    FreeingFailed,
}

/// Everything that is shared, and every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MutexState {
    pub(super) word: Word,
    pub(super) entries: [Entry; MOST],
    pub(super) bells: [u8; MOST],
    pub(super) used: [bool; MOST],
    pub(super) tainted: bool,
    pub(super) locks: u8,
    pub(super) joins: u8,
    pub(super) deaths: u8,
    pub(super) stops: u8,
    pub(super) timeouts: u8,
    pub(super) event: Event,
    pub(super) processes: [Process; MOST],
}

/// A process before it enters, and after it died.
pub(super) const OUTSIDE: Process = Process {
    at: At::Outside,
    stopped: false,
    suspects: false,
    timed_out: false,
    woken: false,
    called: false,
    watches: false,
    unlocks: false,
    offers: false,
    ticket: 0,
    target_ticket: 0,
    unseen: 0,
    slot: NO_SLOT,
    helped: NO_SLOT,
    target: NO_SLOT,
    unposted: [0; MOST],
};

pub(super) const FREE: Word = Word { owner: NO_SLOT, offered: false, waiters: false, poisoned: false };

impl Process {
    pub(super) fn idle(slot: Slot, suspects: bool) -> Self {
        Self { at: At::Idle, slot, suspects, ..OUTSIDE }
    }

    /// Whether it owns a slot.
    pub(super) fn is_member(&self) -> bool {
        self.slot != NO_SLOT
    }

    pub(super) fn is_idle(&self) -> bool {
        self.at == At::Idle && !self.stopped
    }

    /// Whether the lock is its own.
    pub(super) fn holds(&self) -> bool {
        matches!(self.at, At::Withdraw | At::Critical) || self.unlocks
    }

    /// Forgets what is over, so that equal situations are equal states.
    pub(super) fn forget(&mut self) {
        match self.at {
            At::Outside => *self = OUTSIDE,
            At::Idle => *self = Self { stopped: self.stopped, ..Self::idle(self.slot, self.suspects) },
            At::Critical => *self = Self { at: At::Critical, ..Self::idle(self.slot, self.suspects) },
            At::Awake => self.watches = false,
            At::Drain | At::Announce | At::Look | At::CheckDead => {
                (self.woken, self.called, self.timed_out) = (false, false, false)
            }
            At::LookAgain => self.woken = false,
            _ => {}
        }
        if !matches!(self.at, At::Scan | At::CheckDead) {
            self.unseen = 0;
        }
    }
}

impl Entry {
    pub(super) fn ticket(self) -> Ticket {
        match self {
            Entry::Awake => 0,
            Entry::Announced(ticket) | Entry::Unposted(ticket) | Entry::Called(ticket) => ticket,
        }
    }

    pub(super) fn is_called(self) -> bool {
        matches!(self, Entry::Unposted(_) | Entry::Called(_))
    }

    pub(super) fn with_ticket(self, ticket: Ticket) -> Self {
        match self {
            Entry::Awake => Entry::Awake,
            Entry::Announced(_) => Entry::Announced(ticket),
            Entry::Unposted(_) => Entry::Unposted(ticket),
            Entry::Called(_) => Entry::Called(ticket),
        }
    }
}
