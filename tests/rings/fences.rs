//! The fences of a ring on a real processor. Loom has its own in their place, and knows no `membarrier`. M15.
//!
//! A publisher stores a word and looks at a flag. A sleeper raises the flag and looks at the word. One of them must see the
//! other: otherwise the sleeper sleeps beside its event.

#[path = "../../primitives/src/waiting/fence.rs"]
#[allow(dead_code, reason = "the waits that end early are not tested here")]
mod fence;

use std::{
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
        compiler_fence,
    },
    thread,
    time::{Duration, Instant},
};

use fence::Fence;
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use support::{child, forbid};
use sysv_ipc::Deadline;

/// How long to look for a reordering, with each pair of fences.
const TIME: Duration = Duration::from_secs(1);
const END: u64 = u64::MAX;

/// A word that shares its cache lines with no other.
#[repr(align(256))]
#[derive(Default)]
struct Apart<T>(T);

#[derive(Default)]
struct Words {
    word: Apart<AtomicU64>,
    flag: Apart<AtomicU32>,
    /// A line that the publisher must fetch from the sleeper before its word can be seen: meanwhile it looks at the flag.
    fetched: Apart<AtomicU64>,
    go: Apart<AtomicU64>,
    done: Apart<AtomicU64>,
    saw: Apart<AtomicU32>,
}

/// Keeps the calling thread on one of the processors that it may use. On the same one, the two threads miss nothing.
fn stay_on(number: usize) {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).expect("the thread is ours");
    let mut usable = (0..CpuSet::count()).filter(|&processor| allowed.is_set(processor).is_ok_and(|is_set| is_set));
    if let Some(processor) = usable.nth(number) {
        let mut only = CpuSet::new();
        only.set(processor).expect("it is in range");
        sched_setaffinity(this, &only).expect("the thread may use it");
    }
}

/// Waits for a moment, and leaves the processor to others if there is but one.
fn spin_until(condition: impl Fn() -> bool) {
    for spins in 1_u32.. {
        if condition() {
            return;
        }
        if spins.is_multiple_of(1 << 7) {
            thread::yield_now();
        }
        std::hint::spin_loop();
    }
}

/// Runs rounds for a while. Returns in how many rounds both have missed each other, of how many.
fn missed(publish: impl Fn(&AtomicU64, u64) + Send, announce: impl Fn(&AtomicU32) + Send) -> (u64, u64) {
    let words = Words::default();
    thread::scope(|scope| {
        let publisher = scope.spawn(|| publish_rounds(&words, publish));
        let sleeper = scope.spawn(|| announce_rounds(&words, announce));
        publisher.join().expect("it publishes to the end");
        sleeper.join().expect("it counts")
    })
}
fn publish_rounds(Words { word, flag, fetched, go, done, saw }: &Words, publish: impl Fn(&AtomicU64, u64)) {
    stay_on(0);
    for round in 1.. {
        spin_until(|| go.0.load(Acquire) >= round);
        if go.0.load(Acquire) == END {
            return;
        }
        fetched.0.store(round, Relaxed);
        publish(&word.0, round);
        saw.0.store(flag.0.load(SeqCst), Relaxed);
        done.0.store(round, Release);
    }
}

fn announce_rounds(Words { word, flag, fetched, go, done, saw }: &Words, announce: impl Fn(&AtomicU32)) -> (u64, u64) {
    stay_on(1);
    let (begun, mut missed, mut rounds) = (Instant::now(), 0, 0_u64);
    while !rounds.is_multiple_of(1024) || begun.elapsed() < TIME {
        rounds += 1;
        flag.0.store(0, SeqCst);
        fetched.0.store(END, Relaxed);
        go.0.store(rounds, Release);
        // The two come at each other at every distance.
        for pause in 0..rounds % 61 {
            std::hint::black_box(pause);
        }
        announce(&flag.0);
        let seen = word.0.load(Acquire);
        spin_until(|| done.0.load(Acquire) >= rounds);
        missed += u64::from(seen != rounds && saw.0.load(Relaxed) == 0);
    }
    go.0.store(END, Release);
    (missed, rounds)
}

#[test]
fn case_m15_a_publisher_and_a_sleeper_never_miss_each_other() {
    // The same without a fence shows whether this machine can miss at all. One with a single processor can't.
    let without = missed(
        |word, value| {
            word.store(value, Release);
            compiler_fence(SeqCst);
        },
        |flag| _ = flag.fetch_or(1, SeqCst),
    );
    println!("without fences: missed {} of {} times", without.0, without.1);
    let (light, strong) = (Fence::choose(false), Fence::choose(true));
    assert_eq!(strong, Fence::Strong { every_process: true });
    let alone = Fence::Strong { every_process: false };
    for (publisher, sleeper) in [(light, light), (strong, strong), (light, alone), (alone, light)] {
        let publish = |word: &AtomicU64, value| publisher.publish(word, value);
        assert_eq!(sleeper.after_announcement(), Deadline::NEVER, "a {sleeper:?} sleeper is sure to be seen");
        let announce = |flag: &AtomicU32| {
            flag.fetch_or(1, SeqCst);
            sleeper.after_announcement();
        };
        let (missed, rounds) = missed(publish, announce);
        println!("{publisher:?} and {sleeper:?}: missed {missed} of {rounds} times");
        assert_eq!(missed, 0, "a {publisher:?} publisher and a {sleeper:?} sleeper, of {rounds} times");
    }
}

/// F1 and F3. A process that can't fence for others fences for itself, and sleeps for a moment alone.
#[test]
fn without_membarrier_a_process_fences_for_itself_and_naps() {
    child(|| {
        forbid(&[libc::SYS_membarrier]);
        let fence = Fence::choose(false);
        assert_eq!(fence, Fence::Strong { every_process: false });
        let nap = fence.after_announcement().remaining();
        assert!(nap.is_some_and(|nap| nap < Duration::from_secs(1)), "{nap:?}");
    })
    .join();
}
