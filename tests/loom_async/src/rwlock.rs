//! The real words of an rwlock, and its futures. A cell stands for the value: loom sees a writer beside any other user.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::cell::UnsafeCell;

use crate::{
    kernel::{Deadline, Members, SLOTS, Session},
    layout::{Mapped, SharedMemory},
    lock::Lock,
    scene::block_on,
    sync::AtomicU32,
    waiting::{Party, fence::Fence, room::Room},
};

#[path = "../../../primitives/src/rwlock/futures.rs"]
mod futures;
#[path = "../../../primitives/src/rwlock/state.rs"]
mod state;
#[path = "../../../primitives/src/rwlock/wait.rs"]
mod wait;
#[path = "../../../primitives/src/rwlock/wait_async.rs"]
mod wait_async;

use futures::WriteFutures;
use state::{Counter, RwState, WRITER_BELL};
use wait::Admission;

/// The value.
#[derive(Debug)]
struct Value(UnsafeCell<u32>);

// The cell is what the lock under test must guard.
#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cell reports every access at the same time.
unsafe impl Send for Value {}
#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: the same.
unsafe impl Sync for Value {}

/// What all processes have of it.
#[derive(Debug)]
pub struct RwScene {
    members: Arc<Members>,
    memory: Arc<SharedMemory>,
    value: Value,
}

/// What one process has of it. Its threads share it.
#[derive(Debug)]
pub struct RwHandle {
    scene: Arc<RwScene>,
    members: Members,
    state: RwState,
    writers: WriteFutures,
    me: Session,
}

impl RwScene {
    /// Makes a free lock, for so many processes.
    #[must_use]
    pub fn new(processes: usize) -> Arc<Self> {
        let (members, memory) = (Members::new(processes), Arc::default());
        Arc::new(Self { members, memory, value: Value(UnsafeCell::new(0)) })
    }

    /// Returns when so many threads sleep in the kernel.
    pub fn until_asleep(&self, number: u32) {
        self.members.until_asleep(number);
    }

    /// Returns the handle of a process.
    ///
    /// # Panics
    ///
    /// If something else lies where its words are.
    #[must_use]
    pub fn open(self: &Arc<Self>, slot: u32) -> Arc<RwHandle> {
        let (memory, mapped) = (&self.memory, "everything lies in this memory");
        // The doorbell 0 is the writer's that waits for the readers.
        let room = |at, first| Room::at_of_process(memory, at, first, 2);
        let word: Mapped<AtomicU32> = Mapped::at(memory, 0).expect(mapped);
        let state = RwState {
            lock: Lock::new(word, room(1, 1)),
            control: Mapped::at(memory, 3).expect(mapped),
            flag: Mapped::at(memory, 4).expect(mapped),
            readers: room(5, 2),
            reading: Mapped::slice(memory, 7, SLOTS).expect(mapped),
            fence: Fence,
        };
        let me = Session::of(slot);
        let members = self.members.of_process(me);
        Arc::new(RwHandle { scene: Arc::clone(self), members, state, writers: WriteFutures::default(), me })
    }
}

impl RwHandle {
    fn party(&self) -> Party<'_, RwState> {
        Party { members: &self.members, repair: &self.state, me: self.me }
    }

    /// Reads in a future, as `RwLock::read_async` does.
    async fn enter_async(&self) {
        if !self.state.count_and_check(self.me, Counter::Shared) {
            self.state.leave(self.me, Counter::Shared, &self.members);
            let taken = self.state.enter_async(self.party()).await.expect("nothing is damaged");
            assert!(!taken.poisoned, "no writer died");
        }
    }

    /// Reads in a future, looks at the value, and leaves.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub async fn read_async(&self) {
        self.enter_async().await;
        self.look();
        self.state.leave(self.me, Counter::Shared, &self.members);
    }

    /// Writes in a future, as `RwLock::write_async` does, changes the value, and leaves.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub async fn write_async(&self) {
        let admission = self.state.enter_to_write_async(self.party(), &self.writers).await;
        let Admission::Inside(taken) = admission.expect("nothing is damaged") else {
            panic!("it waits as long as it takes")
        };
        assert!(!taken.poisoned, "no writer died");
        self.change();
        self.state.leave_inside(self.me, &self.members, false);
    }

    /// Reads, looks at the value, and leaves, in a thread.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn read(&self) {
        self.begin_to_read();
        self.end_reading();
    }

    /// Reads, in a thread.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn begin_to_read(&self) {
        if !self.state.count_and_check(self.me, Counter::Shared) {
            self.state.leave(self.me, Counter::Shared, &self.members);
            let entered = self.state.enter_contended(self.party(), Counter::Shared, Deadline::NEVER);
            let taken = entered.expect("nothing is damaged").expect("it waits as long as it takes");
            assert!(!taken.poisoned, "no writer died");
        }
    }

    /// Looks at the value, and leaves.
    pub fn end_reading(&self) {
        self.look();
        self.state.leave(self.me, Counter::Shared, &self.members);
    }

    /// Writes, in a thread.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn begin_to_write(&self) {
        let admission = self.state.enter_to_write(self.party(), Deadline::NEVER).expect("nothing is damaged");
        let Admission::Inside(taken) = admission else { panic!("it waits as long as it takes") };
        assert!(!taken.poisoned, "no writer died");
    }

    /// Changes the value, and leaves.
    pub fn end_writing(&self) {
        self.change();
        self.state.leave_inside(self.me, &self.members, false);
    }

    /// Writes, changes the value, and leaves, in a thread.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    pub fn write(&self) {
        self.begin_to_write();
        self.end_writing();
    }

    /// The last future has left, and the handle is dropped: ends the clerks.
    pub fn close(&self) {
        self.state.lock.room.end_clerk(self.me.slot(), &self.members);
        self.state.readers.end_clerk(self.me.slot(), &self.members);
        self.writers.desk.dismiss_clerk(WRITER_BELL, &self.members);
    }

    #[allow(unsafe_code, reason = "loom checks it")]
    fn look(&self) {
        self.scene.value.0.with(|value| {
            // SAFETY: loom reports a writer.
            let _ = unsafe { *value };
        });
    }

    #[allow(unsafe_code, reason = "loom checks it")]
    fn change(&self) {
        self.scene.value.0.with_mut(|value| {
            // SAFETY: loom reports another user.
            unsafe { *value += 1 };
        });
    }
}

/// A future of a handle.
pub type Waits<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Makes the future of a reader.
#[must_use]
pub fn reads(handle: &RwHandle) -> Waits<'_> {
    Box::pin(handle.read_async())
}

/// Makes the future of a writer.
#[must_use]
pub fn writes(handle: &RwHandle) -> Waits<'_> {
    Box::pin(handle.write_async())
}

/// Polls a future whenever it is woken, up to its end.
pub fn finish(future: Waits<'_>) {
    block_on(future);
}

/// Polls so often, woken or not. Returns the future, unless it is ready.
pub fn poll(mut future: Waits<'_>, times: usize) -> Option<Waits<'_>> {
    for _ in 0..times {
        if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return None;
        }
    }
    Some(future)
}
