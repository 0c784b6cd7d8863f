//! Futures: what is there at once, trips between two tasks that sleep, and a thousand waiters.

mod many;
mod trips;

use std::{
    future::Future,
    pin::pin,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll, Waker},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Mutex, Pool, messages, mpmc};
use tokio::runtime::{Builder, Runtime};

use super::name;
use crate::{
    harness::{Alternative, UNPINNED, is_wanted, measure as measure_these},
    report::Section,
};

#[derive(Serialize, Deserialize)]
struct Number(u64);
messages! { 1 => Number }

/// As an ordinary service has it: with sockets and timers.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Polls once what is there at once.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is there"),
    }
}

pub(crate) fn measure(section: &mut Section) -> Result<()> {
    mutex(section)?;
    pool(section)?;
    ring(section)?;
    channel(section)?;
    if !UNPINNED.load(Relaxed) {
        trips::measure(section, 0, "Futures, there and back, 8 bytes, on one processor, both sides sleep")?;
    }
    trips::measure(section, 1, "Futures, there and back, 8 bytes, each on a processor, both sides sleep")?;
    many::measure(section)
}

/// The form that does not wait, beside a future that is ready in its first poll.
fn at_once<'a>(
    section: &mut Section,
    of: &str,
    title: &str,
    forms: [&str; 2],
    mut try_form: impl FnMut() + 'a,
    mut future: impl FnMut() + 'a,
) {
    let alternatives = vec![
        Alternative::new(forms[1], move |count| (0..count).for_each(|_| future())).ours(),
        Alternative::new(forms[0], move |count| (0..count).for_each(|_| try_form())).limit(),
    ];
    section.add(of, measure_these(title, alternatives));
}

fn mutex(section: &mut Section) -> Result<()> {
    let title = "Ready at once, Mutex";
    if !is_wanted(title) {
        return Ok(());
    }
    let mutex = Mutex::options().remove_on_drop(true).create(&name("mutex"), 0_u64)?;
    let try_form = || *mutex.try_lock().expect("it is free") += 1;
    let future = || *now(mutex.lock_async()).expect("it is free") += 1;
    at_once(section, "lock and unlock", title, ["try_lock", "lock_async"], try_form, future);
    Ok(())
}

fn pool(section: &mut Section) -> Result<()> {
    let title = "Ready at once, Pool";
    if !is_wanted(title) {
        return Ok(());
    }
    let pool = Pool::options().remove_on_drop(true).create(&name("pool"), 4)?;
    let try_form = || drop(pool.try_acquire().expect("one is free"));
    let future = || drop(now(pool.acquire_async()).expect("one is free"));
    at_once(section, "acquire and release", title, ["try_acquire", "acquire_async"], try_form, future);
    Ok(())
}

fn ring(section: &mut Section) -> Result<()> {
    let title = "Ready at once, mpmc ring";
    if !is_wanted(title) {
        return Ok(());
    }
    let ring = mpmc::Ring::<u64>::options().remove_on_drop(true).create(&name("mpmc"), 16)?;
    let (producer, consumer) = (ring.producer()?, ring.consumer()?);
    let try_form = || {
        producer.try_push(1).expect("there is room");
        consumer.try_pop().expect("there is one");
    };
    let future = || {
        now(producer.push_async(1)).expect("there is room");
        now(consumer.pop_async()).expect("there is one");
    };
    at_once(section, "push and pop", title, ["try_push, try_pop", "push_async, pop_async"], try_form, future);
    Ok(())
}

fn channel(section: &mut Section) -> Result<()> {
    let title = "Ready at once, Channel";
    if !is_wanted(title) {
        return Ok(());
    }
    let channel = Channel::options().remove_on_drop(true).create(&name("channel"))?;
    let try_form = || {
        channel.try_send(&Number(1)).expect("there is room");
        channel.try_recv::<Number>().expect("there is one");
    };
    let future = || {
        now(channel.send_async(&Number(1))).expect("there is room");
        now(channel.recv_async::<Number>()).expect("there is one");
    };
    at_once(section, "send and receive", title, ["try_send, try_recv", "send_async, recv_async"], try_form, future);
    Ok(())
}
