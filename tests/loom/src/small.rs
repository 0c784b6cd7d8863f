//! The real words of the small primitives, in the hands of modelled processes.

use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::{
    atomics::thoroughly,
    barrier::{
        state::{Arrived, BarrierState},
        word::{Outcome, Word},
    },
    kernel::{Deadline, Members, SLOTS, Session},
    layout::Mapped,
    limiter_state::{Rate, RateState},
    once_state::{Found, OnceState, Wish},
    scene::room,
    set_layout::SlotBells,
    sync::{AtomicU32, AtomicU64, Ordering},
    waiting::{Party, room::Room},
};

/// The real word of a value that is set once, and a cell for the value: loom sees a reader beside a writer.
#[derive(Debug)]
pub struct OnceScene {
    /// The kernel.
    pub members: Arc<Members>,
    state: OnceState,
    value: UnsafeCell<[u32; 2]>,
}

#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cell reports every access at the same time.
unsafe impl Sync for OnceScene {}

impl OnceScene {
    /// Makes an unset one.
    #[must_use]
    pub fn new(members: Arc<Members>) -> Arc<Self> {
        let state = OnceState { word: Mapped::new(AtomicU32::new(0)), room: room(0, 1) };
        Arc::new(Self { members, state, value: UnsafeCell::new([0; 2]) })
    }

    /// Makes an unset one of thorough words, for so many processes.
    #[must_use]
    pub fn thorough(processes: usize) -> Arc<Self> {
        thoroughly(processes, || Self::new(Members::new(processes)))
    }

    fn find(&self, me: Session, wish: Wish, deadline: Deadline) -> Option<Found> {
        let party = Party { members: &self.members, repair: &self.state, me };
        match self.state.find_now(party, wish).expect("nothing is damaged") {
            None if deadline == Deadline::NEVER => {
                self.state.wait_for(party, wish, deadline).expect("it is not damaged")
            }
            found => found,
        }
    }

    /// Begins to initialise, as `OnceLock::get_or_init` does. Returns `false` if the value is set.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn begin(&self, me: Session) -> bool {
        self.find(me, Wish::Initialise, Deadline::NEVER).expect("it waits as long as it takes") == Found::Mine
    }

    /// The same, from the wait on.
    ///
    /// # Panics
    ///
    /// As [`begin`](Self::begin).
    pub fn wait_to_begin(&self, me: Session) -> bool {
        let party = Party { members: &self.members, repair: &self.state, me };
        let found = self.state.wait_for(party, Wish::Initialise, Deadline::NEVER).expect("it is not damaged");
        found.expect("it waits as long as it takes") == Found::Mine
    }

    /// The same, if no living process initialises.
    pub fn try_begin(&self, me: Session) -> Option<bool> {
        self.find(me, Wish::Initialise, Deadline::NOW).map(|found| found == Found::Mine)
    }

    /// Writes half of the value, as an initialiser does that dies.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn write_half(&self, me: Session) {
        self.value.with_mut(|value| {
            // SAFETY: loom reports another user.
            unsafe { (*value)[0] = me.owner() };
        });
    }

    /// Writes the value, and sets it.
    ///
    /// # Panics
    ///
    /// As [`begin`](Self::begin).
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn set(&self, me: Session) {
        self.value.with_mut(|value| {
            // SAFETY: loom reports another user.
            unsafe { *value = [me.owner(); 2] };
        });
        self.state.finish(me, &self.members).expect("it is the initialiser");
    }

    /// Fails to initialise.
    pub fn give_up(&self, me: Session) {
        self.state.cancel(me, &self.members);
    }

    /// Waits for the value, as `OnceLock::wait` does.
    ///
    /// # Panics
    ///
    /// As [`begin`](Self::begin), and if the value is not whole.
    pub fn wait(&self, me: Session) {
        self.find(me, Wish::See, Deadline::NEVER).expect("it waits as long as it takes");
        self.state.call_waiters(&self.members);
        self.read();
    }

    /// Reads the value, if it is set.
    pub fn get(&self) -> bool {
        if self.state.is_finished() {
            self.read();
            return true;
        }
        let is_set = self.state.is_set();
        if is_set {
            self.state.call_waiters(&self.members);
            self.read();
        }
        is_set
    }

    /// Reads the value, which is set.
    ///
    /// # Panics
    ///
    /// If it is not whole.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn read(&self) {
        // SAFETY: loom reports a writer.
        let [first, second] = self.value.with(|value| unsafe { *value });
        assert!(first != 0 && first == second, "half a value");
    }
}

/// The real word of a limiter. Time stands still, so no permit comes back.
#[derive(Debug)]
pub struct RateScene {
    state: RateState,
}

impl RateScene {
    /// Makes a limiter of so many permits.
    ///
    /// # Panics
    ///
    /// If that is no rate.
    #[must_use]
    pub fn new(permits: u32) -> Arc<Self> {
        let rate = Rate::new(permits, 1000, permits).expect("it is a rate");
        Arc::new(Self { state: RateState { word: Mapped::new(AtomicU64::new(0)), rate } })
    }

    /// Takes permits. Returns whether they were available.
    pub fn try_take(&self, permits: u32) -> bool {
        self.state.try_take(permits).is_ok()
    }
}

/// The real words of a barrier.
#[derive(Debug)]
pub struct BarrierScene {
    /// The kernel.
    pub members: Arc<Members>,
    /// Each process has a handle of its own.
    handles: Vec<BarrierState>,
    inside: UnsafeCell<u32>,
}

#[allow(unsafe_code, reason = "loom checks it")]
// SAFETY: loom's cell reports every access at the same time.
unsafe impl Sync for BarrierScene {}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// As the last one.
    Leader,
    /// As another one.
    Follower,
    /// The member of this slot died.
    Broken(u32),
}

impl BarrierScene {
    /// Makes a barrier for so many processes, each with a handle of its own.
    ///
    /// # Panics
    ///
    /// If there are more than slots.
    #[must_use]
    pub fn new(members: Arc<Members>, processes: u32) -> Arc<Self> {
        let memory = Arc::default();
        let at = |part: usize| 1000 * part;
        let handle = |slot: u32| {
            let mapped = "everything lies in this memory";
            let state = BarrierState {
                word: Mapped::at(&memory, at(1)).expect(mapped),
                names: Mapped::slice(&memory, at(2), 16).expect(mapped),
                here: Mapped::slice(&memory, at(3), SLOTS).expect(mapped),
                room: Room::at(&memory, at(4), 4, SlotBells { first: 0, stride: 1 }).expect(mapped),
                parties: processes,
                next: AtomicU32::new(0),
            };
            state.join(Session::of(slot));
            state
        };
        let handles = (0..processes).map(handle).collect();
        Arc::new(Self { members, handles, inside: UnsafeCell::new(0) })
    }

    /// Waits, as `Barrier::wait` does.
    ///
    /// # Panics
    ///
    /// If the real code fails, which is what the models are to find.
    pub fn wait(&self, me: Session) -> Passed {
        let state = &self.handles[me.slot()];
        let broken = |generation| Passed::Broken(state.breaker(generation).expect("it is named").slot);
        let party = Party { members: &self.members, repair: state, me };
        let generation = match state.arrive(true, party).expect("nothing is damaged") {
            Arrived::Last => return Passed::Leader,
            Arrived::Missed(generation) => return broken(generation),
            Arrived::In(generation) => generation,
            Arrived::TooFew => unreachable!("it waits"),
        };
        let outcome = state.wait_for(generation, party, Deadline::NEVER).expect("nothing is damaged");
        match outcome.expect("it waits as long as it takes") {
            Outcome::Complete => Passed::Follower,
            Outcome::Broken => broken(generation),
        }
    }

    /// Arrives, as a process that is stopped before it waits.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn arrive(&self, me: Session) {
        let state = &self.handles[me.slot()];
        let party = Party { members: &self.members, repair: state, me };
        let arrived = state.arrive(true, party).expect("nothing is damaged");
        assert!(matches!(arrived, Arrived::In(_)));
    }

    /// Returns how many generations have ended.
    pub fn ended(&self) -> u32 {
        Word(self.handles[0].word.load(Ordering::SeqCst)).generation()
    }

    /// Waits for no time. Returns whether it arrived as the last one.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_impatiently(&self, me: Session) -> bool {
        let state = &self.handles[me.slot()];
        let party = Party { members: &self.members, repair: state, me };
        let arrived = state.arrive(true, party).expect("nothing is damaged");
        let Arrived::In(generation) = arrived else { return true };
        state.wait_for(generation, party, Deadline::NOW).expect("nothing is damaged").is_some()
    }

    /// What one process at a time may use: the others are before the barrier, or behind it.
    #[allow(unsafe_code, reason = "loom checks it")]
    pub fn use_it(&self) {
        self.inside.with_mut(|inside| {
            // SAFETY: loom reports a second user.
            unsafe { *inside += 1 };
        });
    }
}
