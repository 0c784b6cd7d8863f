//! The latest value between processes: whole, numbered, and waited for.

mod deaths;
mod ends;
mod reads;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::Duration,
};

use support::{
    Child, LONG, Name, SHORT, Waiters, assert_fails, child, hold_for_ever, memory, name, until, until_rings,
};
use sysv_ipc::Deadline;
use sysv_primitives::{
    OpenError, Watch, WatchError,
    bytemuck::{CheckedBitPattern, NoUninit},
};

type Pair = [u64; 2];

fn watch(name: &str) -> Watch<Pair> {
    Watch::open_or_create(name, [0; 2]).unwrap()
}

fn until_asleep(watch: &Watch<Pair>) {
    until_rings(watch.status().unwrap().set, Waiters::FOR_CHANGE);
}

/// Starts a process that is about to set the value until it is killed.
fn setter(name: &Name) -> Child {
    let watch = watch(name);
    let setter = child(|| self::watch(name).update(|_| hold_for_ever()).unwrap());
    until(|| watch.setter().is_some_and(|member| member.pid == setter.id()));
    setter
}

#[test]
fn the_latest_value_is_seen_by_all() {
    let name = name();
    let (first, second) = (Watch::create(&name, [1, 2]).unwrap(), watch(&name));
    assert_eq!((second.get().unwrap(), second.version(), second.setter()), ([1, 2], 0, None));
    first.set([3, 4]).unwrap();
    child(|| watch(&name).try_set([5, 6]).unwrap()).join();
    assert_eq!([first.get().unwrap(), second.get().unwrap()], [[5, 6]; 2]);
    first.set_timeout([7, 8], SHORT).unwrap();
    let sum = second.update(|[first, second]| {
        *first += 10;
        *first + *second
    });
    assert_eq!((sum.unwrap(), first.get().unwrap(), first.version()), (25, [17, 8], 4));
    second.try_update(|pair| pair[0] = 0).unwrap();
    second.update_timeout(SHORT, |pair| pair[1] = 0).unwrap();
    let mut copy = [9; 2];
    assert_eq!((first.get_into(&mut copy).unwrap(), copy), (6, [0; 2]));
    drop((first, second));
    assert_eq!(watch(&name).version(), 6, "it outlives its handles");
}

#[test]
fn a_watcher_sees_each_change_once() {
    let name = name();
    let watch = watch(&name);
    watch.set([1, 1]).unwrap();
    let mut watcher = watch.watcher();
    assert_fails!(watcher.try_changed(), WatchError::WouldBlock);
    assert_fails!(watcher.changed_timeout(SHORT), WatchError::TimedOut);
    assert_fails!(watcher.changed_deadline(Deadline::NOW), WatchError::WouldBlock);
    (2..5).for_each(|number| watch.set([number; 2]).unwrap());
    let mut other = watcher.clone();
    assert!(watcher.has_changed() && watcher.seen() == 1);
    watcher.changed().unwrap();
    assert!(!watcher.has_changed() && watcher.seen() == 4, "versions are skipped");
    assert_fails!(watcher.try_changed(), WatchError::WouldBlock);
    assert_eq!((other.get().unwrap(), other.has_changed()), ([4; 2], false));
    watch.set([5; 2]).unwrap();
    assert_eq!(other.wait_for(|pair| pair[0] == 5).unwrap(), [5; 2]);
    let mut copy = [0; 2];
    watcher.get_into(&mut copy).unwrap();
    assert_eq!((copy, watcher.seen(), other.seen()), ([5; 2], 5, 5));
}

#[test]
fn waiters_of_many_processes_wake_together() {
    let name = name();
    let watch = watch(&name);
    let waiters = [(); 4].map(|()| {
        child(|| {
            let watch = self::watch(&name);
            let mut watcher = watch.watcher();
            watcher.changed().unwrap();
            assert_eq!(watcher.get().unwrap(), [1, 0]);
            assert_eq!(watch.wait_for(|pair| pair[1] == 3).unwrap(), [1, 3]);
        })
    });
    waiters.iter().for_each(Child::until_asleep);
    watch.set([1, 0]).unwrap();
    for number in 1..=3 {
        waiters.iter().for_each(Child::until_asleep);
        watch.update(|pair| pair[1] = number).unwrap();
    }
    waiters.into_iter().for_each(Child::join);
}

#[test]
fn conditions_and_their_times() {
    let name = name();
    let watch = watch(&name);
    assert_eq!(watch.wait_for(|pair| *pair == [0; 2]).unwrap(), [0; 2]);
    assert_fails!(watch.wait_for_timeout(SHORT, |pair| pair[0] == 1), WatchError::TimedOut);
    assert_fails!(watch.wait_for_deadline(Deadline::NOW, |pair| pair[0] == 1), WatchError::WouldBlock);
    let mut watcher = watch.watcher();
    assert_fails!(watcher.wait_for_timeout(SHORT, |pair| pair[0] == 1), WatchError::TimedOut);
    // A version is checked once, however often the waiter wakes.
    let mut checks = 0;
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            watch.wait_for(|pair| {
                checks += 1;
                pair[0] == 2
            })
        });
        for number in 1..=2 {
            until_asleep(&watch);
            self::watch(&name).set([number; 2]).unwrap();
        }
        assert_eq!(waiter.join().unwrap().unwrap(), [2; 2]);
    });
    assert_eq!(checks, 3);
}

/// Threads of one process wait for different values, and share a doorbell. Each is told of its own.
#[test]
fn threads_wait_for_different_values() {
    const THREADS: usize = 6;
    const ROUNDS: usize = 3000;
    let name = name();
    let (waiting, setting) = (watch(&name), watch(&name));
    let turns: [AtomicU32; THREADS] = Default::default();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (waiting, turns) = (&waiting, &turns);
            scope.spawn(move || {
                for turn in (number..ROUNDS).step_by(THREADS) {
                    waiting.wait_for_timeout(LONG, |pair| pair[0] > turn as u64).expect("it is told");
                    turns[number].fetch_add(1, SeqCst);
                }
            });
        }
        for turn in 0..ROUNDS {
            setting.set([turn as u64 + 1; 2]).unwrap();
            let own = &turns[turn % THREADS];
            until_fast(|| own.load(SeqCst) as usize > turn / THREADS);
        }
    });
}

/// Looks again at once, so that the next step comes when others are not asleep yet.
#[track_caller]
fn until_fast(condition: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LONG, "it never came true");
        thread::yield_now();
    }
}

#[test]
fn one_sets_it_at_a_time() {
    const SETTERS: u64 = 4;
    let name = name();
    let setters = [(); 4].map(|()| {
        child(|| {
            let watch = watch(&name);
            (0..2000).for_each(|_| watch.update(|pair| *pair = [pair[0] + 1, pair[1] + 2]).unwrap());
        })
    });
    setters.into_iter().for_each(Child::join);
    let watch = watch(&name);
    assert_eq!((watch.get().unwrap(), watch.version()), ([2000 * SETTERS, 4000 * SETTERS], 2000 * SETTERS));
}

#[test]
fn a_panic_changes_nothing() {
    let name = name();
    let watch = watch(&name);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        watch.update(|pair| {
            pair[0] = 7;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((watch.get().unwrap(), watch.version(), watch.setter()), ([0; 2], 0, None));
    // One in a condition leaves no waiter behind.
    let panicked = catch_unwind(AssertUnwindSafe(|| watch.wait_for(|_| panic!("on purpose"))));
    assert!(panicked.is_err());
    watch.set([1; 2]).unwrap();
    self::watch(&name).set([2; 2]).unwrap();
    assert_eq!(watch.wait_for_timeout(LONG, |pair| pair[0] == 2).unwrap(), [2; 2]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, CheckedBitPattern, NoUninit)]
#[bytemuck(crate = "sysv_primitives::bytemuck")]
#[repr(u8)]
enum Phase {
    Starting = 1,
    Running = 2,
}

/// Types with bits that are no value.
#[test]
fn an_event_and_a_phase() {
    let name = [name(), name()];
    let stop = Watch::create(&name[0], false).unwrap();
    let phase = Watch::create(&name[1], Phase::Starting).unwrap();
    let waiter = child(|| {
        let (stop, phase): (Watch<bool>, Watch<Phase>) =
            (Watch::open(&name[0]).unwrap(), Watch::open(&name[1]).unwrap());
        assert!(!stop.get().unwrap());
        phase.set(Phase::Running).unwrap();
        assert!(stop.wait_for(|stop| *stop).unwrap());
    });
    assert_eq!(phase.wait_for(|phase| *phase != Phase::Starting).unwrap(), Phase::Running);
    waiter.until_asleep();
    stop.set(true).unwrap();
    waiter.join();
    assert_fails!(Watch::<u8>::open(&name[0]), OpenError::WrongType { .. });
    // Damage is no value, and is no crash.
    let memory = sysv_ipc::Segment::from_id(stop.status().unwrap().segment).unwrap().attach().unwrap();
    // The second of the four places, which are the last 512 bytes, has version 1.
    memory.write(&[7], memory.len() - 3 * 128).unwrap();
    assert_fails!(stop.get(), WatchError::Failed(_));
    assert_fails!(stop.update(|stop| *stop = false), WatchError::Failed(_));
    assert!(stop.setter().is_none());
    stop.set(false).unwrap();
    assert!(!stop.get().unwrap());
}

#[test]
fn values_larger_than_the_stack() {
    type Large = [u64; 1 << 20];
    let name = name();
    let watch = Watch::<Large>::create_with(&name, |large| large.fill(7)).unwrap();
    let other = Watch::<Large>::options().open_or_create_zeroed(&name).unwrap();
    other.update(|large| large[5] = 8).unwrap();
    let mut copy: Box<Large> = vec![0; 1 << 20].try_into().unwrap();
    assert_eq!(watch.get_into(&mut copy).unwrap(), 1);
    assert_eq!((copy[4], copy[5], copy[(1 << 20) - 1]), (7, 8, 7));
    let panicked = catch_unwind(|| Watch::<Large>::create_with(&support::name(), |_| panic!("on purpose")));
    assert!(panicked.is_err());
}

#[test]
fn values_of_no_size_and_of_odd_sizes() {
    let names = [name(), name(), name()];
    let tick = Watch::create(&names[0], ()).unwrap();
    let mut watcher = tick.watcher();
    tick.set(()).unwrap();
    watcher.changed().unwrap();
    let odd = Watch::create(&names[1], [1_u8; 13]).unwrap();
    odd.set([2; 13]).unwrap();
    assert_eq!(odd.get().unwrap(), [2; 13]);
    let odd = Watch::create(&names[2], [1_u16; 99]).unwrap();
    odd.update(|numbers| numbers.iter_mut().zip(0..).for_each(|(number, index)| *number = index)).unwrap();
    assert!(odd.get().unwrap().iter().zip(0..).all(|(&number, index)| number == index));
}

#[test]
fn a_waiter_is_told_of_the_removal() {
    let name = name();
    let watch = watch(&name);
    let waiter = child(|| assert!(self::watch(&name).watcher().changed().unwrap_err().is_gone()));
    waiter.until_asleep();
    watch.remove().unwrap();
    waiter.join();
    assert_fails!(Watch::<Pair>::open(&name), OpenError::NoSuchName { .. });
    // Those that have it open go on.
    watch.set([1; 2]).unwrap();
    assert_eq!(watch.get().unwrap(), [1; 2]);
    let gone = watch.wait_for_timeout(Duration::from_secs(1), |pair| pair[0] == 2);
    assert!(gone.unwrap_err().is_gone());
}

#[test]
fn many_handles_of_a_value() {
    let (name, counted) = (name(), memory(4));
    let woken: &AtomicU32 = counted.view(0).unwrap();
    let watch = Watch::<Pair>::options().max_handles(33).create(&name, [0; 2]).unwrap();
    let waiters: Vec<_> = (0..32)
        .map(|_| {
            child(|| {
                Watch::<Pair>::open(&name).unwrap().wait_for(|pair| pair[0] == 1).unwrap();
                woken.fetch_add(1, SeqCst);
            })
        })
        .collect();
    waiters.iter().for_each(Child::until_asleep);
    watch.set([1; 2]).unwrap();
    waiters.into_iter().for_each(Child::join);
    assert_eq!(woken.load(SeqCst), 32);
}
