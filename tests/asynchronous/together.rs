//! What all waiters find at once: a value that is set, and a barrier that is complete.

use std::time::Duration;

use support::{child, name, until};
use sysv_primitives::{Barrier, BarrierError, OnceLock};

use super::by_hand::ByHand;

#[test]
fn every_future_finds_the_value() {
    let name = name();
    let once = OnceLock::<u64>::create(&name).unwrap();
    let mut futures = [(); 5].map(|()| ByHand::new(once.wait_async()));
    futures.iter_mut().for_each(ByHand::until_waiting);
    let other = child(|| assert_eq!(*OnceLock::<u64>::open(&name).unwrap().wait().unwrap(), 7));
    other.until_asleep();
    child(|| OnceLock::<u64>::open(&name).unwrap().set(7).unwrap()).join();
    futures.into_iter().for_each(|future| assert_eq!(*future.finish().unwrap(), 7));
    other.join();
}

/// One of them initialises, the others wait for that. The first one dies on the way.
#[test]
fn one_future_initialises_after_a_death() {
    let name = name();
    let once = OnceLock::<u64>::create(&name).unwrap();
    let dying = child(|| {
        let once = OnceLock::<u64>::open(&name).unwrap();
        let _ = once.get_or_init(|| support::hold_for_ever());
    });
    until(|| once.initialiser().is_some());
    let mut futures = [7, 8].map(|value| ByHand::new(once.get_or_init_async(move || value)));
    futures.iter_mut().for_each(ByHand::until_waiting);
    dying.kill();
    let [one, other] = futures.map(|future| *future.finish().unwrap());
    assert_eq!(one, other);
}

#[test]
fn futures_of_several_processes_pass_together() {
    let name = name();
    let barrier = Barrier::create(&name, 3).unwrap();
    let others = [(); 2].map(|()| {
        child(|| {
            let barrier = Barrier::open(&name).unwrap();
            for generation in 0..100 {
                let passed = pollster::block_on(barrier.wait_async());
                assert!(passed.is_ok(), "in generation {generation}: {passed:?}");
            }
        })
    });
    let leaders = (0..100).filter(|_| pollster::block_on(barrier.wait_async()).unwrap().is_leader()).count();
    println!("{leaders} times the leader");
    others.into_iter().for_each(support::Child::join);
}

#[test]
fn a_dropped_future_takes_its_arrival_back() {
    let name = name();
    let (barrier, other) = (Barrier::create(&name, 2).unwrap(), Barrier::open(&name).unwrap());
    for polls in 1..5 {
        let mut future = ByHand::new(barrier.wait_async());
        (0..polls).for_each(|_| assert!(future.poll().is_pending()));
        assert_eq!(other.arrived(), 1);
        drop(future);
        assert_eq!(other.arrived(), 0, "after {polls} polls");
        assert!(matches!(other.wait_timeout(Duration::from_millis(1)), Err(BarrierError::TimedOut)));
    }
}

#[test]
fn a_death_breaks_the_barrier_of_a_future() {
    let name = name();
    let barrier = Barrier::create(&name, 3).unwrap();
    let dying = child(|| drop(Barrier::open(&name).unwrap().wait()));
    dying.until_asleep();
    let mut future = ByHand::new(barrier.wait_async());
    future.until_waiting();
    dying.kill();
    assert!(matches!(future.finish(), Err(BarrierError::Broken { .. })));
}
