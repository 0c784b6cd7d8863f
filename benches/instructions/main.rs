//! Goes through one fast path so many times, with no other process there.
//!
//! ```text
//! sysv-instructions mutex 1000
//! ```
//!
//! `mutex-try` goes through the form that does not wait. With the feature `async`, `mutex-async` goes through the future, which is
//! ready in its first poll.

#[cfg(feature = "async")]
mod futures;

use std::{env, hint::black_box};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Mutex, Pool, RwLock, broadcast, messages, mpmc, spsc};

#[derive(Serialize, Deserialize)]
struct Number(u64);
messages! { 1 => Number }

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let operation = arguments.next().context("name an operation")?;
    let count: u64 = arguments.next().context("say how often")?.parse()?;
    let name = format!("instructions-{operation}-{}", std::process::id());
    match operation.split_once('-') {
        None => blocking(&operation, &name, count),
        Some((operation, "try")) => at_once(operation, &name, count),
        #[cfg(feature = "async")]
        Some((operation, "async")) => futures::ready(operation, &name, count),
        Some((_, form)) => bail!("there is no form {form}"),
    }
}

fn blocking(operation: &str, name: &str, count: u64) -> Result<()> {
    match operation {
        "mutex" => {
            let mutex = Mutex::options().remove_on_drop(true).create(name, 0_u64)?;
            for _ in 0..count {
                *black_box(&mutex).lock()? += 1;
            }
        }
        "pool" => {
            let pool = Pool::options().remove_on_drop(true).create(name, 4)?;
            for _ in 0..count {
                drop(black_box(&pool).acquire()?);
            }
        }
        "spsc" => {
            let ring = spsc::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
            for number in 0..count {
                black_box(&mut producer).push(number)?;
                black_box(black_box(&mut consumer).pop()?);
            }
        }
        "channel" => {
            let channel = Channel::options().remove_on_drop(true).create(name)?;
            for number in 0..count {
                black_box(&channel).send(&Number(number))?;
                black_box(black_box(&channel).recv::<Number>()?.0);
            }
        }
        other => bail!("there is no operation {other}"),
    }
    Ok(())
}

fn at_once(operation: &str, name: &str, count: u64) -> Result<()> {
    match operation {
        "mutex" => {
            let mutex = Mutex::options().remove_on_drop(true).create(name, 0_u64)?;
            for _ in 0..count {
                *black_box(&mutex).try_lock()? += 1;
            }
        }
        "rwlock" => {
            let lock = RwLock::options().remove_on_drop(true).create(name, 0_u64)?;
            for _ in 0..count {
                black_box(*black_box(&lock).try_read()?);
            }
        }
        "pool" => {
            let pool = Pool::options().remove_on_drop(true).create(name, 4)?;
            for _ in 0..count {
                drop(black_box(&pool).try_acquire()?);
            }
        }
        "spsc" => {
            let ring = spsc::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
            for number in 0..count {
                black_box(&mut producer).try_push(number)?;
                black_box(black_box(&mut consumer).try_pop()?);
            }
        }
        "mpmc" => {
            let ring = mpmc::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (producer, consumer) = (ring.producer()?, ring.consumer()?);
            for number in 0..count {
                black_box(&producer).try_push(number)?;
                black_box(black_box(&consumer).try_pop()?);
            }
        }
        "broadcast" => {
            let ring = broadcast::Ring::options().remove_on_drop(true).create(name, 16)?;
            let (mut producer, mut subscriber) = (ring.producer()?, ring.subscriber()?);
            for number in 0..count {
                black_box(&mut producer).try_push(number)?;
                black_box(black_box(&mut subscriber).try_pop()?);
            }
        }
        "channel" => {
            let channel = Channel::options().remove_on_drop(true).create(name)?;
            for number in 0..count {
                black_box(&channel).try_send(&Number(number))?;
                black_box(black_box(&channel).try_recv::<Number>()?.0);
            }
        }
        other => bail!("there is no operation {other}"),
    }
    Ok(())
}
