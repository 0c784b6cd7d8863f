//! Helpers that are stopped while they repair what a dead member left, and new members that are stopped or killed while
//! they enter its slot. Others get what the dead member had all the same.

use std::{
    mem::forget,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use support::{
    Waiters, child, exit_now, memory, name,
    step::{Pace, Victim, Walk, every_call, every_instruction, mark},
    until,
};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::{Channel, Mutex, Options, Pool, RecvError, messages, mpmc};

/// How long a survivor waits: longer than anything takes, and short enough to see a failure.
const WAIT: Duration = Duration::from_secs(10);

/// How many permits, or items, a dead member had. A mutex has one lock.
const MANY: u32 = 2;

/// An object, and how to hold all of it, or get a part of it or all.
trait Shared: Sized {
    /// Whether another process can get something while one has a part of it.
    const HAS_PARTS: bool = true;

    fn create(name: &str, max_handles: u32) -> Self;
    fn open(name: &str) -> Self;
    fn hold(&self);
    fn try_one(&self) -> bool;
    fn get_one(&self);
    fn get_all(&self);
}

impl Shared for Mutex<u32> {
    const HAS_PARTS: bool = false;

    fn create(name: &str, max_handles: u32) -> Self {
        Options::<Self>::new().max_handles(max_handles).create(name, 4).expect("the name is ours")
    }

    fn open(name: &str) -> Self {
        Mutex::open(name).expect("a slot is free")
    }

    fn hold(&self) {
        forget(self.lock().expect("it is free"));
    }

    fn try_one(&self) -> bool {
        self.ignore_poison().try_lock().map(forget).is_ok()
    }

    fn get_one(&self) {
        drop(self.ignore_poison().lock_timeout(WAIT).expect("the lock of the dead is to be had"));
    }

    fn get_all(&self) {
        self.get_one();
    }
}

impl Shared for Pool {
    fn create(name: &str, max_handles: u32) -> Self {
        Self::options().max_handles(max_handles).create(name, MANY).expect("the name is ours")
    }

    fn open(name: &str) -> Self {
        Pool::open(name).expect("a slot is free")
    }

    fn hold(&self) {
        forget(self.acquire_many(MANY).expect("they are free"));
    }

    fn try_one(&self) -> bool {
        self.try_acquire().map(forget).is_ok()
    }

    fn get_one(&self) {
        drop(self.acquire_timeout(WAIT).expect("the permits of the dead are to be had"));
    }

    fn get_all(&self) {
        drop(self.acquire_many_timeout(MANY, WAIT).expect("the permits of the dead are to be had"));
    }
}

impl Shared for mpmc::Ring<u64> {
    fn create(name: &str, max_handles: u32) -> Self {
        let ring = Options::<Self>::new().max_handles(max_handles).create(name, 4).expect("the name is ours");
        let producer = ring.producer().expect("there is room for any number");
        (0..MANY.into()).for_each(|item| producer.push(item).expect("there is room"));
        ring
    }

    fn open(name: &str) -> Self {
        mpmc::Ring::open(name).expect("a slot is free")
    }

    fn hold(&self) {
        let consumer = self.consumer().expect("there is room for any number");
        (0..MANY).for_each(|_| forget(consumer.claim().expect("it is there")));
        forget(consumer);
    }

    fn try_one(&self) -> bool {
        let consumer = self.consumer().expect("there is room for any number");
        let got = consumer.try_claim().map(forget).is_ok();
        forget(consumer);
        got
    }

    fn get_one(&self) {
        let consumer = self.consumer().expect("there is room for any number");
        drop(consumer.claim_timeout(WAIT).expect("the items of the dead are to be had"));
    }

    fn get_all(&self) {
        let consumer = self.consumer().expect("there is room for any number");
        let claims: Vec<_> = (0..MANY).map(|_| consumer.claim_timeout(WAIT)).collect();
        assert!(claims.iter().all(Result::is_ok), "the items of the dead are to be had");
    }
}

/// A member takes all there is, and dies.
fn die_holding<K: Shared>(name: &str) {
    child(|| {
        let object = K::open(name);
        object.hold();
        exit_now(0)
    })
    .join();
}

/// It is done, and not only because its time was over.
fn soon(act: impl FnOnce()) {
    let started = Instant::now();
    act();
    assert!(started.elapsed() < WAIT / 2, "the survivor was woken by its deadline");
}

/// Stops a member that repairs what a dead one had, and takes one part of it. Another one gets the other part, or all
/// if that has taken nothing yet.
fn stopped_helper<K: Shared>(pace: Pace, steps: u64) -> Walk {
    let (name, took) = (name(), memory(4));
    let took: &AtomicU32 = took.view(0).unwrap();
    let survivor = K::create(&name, 3);
    let helper = Victim::start(|| {
        let object = K::open(&name);
        mark();
        took.store(1 + u32::from(object.try_one()), SeqCst);
        mark();
    });
    die_holding::<K>(&name);
    let walk = helper.stop_after(pace, steps);
    // At a system call it has what it takes only if it has said so.
    if pace == Pace::Call && took.load(SeqCst) == 0 {
        soon(|| survivor.get_all());
    } else if took.load(SeqCst) < 2 || K::HAS_PARTS {
        soon(|| survivor.get_one());
    }
    helper.go_on();
    assert_eq!(took.load(SeqCst), 2, "the helper gets a part as well");
    walk
}

/// A new member finds one slot alone, that of a dead one, and is stopped or killed while it opens. The other member gets
/// what the dead one had.
fn new_member<K: Shared>(pace: Pace, steps: u64, dies: bool) -> Walk {
    let name = name();
    let survivor = K::create(&name, 2);
    die_holding::<K>(&name);
    let new = Victim::start(|| {
        mark();
        let _object = K::open(&name);
        mark();
    });
    let walk = new.stop_after(pace, steps);
    if dies {
        drop(new);
        soon(|| survivor.get_all());
    } else {
        soon(|| survivor.get_all());
        new.go_on();
    }
    // The slot is to be had again.
    K::open(&name).get_one();
    walk
}

#[derive(Debug, Serialize, Deserialize)]
struct Text(String);

messages! { 1 => Text }

/// A receiver waits for the last sender to be gone, which died, while a new member that repairs its slot dies too.
fn new_member_of_a_channel(steps: u64) -> Walk {
    let name = name();
    let channel = Channel::options().max_handles(2).create(&name).expect("the name is ours");
    let mut receiver = channel.receiver::<Text>().unwrap();
    receiver.detect_disconnect(true);
    child(|| {
        forget(Channel::open(&name).unwrap().sender::<Text>().unwrap());
        exit_now(0)
    })
    .join();
    let new = Victim::start(|| {
        mark();
        let _channel = Channel::open(&name).unwrap();
        mark();
    });
    let walk = new.stop_after(Pace::Call, steps);
    let set = SemaphoreSet::from_id(channel.status().unwrap().set).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            soon(|| {
                let told = receiver.recv_timeout(WAIT);
                assert!(matches!(told, Err(RecvError::Disconnected { .. })), "{told:?}");
            })
        });
        until(|| waiter.is_finished() || Waiters::FOR_MESSAGES.asleep(&set) > 0);
        drop(new);
    });
    walk
}

#[test]
fn case_m9_a_receiver_waits_for_a_new_member_that_dies_at_every_call() {
    every_call("channel.open, one dirty slot, a receiver waits", new_member_of_a_channel);
}

#[test]
fn case_m1_a_helper_is_stopped_at_every_call() {
    every_call("mutex.try_lock, its holder is dead", |steps| stopped_helper::<Mutex<u32>>(Pace::Call, steps));
    every_call("pool.try_acquire, its holder is dead", |steps| stopped_helper::<Pool>(Pace::Call, steps));
    every_call("mpmc.try_claim, the reader is dead", |steps| stopped_helper::<mpmc::Ring<u64>>(Pace::Call, steps));
}

#[test]
fn case_m1_a_helper_of_permits_is_stopped_at_every_instruction() {
    every_instruction("pool.try_acquire, its holder is dead", |steps| stopped_helper::<Pool>(Pace::Instruction, steps));
}

#[test]
fn case_m1_a_helper_of_items_is_stopped_at_every_instruction() {
    every_instruction("mpmc.try_claim, the reader is dead", |steps| {
        stopped_helper::<mpmc::Ring<u64>>(Pace::Instruction, steps)
    });
}

#[test]
fn case_m9_a_new_member_is_stopped_in_the_only_dirty_slot_at_every_call() {
    every_call("mutex.open, one dirty slot", |steps| new_member::<Mutex<u32>>(Pace::Call, steps, false));
    every_call("pool.open, one dirty slot", |steps| new_member::<Pool>(Pace::Call, steps, false));
    every_call("mpmc.open, one dirty slot", |steps| new_member::<mpmc::Ring<u64>>(Pace::Call, steps, false));
}

#[test]
fn case_m9_a_new_member_is_stopped_in_the_only_dirty_slot_at_every_instruction() {
    every_instruction("mutex.open, one dirty slot", |steps| new_member::<Mutex<u32>>(Pace::Instruction, steps, false));
    every_instruction("mpmc.open, one dirty slot", |steps| {
        new_member::<mpmc::Ring<u64>>(Pace::Instruction, steps, false)
    });
}

#[test]
fn case_m9_a_new_member_dies_in_the_only_dirty_slot_at_every_call() {
    every_call("mutex.open, one dirty slot, dying", |steps| new_member::<Mutex<u32>>(Pace::Call, steps, true));
    every_call("pool.open, one dirty slot, dying", |steps| new_member::<Pool>(Pace::Call, steps, true));
    every_call("mpmc.open, one dirty slot, dying", |steps| new_member::<mpmc::Ring<u64>>(Pace::Call, steps, true));
}

#[test]
fn case_m9_a_new_member_dies_in_the_only_dirty_slot_at_every_instruction() {
    every_instruction("mpmc.open, one dirty slot, dying", |steps| {
        new_member::<mpmc::Ring<u64>>(Pace::Instruction, steps, true)
    });
}
