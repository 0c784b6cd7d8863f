//! Goes through one fast path so many times, with no other process there.
//!
//! ```text
//! sysv-instructions mutex 1000
//! ```

use std::{env, hint::black_box};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sysv_primitives::{Channel, Mutex, Pool, messages, spsc};

#[derive(Serialize, Deserialize)]
struct Number(u64);
messages! { 1 => Number }

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let operation = arguments.next().context("name an operation")?;
    let count: u64 = arguments.next().context("say how often")?.parse()?;
    let name = format!("instructions-{operation}-{}", std::process::id());
    match operation.as_str() {
        "mutex" => {
            let mutex = Mutex::options().remove_on_drop(true).create(&name, 0_u64)?;
            for _ in 0..count {
                *black_box(&mutex).lock()? += 1;
            }
        }
        "pool" => {
            let pool = Pool::options().remove_on_drop(true).create(&name, 4)?;
            for _ in 0..count {
                drop(black_box(&pool).acquire()?);
            }
        }
        "spsc" => {
            let ring = spsc::Ring::options().remove_on_drop(true).create(&name, 16)?;
            let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
            for number in 0..count {
                black_box(&mut producer).push(number)?;
                black_box(black_box(&mut consumer).pop()?);
            }
        }
        "channel" => {
            let channel = Channel::options().remove_on_drop(true).create(&name)?;
            for number in 0..count {
                black_box(&channel).send(&Number(number))?;
                black_box(black_box(&channel).recv::<Number>()?.0);
            }
        }
        other => bail!("there is no operation {other}"),
    }
    Ok(())
}
