//! The ring for any number of producers and consumers: between processes, with deaths, forks and time. Its ends are in
//! `mpmc_ends.rs`.

use std::{collections::BTreeSet, time::Instant};

use support::{LONG, SHORT, child, name, refused, switches};
use sysv_primitives::{OpenError, Options, PushError, Role, mpmc};

fn ring<T: bytemuck::Pod>(name: &str, capacity: usize) -> mpmc::Ring<T> {
    mpmc::Ring::options().max_handles(12).create(name, capacity).unwrap()
}

#[test]
fn each_item_goes_to_one_consumer() {
    const PRODUCERS: u64 = 3;
    const EACH: u64 = 3000;
    let (name, collected) = (name(), support::name());
    let ring = ring::<[u64; 2]>(&name, 16);
    let results = mpmc::Ring::<[u64; 2]>::options().create(&collected, 16).unwrap();
    let producers = (0..PRODUCERS).map(|me| {
        let (ring, name) = (&ring, &name);
        child(move || {
            let own = mpmc::Ring::open(name).unwrap();
            let producer = if me == 0 { ring.producer().unwrap() } else { own.producer().unwrap() };
            (0..EACH).for_each(|number| producer.push([me, number]).unwrap());
        })
    });
    let producers: Vec<_> = producers.collect();
    let consumers: Vec<_> = (0..3)
        .map(|_| {
            child(|| {
                let (consumer, results) = (ring.consumer().unwrap(), results.producer().unwrap());
                consumer.iter().for_each(|item| results.push(item.unwrap()).unwrap());
            })
        })
        .collect();
    let results = results.consumer().unwrap();
    let all: BTreeSet<[u64; 2]> =
        (0..PRODUCERS * EACH).map(|_| results.pop_timeout(LONG).expect("nothing is lost")).collect();
    assert_eq!(all.len() as u64, PRODUCERS * EACH, "none came twice");
    assert!(results.try_pop().unwrap_err().is_busy());
    producers.into_iter().for_each(support::Child::join);
    ring.close().unwrap();
    consumers.into_iter().for_each(support::Child::join);
    let counts = ring.counts();
    assert_eq!((counts.pushed, counts.popped), (PRODUCERS * EACH, PRODUCERS * EACH));
    assert_eq!((counts.skipped, counts.taken_over, counts.overwritten), (0, 0, 0));
}

#[test]
fn it_is_first_in_first_out_and_holds_its_capacity() {
    for (asked, given) in [(0, 1), (1, 1), (2, 2), (3, 4), (100, 128)] {
        let name = name();
        let ring = ring::<u64>(&name, asked);
        let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        assert_eq!(ring.capacity(), given);
        for lap in 0..5 {
            (0..given as u64).for_each(|number| producer.try_push(lap * 1000 + number).unwrap());
            let full = refused(producer.try_push(9));
            assert!(matches!(full, PushError::Full(9)));
            assert_eq!(ring.len(), given);
            (0..given as u64).for_each(|number| assert_eq!(consumer.try_pop().unwrap(), lap * 1000 + number));
            assert!(consumer.try_pop().unwrap_err().is_busy() && ring.is_empty());
        }
    }
}

#[test]
fn what_the_dead_had_claimed_comes_back() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push_slice(&[1, 2, 3]).unwrap();
    child(|| {
        let consumer = ring.consumer().unwrap();
        consumer.claim().unwrap().done();
        let claimed = consumer.claim().unwrap();
        assert_eq!(*claimed, 2);
        std::mem::forget(claimed);
        let mut reserved = ring.producer().unwrap();
        reserved.detect_disconnect(true);
        std::mem::forget(reserved.reserve().unwrap());
    })
    .join();
    producer.push(4).unwrap();
    let mut rest = vec![consumer.pop_timeout(LONG).unwrap()];
    assert_eq!(rest, [3], "the living come first here");
    rest.extend((0..2).map(|_| consumer.pop_timeout(LONG).unwrap()));
    rest.sort_unstable();
    assert_eq!(rest, [2, 3, 4]);
    assert!(consumer.try_pop().unwrap_err().is_busy());
    let counts = ring.counts();
    assert_eq!((counts.skipped, counts.taken_over), (1, 1));
    (0..4).for_each(|number| producer.try_push(number).expect("the whole room is there again"));
    (0..4).for_each(|number| assert_eq!(consumer.try_pop().unwrap(), number));
}

/// A full ring with its oldest item claimed by a dead consumer, and an empty one with its next slot claimed by a dead
/// producer: a caller that doesn't wait gets by as well.
#[test]
fn the_dead_are_not_in_the_way_of_a_call_that_does_not_wait() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    child(|| std::mem::forget(ring.producer().unwrap().reserve().unwrap())).join();
    producer.push(1).unwrap();
    assert_eq!(consumer.try_pop().unwrap(), 1);
    producer.push_slice(&[2, 3]).unwrap();
    child(|| std::mem::forget(ring.consumer().unwrap().claim().unwrap())).join();
    let full = refused(producer.try_push(4));
    assert!(full.is_busy(), "the item is still there, and comes first");
    assert_eq!((consumer.try_pop().unwrap(), consumer.try_pop().unwrap()), (2, 3));
}

#[test]
fn a_claim_is_done_or_requeued() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push_slice(&[1, 2]).unwrap();
    consumer.claim().unwrap().done();
    let second = consumer.claim().unwrap();
    assert_eq!((*second, format!("{second:?}")), (2, "2".to_owned()));
    assert!(consumer.try_claim().unwrap_err().is_busy());
    let waiting = child(|| assert_eq!(ring.consumer().unwrap().pop_timeout(LONG).unwrap(), 2));
    waiting.until_asleep();
    second.requeue();
    waiting.join();
    assert_eq!(ring.counts().taken_over, 1);
}

/// A worker that panics, or returns early, while it has an item claimed: the next consumer gets it. C9.
#[test]
fn case_c9_a_claim_that_is_dropped_is_requeued() {
    fn work(consumer: &mpmc::Consumer<u64>) -> Result<(), std::num::ParseIntError> {
        let job = consumer.claim().unwrap();
        "no number".parse::<u64>()?;
        job.done();
        Ok(())
    }

    let name = name();
    let ring = ring::<u64>(&name, 4);
    ring.producer().unwrap().push(7).unwrap();
    let consumer = ring.consumer().unwrap();
    work(&consumer).unwrap_err();
    child(|| {
        let consumer = mpmc::Ring::<u64>::open(&name).unwrap().consumer().unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _job = consumer.claim().unwrap();
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(panicked.is_err());
    })
    .join();
    let waiting = child(|| {
        let job = ring.consumer().unwrap();
        let job = job.claim_timeout(LONG).unwrap();
        assert_eq!(*job, 7);
        job.done();
    });
    waiting.join();
    assert!(consumer.try_claim().unwrap_err().is_busy());
    assert_eq!(ring.counts().taken_over, 2);
}

#[test]
fn a_reservation_is_committed_or_skipped() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let skipped = producer.reserve().unwrap();
    let mut committed = producer.reserve().unwrap();
    *committed = 5;
    committed.commit();
    let waiting = child(|| assert_eq!(ring.consumer().unwrap().pop_timeout(LONG).unwrap(), 5));
    waiting.until_asleep();
    drop(skipped);
    waiting.join();
    assert!(consumer.try_pop().unwrap_err().is_busy());
    assert_eq!(ring.counts().skipped, 1);
}

#[test]
fn the_newest_win_and_a_consumer_knows_what_it_missed() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    (0..10).for_each(|reading| producer.force_push(reading).unwrap());
    assert_eq!((consumer.missed(), consumer.missed()), (6, 0));
    let oldest = consumer.claim().unwrap();
    assert_eq!(*oldest, 6);
    // The claimed one is no other process's: three slots are left, and then none.
    let refused = refused(producer.force_push(10));
    assert!(matches!(refused, PushError::Full(10)));
    oldest.done();
    producer.force_push(11).unwrap();
    assert_eq!(consumer.try_iter().last().unwrap().unwrap(), 11);
    assert_eq!(consumer.missed(), ring.counts().overwritten - 6);
}

#[test]
fn a_child_goes_on_in_its_own_name() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push(1).unwrap();
    let claimed = std::sync::Mutex::new(Some(consumer.claim().unwrap()));
    let child = child(|| {
        drop(claimed.lock().unwrap().take());
        producer.push(2).unwrap();
        let clone = producer.clone();
        clone.push(3).unwrap();
        assert_eq!(ring.holders(Role::Producer).len(), 2);
    });
    child.join();
    let claimed = claimed.into_inner().unwrap().unwrap();
    assert_eq!(*claimed, 1, "the parent's claim is the parent's");
    claimed.done();
    assert_eq!(consumer.try_iter().map(Result::unwrap).collect::<Vec<_>>(), [2, 3]);
    let mut rest = ring.members().unwrap();
    rest.retain(|member| member.pid == std::process::id());
    assert_eq!(rest.len(), 1);
}

#[test]
fn slices_take_what_fits() {
    let name = name();
    let ring = ring::<u16>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_eq!(producer.push_slice(&[1, 2, 3, 4, 5]).unwrap(), 4);
    assert!(producer.try_push_slice(&[6]).unwrap_err().is_busy());
    let mut room = [0; 3];
    assert_eq!((consumer.pop_slice(&mut room).unwrap(), room), (3, [1, 2, 3]));
    assert_eq!((consumer.pop_slice(&mut room).unwrap(), room[0]), (1, 4));
    assert!(consumer.pop_slice_timeout(&mut room, SHORT).unwrap_err().is_busy());
    assert_eq!((producer.push_slice(&[]).unwrap(), consumer.pop_slice(&mut []).unwrap()), (0, 0));
}

#[test]
fn waits_end_in_time_and_use_no_processor() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let begun = Instant::now();
    let before = switches();
    assert!(consumer.pop_timeout(SHORT).unwrap_err().is_busy());
    assert!(consumer.claim_timeout(SHORT).unwrap_err().is_busy());
    producer.push(1).unwrap();
    assert!(refused(producer.push_timeout(2, SHORT)).is_busy());
    assert!(producer.reserve_timeout(SHORT).unwrap_err().is_busy());
    assert!(begun.elapsed() >= SHORT * 4);
    assert!(switches() - before < 50, "{} times", switches() - before);
}

/// As many sleepers as items: each push wakes one, and no consumer that found something leaves another asleep.
#[test]
fn sleepers_wake_each_other_when_there_is_more() {
    let name = name();
    let ring = ring::<u64>(&name, 16);
    let producer = ring.producer().unwrap();
    for at_once in [true, false] {
        let sleepers: Vec<_> =
            (0..6).map(|_| child(|| assert!(ring.consumer().unwrap().pop_timeout(LONG).is_ok()))).collect();
        sleepers.iter().for_each(support::Child::until_asleep);
        if at_once {
            producer.push_slice(&[0; 6]).unwrap();
        } else {
            (0..6).for_each(|number| producer.push(number).unwrap());
        }
        sleepers.into_iter().for_each(support::Child::join);
        assert!(ring.is_empty());
    }
}

#[test]
fn strong_fences_lose_no_wake_up() {
    crowd(&Options::new().light_fences(false));
}

#[test]
fn light_fences_lose_no_wake_up() {
    crowd(&Options::new());
}

/// More processes than processors and room for one item: every process sleeps all the time.
fn crowd(options: &Options<mpmc::Ring<u64>>) {
    const ROUNDS: u64 = 3000;
    let name = name();
    let ring = options.create(&name, 1).unwrap();
    let children = [(); 3].map(|()| {
        let producer = child(|| {
            let producer = ring.producer().unwrap();
            (0..ROUNDS).for_each(|round| producer.push_timeout(round, LONG).expect("no wake-up is lost"));
        });
        let consumer = child(|| {
            let consumer = ring.consumer().unwrap();
            (0..ROUNDS).for_each(|_| assert!(consumer.pop_timeout(LONG).is_ok(), "no wake-up is lost"));
        });
        [producer, consumer]
    });
    children.into_iter().flatten().for_each(support::Child::join);
    assert!(ring.is_empty());
}

#[test]
fn overwriting_throws_nothing_away_in_vain() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    (0..8).for_each(|number| producer.push(number).unwrap());
    let oldest = consumer.claim().unwrap();
    assert!(refused(producer.force_push(8)).is_busy());
    assert_eq!((ring.len(), ring.counts().overwritten), (7, 0));
    oldest.requeue();
    // What was requeued is the oldest again.
    producer.force_push(8).unwrap();
    assert_eq!(consumer.try_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn reservations_that_are_dropped_leave_nothing() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let first = producer.reserve().unwrap();
    // Behind one that is held, `head` can't follow at once.
    (0..3).for_each(|_| drop(producer.try_reserve().unwrap()));
    assert!(producer.try_reserve().is_err());
    drop(first);
    for _ in 0..100_000 {
        drop(producer.try_reserve().unwrap());
    }
    producer.push(1).unwrap();
    assert_eq!(consumer.try_pop().unwrap(), 1);
    assert!(ring.is_empty());
    assert_eq!(ring.counts().skipped, 100_004);
}

#[test]
fn a_child_can_not_see_into_its_parents_guards() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push(1).unwrap();
    let (claimed, reserved) = (consumer.claim().unwrap(), producer.reserve().unwrap());
    child(|| {
        for looks in [std::panic::catch_unwind(|| *claimed), std::panic::catch_unwind(|| *reserved)] {
            let panic = looks.expect_err("it is the parent's");
            assert!(
                panic.downcast_ref::<&str>().is_some_and(|text| text.contains("belongs to the process that made it"))
            );
        }
    })
    .join();
    assert_eq!(*claimed, 1);
}

#[test]
fn sizes_that_can_not_be_are_refused_before_anything_is_made() {
    #[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
    #[repr(C, align(65536))]
    struct Huge([u8; 65536]);
    let name = name();
    for capacity in [1 << 61, 1 << 63, usize::MAX] {
        assert!(matches!(mpmc::Ring::<u8>::create(&name, capacity), Err(OpenError::TooLarge { .. })));
        assert!(matches!(mpmc::Ring::<()>::create(&name, capacity), Err(OpenError::TooLarge { .. })));
    }
    assert!(matches!(
        mpmc::Ring::<Huge>::create(&name, 1),
        Err(OpenError::Overaligned { align: 65536, most: 4096, .. })
    ));
    assert!(matches!(mpmc::Ring::<u8>::open(&name), Err(OpenError::NoSuchName { .. })));
    let nothing = ring::<()>(&name, 1 << 12);
    nothing.producer().unwrap().push(()).unwrap();
    assert_eq!(nothing.len(), 1);
}
