//! Futures that are ready in their first poll.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
};

use anyhow::{Result, bail};
use sysv_primitives::{Channel, Mutex, Pool, RwLock, broadcast, mpmc, spsc};

use crate::Number;

/// Polls once what is there at once. A runtime has made the context.
fn now<F: Future>(context: &mut Context<'_>, future: F) -> F::Output {
    match pin!(future).poll(context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is there"),
    }
}

pub(crate) fn ready(operation: &str, name: &str, count: u64) -> Result<()> {
    let context = &mut Context::from_waker(Waker::noop());
    match operation {
        "mutex" => {
            let mutex = Mutex::options().remove_on_drop(true).create(name, 0_u64)?;
            for _ in 0..count {
                *now(context, black_box(&mutex).lock_async())? += 1;
            }
        }
        "rwlock" => {
            let lock = RwLock::options().remove_on_drop(true).create(name, 0_u64)?;
            for _ in 0..count {
                black_box(*now(context, black_box(&lock).read_async())?);
            }
        }
        "pool" => {
            let pool = Pool::options().remove_on_drop(true).create(name, 4)?;
            for _ in 0..count {
                drop(now(context, black_box(&pool).acquire_async())?);
            }
        }
        "spsc" => {
            let ring = spsc::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
            for number in 0..count {
                now(context, black_box(&mut producer).push_async(number))?;
                black_box(now(context, black_box(&mut consumer).pop_async())?);
            }
        }
        "mpmc" => {
            let ring = mpmc::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (producer, consumer) = (ring.producer()?, ring.consumer()?);
            for number in 0..count {
                now(context, black_box(&producer).push_async(number))?;
                black_box(now(context, black_box(&consumer).pop_async())?);
            }
        }
        "broadcast" => {
            let ring = broadcast::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (mut producer, mut subscriber) = (ring.producer()?, ring.subscriber()?);
            for number in 0..count {
                now(context, black_box(&mut producer).push_async(number))?;
                black_box(now(context, black_box(&mut subscriber).pop_async())?);
            }
        }
        "channel" => {
            let channel = Channel::options().remove_on_drop(true).create(name)?;
            for number in 0..count {
                now(context, black_box(&channel).send_async(&Number(number)))?;
                black_box(now(context, black_box(&channel).recv_async::<Number>())?.0);
            }
        }
        other => bail!("there is no operation {other}"),
    }
    Ok(())
}
