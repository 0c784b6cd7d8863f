//! Calls of one process, each with a response of its own, and another process that responds.

use std::sync::Arc;

use crate::{
    failure::Result,
    kernel::{Deadline, Members, Repair, Session},
    layout::SharedMemory,
    scene::block_on,
    sync::{
        AtomicU32,
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    waiting::{
        Checked, Party,
        clerk::{HeldTicket, PassOn, TaskGate, wait_async},
        room::Room,
        waiter::{Gate, Waiter},
    },
};

/// The slot of the process that calls.
const CALLER: u32 = 0;

/// The responses, and the kernel.
#[derive(Debug)]
pub struct Calls {
    members: Arc<Members>,
    memory: Arc<SharedMemory>,
    responses: [AtomicU32; 2],
    /// Whether the caller that leads asks in the others' place, as the real one does (DK4).
    asks: bool,
}

/// What one process has of it.
#[derive(Debug)]
pub struct Caller {
    calls: Arc<Calls>,
    room: Room,
    me: Session,
}

impl Calls {
    /// Makes two calls without a response.
    #[must_use]
    pub fn new(asks: bool) -> Arc<Self> {
        Arc::new(Self { members: Members::new(2), memory: Arc::default(), responses: Default::default(), asks })
    }

    /// Returns the handle of a process.
    #[must_use]
    pub fn open(self: &Arc<Self>, slot: u32) -> Arc<Caller> {
        let room = Room::of_process(&self.memory).with_named_calls();
        Arc::new(Caller { calls: Arc::clone(self), room, me: Session::of(slot) })
    }

    fn is_answered(&self, call: usize) -> bool {
        self.responses[call].load(Relaxed) != 0
    }
}

impl Caller {
    /// Waits for a response in a future, which is polled whenever it is woken.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn wait(&self, call: usize) {
        let party = Party { members: &self.calls.members, repair: self, me: self.me };
        let gate = || CallGate { calls: &self.calls, call };
        let station = |held: &HeldTicket| Waiter::of_task(&self.room, gate(), self.me, 1, held);
        let check = |_| match self.calls.is_answered(call) {
            true => Ok(Checked::Found(())),
            false => Ok(Checked::Sleep(Deadline::NEVER)),
        };
        let waited: Result<()> = block_on(wait_async(party, station, check));
        waited.expect("nothing is damaged");
    }

    /// Responds to a call.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn respond(&self, call: usize) {
        // SYNC: as the real change of the cell: it comes before the look at the entry.
        self.calls.responses[call].fetch_add(1, SeqCst);
        fence(SeqCst);
        let what = u32::try_from(call).expect("there are two");
        self.room.call_slot(CALLER as usize, what, &self.calls.members).expect("no post is refused");
    }

    /// The last future has left, and the handle is dropped.
    pub fn close(&self) {
        self.room.end_clerk(self.me.slot(), &self.calls.members);
    }
}

struct CallGate<'a> {
    calls: &'a Calls,
    call: usize,
}

impl Gate for CallGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        fence(SeqCst);
        Deadline::NEVER
    }

    fn selection(&self) -> Option<u64> {
        Some(self.call as u64)
    }

    fn may_find(&self, selection: Option<u64>) -> bool {
        self.calls.asks && selection.is_none_or(|call| self.calls.is_answered(usize::from(call != 0)))
    }
}

impl TaskGate for CallGate<'_> {
    fn pass_on(&self) -> PassOn {
        Box::new(|_, _| Ok(()))
    }
}

impl Repair for Caller {
    fn repair(&self, slot: u32, _: bool, _: &Members) -> Result<()> {
        self.room.repair(slot);
        Ok(())
    }
}
