//! A reaper dies at each machine instruction, while it repairs what a dead holder had. The survivor's handle was open
//! before: a new one would move into the dead slot, and repair it.

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{
    Name, Waiters, child, exit_now, name,
    step::{Victim, Walk, every_instruction, mark},
    until, until_rings,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::Pool;

/// How long a survivor waits: longer than anything takes, and short enough to see a lost post many times.
const WAIT: Duration = Duration::from_secs(20);

/// The survivor's handle.
fn new_pool(name: &Name, permits: u32) -> Pool {
    Pool::options().max_handles(4).create(name, permits).expect("the name is ours")
}

/// Takes all permits in a process that dies with them.
fn die_holding(name: &Name, permits: u32) {
    child(|| {
        let pool = Pool::open(name).unwrap();
        std::mem::forget(pool.acquire_many(permits).unwrap());
        exit_now(0)
    })
    .join();
}

/// How many steps after the last permit came back still belong to the repair: posts, and giving the slot back.
const REST: u64 = 1000;

/// Walks through the victim's repair, and no further: what comes then is in other walks. Stops the victim after so many
/// steps, or at the end of the repair, calls `stopped`, and kills the victim.
fn walk_repair(victim: Victim, steps: u64, survivor: &Pool, stopped: impl FnOnce()) -> Walk {
    let (mut taken, mut rest, mut stopped) = (0_u64, REST, Some(stopped));
    let walk = victim.walk_until(|| {
        // Not at every step: it takes longer than a step.
        let may_be_repaired = taken.is_multiple_of(16);
        if rest < REST || may_be_repaired && survivor.available() == survivor.permits() {
            rest -= 1;
        }
        let is_enough = taken == steps || rest == 0;
        if is_enough {
            stopped.take().expect("it stops once")();
        }
        taken += u64::from(!is_enough);
        is_enough
    });
    if let Some(stopped) = stopped {
        stopped();
    }
    if walk == Walk::Killed && taken < steps { Walk::Ended(taken) } else { walk }
}

/// The survivor gets all permits, each once, and not only because its time is over.
fn survive(pool: &Pool, permits: u32) {
    let started = Instant::now();
    if permits == 1 {
        assert_eq!(pool.acquire_timeout(WAIT).expect("no permit is lost").index(), 0);
    }
    let all = pool.acquire_many_timeout(permits, WAIT).expect("no permit is lost");
    assert_eq!(all.indices(), (0..permits as usize).collect::<Vec<_>>(), "each exactly once");
    assert!(pool.try_acquire().is_err(), "and none more");
    assert!(started.elapsed() < WAIT / 2, "the survivor was woken by its deadline");
}

#[test]
fn case_m1_a_reaper_of_permits_dies() {
    every_instruction("pool.try_acquire, its holder is dead, a survivor is there", |steps| {
        let name = name();
        let survivor = new_pool(&name, 2);
        let victim = Victim::start(|| {
            let pool = Pool::open(&name).unwrap();
            mark();
            let _permit = pool.try_acquire().unwrap();
            mark();
        });
        die_holding(&name, 2);
        let walk = walk_repair(victim, steps, &survivor, || {});
        survive(&survivor, 2);
        walk
    });
}

/// The dead process held the last permit, and waited for all.
#[test]
fn case_m1_a_reaper_of_a_waiter_for_many_dies() {
    const PERMITS: u32 = 16;
    every_instruction("pool.try_acquire_many, a waiter for many is dead, a survivor is there", |steps| {
        let name = name();
        let survivor = new_pool(&name, PERMITS);
        let set = survivor.status().expect("it is there").set;
        let victim = Victim::start(|| {
            let pool = Pool::open(&name).unwrap();
            mark();
            let _permits = pool.try_acquire_many(PERMITS).unwrap();
            mark();
        });
        let holder = child(|| {
            let pool = Pool::open(&name).unwrap();
            let mut permits: Vec<_> = (0..PERMITS).map(|_| pool.acquire().unwrap()).collect();
            let last = permits.pop().unwrap();
            assert_eq!(last.index(), PERMITS as usize - 1);
            drop(permits);
            let _all = pool.acquire_many(PERMITS);
        });
        until_rings(set, Waiters::FOR_SEVERAL);
        holder.kill();
        let walk = walk_repair(victim, steps, &survivor, || {});
        survive(&survivor, PERMITS);
        walk
    });
}

/// Stops the reaper after so many steps, lets the survivor wait for all permits, and kills the reaper then.
fn wait_for_a_reaper(permits: u32, waiters: Waiters, steps: u64) -> Walk {
    let name = name();
    let survivor = new_pool(&name, permits);
    let set = SemaphoreSet::from_id(survivor.status().expect("it is there").set).expect("it is there");
    let victim = Victim::start(|| {
        let pool = Pool::open(&name).unwrap();
        mark();
        let _permit = pool.try_acquire().unwrap();
        mark();
    });
    die_holding(&name, permits);
    thread::scope(|scope| {
        walk_repair(victim, steps, &survivor, || {
            let waiter = scope.spawn(|| survive(&survivor, permits));
            until(|| waiter.is_finished() || waiters.asleep(&set) > 0);
        })
    })
}

#[test]
fn case_m1_a_survivor_waits_for_a_reaper_that_dies() {
    let operation = "pool.try_acquire, its holder is dead, a survivor waits for";
    every_instruction(&format!("{operation} one"), |steps| wait_for_a_reaper(1, Waiters::FOR_ONE, steps));
    every_instruction(&format!("{operation} both"), |steps| wait_for_a_reaper(2, Waiters::FOR_SEVERAL, steps));
}
