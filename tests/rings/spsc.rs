//! The ring for one producer and one consumer: between processes, with deaths, forks, ends and time.

use std::{
    thread,
    time::{Duration, Instant},
};

use support::{LONG, SHORT, child, hold_for_ever, name, refused, switches};
use sysv_primitives::{Failure, OpenError, Options, PopError, PushError, Role, RoleError, spsc};

fn ring<T: bytemuck::Pod>(name: &str, capacity: usize) -> spsc::Ring<T> {
    spsc::Ring::options().max_handles(8).create(name, capacity).unwrap()
}

#[test]
fn items_come_in_order_between_processes() {
    let name = name();
    let ring = ring::<u64>(&name, 16);
    let mut consumer = ring.consumer().unwrap();
    let producer = child(|| {
        let mut producer = spsc::Ring::<u64>::open(&name).unwrap().producer().unwrap();
        (0..10_000).for_each(|number| producer.push(number).unwrap());
    });
    for expected in 0..10_000 {
        assert_eq!(consumer.pop_timeout(LONG).unwrap(), expected);
    }
    producer.join();
    let counts = ring.counts();
    assert_eq!((counts.pushed, counts.popped, counts.taken_over), (10_000, 10_000, 0));
}

#[test]
fn the_capacity_is_rounded_up_and_said() {
    for (asked, given) in [(0, 1), (1, 1), (3, 4), (64, 64), (1000, 1024)] {
        let name = name();
        let ring = ring::<[u8; 3]>(&name, asked);
        assert_eq!(ring.capacity(), given);
        let mut producer = ring.producer().unwrap();
        (0..given).for_each(|_| producer.try_push([1, 2, 3]).unwrap());
        assert!(refused(producer.try_push([4; 3])).is_busy());
        assert_eq!((ring.len(), producer.slots()), (given, 0));
    }
    let huge = spsc::Ring::<u64>::options().create(&name(), usize::MAX / 2);
    assert!(matches!(huge, Err(OpenError::TooLarge { .. })), "{huge:?}");
}

#[test]
fn a_refused_item_comes_back() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let mut producer = ring.producer().unwrap();
    producer.push(1).unwrap();
    producer.push(2).unwrap();
    let (full, late) = (refused(producer.try_push(3)), refused(producer.push_timeout(4, SHORT)));
    assert!(matches!((full, late), (PushError::Full(3), PushError::TimedOut(4))));
    ring.close().unwrap();
    let closed = refused(producer.push(5));
    assert!(matches!(closed, PushError::Closed { item: 5, .. }));
}

#[test]
fn there_is_one_of_each() {
    let name = name();
    let ring = ring::<u64>(&name, 2);
    let me = std::process::id();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let timed = ring.producer_timeout(SHORT).map(drop);
    assert!(matches!(timed, Err(RoleError::TimedOut { pid, .. }) if pid == me), "{timed:?}");
    for second in [ring.try_producer().map(drop), ring.try_consumer().map(drop)] {
        assert!(matches!(second, Err(RoleError::Taken { pid, .. }) if pid == me), "{second:?}");
    }
    child(|| {
        let other = spsc::Ring::<u64>::open(&name).unwrap();
        let second = other.try_producer();
        assert!(matches!(second, Err(RoleError::Taken { role: Role::Producer, pid, .. }) if pid == me), "{second:?}");
        let text = second.unwrap_err().to_string();
        assert!(text.contains(&format!("process {me} is the producer")), "{text}");
    })
    .join();
    let waiting = child(|| drop(ring.producer().expect("it is free at last")));
    waiting.until_asleep();
    drop((producer, consumer));
    waiting.join();
    assert!(ring.producer().is_ok() && ring.consumer().is_ok());
    assert_eq!(ring.holder(Role::Producer), None);
}

#[test]
fn a_dead_holder_makes_room_at_once() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    child(|| {
        let mut producer = ring.producer().unwrap();
        producer.push(1).unwrap();
        producer.push(2).unwrap();
        let mut half = producer.reserve_up_to(2).unwrap();
        half[0] = 99;
        std::mem::forget(producer);
    })
    .join();
    child(|| {
        let mut consumer = ring.consumer().unwrap();
        assert_eq!(consumer.pop().unwrap(), 1);
        let peeked = consumer.peek(2).unwrap();
        assert_eq!((peeked.len(), peeked[0]), (1, 2));
        std::mem::forget(consumer);
    })
    .join();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push(3).unwrap();
    assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (2, 3), "what was only looked at is still there");
    assert!(consumer.try_pop().unwrap_err().is_busy(), "what was not committed never was");
    assert_eq!(ring.counts().taken_over, 1);
}

#[test]
fn a_standby_is_woken_by_a_death_and_by_leaving() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    for dies in [true, false] {
        let holder = child(|| {
            let mut producer = ring.producer().unwrap();
            producer.push(1).unwrap();
            thread::sleep(SHORT);
            if dies {
                std::mem::forget(producer);
                return;
            }
            drop(producer);
            hold_for_ever()
        });
        ring.consumer().unwrap().pop_timeout(LONG).unwrap();
        // In a child, which ends if nothing wakes it. There is no deadline at which it would look once more.
        child(|| drop(ring.producer_timeout(Duration::MAX).unwrap())).join();
        if dies { holder.join() } else { holder.kill() }
    }
}

/// Errors at the ends name the ring, and say what the caller's own end has to know.
#[test]
fn case_f8_the_ends_of_a_ring_are_distinguished() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let is_named = |error: &dyn std::error::Error| error.to_string().contains(&format!("spsc ring {:?}", &*name));
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let taken = ring.try_producer().unwrap_err();
    assert!(is_named(&taken) && taken.to_string().contains("producer_timeout"), "{taken}");
    producer.push(1).unwrap();
    ring.close().unwrap();
    let error = refused(producer.push(2));
    assert!(matches!(error, PushError::Closed { .. }) && is_named(&error), "{error}");
    assert!(error.to_string().contains("takes no more items"), "{error}");
    assert!(!error.to_string().contains("no item is left"), "one is left: {error}");
    assert_eq!(consumer.pop().unwrap(), 1);
    let error = consumer.pop().unwrap_err();
    assert!(matches!(error, PopError::Closed { .. }) && is_named(&error), "{error}");
    assert!(error.to_string().contains("no item is left"), "{error}");
}

#[test]
fn slices_go_round_the_end() {
    let name = name();
    let ring = ring::<u32>(&name, 8);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (mut next, mut expected) = (0, 0);
    for _ in 0..1000 {
        let items: Vec<u32> = (next..next + fastrand::u32(0..12)).collect();
        match producer.try_push_slice(&items) {
            Ok(count) => next += u32::try_from(count).unwrap(),
            Err(error) => assert!(error.is_busy() && ring.len() == 8),
        }
        let mut room = vec![0; fastrand::usize(1..12)];
        match consumer.try_pop_slice(&mut room) {
            Ok(count) => room[..count].iter().for_each(|&item| {
                assert_eq!(item, expected);
                expected += 1;
            }),
            Err(error) => assert!(error.is_busy() && ring.is_empty()),
        }
    }
    assert!(expected > 100);
    assert_eq!(producer.push_slice(&[]).unwrap(), 0);
    assert_eq!(consumer.pop_slice(&mut []).unwrap(), 0);
}

#[test]
fn in_place_takes_as_many_as_fit() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push_slice(&[0; 6]).unwrap();
    consumer.pop_slice(&mut [0; 5]).unwrap();
    let mut places = producer.reserve_up_to(100).unwrap();
    assert_eq!(places.len(), 7);
    let (first, second) = places.as_mut_slices();
    assert_eq!((first.len(), second.len()), (2, 5));
    first.copy_from_slice(&[10, 11]);
    second[0] = 12;
    places[3] = 13;
    places.commit(4);
    let peeked = consumer.peek(100).unwrap();
    assert_eq!((peeked.as_slices().0, peeked.as_slices().1), (&[0, 10, 11][..], &[12, 13][..]));
    assert_eq!(peeked[4], 13);
    peeked.consume(2);
    drop(consumer.peek(2).unwrap());
    assert_eq!(consumer.try_iter().collect::<Result<Vec<_>, _>>().unwrap(), [11, 12, 13]);
    drop(producer.reserve_up_to(3).unwrap());
    assert!(ring.is_empty(), "what is dropped was not pushed");
}

#[test]
fn a_closed_ring_is_emptied_first() {
    let name = name();
    let ring = ring::<u64>(&name, 8);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push_slice(&[1, 2, 3]).unwrap();
    producer.close().unwrap();
    assert!(ring.is_closed());
    assert_eq!(consumer.iter().collect::<Result<Vec<_>, _>>().unwrap(), [1, 2, 3]);
    assert!(matches!(consumer.try_pop(), Err(PopError::Closed { .. })));
    assert!(matches!(consumer.pop_timeout(LONG), Err(PopError::Closed { .. })));
}

#[test]
fn closing_wakes_both_sides() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let waiting_consumer = child(|| assert!(matches!(ring.consumer().unwrap().pop(), Err(PopError::Closed { .. }))));
    waiting_consumer.until_asleep();
    let other = support::name();
    let full = spsc::Ring::<u64>::options().create(&other, 1).unwrap();
    let waiting_producer = child(|| {
        let mut producer = full.producer().unwrap();
        producer.push(1).unwrap();
        assert!(matches!(refused(producer.push(2)), PushError::Closed { .. }));
    });
    waiting_producer.until_asleep();
    ring.close().unwrap();
    full.close().unwrap();
    waiting_consumer.join();
    waiting_producer.join();
}

/// A sleeper that asked is notified at once, whether the other leaves or dies. One that didn't goes on waiting.
#[test]
fn a_disconnect_is_detected() {
    for dies in [false, true] {
        let name = name();
        let ring = ring::<u64>(&name, 4);
        let consumer = child(|| {
            let mut consumer = ring.consumer().unwrap();
            consumer.detect_disconnect(true);
            assert_eq!(consumer.pop().unwrap(), 7);
            assert!(matches!(consumer.pop(), Err(PopError::Disconnected { .. })));
        });
        consumer.until_asleep();
        let producer = child(|| {
            let mut producer = ring.producer().unwrap();
            producer.push(7).unwrap();
            thread::sleep(SHORT);
            if dies { std::mem::forget(producer) } else { drop(producer) }
        });
        producer.join();
        consumer.join();
        // A process that comes later finds the same.
        let mut late = ring.consumer().unwrap();
        late.detect_disconnect(true);
        assert!(matches!(late.try_pop(), Err(PopError::Disconnected { .. })));
    }
    let name = name();
    let ring = ring::<u64>(&name, 4);
    drop(ring.consumer().unwrap());
    let mut producer = ring.producer().unwrap();
    producer.detect_disconnect(true);
    assert_eq!(producer.push_slice(&[0; 4]).unwrap(), 4);
    assert!(matches!(refused(producer.push(1)), PushError::Disconnected { .. }));
    let text = refused(producer.try_push(1)).to_string();
    assert!(text.contains(&format!("spsc ring {:?}: every consumer has left or died", &*name)), "{text}");
}

#[test]
fn a_sleeper_uses_no_processor_and_one_wake_up() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let sleeper = child(|| {
        let mut consumer = ring.consumer().unwrap();
        assert_eq!(consumer.pop().unwrap(), 0);
        let before = switches();
        assert_eq!(consumer.pop().unwrap(), 1);
        let slept = switches() - before;
        // Once for want of an item; and the heavy fence before it may have to wait for another process's.
        assert!((1..=4).contains(&slept), "{slept} times");
    });
    let mut producer = ring.producer().unwrap();
    producer.push(0).unwrap();
    thread::sleep(Duration::from_millis(200));
    producer.push(1).unwrap();
    sleeper.join();
}

#[test]
fn waits_end_in_time() {
    let name = name();
    let ring = ring::<u64>(&name, 1);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let begun = Instant::now();
    assert!(consumer.pop_timeout(SHORT).unwrap_err().is_busy());
    producer.push(1).unwrap();
    assert!(refused(producer.push_timeout(2, SHORT)).is_busy());
    assert!(producer.reserve_up_to_timeout(1, SHORT).unwrap_err().is_busy());
    assert!(matches!(ring.producer_timeout(SHORT), Err(RoleError::TimedOut { .. })));
    assert!(begun.elapsed() >= SHORT * 4);
}

#[test]
fn a_child_has_no_part_in_its_parents_roles() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let mut producer = ring.producer().unwrap();
    let consumer = std::sync::Mutex::new(Some(ring.consumer().unwrap()));
    producer.push(1).unwrap();
    let mut reservation = producer.reserve_up_to(1).unwrap();
    reservation[0] = 2;
    let reserved = std::sync::Mutex::new(Some(reservation));
    child(|| {
        // Written or committed in the child, it would spoil what the parent pushes.
        let mut inherited = reserved.lock().unwrap().take().unwrap();
        assert!(inherited.as_mut_slices().0.is_empty());
        inherited.commit_all();
        let mut consumer = consumer.lock().unwrap().take().unwrap();
        let popped = consumer.try_pop();
        assert!(matches!(popped, Err(PopError::Failed(Failure::Inherited { what: "consumer", .. }))), "{popped:?}");
        assert!(matches!(ring.try_producer(), Err(RoleError::Taken { .. })));
    })
    .join();
    reserved.into_inner().unwrap().unwrap().commit_all();
    assert!(matches!(ring.try_consumer(), Err(RoleError::Taken { .. })), "a child's drop changes nothing");
    assert_eq!(ring.len(), 2);
}

#[test]
fn types_and_names_are_checked() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    assert!(matches!(spsc::Ring::<u32>::open(&name), Err(OpenError::WrongType { .. })));
    assert!(matches!(spsc::Ring::<u64>::options().schema(1).open(&name), Err(OpenError::WrongType { .. })));
    assert!(matches!(spsc::Ring::<u64>::create(&name, 4), Err(OpenError::NameTaken { .. })));
    assert_eq!(spsc::Ring::<u64>::open_or_create(&name, 4000).unwrap().capacity(), 4);
    ring.remove().unwrap();
    assert!(matches!(spsc::Ring::<u64>::open(&name), Err(OpenError::NoSuchName { .. })));
}

/// The same traffic with every process fencing for itself.
#[test]
fn strong_fences_lose_no_wake_up() {
    ping_pong(&Options::new().light_fences(false), 20_000);
}

#[test]
fn light_fences_lose_no_wake_up() {
    ping_pong(&Options::new(), 20_000);
}

/// One item at a time there and back, so that each side sleeps or is about to, again and again.
fn ping_pong(options: &Options<spsc::Ring<u64>>, rounds: u64) {
    let (there, back) = (name(), name());
    let rings = (options.create(&there, 1).unwrap(), options.create(&back, 1).unwrap());
    let echo = child(|| {
        let (mut from, mut to) = (rings.0.consumer().unwrap(), rings.1.producer().unwrap());
        for _ in 0..rounds {
            to.push(from.pop_timeout(LONG).expect("no wake-up is lost")).unwrap();
        }
    });
    let (mut to, mut from) = (rings.0.producer().unwrap(), rings.1.consumer().unwrap());
    for round in 0..rounds {
        // Now and then long enough for the other to fall asleep, or just about.
        (0..fastrand::u32(..if round % 8 == 0 { 4000 } else { 2 })).for_each(|_| std::hint::spin_loop());
        to.push(round).unwrap();
        assert_eq!(from.pop_timeout(LONG).expect("no wake-up is lost"), round);
    }
    echo.join();
}

/// A process in a sandbox that forbids `membarrier` can't be sure to be woken by one that fences lightly: it looks
/// again by itself.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn a_sandbox_without_the_heavy_fence_works() {
    let name = name();
    let ring = ring::<u64>(&name, 4);
    let sandboxed = child(|| {
        forbid(libc::SYS_membarrier);
        assert!(!sysv_ipc::process::membarrier(), "the sandbox holds");
        let ring = spsc::Ring::<u64>::open(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        for expected in 0..200 {
            assert_eq!(consumer.pop_timeout(LONG).unwrap(), expected);
        }
    });
    let mut producer = ring.producer().unwrap();
    for number in 0..200 {
        thread::sleep(Duration::from_micros(fastrand::u64(..500)));
        producer.push(number).unwrap();
    }
    sandboxed.join();
}

/// Makes a system call fail with EPERM from now on, as a sandbox does.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[allow(unsafe_code, reason = "a filter is installed")]
fn forbid(call: libc::c_long) {
    let number = u32::try_from(call).unwrap();
    let instruction =
        |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut filter = [
        // The call's number is the first word of what the filter sees.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: this option takes numbers alone.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the program and its filter live through the call.
    let installed = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(installed, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn types_of_no_size_and_of_great_alignment() {
    let huge = name();
    assert_eq!(ring::<()>(&huge, 1 << 20).capacity(), 1 << 20);
    let name = name();
    let ring = ring::<()>(&name, 4);
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_eq!(producer.push_slice(&[(), (), ()]).unwrap(), 3);
    consumer.pop().unwrap();
    assert_eq!(consumer.peek(9).unwrap().len(), 2);

    #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Zeroable, bytemuck::Pod)]
    #[repr(C, align(512))]
    struct Page([u8; 512]);
    let other = support::name();
    let ring = spsc::Ring::<Page>::options().create(&other, 2).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.push(Page([7; 512])).unwrap();
    assert_eq!(consumer.pop().unwrap(), Page([7; 512]));
}
