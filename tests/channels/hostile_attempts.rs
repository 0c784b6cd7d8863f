//! Aimed writes into what limits, delays and responses written apart have in memory. Each operation ends in time, with a
//! value or an error.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use support::{
    Name,
    letters::{Number, blob},
    name,
};
use sysv_primitives::{Channel, Delivery};

use super::{
    attack::{
        ANSWERED, ASIDE, CLAIMED, CLAIMED_CALL, Case, DELAYED, HELD, LONG, NUMBER, REQUEST, attack, attack_while_used,
        case,
    },
    hostile_memory::PAIRS,
    memory::{BLOCKS, CELLS, Field, MAX_SIZE, MESSAGES, Raw, Word, cell_word, options},
};

/// SPARE, and never used.
const SPARE: usize = MESSAGES + 3;

/// A state of a cell, with any owner and caller, in this life and in another one, and with attempts.
fn state(cell: usize, state: u64, pairs: &[(u64, u64)]) -> Vec<Case> {
    let in_its_life = pairs.iter().flat_map(|&(owner, caller)| {
        [0, 3, 255].map(|attempts| {
            let name = format!("cell {cell} in state {state} of {owner}, caller {caller}, {attempts} attempts");
            case(name, move |raw| {
                let generation = raw.word(cell).load(SeqCst) >> 38;
                raw.word(cell).store(cell_word(state, owner, caller, generation) | attempts << 30, SeqCst);
            })
        })
    });
    let name = format!("cell {cell} in state {state} of its next life");
    let in_its_next_life = case(name, move |raw| {
        let generation = (raw.word(cell).load(SeqCst) >> 38) + 1;
        raw.word(cell).store(cell_word(state, 3, 2, generation), SeqCst);
    });
    in_its_life.chain([in_its_next_life]).collect()
}

/// ASIDE, SPARE and DELAYED, where other states were.
fn new_states() -> Vec<Case> {
    let cells = [NUMBER, LONG, ANSWERED, HELD, REQUEST, ASIDE, DELAYED, CLAIMED, CLAIMED_CALL, SPARE];
    cells
        .into_iter()
        .flat_map(|cell| [7, 8, 9].into_iter().flat_map(move |new| state(cell, new, &PAIRS[..4])))
        .collect()
}

/// Other states, where ASIDE, SPARE, DELAYED and CLAIMED were.
fn old_states() -> Vec<Case> {
    let cells = [ASIDE, DELAYED, CLAIMED, CLAIMED_CALL, SPARE];
    let states = [0, 1, 2, 3, 4, 5, 6, 15];
    cells.into_iter().flat_map(|cell| states.into_iter().flat_map(move |old| state(cell, old, &PAIRS[3..5]))).collect()
}

/// Owners and callers that are none.
fn owners_and_callers() -> Vec<Case> {
    let states = [(ASIDE, 7), (SPARE, 8), (DELAYED, 9), (CLAIMED, 6), (CLAIMED_CALL, 6)];
    states.into_iter().flat_map(|(cell, new)| state(cell, new, &PAIRS[4..])).collect()
}

fn all_cells() -> Vec<Case> {
    let mut cases = Vec::new();
    for state in [6, 7, 8, 9] {
        for (owner, caller) in [(0, 0), (2, 3), (8_191, 8_191)] {
            let name = format!("every cell in state {state} of {owner}, caller {caller}, long, due");
            cases.push(case(name, move |raw| {
                for cell in 0..CELLS {
                    raw.word(cell).store(cell_word(state, owner, caller, 1), SeqCst);
                    raw.long_field(cell, Field::Due).store(u64::from(owner == 2) * u64::MAX, SeqCst);
                    raw.field(cell, Field::Len).store(MAX_SIZE.try_into().unwrap(), SeqCst);
                    raw.field(cell, Field::FirstBlock).store(1, SeqCst);
                }
                raw.control(Word::Touched).store(u64::MAX, SeqCst);
                raw.control(Word::Earliest).store(1 << 16, SeqCst);
                raw.control_short(Word::Unbalanced, 0).store(1, SeqCst);
            }));
        }
    }
    cases
}

fn fields_of_attempts() -> Vec<Case> {
    let (size, blocks) = (u32::try_from(MAX_SIZE).unwrap(), u32::try_from(BLOCKS).unwrap());
    // Limits of 1 and 255, delivered again, outlives its caller, and a limit that is raised by itself.
    let wishes = [0, 1, 0xff, 1 << 8, 1 << 8 | 3, 1 << 9, 3 << 8 | 1, 0xff << 16 | 1, !0];
    let lengths = [0, 1, 191, 192, 193, size, size + 1, 1 << 31, !0];
    let links = [0, 1, 2, 4, blocks, blocks + 1, !0];
    let short: [(Field, &[u32]); 4] = [
        (Field::Wishes, &wishes),
        (Field::AnswerLen, &lengths),
        (Field::AnswerBlock, &links),
        (Field::Len, &[0, 1, 191, 193, size, size + 1, !0]),
    ];
    let mut cases = Vec::new();
    for cell in [ANSWERED, HELD, CLAIMED_CALL, ASIDE, DELAYED, CLAIMED] {
        for (field, values) in short {
            for &value in values {
                let name = format!("{field:?} {value:#x} in cell {cell}");
                cases.push(case(name, move |raw| raw.field(cell, field).store(value, SeqCst)));
            }
        }
        for field in [Field::Due, Field::ClaimedAt] {
            for value in [0, 1, 1 << 62, u64::MAX] {
                let name = format!("{field:?} {value:#x} in cell {cell}");
                cases.push(case(name, move |raw| raw.long_field(cell, field).store(value, SeqCst)));
            }
        }
    }
    cases
}

/// The fields of a response that is there already, as if it had been written apart.
fn responses_apart() -> Vec<Case> {
    let (size, blocks) = (u32::try_from(MAX_SIZE).unwrap(), u32::try_from(BLOCKS).unwrap());
    let mut cases = Vec::new();
    for len in [0, 100, 192, 193, size, size + 1, !0] {
        for block in [0, 1, 4, blocks, !0] {
            for request in [10, 192, !0] {
                let name = format!("a response apart of {len} bytes in block {block}, to {request} bytes");
                cases.push(case(name, move |raw| {
                    raw.field(ANSWERED, Field::Wishes).store(1 << 8, SeqCst);
                    raw.field(ANSWERED, Field::AnswerLen).store(len, SeqCst);
                    raw.field(ANSWERED, Field::AnswerBlock).store(block, SeqCst);
                    raw.field(ANSWERED, Field::Len).store(request, SeqCst);
                    raw.field(ANSWERED, Field::FirstBlock).store(0, SeqCst);
                }));
            }
        }
    }
    cases
}

fn words_of_attempts() -> Vec<Case> {
    let mut cases = Vec::new();
    // Now and then, for ever and never, not called; and other bits.
    for value in [1 << 16, 1 << 16 | 1 << 15, 1 << 40, u64::MAX, u64::MAX << 16, (1 << 16) - 1, 1 << 15, 1 << 63] {
        let name = format!("earliest {value:#x}");
        cases.push(case(name, move |raw| raw.control(Word::Earliest).store(value, SeqCst)));
    }
    for value in [1, 2, 3, 5, u32::MAX] {
        let name = format!("unbalanced {value:#x}");
        cases.push(case(name, move |raw| raw.control_short(Word::Unbalanced, 0).store(value, SeqCst)));
    }
    for value in [0, 1, 1 << 40, 15 << 40 | 0xffff, u64::MAX] {
        cases.push(case(format!("causes {value:#x}"), move |raw| {
            raw.causes().iter().for_each(|word| word.store(value, SeqCst));
        }));
        cases.push(case(format!("causes {value:#x} of these lives"), move |raw| {
            for (index, word) in raw.causes().iter().enumerate() {
                let life = raw.word(index / 8).load(SeqCst) >> 38;
                word.store(life << 52 | value & ((1 << 44) - 1) | u64::try_from(index % 8).unwrap() << 44, SeqCst);
            }
        }));
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
        fn writes_while_attempts_are_made() {
            attack_while_used(&[$($cases()),*].into_iter().flatten().collect::<Vec<_>>(), 60);
        }
    };
}

attacks! {
    new_states => any_new_state_of_a_cell,
    old_states => any_old_state_of_a_cell,
    owners_and_callers => any_owner_and_caller,
    all_cells => every_cell_at_once,
    fields_of_attempts => any_field_of_attempts,
    responses_apart => any_response_apart,
    words_of_attempts => any_word_of_attempts
}

/// A word that names a slot without a member is repaired by the next one that enters it, whatever the state is.
#[test]
fn new_members_repair_any_state() {
    for state in 0..16 {
        for (owner, caller) in [(2, 0), (2, 2), (0, 2), (2, 1), (1, 2), (2, 8_191)] {
            let name = name();
            let channel = options().create(&name).unwrap();
            channel.send(&Number(1)).unwrap();
            Raw::of(&channel).word(0).store(cell_word(state, owner, caller, 1), SeqCst);
            let entered = options().open(&name);
            assert!(entered.is_ok(), "state {state} of {owner}, caller {caller}: {entered:?}");
        }
    }
}

/// How long a receiver waits here, and how much longer it may take on a machine that is busy.
const WAITED: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_secs(5);

/// Writes again and again, while `act` goes on.
fn while_written(write: impl Fn(&Raw) + Send + Sync, act: impl FnOnce(&Channel, &Name)) {
    let name = name();
    let channel = options().create(&name).unwrap();
    let (raw, is_over) = (Raw::of(&channel), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(SeqCst) {
                write(&raw);
            }
        });
        act(&channel, &name);
        is_over.store(true, SeqCst);
    });
    // What is damaged may not be removed by its name.
    drop(channel.remove());
}

/// Receivers that sleep till the earliest time, which is always over, end with their own timeout, and other messages come.
#[test]
fn an_earliest_time_that_is_always_over() {
    let version = AtomicU64::new(0);
    let write = |raw: &Raw| {
        let version = version.fetch_add(1, SeqCst) & 0x7fff;
        raw.control(Word::Earliest).store(1 << 16 | version, SeqCst);
        // As often as it is looked at, and not all the time.
        thread::sleep(Duration::from_micros(50));
    };
    while_written(write, |channel, name| {
        let other = options().open(name).unwrap();
        for number in 0..20 {
            let begun = Instant::now();
            assert!(channel.recv_timeout::<Number>(WAITED).unwrap_err().is_busy());
            let took = begun.elapsed();
            assert!(WAITED <= took && took < MOST, "a wait of {WAITED:?} took {took:?}");
            other.send_with(&Number(number), Delivery::new().delay(WAITED / 10)).unwrap();
            other.send(&blob(number, 10)).unwrap();
            assert_eq!(channel.recv_timeout::<Number>(MOST).unwrap(), Number(number));
            assert!(channel.recv_timeout::<support::letters::Blob>(MOST).unwrap() == blob(number, 10));
        }
    });
}

/// A cell that is always DELAYED and due, whatever a receiver makes of it.
#[test]
fn a_message_that_is_always_due() {
    let write = |raw: &Raw| {
        let life = raw.word(0).load(SeqCst) >> 38;
        raw.long_field(0, Field::Due).store(0, SeqCst);
        raw.control(Word::Touched).store(u64::MAX, SeqCst);
        raw.word(0).store(cell_word(9, 1, 0, life), SeqCst);
        raw.control(Word::Earliest).store(1 << 16, SeqCst);
    };
    while_written(write, |channel, _| {
        for _ in 0..50 {
            let begun = Instant::now();
            drop(channel.recv_timeout::<Number>(WAITED / 10));
            let took = begun.elapsed();
            assert!(took < MOST, "a wait of {:?} took {took:?}", WAITED / 10);
        }
    });
}
