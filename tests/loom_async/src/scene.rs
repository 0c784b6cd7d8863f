//! Interchangeable things, for which futures and threads of several processes wait.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use crate::{
    failure::Result,
    kernel::{Deadline, Failure, Members, Repair, Session},
    layout::{Mapped, SharedMemory},
    sync::{
        AtomicU32,
        Ordering::{Relaxed, SeqCst},
        fence,
    },
    thread, time,
    waiting::{
        Checked, Party,
        clerk::{HeldTicket, IsBeside, PassOn, TaskGate, wait_async},
        flag::Flag,
        room::Room,
        wait,
        waiter::{Gate, Waiter},
    },
};

/// What waiters and clerks do with a call that is not spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// As the real ones.
    All,
    /// A waiter that leaves with a call keeps it: to show that it must not.
    LeaverKeeps,
    /// A clerk that serves others than the front keeps the front's call: to show that it must not.
    ClerkKeeps,
}

/// The things, and the kernel.
#[derive(Debug)]
pub struct Scene {
    members: Arc<Members>,
    memory: Arc<SharedMemory>,
    things: AtomicU32,
    flag: Flag,
    rules: Rules,
    /// CK7 holds for all clerks, or for none.
    clerks_stay: bool,
}

/// What one process has of it. Its threads share it.
#[derive(Debug)]
pub struct Handle {
    scene: Arc<Scene>,
    room: Room,
    me: Session,
}

impl Scene {
    /// Makes a scene without things, for so many processes.
    #[must_use]
    pub fn new(processes: usize, rules: Rules, clerks_stay: bool) -> Arc<Self> {
        let (members, memory, flag) = (Members::new(processes), Arc::default(), Flag::default());
        Arc::new(Self { members, memory, things: AtomicU32::new(0), flag, rules, clerks_stay })
    }

    /// Returns the handle of a process.
    #[must_use]
    pub fn open(self: &Arc<Self>, slot: u32) -> Arc<Handle> {
        let room = Room::of_process(&self.memory);
        Arc::new(Handle { scene: Arc::clone(self), room, me: Session::of(slot) })
    }

    /// Refuses posts, or not any more.
    pub fn refuse_posts(&self, refuses: bool) {
        self.members.refuse_posts(refuses);
    }

    /// 10 milliseconds are over.
    pub fn pass_time(&self) {
        time::pass();
    }
}

impl Handle {
    /// Makes one more thing, and notifies a waiter.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn make(&self) {
        // SYNC: as the real things: the change comes before the look at the flag.
        self.scene.things.fetch_add(1, SeqCst);
        fence(SeqCst);
        if self.scene.flag.is_up() {
            self.room.notify(&self.scene.flag, &self.scene.members).expect("no post is refused");
        }
    }

    fn check(&self) -> Result<Checked<()>> {
        let taken = self.scene.things.fetch_update(SeqCst, Relaxed, |things| things.checked_sub(1));
        Ok(if taken.is_ok() { Checked::Found(()) } else { Checked::Sleep(Deadline::NEVER) })
    }

    fn party(&self) -> Party<'_, Self> {
        Party { members: &self.scene.members, repair: self, me: self.me }
    }

    fn gate(&self) -> ThingGate<'_> {
        ThingGate(self)
    }

    /// Takes a thing, in a future.
    ///
    /// # Errors
    ///
    /// None in a model.
    pub async fn take_async(&self) -> Result<(), Failure> {
        let station = |held: &HeldTicket| Waiter::of_task(&self.room, self.gate(), self.me, 0, held);
        wait_async(self.party(), station, |_| self.check()).await
    }

    /// Takes a thing, in a thread.
    ///
    /// # Panics
    ///
    /// As [`make`](Self::make).
    pub fn take(&self) {
        let waiter = Waiter::new(&self.room, self.gate(), self.me, 0);
        let taken = wait(self.party(), &waiter, Deadline::NEVER, |_| self.check());
        taken.expect("nothing is damaged").expect("it waits as long as it takes");
    }

    /// Takes a thing in a future that is polled whenever it is woken.
    ///
    /// # Panics
    ///
    /// As [`make`](Self::make).
    pub fn block_on_take(&self) {
        block_on(self.take_async()).expect("nothing is damaged");
    }

    /// The last future and the last thread have left, and the handle is dropped: ends the clerk.
    pub fn close(&self) {
        self.room.end_clerk(self.me.slot(), &self.scene.members);
    }
}

/// Polls a future whenever it is woken.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let (mut future, waker) = (pin!(future), Arc::new(Unpark(thread::current())).into());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// Wakes a thread that polls.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A future that takes a thing.
pub type Take<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// Polls so often, woken or not, and returns the future as it is then.
///
/// # Panics
///
/// If the real code fails, which is what the models are to find.
pub fn poll(handle: &Handle, times: usize) -> (Take<'_>, bool) {
    let mut future: Take<'_> = Box::pin(handle.take_async());
    for _ in 0..times {
        if let Poll::Ready(taken) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            taken.expect("nothing is damaged");
            return (future, true);
        }
    }
    (future, false)
}

struct ThingGate<'a>(&'a Handle);

impl Gate for ThingGate<'_> {
    fn open(&self, _: u64) -> Deadline {
        self.0.scene.flag.raise();
        fence(SeqCst);
        Deadline::NEVER
    }

    fn pass_on_used(&self, members: &Members) -> Result<()> {
        self.pass_on_unused(members)
    }

    fn pass_on_unused(&self, members: &Members) -> Result<()> {
        match self.0.scene.rules {
            Rules::LeaverKeeps => Ok(()),
            Rules::All | Rules::ClerkKeeps => self.0.room.call_oldest(members).map(drop),
        }
    }
}

impl TaskGate for ThingGate<'_> {
    fn pass_on(&self) -> PassOn {
        let (room, rules) = (self.0.room.view(), self.0.scene.rules);
        Box::new(move |_, members| match rules {
            Rules::ClerkKeeps => Ok(()),
            Rules::All | Rules::LeaverKeeps => room.call_oldest(members).map(drop),
        })
    }

    fn nearness(&self) -> IsBeside {
        let stays = self.0.scene.clerks_stay;
        Box::new(move || stays)
    }
}

impl Repair for Handle {
    fn repair(&self, slot: u32, _: bool, _: &Members) -> Result<()> {
        self.room.repair(slot);
        Ok(())
    }
}
