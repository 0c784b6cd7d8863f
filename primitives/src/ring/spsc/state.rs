//! The shared state of an spsc ring, and the operations on it.
//!
//! Positions count forever. An item's slot is its position modulo the capacity. The producer owns the slots from its
//! index on, and the consumer those before it.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `role`, one for each role | the member that is the producer, or the consumer: a [`Lock`] | a member that takes the role; its holder, on leaving; a reaper of the holder |
//! | `index` of the producer | the position of the next push: the items before it are committed | the holder of the role |
//! | `index` of the consumer | the position of the next pop: the items before it are consumed | the holder of the role |
//! | `asleep`, one for each role | 1: its holder is about to sleep, or sleeps, until the other's index moves | set by the holder; cleared by it when it wakes, and by a notifier before it posts |
//! | `arrived`, one for each role | 1 as soon as there was a holder of the role | its holder; a reaper, if the holder died before that |
//! | `closed` | 1 from the closing on | `close` |
//!
//! - **SP1** A role has one living holder (the lock's LK1), and an index is stored by its holder alone. A new holder
//!   goes on from the indices that it finds.
//! - **SP2** An item is committed by the store of the producer's index, and consumed by the store of the consumer's. An
//!   item that a dead producer had not committed never was. An item that a dead consumer had not consumed goes to the
//!   next consumer.
//! - **SP3** (R-sleep) A waiter sleeps only after it has raised its flag, fenced for every process, and then found the
//!   other's index unchanged.
//! - **SP4** (R-wake) A process that moves an index checks the other's flag afterwards, and posts if it clears it. If the post is
//!   refused, it sets the flag again.
//! - **SP5** Only the holder of a role sleeps on the doorbell of the role. So no event goes to the wrong waiter, and
//!   none is passed on.
//! - **SP6** A waiter that detects a disconnect reaps dead members. Then it checks whether the other role ever had a
//!   holder and is free now, and only then the other's index. `arrived` is set once the holder has the role, not
//!   before.
//!
//! | the process dies | what is left | repaired by |
//! | --- | --- | --- |
//! | producing, before the index is stored | an item that never was | no action is needed: the slot is written again |
//! | producing, after that, before it posted | a committed item | the sleeping consumer, by the obituary |
//! | consuming, before the index is stored | an item that was not consumed | the next consumer |
//! | consuming, after that, before it posted | a free slot | the sleeping producer, by the obituary |
//! | holding a role | a role that names a dead member | a process that takes the role or waits for it; a peer that detects a disconnect |
//! | having freed a role, before it posted | a free role | the waiter for the role and the peer that detects a disconnect, by the obituary |
//! | having taken a post | nothing: the next holder checks before it sleeps | – |

use crate::{
    failure::Result,
    layout::Mapped,
    lock::Lock,
    members::{Members, Repair, Session},
    raw::Deadline,
    ring::{patience::Patience, refusal::Refusal},
    role::Role,
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, SeqCst},
        fence,
    },
    waiting::{
        Checked, Party, Round, Station, Turn, Withdrawn,
        fence::Fence,
        spin::{LastCpus, record_cpu},
        wait,
    },
};

/// What both sides read often and change seldom: one cache line.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct SpscControl {
    pub(crate) asleep: [AtomicU32; 2],
    pub(crate) arrived: [AtomicU32; 2],
    pub(crate) closed: AtomicU32,
    /// Not 0: every process fences for itself (`StrongFences`).
    pub(crate) strong: AtomicU32,
    /// How many consumers died in their role.
    pub(crate) taken_over: AtomicU32,
    pub(crate) last_cpus: LastCpus,
}

/// The ring's state in shared memory. Arrays are indexed by role.
#[derive(Debug)]
pub(crate) struct SpscState {
    pub(crate) control: Mapped<SpscControl>,
    pub(crate) roles: [Lock; 2],
    pub(crate) indices: [Mapped<AtomicU64>; 2],
    pub(crate) capacity: u64,
    pub(crate) fence: Fence,
}

/// The doorbell on which the holder of a role sleeps.
pub(crate) fn bell(role: Role) -> u16 {
    role as u16
}

impl SpscState {
    #[inline]
    pub(crate) fn index(&self, role: Role) -> u64 {
        // SYNC: pairs with the store in `publish`: the items between the indices are complete, or their slots are free.
        self.indices[role as usize].load(Acquire)
    }

    /// Returns how many items lie between two indices. Fails if they are more than there is room for: the ring is
    /// corrupt.
    #[inline]
    pub(crate) fn distance(&self, consumer: u64, producer: u64, members: &Members) -> Result<u64> {
        let distance = producer.wrapping_sub(consumer);
        if distance <= self.capacity { Ok(distance) } else { Err(members.damaged("the indices")) }
    }

    /// Moves our index, and notifies the other side if it waits for that (SP4). Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn publish(&self, role: Role, index: u64, members: &Members) -> bool {
        self.fence.publish(&self.indices[role as usize], index);
        let other = role.other();
        // SYNC: pairs with the store in `announce`. The fence of `publish`, or that of the sleeper, is between the two
        // (SP4).
        self.control.asleep[other as usize].load(SeqCst) != 0 && self.wake(other, members)
    }

    /// Notifies the holder of a role, if it waits. Returns whether a failure was recorded.
    #[cold]
    fn wake(&self, role: Role, members: &Members) -> bool {
        members.record(self.notify(role, members))
    }

    fn notify(&self, role: Role, members: &Members) -> Result<()> {
        let asleep = &self.control.asleep[role as usize];
        // SYNC: pairs with the swap in `withdraw`: either this process posts, or the holder knows that no notifier
        // does.
        if asleep.swap(0, SeqCst) == 0 {
            return Ok(());
        }
        record_cpu(role.other(), &self.control.last_cpus);
        let posted = members.post(bell(role));
        if posted.is_err() {
            // The holder still sleeps. Announced again, it is woken by the next notifier that may post (SP4).
            // SYNC: pairs with the load in `publish` of the next notifier.
            asleep.store(1, SeqCst);
        }
        posted
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Relaxed: a push that begins before it sees the closing counts as one before the closing.
        self.control.closed.load(Relaxed) != 0
    }

    pub(crate) fn close(&self, members: &Members) -> Result<()> {
        // SYNC: pairs with the load in `end`.
        self.control.closed.store(1, SeqCst);
        // SYNC: pairs with the fence of an announcement: either the waiter sees that it is closed, or we see its flag.
        fence(SeqCst);
        let producer = self.notify(Role::Producer, members);
        self.notify(Role::Consumer, members).and(producer)
    }

    /// Takes a role, or waits until it is free (SP1). Returns whether the role was taken before the deadline.
    pub(crate) fn take_role(&self, role: Role, party: Party<'_, Self>, deadline: Deadline) -> Result<bool> {
        let lock = &self.roles[role as usize];
        // A caller that doesn't wait still repairs a dead holder's role.
        let taken = if deadline == Deadline::NOW {
            lock.try_take_slowly(party)?
        } else {
            lock.take_contended(party, deadline)?
        };
        if taken.is_some() {
            self.arrive(role, party);
        }
        Ok(taken.is_some())
    }

    /// The role was taken.
    pub(super) fn arrive(&self, role: Role, party: Party<'_, Self>) {
        // After the role is ours: a peer that saw an arrival and a free role would take the other end for disconnected.
        // SYNC: pairs with the load in `end`.
        self.control.arrived[role as usize].store(1, SeqCst);
        // A former holder's death leaves nothing half done.
        self.roles[role as usize].clear_poison();
        // The former holder may have taken an obituary from the role's doorbell, and not reaped.
        party.members.suspect();
    }

    /// Leaves a role. A waiter at the other end may detect disconnection. What fails is recorded.
    pub(crate) fn leave_role(&self, role: Role, me: Session, members: &Members) {
        // Before the flag is checked: a peer that sees the role free reports the disconnect.
        self.roles[role as usize].free(me, members, false);
        // SYNC: pairs with the fence of an announcement: either it sees the free role, or we see its flag.
        fence(SeqCst);
        self.wake(role.other(), members);
    }

    /// Returns why the other side will do nothing more, or `None` if it may (SP6). Dead members have been reaped by the
    /// caller.
    fn end(&self, role: Role, detects_disconnect: bool) -> Option<Refusal> {
        if self.control.closed.load(SeqCst) != 0 {
            return Some(Refusal::Closed);
        }
        let other = role.other();
        // SYNC: pairs with the stores in `take_role` and `repair`. `arrived` is read first (SP6).
        let is_disconnected = detects_disconnect
            && self.control.arrived[other as usize].load(SeqCst) != 0
            && self.roles[other as usize].holder() == 0;
        is_disconnected.then_some(Refusal::Disconnected)
    }

    /// Waits until the other's index differs from `seen`, and returns it.
    #[cold]
    pub(crate) fn wait(
        &self,
        role: Role,
        seen: u64,
        party: Party<'_, Self>,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<u64, Refusal> {
        let detects_disconnect = patience.wants_to_know;
        let moved = || Some(self.index(role.other())).filter(|&index| index != seen);
        if deadline == Deadline::NOW {
            if detects_disconnect {
                party.reap_all()?;
            }
            // The end before the index: what was pushed before the end comes before it.
            let end = self.end(role, detects_disconnect);
            return moved().ok_or_else(|| end.unwrap_or(Refusal::NotInTime));
        }
        if let Some(index) = patience.spin.until(role, &self.control.last_cpus, moved) {
            return Ok(index);
        }
        let check = |round| self.check(role, seen, detects_disconnect, round);
        wait(party, &Holder { state: self, role }, deadline, check)?.ok_or(Refusal::NotInTime)
    }

    /// A waiter's check: whether the other's index differs from `seen`, or the other side has ended.
    pub(crate) fn check(
        &self,
        role: Role,
        seen: u64,
        detects_disconnect: bool,
        round: Round,
    ) -> Result<Checked<u64>, Refusal> {
        // A holder that is awake again mostly finds what it was woken for. If not, it checks for the end when it is
        // announced.
        let end = if round == Round::Announced { self.end(role, detects_disconnect) } else { None };
        let index = self.index(role.other());
        match (index != seen, end) {
            (true, _) => Ok(Checked::Found(index)),
            (false, Some(end)) => Err(end),
            (false, None) => Ok(Checked::Sleep(Deadline::NEVER)),
        }
    }
}

/// The one waiter on the doorbell of its role (SP5).
pub(crate) struct Holder<'a> {
    pub(crate) state: &'a SpscState,
    pub(crate) role: Role,
}

impl Station for Holder<'_> {
    fn turn(&self, _: Deadline) -> Turn {
        Turn::Lead
    }

    fn announce(&self) -> Deadline {
        // SYNC: pairs with the load in `publish` and the swap in `notify`.
        self.state.control.asleep[self.role as usize].store(1, SeqCst);
        self.state.fence.after_announcement()
    }

    fn withdraw(&self) -> Withdrawn {
        // SYNC: pairs with the swap in `notify`.
        let was = self.state.control.asleep[self.role as usize].swap(0, SeqCst);
        if was == 0 { Withdrawn::Chosen(0) } else { Withdrawn::Uncalled }
    }

    fn bell(&self) -> u16 {
        bell(self.role)
    }

    /// No other process waits for what it was called for.
    fn pass_on_used(&self, _: &Members) -> Result<()> {
        Ok(())
    }

    fn pass_on_unused(&self, _: &Members) -> Result<()> {
        Ok(())
    }
}

impl Repair for SpscState {
    fn repair(&self, slot: u32, _: bool, members: &Members) -> Result<()> {
        for role in [Role::Producer, Role::Consumer] {
            let lock = &self.roles[role as usize];
            let had_role = lock.holder() == slot + 1;
            if had_role {
                // Before the role is free: a peer that saw it free and no arrival would wait for the first holder. It
                // never goes back to 0, so any number of helpers may store it.
                // SYNC: pairs with the load in `end`.
                self.control.arrived[role as usize].store(1, SeqCst);
            }
            lock.repair(slot, members)?;
            if had_role {
                // A dead producer leaves nothing to take over: its uncommitted items never were.
                if role == Role::Consumer {
                    self.control.taken_over.fetch_add(1, Relaxed);
                }
                // SYNC: as in `leave_role`. A peer that detects disconnection checks again.
                fence(SeqCst);
                self.notify(role.other(), members)?;
            }
        }
        Ok(())
    }
}
