//! What a process holds up that is stopped at any machine instruction of an operation.
//!
//! Others act while it is stopped, and it goes on afterwards. What they can't do by then is counted. The tables in the
//! modules of the primitives come from here. A test fails if others are held up where the table says that they are not.

use std::{cell::Cell, thread, time::Duration};

use support::{
    LONG, Name, Waiters, name,
    step::{Pace, Victim, Walk, every_instruction, mark},
    until_rings,
};
use sysv_primitives::{Mutex, Options, Pool, mpmc, spsc};

/// How long another process tries: long enough for a busy machine, and for an offer of a lock to expire.
pub(super) const TRIED: Duration = Duration::from_millis(150);

fn options<K>() -> Options<K> {
    Options::new().max_handles(8)
}

/// Counts at how many stops something was held up.
#[derive(Default)]
pub(super) struct Tally {
    stops: Cell<u32>,
    held: Cell<u32>,
}

impl Tally {
    pub(super) fn count(&self, went_on: bool) {
        self.stops.set(self.stops.get() + 1);
        self.held.set(self.held.get() + u32::from(!went_on));
    }

    fn print(&self, what: &str) {
        println!("    {what}: held up in {} of {} stops", self.held.get(), self.stops.get());
    }

    #[track_caller]
    pub(super) fn assert_never(&self, what: &str) {
        self.print(what);
        assert_eq!(self.held.get(), 0, "{what} is held up");
    }

    /// It is held up somewhere, or the operation did not do what it should; and not everywhere.
    #[track_caller]
    pub(super) fn assert_partly(&self, what: &str) {
        self.print(what);
        assert!(self.held.get() < self.stops.get(), "{what} is always held up");
    }
}

/// Stops a victim after so many instructions of what it does, has others act, and lets it go on.
pub(super) fn stop(victim: Victim, steps: u64, others: impl FnOnce()) -> Walk {
    let walk = victim.stop_after(Pace::Instruction, steps);
    others();
    victim.go_on();
    walk
}

#[test]
fn a_user_of_a_mutex() {
    let lock = Tally::default();
    every_instruction("mutex.lock and unlock, another locks", |steps| {
        let name = name();
        let mutex = options::<Mutex<u32>>().create(&name, 0).unwrap();
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<u32>>().open(&name).unwrap();
            drop(mutex.lock().unwrap());
            mark();
            drop(mutex.lock().unwrap());
            mark();
        });
        stop(victim, steps, || lock.count(mutex.lock_timeout(TRIED).is_ok()))
    });
    lock.assert_partly("the lock");
}

/// The victim has the lock, and unlocks while a waiter sleeps. A process that comes meanwhile gets the lock once it is
/// free, and its unlock calls the waiter, if the victim has not.
fn notifier_of_a_mutex(fair: bool) -> (Tally, Tally) {
    let (newcomer, waiter) = <(Tally, Tally)>::default();
    every_instruction(&format!("mutex.unlock, a waiter sleeps, fair: {fair}"), |steps| {
        let name = name();
        let mutex = options::<Mutex<u32>>().fair(fair).create(&name, 0).unwrap();
        let (second, set) = (options::<Mutex<u32>>().open(&name).unwrap(), mutex.status().unwrap().set);
        let victim = Victim::start(|| {
            let mutex = options::<Mutex<u32>>().open(&name).unwrap();
            let guard = mutex.lock().unwrap();
            mark();
            drop(guard);
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| drop(second.lock_timeout(LONG).expect("it is notified")));
            until_rings(set, Waiters::OF_MUTEX);
            stop(victim, steps, || {
                let got = mutex.lock_timeout(TRIED).map(drop).is_ok();
                newcomer.count(got);
                if got {
                    let is_done = || sleeper.is_finished();
                    waiter.count(support::within(TRIED, is_done));
                }
            })
        })
    });
    (newcomer, waiter)
}

#[test]
fn a_notifier_of_a_mutex() {
    for fair in [false, true] {
        let (newcomer, waiter) = notifier_of_a_mutex(fair);
        newcomer.assert_partly("a newcomer's lock");
        waiter.assert_never("the waiter, after the newcomer's unlock");
    }
}

#[test]
fn a_user_of_a_pool() {
    let (one, several) = <(Tally, Tally)>::default();
    every_instruction("pool.acquire and release, others acquire", |steps| {
        let name = name();
        let pool = options::<Pool>().create(&name, 4).unwrap();
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            drop(pool.acquire().unwrap());
            mark();
            drop(pool.acquire().unwrap());
            mark();
        });
        stop(victim, steps, || {
            one.count(pool.acquire_timeout(TRIED).is_ok());
            several.count(pool.acquire_many_timeout(3, TRIED).is_ok());
        })
    });
    one.assert_never("another permit");
    several.assert_never("the three other permits");
}

#[test]
fn a_caller_for_several_permits() {
    let (one, several) = <(Tally, Tally)>::default();
    every_instruction("pool.acquire_many and release, others acquire", |steps| {
        let name = name();
        let pool = options::<Pool>().create(&name, 6).unwrap();
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            mark();
            drop(pool.acquire_many(2).unwrap());
            mark();
        });
        stop(victim, steps, || {
            one.count(pool.acquire_timeout(TRIED).is_ok());
            several.count(pool.acquire_many_timeout(2, TRIED).is_ok());
        })
    });
    one.assert_never("another permit");
    several.assert_partly("two other permits");
}

/// Two wait for one permit each. The victim releases two, one after the other.
#[test]
fn a_notifier_of_a_pool() {
    let waiter = Tally::default();
    every_instruction("pool.release, two wait, another releases", |steps| {
        let name = name();
        let pool = options::<Pool>().create(&name, 2).unwrap();
        let set = pool.status().unwrap().set;
        let others: Vec<Pool> = (0..2).map(|_| options::<Pool>().open(&name).unwrap()).collect();
        let ours = pool.acquire().unwrap();
        let victim = Victim::start(|| {
            let pool = options::<Pool>().open(&name).unwrap();
            let permit = pool.acquire().unwrap();
            mark();
            drop(permit);
            mark();
        });
        thread::scope(|scope| {
            let sleepers: Vec<_> =
                others.iter().map(|pool| scope.spawn(|| std::mem::forget(pool.acquire_timeout(LONG)))).collect();
            let set = sysv_ipc::SemaphoreSet::from_id(set).unwrap();
            support::until(|| Waiters::FOR_ONE.asleep(&set) == 2);
            stop(victim, steps, || {
                drop(ours);
                let one_is_done = || sleepers.iter().any(thread::ScopedJoinHandle::is_finished);
                waiter.count(support::within(TRIED, one_is_done));
            })
        })
    });
    waiter.assert_never("one of the waiters, after another release");
}

fn ring(name: &Name, items: u64) -> mpmc::Ring<u64> {
    let ring = options::<mpmc::Ring<u64>>().create(name, 8).unwrap();
    let producer = ring.producer().unwrap();
    (0..items).for_each(|item| producer.push(item).unwrap());
    ring
}

#[test]
fn a_producer_of_mpmc() {
    let (push, older, newer) = <(Tally, Tally, Tally)>::default();
    every_instruction("mpmc.push, others push and pop", |steps| {
        let name = name();
        let ring = ring(&name, 1);
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let victim = Victim::start(|| {
            let producer = mpmc::Ring::<u64>::open(&name).unwrap().producer().unwrap();
            mark();
            producer.push(1).unwrap();
            mark();
        });
        stop(victim, steps, || {
            push.count(producer.push_timeout(2, TRIED).is_ok());
            older.count(consumer.pop_timeout(TRIED).is_ok_and(|item| item == 0));
            newer.count(consumer.pop_timeout(TRIED).is_ok());
        })
    });
    push.assert_never("another push");
    older.assert_never("the item before it");
    newer.assert_partly("the item behind it");
}

#[test]
fn a_consumer_of_mpmc() {
    let (push, pop) = <(Tally, Tally)>::default();
    every_instruction("mpmc.pop, others push and pop", |steps| {
        let name = name();
        let ring = ring(&name, 2);
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let victim = Victim::start(|| {
            let consumer = mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap();
            mark();
            consumer.pop().unwrap();
            mark();
        });
        stop(victim, steps, || {
            push.count(producer.push_timeout(2, TRIED).is_ok());
            pop.count(consumer.pop_timeout(TRIED).is_ok());
        })
    });
    push.assert_never("a push");
    pop.assert_never("another pop");
}

/// Two wait for items. The victim pushes one, and another process pushes the next: one of the waiters gets something,
/// unless the victim is at its item, which comes first.
#[test]
fn a_notifier_of_mpmc() {
    let waiter = Tally::default();
    every_instruction("mpmc.push, two wait, another pushes", |steps| {
        let name = name();
        let ring = ring(&name, 0);
        let producer = ring.producer().unwrap();
        let set = sysv_ipc::SemaphoreSet::from_id(ring.status().unwrap().set).unwrap();
        let others: Vec<mpmc::Ring<u64>> = (0..2).map(|_| mpmc::Ring::open(&name).unwrap()).collect();
        let victim = Victim::start(|| {
            let producer = mpmc::Ring::<u64>::open(&name).unwrap().producer().unwrap();
            mark();
            producer.push(1).unwrap();
            mark();
        });
        thread::scope(|scope| {
            let pop = |ring: &mpmc::Ring<u64>| ring.consumer().unwrap().pop_timeout(LONG).expect("it is notified");
            let sleepers: Vec<_> = others.iter().map(|ring| scope.spawn(move || pop(ring))).collect();
            support::until(|| Waiters::FOR_ITEMS.asleep(&set) == 2);
            stop(victim, steps, || {
                producer.push(2).unwrap();
                let one_is_done = || sleepers.iter().any(thread::ScopedJoinHandle::is_finished);
                waiter.count(support::within(TRIED, one_is_done));
            })
        })
    });
    waiter.assert_partly("one of the waiters, after another push");
}

/// The victim comes to wait for an item, and another consumer waits already. Two items are pushed: the other gets one.
#[test]
fn a_waiter_of_mpmc() {
    let waiter = Tally::default();
    every_instruction("mpmc.pop, it and another wait, two are pushed", |steps| {
        let name = name();
        let ring = ring(&name, 0);
        let producer = ring.producer().unwrap();
        let set = ring.status().unwrap().set;
        let other = mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap();
        let victim = Victim::start(|| {
            let consumer = mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap();
            mark();
            // It would sleep where no step ends.
            let _ = consumer.pop_timeout(Duration::from_millis(1));
            mark();
        });
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| other.pop_timeout(LONG).expect("it is notified"));
            until_rings(set, Waiters::FOR_ITEMS);
            let walk = stop(victim, steps, || {
                (1..=2).for_each(|item| producer.push(item).unwrap());
                waiter.count(support::within(TRIED, || sleeper.is_finished()));
            });
            // The victim may have taken one, and timed out otherwise.
            let _ = producer.try_push(3);
            walk
        })
    });
    waiter.assert_never("the other waiter, after two pushes");
}

#[test]
fn a_producer_of_spsc() {
    let pop = Tally::default();
    every_instruction("spsc.push, the consumer pops", |steps| {
        let name = name();
        let ring = options::<spsc::Ring<u64>>().create(&name, 4).unwrap();
        ring.producer().unwrap().push(0).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let victim = Victim::start(|| {
            let mut producer = spsc::Ring::<u64>::open(&name).unwrap().producer().unwrap();
            mark();
            producer.push(1).unwrap();
            mark();
        });
        stop(victim, steps, || pop.count(consumer.pop_timeout(TRIED).is_ok_and(|item| item == 0)))
    });
    pop.assert_never("the item before it");
}
