//! The same in each runtime: tasks of a runtime, a thread and a process count up by a mutex.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use support::{child, name};
use sysv_primitives::{
    Barrier, Channel, Delivery, Message, Mutex, OnceError, OnceLock, OwnedMutexGuard, Pool, RateLimiter, Request,
    RwLock, Watch, broadcast, messages, mpmc, spsc,
};

#[derive(Serialize, Deserialize)]
struct Number(u32);

messages! { 1 => Number }

impl Request for Number {
    type Response = u32;
}

const TASKS: u64 = 8;
const TURNS: u64 = 200;

/// Counts up, beside another process and a thread that do the same by blocking.
fn count(run: impl FnOnce(Arc<Mutex<u64>>)) {
    let name = name();
    let mutex = Arc::new(Mutex::create(&name, 0_u64).unwrap());
    let block = |mutex: &Mutex<u64>| {
        for _ in 0..TURNS {
            let mut guard = mutex.lock().unwrap();
            *guard += 1;
            std::thread::yield_now();
        }
    };
    let other = child(|| block(&Mutex::open(&name).unwrap()));
    std::thread::scope(|scope| {
        scope.spawn(|| block(&mutex));
        run(Arc::clone(&mutex));
    });
    other.join();
    assert_eq!(*mutex.lock().unwrap(), (TASKS + 2) * TURNS);
}

async fn turns(mutex: Arc<Mutex<u64>>) {
    for turn in 0..TURNS {
        let mut guard: OwnedMutexGuard<u64> = Arc::clone(&mutex).lock_owned_async().await.unwrap();
        *guard += 1;
        if turn % 16 == 0 {
            std::thread::yield_now();
        }
    }
}

fn in_tokio(runtime: &tokio::runtime::Runtime) {
    count(|mutex| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(turns(Arc::clone(&mutex)))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn tokio_with_one_thread() {
    in_tokio(&tokio::runtime::Builder::new_current_thread().build().unwrap());
}

#[test]
fn tokio_with_several_threads() {
    in_tokio(&tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap());
}

#[test]
fn smol() {
    count(|mutex| {
        let tasks: Vec<_> = (0..TASKS).map(|_| smol::spawn(turns(Arc::clone(&mutex)))).collect();
        smol::block_on(async {
            for task in tasks {
                task.await;
            }
        });
    });
}

#[test]
fn pollster() {
    count(|mutex| {
        std::thread::scope(|scope| {
            (0..TASKS).for_each(|_| drop(scope.spawn(|| pollster::block_on(turns(Arc::clone(&mutex))))));
        });
    });
}

/// A timeout is the runtime's.
#[test]
fn a_timeout_of_the_runtime_ends_a_wait() {
    let name = name();
    let (holder, mutex) = (Mutex::create(&name, 0_u32).unwrap(), Mutex::<u32>::open(&name).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let guard = holder.lock().unwrap();
    runtime.block_on(async {
        let timed_out = tokio::time::timeout(Duration::from_millis(20), mutex.lock_async()).await;
        assert!(timed_out.is_err());
        drop(guard);
        *mutex.lock_async().await.unwrap() += 1;
    });
    assert_eq!(*holder.lock().unwrap(), 1);
}

fn assert_send<T: Send>(_: &T) {}

#[test]
fn every_future_is_send() {
    let mutex = Arc::new(Mutex::create(&name(), 0_u32).unwrap());
    assert_send(&mutex.lock_async());
    assert_send(&mutex.ignore_poison().lock_async());
    assert_send(&Arc::clone(&mutex).lock_owned_async());
    assert_send(&mutex.lock_owned().unwrap());
    assert_send(&mutex.lock());
    assert_send(&pollster::block_on(mutex.lock_async()).unwrap().wait_while_async(|&value| value == 0));
    let lock = Arc::new(RwLock::create(&name(), 0_u32).unwrap());
    assert_send(&lock.read_async());
    assert_send(&lock.write_async());
    assert_send(&lock.ignore_poison().read_async());
    assert_send(&lock.ignore_poison().write_async());
    assert_send(&Arc::clone(&lock).read_owned_async());
    assert_send(&Arc::clone(&lock).write_owned_async());
    assert_send(&pollster::block_on(lock.read_async()));
    assert_send(&lock.read_owned());
    assert_send(&lock.try_write_owned());
    assert_send(&lock.try_write());
    let pool = Arc::new(Pool::create(&name(), 4).unwrap());
    assert_send(&pool.acquire_async());
    assert_send(&pool.acquire_many_async(2));
    assert_send(&Arc::clone(&pool).acquire_owned_async());
    assert_send(&Arc::clone(&pool).acquire_many_owned_async(2));
    let ring = mpmc::Ring::<u32>::create(&name(), 4).unwrap();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_send(&producer.push_async(1));
    assert_send(&consumer.pop_async());
    assert_send(&consumer.claim_async());
    assert_send(&producer.push_slice_async(&[1]));
    assert_send(&producer.reserve_async());
    assert_send(&consumer.pop_slice_async(&mut [0]));
    let watch = Watch::create(&name(), 0_u32).unwrap();
    assert_send(&watch.set_async(1));
    assert_send(&watch.update_async(|value| *value += 1));
    let limiter = RateLimiter::create(&name(), 1, Duration::from_secs(1)).unwrap();
    assert_send(&limiter.acquire_async(1));
    let ring = broadcast::Ring::<u32>::create(&name(), 4).unwrap();
    assert_send(&ring.producer_async());
    let (mut producer, mut subscriber) = (ring.producer().unwrap(), ring.subscriber().unwrap());
    assert_send(&producer.push_slice_async(&[1]));
    assert_send(&producer.reserve_up_to_async(1));
    assert_send(&subscriber.pop_slice_async(&mut [0]));
    assert_send(&subscriber.peek_async(1));
    let once = OnceLock::<u32>::create(&name()).unwrap();
    assert_send(&once.set_async(1));
    assert_send(&once.get_or_try_init_async(|| Ok::<_, OnceError>(1)));
    assert_send(&once.wait_async());
    assert_send(&once.get_or_init_async(|| 1));
    assert_send(&Barrier::create(&name(), 2).unwrap().wait_async());
    let channel = Channel::create(&name()).unwrap();
    assert_send(&channel.send_async(&Number(1)));
    assert_send(&channel.send_raw_async(Number::ROUTE, &[]));
    assert_send(&channel.request_with_async(&Number(1), Delivery::new()));
    let pending = channel.request(&Number(1)).unwrap();
    assert_send(&channel.recv_request::<Number>().unwrap().respond_async(&1));
    drop(pending);
    assert_send(&channel.recv_async::<Number>());
    assert_send(&channel.recv_any_async());
    assert_send(&channel.recv_lowest_async(Number::ROUTE));
    assert_send(&channel.recv_except_async::<Number>());
    assert_send(&channel.recv_raw_async(Number::ROUTE));
    assert_send(&channel.recv_request_async::<Number>());
    assert_send(&channel.claim_async::<Number>());
    assert_send(&channel.claim_any_async());
    assert_send(&channel.call_async(&Number(1)));
    assert_send(&channel.request_async(&Number(1)));
    assert_send(&channel.stream::<Number>());
    assert_send(&channel.sink::<Number>());
    let ring = spsc::Ring::<u32>::create(&name(), 4).unwrap();
    assert_send(&ring.producer_async());
    assert_send(&ring.consumer_async());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_send(&producer.push_async(1));
    assert_send(&producer.push_slice_async(&[1]));
    assert_send(&producer.reserve_up_to_async(1));
    assert_send(&consumer.pop_async());
    assert_send(&consumer.pop_slice_async(&mut [0]));
    assert_send(&consumer.peek_async(1));
}
