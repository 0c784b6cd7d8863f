//! Items and free slots behind one that is in a process's hand: they are to be had only when that one is completed, and then
//! every waiter is notified of one.

use support::{Waiters, child, name, prompt::join_promptly, until};
use sysv_ipc::SemaphoreSet;
use sysv_primitives::mpmc;

#[test]
fn items_behind_a_reservation() {
    for commits in [true, false] {
        let name = name();
        let ring = mpmc::Ring::<u64>::create(&name, 8).unwrap();
        let set = SemaphoreSet::from_id(ring.status().unwrap().set).unwrap();
        let producer = ring.producer().unwrap();
        let consumers: Vec<_> = (0..3)
            .map(|_| child(|| mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap().claim().unwrap().done()))
            .collect();
        until(|| Waiters::FOR_ITEMS.asleep(&set) == 3);
        let reservation = producer.reserve().unwrap();
        // Each push calls a consumer, which finds nothing yet.
        (0..2).for_each(|item| producer.push(item).unwrap());
        until(|| Waiters::FOR_ITEMS.asleep(&set) == 3);
        if commits {
            reservation.commit();
        } else {
            drop(reservation);
            producer.push(2).unwrap();
        }
        consumers.into_iter().for_each(|consumer| join_promptly("an item is there for each", consumer));
    }
}

#[test]
fn free_slots_behind_a_claim() {
    let name = name();
    let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
    let set = SemaphoreSet::from_id(ring.status().unwrap().set).unwrap();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    (0..4).for_each(|item| producer.push(item).unwrap());
    let producers: Vec<_> = (4..7)
        .map(|item| child(|| mpmc::Ring::<u64>::open(&name).unwrap().producer().unwrap().push(item).unwrap()))
        .collect();
    until(|| Waiters::FOR_SLOTS.asleep(&set) == 3);
    let claimed = consumer.claim().unwrap();
    // Each pop calls a producer, which finds no free slot yet.
    assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (1, 2));
    until(|| Waiters::FOR_SLOTS.asleep(&set) == 3);
    claimed.done();
    producers.into_iter().for_each(|producer| join_promptly("a slot is free for each", producer));
}
