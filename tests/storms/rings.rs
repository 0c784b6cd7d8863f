//! Long streams of items of all sizes. Their writers and readers are killed at random.
//!
//! An item is made of its position, so one that is lost, doubled, torn or out of order shows at once. `STREAM_ITEMS`
//! sets how many there are, by default 100 million in all sizes together.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use bytemuck::{Pod, Zeroable};
use support::{Child, LONG, child, hold_for_ever, memory, name, number_from_env};
use sysv_ipc::SharedMemory;
use sysv_primitives::{PopError, Role, mpmc, spsc};

fn items() -> u64 {
    number_from_env("STREAM_ITEMS", 100_000_000)
}

/// An item that says where it belongs, all over.
trait Item: Pod {
    fn of(position: u64) -> Self;

    fn is_of(&self, position: u64) -> bool {
        bytemuck::bytes_of(self) == bytemuck::bytes_of(&Self::of(position))
    }
}

fn mixed(position: u64) -> u64 {
    let mixed = position.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

impl Item for u8 {
    fn of(position: u64) -> Self {
        mixed(position).to_le_bytes()[7]
    }
}

impl Item for u64 {
    fn of(position: u64) -> Self {
        mixed(position)
    }
}

/// Some words, all of them derived from the position.
#[derive(Clone, Copy, Zeroable, Pod)]
#[repr(transparent)]
struct Words<const N: usize>([u64; N]);

impl<const N: usize> Item for Words<N> {
    fn of(position: u64) -> Self {
        let first = mixed(position);
        Self(std::array::from_fn(|index| first.wrapping_add(index as u64)))
    }
}

/// Pushes from where the last writer stopped, one by one and by the slice, until all is pushed.
fn write<T: Item>(ring: &spsc::Ring<T>, total: u64) {
    let mut producer = ring.producer_timeout(LONG).expect("the dead are no hindrance");
    let mut position = ring.counts().pushed;
    while position < total {
        if fastrand::u8(..4) == 0 {
            producer.push(T::of(position)).expect("nothing is in the way");
            position += 1;
        } else {
            let count = (total - position).min(fastrand::u64(1..256));
            let mut places = producer.reserve_up_to(usize::try_from(count).unwrap()).expect("nothing is in the way");
            for index in 0..places.len() {
                places[index] = T::of(position + index as u64);
            }
            position += places.len() as u64;
            places.commit_all();
        }
    }
}

/// Pops from where the last reader stopped, and checks what it gets.
fn read<T: Item>(ring: &spsc::Ring<T>, total: u64) {
    let mut consumer = ring.consumer_timeout(LONG).expect("the dead are no hindrance");
    let mut position = ring.counts().popped;
    while position < total {
        if fastrand::u8(..4) == 0 {
            assert!(consumer.pop().expect("nothing is in the way").is_of(position), "at {position}");
            position += 1;
        } else {
            let peeked = consumer.peek(fastrand::usize(1..256)).expect("nothing is in the way");
            let (first, second) = peeked.as_slices();
            for item in first.iter().chain(second) {
                assert!(item.is_of(position), "at {position}");
                position += 1;
            }
            peeked.consume_all();
        }
    }
}

/// One size: a writer and a reader, each replaced when it is killed. Returns how often that was.
fn stream<T: Item>(total: u64) -> u32 {
    let name = name();
    let ring = spsc::Ring::<T>::options().max_handles(8).create(&name, 4096 / size_of::<T>().min(1024)).unwrap();
    // Each opens it anew, as a restarted program would.
    let open = || spsc::Ring::<T>::options().open(&name).unwrap();
    let writer = || child(|| write(&open(), total));
    let reader = || child(|| read(&open(), total));
    let (mut writing, mut reading) = (writer(), reader());
    let mut kills = 0;
    while ring.counts().pushed < total {
        std::thread::sleep(Duration::from_micros(fastrand::u64(..600)));
        kills += 1;
        if fastrand::bool() {
            writing.kill_unless_done();
            writing = writer();
        } else {
            reading.kill_unless_done();
            reading = reader();
        }
    }
    writing.join();
    reading.join();
    let counts = ring.counts();
    assert_eq!((counts.pushed, counts.popped), (total, total));
    println!("spsc: {total} items of {} bytes, {kills} kills: all there, once, in order", size_of::<T>());
    kills
}

#[test]
fn one_to_one() {
    let (items, begun) = (items(), Instant::now());
    let kills = stream::<u8>(items * 60 / 100)
        + stream::<u64>(items * 30 / 100)
        + stream::<Words<8>>(items * 9 / 100)
        + stream::<Words<128>>(items * 99 / 10_000)
        + stream::<Words<8192>>(items / 10_000);
    println!("spsc: {items} items in all, {kills} kills, in {:.1?}", begun.elapsed());
}

const WRITERS: usize = 3;
const READERS: usize = 3;
/// How many writers there may be one after another.
const LIVES: usize = 4096;
/// How many items one writer's life has at most.
const EACH: usize = 1 << 14;

/// What every process writes down: how far each writer's life came, and how often each item was seen.
struct Ledger<'a> {
    written: &'a [AtomicU64],
    seen: &'a [AtomicU32],
}

impl<'a> Ledger<'a> {
    const SIZE: usize = 8 * LIVES + 4 * LIVES * EACH;

    fn of(memory: &'a SharedMemory) -> Self {
        Self {
            written: memory.slice(0, LIVES).expect("it fits"),
            seen: memory.slice(8 * LIVES, LIVES * EACH).expect("it fits"),
        }
    }

    /// Returns how many items came, and how many came again. None may be lost.
    fn tally(&self) -> (u64, u64) {
        let (mut total, mut doubled) = (0, 0);
        for (life, written) in self.written.iter().enumerate() {
            let seen = self.seen[life * EACH..][..EACH].iter().map(|count| count.load(SeqCst));
            for (number, seen) in seen.enumerate() {
                assert!(seen > 0 || number as u64 >= written.load(SeqCst), "item {number} of life {life} is lost");
                total += u64::from(seen > 0);
                doubled += u64::from(seen.saturating_sub(1));
            }
        }
        (total, doubled)
    }

    fn write(&self, ring: &mpmc::Ring<Words<8>>, life: usize) -> ! {
        let producer = ring.producer().expect("it can be had");
        for number in 0..EACH {
            producer.push(Words::of((life * EACH + number) as u64)).expect("nothing is in the way");
            self.written[life].store(number as u64 + 1, SeqCst);
        }
        hold_for_ever()
    }

    fn read(&self, ring: &mpmc::Ring<Words<8>>) {
        let consumer = ring.consumer().expect("it can be had");
        loop {
            let claimed = match consumer.claim_timeout(LONG) {
                Err(PopError::Closed { .. }) => return,
                claimed => claimed.expect("no wake-up is lost"),
            };
            // The mixing can be undone but for its last step, so the position is searched from the first word.
            let position = unmixed(claimed.0[0]);
            assert!(claimed.is_of(position), "torn");
            self.seen[usize::try_from(position).expect("it is small")].fetch_add(1, SeqCst);
            claimed.done();
        }
    }
}

/// Undoes `mixed`.
fn unmixed(mixed: u64) -> u64 {
    let before = mixed ^ mixed >> 29 ^ mixed >> 58;
    // The inverse of the factor modulo 2^64.
    before.wrapping_mul(0xf1de_83e1_9937_733d)
}

/// Any number on each side, killed at random: every item that was pushed is seen, and only one that was in a dead
/// reader's hand is seen twice.
#[test]
fn many_to_many() {
    assert_eq!(unmixed(mixed(123_456_789)), 123_456_789);
    let kills = usize::try_from(items() / 200_000).unwrap().min(LIVES - WRITERS);
    let (name, begun) = (name(), Instant::now());
    let shared = memory(Ledger::SIZE);
    let ledger = Ledger::of(&shared);
    let ring: mpmc::Ring<Words<8>> = mpmc::Ring::options().max_handles(16).create(&name, 64).unwrap();
    let open = || mpmc::Ring::options().open(&name).unwrap();
    let mut lives = 0..LIVES;
    let mut writer = || {
        let life = lives.next().expect("there are enough");
        child(|| ledger.write(&open(), life))
    };
    let reader = || child(|| ledger.read(&open()));
    let mut writers: Vec<Child> = (0..WRITERS).map(|_| writer()).collect();
    let mut readers: Vec<Child> = (0..READERS).map(|_| reader()).collect();
    let mut dead_readers = 0;
    for _ in 0..kills {
        std::thread::sleep(Duration::from_micros(fastrand::u64(..4000)));
        if fastrand::bool() {
            writers.swap_remove(fastrand::usize(..WRITERS)).kill();
            writers.push(writer());
        } else {
            readers.swap_remove(fastrand::usize(..READERS)).kill();
            readers.push(reader());
            dead_readers += 1;
        }
    }
    writers.into_iter().for_each(Child::kill);
    ring.close().unwrap();
    readers.into_iter().for_each(Child::join);
    let (total, doubled) = ledger.tally();
    assert!(total > 0, "nothing went through");
    assert!(doubled <= dead_readers, "{doubled} came again, and {dead_readers} readers died");
    assert!(ring.is_empty() && ring.holders(Role::Consumer).is_empty());
    println!(
        "mpmc: {total} items of 64 bytes, {kills} kills, {doubled} delivered again, {:?}, in {:.1?}",
        ring.counts(),
        begun.elapsed()
    );
}
