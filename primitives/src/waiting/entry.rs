//! The entry of one slot in a waiting room: where its member is announced.
//!
//! | word of an entry | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | AWAKE(e) | the member does not sleep here | ANNOUNCED(e + 1) | the member |
//! | ANNOUNCED(e) | it is about to sleep, or asleep | UNPOSTED(e, w) | a notifier, by compare-and-swap |
//! | UNPOSTED(e, w) | it was chosen for `w`, and its doorbell is to be posted | CALLED(e, w) | that notifier, or any other that finds no waiter to choose |
//! | CALLED(e, w) | its doorbell was posted | | |
//! | each of the last three | | AWAKE(e) | the member, or a helper of its slot |
//!
//! The epoch `e` counts the announcements of the slot. So no announcement has the epoch of another, and a notifier that was
//! stopped changes nothing that came later. It wraps after 2^30 announcements, which take at least half an hour. A notifier
//! that is stopped for exactly so many calls a waiter in vain, or says that a doorbell was posted that was not. That delays
//! one event.
//!
//! `w` says what the member was called for. It is 0 where things are interchangeable.
//!
//! | other word | meaning | changed by |
//! | --- | --- | --- |
//! | `since` | when the wait began, in nanoseconds of `CLOCK_MONOTONIC` | the member, before it announces itself |
//! | `interest` | what the member waits for, where waiters differ | the same, and a thread of it that waits for more |
//!
//! The lowest `since` has waited longest. In another time namespace the clock may be another one: then the order is wrong,
//! and nothing else.
//!
//! - **EN1** A member writes `since` and `interest` of an announcement while it is AWAKE. So a notifier that read the word, and
//!   then read them from a later announcement, fails to change the word.
//! - **EN2** While a member is announced, its interest changes only so that more fits.

use crate::{
    sync::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
    waiting::Withdrawn,
};

const STATE: u64 = 0b11;
const AWAKE: u64 = 0;
pub(super) const ANNOUNCED: u64 = 1;
pub(super) const UNPOSTED: u64 = 2;
pub(super) const CALLED: u64 = 3;
const ONE_EPOCH: u64 = 1 << 2;
const WHAT_SHIFT: u32 = 32;
const EPOCH: u64 = (1 << WHAT_SHIFT) - ONE_EPOCH;

/// Where one member is announced.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Entry {
    word: AtomicU64,
    since: AtomicU64,
    interest: AtomicU64,
    /// So that no entry lies in two cache lines.
    unused: AtomicU64,
}

/// A waiter that was found announced, or chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) slot: usize,
    pub(crate) interest: u64,
    /// When its wait began.
    pub(crate) since: u64,
    word: u64,
}

/// A waiter that was chosen, and is to be posted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(super) slot: usize,
    before: u64,
    word: u64,
}

impl Announced {
    pub(super) fn is(self, state: u64) -> bool {
        self.word & STATE == state
    }

    /// Returns the waiter as chosen, if it was chosen before by another notifier.
    pub(super) fn already_chosen(self) -> Chosen {
        Chosen { slot: self.slot, before: self.word, word: self.word }
    }
}

impl Withdrawn {
    fn of(word: u64) -> Self {
        let what = (word >> WHAT_SHIFT) as u32;
        match word & STATE {
            UNPOSTED => Self::Chosen(what),
            CALLED => Self::Posted(what),
            _ => Self::Uncalled,
        }
    }
}

impl Entry {
    /// Announces the member. It is AWAKE, unless the thread or the future that led was roused without a call: then this
    /// returns what it was called for meanwhile.
    pub(super) fn announce(&self, since: u64, interest: u64) -> Withdrawn {
        // Relaxed: the member alone changes the epoch.
        let epoch = self.word.load(Relaxed).wrapping_add(ONE_EPOCH) & EPOCH;
        // SYNC: Release pairs with the loads in `waiter`: a notifier that reads these sees that the last wait is over (EN1).
        self.since.store(since, Release);
        self.interest.store(interest, Release);
        // SYNC: SeqCst pairs with the load in `waiter`, through the flag or the lock word that is changed afterwards. It also
        // hands the other words on.
        Withdrawn::of(self.word.swap(epoch | ANNOUNCED, SeqCst))
    }

    pub(super) fn change_interest(&self, interest: u64) {
        // SYNC: pairs with the load in `waiter`, through the fence of the thread that waits for more (EN2).
        self.interest.store(interest, SeqCst);
    }

    /// Withdraws the announcement, and keeps the epoch.
    pub(super) fn withdraw(&self) -> Withdrawn {
        // SYNC: Acquire pairs with the compare-and-swap of the notifier: what it was called for is there.
        Withdrawn::of(self.word.fetch_and(EPOCH | AWAKE, AcqRel))
    }

    /// Does the same for a member that is dead or leaves. Any number of helpers may do it.
    pub(super) fn repair(&self) {
        // SYNC: pairs with the load in `waiter` and the compare-and-swap in `change`: a notifier that comes later finds
        // no dead member here (RM4).
        self.word.fetch_and(EPOCH | AWAKE, SeqCst);
    }

    /// Returns the waiter that is announced here, if its word is in one of two states.
    pub(super) fn waiter(&self, slot: usize, first: u64, second: u64) -> Option<Announced> {
        // SYNC: pairs with the store of the word in `announce`.
        let word = self.word.load(SeqCst);
        let state = word & STATE;
        // SYNC: Acquire pairs with the stores in `announce` (EN1).
        let read = || Announced { slot, since: self.since.load(Acquire), interest: self.interest.load(Acquire), word };
        (state == first || state == second).then(read)
    }

    /// Chooses an announced waiter for a thing. Returns `None` if it is not announced any more.
    pub(super) fn choose(&self, waiter: Announced, what: u32) -> Option<Chosen> {
        let chosen = u64::from(what) << WHAT_SHIFT | waiter.word & EPOCH | UNPOSTED;
        let is_chosen = waiter.is(ANNOUNCED) && self.change(waiter.word, chosen);
        is_chosen.then_some(Chosen { slot: waiter.slot, before: waiter.word, word: chosen })
    }

    /// Records whether the post was made. It changes nothing if the waiter is awake already.
    pub(super) fn mark(&self, chosen: Chosen, is_posted: bool) {
        // RM3.
        let next = if is_posted { chosen.word | CALLED } else { chosen.before };
        self.change(chosen.word, next);
    }

    fn change(&self, from: u64, to: u64) -> bool {
        // SYNC: pairs with `withdraw`, which learns what the member was called for. SeqCst for the order among
        // notifiers (RM2).
        self.word.compare_exchange(from, to, SeqCst, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{ANNOUNCED, EPOCH, Entry, ONE_EPOCH, UNPOSTED};
    use crate::{sync::Ordering::Relaxed, waiting::Withdrawn};

    fn announced(entry: &Entry) -> super::Announced {
        entry.waiter(3, ANNOUNCED, ANNOUNCED).expect("it is announced")
    }

    #[test]
    fn a_call_says_what_it_is_for() {
        let entry = Entry::default();
        entry.announce(7, 0b101);
        let waiter = announced(&entry);
        assert_eq!((waiter.slot, waiter.since, waiter.interest), (3, 7, 0b101));
        let chosen = entry.choose(waiter, u32::MAX).expect("it is announced");
        assert!(entry.choose(waiter, 1).is_none(), "once");
        assert!(entry.waiter(3, UNPOSTED, UNPOSTED).is_some());
        entry.mark(chosen, true);
        assert_eq!(entry.withdraw(), Withdrawn::Posted(u32::MAX));
        assert_eq!(entry.withdraw(), Withdrawn::Uncalled);
    }

    #[test]
    fn what_was_chosen_and_not_posted_is_told() {
        let entry = Entry::default();
        entry.announce(1, 0);
        let waiter = announced(&entry);
        entry.choose(waiter, 5).expect("it is announced");
        assert_eq!(entry.withdraw(), Withdrawn::Chosen(5));
    }

    #[test]
    fn no_later_announcement_is_changed() {
        let entry = Entry::default();
        entry.announce(1, 0);
        let first = announced(&entry);
        let chosen = entry.choose(first, 1).expect("it is announced");
        entry.repair();
        entry.repair();
        entry.announce(1, 0);
        assert!(entry.choose(first, 2).is_none(), "another epoch");
        let second = entry.choose(announced(&entry), 1).expect("it is announced");
        entry.mark(chosen, true);
        assert_eq!(entry.withdraw(), Withdrawn::Chosen(1), "not the post of the first");
        entry.announce(1, 0);
        entry.mark(second, false);
        assert_eq!(entry.withdraw(), Withdrawn::Uncalled);
    }

    #[test]
    fn a_refused_post_is_taken_back_by_the_notifier_that_chose() {
        let entry = Entry::default();
        entry.announce(1, 0);
        let chosen = entry.choose(announced(&entry), 9).expect("it is announced");
        let seen = entry.waiter(3, UNPOSTED, UNPOSTED).expect("it is chosen").already_chosen();
        entry.mark(seen, false);
        assert!(entry.waiter(3, UNPOSTED, UNPOSTED).is_some(), "the call is still that of the other one");
        entry.mark(chosen, false);
        assert_eq!(entry.withdraw(), Withdrawn::Uncalled, "announced again");
    }

    #[test]
    fn epochs_wrap_and_touch_nothing_else() {
        let entry = Entry::default();
        entry.word.store(EPOCH, Relaxed);
        entry.announce(1, 0);
        assert_eq!(entry.word.load(Relaxed), ANNOUNCED);
        entry.withdraw();
        entry.announce(1, 0);
        assert_eq!(entry.word.load(Relaxed), ONE_EPOCH | ANNOUNCED);
    }

    #[test]
    fn any_word_can_be_withdrawn() {
        for word in [u64::MAX, 1, 2, 3, 0x8000_0000_0000_0002, u64::MAX - 1] {
            let entry = Entry::default();
            entry.word.store(word, Relaxed);
            entry.withdraw();
            entry.announce(0, 0);
            let chosen = entry.choose(announced(&entry), 4).expect("it is announced");
            entry.mark(chosen, true);
            assert_eq!(entry.withdraw(), Withdrawn::Posted(4));
        }
    }
}
