//! The words of an mpmc ring that both sides share, and its doorbells. The rules of waiting are in `ends`.

use crate::{
    attendance::Arrivals,
    doorbell::Doorbell,
    failure::Result,
    members::Members,
    ring::{
        role::Role,
        spin::{Whereabouts, leave_word},
    },
    sync::{AtomicU32, AtomicU64, Ordering::SeqCst},
};

/// What every process reads often and changes seldom: one cache line.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct MpmcControl {
    pub(crate) dirty: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) taken_over: AtomicU64,
    pub(crate) overwritten: AtomicU64,
    pub(crate) flags: [AtomicU32; 2],
    pub(crate) arrivals: Arrivals,
    pub(crate) closed: AtomicU32,
    /// Not 0: every process fences for itself (`StrongFences`).
    pub(crate) strong: AtomicU32,
    pub(crate) whereabouts: Whereabouts,
}

/// The doorbells of a side, by bit of its flags: of plain waiters, and of those that detect disconnection.
pub(crate) fn bells(role: Role) -> [(u32, u16); 2] {
    [(1, role as u16), (2, 2 + role as u16)]
}

impl MpmcControl {
    /// Notifies the waiters of a role that are announced. Returns whether a failure was recorded.
    #[inline]
    #[must_use]
    pub(crate) fn wake_if_asleep(&self, role: Role, members: &Members) -> bool {
        self.flags[role as usize].load(SeqCst) != 0 && self.wake(role, members)
    }

    #[cold]
    fn wake(&self, role: Role, members: &Members) -> bool {
        let flag = &self.flags[role as usize];
        let flags = flag.swap(0, SeqCst);
        leave_word(role.other(), &self.whereabouts);
        let announced = bells(role).into_iter().filter(|(bit, _)| flags & bit != 0);
        // Each is tried: a refused one is announced again.
        let refused = announced.filter(|&(bit, bell)| members.record(Doorbell::new(bell, flag, bit).ring(members)));
        refused.count() > 0
    }
}

/// Posts every doorbell, whether a waiter sleeps there or not.
pub(crate) fn post_all(members: &Members) -> Result<()> {
    let all = bells(Role::Producer).into_iter().chain(bells(Role::Consumer));
    all.into_iter().try_for_each(|(_, bell)| members.post(bell))
}
