//! Numbers that wrap: laps of lanes, generations of cells, epochs of waiters. The memory is set to just before each wrap.

use std::sync::atomic::Ordering::SeqCst;

use support::{
    LONG, Name, Waiters, child,
    letters::{Number, assert_unused},
    name,
    prompt::join_promptly,
    until,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{Channel, Route};

use super::memory::{CELLS, HANDLES, LANES, ROUTES, Raw, SPAN, Word, cell_word, empty, hint, lane_of, options};

const MESSAGES: u64 = 10_000;

/// Two routes that share a lane, since there are as many lanes as routes before them.
const WAITING: Route = Route::new(77);
const BUSY: Route = Route::new(85);

fn channel() -> (Channel, Raw, Name) {
    let name = name();
    let channel = options().create(&name).unwrap();
    let raw = Raw::of(&channel);
    (channel, raw, name)
}

/// Makes every lane one that has had so many messages, each of which was received.
fn start_lanes_at(raw: &Raw, position: u64) {
    for lane in 0..LANES {
        raw.tail(lane).store(position, SeqCst);
        raw.head(lane).store(position, SeqCst);
        for (index, place) in (0_u64..).zip(raw.places(lane)) {
            // The next position at this place.
            let next = position.wrapping_add(index.wrapping_sub(position) % SPAN as u64);
            #[expect(clippy::cast_possible_truncation, reason = "laps have 32 bits")]
            place.store(empty((next / SPAN as u64) as u32), SeqCst);
        }
    }
}

/// Makes every cell one that has had so many messages.
fn start_cells_at(raw: &Raw, generation: u64) {
    let with_generation = |word: u64| cell_word(word & 0xf, 0, 0, generation);
    (0..CELLS).map(|cell| raw.word(cell)).for_each(|word| word.store(with_generation(word.load(SeqCst)), SeqCst));
}

/// Takes the lanes that routes have of their own.
fn use_own_lanes(channel: &Channel) {
    for route in 1..=ROUTES {
        let route = Route::new(route.try_into().unwrap());
        channel.send_raw(route, &[]).unwrap();
        channel.try_recv_raw(route).unwrap();
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

/// Another process sends all, and this one receives them in order, by two of the ways to choose.
fn receive_in_order(channel: &Channel, name: &Name) {
    let sender = child(|| {
        let channel = options().open(name).unwrap();
        (0..MESSAGES).for_each(|number| channel.send_timeout(&Number(number), LONG).unwrap());
    });
    for number in 0..MESSAGES {
        let received: Number = match number % 3 {
            0 => channel.recv_timeout(LONG).unwrap(),
            1 => channel.recv_any_timeout(LONG).unwrap().decode().unwrap(),
            _ => channel.recv_lowest_timeout(Route::new(3), LONG).unwrap().decode().unwrap(),
        };
        assert_eq!(received, Number(number));
    }
    sender.join();
    assert_unused(channel);
}

/// Two messages wait, while others come and go in the same lane: the places of their hints are used again.
fn overtake_in_a_shared_lane(channel: &Channel) {
    use_own_lanes(channel);
    (0..2_u64).for_each(|number| channel.send_raw(WAITING, &number.to_le_bytes()).unwrap());
    for sent in 0..MESSAGES {
        channel.send_raw(BUSY, &sent.to_le_bytes()).unwrap();
        assert_eq!(number(&channel.try_recv_raw(BUSY).expect("it is there")), sent);
    }
    assert_eq!(number(channel.try_recv_any().expect("it is there").bytes()), 0, "the oldest");
    channel.send_raw(BUSY, &MESSAGES.to_le_bytes()).unwrap();
    let next = channel.try_recv_lowest(BUSY).expect("it is there");
    assert_eq!((next.route(), number(next.bytes())), (WAITING, 1));
    assert_eq!(number(&channel.try_recv_raw(BUSY).expect("it is there")), MESSAGES);
    assert_unused(channel);
}

/// The last positions of a lap, before the lap, and before the position itself wraps.
const POSITIONS: [u64; 4] =
    [(1 << 32) * SPAN as u64 - 20, (1 << 32) * SPAN as u64 - 1_500, u64::MAX - 19, u64::MAX - 1_499];

#[test]
fn laps_of_a_lane() {
    for position in POSITIONS {
        let (channel, raw, name) = channel();
        start_lanes_at(&raw, position);
        receive_in_order(&channel, &name);
        let lane = lane_of(&raw, 2);
        assert_eq!(raw.tail(lane).load(SeqCst), position.wrapping_add(MESSAGES));
    }
}

#[test]
fn laps_of_a_lane_with_messages_that_wait() {
    for position in POSITIONS {
        let (channel, raw, _name) = channel();
        start_lanes_at(&raw, position);
        overtake_in_a_shared_lane(&channel);
    }
}

/// The last generations before those of a hint wrap, and before those of a cell do.
const GENERATIONS: [u64; 3] = [(1 << 16) - 3, (1 << 26) - 3, (1 << 26) - 500];

#[test]
fn generations_of_cells() {
    for generation in GENERATIONS {
        let (channel, raw, name) = channel();
        start_cells_at(&raw, generation);
        receive_in_order(&channel, &name);
    }
}

#[test]
fn generations_of_cells_with_messages_that_wait() {
    for generation in GENERATIONS {
        let (channel, raw, _name) = channel();
        start_cells_at(&raw, generation);
        overtake_in_a_shared_lane(&channel);
    }
}

/// A hint in another lane comes to name a message of today's, since it has 16 bits of the generation. So do returned bits.
#[test]
fn old_hints_of_the_same_generation() {
    let (channel, raw, _name) = channel();
    use_own_lanes(&channel);
    start_cells_at(&raw, (1 << 26) - 100);
    let (one, two) = (Route::new(1), Route::new(2));
    let lane = lane_of(&raw, 1);
    for round in 0..MESSAGES / 4 {
        let numbers = [4 * round, 4 * round + 1, 4 * round + 2, 4 * round + 3];
        numbers.into_iter().for_each(|number| channel.send_raw(two, &number.to_le_bytes()).unwrap());
        // The newest comes first in the lane of the other route.
        let ready: Vec<_> = (0..8).filter(|&cell| raw.word(cell).load(SeqCst) & 0b1111 == 2).collect();
        assert_eq!(ready.len(), 4);
        for cell in ready {
            let tail = raw.tail(lane).fetch_add(1, SeqCst);
            let generation = raw.word(cell).load(SeqCst) >> 38;
            let place = &raw.places(lane)[usize::try_from(tail).unwrap() % SPAN];
            place.store(hint((tail / SPAN as u64).try_into().unwrap(), cell as u64, generation), SeqCst);
        }
        raw.returned().store(0xff, SeqCst);
        raw.control(Word::Dirty).store(u64::MAX, SeqCst);
        assert!(channel.try_recv_raw(one).unwrap_err().is_busy(), "no message of this route");
        for expected in numbers {
            let found = match expected % 4 {
                0 => number(channel.try_recv_any().expect("it is there").bytes()),
                1 => number(channel.try_recv_lowest(two).expect("it is there").bytes()),
                _ => number(&channel.try_recv_raw(two).expect("it is there")),
            };
            assert_eq!(found, expected);
        }
        assert!(channel.try_recv_any().unwrap_err().is_busy(), "each message comes once");
    }
    assert_unused(&channel);
}

/// Waiters are announced, and called, across the wrap of the epochs of their entries, and of the flags.
#[test]
fn epochs_of_waiters() {
    const ROUNDS: u64 = 40;
    let (channel, raw, name) = channel();
    for room in 0..4 {
        (0..HANDLES).for_each(|slot| raw.entry(room, slot).store(u64::from(u32::MAX - 3) - 4 * 10, SeqCst));
    }
    (0..LANES).for_each(|lane| raw.flag(lane).store(u32::MAX - 3 - 4 * 10, SeqCst));
    raw.control_short(Word::Wide, 0).store(u32::MAX - 3 - 4 * 10, SeqCst);
    raw.control(Word::Dirty).store(u64::MAX - 1, SeqCst);
    let receivers = [false, true].map(|is_wide| {
        child(|| {
            let channel = options().open(&name).unwrap();
            for _ in 0..ROUNDS {
                if is_wide {
                    drop(channel.recv_except_timeout::<Number>(LONG).unwrap());
                } else {
                    let Number(_) = channel.recv_timeout(LONG).unwrap();
                }
            }
        })
    });
    let set = SemaphoreSet::from_id(channel.status().unwrap().set).unwrap();
    for number in 0..ROUNDS {
        until(|| Waiters::FOR_MESSAGES.asleep(&set) == 2);
        channel.send(&Number(number)).unwrap();
        channel.send_raw(Route::new(3), &number.to_le_bytes()).unwrap();
    }
    receivers.into_iter().for_each(|receiver| join_promptly("each receiver has each message", receiver));
    assert!((1..=2).all(|slot| raw.entry(0, slot).load(SeqCst) < 4 * ROUNDS), "the epochs have wrapped");
    assert_unused(&channel);
}
