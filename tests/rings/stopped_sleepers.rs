//! Waiters of an mpmc ring are stopped while they sleep, and then there is one item, or room for one: a waiter that came
//! after them, and runs, goes on. RM6.

use support::{name, prompt::each_event_passes_stopped_sleepers};
use sysv_primitives::mpmc::Ring;

#[test]
fn an_item_goes_to_a_consumer_that_runs() {
    let name = name();
    let ring = Ring::<u64>::create(&name, 4).unwrap();
    let producer = ring.producer().unwrap();
    let pop = || assert_eq!(Ring::<u64>::open(&name).unwrap().consumer().unwrap().pop().unwrap(), 1);
    each_event_passes_stopped_sleepers(pop, || producer.push(1).unwrap());
    assert!(ring.consumer().unwrap().try_pop().is_err(), "each item came once");
}

#[test]
fn room_goes_to_a_producer_that_runs() {
    let name = name();
    let ring = Ring::<u64>::create(&name, 1).unwrap();
    ring.producer().unwrap().push(1).unwrap();
    let consumer = ring.consumer().unwrap();
    let push = || Ring::<u64>::open(&name).unwrap().producer().unwrap().push(2).unwrap();
    let mut popped = Vec::new();
    each_event_passes_stopped_sleepers(push, || popped.push(consumer.pop().unwrap()));
    popped.push(consumer.pop().unwrap());
    assert_eq!(popped, [1, 2, 2, 2]);
}
