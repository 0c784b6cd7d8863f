//! The latest value, beside a copy, and beside a condition variable of the C library's.

use std::{
    cell::UnsafeCell,
    hint::black_box,
    mem::MaybeUninit,
    ptr,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
};

use anyhow::Result;
use sysv_ipc::SharedMemory;
use sysv_primitives::{Watch, Watcher};

use super::{
    crowds::{Operation, alone, count_calls, crowds, waits},
    fates, name,
};
use crate::{
    harness::{
        APART, Kind, PosixCondition, RobustMutex, gate::Other, is_wanted, measure as measure_these, objects::memory,
    },
    lanes::answered,
    report::Section,
    timed::Timed,
};

/// What times are for.
const OF_READING: &str = "get the latest value";
const OF_SETTING: &str = "set the value";
const OF_WAITING: &str = "set, and back from the other one, which slept";

/// A value of 64 bytes.
type Small = [u64; 8];
/// A value of 4 KiB.
type Large = [u64; 512];

/// A copy out of shared memory, and a load before and after it.
struct Copied(SharedMemory);

impl Copied {
    fn new() -> Result<Self> {
        Ok(Self(memory(APART + size_of::<Large>())?))
    }

    #[inline]
    fn copy_into<T: Copy>(&self, value: &mut MaybeUninit<T>) {
        let word: &AtomicU64 = self.0.view(0).expect("it fits");
        black_box(word.load(Acquire));
        let from = self.0.as_mut_ptr().wrapping_add(APART);
        // SAFETY: there is room for a large value behind the word, and no process writes it.
        unsafe { ptr::copy_nonoverlapping(from, value.as_mut_ptr().cast::<u8>(), size_of::<T>()) };
        black_box(word.load(Relaxed));
    }
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    read(section)?;
    set(section)?;
    wait(section)?;
    fates::of_watch(section)
}

fn read(section: &mut Section) -> Result<()> {
    let small = Watch::options().remove_on_drop(true).create(&name("watch"), Small::default())?;
    let copied = Copied::new()?;
    let ours = || {
        black_box(&small.get().expect("it is not damaged"));
    };
    let copy = || {
        let mut value = MaybeUninit::<Small>::uninit();
        copied.copy_into(&mut value);
        black_box(&value);
    };
    let readers =
        [Operation::new(Kind::Ours, "Watch::get", &ours), Operation::new(Kind::Limit, "memcpy and two loads", &copy)];
    let mut points = vec![(1.0, measure_these("get 64 B, 1 reader", readers.iter().map(alone).collect()))];
    for count in [2, 4] {
        points.push((f64::from(count), crowds(&format!("get 64 B, {count} readers"), count, &readers)));
    }
    section.add_family(OF_READING, "Get 64 bytes, by readers", "readers", points);
    waits(section, OF_READING, "get 64 B, 4 readers, single times", 4, &readers);

    let large = Watch::<Large>::options().remove_on_drop(true).create_zeroed(&name("large"))?;
    let room = UnsafeCell::new(MaybeUninit::<Large>::zeroed());
    let value = || {
        // SAFETY: one of the closures runs at a time, and keeps no reference.
        unsafe { &mut *room.get() }
    };
    let ours_large = || {
        // SAFETY: it was zeroed, and any bits are such a value.
        let value = unsafe { value().assume_init_mut() };
        large.get_into(value).expect("it is not damaged");
        black_box(value);
    };
    let copy_large = || {
        copied.copy_into(value());
        black_box(value());
    };
    let both = [
        Operation::new(Kind::Ours, "Watch::get_into", &ours_large),
        Operation::new(Kind::Limit, "memcpy and two loads", &copy_large),
    ];
    section.add(OF_READING, measure_these("get 4 KiB into place, 1 reader", both.iter().map(alone).collect()));
    count_calls(section, "System calls of a reader", OF_READING, &readers)
}

fn set(section: &mut Section) -> Result<()> {
    let watch = Watch::options().remove_on_drop(true).create(&name("set"), Small::default())?;
    let memory = memory(2 * APART)?;
    let robust = RobustMutex::new(&memory, 0);
    let words: &[AtomicU64] = memory.slice(APART, 8)?;
    let ours = || watch.set([7; 8]).expect("it is not damaged");
    let pthread = || robust.lock_and_unlock(|| words.iter().for_each(|word| word.store(black_box(7), Relaxed)));
    let setters = [
        Operation::new(Kind::Ours, "Watch::set", &ours),
        Operation::new(Kind::Rival, "pthread mutex, robust, and a copy", &pthread),
    ];
    section.add(OF_SETTING, measure_these("set 64 B, uncontended", setters.iter().map(alone).collect()));
    section.add(OF_SETTING, crowds("set 64 B, 4 processes", 4, &setters));
    Ok(())
}

/// Two processes set a value each, and sleep until the other one has. So a time is that of two wake-ups.
fn wait(section: &mut Section) -> Result<()> {
    let title = "set to changed, asleep, there and back, single times";
    if !is_wanted(title) {
        return Ok(());
    }
    section.add_timed(OF_WAITING, title, vec![by_watch()?, by_condition()?]);
    Ok(())
}

fn by_watch<'a>() -> Result<Timed<'a>> {
    let [there, back] = ["there", "back"].map(|way| Watch::options().remove_on_drop(true).create(&name(way), 0_u64));
    let (there, back) = (there?, back?);
    fn answer(number: u64, to: &Watch<u64>, from: &mut Watcher<u64>, comes_first: bool) {
        if comes_first {
            from.changed().expect("it is not removed");
            to.set(number).expect("it is not damaged");
        } else {
            to.set(number).expect("it is not damaged");
            from.changed().expect("it is not removed");
        }
    }
    let other = Other::process(|| {
        let mut from = there.watcher();
        let to = back.clone();
        move |count| (0..count).for_each(|number| answer(number, &to, &mut from, true))
    });
    let mut from = back.watcher();
    Ok(answered("Watch", Kind::Ours, other, move |number| answer(number, &there, &mut from, false)))
}

fn by_condition<'a>() -> Result<Timed<'a>> {
    let memory = memory(4 * APART)?;
    let ends = [0, 2].map(|part| PosixCondition::new(&memory, part * APART));
    // How often each was changed.
    let number = |memory: &SharedMemory, part: usize| -> *const AtomicU64 {
        ptr::from_ref(memory.view::<AtomicU64>((2 * part + 1) * APART).expect("it fits"))
    };
    let numbers = [0, 1].map(|part| number(&memory, part));
    let act = move |part: usize| {
        // SAFETY: the memory is kept as long as either side runs.
        let word = unsafe { &*numbers[part] };
        ends[part].change(|| word.store(word.load(Relaxed) + 1, Relaxed));
    };
    let wait = move |part: usize, count: u64| {
        // SAFETY: as above.
        let word = unsafe { &*numbers[part] };
        ends[part].wait_until(|| word.load(Relaxed) >= count);
    };
    let other = Other::process(|| {
        let mut done = 0;
        move |count| {
            for _ in 0..count {
                done += 1;
                wait(0, done);
                act(1);
            }
        }
    });
    let mut done = 0;
    let trip = move |_| {
        done += 1;
        act(0);
        wait(1, done);
    };
    let name = "pthread condition variable, process-shared";
    Ok(answered(name, Kind::Rival, other, trip).keeping(memory))
}
