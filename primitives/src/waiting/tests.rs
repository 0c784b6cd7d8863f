//! A room with named calls, two members of several threads each, and messages of three lanes.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32,
            Ordering::{Acquire, Relaxed, SeqCst},
            fence,
        },
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Checked, Party, Round, Station, Turn, Withdrawn,
    flag::Flag,
    room::Room,
    wait,
    waiter::{Gate, Waiter},
};
use crate::{
    ObjectName,
    failure::Result,
    layout,
    members::{Members, Registration, Repair, Session},
    raw::{Amount, Deadline, Key, SemaphoreOptions, SemaphoreSet, SharedMemory, SharedMemoryOptions},
    set_layout::{Bells, STATE, SetLayout},
};

const HANDLES: u32 = 4;
const LANES: usize = 3;
const MESSAGES: usize = 6;
const LONG: Duration = Duration::from_secs(10);

/// What the members share besides the room: message `m` is in lane `m % 3`.
#[derive(Default)]
struct Words {
    messages: [AtomicU32; MESSAGES],
    flags: [Flag; LANES],
    wide: Flag,
    is_over: AtomicBool,
}

/// One member.
struct Handle {
    members: Members,
    room: Room,
    words: Arc<Words>,
}

fn lane_of(message: usize) -> u64 {
    1 << (message % LANES)
}

fn is_wide(interest: u64) -> bool {
    interest.count_ones() > 1
}

impl Handle {
    fn new(set: SemaphoreSet, memory: &Arc<SharedMemory>, words: &Arc<Words>) -> Self {
        let bells = Bells::common(0).and_each(1);
        let slots = layout::slots(memory, HANDLES).unwrap();
        let (name, layout) = (ObjectName::new("room", "test"), SetLayout::new(bells, HANDLES));
        let members = Members::new(name, set, slots, layout, Amount::ONE, LONG, false);
        let at = layout::body_offset(HANDLES);
        let room = Room::at(memory, at, HANDLES, bells.of_room(0)).unwrap().with_named_calls();
        let handle = Self { members, room, words: Arc::clone(words) };
        assert!(matches!(handle.members.register(&handle).unwrap(), Registration::Done));
        handle
    }

    fn me(&self) -> Session {
        self.members.session(self).unwrap()
    }

    fn send(&self, message: usize) {
        let Words { messages, flags, wide, .. } = &*self.words;
        messages[message].store(1, SeqCst);
        fence(SeqCst);
        let (lane, what) = (lane_of(message), u32::try_from(message).unwrap());
        let fits = |interest: u64| interest & lane != 0;
        let flag = &flags[message % LANES];
        if flag.is_up() {
            self.room.notify_fitting(flag, what, fits, fits, &self.members).unwrap();
        } else {
            self.room.notify_fitting(wide, what, fits, is_wide, &self.members).unwrap();
        }
    }

    /// Takes a message of some lanes. Returns `None` if there is none in time, or the test has ended.
    fn take(&self, lanes: u64, deadline: Deadline) -> Option<usize> {
        let party = Party { members: &self.members, repair: self, me: self.me() };
        let waiter = Waiter::new(&self.room, Lanes { handle: self, lanes }, party.me, lanes);
        let fitting = || (0..MESSAGES).filter(|&message| lane_of(message) & lanes != 0);
        let claim = |&message: &usize| self.words.messages[message].compare_exchange(1, 0, SeqCst, Relaxed).is_ok();
        let taken = wait(party, &waiter, deadline, |_| -> Result<_> {
            let is_over = self.words.is_over.load(SeqCst).then_some(None);
            let ended = is_over.or_else(|| fitting().find(claim).map(Some));
            Ok(ended.map_or(Checked::Sleep(Deadline::NEVER), Checked::Found))
        });
        taken.unwrap().flatten()
    }
}

struct Lanes<'a> {
    handle: &'a Handle,
    lanes: u64,
}

impl Gate for Lanes<'_> {
    fn open(&self, interest: u64) -> Deadline {
        self.interest_changed(interest);
        fence(SeqCst);
        Deadline::NEVER
    }

    fn interest_changed(&self, interest: u64) {
        let Words { flags, wide, .. } = &*self.handle.words;
        let flag = if is_wide(interest) { wide } else { &flags[interest.trailing_zeros() as usize] };
        flag.raise();
    }

    fn selection(&self) -> Option<u64> {
        Some(self.lanes)
    }

    fn pass_on_named(&self, what: u32, members: &Members) -> Result<()> {
        let message = what as usize;
        if self.handle.words.messages[message].load(Acquire) == 0 {
            return Ok(());
        }
        self.handle.room.call_fitting(what, |interest| interest & lane_of(message) != 0, members).map(drop)
    }
}

impl Repair for Handle {
    fn repair(&self, slot: u32, _: bool, _: &Members) -> Result<()> {
        self.room.repair(slot);
        Ok(())
    }
}

/// A set that is removed when it is dropped, also if the test fails.
struct Removed(SemaphoreSet);

impl Drop for Removed {
    fn drop(&mut self) {
        // Another panic would end the process, and hide the first one.
        let _ = self.0.remove();
    }
}

/// Makes a set, a segment and members of them, and removes what remains in the system.
fn with_handles(test: impl FnOnce(&[Handle])) {
    let layout = SetLayout::new(Bells::common(0).and_each(1), HANDLES);
    let set = SemaphoreOptions::new().create(true).open_set(Key::PRIVATE, layout.semaphores()).unwrap();
    let set = Removed(set);
    let size = layout::body_offset(HANDLES) + Room::bytes(HANDLES);
    let memory = SharedMemoryOptions::new().create(true).size(size).open(Key::PRIVATE).unwrap();
    memory.remove().unwrap();
    let memory = Arc::new(memory);
    set.0.set_value(STATE.into(), 1).unwrap();
    let words = Arc::default();
    let handles: Vec<_> =
        (0..HANDLES).map(|_| Handle::new(SemaphoreSet::from_raw_id(set.0.id()), &memory, &words)).collect();
    test(&handles);
}

/// Ends every wait when it is dropped, also if the test fails.
struct End<'a>(&'a [Handle]);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0[0].words.is_over.store(true, SeqCst);
        for Handle { members, room, .. } in self.0 {
            let slot = members.session(&self.0[0]).unwrap().slot();
            room.rouse_own(slot, members).unwrap();
        }
    }
}

/// Waits until a condition holds. Fails if that takes too long.
fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "{what}");
        thread::yield_now();
    }
}

/// The threads of a test: of which member, and for which lanes. Those of the second half leave early.
type Threads = [(usize, u64); 10];

#[test]
fn no_message_lies_there_while_a_thread_sleeps_that_wants_it() {
    let patient = [(0, 0b001), (0, 0b010), (1, 0b100), (1, 0b010), (2, 0b111)];
    let others = [(0, 0b011), (1, 0b110), (1, 0b100), (2, 0b001), (2, 0b101)];
    send_and_take([patient, others].concat().try_into().unwrap());
}

/// Each member is announced for all lanes, until threads of it leave.
#[test]
fn no_message_lies_there_while_another_process_was_called_for_it() {
    let patient = [(0, 0b001), (0, 0b010), (0, 0b111), (1, 0b100), (1, 0b110)];
    let others = [(0, 0b011), (0, 0b100), (1, 0b010), (1, 0b001), (1, 0b101)];
    send_and_take([patient, others].concat().try_into().unwrap());
}

/// Each thread takes one message in a round at most. So each wake-up counts: none stays while a thread sleeps that wants it.
fn send_and_take(threads: Threads) {
    const ROUNDS: u32 = 3000;
    with_handles(|handles| {
        let (messages, round) = (&handles[0].words.messages, &AtomicU32::new(1));
        let done: &[AtomicU32; 10] = &Default::default();
        let is_there = |message: &usize| messages[*message].load(SeqCst) != 0;
        let is_settled = |now| {
            let there = (0..MESSAGES).filter(is_there).fold(0, |lanes, message| lanes | lane_of(message));
            threads.iter().zip(done).all(|(&(_, lanes), done)| lanes & there == 0 || done.load(SeqCst) == now)
        };
        thread::scope(|scope| {
            let _end = End(handles);
            for (thread, (handle, lanes)) in threads.into_iter().enumerate() {
                scope.spawn(move || {
                    let is_over = || handles[0].words.is_over.load(SeqCst);
                    for timeout in (0..200).map(Duration::from_micros).cycle().take_while(|_| !is_over()) {
                        let leaves_early = thread >= threads.len() / 2;
                        let deadline = if leaves_early { Deadline::after(timeout) } else { Deadline::NEVER };
                        handles[handle].take(lanes, deadline);
                        let now = round.load(SeqCst);
                        done[thread].store(now, SeqCst);
                        until("the next round", || round.load(SeqCst) > now || is_over());
                    }
                });
            }
            for now in 1..=ROUNDS {
                // In some rounds all of them sleep by then.
                thread::sleep(Duration::from_micros(u64::from(now % 4 * 50)));
                let some = (0..MESSAGES).filter(|message| (now.wrapping_mul(0x9e37_79b9) >> (7 + message)) & 1 == 1);
                some.for_each(|message| handles[3].send(message));
                until("a wake-up is lost", || is_settled(now));
                // The threads that were not done wait for what comes.
                messages.iter().for_each(|message| message.store(0, SeqCst));
                round.store(now + 1, SeqCst);
            }
        });
    });
}

/// A waiter that is called while it is announced, after it has taken a thing.
#[derive(Default)]
struct CalledLate {
    passed_on: AtomicBool,
    passed_on_unused: AtomicBool,
    /// Another thread of its process leads.
    follows: bool,
    withdrawn: AtomicBool,
}

impl Station for CalledLate {
    fn turn(&self, _: Deadline) -> Turn {
        if self.follows { Turn::Check } else { Turn::Lead }
    }

    fn announce(&self) -> Deadline {
        Deadline::NEVER
    }

    fn withdraw(&self) -> Withdrawn {
        self.withdrawn.store(true, Relaxed);
        Withdrawn::Posted(0)
    }

    fn bell(&self) -> u16 {
        0
    }

    fn pass_on_used(&self, _: &Members) -> Result<()> {
        self.passed_on.store(true, Relaxed);
        Ok(())
    }

    fn pass_on_unused(&self, _: &Members) -> Result<()> {
        self.passed_on_unused.store(true, Relaxed);
        Ok(())
    }
}

#[test]
fn w7_a_call_that_comes_after_the_thing_was_taken_is_passed_on() {
    with_handles(|handles| {
        let (handle, waiter) = (&handles[0], CalledLate::default());
        let party = Party { members: &handle.members, repair: handle, me: handle.me() };
        let check = |round| -> Result<_> {
            Ok(if round == Round::Announced { Checked::Found(()) } else { Checked::Sleep(Deadline::NEVER) })
        };
        assert!(wait(party, &waiter, Deadline::NEVER, check).unwrap().is_some());
        assert!(waiter.passed_on.load(Relaxed));
        assert!(!waiter.passed_on_unused.load(Relaxed), "it took a thing");
    });
}

/// Waits with a check that panics.
fn panic_in_a_check(waiter: &CalledLate) {
    with_handles(|handles| {
        let handle = &handles[0];
        let party = Party { members: &handle.members, repair: handle, me: handle.me() };
        let check = |_| -> Result<Checked<()>> { panic!("a message can't be decoded") };
        let waiting = std::panic::AssertUnwindSafe(|| wait(party, waiter, Deadline::NEVER, check).map(drop));
        assert!(std::panic::catch_unwind(waiting).is_err());
    });
}

#[test]
fn w7_a_call_is_passed_on_if_the_check_panics() {
    let waiter = CalledLate::default();
    panic_in_a_check(&waiter);
    assert!(waiter.passed_on_unused.load(Relaxed));
}

#[test]
fn a_thread_that_does_not_lead_and_panics_leaves_the_announcement() {
    let waiter = CalledLate { follows: true, ..CalledLate::default() };
    panic_in_a_check(&waiter);
    assert!(!waiter.withdrawn.load(Relaxed), "it is that of the thread that leads");
}
