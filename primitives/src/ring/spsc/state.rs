//! The words of an spsc ring, and everything that is done to them.
//!
//! Positions count for ever; an item's place is its position masked with the capacity. The producer owns
//! the places from its index on, the consumer those before it.
//!
//! | word | value | changed by |
//! | --- | --- | --- |
//! | `role`, one for each side | the slot of who is the producer, or the consumer: a [`Lock`] | who takes the role; who leaves it; who reaps the slot |
//! | `index` of the producer | the position of the next push: what is before it is committed | the holder of the role |
//! | `index` of the consumer | the position of the next pop: what is before it is consumed | the holder of the role |
//! | `asleep`, one for each role | 1: its holder is about to sleep, or sleeps, until the other's index moves | set by the holder; cleared by it when it wakes, and by a notifier before it posts |
//! | `arrived`, one for each side | 1 as soon as there was a holder of the role | its holder; who reaps one that did not come to it |
//! | `closed` | 1 from the closing on | `close` |
//!
//! - **SP1** A role has one living holder (the lock's LK1), and an index is stored by its holder alone. A new holder
//!   goes on from the indices that it finds.
//! - **SP2** An item is committed by the store of the producer's index, and consumed by the store of the
//!   consumer's. What a dead producer had not committed never was; what a dead consumer had not
//!   consumed, the next one gets.
//! - **SP3** (R-sleep) Who sleeps has raised its flag, fenced for everybody, and then found the other's index
//!   where it was.
//! - **SP4** (R-wake) A process that moves an index checks the other's flag afterwards, and posts if it clears it. If the post is
//!   refused, it sets the flag again.
//! - **SP5** On the doorbell of a side sleeps only the holder of its role, so no event goes to the wrong
//!   one, and none is passed on.
//! - **SP6** Who asks to be told of the end reaps the dead, then looks whether there ever was a holder of the other role
//!   and whether it is free now, and then at the other's index. A holder has come once it has the role, not before.
//!
//! | the process dies | what is left | who notices |
//! | --- | --- | --- |
//! | producing, before the index is stored | an item that never was | nobody need; the place is written again |
//! | producing, after that, before it posted | a committed item | the sleeping consumer, by the obituary |
//! | consuming, before the index is stored | an item that was not consumed | the next consumer |
//! | consuming, after that, before it posted | a free place | the sleeping producer, by the obituary |
//! | holding a role | a role that names a dead slot | who wants the role, or sleeps until it is free; who asked to be told |
//! | having freed a role, before it posted | a free role | who sleeps for it, and who asked to be told, by the obituary |
//! | having taken a post | nothing: the next holder looks before it sleeps | – |

use crate::{
    failure::Result,
    layout::Mapped,
    lock::Lock,
    members::{Members, Repair, Session},
    raw::Deadline,
    ring::{
        fence::Fence,
        patience::Patience,
        refusal::Refusal,
        role::Role,
        spin::{Whereabouts, leave_word},
    },
    sync::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, SeqCst},
        fence,
    },
    waiting::{Checked, Party, Round, Station, Turn, Withdrawn, wait},
};

/// What both sides look at often, and seldom change: one cache line.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct SpscControl {
    pub(crate) asleep: [AtomicU32; 2],
    pub(crate) arrived: [AtomicU32; 2],
    pub(crate) closed: AtomicU32,
    /// Not 0: every process fences for itself (`StrongFences`).
    pub(crate) strong: AtomicU32,
    /// How many consumers died, or left without words, in their role.
    pub(crate) taken_over: AtomicU32,
    pub(crate) whereabouts: Whereabouts,
}

/// The ring's words in shared memory; arrays go by side.
#[derive(Debug)]
pub(crate) struct SpscState {
    pub(crate) control: Mapped<SpscControl>,
    pub(crate) roles: [Lock; 2],
    pub(crate) indices: [Mapped<AtomicU64>; 2],
    pub(crate) capacity: u64,
    pub(crate) fence: Fence,
}

/// The doorbell on which the holder of a role sleeps.
fn bell(role: Role) -> u16 {
    role as u16
}

impl SpscState {
    #[inline]
    pub(crate) fn index(&self, role: Role) -> u64 {
        // SYNC: pairs with the store in `publish`: the items between the indices are whole, or their places free.
        self.indices[role as usize].load(Acquire)
    }

    /// Returns how many items lie between two indices; more than there is room for are a damage.
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
        self.control.asleep[other as usize].load(SeqCst) != 0 && self.wake(other, members)
    }

    /// Notifies the holder of a role, if it waits. Returns whether a failure was recorded.
    #[cold]
    fn wake(&self, role: Role, members: &Members) -> bool {
        members.record(self.notify(role, members))
    }

    fn notify(&self, role: Role, members: &Members) -> Result<()> {
        let asleep = &self.control.asleep[role as usize];
        if asleep.swap(0, SeqCst) == 0 {
            return Ok(());
        }
        leave_word(role.other(), &self.control.whereabouts);
        let posted = members.post(bell(role));
        if posted.is_err() {
            // The holder still sleeps. Announced again, it is woken by the next notifier that may post (SP4).
            asleep.store(1, SeqCst);
        }
        posted
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.control.closed.load(Relaxed) != 0
    }

    pub(crate) fn close(&self, members: &Members) -> Result<()> {
        self.control.closed.store(1, SeqCst);
        // SYNC: pairs with the fence of an announcement: either the waiter sees that it is closed, or we see its flag.
        fence(SeqCst);
        let producer = self.notify(Role::Producer, members);
        self.notify(Role::Consumer, members).and(producer)
    }

    /// Takes a role, or waits until it is free (SP1); returns whether it did in time.
    pub(crate) fn take_role(&self, role: Role, me: Session, members: &Members, deadline: Deadline) -> Result<bool> {
        let lock = &self.roles[role as usize];
        let party = Party { members, repair: self, me };
        let taken = if deadline == Deadline::NOW {
            lock.try_take_slowly(party)?
        } else {
            lock.take_contended(party, deadline)?
        };
        if taken.is_some() {
            // After the role is ours: a peer that saw an arrival and a free role would take the other end for disconnected.
            self.control.arrived[role as usize].store(1, SeqCst);
            // A former holder's death leaves nothing half done.
            lock.clear_poison();
            // The former holder may have taken an obituary from the role's doorbell, and not reaped.
            members.suspect();
        }
        Ok(taken.is_some())
    }

    /// Leaves a role. A waiter at the other end may detect disconnection. What fails is recorded.
    pub(crate) fn leave_role(&self, role: Role, me: Session, members: &Members) {
        self.roles[role as usize].free(me, members, false);
        // SYNC: pairs with the fence of an announcement: either it sees the free role, or we see its flag.
        fence(SeqCst);
        self.wake(role.other(), members);
    }

    /// Returns why nothing more is to be expected from the other side, if that is so (SP6). The dead are reaped.
    fn end(&self, role: Role, detects_disconnect: bool) -> Option<Refusal> {
        if self.control.closed.load(SeqCst) != 0 {
            return Some(Refusal::Closed);
        }
        let other = role.other();
        let is_disconnected = detects_disconnect
            && self.control.arrived[other as usize].load(SeqCst) != 0
            && self.roles[other as usize].holder() == 0;
        is_disconnected.then_some(Refusal::Disconnected)
    }

    /// Waits until the other's index is not what was seen, and returns it.
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
        if let Some(index) = patience.spin.until(role, &self.control.whereabouts, moved) {
            return Ok(index);
        }
        let check = |round| {
            // A holder that is awake again mostly finds what it was woken for. If not, it checks for the end when it is
            // announced.
            let end = if round == Round::Announced { self.end(role, detects_disconnect) } else { None };
            match (moved(), end) {
                (Some(index), _) => Ok(Checked::Found(index)),
                (None, Some(end)) => Err(end),
                (None, None) => Ok(Checked::Sleep(Deadline::NEVER)),
            }
        };
        wait(party, &Holder { state: self, role }, deadline, check)?.ok_or(Refusal::NotInTime)
    }
}

/// The one waiter on the doorbell of its role (SP5).
struct Holder<'a> {
    state: &'a SpscState,
    role: Role,
}

impl Station for Holder<'_> {
    fn turn(&self, _: Deadline) -> Turn {
        Turn::Lead
    }

    fn announce(&self) -> Deadline {
        self.state.control.asleep[self.role as usize].store(1, SeqCst);
        self.state.fence.after_announcement()
    }

    fn withdraw(&self) -> Withdrawn {
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
                // never goes back to 0, so any number of helpers may say it.
                self.control.arrived[role as usize].store(1, SeqCst);
            }
            lock.repair(slot, members)?;
            if had_role {
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
