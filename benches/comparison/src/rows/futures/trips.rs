//! An item there and back between tasks of two processes, in tokio's runtime of one thread.

use std::{os::unix::net::UnixStream, time::Instant};

use anyhow::Result;
use sysv_primitives::spsc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{name, runtime};
use crate::{
    harness::{Kind, gate::Other, is_wanted},
    lanes::{One, Word, there_and_back},
    report::Section,
    timed::Timed,
};

pub(super) fn measure(section: &mut Section, processor: usize, title: &str) -> Result<()> {
    if !is_wanted(title) {
        return Ok(());
    }
    let mut threads = there_and_back::<Word, One<Word>>(processor)?;
    threads.alternative = threads.alternative.named("spsc ring, threads that block").limit();
    let lanes = vec![of_ring(processor)?, of_socket(processor)?, threads];
    section.add_timed("trip there and back", title, lanes);
    Ok(())
}

fn of_ring(processor: usize) -> Result<Timed<'static>> {
    let ring = || spsc::Ring::<u64>::options().remove_on_drop(true).create(&name("spsc"), 16);
    let (there, back) = (ring()?, ring()?);
    let stays = "the ring stays";
    let other = Other::process_on(processor, || {
        let (mut from, mut to) = (there.consumer().expect(stays), back.producer().expect(stays));
        let runtime = runtime();
        move |count| {
            runtime.block_on(async {
                for _ in 0..count {
                    let item = from.pop_async().await.expect(stays);
                    to.push_async(item).await.expect(stays);
                }
            });
        }
    });
    let (mut to, mut from, runtime) = (there.producer()?, back.consumer()?, runtime());
    let trips = Timed::new("spsc ring, futures in tokio", Kind::Ours, move |count, times| {
        other.run(count, || {
            runtime.block_on(async {
                for number in 0..count {
                    let begun = Instant::now();
                    to.push_async(number).await.expect(stays);
                    assert_eq!(from.pop_async().await.expect(stays), number, "an item is lost");
                    times.note(begun.elapsed());
                }
            });
        });
    });
    Ok(trips.keeping((there, back)))
}

fn of_socket(processor: usize) -> Result<Timed<'static>> {
    let (mine, theirs) = UnixStream::pair()?;
    mine.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    let lives = "the other side lives";
    let other = Other::process_on(processor, || {
        let runtime = runtime();
        let entered = runtime.enter();
        let mut stream = tokio::net::UnixStream::from_std(theirs).expect("it is a socket");
        drop(entered);
        move |count| {
            runtime.block_on(async {
                let mut item = [0; 8];
                for _ in 0..count {
                    stream.read_exact(&mut item).await.expect(lives);
                    stream.write_all(&item).await.expect(lives);
                }
            });
        }
    });
    let runtime = runtime();
    let entered = runtime.enter();
    let mut stream = tokio::net::UnixStream::from_std(mine)?;
    drop(entered);
    Ok(Timed::new("Unix stream socket in tokio", Kind::Rival, move |count, times| {
        other.run(count, || {
            runtime.block_on(async {
                let mut item = [0; 8];
                for number in 0..count {
                    let begun = Instant::now();
                    stream.write_all(&number.to_ne_bytes()).await.expect(lives);
                    stream.read_exact(&mut item).await.expect(lives);
                    assert_eq!(u64::from_ne_bytes(item), number, "an item is lost");
                    times.note(begun.elapsed());
                }
            });
        });
    }))
}
