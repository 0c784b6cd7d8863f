//! A future that was woken is not polled. It holds up no other waiter for longer than 10 milliseconds (CK3).

use std::time::{Duration, Instant};

use support::{child, name, until};

use super::{
    by_hand::ByHand,
    kinds::{Kind, kinds},
    lock_kinds::AMONG_READERS,
};

/// What the protocol adds at most.
const BOUND: Duration = Duration::from_millis(20);

/// The same for a kind. Where a future waits in two places, it is passed over in both.
fn bound(kind: &Kind) -> Duration {
    if kind.name == AMONG_READERS { 2 * BOUND } else { BOUND }
}

/// How long the other waiter waited, in the shortest round. A busy machine adds to that, so there are rounds until one is quick.
fn shortest(kind: &Kind, mut round: impl FnMut() -> Duration) -> Duration {
    let end = Instant::now() + Duration::from_secs(60);
    let mut shortest = Duration::MAX;
    while shortest >= bound(kind) && Instant::now() < end {
        shortest = shortest.min(round());
    }
    shortest
}

fn another_process(kind: &Kind, futures: usize) -> Duration {
    shortest(kind, || {
        let name = name();
        let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
        let mut withheld: Vec<_> = (0..futures).map(|_| ByHand::new(handle.wait())).collect();
        withheld.iter_mut().for_each(ByHand::until_waiting);
        let other = child(|| (kind.open)(&name).wait_blocking());
        other.until_asleep();
        let begun = Instant::now();
        maker.make();
        while !other.is_done() {
            std::thread::sleep(Duration::from_micros(500));
            assert!(begun.elapsed() < Duration::from_secs(10), "{}: the event is lost", kind.name);
        }
        let waited = begun.elapsed();
        other.join();
        waited
    })
}

#[test]
fn another_process_is_served() {
    for kind in kinds() {
        for futures in [1, 5] {
            let waited = another_process(&kind, futures);
            assert!(waited < bound(&kind), "{}, {futures} futures: {waited:?}", kind.name);
        }
    }
}

#[test]
fn another_future_of_the_process_is_served() {
    for kind in kinds() {
        let waited = shortest(&kind, || {
            let name = name();
            let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
            let mut withheld: Vec<_> = (0..5).map(|_| ByHand::new(handle.wait())).collect();
            withheld.iter_mut().for_each(ByHand::until_waiting);
            let mut polled = ByHand::new(handle.wait());
            polled.until_waiting();
            let begun = Instant::now();
            maker.make();
            polled.finish();
            begun.elapsed()
        });
        assert!(waited < bound(&kind), "{}: {waited:?}", kind.name);
    }
}

#[test]
fn a_thread_of_the_process_is_served() {
    for kind in kinds() {
        let waited = shortest(&kind, || {
            let name = name();
            let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
            let mut withheld: Vec<_> = (0..3).map(|_| ByHand::new(handle.wait())).collect();
            withheld.iter_mut().for_each(ByHand::until_waiting);
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| handle.wait_blocking());
                std::thread::sleep(Duration::from_millis(5));
                let begun = Instant::now();
                maker.make();
                thread.join().unwrap();
                begun.elapsed()
            })
        });
        assert!(waited < bound(&kind), "{}: {waited:?}", kind.name);
    }
}

/// It was revoked, and is polled in the end.
#[test]
fn a_future_that_is_polled_late_is_served() {
    for kind in kinds() {
        let name = name();
        let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
        let mut late = ByHand::new(handle.wait());
        late.until_waiting();
        let other = child(|| {
            let handle = (kind.open)(&name);
            handle.wait_blocking();
            handle.make();
        });
        other.until_asleep();
        maker.make();
        until(|| other.is_done());
        other.join();
        late.finish();
    }
}
