//! What a dead consumer of an mpmc ring had is repaired by a process that dies on its way, or beside one that was stopped.
//! The survivor's handle was open before: a new one would move into the dead slot, and repair it.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::{Duration, Instant},
};

use support::{
    Name, child, exit_now, memory, name,
    step::{Pace, Victim, Walk, every_instruction, mark},
};
use sysv_primitives::{
    PopError,
    mpmc::{self, Counts},
};

/// How long a survivor waits: longer than anything takes, and short enough to see a lost item many times.
const WAIT: Duration = Duration::from_secs(20);

const ITEM: u32 = 7;

fn new_ring(name: &Name, slots: u32, capacity: usize) -> mpmc::Ring<u32> {
    let ring = mpmc::Ring::options().max_handles(slots).create(name, capacity).expect("the name is ours");
    ring.producer().unwrap().push(ITEM).unwrap();
    ring
}

fn open(name: &Name) -> mpmc::Ring<u32> {
    mpmc::Ring::open(name).expect("a slot is free")
}

/// Steps until what the ring counts has changed. Returns after how many steps that was, or `None` if the operation ended first.
fn steps_until(victim: &Victim, pace: Pace, ring: &mpmc::Ring<u32>, of: fn(Counts) -> u64) -> Option<u64> {
    let (before, steps) = (of(ring.counts()), Cell::new(0_u64));
    let walk = victim.stop_when(pace, || {
        let has_changed = of(ring.counts()) != before;
        steps.set(steps.get() + u64::from(!has_changed));
        has_changed
    });
    (walk == Walk::Killed).then_some(steps.get())
}

/// How many steps after the item came back still belong to the repair.
const REST: u64 = 400;

/// A dead process has an item and the only free slot. A new member moves into the slot, begins to repair it, and dies.
#[test]
fn case_m9_a_new_member_dies_in_the_only_slot() {
    let newcomer = |name: &Name| {
        Victim::start(|| {
            mark();
            let ring = open(name);
            mark();
            drop(ring);
        })
    };
    let scene = |name: &Name| {
        let ring = new_ring(name, 2, 4);
        child(|| {
            let ring = open(name);
            std::mem::forget(ring.consumer().unwrap().claim().unwrap());
            exit_now(0)
        })
        .join();
        ring
    };
    // The repair follows on the last of so many stops at system calls.
    let calls = {
        let name = name();
        let ring = scene(&name);
        steps_until(&newcomer(&name), Pace::Call, &ring, |counts| counts.taken_over).map_or(0, |stops| stops - 1)
    };
    every_instruction("mpmc.open, a dead process has an item and the slot", |steps| {
        let name = name();
        let ring = scene(&name);
        let survivor = ring.consumer().unwrap();
        let victim = newcomer(&name);
        victim.stop_after(Pace::Call, calls);
        let (mut taken, mut rest) = (0_u64, REST);
        let walk = victim.walk_until(|| {
            rest -= u64::from(ring.counts().taken_over > 0);
            let is_enough = taken == steps || rest == 0;
            taken += u64::from(!is_enough);
            is_enough
        });
        let begun = Instant::now();
        let popped = survivor.pop_timeout(WAIT);
        assert_eq!(popped.unwrap_or_else(|error| panic!("the item is lost: {error}")), ITEM);
        assert!(begun.elapsed() < WAIT / 2, "the survivor was woken by its deadline");
        assert!(matches!(survivor.try_pop(), Err(PopError::Empty)), "it comes once");
        if walk == Walk::Killed && taken < steps { Walk::Ended(taken) } else { walk }
    });
}

/// A consumer dies after it claimed an item and before `head` passed it. Another one is stopped where it is about to help
/// `head`. A third process repairs, and a fourth one looks for the item at the same time.
struct Helped {
    name: Name,
    ring: mpmc::Ring<u32>,
    claimer: Victim,
    helper: Victim,
    last: Victim,
}

impl Helped {
    fn new(got: &AtomicU32) -> Self {
        let name = name();
        let ring = new_ring(&name, 6, 1);
        let consumer = |act: fn(&mpmc::Consumer<u32>) -> u32| {
            Victim::start(|| {
                let consumer = open(&name).consumer().unwrap();
                mark();
                got.fetch_add(act(&consumer), SeqCst);
                mark();
            })
        };
        let claimer = consumer(|consumer| {
            std::mem::forget(consumer.claim().unwrap());
            0
        });
        let pop = |consumer: &mpmc::Consumer<u32>| consumer.try_pop().unwrap_or(0);
        let (helper, last) = (consumer(pop), consumer(pop));
        Self { ring, claimer, helper, last, name }
    }

    /// Stops a consumer right before `head` goes on.
    fn stop_before(&self, victim: &Victim, steps: u64) {
        victim.stop_after(Pace::Instruction, steps);
        assert!(steps == u64::MAX || self.ring.counts().popped == 0, "it went another way in {:?}", &*self.name);
    }
}

#[test]
fn case_m10_an_item_comes_back_before_head_has_passed_it() {
    let counted = memory(4);
    let got: &AtomicU32 = counted.view(0).unwrap();
    let popped = |counts: Counts| counts.popped;
    let before = |steps: Option<u64>| steps.map_or(u64::MAX, |steps| steps - 1);
    let to_claim = {
        let scene = Helped::new(got);
        before(steps_until(&scene.claimer, Pace::Instruction, &scene.ring, popped))
    };
    let to_help = {
        let scene = Helped::new(got);
        scene.stop_before(&scene.claimer, to_claim);
        before(steps_until(&scene.helper, Pace::Instruction, &scene.ring, popped))
    };
    println!("claimed after {to_claim} steps, helped after {to_help}");
    every_instruction("mpmc.try_pop, an item comes back behind head", |steps| {
        got.store(0, SeqCst);
        let scene = Helped::new(got);
        scene.stop_before(&scene.claimer, to_claim);
        scene.stop_before(&scene.helper, to_help);
        let Helped { ring, claimer, helper, last, name: _name } = scene;
        claimer.kill();
        // There is no room, so it looks for the dead, and repairs. It looks at the other end of the ring.
        assert!(ring.producer().unwrap().try_push(0).unwrap_err().is_busy());
        let walk = last.stop_after(Pace::Instruction, steps);
        helper.go_on();
        last.go_on();
        let survivor = ring.consumer().unwrap();
        let left = survivor.try_pop().unwrap_or(0);
        assert_eq!(got.load(SeqCst) + left, ITEM, "the item comes once");
        drop(claimer);
        walk
    });
}
