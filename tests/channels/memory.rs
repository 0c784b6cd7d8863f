//! The memory of a channel, as a process that breaks the rules sees it. The offsets are those of `store/geometry.rs`.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use support::{
    LONG,
    letters::{Ask, Blob, Number, blob},
};
use sysv_ipc::{Segment, SharedMemory};
use sysv_primitives::{Channel, Delivery, Message, Options};

const ALIGNED: usize = 128;
const HEADER: usize = 512;
const SLOT: usize = 16;
const CONTROL: usize = 1024;
const ENTRY: usize = 32;
const ROOM: usize = ALIGNED + (HANDLES * ENTRY).next_multiple_of(ALIGNED);
const LANE: usize = 256;
const CELL: usize = 256;
const BLOCK: usize = 1024;
const SHARED_LANES: usize = 8;
const CALLS: usize = 16;
const CONTROLS: usize = 16;
/// How many messages of a class may be set aside.
pub(crate) const ASIDE: usize = 16;
const CAUSES: usize = 8;

/// The sizes of the channels here. They are small: a sweep of everything takes little time.
pub(crate) const MESSAGES: usize = 8;
pub(crate) const HANDLES: usize = 4;
pub(crate) const ROUTES: usize = 4;
pub(crate) const MAX_SIZE: usize = 10_000;

/// How many places a lane has.
pub(crate) const SPAN: usize = 1024;
pub(crate) const LANES: usize = ROUTES + SHARED_LANES;
/// Of messages, calls, and control messages.
pub(crate) const CELLS: usize = MESSAGES + ASIDE + CALLS + ASIDE + CONTROLS + ASIDE;
/// The first cell of a call.
pub(crate) const FIRST_CALL: usize = MESSAGES + ASIDE;
/// Two of the largest message, and one for responses, but 16 at least.
pub(crate) const BLOCKS: usize = 2 * MAX_SIZE.div_ceil(BLOCK) + 16;
/// The words of taken bits, one for each class.
pub(crate) const TAKEN: usize = 3;

pub(crate) fn options() -> Options<Channel> {
    let max = (u32::try_from(MESSAGES).unwrap(), u32::try_from(ROUTES).unwrap(), u32::try_from(HANDLES).unwrap());
    Channel::options().capacity(max.0).max_routes(max.1).max_handles(max.2).max_message_size(MAX_SIZE)
}

/// The words of `Control`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    Closed = 0,
    Wide = 4,
    Space = 8,
    Unbalanced = 12,
    Dirty = 16,
    UsedLanes = 24,
    Touched = 32,
    Earliest = 40,
    Latest = 128,
    LastProcessor = 256,
    BlockLock = 384,
    Routes = 512,
}

/// The fields of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    SentAt = 8,
    Due = 16,
    ClaimedAt = 24,
    AnswerLen = 32,
    AnswerBlock = 36,
    Route = 40,
    Len = 44,
    Codec = 48,
    Schema = 52,
    FirstBlock = 56,
    Wishes = 60,
    Inline = 64,
}

/// Where the parts lie.
struct Plan {
    control: usize,
    rooms: Range<usize>,
    lanes: usize,
    taken: usize,
    returned: usize,
    places: usize,
    cells: usize,
    causes: usize,
    owners: usize,
    next: usize,
    bytes: usize,
}

impl Plan {
    fn new() -> Self {
        let mut end = (HEADER + HANDLES * SLOT).next_multiple_of(ALIGNED);
        let mut part = |bytes: usize| {
            let at = end;
            end += bytes.next_multiple_of(ALIGNED);
            at
        };
        let control = part(CONTROL);
        let _serves = part(HANDLES * 8);
        let _arrivals = part(LANES * 8);
        let _attachments = part(LANES * HANDLES * 8);
        let rooms = part(4 * ROOM);
        Self {
            control,
            rooms: rooms..rooms + 4 * ROOM,
            lanes: part(LANES * LANE),
            taken: part(TAKEN * ALIGNED),
            returned: part(CELLS.div_ceil(64) * 8),
            places: part(LANES * SPAN * 8),
            cells: part(CELLS * CELL),
            causes: part(CELLS * CAUSES * 8),
            owners: part(BLOCKS * 8),
            next: part(BLOCKS * 4),
            bytes: part(BLOCKS * BLOCK),
        }
    }
}

/// The attached segment of a channel, which any process with the permission can write to.
#[derive(Clone)]
pub(crate) struct Raw {
    memory: Arc<SharedMemory>,
    plan: Arc<Plan>,
}

impl Raw {
    pub(crate) fn of(channel: &Channel) -> Self {
        let segment = channel.status().unwrap().segment;
        let memory = Arc::new(Segment::from_id(segment).unwrap().attach().unwrap());
        Self { memory, plan: Arc::new(Plan::new()) }
    }

    fn long(&self, at: usize) -> &AtomicU64 {
        self.memory.view(at).unwrap()
    }

    fn short(&self, at: usize) -> &AtomicU32 {
        self.memory.view(at).unwrap()
    }

    pub(crate) fn control(&self, word: Word) -> &AtomicU64 {
        self.long(self.plan.control + word as usize)
    }

    pub(crate) fn control_short(&self, word: Word, index: usize) -> &AtomicU32 {
        self.short(self.plan.control + word as usize + 4 * index)
    }

    pub(crate) fn tail(&self, lane: usize) -> &AtomicU64 {
        self.long(self.plan.lanes + LANE * lane)
    }

    pub(crate) fn flag(&self, lane: usize) -> &AtomicU32 {
        self.short(self.plan.lanes + LANE * lane + 8)
    }

    pub(crate) fn head(&self, lane: usize) -> &AtomicU64 {
        self.long(self.plan.lanes + LANE * lane + 128)
    }

    pub(crate) fn taken(&self, word: usize) -> &AtomicU64 {
        self.long(self.plan.taken + ALIGNED * word)
    }

    pub(crate) fn returned(&self) -> &AtomicU64 {
        self.long(self.plan.returned)
    }

    pub(crate) fn places(&self, lane: usize) -> &[AtomicU64] {
        self.memory.slice(self.plan.places + 8 * SPAN * lane, SPAN).unwrap()
    }

    pub(crate) fn word(&self, cell: usize) -> &AtomicU64 {
        self.long(self.plan.cells + CELL * cell)
    }

    pub(crate) fn sent_at(&self, cell: usize) -> &AtomicU64 {
        self.long(self.plan.cells + CELL * cell + Field::SentAt as usize)
    }

    pub(crate) fn field(&self, cell: usize, field: Field) -> &AtomicU32 {
        self.short(self.plan.cells + CELL * cell + field as usize)
    }

    pub(crate) fn long_field(&self, cell: usize, field: Field) -> &AtomicU64 {
        self.long(self.plan.cells + CELL * cell + field as usize)
    }

    /// Returns the words that say how the attempts ended: so many for each cell.
    pub(crate) fn causes(&self) -> &[AtomicU64] {
        self.memory.slice(self.plan.causes, CELLS * CAUSES).unwrap()
    }

    pub(crate) fn owners(&self) -> &[AtomicU64] {
        self.memory.slice(self.plan.owners, BLOCKS).unwrap()
    }

    pub(crate) fn next(&self) -> &[AtomicU32] {
        self.memory.slice(self.plan.next, BLOCKS).unwrap()
    }

    pub(crate) fn rooms(&self) -> &[AtomicU64] {
        let Range { start, end } = self.plan.rooms;
        self.memory.slice(start, (end - start) / 8).unwrap()
    }

    /// Returns the word by which the member of a slot is announced in a room.
    pub(crate) fn entry(&self, room: usize, slot: usize) -> &AtomicU64 {
        self.long(self.plan.rooms.start + room * ROOM + ALIGNED + slot * ENTRY)
    }

    /// Returns whether these bytes stand there.
    fn has(&self, at: usize, bytes: &[u8]) -> bool {
        bytes
            .chunks_exact(8)
            .enumerate()
            .all(|(index, bytes)| self.long(at + 8 * index).load(SeqCst).to_ne_bytes() == bytes)
    }
}

/// The word of a cell. See `store/word.rs`.
pub(crate) fn cell_word(state: u64, owner: u64, caller: u64, generation: u64) -> u64 {
    generation << 38 | caller << 17 | owner << 4 | state
}

/// The word of a place without a hint.
pub(crate) fn empty(lap: u32) -> u64 {
    u64::from(lap) << 32
}

/// The word of a place with a hint to a cell.
pub(crate) fn hint(lap: u32, cell: u64, generation: u64) -> u64 {
    empty(lap) | ((cell + 1) & 0xffff) << 16 | generation & 0xffff
}

/// Returns the lane of a route that has one of its own, or the first one.
pub(crate) fn lane_of(raw: &Raw, route: u32) -> usize {
    (0..ROUTES).find(|&lane| raw.control_short(Word::Routes, lane).load(SeqCst) == route).unwrap_or(0)
}

/// What the offsets point at is what they are for. A change of the layout is noticed here.
#[test]
fn the_plan_is_that_of_the_channel() {
    let name = support::name();
    let channel = options().create(&name).unwrap();
    let raw = Raw::of(&channel);
    channel.send(&blob(1, 3_000)).unwrap();
    channel.send_raw(Number::ROUTE, b"12345678abcdefgh").unwrap();
    channel.close().unwrap();
    let Plan { cells, bytes, .. } = *raw.plan;
    assert!(raw.has(cells + CELL + Field::Inline as usize, b"12345678abcdefgh"));
    // The seed and the length come before the bytes of a blob, eight bytes each.
    let long = &blob(1, 3_000).bytes;
    assert!(raw.has(bytes + 16, &long[..1008]) && raw.has(bytes + BLOCK, &long[1008..2032]), "the blocks");
    let lanes = [Blob::ROUTE, Number::ROUTE].map(|route| lane_of(&raw, route.to_string().parse().unwrap()));
    for (cell, lane) in lanes.into_iter().enumerate() {
        assert_eq!(raw.word(cell).load(SeqCst), cell_word(2, 1, 0, 1));
        assert_eq!(raw.places(lane)[0].load(SeqCst), hint(0, cell as u64, 1));
        assert_eq!((raw.tail(lane).load(SeqCst), raw.head(lane).load(SeqCst)), (1, 0));
    }
    assert_eq!((raw.field(1, Field::Len).load(SeqCst), raw.field(1, Field::FirstBlock).load(SeqCst)), (16, 0));
    assert_eq!(raw.field(0, Field::FirstBlock).load(SeqCst), 1);
    assert!(
        raw.owners()[..3].iter().all(|owner| owner.load(SeqCst) == 1 << 17 | 1) && raw.owners()[3].load(SeqCst) == 0
    );
    assert_eq!(raw.next()[..3].iter().map(|next| next.load(SeqCst)).collect::<Vec<_>>(), [2, 3, 0]);
    assert_eq!(raw.control_short(Word::Closed, 0).load(SeqCst), 1);
    assert_eq!(raw.control(Word::UsedLanes).load(SeqCst).count_ones(), 2);
    assert!(raw.control(Word::Latest).load(SeqCst) == raw.sent_at(1).load(SeqCst));
    assert_eq!(raw.memory.len(), channel_size(&raw), "the end");
}

/// As above, for limits, delays, and responses that are written apart.
#[test]
fn the_plan_has_the_fields_of_attempts() {
    let name = support::name();
    let channel = options().create(&name).unwrap();
    let raw = Raw::of(&channel);
    let delivery = Delivery::new().attempts(7).delay(Duration::from_micros(1));
    channel.send_with(&Number(1), delivery).unwrap();
    assert_eq!(raw.word(0).load(SeqCst), cell_word(9, 1, 0, 1), "DELAYED");
    let due = raw.long_field(0, Field::Due).load(SeqCst);
    assert_eq!(raw.control(Word::Earliest).load(SeqCst) >> 16, due.div_ceil(1 << 10));
    assert_eq!(raw.field(0, Field::Wishes).load(SeqCst), 7 << 16 | 7);
    let claimed = channel.claim_timeout::<Number>(LONG).unwrap();
    assert_eq!(raw.control(Word::Earliest).load(SeqCst) >> 16, 0);
    assert_eq!(raw.word(0).load(SeqCst), cell_word(6, 1, 0, 1), "CLAIMED");
    let since = raw.long_field(0, Field::ClaimedAt).load(SeqCst);
    assert_eq!((since >> 40, since & 0xffff), (due >> 40, 1 << 8), "its time, and the life");
    claimed.requeue().unwrap();
    let requeued = 2 << 40 | u64::from(std::process::id());
    assert_eq!(raw.causes()[0].load(SeqCst), 1 << 52 | requeued);
    channel.send_with(&Number(2), Delivery::new().attempts(1)).unwrap();
    channel.recv::<Number>().unwrap();
    drop(channel.claim::<Number>().unwrap());
    assert_eq!(raw.word(1).load(SeqCst), cell_word(7, 0, 0, 1) | 1 << 30, "ASIDE");
    assert_eq!(raw.word(MESSAGES).load(SeqCst), 0, "it was SPARE");
    assert_eq!(raw.word(MESSAGES + 1).load(SeqCst), 8, "SPARE");
    assert_eq!(raw.control_short(Word::Unbalanced, 0).load(SeqCst), 4, "raised, and lowered");
    let pending = channel.request_with(&Ask { number: 1, len: 10 }, Delivery::new().attempts(2)).unwrap();
    channel.claim::<Ask>().unwrap().respond(&blob(1, 3_000)).unwrap();
    assert_eq!(raw.field(FIRST_CALL, Field::AnswerLen).load(SeqCst), 3_016);
    assert_eq!(raw.field(FIRST_CALL, Field::AnswerBlock).load(SeqCst), 1);
    drop(pending);
}

fn channel_size(raw: &Raw) -> usize {
    raw.plan.bytes + BLOCKS * BLOCK
}
