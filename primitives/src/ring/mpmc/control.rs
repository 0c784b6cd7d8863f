//! The words of an mpmc ring that both sides share, and its doorbells. The rules of those who wait are in `ends`.

use crate::{
    attendance::Arrivals,
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

/// The doorbells of a side, by bit of its flags: of those who asked for nothing, and of those to be told.
pub(crate) fn bells(role: Role) -> [(u32, u16); 2] {
    [(1, role as u16), (2, 2 + role as u16)]
}

impl MpmcControl {
    #[inline]
    pub(crate) fn wake_if_asleep(&self, role: Role, members: &Members) {
        if self.flags[role as usize].load(SeqCst) != 0 {
            self.wake(role, members);
        }
    }

    #[cold]
    fn wake(&self, role: Role, members: &Members) {
        let flags = self.flags[role as usize].swap(0, SeqCst);
        leave_word(role.other(), &self.whereabouts);
        for (bit, bell) in bells(role) {
            if flags & bit != 0 {
                // It fails only if the object was removed, which has woken everybody.
                let _ = members.post(bell);
            }
        }
    }
}

/// Posts every doorbell, whether anybody sleeps there or not.
pub(crate) fn post_all(members: &Members) -> Result<()> {
    let all = bells(Role::Producer).into_iter().chain(bells(Role::Consumer));
    all.into_iter().try_for_each(|(_, bell)| members.post(bell))
}
