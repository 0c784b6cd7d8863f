//! Runtimes, handles and processes that end with futures that wait, and the clerk's thread with them (CK5, CK6).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use support::{LONG, alone, child, name, only_this_thread_handles_signals, threads_named, until, within};
use sysv_primitives::{Failure, LockError, Mutex};

use super::{
    by_hand::ByHand,
    kinds::{Handle, Kind, kinds},
    other_kinds,
};

fn all_kinds() -> Vec<Kind> {
    kinds().into_iter().chain(other_kinds::kinds()).collect()
}

/// How many clerks this process has.
pub(crate) fn clerks() -> usize {
    threads_named("sysv-clerk")
}

/// A fraction of the time after which a clerk without waiters ends by itself. On an idle machine it takes less than 50 milliseconds.
pub(crate) const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_dropped_handle_leaves_no_thread() {
    alone(|| {
        for kind in all_kinds() {
            let name = name();
            let (_maker, handle) = ((kind.create)(&name), (kind.open)(&name));
            let mut future = ByHand::new(handle.wait());
            future.until_waiting();
            assert!(within(LONG, || clerks() == 1), "{}: one sleeps for it", kind.name);
            drop(future);
            drop(handle);
            assert!(within(SOON, || clerks() == 0), "{}: its clerk has ended", kind.name);
        }
    });
}

/// A handler of the program's runs in the program's own threads.
#[test]
fn a_clerk_runs_no_handler() {
    let name = name();
    let holder = Mutex::create(&name, 0_u32).unwrap();
    let guard = holder.lock().unwrap();
    child(|| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        let mut future = ByHand::new(mutex.lock_async());
        future.until_waiting();
        until(|| clerks() == 1);
        only_this_thread_handles_signals();
    })
    .join();
    drop(guard);
}

/// Safe code may forget a future, and then drop or move the handle that it borrowed. The list still has it.
#[test]
fn a_forgotten_future_leaves_no_thread() {
    alone(|| {
        let name = name();
        let (holder, mutex) = (Mutex::create(&name, 0_u32).unwrap(), Mutex::<u32>::open(&name).unwrap());
        let guard = holder.lock().unwrap();
        let mut future = ByHand::new(mutex.lock_async());
        future.until_waiting();
        std::mem::forget(future);
        let moved = Box::new(mutex);
        drop(guard);
        // The forgotten one is called first, and is not polled.
        drop(moved.lock().unwrap());
        assert!(within(LONG, || clerks() == 1));
        drop(moved);
        assert!(within(SOON, || clerks() == 0));
    });
}

#[test]
fn a_dropped_runtime_leaves_no_thread() {
    alone(|| {
        let name = name();
        let (holder, mutex) = (Mutex::create(&name, 0_u32).unwrap(), Arc::new(Mutex::<u32>::open(&name).unwrap()));
        let _guard = holder.lock().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        for _ in 0..100 {
            runtime.spawn(Arc::clone(&mutex).lock_owned_async());
        }
        assert!(within(Duration::from_secs(10), || clerks() == 1));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(clerks(), 1, "one for all of them");
        let begun = Instant::now();
        drop(runtime);
        let dropped = begun.elapsed();
        assert_eq!(Arc::strong_count(&mutex), 1, "no task has it");
        drop(mutex);
        assert!(within(SOON, || clerks() == 0));
        println!("the runtime was dropped in {dropped:?}");
        assert!(dropped < LONG / 2, "no task blocks: {dropped:?}");
    });
}

/// What the tasks of a runtime waited for comes to the next waiter, another handle's.
#[test]
fn a_dropped_runtime_harms_no_peer() {
    alone(|| {
        for kind in all_kinds() {
            let name = name();
            let maker = (kind.create)(&name);
            let handle: Arc<dyn Handle> = (kind.open)(&name).into();
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
            let task = Arc::clone(&handle);
            runtime.spawn(async move { task.wait().await });
            assert!(within(LONG, || clerks() == 1), "{}: one sleeps for it", kind.name);
            drop(runtime);
            assert_eq!(Arc::strong_count(&handle), 1, "{}: no task has it", kind.name);
            drop(handle);
            assert!(within(SOON, || clerks() == 0), "{}: its clerk has ended", kind.name);
            let peer = (kind.open)(&name);
            let mut next = ByHand::new(peer.wait());
            next.until_waiting();
            maker.make();
            next.finish();
        }
    });
}

/// A child drops what it inherits, and that is the parent's all the same.
#[test]
fn a_child_drops_the_futures_of_its_parent() {
    alone(|| {
        for kind in all_kinds() {
            let name = name();
            let (maker, handle) = ((kind.create)(&name), (kind.open)(&name));
            let mut futures = Some(ByHand::new(handle.wait()));
            let waiting = futures.as_mut().expect("it is there");
            waiting.until_waiting();
            child(|| drop(futures.take())).join();
            maker.make();
            let waiting = futures.take().expect("the child has taken its own copy");
            waiting.finish();
        }
    });
}

/// A child made by `fork` has neither the clerk nor the place of the parent's future.
#[test]
fn a_child_inherits_no_wait() {
    alone(|| {
        let name = name();
        let holder = Mutex::create(&name, 0_u32).unwrap();
        let mutex = Mutex::<u32>::open(&name).unwrap();
        let guard = holder.lock().unwrap();
        let mut future = ByHand::new(mutex.lock_async());
        future.until_waiting();
        let inheritor = child(|| {
            let std::task::Poll::Ready(Err(LockError::Failed(failure))) = future.poll() else {
                panic!("it is the parent's");
            };
            assert!(matches!(failure, Failure::Inherited { what: "wait", .. }), "{failure}");
            // The handle can be used, by futures as well.
            let mut own = ByHand::new(mutex.lock_async());
            own.until_waiting();
            assert!(within(LONG, || clerks() == 1));
            *own.finish().unwrap() += 1;
        });
        inheritor.until_asleep();
        drop(guard);
        inheritor.join();
        *future.finish().unwrap() += 1;
        assert_eq!(*holder.lock().unwrap(), 2);
    });
}

/// The child forgets the runtime of its parent, and makes its own.
#[test]
fn a_fork_inside_a_runtime() {
    alone(|| {
        let name = name();
        let mutex = Mutex::create(&name, 0_u32).unwrap();
        let count = |turns: u32| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for _ in 0..turns {
                    *mutex.lock_async().await.unwrap() += 1;
                }
            });
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            *mutex.lock_async().await.unwrap() += 1;
            let children: Vec<_> = (0..3)
                .map(|_| child(|| std::thread::scope(|scope| scope.spawn(|| count(300)).join().unwrap())))
                .collect();
            for _ in 0..300 {
                *mutex.lock_async().await.unwrap() += 1;
            }
            children.into_iter().for_each(support::Child::join);
        });
        assert_eq!(*mutex.lock().unwrap(), 1201);
    });
}

/// The holder dies, while futures wait.
#[test]
fn a_death_wakes_the_futures() {
    let name = name();
    let mutex = Mutex::create(&name, 0_u32).unwrap();
    let dying = child(|| {
        let mutex = Mutex::<u32>::open(&name).unwrap();
        let _guard = mutex.lock().unwrap();
        support::hold_for_ever();
    });
    dying.until_asleep();
    let mut futures = [ByHand::new(mutex.lock_async()), ByHand::new(mutex.lock_async())];
    futures.iter_mut().for_each(ByHand::until_waiting);
    dying.kill();
    for future in futures {
        assert!(matches!(future.finish(), Err(LockError::Poisoned { .. })));
    }
}

#[test]
fn a_removal_ends_the_futures() {
    let name = name();
    let (holder, mutex) = (Mutex::create(&name, 0_u32).unwrap(), Mutex::<u32>::open(&name).unwrap());
    let _guard = holder.lock().unwrap();
    let mut futures = [ByHand::new(mutex.lock_async()), ByHand::new(mutex.lock_async())];
    futures.iter_mut().for_each(ByHand::until_waiting);
    holder.remove().unwrap();
    for future in futures {
        let error = future.finish().expect_err("it is removed");
        assert!(error.is_gone(), "{error}");
    }
}
