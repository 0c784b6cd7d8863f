//! What all waiters find at once: a value that is set once or often, and a barrier that is complete.

use std::time::Duration;

use support::{child, name, until};
use sysv_primitives::{Barrier, BarrierError, OnceLock, Watch, WatchError};

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

#[test]
fn every_future_finds_its_version() {
    let name = name();
    let watch = Watch::<u64>::create(&name, 0).unwrap();
    let mut conditions = [1, 2, 3].map(|least| ByHand::new(watch.wait_for_async(move |value| *value >= least)));
    conditions.iter_mut().for_each(ByHand::until_waiting);
    let mut watchers = [watch.watcher(), watch.watcher()];
    let mut changes = watchers.each_mut().map(|watcher| ByHand::new(watcher.changed_async()));
    changes.iter_mut().for_each(ByHand::until_waiting);
    let other = child(|| assert_eq!(Watch::<u64>::open(&name).unwrap().wait_for(|value| *value >= 2).unwrap(), 2));
    other.until_asleep();
    let [one, two, mut three] = conditions;
    child(|| Watch::<u64>::open(&name).unwrap().set(2).unwrap()).join();
    assert_eq!((one.finish().unwrap(), two.finish().unwrap()), (2, 2));
    changes.into_iter().for_each(|change| change.finish().unwrap());
    other.join();
    three.until_waiting();
    watch.set(3).unwrap();
    assert_eq!(three.finish().unwrap(), 3);
}

/// A future that is dropped has marked nothing as seen.
#[test]
fn a_dropped_future_has_seen_nothing() {
    let name = name();
    let watch = Watch::<u64>::create(&name, 0).unwrap();
    let mut watcher = watch.watcher();
    for value in 1..50 {
        let mut change = ByHand::new(watcher.changed_async());
        change.until_waiting();
        child(|| Watch::<u64>::open(&name).unwrap().set(value).unwrap()).join();
        until(|| change.is_woken());
        drop(change);
        assert!(watcher.has_changed());
        pollster::block_on(watcher.changed_async()).unwrap();
        assert_eq!((watcher.get().unwrap(), watcher.has_changed()), (value, false));
    }
}

/// The last writer is killed. What it had set is seen first.
#[test]
fn the_death_of_the_last_writer_ends_the_future() {
    let name = name();
    let watch = Watch::<u64>::create(&name, 0).unwrap();
    let mut watcher = watch.watcher();
    watcher.detect_disconnect(true);
    let dying = child(|| {
        let watch = Watch::<u64>::open(&name).unwrap();
        let _writer = watch.writer().unwrap();
        watch.set(7).unwrap();
        support::hold_for_ever()
    });
    assert_eq!(pollster::block_on(watcher.wait_for_async(|value| *value == 7)).unwrap(), 7);
    let mut change = ByHand::new(watcher.changed_async());
    change.until_waiting();
    dying.kill();
    assert!(matches!(change.finish(), Err(WatchError::Disconnected { .. })));
}
