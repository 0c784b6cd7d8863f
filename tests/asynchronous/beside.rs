//! A clerk and its notifier on one processor (CK7).

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::signal::{Signal, raise},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use support::{alone, child, name, until};
use sysv_primitives::{Channel, Request, broadcast, messages, mpmc, spsc};

use super::by_hand::ByHand;

/// This process and its children run on one processor.
fn pin_to_one_processor() {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let first = (0..CpuSet::count()).find(|&processor| allowed.is_set(processor).unwrap()).unwrap();
    let mut one = CpuSet::new();
    one.set(first).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
}

/// The only clerk of this process.
fn clerk() -> Option<PathBuf> {
    let is_clerk = |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "sysv-clerk");
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| task.unwrap().path()).find(is_clerk)
}

/// Returns the system call in which a thread sleeps.
fn system_call(task: &Path) -> Option<i64> {
    let call = fs::read_to_string(task.join("syscall")).unwrap();
    call.split(' ').next()?.parse().ok()
}

/// A future is woken by another process, and is not polled yet.
fn the_clerk_sleeps_again<F: Future>(future: F, notify: impl Fn()) {
    let mut future = ByHand::new(future);
    future.until_waiting();
    until(|| clerk().is_some());
    let task = clerk().expect("it lives as long as the handle");
    until(|| system_call(&task) == Some(libc::SYS_semtimedop));
    notify();
    until(|| future.is_woken());
    until(|| system_call(&task) == Some(libc::SYS_semtimedop));
    future.finish();
}

#[derive(Serialize, Deserialize)]
struct Number(u64);
#[derive(Serialize, Deserialize)]
struct Ask(u64);

messages! { 1 => Number; 2 => Ask }

impl Request for Ask {
    type Response = u64;
}

#[test]
fn the_clerk_of_an_spsc_ring_goes_back_to_sleep_at_once() {
    alone(|| {
        pin_to_one_processor();
        let name = name();
        let ring = spsc::Ring::<u64>::create(&name, 1).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let push = || spsc::Ring::<u64>::open(&name).unwrap().producer().unwrap().push(7).unwrap();
        the_clerk_sleeps_again(consumer.pop_async(), || child(push).join());
    });
}

#[test]
fn the_clerk_of_an_mpmc_ring_goes_back_to_sleep_at_once() {
    alone(|| {
        pin_to_one_processor();
        let name = name();
        let ring = mpmc::Ring::<u64>::create(&name, 2).unwrap();
        let consumer = ring.consumer().unwrap();
        let push = || mpmc::Ring::<u64>::open(&name).unwrap().producer().unwrap().push(7).unwrap();
        the_clerk_sleeps_again(consumer.pop_async(), || child(push).join());
    });
}

#[test]
fn the_clerk_of_a_subscriber_goes_back_to_sleep_at_once() {
    alone(|| {
        pin_to_one_processor();
        let name = name();
        let ring = broadcast::Ring::<u64>::create(&name, 2).unwrap();
        let mut subscriber = ring.subscriber().unwrap();
        let push = || broadcast::Ring::<u64>::open(&name).unwrap().producer().unwrap().push(7).unwrap();
        the_clerk_sleeps_again(subscriber.pop_async(), || child(push).join());
    });
}

#[test]
fn the_clerk_of_a_receiver_goes_back_to_sleep_at_once() {
    alone(|| {
        pin_to_one_processor();
        let name = name();
        let channel = Channel::create(&name).unwrap();
        let send = || Channel::open(&name).unwrap().send(&Number(7)).unwrap();
        the_clerk_sleeps_again(channel.recv_async::<Number>(), || child(send).join());
    });
}

/// The server has waited for the request on the same processor.
#[test]
fn the_clerk_of_a_caller_goes_back_to_sleep_at_once() {
    alone(|| {
        pin_to_one_processor();
        let name = name();
        let channel = Channel::create(&name).unwrap();
        let server = child(|| {
            let channel = Channel::open(&name).unwrap();
            let request = channel.recv_request::<Ask>().unwrap();
            raise(Signal::SIGSTOP).unwrap();
            let number = request.0;
            request.respond(&number).unwrap();
        });
        server.until_asleep();
        the_clerk_sleeps_again(channel.call_async(&Ask(7)), || server.signal(Signal::SIGCONT));
        server.join();
    });
}
