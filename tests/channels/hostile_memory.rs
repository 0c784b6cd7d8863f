//! Aimed writes into the memory of a channel. Each operation ends in time, with a value or an error.

use std::{ops::Range, sync::atomic::Ordering::SeqCst};

use super::{
    attack::{ANSWERED, Case, HELD, LONG, NUMBER, REQUEST, attack, attack_while_used, case},
    memory::{BLOCKS, CELLS, Field, LANES, MAX_SIZE, ROUTES, Raw, TAKEN, Word, cell_word, empty, hint, lane_of},
};

/// No member, the handles of the scene, a slot without a member, and slots that are none.
pub(crate) const PAIRS: [(u64, u64); 10] =
    [(0, 0), (2, 0), (3, 3), (2, 3), (4, 4), (5, 5), (8_191, 8_191), (0, 8_191), (2, 4), (4, 3)];

fn words(cell: usize) -> Vec<Case> {
    let states = [0, 1, 2, 3, 4, 5, 6, 15];
    let mut cases = Vec::new();
    for state in states {
        for (owner, caller) in PAIRS {
            let name = format!("cell {cell} in state {state} of {owner}, caller {caller}");
            cases.push(case(name, move |raw| {
                let generation = raw.word(cell).load(SeqCst) >> 38;
                raw.word(cell).store(cell_word(state, owner, caller, generation), SeqCst);
            }));
        }
        let name = format!("cell {cell} in state {state} of its next life");
        cases.push(case(name, move |raw| {
            let generation = (raw.word(cell).load(SeqCst) >> 38) + 1;
            raw.word(cell).store(cell_word(state, 3, 0, generation), SeqCst);
        }));
    }
    cases
}

fn words_of_messages() -> Vec<Case> {
    [NUMBER, LONG].into_iter().flat_map(words).collect()
}

fn words_of_calls() -> Vec<Case> {
    [ANSWERED, HELD, REQUEST].into_iter().flat_map(words).collect()
}

fn fields_of_cells() -> Vec<Case> {
    const HUGE: u32 = u32::MAX;
    let (size, blocks) = (u32::try_from(MAX_SIZE).unwrap(), u32::try_from(BLOCKS).unwrap());
    let values: [(Field, &[u32]); 5] = [
        (Field::Route, &[0, 1, 5, 77, 1 << 31, HUGE]),
        (Field::Len, &[0, 192, 193, 3_072, size, size + 1, 1 << 20, 1 << 31, HUGE]),
        (Field::FirstBlock, &[0, 1, 2, 4, blocks, blocks + 1, HUGE]),
        (Field::Codec, &[0, 99, HUGE]),
        (Field::Schema, &[1, HUGE]),
    ];
    let mut cases = Vec::new();
    for cell in [NUMBER, LONG, ANSWERED, HELD, REQUEST] {
        for (field, values) in values {
            for &value in values {
                let name = format!("{field:?} {value} in cell {cell}");
                cases.push(case(name, move |raw| raw.field(cell, field).store(value, SeqCst)));
            }
        }
        for value in [0, u64::MAX] {
            cases.push(case(format!("cell {cell} sent at {value}"), move |raw| raw.sent_at(cell).store(value, SeqCst)));
        }
        cases.push(case(format!("a length without blocks in cell {cell}"), move |raw| {
            raw.field(cell, Field::Len).store(size, SeqCst);
            raw.field(cell, Field::FirstBlock).store(1, SeqCst);
        }));
    }
    cases
}

/// Writes to the places of a lane that has two messages, from a position on.
fn places(range: &Range<usize>, name: &str, word: impl Fn(u32) -> u64 + Copy + 'static) -> Vec<Case> {
    let laps = [0, 1, 2, 1 << 31, (1_u32 << 31) - 1, u32::MAX, u32::MAX - 1];
    let one = |lap: u32| {
        let range = range.clone();
        case(format!("{name} of lap {lap} in places {range:?}"), move |raw| {
            let lane = lane_of(raw, 2);
            raw.places(lane)[range.clone()].iter().for_each(|place| place.store(word(lap), SeqCst));
        })
    };
    laps.into_iter().map(one).collect()
}

fn places_of_a_lane() -> Vec<Case> {
    let cells = u64::try_from(CELLS).unwrap();
    let ranges = [0..1, 1..2, 2..3, 0..3, 0..1024, 1..1024];
    let cases = ranges.into_iter().flat_map(|range| {
        [
            places(&range, "no hint", empty),
            places(&range, "a hint to the message", |lap| hint(lap, 0, 1)),
            places(&range, "a hint to a message of another route", |lap| hint(lap, 2, 1)),
            places(&range, "a hint to a free cell", |lap| hint(lap, 7, 0)),
            places(&range, "a hint of another generation", |lap| hint(lap, 1, 9)),
            places(&range, "a hint to no cell", move |lap| hint(lap, cells, 0)),
            places(&range, "a hint to the last number", |lap| hint(lap, 0xfffe, 0xffff)),
        ]
    });
    cases.flatten().collect()
}

fn heads_and_tails() -> Vec<Case> {
    let values =
        [0, 1, 2, 3, 1_023, 1_024, 1_026, 2_050, 4_096, 1 << 31, 1 << 32, 1 << 42, 1 << 63, u64::MAX, u64::MAX - 1];
    let mut cases = Vec::new();
    for value in values {
        cases.push(case(format!("head {value}"), move |raw| raw.head(lane_of(raw, 2)).store(value, SeqCst)));
        cases.push(case(format!("tail {value}"), move |raw| raw.tail(lane_of(raw, 2)).store(value, SeqCst)));
        cases.push(case(format!("head and tail {value} in all lanes"), move |raw| {
            (0..LANES).for_each(|lane| {
                raw.head(lane).store(value, SeqCst);
                raw.tail(lane).store(value, SeqCst);
            });
        }));
        cases.push(case(format!("a head {value} before the tail"), move |raw| {
            let lane = lane_of(raw, 2);
            raw.head(lane).store(raw.tail(lane).load(SeqCst).wrapping_sub(value), SeqCst);
        }));
    }
    cases
}

fn bits_and_flags() -> Vec<Case> {
    let mut cases = vec![
        case("every cell taken".into(), |raw| (0..TAKEN).for_each(|word| raw.taken(word).store(u64::MAX, SeqCst))),
        case("every cell returned".into(), |raw| {
            raw.returned().store(u64::MAX, SeqCst);
            raw.control(Word::Dirty).store(1, SeqCst);
        }),
        case("every cell returned, and not dirty".into(), |raw| raw.returned().store(u64::MAX, SeqCst)),
        case("all flags".into(), |raw| {
            (0..LANES).for_each(|lane| raw.flag(lane).store(u32::MAX, SeqCst));
            raw.control_short(Word::Wide, 0).store(u32::MAX, SeqCst);
            raw.control_short(Word::Space, 0).store(u32::MAX, SeqCst);
        }),
    ];
    for value in [0, 1, 2, u64::MAX - 1, u64::MAX] {
        for word in [Word::Dirty, Word::UsedLanes, Word::Touched, Word::Latest, Word::LastProcessor] {
            cases.push(case(format!("{word:?} {value}"), move |raw| raw.control(word).store(value, SeqCst)));
        }
    }
    for value in [1, 2, 3, u32::MAX] {
        let name = format!("closed {value}");
        cases.push(case(name, move |raw| raw.control_short(Word::Closed, 0).store(value, SeqCst)));
    }
    // The owner, and the other bits: see `lock`.
    for owner in [1, 2, 3, 4, 5, 0xffff] {
        for bits in [0, 1 << 16, 1 << 17, 1 << 18, u32::MAX << 16] {
            let name = format!("the lock of the blocks {:#x}", bits | owner);
            let write = move |raw: &Raw| raw.control_short(Word::BlockLock, 0).store(bits | owner, SeqCst);
            cases.push(case(name, write).of_lock());
        }
    }
    cases
}

/// The blocks of the long message are the first three. The response and the next messages have those after them.
fn owners_and_links_of_blocks() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, owner) in [("no message", 0), ("another message", 1 << 17 | 1), ("no cell", u64::MAX)] {
        for range in [0..1, 1..2, 2..3, 0..BLOCKS] {
            cases.push(case(format!("{what} owns {range:?}"), move |raw| {
                raw.owners()[range.clone()].iter().for_each(|word| word.store(owner, SeqCst));
            }));
        }
    }
    cases.push(case("the long message owns all".into(), |raw| {
        let owner = raw.owners()[0].load(SeqCst);
        raw.owners().iter().for_each(|word| word.store(owner, SeqCst));
        let next = raw.next().iter().zip(2..);
        next.for_each(|(link, next)| link.store(next, SeqCst));
    }));
    let none = u32::try_from(BLOCKS).unwrap() + 1;
    for block in 0..3 {
        for link in [0, 1, 2, 3, 4, 5, none, u32::MAX] {
            let name = format!("link {link} in block {block}");
            cases.push(case(name, move |raw| raw.next()[block].store(link, SeqCst)));
            for len in [u32::try_from(MAX_SIZE).unwrap(), 1 << 24] {
                let name = format!("link {link} in block {block}, and length {len}");
                cases.push(case(name, move |raw| {
                    raw.next()[block].store(link, SeqCst);
                    raw.field(LONG, Field::Len).store(len, SeqCst);
                }));
            }
        }
    }
    for value in [0, 1, none, u32::MAX] {
        cases.push(case(format!("all links {value}"), move |raw| {
            raw.next().iter().for_each(|link| link.store(value, SeqCst));
        }));
    }
    cases
}

fn routes_of_lanes() -> Vec<Case> {
    let mut cases = Vec::new();
    for value in [0, 1, 2, 77, 1 << 31, u32::MAX] {
        for range in [0..1, 1..2, 2..3, 0..ROUTES, 0..48] {
            cases.push(case(format!("route {value} in {range:?}"), move |raw| {
                range.clone().for_each(|lane| raw.control_short(Word::Routes, lane).store(value, SeqCst));
            }));
        }
    }
    cases.push(case("routes in another order".into(), |raw| {
        let routes: Vec<u32> = (0..ROUTES).map(|lane| raw.control_short(Word::Routes, lane).load(SeqCst)).collect();
        (0..ROUTES).for_each(|lane| raw.control_short(Word::Routes, lane).store(routes[(lane + 1) % ROUTES], SeqCst));
    }));
    cases
}

/// The rooms: their control words, and the entries of all slots.
fn waiting_rooms() -> Vec<Case> {
    let mut cases = Vec::new();
    for value in [0, 1, 2, 3, 7, u64::from(u32::MAX), 1 << 63, u64::MAX] {
        let write = move |raw: &Raw| raw.rooms().iter().for_each(|word| word.store(value, SeqCst));
        cases.push(case(format!("rooms full of {value:#x}"), write).of_lock());
    }
    for seed in 0..40 {
        let write = move |raw: &Raw| {
            let mut random = fastrand::Rng::with_seed(seed);
            raw.rooms().iter().for_each(|word| word.store(random.u64(..) >> random.u32(..64), SeqCst));
        };
        cases.push(case(format!("random rooms {seed}"), write).of_lock());
    }
    cases
}

macro_rules! attacks {
    ($($cases:ident => $test:ident),*) => {
        $(
            #[test]
            fn $test() {
                attack(stringify!($cases), $cases());
            }
        )*

        /// All of them, while two processes use the channel.
        #[test]
        fn writes_while_it_is_used() {
            attack_while_used(&[$($cases()),*].into_iter().flatten().collect::<Vec<_>>(), 200);
        }
    };
}

attacks! {
    words_of_messages => any_word_of_a_message,
    words_of_calls => any_word_of_a_call,
    fields_of_cells => any_field_of_a_cell,
    places_of_a_lane => any_place_of_a_lane,
    heads_and_tails => any_head_and_tail,
    bits_and_flags => any_bits_and_flags,
    owners_and_links_of_blocks => any_owner_and_link_of_blocks,
    routes_of_lanes => any_route_of_a_lane,
    waiting_rooms => any_waiting_room
}
