//! Children that the `clone` system call makes, so that no fork handler of the C library runs in them (C5).
//!
//! What a child inherits is its parent's, however the child was made. Each test runs in a process with one thread.
#![allow(unsafe_code, reason = "handles are dropped in a child")]

use support::{Child, LONG, alone, assert_fails, child, cloned, hold_for_ever, letters, name, until};
use sysv_primitives::{
    CallError, Channel, Failure, LockError, Member, Mutex, Pool, PoolError, PopError, PushError, Role, RoleError, mpmc,
    spsc,
};

/// Drops in a child what that inherited. The parent's must be as it was while the child lives, and afterwards.
#[track_caller]
fn assert_kept<T>(inherited: &T, is_kept: impl Fn()) {
    is_kept();
    let dropper = cloned(|| {
        // SAFETY: the child leaves without running destructors, so this is its only drop.
        drop(unsafe { std::ptr::read(inherited) });
        hold_for_ever()
    });
    dropper.until_asleep();
    is_kept();
    dropper.kill();
    is_kept();
}

fn is_me(members: &[Member]) -> bool {
    matches!(members, [member] if member.pid == std::process::id())
}

/// Returns while the child, which has a slot of its own, still lives.
#[track_caller]
fn registered(user: &Child, members: impl Fn() -> Vec<Member>) {
    user.until_asleep();
    let pids: Vec<u32> = members().iter().map(|member| member.pid).collect();
    assert_eq!(pids.len(), 2, "{pids:?}");
    assert!(pids.contains(&user.id()) && pids.contains(&std::process::id()), "{pids:?}");
}

#[test]
fn case_c5_a_cloned_child_and_a_mutex() {
    let name = name();
    alone(|| {
        let mutex = Mutex::create(&name, 0_u32).unwrap();
        let guard = mutex.lock().unwrap();
        let is_kept = || {
            assert!(is_me(&mutex.members().unwrap()) && is_me(&[mutex.holder().unwrap()]));
            child(|| assert_fails!(Mutex::<u32>::open(&name).unwrap().try_lock(), LockError::WouldBlock)).join();
        };
        assert_kept(&guard, is_kept);
        assert_kept(&mutex, is_kept);
        let user = cloned(|| {
            assert_fails!(mutex.try_lock(), LockError::WouldBlock);
            hold_for_ever()
        });
        registered(&user, || mutex.members().unwrap());
        user.kill();
        drop(guard);
        cloned(|| *mutex.lock().unwrap() += 1).join();
        assert_eq!(*mutex.lock().unwrap(), 1);
        until(|| is_me(&mutex.members().unwrap()));
    });
}

#[test]
fn case_c5_a_cloned_child_and_a_pool() {
    let name = name();
    alone(|| {
        let pool = Pool::create(&name, 2).unwrap();
        let (permit, permits) = (pool.acquire().unwrap(), pool.acquire_many(1).unwrap());
        let is_kept = || {
            assert!(is_me(&pool.members().unwrap()));
            assert!(pool.holders().len() == 2 && pool.holders().iter().all(|(_, holder)| is_me(&[*holder])));
            child(|| assert_fails!(Pool::open(&name).unwrap().try_acquire(), PoolError::WouldBlock)).join();
        };
        assert_kept(&permit, is_kept);
        assert_kept(&permits, is_kept);
        assert_kept(&pool, is_kept);
        let user = cloned(|| {
            assert_fails!(pool.try_acquire(), PoolError::WouldBlock);
            hold_for_ever()
        });
        registered(&user, || pool.members().unwrap());
        user.kill();
        drop((permit, permits));
        cloned(|| assert_eq!(pool.acquire_many(2).unwrap().indices().len(), 2)).join();
        assert_eq!(pool.available(), 2);
    });
}

#[test]
fn case_c5_a_cloned_child_and_an_spsc_ring() {
    let name = name();
    alone(|| {
        let ring = spsc::Ring::<u64>::create(&name, 4).unwrap();
        let mut handles = (ring.producer().unwrap(), ring.consumer().unwrap(), ring);
        handles.0.push(1).unwrap();
        assert_kept(&handles, || {
            let ring = &handles.2;
            assert!(is_me(&ring.members().unwrap()));
            assert!([Role::Producer, Role::Consumer].iter().all(|role| is_me(&[ring.holder(*role).unwrap()])));
            child(|| {
                let ring = spsc::Ring::<u64>::open(&name).unwrap();
                assert_fails!(ring.try_producer(), RoleError::Taken { .. });
                assert_fails!(ring.try_consumer(), RoleError::Taken { .. });
            })
            .join();
        });
        cloned(|| {
            assert_fails!(handles.0.try_push(2), PushError::Failed { failure: Failure::Inherited { .. }, .. });
            assert_fails!(handles.1.try_pop(), PopError::Failed(Failure::Inherited { .. }));
            assert_fails!(handles.2.try_producer(), RoleError::Taken { .. });
            assert_eq!(handles.2.members().unwrap().len(), 2);
        })
        .join();
        let (producer, mut consumer, ring) = handles;
        drop(producer);
        cloned(|| ring.producer().unwrap().push(2).unwrap()).join();
        assert_eq!((consumer.pop().unwrap(), consumer.pop().unwrap()), (1, 2));
    });
}

#[test]
fn case_c5_a_cloned_child_and_an_mpmc_ring() {
    let name = name();
    alone(|| {
        let ring = mpmc::Ring::<u64>::create(&name, 4).unwrap();
        let handles = (ring.producer().unwrap(), ring.consumer().unwrap(), ring);
        let (producer, consumer, ring) = &handles;
        producer.push(1).unwrap();
        let claimed = consumer.claim().unwrap();
        let is_kept = || {
            assert!(is_me(&ring.members().unwrap()));
            assert!([Role::Producer, Role::Consumer].iter().all(|role| is_me(&ring.holders(*role))));
            child(|| {
                let ring = mpmc::Ring::<u64>::open(&name).unwrap();
                assert_fails!(ring.consumer().unwrap().try_pop(), PopError::Empty);
            })
            .join();
        };
        assert_kept(&claimed, is_kept);
        assert_kept(&handles, is_kept);
        let user = cloned(|| {
            producer.push(2).unwrap();
            hold_for_ever()
        });
        registered(&user, || ring.members().unwrap());
        registered(&user, || ring.holders(Role::Producer));
        user.kill();
        cloned(|| assert_eq!(consumer.pop().unwrap(), 2)).join();
        assert_eq!(*claimed, 1);
        claimed.done();
        assert_fails!(consumer.try_pop(), PopError::Empty);
        until(|| is_me(&ring.holders(Role::Producer)));
    });
}

#[test]
fn case_c5_a_cloned_child_and_a_channel() {
    let name = name();
    alone(|| {
        let channel = Channel::create(&name).unwrap();
        let handles =
            (channel.sender::<letters::Number>().unwrap(), channel.receiver::<letters::Number>().unwrap(), channel);
        let (sender, receiver, channel) = &handles;
        let mut pending = channel.request(&letters::ask(1)).unwrap();
        let incoming = channel.recv_request::<letters::Ask>().unwrap();
        let is_kept = || {
            assert!(is_me(&channel.members().unwrap()));
            assert!(
                is_me(&channel.senders::<letters::Number>().unwrap())
                    && is_me(&channel.receivers::<letters::Number>().unwrap())
            );
        };
        assert_kept(&pending, is_kept);
        assert_kept(&incoming, is_kept);
        assert_kept(&handles, is_kept);
        cloned(|| assert_fails!(pending.try_wait(), CallError::Failed(Failure::Inherited { .. }))).join();
        assert_fails!(pending.try_wait(), CallError::WouldBlock);
        let user = cloned(|| {
            // Asks with a desk of its own, and sends with what is its parent's.
            let mut own = channel.request(&letters::ask(2)).unwrap();
            assert_eq!(own.wait_timeout(LONG).unwrap().seed, 2);
            sender.send(&letters::Number(3)).unwrap();
            hold_for_ever()
        });
        channel.recv_request::<letters::Ask>().unwrap().respond(&letters::blob(2, 10)).unwrap();
        assert_eq!(receiver.recv().unwrap(), letters::Number(3));
        registered(&user, || channel.members().unwrap());
        user.kill();
        incoming.respond(&letters::blob(1, 10)).unwrap();
        assert_eq!(pending.wait_timeout(LONG).unwrap(), letters::blob(1, 10));
    });
}
