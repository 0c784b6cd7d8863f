//! The store: messages in shared memory.
//!
//! A message is a cell, and the cell's word is the whole truth about it. Lanes hold hints to cells and own nothing. So neither
//! a dead process nor one that is stopped, throttled or starved can harm a lane.
//!
//! | word of a cell | meaning | next | changed by |
//! | --- | --- | --- | --- |
//! | FREE(g) | no message | FILLING(s, g+1) | a sender, by compare-and-swap |
//! | FILLING(s) | s writes a message | READY(s), READY(s, c = s) for a request, or FREE | s |
//! | READY(s, c) | complete | HELD(r, c) | a receiver, by compare-and-swap |
//! | READY(c, c) | a request | FILLING(c), to be freed | the caller, by compare-and-swap |
//! | HELD(r, 0) | r reads it | FREE | r |
//! | HELD(r, c) | r works on a request | ANSWERED(c), LOST(c), or HELD(r, 0) | r, or the caller that cancels: both by compare-and-swap |
//! | CLAIMED(r, c) | r works on it, and it comes back | see `claim` | r, c |
//! | DELAYED(s, c) | it can be received later | see `delays` | any receiver |
//! | ASIDE(0, c), SPARE | it was claimed too often, or a cell is kept for such a message | see `aside` | the holder of a lock |
//! | ANSWERED(c), LOST(c) | a response, or there will be none | FREE | c |
//! | each that names a dead slot | | see the last table | a helper of the slot, by compare-and-swap |
//!
//! - **ST1** FILLING and HELD belong to their owner (R-own), and READY to the first process that changes it. Fields and bytes are
//!   written by the owner before the transition that makes them count.
//! - **ST2** Send: FREE → FILLING, write, → READY, push a hint, call one waiter with a fitting interest. A READY cell
//!   can be taken whatever its sender does.
//! - **ST3** Push: the entry at `tail` goes from EMPTY(lap) to HINT in one compare-and-swap, and any process helps `tail` on. So
//!   there is no half-written entry. A pusher that meets a hint of an older lap marks its message as returned, if it can
//!   still be taken, and empties the entry. So a message that waits for a receiver blocks no lane.
//! - **ST4** Receive: check the returned messages, and from `head` on for the first message that fits. Take the *cell*.
//!   Then the entry is emptied, by any process that finds a hint to a message that is taken. So taking from the middle
//!   of a lane is ordinary.
//! - **ST5** A READY cell has a hint in its lane, or its `returned` bit is set, or its sender is about to push. The holder
//!   clears the bit before it frees the cell. A reaper never clears it. It sets it for a message that was claimed before also if
//!   there is a hint: a receiver may have met that meanwhile, and be about to empty its entry. A second hint is harmless: one
//!   process takes the cell.
//! - **ST6** Several lanes are searched until the same message is found first twice, and so are a lane and the returned
//!   messages. So two messages of one sender are not received in the wrong order. See `clock` for why the first message
//!   of each lane is enough. A lane is marked as used before anything is pushed to it. So if one lane was used of those that
//!   fit, and none has been used since, it is enough to search that one once.
//! - **ST7** (R-sleep, R-wake) A receiver announces itself, raises a flag, fences, and checks. A sender pushes, and
//!   then checks the flags. A call names the message. A waiter that was called, and leaves while that message can be
//!   taken, calls the next one.
//! - **ST8** Blocks are taken behind a lock that is held for a moment, and never kept while sleeping. See `blocks`.
//! - **ST9** Each number from shared memory is checked against the handle's own geometry before it is used. Each loop
//!   over shared memory has a bound.
//!
//! | a process dies, or is stopped | what is left by a dead one | what a stopped one holds up |
//! | --- | --- | --- |
//! | FILLING | a cell that names it: its reaper frees it, the message never was | one cell |
//! | READY, before its hint is pushed | a complete message: its reaper marks it as returned | that message |
//! | after its hint is pushed, before it called | a message that any receiver finds. Waiters are woken by the obituary | that message, for waiters that sleep |
//! | between an entry and its index | an index that lags: the next process there helps it on | nothing |
//! | HELD by `recv` | a cell that names it: freed, the message is lost with its receiver | that message, and one cell |
//! | HELD, a request | LOST: the caller is called at once | that call |
//! | a caller | a request without a caller is freed. A response goes nowhere | its cell |
//! | woken, before it checks | the message can be taken. Waiters are woken by the obituary | that message, for waiters that sleep |
//! | asleep | its entry in a room | nothing: another fitting waiter is called (RM6) |
//! | in the lock of the blocks | the lock is taken over, and blocks are given back | long messages and long responses, for as long as it is stopped |
//!
//! The models `store`, `named` and `blocks` of `tests/models` explore this, and show what each rule is needed for.
//!
//! Locked instructions of a short message: FILLING, the stamp, the entry and `tail` by the sender; HELD, the entry, `head` and FREE by
//! the receiver. That is 8.

mod aside;
#[cfg(feature = "async")]
mod asynchronous;
mod blocks;
mod call;
mod causes;
pub(crate) mod cell;
mod claim;
mod clock;
mod control;
mod delays;
mod depth;
mod earliest;
mod ends;
mod free;
pub(crate) mod geometry;
mod lane;
mod lane_words;
mod notify;
mod part;
mod receive;
mod release;
mod repair;
mod respond;
mod returned;
mod select;
mod send;
mod space;
mod view;
mod wishes;
mod word;

use std::sync::atomic::AtomicU64 as Private;

pub(crate) use crate::sizes::INLINE;

#[cfg(feature = "async")]
pub(crate) use self::asynchronous::Passes;
#[cfg(all(feature = "async", feature = "redis"))]
pub(crate) use self::ends::is_stopped;
pub(crate) use self::{
    aside::Copied,
    blocks::Run,
    call::{Outcome, Progress, Ticket},
    causes::{CauseNumber, DIED, Ending},
    cell::Cell,
    claim::{ClaimSeen, Return},
    control::{Control, WIDE},
    ends::{Until, Wants},
    geometry::{Class, Geometry, Plan},
    receive::Received,
    select::Selection,
    send::About,
    view::{ROOM_NUMBERS, RoomNumbers},
    wishes::Wishes,
    word::{CellState, CellWord},
};
use self::{
    blocks::{Blocks, Name},
    cell::Cells,
    control::Own,
    lane_words::LaneWords,
    part::Part,
};
use crate::{
    Failure, Role,
    attendance::{Arrivals, Attachment},
    layout::Mapped,
    sync::AtomicU64,
    waiting::{batching::BatchingDelay, room::Room, spin::Spin},
};

/// Messages in shared memory, as one handle knows them.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) geometry: Geometry,
    control: Mapped<Control>,
    /// Which lanes the member of a slot has received requests from.
    serves: Mapped<[AtomicU64]>,
    arrivals: Mapped<[Arrivals]>,
    /// By lane, and then by slot.
    attachments: Mapped<[Attachment]>,
    receive: Room,
    space: Room,
    response: Room,
    lanes: Mapped<[LaneWords]>,
    taken: Mapped<[Own<AtomicU64>]>,
    returned: Mapped<[AtomicU64]>,
    entries: Mapped<[AtomicU64]>,
    cells: Cells,
    /// How attempts ended, a few words for each cell.
    causes: Mapped<[AtomicU64]>,
    /// Where the cells of each class are.
    parts: [Part; 3],
    blocks: Blocks,
    /// How many entries a lane has.
    span: usize,
    /// How many cells a group has, as a power of two: there are 64 groups at most.
    group_shift: u32,
    patience: Patience,
    /// How often there was nothing for a process that did not wait.
    vain: Private,
}

/// What this handle has learnt of how long to check before it sleeps, and how long to let messages gather, for each thing that it
/// waits for.
#[derive(Debug)]
struct Patience {
    message: (BatchingDelay, Spin),
    cell: (BatchingDelay, Spin),
    response: Spin,
}

impl Patience {
    const fn new() -> Self {
        Self {
            message: (BatchingDelay::with_probes(Role::Consumer), Spin::with_probes()),
            cell: (BatchingDelay::with_probes(Role::Producer), Spin::with_probes()),
            response: Spin::with_probes(),
        }
    }
}

/// A cell that this process owns: HELD, or ANSWERED to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    cell: usize,
    word: CellWord,
}

/// Why an operation on a store failed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There was nothing, or no room, until the timeout elapsed.
    Busy,
    Closed,
    /// Every sender has left or died, and the receiver detects that.
    Disconnected,
    /// Receiving was stopped on this handle, or the sender is to wait for room no more.
    Stopped,
    /// No message can be so long.
    TooLong,
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Store {
    /// Returns the cell that this process holds.
    fn held(&self, held: Held) -> &Cell {
        &self.cells[held.cell]
    }

    fn name(held: Held) -> Name {
        Name::of(held.cell, held.word)
    }
}
