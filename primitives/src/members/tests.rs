//! Members of one set, all in this process, and what happens to a slot while a helper repairs it.

use std::{
    cell::RefCell,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{Members, ONE, Registration, Repair, Session};
use crate::{
    Failure, ObjectName,
    failure::Result,
    layout,
    raw::{Amount, Deadline, Key, SemOp, SemaphoreOptions, SemaphoreSet, SharedMemory, SharedMemoryOptions},
    set_layout::{Bells, STATE, SetLayout},
};

const BELLS: Bells = Bells::common(0).and_each(1);
const HANDLES: u32 = 2;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A live object without members. The set is removed when it is dropped, also if the test fails.
struct Scene {
    set: SemaphoreSet,
    layout: SetLayout,
    memory: Arc<SharedMemory>,
}

/// A repair that only looks.
struct Look<F>(F);

impl<F: Fn(u32, bool)> Repair for Look<F> {
    fn repair(&self, slot: u32, is_begun: bool, _: &Members) -> Result<()> {
        (self.0)(slot, is_begun);
        Ok(())
    }
}

const BLIND: Look<fn(u32, bool)> = Look(|_, _| ());

impl Scene {
    fn new() -> Self {
        let layout = SetLayout::new(BELLS, HANDLES);
        let set = SemaphoreOptions::new().create(true).open_set(Key::PRIVATE, layout.semaphores()).unwrap();
        let size = layout::body_offset(HANDLES);
        let memory = SharedMemoryOptions::new().create(true).size(size).open(Key::PRIVATE).unwrap();
        memory.remove().unwrap();
        set.set_value(STATE.into(), 1).unwrap();
        Self { set, layout, memory: Arc::new(memory) }
    }

    /// A handle that is not registered yet.
    fn members(&self) -> Members {
        let slots = layout::slots(&self.memory, HANDLES).unwrap();
        let (name, set) = (ObjectName::new("members", "test"), self.set.clone());
        Members::new(name, set, slots, self.layout, Amount::ONE, TIMEOUT, false)
    }

    fn register(&self, repair: &impl Repair) -> (Members, Session) {
        let members = self.members();
        assert!(matches!(members.register(repair).unwrap(), Registration::Done));
        let me = members.session(repair).unwrap();
        (members, me)
    }

    /// The member of a slot is dead from now on.
    fn die(&self, slot: u32) {
        self.set.set_value(self.layout.alive(slot).into(), 0).unwrap();
    }

    fn alive(&self, slot: u32) -> u16 {
        self.set.value(self.layout.alive(slot).into()).unwrap()
    }

    fn helpers(&self, slot: u32) -> u16 {
        self.set.value(self.layout.helpers(slot).into()).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Another panic would end the process, and hide the first one.
        let _ = self.set.remove();
    }
}

fn used(members: &Members, slot: u32) -> u32 {
    members.slots[slot as usize].used.load(Relaxed)
}

/// Once ALIVE is given back, the slot may be another member's.
#[test]
fn mb1_a_slot_is_clean_before_alive_is_given_back() {
    let scene = Scene::new();
    let (members, me) = scene.register(&BLIND);
    // ALIVE can't be given back after this repair.
    members.deregister(&Look(|_, _| scene.set.remove().unwrap()));
    assert_eq!(used(&members, me.owner() - 1), 0);
}

#[test]
fn mb3_a_process_that_lost_its_slot_neither_posts_nor_sleeps() {
    let scene = Scene::new();
    let (lost, me) = scene.register(&BLIND);
    let slot = me.owner() - 1;
    scene.die(slot);
    assert!(scene.members().reap(slot, &BLIND).unwrap());
    let is_lost = |result: Result<()>| matches!(result, Err(Failure::MembershipLost { .. }));
    assert!(is_lost(lost.post(1)));
    assert_eq!(scene.set.value(scene.layout.bell(1).into()), Ok(0), "it has not posted");
    // The first sleep asks the set as well, and the second one does not.
    assert!((0..2).all(|_| is_lost(lost.sleep(0, Deadline::NOW).map(drop))));
}

#[test]
fn mb4_a_new_member_repairs_a_slot_before_it_owns_it() {
    let scene = Scene::new();
    // Both are dead and dirty.
    (0..HANDLES).for_each(|slot| scene.members().slots[slot as usize].used.store(7, Relaxed));
    let repaired = RefCell::new(Vec::new());
    let look = |slot, is_begun| repaired.borrow_mut().push((slot, is_begun, scene.alive(slot)));
    let (members, me) = scene.register(&Look(look));
    assert_eq!(*repaired.borrow(), [(0, true, 0)]);
    assert!(me.slot() == 0 && ![0, 7].contains(&used(&members, 0)));
}

#[test]
fn mb4_a_new_member_leaves_a_slot_that_another_helper_has_entered() {
    let scene = Scene::new();
    let helpers = scene.layout.helpers(0);
    let enter = |slot, _| {
        if slot == 0 {
            scene.set.op(&[SemOp::add(helpers, ONE)]).unwrap();
        }
    };
    let (_, me) = scene.register(&Look(enter));
    assert_eq!((me.slot(), scene.alive(0), scene.helpers(0)), (1, 0, 1));
}

#[test]
fn mb5_no_helper_enters_a_slot_with_a_member() {
    let scene = Scene::new();
    let (_, me) = scene.register(&BLIND);
    let reaped = scene.members().reap(me.owner() - 1, &Look(|_, _| panic!("it lives")));
    assert!(!reaped.unwrap());
}

#[test]
fn mb6_a_slot_is_dirty_until_all_of_it_is_repaired() {
    let scene = Scene::new();
    let (members, me) = scene.register(&BLIND);
    let slot = me.owner() - 1;
    scene.die(slot);
    let look = |slot, _| assert!(used(&members, slot) != 0 && scene.helpers(slot) == 1);
    assert!(scene.members().reap(slot, &Look(look)).unwrap());
    assert_eq!((used(&members, slot), scene.helpers(slot)), (0, 0));
}
