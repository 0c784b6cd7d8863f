//! Rows of the README's table "Killed while" that no other file shows: which process notices, when, and what is left.
//!
//! What is notified at once is waited for without a deadline, at which one would look again: only the death can end it.

use std::time::Duration;

use support::{SHORT, alone, child, hold_for_ever, memory, message, name, queue, semaphore, until};
use sysv_ipc::{Error, MessageQueue, Selector, Semaphore};
use sysv_primitives::{Role, mpmc, spsc};

/// A claimed item reaches a consumer that sleeps.
#[test]
fn claiming_from_an_mpmc_ring() {
    let name = name();
    let ring: mpmc::Ring<u64> = mpmc::Ring::options().create(&name, 4).unwrap();
    let holder = child(|| {
        let consumer = mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap();
        let _claimed = consumer.claim().unwrap();
        hold_for_ever()
    });
    ring.producer().unwrap().push(7).unwrap();
    until(|| ring.is_empty());
    holder.until_asleep();
    let sleepers = [(); 2]
        .map(|()| child(|| assert_eq!(mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap().pop().unwrap(), 7)));
    sleepers.iter().for_each(support::Child::until_asleep);
    holder.kill();
    until(|| ring.counts().taken_over == 1);
    until(|| sleepers.iter().any(support::Child::is_done));
    ring.producer().unwrap().push(7).unwrap();
    sleepers.into_iter().for_each(support::Child::join);
}

/// A claimed item reaches a consumer that stands by for the role.
#[test]
fn peeking_into_an_spsc_ring() {
    let name = name();
    let ring: spsc::Ring<u64> = spsc::Ring::options().create(&name, 4).unwrap();
    let holder = child(|| {
        let mut consumer = spsc::Ring::<u64>::open(&name).unwrap().consumer().unwrap();
        let _peeked = consumer.peek(1).unwrap();
        hold_for_ever()
    });
    let mut producer = ring.producer().unwrap();
    producer.push(7).unwrap();
    until(|| ring.holder(Role::Consumer).is_some());
    holder.until_asleep();
    let stands_by = child(|| {
        let mut consumer = spsc::Ring::<u64>::open(&name).unwrap().consumer_timeout(Duration::MAX).unwrap();
        assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (7, 8));
    });
    stands_by.until_asleep();
    holder.kill();
    // It has the first, and waits for the second.
    until(|| ring.counts().popped == 1);
    producer.push(8).unwrap();
    stands_by.join();
}

/// With undo the kernel releases what the holder had acquired, and wakes a waiter for it.
#[test]
fn holding_a_semaphore_with_undo() {
    let semaphore = semaphore(1);
    let holder = child(|| {
        let mut undone = Semaphore::clone(&semaphore);
        undone.set_undo(true);
        undone.acquire().unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 0);
    let sleeper = child(|| semaphore.acquire().unwrap());
    until(|| semaphore.waiting_for_nonzero().unwrap() == 1);
    holder.kill();
    sleeper.join();
    assert_eq!(semaphore.value().unwrap(), 0);
}

/// Without, the value stays too low.
#[test]
fn holding_a_semaphore_without_undo() {
    let semaphore = semaphore(2);
    let holder = child(|| {
        semaphore.acquire().unwrap();
        hold_for_ever()
    });
    until(|| semaphore.value().unwrap() == 1);
    holder.kill();
    assert_eq!(semaphore.value().unwrap(), 1);
    semaphore.acquire().unwrap();
    assert!(semaphore.acquire_timeout(SHORT).unwrap_err().is_busy());
}

/// The kernel detaches it. What was written stays.
#[test]
fn having_memory_attached() {
    alone(|| {
        let memory = memory(16);
        let writer = child(|| {
            let attached = memory.segment().attach().unwrap();
            attached.write(b"so far", 0).unwrap();
            hold_for_ever()
        });
        // Its own attachment, and what it has from its parent.
        until(|| memory.read(6, 0).unwrap() == b"so far");
        assert_eq!(memory.stat().unwrap().attached, 3);
        writer.kill();
        assert_eq!(memory.stat().unwrap().attached, 1);
        assert_eq!(memory.read(6, 0).unwrap(), b"so far");
    });
}

/// What would have been its message is another one's.
#[test]
fn waiting_for_a_message() {
    let queue = queue();
    let waiters = [(); 2].map(|()| child(|| assert_eq!(queue.receive(Selector::Any).unwrap().bytes(), b"one")));
    waiters.iter().for_each(support::Child::until_asleep);
    let [first, second] = waiters;
    first.kill();
    queue.send(&message(1, b"one")).unwrap();
    second.join();
    assert_eq!(queue.stat().unwrap().messages, 0);
}

/// Its message never was, and the room is another one's.
#[test]
fn waiting_for_room() {
    let queue = queue();
    queue.set_max_size(10).unwrap();
    queue.send(&message(1, &[b'x'; 10])).unwrap();
    let send = |queue: &MessageQueue, bytes| queue.send(&message(1, bytes));
    let victim = child(|| send(&queue, b"the victim").unwrap());
    victim.until_asleep();
    let survivor = child(|| send(&queue, b"a survivor").unwrap());
    survivor.until_asleep();
    victim.kill();
    assert_eq!(queue.receive(Selector::Any).unwrap().bytes(), [b'x'; 10]);
    survivor.join();
    assert_eq!(queue.receive(Selector::Any).unwrap().bytes(), b"a survivor");
    assert!(matches!(queue.try_receive(Selector::Any), Err(Error::WouldBlock { .. })));
}
